/* admission: may one more request be served now, wait for its turn, or is it better turned away?
 *
 *     ask ----> GO     a slot is free, and nobody waits for one
 *          +--> WAIT   in the queue, first come first served
 *          +--> FULL   the queue is as long as it may be
 *          +--> LATE   waiting is no use: at the pace of the last slots to be freed its turn would come too late
 *
 * The queue is for bursts. Where every slot is busy it makes nobody's answer come sooner, it only keeps
 * slots from standing idle between two requests; so one that has not been empty for `wait_ms` is no
 * burst but an overload, and is kept to half as many as there are slots. That is enough to keep these
 * busy, and costs who is let in about half of an answer's time. The others are told at once.
 *
 * The pace is counted from when the queue began: a queue that empties forgets it, and an upstream that stops
 * lets it fall by itself.
 *
 * An overload begins when somebody is turned away, and ends when nobody was for a while.
 *
 * Plain data: no pointers, no clock. All zero is a valid start. Who waits, and in which order, is the
 * caller's to know (flow/slots.h). */
#ifndef POLICY_ADMISSION_H
#define POLICY_ADMISSION_H

#include <stdbool.h>
#include <stdint.h>

enum {
    ADMISSION_RETRY_MS_MIN = 1000, /* of Retry-After */
    ADMISSION_RETRY_MS_MAX = 30000,
    ADMISSION_CALM_MS = 5000, /* nobody was turned away for so long: the overload is over */
};

struct admission_rule {
    uint32_t in_flight; /* slots; 0: without end */
    uint32_t queue;     /* who may wait; 0: nobody */
    uint32_t wait_ms;   /* at most; 0: without end */
};

enum admission_verdict { ADMISSION_GO, ADMISSION_WAIT, ADMISSION_FULL, ADMISSION_LATE };

struct admission {
    uint32_t in_flight; /* slots taken */
    uint32_t waiting;   /* for a slot */

    uint64_t began_ms; /* of the queue: since then it was never empty */
    uint64_t pace_ms;  /* so many slots were freed since pace_ms, which is began_ms or later */
    uint32_t pace_freed;

    bool overloaded;
    uint64_t overload_ms; /* when it began */
    uint64_t shed_ms;     /* when somebody was turned away last */
    uint64_t shed;        /* since the overload began */
};

/* GO takes a slot, WAIT a place in the queue; the others take nothing. */
enum admission_verdict admission_ask(struct admission *a, const struct admission_rule *rule,
                                     uint64_t now_ms);

/* One who waited went away without a slot. */
void admission_leave(struct admission *a);

/* A slot is given back. */
void admission_free(struct admission *a, uint64_t now_ms);

/* May the first who waits have a slot? If so it has taken it, and waits no longer. */
bool admission_next(struct admission *a, const struct admission_rule *rule);

/* How long who comes now would wait, by the pace; 0: nothing is known of it. */
uint64_t admission_expected_ms(const struct admission *a, uint64_t now_ms);

/* Somebody is turned away, here or where a target's slots are given out. Whether an overload begins
 * with it. */
bool admission_shed(struct admission *a, uint64_t now_ms);

/* Whether an overload has ended; to be asked now and then. */
bool admission_calm(struct admission *a, uint64_t now_ms);

/* When to come back, for who is turned away. */
uint32_t admission_retry_ms(const struct admission *a, uint64_t now_ms);

#endif
