/* command: the words of the command line, one row each. */
#ifndef OPS_COMMAND_H
#define OPS_COMMAND_H

/* Exit codes: part of the contract. */
enum {
    EXIT_FINE = 0,
    EXIT_CONFIGURATION = 1,
    EXIT_USAGE = 2,
    EXIT_DIFFERENCE = 3,
    EXIT_NOT_BOUND = 4,
    EXIT_UNREACHABLE = 5,
};

/* Does what the arguments say; returns the exit code. */
int command_run(int count, char **words);

#endif
