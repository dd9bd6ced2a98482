/* limit: how much a caller, or a model, may still have.
 *
 *     requests   a bucket that fills steadily; each request takes one, and finds one there or is refused
 *     tokens     a bucket that fills steadily; what a request used is taken when that is known, so it may
 *                be more than was there: nobody is let in until the debt is made up
 *     concurrent_requests   slots
 *     budget     dollars of a day, which begins at 00:00 UTC; taken when they are known, like tokens
 *
 * A bucket is a GCRA in its other form, the leaky bucket as a meter: it holds what was taken and has not
 * been filled up again. That is counted in 60000ths, of which a rate of one a minute fills one each
 * millisecond, so nothing is ever rounded. Where a rate or a size has changed, the bucket is as full as it
 * was, in parts of the whole.
 *
 * Plain data: no pointers, no clock. Time comes in; should it go back, nothing is filled for that, and nobody
 * is locked out until it has caught up. All zero is a valid start (full). */
#ifndef POLICY_LIMIT_H
#define POLICY_LIMIT_H

#include "config/config.h"

#include <stdbool.h>
#include <stdint.h>

enum limit_kind { LIMIT_REQUESTS, LIMIT_TOKENS, LIMIT_CONCURRENT, LIMIT_BUDGET, LIMIT_KINDS };

/* As the metric says it: requests, tokens, concurrent_requests, budget. */
const char *limit_kind_name(enum limit_kind kind);

struct limit_bucket {
    uint64_t taken; /* in 60000ths */
    uint64_t at_ms; /* when that was so */
    uint32_t rate;  /* and what it was filled by, a minute; 0: it was never used */
    uint32_t size;
};

struct limit {
    struct limit_bucket requests;
    struct limit_bucket tokens;
    uint64_t day;   /* since 1970, that of `spent` */
    uint64_t spent; /* pico-dollars */
    uint32_t running;
};

struct limit_time {
    uint64_t now_ms;
    uint64_t wall_ms; /* looked at for a budget alone */
};

/* Is anything limited at all? */
bool limit_any(const struct config_rates *rates);

struct limit_verdict {
    enum limit_kind by; /* LIMIT_KINDS: by nothing, a request may come in */
    uint64_t wait_ms; /* until this could be different, so far as one can tell; never 0 then */
};

/* May a request come in? Of several that say no, the one that takes longest. Takes nothing; but from this
 * moment on the buckets are filled by these rates. */
struct limit_verdict limit_look(struct limit *limit, const struct config_rates *rates,
                                struct limit_time time);

/* One comes in that was allowed to. It has to leave, once. */
void limit_enter(struct limit *limit, const struct config_rates *rates, struct limit_time time);

/* `served`: it has been of use; else it has cost nothing. */
void limit_leave(struct limit *limit, bool served);

/* What one has used: tokens, and pico-dollars. */
void limit_charge(struct limit *limit, const struct config_rates *rates, uint64_t tokens,
                  uint64_t cost, struct limit_time time);

/* For headers and views. Amounts are whole requests and tokens; of a budget, pico-dollars. */
struct limit_figure {
    uint64_t limit;
    uint64_t burst; /* at once: what the bucket holds when it is full */
    uint64_t used;
    uint64_t remaining;
    uint64_t reset_ms; /* until nothing is used; 0 for slots, too */
    uint32_t window_s; /* 0 for slots */
};

/* False: there is no such limit. */
bool limit_figure(const struct limit *limit, const struct config_rates *rates,
                  enum limit_kind kind, struct limit_time time, struct limit_figure *ret);

#endif
