/* policy/alert: raised once, cleared once. */
#include "policy/alert.h"

#include "base/mem.h"

/* cmocka wants these first */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* The defaults: 5 %, 5 s, $1000 a day. */
static const struct alert_rule RULE = { { 50000, 5000000, 1000000000 } };

static struct alert_figures figures(uint64_t requests, uint64_t errors, uint64_t p95_us,
                                    uint64_t micros)
{
    return (struct alert_figures){
        requests, { requests ? errors * 1000000 / requests : 0, p95_us, micros }
    };
}

/* What changed, and that nothing but that did. */
static void check_changes(struct alerts *alerts, struct alert_figures is, uint64_t now_ms,
                          const char *expected)
{
    struct alert_change changes[ALERTS];
    unsigned count = alerts_judge(alerts, &RULE, &is, now_ms, changes);
    struct buf text;

    buf_init(&text, 4096);
    for (unsigned i = 0; i < count; i++) {
        assert_true(buf_add_text(&text, changes[i].raised ? "+" : "-"));
        assert_int_equal(alerts->by_kind[changes[i].kind].raised, changes[i].raised);
        assert_int_equal(alerts->by_kind[changes[i].kind].since_ms, now_ms);
        alert_change_text(&changes[i], &text);
    }
    assert_string_equal(buf_text(&text), expected);
    buf_done(&text);
}

static void test_it_is_raised_once_and_cleared_once(void **state)
{
    struct alerts alerts = { 0 };

    (void)state;
    check_changes(&alerts, figures(100, 5, 0, 0), 10,
                  ""); /* at the threshold is not above it */
    check_changes(&alerts, figures(1000, 62, 0, 0), 20, "+error rate 6.2 %, above 5 %");
    check_changes(&alerts, figures(100, 90, 0, 0), 30, "");
    assert_int_equal(alerts.by_kind[ALERT_ERROR_RATE].value, 900000);
    assert_int_equal(alerts.by_kind[ALERT_ERROR_RATE].since_ms, 20);
    check_changes(&alerts, figures(100, 5, 0, 0), 40, "");
    check_changes(&alerts, figures(100, 4, 0, 0), 50, ""); /* 80 % is not below 80 % */
    check_changes(&alerts, figures(1000, 39, 0, 0), 60, "-error rate 3.9 %, below 80 % of 5 %");
    check_changes(&alerts, figures(100, 5, 0, 0), 70, "");
    check_changes(&alerts, figures(100, 6, 0, 0), 80, "+error rate 6 %, above 5 %");
}

static void test_each_has_its_own_threshold(void **state)
{
    struct alerts alerts = { 0 };

    (void)state;
    check_changes(&alerts, figures(20, 0, 5000001, 1000000000), 10,
                  "+p95 latency 5000 ms, above 5000 ms");
    check_changes(&alerts, figures(20, 0, 4000000, 1250506000), 20,
                  "+projected cost a day $1250.50, above $1000.00");
    check_changes(&alerts, figures(20, 0, 3999999, 799999999), 30,
                  "-p95 latency 4000 ms, below 80 % of 5000 ms"
                  "-projected cost a day $799.99, below 80 % of $1000.00");
}

static void test_too_few_requests_change_nothing(void **state)
{
    struct alerts alerts = { 0 };

    (void)state;
    check_changes(&alerts, figures(19, 19, 9000000, UINT64_C(2000000000)), 10, "");
    check_changes(&alerts, figures(20, 20, 0, 0), 20, "+error rate 100 %, above 5 %");
    check_changes(&alerts, figures(19, 0, 0, 0), 30, "");
    assert_true(alerts.by_kind[ALERT_ERROR_RATE].raised);
    assert_int_equal(alerts.by_kind[ALERT_ERROR_RATE].value, 1000000); /* as it was known */
    check_changes(&alerts, figures(0, 0, 0, 0), 40, "-error rate 0 %, without any requests");
}

static void test_a_threshold_of_none_is_never_reached(void **state)
{
    static const struct alert_rule none = { { 0 } };
    struct alerts alerts = { 0 };
    struct alert_figures bad = figures(100, 100, UINT64_C(1000000000), UINT64_C(1) << 60);
    struct alert_change changes[ALERTS];
    struct buf text;

    (void)state;
    assert_int_equal(alerts_judge(&alerts, &none, &bad, 10, changes), 0);
    assert_int_equal(alerts_judge(&alerts, &RULE, &bad, 20, changes), ALERTS);
    assert_int_equal(alerts_judge(&alerts, &RULE, &bad, 30, changes), 0);
    assert_int_equal(alerts_judge(&alerts, &none, &bad, 40, changes), ALERTS);
    assert_false(changes[0].raised);
    buf_init(&text, 256);
    alert_change_text(&changes[0], &text);
    assert_string_equal(buf_text(&text), "error rate 100 %, no longer watched");
    buf_done(&text);
}

static void test_figures_come_from_a_tally(void **state)
{
    struct tally *tally = mem_zero(sizeof(*tally));
    struct alert_figures is;

    (void)state;
    for (unsigned i = 0; i < 100; i++) {
        struct tally_fact fact = { .outcome = i < 6 ? TALLY_TIMEOUT : TALLY_OK,
                                   .latency_us = i * 100000,
                                   .cost_pico = UINT64_C(40000000000) }; /* four cents */

        tally_add(tally, &fact);
    }
    is = alert_figures(tally, ALERT_WINDOW_MS);
    assert_int_equal(is.requests, 100);
    assert_int_equal(is.values[ALERT_ERROR_RATE], 60000);
    assert_in_range(is.values[ALERT_LATENCY], 9500000 * 99 / 100, 9500000 * 101 / 100);
    assert_int_equal(is.values[ALERT_COST], UINT64_C(4) * 288 * 1000000);
    mem_free(tally);
}

static void test_the_rule_comes_from_the_configuration(void **state)
{
    struct config_report report;
    struct config *config;
    struct alert_rule rule;

    (void)state;
    config_report_init(&report);
    config = config_from_text("f.yaml", SPAN_OF("listen: 127.0.0.1:1\n"), NULL, &report);
    assert_non_null(config);
    alert_rule_of(&rule, &config->alerts);
    assert_memory_equal(&rule, &RULE, sizeof(rule));
    config_unref(config);
    config_report_done(&report);
    assert_string_equal(alert_name(ALERT_LATENCY), "latency_p95");
    assert_string_equal(alert_severity(ALERT_ERROR_RATE), "critical");
}

static void test_the_words_of_one_that_is_raised(void **state)
{
    struct buf text;

    (void)state;
    buf_init(&text, 4096);
    alert_text(ALERT_LATENCY, 6200000, 5000000, &text);
    (void)buf_add_text(&text, "; ");
    alert_text(ALERT_ERROR_RATE, 45000, 50000, &text);
    assert_string_equal(buf_text(&text),
                        "p95 latency 6200 ms, above 5000 ms; error rate 4.5 %, "
                        "no longer above 5 %");
    buf_done(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_is_raised_once_and_cleared_once),
        cmocka_unit_test(test_each_has_its_own_threshold),
        cmocka_unit_test(test_too_few_requests_change_nothing),
        cmocka_unit_test(test_a_threshold_of_none_is_never_reached),
        cmocka_unit_test(test_figures_come_from_a_tally),
        cmocka_unit_test(test_the_rule_comes_from_the_configuration),
        cmocka_unit_test(test_the_words_of_one_that_is_raised),
    };

    return cmocka_run_group_tests_name("alert", tests, NULL, NULL);
}
