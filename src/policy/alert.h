/* alert: says once that something needs somebody to look at it, and once that it no longer does.
 *
 *      value
 *      threshold ------------.-----.--------------
 *                           /       \
 *      80 % ---------------/---------\------------
 *                         /           \
 *                      raised       cleared
 *
 * Judged every ALERT_EVERY_MS over the last ALERT_WINDOW_MS. With fewer than ALERT_MIN_REQUESTS in these
 * nothing is known, so nothing changes; with none at all there is nothing to look at any more.
 *
 * Plain data: no pointers, no clock. All zero is a valid start (nothing is raised). */
#ifndef POLICY_ALERT_H
#define POLICY_ALERT_H

#include "base/buf.h"
#include "config/config.h"
#include "policy/tally.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    ALERT_EVERY_MS = 10000,
    ALERT_WINDOW_MS = 300000,
    ALERT_MIN_REQUESTS = 20,
    ALERT_CLEAR_PERCENT = 80, /* of the threshold: below that it is over */
};

enum alert_kind {
    ALERT_ERROR_RATE, /* millionths */
    ALERT_LATENCY,    /* the 95th percentile, microseconds */
    ALERT_COST,       /* projected for a day, micro-dollars */
    ALERTS,
};

const char *alert_name(enum alert_kind kind);     /* "latency_p95": that of its setting */
const char *alert_severity(enum alert_kind kind); /* "critical" or "warning" */

struct alert_rule {
    uint64_t thresholds[ALERTS]; /* above it; 0: never */
};

void alert_rule_of(struct alert_rule *rule, const struct config_alerts *config);

struct alert_figures {
    uint64_t requests;
    uint64_t values[ALERTS];
};

/* What the tally of a window comes to. */
struct alert_figures alert_figures(const struct tally *tally, uint64_t window_ms);

struct alert {
    bool raised;
    uint64_t since_ms; /* when it was raised or cleared; 0: never yet */
    uint64_t value;    /* at the last look that knew any */
};

struct alerts {
    struct alert by_kind[ALERTS];
};

/* What a look changed. */
struct alert_change {
    enum alert_kind kind;
    bool raised; /* else cleared */
    uint64_t value;
    uint64_t threshold;
    uint64_t requests;
};

/* Judges all of them; returns how many changes stand in `ret_changes`. */
unsigned alerts_judge(struct alerts *alerts, const struct alert_rule *rule,
                      const struct alert_figures *figures, uint64_t now_ms,
                      struct alert_change ret_changes[ALERTS]);

/* "error rate 6.2 %, above 5 %"; "…, no longer above 5 %" of one that is not cleared yet */
void alert_text(enum alert_kind kind, uint64_t value, uint64_t threshold, struct buf *out);

/* "error rate 6.2 %, above 5 %" */
void alert_change_text(const struct alert_change *change, struct buf *out);

#endif
