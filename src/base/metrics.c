#include "base/metrics.h"

#include "base/limits.h"
#include "base/map.h"
#include "base/mem.h"

#include <assert.h>

struct series {
    const struct metric *metric;
    struct series *next; /* of the same metric, newest last */
    char *labels;        /* `{a="x",b="y"}` without the braces */
    size_t labels_size;
    uint64_t value; /* counter, gauge; histogram: sum */
    uint64_t count; /* histogram */
    uint64_t *buckets; /* histogram: not cumulative; one more for +Inf */
};

struct family {
    struct map by_labels;
    struct series *first;
    struct series *last;
};

struct metrics {
    const struct metric *table;
    size_t count;
    struct family *families;
    struct buf key; /* scratch */
};

enum { KEY_BYTES_MAX = 4096 };

struct metrics *metrics_new(const struct metric *table, size_t count)
{
    struct metrics *metrics = mem_zero(sizeof(*metrics));

    metrics->table = table;
    metrics->count = count;
    metrics->families = mem_zero(count * sizeof(*metrics->families));
    buf_init(&metrics->key, KEY_BYTES_MAX);
    for (size_t i = 0; i < count; i++)
        map_init(&metrics->families[i].by_labels);
    return metrics;
}

void metrics_free(struct metrics *metrics)
{
    for (size_t i = 0; i < metrics->count; i++) {
        struct series *series = metrics->families[i].first;

        while (series) {
            struct series *next = series->next;

            mem_free(series->labels);
            mem_free(series->buckets);
            mem_free(series);
            series = next;
        }
        map_done(&metrics->families[i].by_labels);
    }
    mem_free(metrics->families);
    buf_done(&metrics->key);
    mem_free(metrics);
}

static void add_label_value(struct buf *out, struct span value)
{
    for (size_t i = 0; i < value.size; i++) {
        char c = value.at[i];

        if (c == '\\' || c == '"')
            (void)buf_add_byte(out, '\\');
        if (c == '\n')
            (void)buf_add_text(out, "\\n");
        else
            (void)buf_add_byte(out, c);
    }
}

static void write_labels(const struct metric *metric, const struct span *values, struct buf *out)
{
    for (int i = 0; i < METRIC_LABELS_MAX && metric->labels[i]; i++) {
        if (i)
            (void)buf_add_byte(out, ',');
        (void)buf_add_text(out, metric->labels[i]);
        (void)buf_add_text(out, "=\"");
        add_label_value(out, values ? values[i] : SPAN_OF("other"));
        (void)buf_add_byte(out, '"');
    }
}

static size_t bucket_count(const struct metric *metric)
{
    size_t count = 0;

    while (count < METRIC_BUCKETS_MAX && metric->buckets[count])
        count++;
    return count;
}

static struct series *add_series(struct family *family, const struct metric *metric,
                                 struct span labels)
{
    struct series *series = mem_zero(sizeof(*series));

    series->metric = metric;
    series->labels = mem_copy(labels.at, labels.size);
    series->labels_size = labels.size;
    if (metric->kind == METRIC_HISTOGRAM)
        series->buckets = mem_zero((bucket_count(metric) + 1) * sizeof(*series->buckets));
    if (family->last)
        family->last->next = series;
    else
        family->first = series;
    family->last = series;
    (void)map_put(&family->by_labels, labels, series);
    return series;
}

struct series *metrics_series(struct metrics *metrics, size_t id, const struct span *values)
{
    struct family *family = &metrics->families[id];
    const struct metric *metric = &metrics->table[id];
    struct series *series;

    assert(id < metrics->count);
    buf_reset(&metrics->key);
    write_labels(metric, values, &metrics->key);
    series = map_find(&family->by_labels, buf_span(&metrics->key));
    if (series)
        return series;
    if (family->by_labels.count >= LIMIT_METRIC_SERIES || metrics->key.overflowed) {
        buf_reset(&metrics->key);
        write_labels(metric, NULL, &metrics->key);
        series = map_find(&family->by_labels, buf_span(&metrics->key));
    }
    return series ? series : add_series(family, metric, buf_span(&metrics->key));
}

