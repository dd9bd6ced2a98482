/* health: how much of its configured weight a target deserves, in per mille.
 *
 *     errors   1000 while few recent attempts failed, then down to HEALTH_LEAST as more did
 *     latency  1000 up to the threshold, then threshold / time, never below HEALTH_SLOWEST
 *     probe    the same two from the probes, while live traffic is too little to say anything
 *     breaker  0 while it is open, HEALTH_TRIAL while it lets trials in
 *
 * They multiply. The product counts at once when it falls; upwards it is followed only as fast as
 * `slow_start` allows: a target that returns is not flooded, and one that flaps stays low. Little
 * evidence moves it little: up to `min_requests`, what is missing counts as good.
 *
 *     health
 *     1000 ----.                 .---
 *              |               .'        slow start, from HEALTH_RETURN
 *              |            .'
 *              '--open---. '
 *
 * Plain data: no pointers, no clock. All zero is a valid start (healthy). */
#ifndef POLICY_HEALTH_H
#define POLICY_HEALTH_H

#include "policy/breaker.h"
#include "policy/window.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    HEALTH_FULL = 1000,
    HEALTH_RETURN = 100,  /* where the slow start begins */
    HEALTH_TRIAL = 100,   /* of a breaker that lets trials in */
    HEALTH_SLOWEST = 100, /* for slowness alone */
    HEALTH_LEAST = 10,    /* for anything but an open breaker: one request in a hundred */
};

struct health_rule {
    uint32_t window_ms;
    uint32_t min_requests;
    uint32_t latency_ms;    /* to the first content, or for a probe; 0: any will do */
    uint32_t slow_start_ms; /* 0: at once */
    uint32_t errors_fine;   /* per mille of failed attempts that cost nothing */
};

struct health {
    struct window window;
    uint32_t probe_failures; /* in a row */
    uint32_t probe_ms;       /* how long the last good one took */
    uint64_t probed_ms;      /* when the last one ended; 0: none has */
    uint32_t lost; /* per mille, at `lost_ms`; regained at the pace of the slow start */
    uint64_t lost_ms;
};

/* Each per mille. `health` is what the weight is multiplied with: of the others' product no more than
 * `slow_start`. */
struct health_factors {
    uint32_t errors;
    uint32_t latency;
    uint32_t probe;
    uint32_t breaker;
    uint32_t slow_start;
    uint32_t health;
    const char *why; /* a clause: "its circuit breaker is open" */
    struct window_sum recent;
};

/* A target's health, and everything that it comes from. Changes nothing. */
struct health_factors health_factors(const struct health *health,
                                     const struct health_rule *rule,
                                     const struct breaker *breaker,
                                     const struct breaker_rule *breaker_rule, uint64_t now_ms);

/* An attempt ended well or badly. */
void health_attempt(struct health *health, const struct health_rule *rule, bool good,
                    uint64_t now_ms);

/* A stream's first content took so long. Whole answers say nothing of it: they take as long as what
 * they hold. */
void health_first(struct health *health, const struct health_rule *rule, uint32_t first_ms,
                  uint64_t now_ms);

/* A probe ended. */
void health_probe(struct health *health, const struct health_rule *rule, bool good,
                  uint32_t took_ms, uint64_t now_ms);

/* The breaker has closed again: what was before is old news, and the slow start begins. */
void health_return(struct health *health, uint64_t now_ms);

/* ---- levels, for events ---- */

enum health_level { HEALTH_GOOD, HEALTH_DEGRADED, HEALTH_OUT };

const char *health_level_name(enum health_level level);

/* Good from 900 on, degraded below 500, out at 0. Between 500 and 900 it stays what it was, if that
 * was good or degraded. */
enum health_level health_level_next(enum health_level level, uint32_t health);

#endif
