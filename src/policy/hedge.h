/* hedge: when has a request waited so long that a second target is asked beside the first, and may it?
 *
 *     how long answers took --> [ older ] [ younger ]   each time is in both; once a period the older
 *                                                       is emptied and they change places
 *     a request  --- its share --->  credit  --- one whole --->  a hedge
 *
 * The credit of a model begins at HEDGE_FLOOR and never holds more, so that the hedges of any requests
 * are at most their share and the floor. A time is what the older of two attempts took, or had taken
 * when the other one answered: left out, the slow ones would make the percentile fall until everything
 * were hedged.
 *
 * Plain data, without a clock: time comes in as now_ms. All zero is a valid start. */
#ifndef POLICY_HEDGE_H
#define POLICY_HEDGE_H

#include "base/histogram.h"
#include "base/map.h"
#include "config/config.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    HEDGE_FLOOR = 5,      /* hedges that may come without requests before them */
    HEDGE_TIMES_MIN = 20, /* fewer times say nothing of a percentile */
    HEDGE_PERIOD_MS =
        60000, /* what is known is of one to two of these, or of the last 20 requests */
};

/* A stream is timed to its first content, any other answer to its end: they do not compare. */
enum hedge_kind { HEDGE_STREAM, HEDGE_WHOLE, HEDGE_KINDS };

struct hedge_times {
    struct histogram seen[2]; /* milliseconds */
    uint32_t younger;         /* which of them */
    uint64_t since_ms;        /* when it was emptied */
    uint64_t told_at;         /* the older's count when `told_ms` was read from it */
    uint32_t told_ms;
};

struct hedge {
    struct hedge_times times[HEDGE_KINDS];
    uint64_t spent; /* of the floor, in millionths of a hedge */
    uint64_t started;
    uint64_t won;
};

/* A request of the model makes its first attempt. */
void hedge_request(struct hedge *hedge, const struct config_hedge *rule);

/* An answer took, or would have taken at least, so long. */
void hedge_took(struct hedge *hedge, enum hedge_kind kind, uint32_t took_ms, uint64_t now_ms);

/* How long to wait before another target is asked; 0: that is not known yet. */
uint32_t hedge_after_ms(struct hedge *hedge, const struct config_hedge *rule,
                        enum hedge_kind kind);

/* May a request be hedged? And: it is. */
bool hedge_allows(const struct hedge *hedge);
void hedge_take(struct hedge *hedge);

/* ---- by model ---- */

/* What is known of each model, by its name, over reloads. All zero is an empty registry. */
struct hedges {
    struct map by_model;
};

void hedges_init(struct hedges *hedges);
void hedges_done(struct hedges *hedges);

/* That of the model, new when it was not known. Lives as long as `hedges`. */
struct hedge *hedges_get(struct hedges *hedges, const char *model);

#endif
