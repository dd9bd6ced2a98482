/* process: what a server under test uses of the machine. */
#ifndef LOAD_PROCESS_H
#define LOAD_PROCESS_H

#include "counter.h"
#include "tally.h"
#include "target.h"

/* Call at the begin of a round, now and then in it, and at its end. Processes that are gone
 * count as nothing. */
void process_begin(const struct target *target, struct usage *usage, struct counter *counter);
void process_look(const struct target *target, struct usage *usage);
void process_end(const struct target *target, struct usage *usage, struct counter *counter);

#endif
