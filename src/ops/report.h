/* report: requests, success, latency, tokens and cost of each model over a window of up to a day, as JSON and
 * as text.
 *
 * Summing an hour of a busy target takes 0.7 ms, so it is made one model in each turn of the loop. */
#ifndef OPS_REPORT_H
#define OPS_REPORT_H

#include "config/config.h"
#include "ops/figures.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    REPORT_WINDOW_MS = 60 * 60 * 1000, /* unless it is said */
    REPORT_WINDOW_LEAST_MS = 60 * 1000,
    REPORT_WINDOW_MOST_MS = 24 * 60 * 60 * 1000,
};

struct report_row {
    const char *model;
    bool known[SIDES]; /* it has, or had, targets there */
    struct figures all;
    struct figures sides[SIDES];
};

/* Lives in the arena of its call. */
struct report {
    uint64_t window_ms;
    uint64_t from_ms;
    struct report_row *rows; /* listed models in their order, then others that had requests */
    size_t count;
    size_t at; /* the next to be summed */
    struct tally sum;
    struct figures total;
};

struct buf;
struct call;
struct json_writer;

void report_call(struct call *call);   /* GET /admin/report */
void report_model(struct call *call);  /* GET /v1/models/{id}/metrics */
void report_alerts(struct call *call); /* GET /admin/alerts */

/* The members of the report but for its alerts. */
void report_write(const struct report *report, struct json_writer *w);

/* The same for people. */
void report_print(const struct report *report, struct buf *out);

#endif
