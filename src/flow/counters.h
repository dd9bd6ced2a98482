/* counters: what is counted of attempts and of exchanges for /metrics.
 *
 * A series is found by its labels, which are texts; and nearly all requests ask for one of a few models, and are
 * answered by one of a few targets. So what was found for one is kept for those that are alike. */
#ifndef FLOW_COUNTERS_H
#define FLOW_COUNTERS_H

#include "base/metrics.h"
#include "config/config.h"

#include <stdint.h>

struct bill;
struct exchange;
struct ledger_page;
struct plan_step;

enum { COUNTERS = 64, COUNTERS_TYPES = 5 /* of tokens */ };

/* Those of all who ask for one model and are answered by one target. NULL: not looked for yet. */
struct counters {
    uint64_t
        generation; /* of the configuration that the next two are of; the texts of the labels, too */
    const struct config_model *model;   /* asked for */
    const struct config_target *target; /* NULL: of nobody yet */
    struct span labels[4];   /* model asked for, model that answers, provider, side */
    struct series *attempts; /* that went well */
    struct series *requests; /* answered with `status` */
    unsigned status;
    struct series *cost; /* of `payer` */
    const char *payer;
    struct series *duration;
    struct series *first_token;
    struct series *each_token;
    struct series *usage[COUNTERS_TYPES];
    struct series *tokens[COUNTERS_TYPES];
    struct ledger_page *page;
};

/* Lends those of this exchange at that step of its plan (NULL: it had none), until the next call. */
struct counters *counters_of(struct exchange *ex, const struct plan_step *step);

/* An attempt at that step has ended so; NULL: well. */
void counters_attempt(struct exchange *ex, const struct plan_step *step, const char *failure);
void counters_exchange(struct exchange *ex, struct bill bill);

#endif
