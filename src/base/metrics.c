#include "base/metrics.h"

#include "base/limits.h"
#include "base/mem.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

struct series {
    const struct metric *metric;
    struct series *next;                   /* of the same metric, newest last */
    uint64_t hash;                         /* of its values */
    struct span values[METRIC_LABELS_MAX]; /* in one block, which begins at the first */
    char *labels;                          /* `a="x",b="y"` */
    size_t labels_size;
    uint64_t value;    /* counter, gauge; histogram: sum */
    uint64_t count;    /* histogram */
    uint64_t *buckets; /* histogram: not cumulative; one more for +Inf */
};

/* Series are found by their values, in an open table: nothing is formatted for that. */
struct family {
    struct series **slots;
    size_t room; /* a power of two, or 0 */
    size_t count;
    size_t labels;
    struct series *first;
    struct series *last;
    struct series *recent[2]; /* found last: often what is asked for next */
};

struct metrics {
    const struct metric *table;
    size_t count;
    struct family *families;
};

enum { LABELS_BYTES_MAX = 4096, ROOM_MIN = 16 };

static size_t label_count(const struct metric *metric)
{
    size_t count = 0;

    while (count < METRIC_LABELS_MAX && metric->labels[count])
        count++;
    return count;
}

struct metrics *metrics_new(const struct metric *table, size_t count)
{
    struct metrics *metrics = mem_zero(sizeof(*metrics));

    metrics->table = table;
    metrics->count = count;
    metrics->families = mem_zero(count * sizeof(*metrics->families));
    for (size_t i = 0; i < count; i++)
        metrics->families[i].labels = label_count(&table[i]);
    return metrics;
}

void metrics_free(struct metrics *metrics)
{
    for (size_t i = 0; i < metrics->count; i++) {
        struct series *series = metrics->families[i].first;

        while (series) {
            struct series *next = series->next;

            mem_free((char *)(uintptr_t)series->values[0].at);
            mem_free(series->labels);
            mem_free(series->buckets);
            mem_free(series);
            series = next;
        }
        mem_free(metrics->families[i].slots);
    }
    mem_free(metrics->families);
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

static void write_labels(const struct series *series, struct buf *out)
{
    for (size_t i = 0; i < label_count(series->metric); i++) {
        if (i)
            (void)buf_add_byte(out, ',');
        (void)buf_add_texts(out, series->metric->labels[i], "=\"", NULL);
        add_label_value(out, series->values[i]);
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

/* ---- finding and adding ---- */

static uint64_t hash_values(const struct span *values, size_t count)
{
    uint64_t hash = 0;

    for (size_t i = 0; i < count; i++)
        hash = (hash ^ span_hash(values[i])) * 31;
    return hash ^ hash >> 32;
}

static bool has_values(const struct series *series, const struct span *values, size_t count)
{
    for (size_t i = 0; i < count; i++) /* the sizes first: they tell most of them apart */
        if (series->values[i].size != values[i].size)
            return false;
    for (size_t i = 0; i < count; i++)
        if (!span_equal(series->values[i], values[i]))
            return false;
    return true;
}

/* The place of the series with these values, or the free one where it would go. */
static struct series **slot(const struct family *family, uint64_t hash,
                            const struct span *values)
{
    size_t at = hash & (family->room - 1);

    while (family->slots[at] && (family->slots[at]->hash != hash ||
                                 !has_values(family->slots[at], values, family->labels)))
        at = (at + 1) & (family->room - 1);
    return &family->slots[at];
}

static void grow(struct family *family)
{
    struct series **old = family->slots;
    size_t room = family->room;

    family->room = room ? room * 2 : ROOM_MIN;
    family->slots = mem_zero(family->room * sizeof(struct series *));
    for (size_t i = 0; i < room; i++)
        if (old[i])
            *slot(family, old[i]->hash, old[i]->values) = old[i];
    mem_free(old);
}

static size_t bytes_of(const struct span *values, size_t count)
{
    size_t size = 0;

    for (size_t i = 0; i < count; i++)
        size += values[i].size;
    return size;
}

static void keep_values(struct series *series, const struct span *values, size_t count)
{
    char *at;

    at = mem_alloc(bytes_of(values, count) + 1);

    series->values[0].at = at;
    for (size_t i = 0; i < count; i++) {
        if (values[i].size)
            memcpy(at, values[i].at, values[i].size);
        series->values[i] = span_make(at, values[i].size);
        at += values[i].size;
    }
}

static struct series *add_series(struct family *family, const struct metric *metric,
                                 uint64_t hash, const struct span *values)
{
    struct series *series = mem_zero(sizeof(*series));
    struct buf labels;

    series->metric = metric;
    series->hash = hash;
    keep_values(series, values, family->labels);
    buf_init(&labels, LABELS_BYTES_MAX);
    write_labels(series, &labels);
    series->labels = buf_give(&labels, &series->labels_size);
    if (metric->kind == METRIC_HISTOGRAM)
        series->buckets = mem_zero((bucket_count(metric) + 1) * sizeof(*series->buckets));
    if (family->last)
        family->last->next = series;
    else
        family->first = series;
    family->last = series;
    if ((family->count + 1) * 4 >= family->room * 3)
        grow(family);
    *slot(family, hash, values) = series;
    family->count++;
    return series;
}

static struct series *remember(struct family *family, struct series *series)
{
    family->recent[1] = family->recent[0];
    family->recent[0] = series;
    return series;
}

struct series *metrics_series(struct metrics *metrics, size_t id, const struct span *values)
{
    static const struct span others[METRIC_LABELS_MAX] = { SPAN("other"), SPAN("other"),
                                                           SPAN("other"), SPAN("other"),
                                                           SPAN("other") };
    struct family *family = &metrics->families[id];
    struct series *found = NULL;
    uint64_t hash;

    assert(id < metrics->count);
    for (int i = 0; i < 2; i++)
        if (family->recent[i] && has_values(family->recent[i], values, family->labels))
            return family->recent[i];
    hash = hash_values(values, family->labels);
    if (family->room)
        found = *slot(family, hash, values);
    if (found)
        return remember(family, found);
    if (family->count >= LIMIT_METRIC_SERIES ||
        bytes_of(values, family->labels) > LABELS_BYTES_MAX / 4) {
        hash = hash_values(others, family->labels);
        values = others;
        found = family->room ? *slot(family, hash, values) : NULL;
    }
    return remember(family,
                    found ? found : add_series(family, &metrics->table[id], hash, values));
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
            (void)buf_add_decimal(out, metric->buckets[i], metric->decimals);
        else
            (void)buf_add_text(out, "+Inf");
        (void)buf_add_text(out, "\"} ");
        (void)buf_add_u64(out, below);
        (void)buf_add_byte(out, '\n');
    }
    print_name(series, "_sum", out);
    (void)buf_add_decimal(out, series->value, metric->decimals);
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
            (void)buf_add_decimal(out, s->value, metric->decimals);
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