void series_add(struct series *series, uint64_t amount)
{
    assert(series->metric->kind == METRIC_COUNTER);
    series->value += amount;
}

void series_set(struct series *series, uint64_t value)
{
    assert(series->metric->kind == METRIC_GAUGE);
    series->value = value;
}

void series_observe(struct series *series, uint64_t value)
{
    size_t at = 0;

    assert(series->metric->kind == METRIC_HISTOGRAM);
    while (at < METRIC_BUCKETS_MAX && series->metric->buckets[at] &&
           value > series->metric->buckets[at])
        at++;
    series->buckets[at]++;
    series->count++;
    series->value += value;
}

uint64_t series_value(const struct series *series)
{
    return series->metric->kind == METRIC_HISTOGRAM ? series->count : series->value;
}

/* ---- printing ---- */

static void add_decimal(struct buf *out, uint64_t value, unsigned decimals)
{
    uint64_t unit = 1;

    for (unsigned i = 0; i < decimals; i++)
        unit *= 10;
    (void)buf_add_u64(out, value / unit);
    value %= unit;
    if (value)
        (void)buf_add_byte(out, '.');
    while (value) {
        unit /= 10;
        (void)buf_add_byte(out, (char)('0' + value / unit));
        value %= unit;
    }
}

static void print_name(const struct series *series, const char *suffix, struct buf *out)
{
    (void)buf_add_text(out, series->metric->name);
    (void)buf_add_text(out, suffix);
    if (series->labels_size) {
        (void)buf_add_byte(out, '{');
        (void)buf_append(out, series->labels, series->labels_size);
        (void)buf_add_byte(out, '}');
    }
    (void)buf_add_byte(out, ' ');
}

static void print_histogram(const struct series *series, struct buf *out)
{
    const struct metric *metric = series->metric;
    size_t count = bucket_count(metric);
    uint64_t below = 0;

    for (size_t i = 0; i <= count; i++) {
        below += series->buckets[i];
        (void)buf_printf(out, "%s_bucket{", metric->name);
        (void)buf_append(out, series->labels, series->labels_size);
        (void)buf_add_text(out, series->labels_size ? ",le=\"" : "le=\"");
        if (i < count)
            add_decimal(out, metric->buckets[i], metric->decimals);
        else
            (void)buf_add_text(out, "+Inf");
        (void)buf_add_text(out, "\"} ");
        (void)buf_add_u64(out, below);
        (void)buf_add_byte(out, '\n');
    }
    print_name(series, "_sum", out);
    add_decimal(out, series->value, metric->decimals);
    (void)buf_add_byte(out, '\n');
    print_name(series, "_count", out);
    (void)buf_add_u64(out, series->count);
    (void)buf_add_byte(out, '\n');
}

static const char *const kind_names[] = {
    [METRIC_COUNTER] = "counter",
    [METRIC_GAUGE] = "gauge",
    [METRIC_HISTOGRAM] = "histogram",
};

void metrics_print(const struct metrics *metrics, struct buf *out)
{
    for (size_t i = 0; i < metrics->count; i++) {
        const struct metric *metric = &metrics->table[i];

        (void)buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", metric->name, metric->help,
                         metric->name, kind_names[metric->kind]);
        for (const struct series *s = metrics->families[i].first; s; s = s->next) {
            if (metric->kind == METRIC_HISTOGRAM) {
                print_histogram(s, out);
                continue;
            }
            print_name(s, "", out);
            add_decimal(out, s->value, metric->decimals);
            (void)buf_add_byte(out, '\n');
        }
    }
}

void metrics_print_reference(const struct metric *table, size_t count, struct buf *out)
{
    (void)buf_add_text(out, "| metric | kind | labels | what |\n|---|---|---|---|\n");
    for (size_t i = 0; i < count; i++) {
        (void)buf_printf(out, "| `%s` | %s | ", table[i].name, kind_names[table[i].kind]);
        for (int j = 0; j < METRIC_LABELS_MAX && table[i].labels[j]; j++)
            (void)buf_printf(out, "%s`%s`", j ? " " : "", table[i].labels[j]);
        (void)buf_printf(out, " | %s |\n", table[i].help);
    }
}
