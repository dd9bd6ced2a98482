/* sluice: a self-hosted AI gateway. src/README.md says in which order to read it. */
#include "base/mem.h"
#include "ops/command.h"

#include <signal.h>

int main(int count, char **words)
{
    mem_setup();
    (void)signal(SIGPIPE, SIG_IGN);
    return command_run(count, words);
}
