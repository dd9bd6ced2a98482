/* fake_loop: net/loop.h without a socket and without waiting. The test moves the clock.
 *
 * What the real loop promises is checked here: a task runs because it was woken or because its alarm
 * went off, jobs run after the tasks of a turn, and nobody keeps the loop busy. */
#ifndef FAKE_LOOP_H
#define FAKE_LOOP_H

#include "net/loop.h"

#include <stdbool.h>

/* Where the clock stands at first: not 0, so that a forgotten time is noticed. */
enum { FAKE_LOOP_START_MS = 1000000 };

/* One turn after another until nothing is woken. Stops the test when tasks wake themselves for ever. */
void fake_loop_settle(struct loop *loop);

/* Moves the clock on, stopping at each alarm on the way as the real one would. Stops the test when an
 * alarm that has gone off is set to the past again: the real loop would spin. */
void fake_loop_advance(struct loop *loop, uint64_t ms);

/* The next alarm, or 0. */
uint64_t fake_loop_next_alarm(const struct loop *loop);

#endif
