/* ops/figures and ops/report: what a tally comes to, as JSON and as text. */
#include "ops/report.h"

#include "base/json.h"

/* cmocka wants these first */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { HOUR_MS = 3600000 };

/* 199 answers of 10 ms, one of 100 ms, 2 failures, a client's error. */
static void fill(struct figures *ret)
{
    struct tally tally = { 0 };
    struct tally_fact fact = { .outcome = TALLY_OK,
                               .latency_us = 10000,
                               .first_us = 2000,
                               .tokens = { [TALLY_INPUT] = 5, [TALLY_OUTPUT] = 2 },
                               .cost_pico = UINT64_C(60000000000) };

    for (unsigned i = 0; i < 200; i++) {
        fact.latency_us = i ? 10000 : 100000;
        tally_add(&tally, &fact);
    }
    tally_add(&tally, &(struct tally_fact){ .outcome = TALLY_TIMEOUT });
    tally_add(&tally, &(struct tally_fact){ .outcome = TALLY_RATE_LIMIT });
    tally_add(&tally, &(struct tally_fact){ .outcome = TALLY_CLIENT_ERROR });
    figures_of(&tally, ret);
}

static void check_text(struct buf *out, const char *expected)
{
    assert_string_equal(buf_text(out), expected);
    buf_done(out);
}

static void test_figures_as_json(void **state)
{
    struct figures figures;
    struct buf out;
    struct json_writer w = json_writer(&out);

    (void)state;
    fill(&figures);
    buf_init(&out, 4096);
    json_begin(&w, '{');
    figures_write(&figures, &w);
    json_end(&w, '}');
    check_text(
        &out, "{\"requests\":202,\"errors\":2,\"success_rate\":0.9901,\"error_rate\":"
              "0.0099,\"outcomes\":{\"ok\":200,\"client_error\":1,\"rate_limit\":1,"
              "\"timeout\":1},\"latency_ms\":{\"mean\":10.45,\"min\":10,\"max\":100,\"p50\":"
              "10.048,\"p95\":10.048,\"p99\":10.048},\"ttft_ms\":{\"mean\":2,\"min\":2,\"max\":"
              "2,\"p50\":2,\"p95\":2,\"p99\":2},\"tokens\":{\"input\":1000,\"cached\":0,"
              "\"cache_write\":0,\"output\":400,\"reasoning\":0,\"total\":1400,\"estimated\":0,"
              "\"unpriced\":0},\"cost_usd\":"
              "12}");
}

static void test_what_nothing_comes_to_is_not_known(void **state)
{
    struct figures none = { 0 };
    struct buf out;
    struct json_writer w = json_writer(&out);

    (void)state;
    buf_init(&out, 4096);
    json_begin(&w, '{');
    figures_write_rates(&none, &w);
    figures_write_spread("latency_ms", &none.latency, &w);
    json_end(&w, '}');
    check_text(&out, "{\"success_rate\":null,\"error_rate\":null,\"latency_ms\":{\"mean\":null,"
                     "\"min\":null,\"max\":null,\"p50\":null,\"p95\":null,\"p99\":null}}");
}

static void test_cost_a_minute_does_not_overflow(void **state)
{
    (void)state;
    assert_int_equal(figures_cost_per_minute(UINT64_C(12000000000000), HOUR_MS), 200000);
    assert_int_equal(figures_cost_per_minute(UINT64_C(18000000000000000000), 60000),
                     UINT64_C(18000000000000)); /* 18 million dollars in a minute */
}

static void test_the_report_for_people(void **state)
{
    struct report_row rows[2] = { { .model = "gpt-4.1", .known = { true, true } },
                                  { .model = "idle" } };
    struct report report = { .window_ms = HOUR_MS, .rows = rows, .count = 2 };
    struct buf out;

    (void)state;
    fill(&rows[0].all);
    rows[0].sides[SIDE_BLUE] = rows[0].all;
    report.total = rows[0].all;
    buf_init(&out, 16384);
    report_print(&report, &out);
    check_text(
        &out,
        "The last 1h: 202 requests, 99.01 % successful, $12.00 ($0.20 a minute, $288.00 a day "
        "at that pace)\n"
        "\n"
        "model          requests    success       mean        min        max        p50        "
        "p95        p99   ttft p95     tokens       cost\n"
        "gpt-4.1             202    99.01 %      10 ms      10 ms     100 ms      10 ms      "
        "10 ms      10 ms       2 ms       1400     $12.00\n"
        "  blue              202    99.01 %      10 ms      10 ms     100 ms      10 ms      "
        "10 ms      10 ms       2 ms       1400     $12.00\n"
        "  green               0          -          -          -          -          -        "
        "  "
        "-          -          -          0      $0.00\n"
        "idle                  0          -          -          -          -          -        "
        "  "
        "-          -          -          0      $0.00\n"
        "total               202    99.01 %      10 ms      10 ms     100 ms      10 ms      "
        "10 ms      10 ms       2 ms       1400     $12.00\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_figures_as_json),
        cmocka_unit_test(test_what_nothing_comes_to_is_not_known),
        cmocka_unit_test(test_cost_a_minute_does_not_overflow),
        cmocka_unit_test(test_the_report_for_people),
    };

    return cmocka_run_group_tests_name("report", tests, NULL, NULL);
}
