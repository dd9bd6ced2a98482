/* slots: who is being served, and who waits to be.
 *
 *     head --AUTH--> slots_enter --GO--> body --> ADMIT ... SETTLE --> slots_settle
 *                         |               ^                                |
 *                         +--WAIT--> waiting, first come first served <----+  hands its slot on
 *                         +--FULL, LATE--> 503, before its body is read
 *
 * Two kinds of slot, the same rules. The gateway's (`limits.in_flight`) is asked for when it is known who
 * asks, before the body is: of a request that waits no more than LIMIT_HELD_BODY_BYTES of it are in memory,
 * so the whole queue is bounded by `limits.queue` times that, not times `limits.body_bytes`, and one that is
 * turned away costs a head and 300 bytes of answer. It belongs to the exchange from then until SETTLE.
 *
 * A target's (`targets[].in_flight`) is asked for in OPEN and belongs to the attempt. A full target is
 * passed over for the next one of the plan, fallbacks included, as if it had answered 429; only an exchange
 * that finds all of them full, and has tried none, waits: in one queue for all targets, where the first
 * that can use the slot that was freed gets it.
 *
 * With the defaults the queue is a quarter of the slots: under any load who is let in waits for about a
 * quarter of an answer's time. Whoever makes it longer trades that for fewer 503 in a burst.
 *
 * Whoever gives a slot back hands it to the first who waits, in the same turn of the loop: it is
 * taken again before anybody else can ask, so nobody is overtaken, one is woken for one slot, and the
 * slot is given back by SETTLE even when its new owner leaves before it runs. A waiting exchange has no
 * timer but its own alarm (CLOCK_QUEUE). */
#ifndef FLOW_SLOTS_H
#define FLOW_SLOTS_H

#include "base/list.h"
#include "policy/admission.h"

#include <stdint.h>

struct env;

struct slots {
    struct admission admission;
    struct list waiting;     /* exchanges in ADMIT */
    struct list for_targets; /* exchanges in OPEN, which have a slot of the gateway */
    uint32_t for_targets_count;
};

void slots_init(struct slots *slots);
void slots_done(struct slots *slots); /* all slots have come back */

/* How many wait, for either kind. */
uint32_t slots_waiting(const struct slots *slots);

/* The limits have changed: lets in whom they now let in. */
void slots_renew(struct env *env);

/* Now and then: says when an overload has ended. */
void slots_watch(struct env *env);

#endif
