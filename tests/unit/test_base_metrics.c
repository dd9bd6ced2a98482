/* base/metrics and base/histogram: what is counted, and how it is printed. */
#include "base/metrics.h"

#include "base/histogram.h"
#include "base/limits.h"

/* cmocka wants these first */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

/* ---- histogram ---- */

static void test_small_values_are_exact(void **state)
{
    static struct histogram h;

    (void)state;
    assert_int_equal(histogram_at(&h, 500), 0);
    assert_int_equal(histogram_mean(&h), 0);
    for (uint64_t i = 1; i <= 20; i++)
        histogram_record(&h, i);
    assert_int_equal(histogram_at(&h, 500), 10);
    assert_int_equal(histogram_at(&h, 950), 19);
    assert_int_equal(histogram_at(&h, 951), 20);
    assert_int_equal(histogram_at(&h, 1000), 20);
    assert_int_equal(histogram_at(&h, 0), 1);
    assert_int_equal(histogram_mean(&h), 10);
    assert_int_equal(h.least, 1);
    assert_int_equal(h.most, 20);
}

static void test_large_values_are_within_a_thirty_second(void **state)
{
    (void)state;
    for (uint64_t value = 1; value < UINT64_MAX / 3; value = value * 3 + 1) {
        static struct histogram h;
        uint64_t seen;

        memset(&h, 0, sizeof(h));
        histogram_record(&h, value);
        histogram_record(&h, UINT64_MAX);
        seen = histogram_at(&h, 500);
        assert_true(seen >= value && seen - value <= value / 32);
        assert_true(histogram_at(&h, 1000) == UINT64_MAX);
    }
}

static void test_the_quantile_is_never_beyond_the_largest(void **state)
{
    static struct histogram h;

    (void)state;
    histogram_record(&h, 1000001);
    assert_int_equal(histogram_at(&h, 990), 1000001);
}

static void test_merging_is_recording_both(void **state)
{
    static struct histogram a;
    static struct histogram b;
    static struct histogram both;
    static const struct histogram nothing;

    (void)state;
    for (uint64_t i = 0; i < 1000; i++) {
        histogram_record(i % 3 ? &a : &b, i * i);
        histogram_record(&both, i * i);
    }
    histogram_merge(&a, &nothing);
    histogram_merge(&a, &b);
    assert_memory_equal(&a, &both, sizeof(a));
}

/* ---- metrics ---- */

enum { REQUESTS, DEPTH, LATENCY, COUNT };

static const struct metric table[COUNT] = {
    [REQUESTS] = { .name = "requests_total",
                   .help = "Requests.",
                   .kind = METRIC_COUNTER,
                   .labels = { "model", "code" } },
    [DEPTH] = { .name = "depth", .help = "Depth.", .kind = METRIC_GAUGE, .decimals = 2 },
    [LATENCY] = { .name = "latency_seconds",
                  .help = "Latency.",
                  .kind = METRIC_HISTOGRAM,
                  .decimals = 3,
                  .labels = { "model" },
                  .buckets = { 5, 1000, 2500 } },
};

static void test_prints_what_prometheus_reads(void **state)
{
    static const char expected[] = "# HELP requests_total Requests.\n"
                                   "# TYPE requests_total counter\n"
                                   "requests_total{model=\"a\",code=\"200\"} 3\n"
                                   "requests_total{model=\"q\\\"\\\\\\n\",code=\"\"} 1\n"
                                   "# HELP depth Depth.\n"
                                   "# TYPE depth gauge\n"
                                   "depth 1.05\n"
                                   "# HELP latency_seconds Latency.\n"
                                   "# TYPE latency_seconds histogram\n"
                                   "latency_seconds_bucket{model=\"a\",le=\"0.005\"} 1\n"
                                   "latency_seconds_bucket{model=\"a\",le=\"1\"} 2\n"
                                   "latency_seconds_bucket{model=\"a\",le=\"2.5\"} 2\n"
                                   "latency_seconds_bucket{model=\"a\",le=\"+Inf\"} 3\n"
                                   "latency_seconds_sum{model=\"a\"} 3.506\n"
                                   "latency_seconds_count{model=\"a\"} 3\n";
    struct metrics *metrics = metrics_new(table, COUNT);
    struct span a[] = { SPAN("a"), SPAN("200") };
    struct span odd[] = { SPAN("q\"\\\n"), SPAN("") };
    struct buf out;

    (void)state;
    buf_init(&out, 1 << 16);
    series_add(metrics_series(metrics, REQUESTS, a), 1);
    series_add(metrics_series(metrics, REQUESTS, odd), 1);
    series_add(metrics_series(metrics, REQUESTS, a), 2);
    series_set(metrics_series(metrics, DEPTH, NULL), 105);
    series_observe(metrics_series(metrics, LATENCY, a), 5);
    series_observe(metrics_series(metrics, LATENCY, a), 1000);
    series_observe(metrics_series(metrics, LATENCY, a), 2501);
    metrics_print(metrics, &out);
    assert_string_equal(buf_text(&out), expected);
    assert_int_equal(series_value(metrics_series(metrics, REQUESTS, a)), 3);
    assert_int_equal(series_value(metrics_series(metrics, LATENCY, a)), 3);
    buf_done(&out);
    metrics_free(metrics);
}

static void test_label_sets_are_bounded(void **state)
{
    struct metrics *metrics = metrics_new(table, COUNT);
    struct span other[] = { SPAN("other"), SPAN("other") };
    struct series *first = NULL;

    (void)state;
    for (int i = 0; i < LIMIT_METRIC_SERIES + 100; i++) {
        char name[16];
        struct span values[] = { { name, 0 }, SPAN("200") };
        struct series *series;

        values[0].size = (size_t)snprintf(name, sizeof(name), "m%d", i);
        series = metrics_series(metrics, REQUESTS, values);
        series_add(series, 1);
        first = first ? first : series;
    }
    assert_int_equal(series_value(metrics_series(metrics, REQUESTS, other)), 100);
    assert_int_equal(series_value(first), 1);
    metrics_free(metrics);
}

static void test_the_reference_is_printed_from_the_table(void **state)
{
    struct buf out;

    (void)state;
    buf_init(&out, 1 << 16);
    metrics_print_reference(table, COUNT, &out);
    assert_string_equal(buf_text(&out),
                        "| metric | kind | labels | what |\n|---|---|---|---|\n"
                        "| `requests_total` | counter | `model` `code` | Requests. |\n"
                        "| `depth` | gauge |  | Depth. |\n"
                        "| `latency_seconds` | histogram | `model` | Latency. |\n");
    buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_small_values_are_exact),
        cmocka_unit_test(test_large_values_are_within_a_thirty_second),
        cmocka_unit_test(test_the_quantile_is_never_beyond_the_largest),
        cmocka_unit_test(test_merging_is_recording_both),
        cmocka_unit_test(test_prints_what_prometheus_reads),
        cmocka_unit_test(test_label_sets_are_bounded),
        cmocka_unit_test(test_the_reference_is_printed_from_the_table),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
