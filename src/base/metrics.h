/* metrics: counters, gauges and histograms for Prometheus, from one table of rows.
 *
 * A row names a metric, its kind, its help and its labels. Values are integers in the row's own unit
 * (microseconds, micro-dollars, tokens); `decimals` says how many digits stand behind the point when it
 * is printed. The label sets of one metric are bounded: beyond LIMIT_METRIC_SERIES every label of a
 * new one becomes `other`. */
#ifndef BASE_METRICS_H
#define BASE_METRICS_H

#include "base/buf.h"
#include "base/span.h"

#include <stddef.h>
#include <stdint.h>

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

enum { METRIC_LABELS_MAX = 5, METRIC_BUCKETS_MAX = 24 };

struct metric {
    const char *name;
    const char *help;
    enum metric_kind kind;
    unsigned decimals;
    const char *labels[METRIC_LABELS_MAX]; /* ended by NULL when fewer */
    uint64_t buckets[METRIC_BUCKETS_MAX];  /* histogram: upper bounds, ended by 0 when fewer */
};

struct metrics;
struct series;

/* Borrows the table for its whole life. */
struct metrics *metrics_new(const struct metric *table, size_t count);
void metrics_free(struct metrics *metrics);

/* The series of row `id` with these label values, made when it is new; as many values as the row has
 * labels. Valid for as long as `metrics`: keep the pointer where it is asked for often. */
struct series *metrics_series(struct metrics *metrics, size_t id, const struct span *values);

void series_add(struct series *series, uint64_t amount);    /* counter */
void series_set(struct series *series, uint64_t value);     /* gauge */
void series_observe(struct series *series, uint64_t value); /* histogram */
uint64_t series_value(const struct series *series); /* counter and gauge; histogram: count */

/* Prometheus text format 0.0.4. */
void metrics_print(const struct metrics *metrics, struct buf *out);

/* The reference in Markdown, from the table alone. */
void metrics_print_reference(const struct metric *table, size_t count, struct buf *out);

#endif
