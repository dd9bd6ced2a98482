/* latency: how soon a target answers, as a peak-sensitive mean (Finagle's and linkerd's "peak EWMA").
 *
 *     worse than the mean    it jumps there at once: one slow answer is warning enough
 *     better                 it follows, the more the longer the last news is ago
 *     no news at all         it fades, half every LATENCY_HALF_MS, so that a target which was slow
 *                            is asked again sooner or later
 *
 * While the answer to such a question is out, the old figure holds whole: a target that may still be
 * slow is asked by one, not by all who come meanwhile.
 *
 * Plain data: no pointers, no clock. All zero is a valid start (nothing is known). */
#ifndef POLICY_LATENCY_H
#define POLICY_LATENCY_H

#include <stdbool.h>
#include <stdint.h>

enum { LATENCY_HALF_MS = 3000 };

struct latency {
    uint64_t peak_us;  /* at `seen_ms`; 0: nothing is known */
    uint64_t seen_ms;  /* when something was last learnt */
    uint64_t asked_ms; /* when a request was last sent */
};

/* What it is now; 0: not known, or so long ago that nothing is left of it. */
uint64_t latency_now(const struct latency *latency, uint64_t now_ms);

/* Nothing is known, and nobody has asked for a while: one request would find out. */
bool latency_wanted(const struct latency *latency, uint64_t now_ms);

/* A request was sent. */
void latency_asked(struct latency *latency, uint64_t now_ms);

/* Its answer began after so long. */
void latency_answered(struct latency *latency, uint64_t took_us, uint64_t now_ms);

/* It has not begun after so long, and nobody waits for it any more. */
void latency_waited(struct latency *latency, uint64_t waited_us, uint64_t now_ms);

#endif
