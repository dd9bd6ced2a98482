/* policy/rollout: hours of release in milliseconds. */
#include "policy/rollout.h"

/* cmocka wants these first */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define START  UINT64_C(1800000000000)
#define SECOND UINT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)

/* Good enough for every default criterion. */
static const struct rollout_figures FINE = {
    .green = { .requests = 500, .errors = 2, .timed = 498, .mean_us = 1100000 },
    .blue = { .requests = 5000, .errors = 10, .timed = 4990, .mean_us = 1000000 },
    .recent = { .requests = 200, .errors = 1, .timed = 199, .mean_us = 1100000 },
    .green_usable = true,
};

/* What a file says, or, with an empty `rollout`, what holds when it says nothing. */
static struct config *read_config(const char *rollout)
{
    struct config_report report;
    struct config *config;
    char text[1024];

    (void)snprintf(text, sizeof(text),
                   "providers: { a: { kind: openai, keys: [k] } }\n"
                   "models: { m: { targets: [ { provider: a },\n"
                   "  { name: g, provider: a, environment: green } ] %s%s } }\n",
                   rollout[0] ? ", rollout: " : "", rollout);
    config_report_init(&report);
    config = config_from_text("f.yaml", span_from(text), NULL, &report);
    if (config == NULL)
        fail_msg("%s\n%s", text, buf_text(&report.text));
    config_report_done(&report);
    return config;
}

static struct rollout_rule staged(const char *text)
{
    struct config *config = read_config(text);
    struct rollout_rule rule;

    rollout_rule_staged(&rule, &config->models[0].rollout);
    config_unref(config);
    assert_null(rollout_rule_problem(&rule));
    return rule;
}

static struct rollout_rule gradual(const char *text)
{
    struct config *config = read_config(text);
    struct rollout_rule rule;

    rollout_rule_gradual(&rule, &config->models[0].rollout);
    config_unref(config);
    assert_null(rollout_rule_problem(&rule));
    return rule;
}

static struct rollout begin(const struct rollout_rule *rule)
{
    struct rollout r = { 0 };

    assert_int_equal(rollout_start(&r, rule, START), ROLLOUT_FINE);
    assert_true(rollout_valid(&r));
    return r;
}

static struct rollout begin_staged(void)
{
    struct rollout_rule rule = staged("");

    return begin(&rule);
}

static const struct rollout_reason *find(const struct rollout_verdict *verdict,
                                         enum rollout_why why)
{
    for (uint32_t i = 0; i < verdict->reason_count; i++)
        if (verdict->reasons[i].why == why)
            return &verdict->reasons[i];
    return NULL;
}

static void check_text(const struct rollout_verdict *verdict, const char *expected)
{
    struct buf text;

    buf_init(&text, 4096);
    rollout_verdict_text(verdict, &text);
    assert_string_equal(buf_text(&text), expected);
    buf_done(&text);
}

/* ---- the rule ---- */

static void test_the_defaults_are_those_that_were_asked_for(void **state)
{
    static const struct rollout_phase phases[] = {
        { "initial", 5, 30 * MINUTE }, { "canary", 15, HOUR }, { "partial", 40, 2 * HOUR },
        { "majority", 70, 4 * HOUR },  { "full", 100, 0 },
    };
    struct rollout_rule rule = staged("");

    (void)state;
    assert_int_equal(rule.check_every_ms, 60 * SECOND);
    assert_int_equal(rule.phase_count, 5);
    for (uint32_t i = 0; i < 5; i++) {
        struct rollout_phase phase = rollout_phase(&rule, i + 1);

        assert_string_equal(phase.name, phases[i].name);
        assert_int_equal(phase.green, phases[i].green);
        assert_int_equal(phase.at_least_ms, phases[i].at_least_ms);
    }
    assert_int_equal(rule.promote.min_requests, 100);
    assert_int_equal(rule.promote.window_ms, 30 * MINUTE);
    assert_int_equal(rule.promote.max_error_rate, 20000);
    assert_int_equal(rule.promote.max_latency_increase, 500000);
    assert_int_equal(rule.rollback.window_ms, 10 * MINUTE);
    assert_int_equal(rule.rollback.min_requests, 20);
    assert_int_equal(rule.rollback.error_rate, 50000);
    assert_int_equal(rule.rollback.latency_ms, 10 * SECOND);
    assert_int_equal(rule.rollback.to, ROLLBACK_TO_PREVIOUS);
}

static void test_rules_that_make_no_sense_are_named(void **state)
{
    struct rollout_rule good = staged("");
    struct rollout_rule steps = gradual("{ target: 50, steps: 10 }");
    struct rollout_rule rule = good;
    struct rollout r = { 0 };

    (void)state;
    rule.phases[2].green = 15;
    assert_string_equal(rollout_rule_problem(&rule), "green must grow from phase to phase");
    assert_int_equal(rollout_start(&r, &rule, START), ROLLOUT_BAD_RULE);
    assert_int_equal(r.state, ROLLOUT_IDLE);
    rule = good;
    rule.phase_count = 0;
    assert_non_null(rollout_rule_problem(&rule));
    rule.phase_count = LIMIT_ROLLOUT_PHASES + 1;
    assert_non_null(rollout_rule_problem(&rule));
    rule = good;
    rule.phases[4].green = 101;
    assert_non_null(rollout_rule_problem(&rule));
    rule = good;
    memset(rule.phases[0].name, 'x', sizeof(rule.phases[0].name));
    assert_non_null(rollout_rule_problem(&rule));
    rule = steps;
    rule.target = 9;
    assert_string_equal(rollout_rule_problem(&rule),
                        "steps is at most target, so that each step grows");
    rule.target = 101;
    assert_non_null(rollout_rule_problem(&rule));
    rule = steps;
    rule.strategy = 7;
    assert_non_null(rollout_rule_problem(&rule));
}

/* ---- staged ---- */

static void test_ten_hours_of_a_good_release(void **state)
{
    static const struct {
        uint64_t at_ms;
        uint32_t green;
    } expected[] = { { 30 * MINUTE, 15 },
                     { 30 * MINUTE + HOUR, 40 },
                     { 30 * MINUTE + 3 * HOUR, 70 },
                     { 30 * MINUTE + 7 * HOUR, 100 } };
    struct rollout r = begin_staged();
    uint32_t promoted = 0;
    bool finished = false;

    (void)state;
    assert_int_equal(r.green, 5);
    for (uint64_t at_ms = 0; at_ms <= 10 * HOUR; at_ms += SECOND) {
        struct rollout_verdict verdict;

        if (!rollout_due(&r, START + at_ms))
            continue;
        verdict = rollout_check(&r, &FINE, START + at_ms);
        if (verdict.step == ROLLOUT_HOLD) {
            assert_non_null(find(&verdict, ROLLOUT_DURATION));
        } else if (verdict.step == ROLLOUT_FINISH) {
            assert_int_equal(promoted, 4);
            assert_int_equal(at_ms, 30 * MINUTE + 7 * HOUR + MINUTE);
            finished = true;
        } else {
            assert_int_equal(verdict.step, ROLLOUT_PROMOTE);
            assert_int_equal(at_ms, expected[promoted].at_ms);
            assert_int_equal(verdict.to_green, expected[promoted].green);
            assert_int_equal(r.green, expected[promoted++].green);
        }
    }
    assert_true(finished);
    assert_int_equal(r.state, ROLLOUT_FINISHED);
    assert_int_equal(r.green, 100);
}

static void test_six_percent_of_errors_roll_back_within_one_check(void **state)
{
    struct rollout r = begin_staged();
    struct rollout_figures bad = FINE;
    struct rollout_verdict verdict;

    (void)state;
    (void)rollout_check(&r, &FINE, START + 30 * MINUTE);
    assert_int_equal(r.green, 15);
    bad.recent = (struct rollout_side){ .requests = 100, .errors = 6, .timed = 94 };
    assert_false(rollout_due(&r, START + 31 * MINUTE - 1));
    assert_true(rollout_due(&r, START + 31 * MINUTE));
    verdict = rollout_check(&r, &bad, START + 31 * MINUTE);
    assert_int_equal(verdict.step, ROLLOUT_ROLLBACK);
    assert_int_equal(verdict.from_green, 15);
    assert_int_equal(verdict.to_green, 5);
    check_text(&verdict, "error rate: 6 %, more than 5 %, of 100 requests");
    assert_int_equal(r.state, ROLLOUT_RUNNING); /* one phase back, and on from there */

    verdict = rollout_check(&r, &bad, START + 32 * MINUTE);
    assert_int_equal(verdict.step, ROLLOUT_ROLLBACK);
    assert_int_equal(r.green, 0);
    assert_int_equal(r.state, ROLLOUT_ROLLED_BACK);
    assert_false(rollout_due(&r, START + HOUR));
}

static void test_to_zero_is_to_zero(void **state)
{
    struct rollout_rule rule = staged("{ rollback: { to: zero } }");
    struct rollout r = begin(&rule);
    struct rollout_figures bad = FINE;

    (void)state;
    (void)rollout_check(&r, &FINE, START + 30 * MINUTE);
    bad.recent = (struct rollout_side){ .requests = 20, .errors = 2 };
    assert_int_equal(rollout_check(&r, &bad, START + HOUR).step, ROLLOUT_ROLLBACK);
    assert_int_equal(r.state, ROLLOUT_ROLLED_BACK);
    assert_int_equal(r.green, 0);
}

static void test_exactly_at_a_threshold_is_not_above_it(void **state)
{
    struct rollout r = begin_staged();
    struct rollout_figures edge = FINE;

    (void)state;
    edge.recent = (struct rollout_side){ .requests = 100, .errors = 5, .mean_us = 10000000 };
    edge.green.requests = 100;
    edge.green.errors = 2;
    edge.green.mean_us = 1500000;
    assert_int_equal(rollout_look(&r, &edge, START + 30 * MINUTE).step, ROLLOUT_PROMOTE);
    assert_int_equal(r.phase, 1); /* looking changed nothing */
    edge.recent.mean_us++;
    assert_int_equal(rollout_look(&r, &edge, START + 30 * MINUTE).step, ROLLOUT_ROLLBACK);
    edge.recent.mean_us--;
    edge.recent.errors++;
    assert_int_equal(rollout_look(&r, &edge, START + 30 * MINUTE).step, ROLLOUT_ROLLBACK);
    edge.recent.errors--;
    edge.green.mean_us++;
    assert_int_equal(rollout_look(&r, &edge, START + 30 * MINUTE).step, ROLLOUT_HOLD);
    edge.green.mean_us--;
    assert_int_equal(rollout_look(&r, &edge, START + 30 * MINUTE - 1).step, ROLLOUT_HOLD);
}

static void test_sixty_percent_slower_is_held_with_that_reason(void **state)
{
    struct rollout r = begin_staged();
    struct rollout_figures slow = FINE;
    struct rollout_verdict verdict;

    (void)state;
    slow.green.mean_us = 1600000;
    verdict = rollout_check(&r, &slow, START + HOUR);
    assert_int_equal(verdict.step, ROLLOUT_HOLD);
    assert_int_equal(r.green, 5);
    check_text(&verdict,
               "mean latency: 1600 ms, 60 % above blue's 1000 ms, more than 50 % allowed");
}

static void test_ninety_nine_requests_are_too_few(void **state)
{
    struct rollout r = begin_staged();
    struct rollout_figures few = FINE;
    struct rollout_verdict verdict;

    (void)state;
    few.green.requests = 99;
    few.green.errors = 1;
    verdict = rollout_check(&r, &few, START + HOUR);
    assert_int_equal(verdict.step, ROLLOUT_HOLD);
    check_text(&verdict, "too few requests: 99 of 100");
    few.green.requests = 100;
    assert_int_equal(rollout_check(&r, &few, START + HOUR + MINUTE).step, ROLLOUT_PROMOTE);
}

static void test_all_that_holds_it_is_said(void **state)
{
    struct rollout r = begin_staged();
    struct rollout_figures poor = FINE;
    struct rollout_verdict verdict;

    (void)state;
    poor.green = (struct rollout_side){ .requests = 37, .errors = 1, .mean_us = 2000000 };
    verdict = rollout_check(&r, &poor, START + 12 * MINUTE);
    check_text(&verdict, "too few requests: 37 of 100; minimum duration: 12m of 30m; "
                         "error rate: 2.7 %, more than 2 %; mean latency: 2000 ms, 100 % above "
                         "blue's 1000 ms, more than 50 % allowed");
}

static void test_what_was_met_is_said_on_promotion(void **state)
{
    struct rollout r = begin_staged();
    struct rollout_verdict verdict = rollout_check(&r, &FINE, START + 90 * MINUTE);

    (void)state;
    assert_int_equal(verdict.step, ROLLOUT_PROMOTE);
    assert_int_equal(verdict.figures.green.requests, 500);
    check_text(&verdict,
               "requests: 500 of 100; minimum duration: 1h 30m of 30m; error rate: 0.4 %, at "
               "most 2 %; mean latency: 1100 ms, 10 % above blue's 1000 ms, at most 50 % "
               "allowed");
}

static void test_too_few_recent_requests_never_roll_back(void **state)
{
    struct rollout r = begin_staged();
    struct rollout_figures dark = { .green_usable = true };

    (void)state;
    dark.recent = (struct rollout_side){ .requests = 19, .errors = 19 };
    assert_int_equal(rollout_check(&r, &dark, START + MINUTE).step, ROLLOUT_HOLD);
    dark.recent = (struct rollout_side){ .requests = 20, .errors = 20 };
    assert_int_equal(rollout_check(&r, &dark, START + 2 * MINUTE).step, ROLLOUT_ROLLBACK);
}

static void test_without_a_usable_target_it_goes_back_whatever_the_number(void **state)
{
    struct rollout r = begin_staged();
    struct rollout_figures gone = { .green_usable = false };
    struct rollout_verdict verdict = rollout_check(&r, &gone, START + MINUTE);

    (void)state;
    assert_int_equal(verdict.step, ROLLOUT_ROLLBACK);
    assert_int_equal(r.state, ROLLOUT_ROLLED_BACK);
    check_text(&verdict, "no green target is usable");
}

static void test_a_slow_mean_rolls_back(void **state)
{
    struct rollout r = begin_staged();
    struct rollout_figures slow = FINE;
    struct rollout_verdict verdict;

    (void)state;
    slow.recent.mean_us = 10400000;
    verdict = rollout_check(&r, &slow, START + MINUTE);
    assert_int_equal(verdict.step, ROLLOUT_ROLLBACK);
    check_text(&verdict, "mean latency: 10400 ms, more than 10000 ms");
}

static void test_without_blue_to_compare_with_the_last_good_mean_stands_in(void **state)
{
    struct rollout r = begin_staged();
    struct rollout_figures alone = FINE;
    struct rollout_verdict verdict;

    (void)state;
    alone.blue = (struct rollout_side){ .requests = 3, .timed = 3, .mean_us = 9000000 };
    verdict = rollout_check(&r, &alone, START + HOUR);
    assert_int_equal(verdict.step, ROLLOUT_HOLD);
    check_text(&verdict, "too few answers of blue's to compare the latency with: 3 of 20");
    assert_int_equal(rollout_check(&r, &FINE, START + 2 * HOUR).step, ROLLOUT_PROMOTE);

    verdict = rollout_check(&r, &alone, START + 4 * HOUR); /* against the 1000 ms of before */
    assert_int_equal(verdict.step, ROLLOUT_PROMOTE);
    assert_int_equal(verdict.reasons[3].why, ROLLOUT_LATENCY);
    assert_int_equal(verdict.reasons[3].base, 1000000);
    alone.green.mean_us = 1600000;
    assert_int_equal(rollout_check(&r, &alone, START + 8 * HOUR).step, ROLLOUT_HOLD);
}

static void test_at_a_hundred_without_any_mean_latency_is_not_compared(void **state)
{
    struct rollout_rule rule = staged("{ phases: [ { name: all, green: 100 } ] }");
    struct rollout r = begin(&rule);
    struct rollout_figures alone = FINE;

    (void)state;
    alone.blue = (struct rollout_side){ 0 };
    assert_int_equal(rollout_check(&r, &alone, START + MINUTE).step, ROLLOUT_FINISH);
    assert_int_equal(r.green, 100);
}

static void test_windows_begin_anew_with_each_phase(void **state)
{
    struct rollout r = begin_staged();

    (void)state;
    assert_int_equal(rollout_since(&r, 10 * MINUTE, START + MINUTE), START);
    assert_int_equal(rollout_since(&r, 10 * MINUTE, START + HOUR), START + 50 * MINUTE);
    (void)rollout_check(&r, &FINE, START + HOUR);
    assert_int_equal(rollout_since(&r, 10 * MINUTE, START + HOUR + SECOND), START + HOUR);
    assert_int_equal(rollout_since(&r, 10 * MINUTE, 5), START + HOUR);
}

static void test_a_clock_that_is_set_back_does_not_stop_the_watching(void **state)
{
    struct rollout r = begin_staged();

    (void)state;
    assert_false(rollout_due(&r, START + 1));
    assert_true(rollout_due(&r, START - HOUR));
    assert_int_equal(rollout_check(&r, &FINE, START - HOUR).step, ROLLOUT_HOLD);
    assert_false(rollout_due(&r, START - HOUR + 1));
}

static void test_a_last_phase_below_a_hundred_is_the_end_too(void **state)
{
    struct rollout_rule rule =
        staged("{ phases: [ { name: a, green: 1 }, { name: b, green: 30 } ] }");
    struct rollout r = begin(&rule);

    (void)state;
    assert_int_equal(rollout_check(&r, &FINE, START + MINUTE).step, ROLLOUT_PROMOTE);
    assert_int_equal(rollout_check(&r, &FINE, START + 2 * MINUTE).step, ROLLOUT_FINISH);
    assert_int_equal(r.green, 30);
}

/* ---- gradual ---- */

/* Without errors: the gradual rule knows no others. */
static const struct rollout_figures CLEAN = {
    .green = { .requests = 3, .timed = 3, .mean_us = 1100000 },
    .recent = { .requests = 3, .timed = 3, .mean_us = 1100000 },
    .green_usable = true,
};

static void test_gradual_steps_each_after_a_test(void **state)
{
    struct rollout_rule rule = gradual("{ target: 50, steps: 10, step_seconds: 30 }");
    struct rollout r = begin(&rule);
    uint64_t at_ms = START;

    (void)state;
    assert_int_equal(r.green, 0);
    for (uint32_t step = 1; step <= 10; step++) {
        struct rollout_verdict verdict;

        assert_true(rollout_due(&r, at_ms));
        verdict = rollout_check(&r, &CLEAN, at_ms);
        assert_int_equal(verdict.step, ROLLOUT_TEST);
        assert_int_equal(r.green, (step - 1) * 5);
        verdict = rollout_tested(&r, verdict.test, true, &CLEAN, at_ms + 200);
        assert_int_equal(verdict.step, ROLLOUT_PROMOTE);
        assert_int_equal(r.green, step * 5);
        assert_int_equal(rollout_check(&r, &CLEAN, at_ms + 29 * SECOND).step, ROLLOUT_HOLD);
        at_ms += 30 * SECOND + 200;
    }
    assert_int_equal(rollout_check(&r, &CLEAN, at_ms).step, ROLLOUT_FINISH);
    assert_int_equal(r.state, ROLLOUT_FINISHED);
    assert_int_equal(r.green, 50);
}

static void test_a_failed_test_takes_a_gradual_one_back(void **state)
{
    struct rollout_rule rule = gradual("");
    struct rollout r = begin(&rule);
    struct rollout_verdict verdict = rollout_check(&r, &CLEAN, START);

    (void)state;
    verdict = rollout_tested(&r, verdict.test, true, &CLEAN, START);
    assert_int_equal(r.green, 10);
    verdict = rollout_check(&r, &CLEAN, START + MINUTE);
    verdict = rollout_tested(&r, verdict.test, false, &CLEAN, START + MINUTE);
    assert_int_equal(verdict.step, ROLLOUT_ROLLBACK);
    check_text(&verdict, "the canary test failed");
    assert_int_equal(r.state, ROLLOUT_ROLLED_BACK);
    assert_int_equal(r.green, 0);
}

static void test_any_error_takes_a_gradual_one_back_within_a_second(void **state)
{
    struct rollout_rule rule = gradual("");
    struct rollout r = begin(&rule);
    struct rollout_figures bad = CLEAN;
    struct rollout_verdict verdict = rollout_check(&r, &CLEAN, START);

    (void)state;
    (void)rollout_tested(&r, verdict.test, true, &CLEAN, START);
    bad.recent = (struct rollout_side){ .requests = 1000, .errors = 1 };
    assert_true(rollout_due(&r, START + SECOND));
    verdict = rollout_check(&r, &bad, START + SECOND);
    assert_int_equal(verdict.step, ROLLOUT_ROLLBACK);
    check_text(&verdict, "error rate: 0.1 %, more than 0 %, of 1000 requests");
    assert_int_equal(r.green, 0);
}

static void test_only_the_test_that_is_waited_for_counts(void **state)
{
    struct rollout_rule rule = gradual("");
    struct rollout r = begin(&rule);
    struct rollout_verdict first = rollout_check(&r, &CLEAN, START);
    struct rollout_verdict again;

    (void)state;
    again = rollout_check(&r, &CLEAN, START + SECOND);
    assert_int_equal(again.step, ROLLOUT_HOLD);
    check_text(&again, "the canary test has not answered yet");
    again = rollout_check(&r, &CLEAN, START + ROLLOUT_TEST_MS); /* lost: asked for again */
    assert_int_equal(again.step, ROLLOUT_TEST);
    assert_int_not_equal(again.test, first.test);
    assert_int_equal(rollout_tested(&r, first.test, false, &CLEAN, START).step,
                     ROLLOUT_NOTHING);
    assert_int_equal(rollout_tested(&r, again.test, true, &CLEAN, START).step, ROLLOUT_PROMOTE);
    assert_int_equal(rollout_tested(&r, again.test, true, &CLEAN, START).step, ROLLOUT_NOTHING);

    /* nor does one of the rollout before */
    assert_int_equal(rollout_abort(&r, START), ROLLOUT_FINE);
    assert_int_equal(rollout_start(&r, &rule, START), ROLLOUT_FINE);
    first = rollout_check(&r, &CLEAN, START);
    assert_int_not_equal(first.test, again.test);
}

static void test_a_test_that_ends_during_a_pause_does_not_promote(void **state)
{
    struct rollout_rule rule = gradual("");
    struct rollout r = begin(&rule);
    struct rollout_verdict verdict = rollout_check(&r, &CLEAN, START);

    (void)state;
    assert_int_equal(rollout_pause(&r), ROLLOUT_FINE);
    assert_int_equal(rollout_tested(&r, verdict.test, true, &CLEAN, START).step, ROLLOUT_HOLD);
    assert_int_equal(r.green, 0);
    assert_int_equal(rollout_resume(&r), ROLLOUT_FINE);
    assert_int_equal(rollout_check(&r, &CLEAN, START + SECOND).step, ROLLOUT_TEST);
}

static void test_a_test_does_not_outvote_errors(void **state)
{
    struct rollout_rule rule = gradual("");
    struct rollout r = begin(&rule);
    struct rollout_figures gone = CLEAN;
    struct rollout_verdict verdict = rollout_check(&r, &CLEAN, START);

    (void)state;
    gone.green_usable = false;
    verdict = rollout_tested(&r, verdict.test, true, &gone, START + 1);
    assert_int_equal(verdict.step, ROLLOUT_ROLLBACK);
    assert_int_equal(r.green, 0);
    assert_int_equal(rollout_check(&r, &CLEAN, START + MINUTE).step, ROLLOUT_NOTHING);
}

/* ---- by hand ---- */

static void test_a_pause_holds_but_still_watches(void **state)
{
    struct rollout r = begin_staged();
    struct rollout_figures bad = FINE;
    struct rollout_verdict verdict;

    (void)state;
    assert_int_equal(rollout_pause(&r), ROLLOUT_FINE);
    assert_int_equal(rollout_pause(&r), ROLLOUT_PAUSED_ALREADY);
    verdict = rollout_check(&r, &FINE, START + HOUR);
    assert_int_equal(verdict.step, ROLLOUT_HOLD);
    check_text(&verdict, "paused");
    assert_int_equal(rollout_resume(&r), ROLLOUT_FINE);
    assert_int_equal(rollout_resume(&r), ROLLOUT_NOT_PAUSED);
    assert_int_equal(rollout_check(&r, &FINE, START + 2 * HOUR).step, ROLLOUT_PROMOTE);

    assert_int_equal(rollout_pause(&r), ROLLOUT_FINE);
    bad.recent.errors = 100;
    assert_int_equal(rollout_check(&r, &bad, START + 2 * HOUR).step, ROLLOUT_ROLLBACK);
    assert_int_equal(r.green, 5);
    assert_int_equal(r.state, ROLLOUT_PAUSED);
}

static void test_promotion_by_hand_is_at_once(void **state)
{
    static const uint32_t shares[] = { 15, 40, 70, 100 };
    struct rollout r = begin_staged();
    struct rollout_figures none = { 0 };
    struct rollout_verdict verdict;

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(rollout_promote(&r, &none, START + i, &verdict), ROLLOUT_FINE);
        assert_int_equal(verdict.step, ROLLOUT_PROMOTE);
        assert_int_equal(verdict.to_green, shares[i]);
        assert_int_equal(r.phase_ms, START + i);
        check_text(&verdict, "by hand");
    }
    assert_int_equal(rollout_promote(&r, &none, START + 9, &verdict), ROLLOUT_FINE);
    assert_int_equal(verdict.step, ROLLOUT_FINISH);
    assert_int_equal(r.state, ROLLOUT_FINISHED);
    assert_int_equal(rollout_promote(&r, &none, START + 9, &verdict), ROLLOUT_OVER);
}

static void test_rollback_by_hand_is_to_zero_from_anywhere(void **state)
{
    (void)state;
    for (uint32_t promoted = 0; promoted <= 5; promoted++) {
        struct rollout r = begin_staged();
        struct rollout_verdict verdict;
        uint32_t green;

        for (uint32_t i = 0; i < promoted; i++)
            assert_int_equal(rollout_promote(&r, &FINE, START, &verdict), ROLLOUT_FINE);
        if (promoted == 2)
            assert_int_equal(rollout_pause(&r), ROLLOUT_FINE);
        green = r.green;
        assert_int_equal(rollout_rollback(&r, &FINE, START + 5, &verdict), ROLLOUT_FINE);
        assert_int_equal(verdict.step, ROLLOUT_ROLLBACK);
        assert_int_equal(verdict.from_green, green);
        assert_int_equal(r.green, 0);
        assert_int_equal(r.state, ROLLOUT_ROLLED_BACK);
        assert_true(rollout_valid(&r));
        assert_int_equal(rollout_rollback(&r, &FINE, START + 6, &verdict), ROLLOUT_OVER);
    }
}

static void test_abort_leaves_the_share_as_it_is(void **state)
{
    struct rollout r = begin_staged();
    struct rollout_verdict verdict;

    (void)state;
    assert_int_equal(rollout_promote(&r, &FINE, START, &verdict), ROLLOUT_FINE);
    assert_int_equal(rollout_abort(&r, START + 7), ROLLOUT_FINE);
    assert_int_equal(r.state, ROLLOUT_ABORTED);
    assert_int_equal(r.green, 15);
    assert_true(rollout_valid(&r));
    assert_int_equal(rollout_check(&r, &FINE, START + HOUR).step, ROLLOUT_NOTHING);
    assert_int_equal(rollout_abort(&r, START + 8), ROLLOUT_OVER);
    assert_int_equal(rollout_rollback(&r, &FINE, START + 8, &verdict), ROLLOUT_OVER);
}

static void test_what_does_not_fit_the_state_changes_nothing(void **state)
{
    struct rollout_rule rule = staged("");
    struct rollout r = { 0 };
    struct rollout before;
    struct rollout_verdict verdict;

    (void)state;
    assert_true(rollout_valid(&r));
    assert_int_equal(rollout_pause(&r), ROLLOUT_NONE);
    assert_int_equal(rollout_resume(&r), ROLLOUT_NONE);
    assert_int_equal(rollout_abort(&r, START), ROLLOUT_NONE);
    assert_int_equal(rollout_promote(&r, &FINE, START, &verdict), ROLLOUT_NONE);
    assert_int_equal(rollout_rollback(&r, &FINE, START, &verdict), ROLLOUT_NONE);
    assert_int_equal(rollout_check(&r, &FINE, START).step, ROLLOUT_NOTHING);
    assert_int_equal(r.state, ROLLOUT_IDLE);
    assert_int_equal(rollout_start(&r, &rule, START), ROLLOUT_FINE);
    before = r;
    assert_int_equal(rollout_start(&r, &rule, START + 1), ROLLOUT_UNDER_WAY);
    assert_memory_equal(&r, &before, sizeof(r));
    assert_int_equal(rollout_abort(&r, START), ROLLOUT_FINE);
    assert_int_equal(rollout_pause(&r), ROLLOUT_OVER);
    assert_int_equal(rollout_resume(&r), ROLLOUT_OVER);
    for (enum rollout_error error = ROLLOUT_FINE; error <= ROLLOUT_BAD_RULE; error++)
        assert_true(span_ends(span_from(rollout_error_text(error)), "."));
}

static void test_after_each_end_another_one_may_begin(void **state)
{
    struct rollout_rule rule = staged("");
    struct rollout r = begin(&rule);
    struct rollout_verdict verdict;

    (void)state;
    assert_int_equal(rollout_rollback(&r, &FINE, START, &verdict), ROLLOUT_FINE);
    assert_int_equal(rollout_start(&r, &rule, START + 5), ROLLOUT_FINE);
    assert_int_equal(r.green, 5);
    assert_int_equal(r.phase_ms, START + 5);
    for (int i = 0; i < 5; i++)
        assert_int_equal(rollout_promote(&r, &FINE, START, &verdict), ROLLOUT_FINE);
    assert_int_equal(r.state, ROLLOUT_FINISHED);
    assert_int_equal(rollout_start(&r, &rule, START + 6), ROLLOUT_FINE);
    assert_int_equal(r.base_us, 0);
}

static void test_a_reload_changes_criteria_but_no_phase(void **state)
{
    struct rollout r = begin_staged();
    struct rollout_rule other =
        staged("{ phases: [ { name: x, green: 50 } ], check_every: 1s,\n"
               "  promote: { min_requests: 5000 } }");
    struct rollout_verdict verdict;

    (void)state;
    rollout_retune(&r, &other);
    assert_true(rollout_valid(&r));
    assert_int_equal(r.green, 5);
    assert_int_equal(r.rule.phase_count, 5);
    verdict = rollout_check(&r, &FINE, START + HOUR);
    check_text(&verdict, "too few requests: 500 of 5000");
    assert_true(rollout_due(&r, START + HOUR + SECOND));
}

static void test_states_that_cannot_be_ours_are_refused(void **state)
{
    struct rollout good = begin_staged();
    struct rollout r = good;

    (void)state;
    r.green = 6;
    assert_false(rollout_valid(&r));
    r = good;
    r.phase = 6;
    assert_false(rollout_valid(&r));
    r = good;
    r.state = (enum rollout_state)17;
    assert_false(rollout_valid(&r));
    r = good;
    r.state = ROLLOUT_FINISHED;
    assert_false(rollout_valid(&r));
    r = good;
    r.state = ROLLOUT_IDLE;
    assert_false(rollout_valid(&r));
    r = good;
    r.rule.phase_count = 1000;
    assert_false(rollout_valid(&r));
}

/* ---- anything at all ---- */

static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static struct rollout_side random_side(uint64_t *seed)
{
    struct rollout_side side = { .requests = next_random(seed) % 300 };

    side.errors = next_random(seed) % 4 ? 0 : next_random(seed) % (side.requests + 1);
    side.timed = side.requests - side.errors;
    side.mean_us = side.timed ? next_random(seed) % 12000000 : 0;
    return side;
}

static bool is_a_share(const struct rollout *r)
{
    for (uint32_t phase = 1; phase <= r->rule.phase_count; phase++)
        if (rollout_phase(&r->rule, phase).green == r->green)
            return true;
    return r->green == 0;
}

static struct rollout_verdict random_deed(struct rollout *r, const struct rollout_rule *rules,
                                          const struct rollout_figures *figures,
                                          uint64_t now_ms, uint64_t *seed)
{
    struct rollout_verdict verdict = { 0 };

    switch (next_random(seed) % 16) {
    case 0: (void)rollout_start(r, &rules[next_random(seed) % 3], now_ms); break;
    case 1: (void)rollout_pause(r); break;
    case 2: (void)rollout_resume(r); break;
    case 3:
        if (next_random(seed) % 8 == 0)
            (void)rollout_abort(r, now_ms);
        break;
    case 4:
        if (next_random(seed) % 4 == 0)
            (void)rollout_promote(r, figures, now_ms, &verdict);
        break;
    case 5:
        if (next_random(seed) % 8 == 0)
            (void)rollout_rollback(r, figures, now_ms, &verdict);
        break;
    case 6: rollout_retune(r, &rules[next_random(seed) % 3]); break;
    case 7:
    case 8:
    case 9:
        verdict = rollout_tested(r, r->test - (next_random(seed) % 4 == 0),
                                 next_random(seed) % 4 != 0, figures, now_ms);
        break;
    default: verdict = rollout_check(r, figures, now_ms); break;
    }
    return verdict;
}

static void check_deed(const struct rollout *before, const struct rollout *r,
                       const struct rollout_verdict *verdict)
{
    bool on = verdict->step == ROLLOUT_PROMOTE;
    bool begun = r->state == ROLLOUT_RUNNING && !rollout_active(before);
    bool enough = r->rule.strategy == STRATEGY_GRADUAL || verdict->reason_count == 1 ||
                  verdict->figures.green.requests >= r->rule.promote.min_requests;

    assert_true(rollout_valid(r));
    assert_true(is_a_share(r));
    if (!begun && r->green > before->green)
        assert_true(on);
    if (!begun && r->green < before->green)
        assert_int_equal(verdict->step, ROLLOUT_ROLLBACK);
    if (on && rollout_active(before))
        assert_true(enough && r->phase == before->phase + 1);
    if (verdict->step == ROLLOUT_HOLD || verdict->step == ROLLOUT_ROLLBACK)
        assert_true(verdict->reason_count > 0);
    if (verdict->step != ROLLOUT_NOTHING && verdict->step != ROLLOUT_TEST)
        assert_int_equal(verdict->to_green, r->green);
}

static void test_whatever_happens_the_share_is_a_phases_and_grows_by_promotion(void **state)
{
    struct rollout_rule rules[] = { staged(""), staged("{ rollback: { to: zero } }"),
                                    gradual("{ target: 37, steps: 12, step_seconds: 5 }") };
    uint64_t seed = 88172645463325252u;
    uint32_t seen[ROLLOUT_FINISH + 1] = { 0 };

    (void)state;
    for (unsigned run = 0; run < 200; run++) {
        struct rollout r = { 0 };
        uint64_t now_ms = START;

        for (unsigned i = 0; i < 1000; i++) {
            struct rollout_figures figures = { random_side(&seed), random_side(&seed),
                                               random_side(&seed), true };
            struct rollout before = r;
            struct rollout_verdict verdict;

            figures.green_usable = next_random(&seed) % 64 != 0;
            if (next_random(&seed) % 2)
                figures = next_random(&seed) % 2 ? FINE : CLEAN;
            now_ms += next_random(&seed) % (2 * HOUR);
            if (next_random(&seed) % 32 == 0)
                now_ms -= next_random(&seed) % (3 * HOUR);
            verdict = random_deed(&r, rules, &figures, now_ms, &seed);
            check_deed(&before, &r, &verdict);
            seen[verdict.step]++;
        }
    }
    for (size_t step = 0; step <= ROLLOUT_FINISH; step++)
        assert_true(seen[step] > 20); /* it went everywhere */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_defaults_are_those_that_were_asked_for),
        cmocka_unit_test(test_rules_that_make_no_sense_are_named),
        cmocka_unit_test(test_ten_hours_of_a_good_release),
        cmocka_unit_test(test_six_percent_of_errors_roll_back_within_one_check),
        cmocka_unit_test(test_to_zero_is_to_zero),
        cmocka_unit_test(test_exactly_at_a_threshold_is_not_above_it),
        cmocka_unit_test(test_sixty_percent_slower_is_held_with_that_reason),
        cmocka_unit_test(test_ninety_nine_requests_are_too_few),
        cmocka_unit_test(test_all_that_holds_it_is_said),
        cmocka_unit_test(test_what_was_met_is_said_on_promotion),
        cmocka_unit_test(test_too_few_recent_requests_never_roll_back),
        cmocka_unit_test(test_without_a_usable_target_it_goes_back_whatever_the_number),
        cmocka_unit_test(test_a_slow_mean_rolls_back),
        cmocka_unit_test(test_without_blue_to_compare_with_the_last_good_mean_stands_in),
        cmocka_unit_test(test_at_a_hundred_without_any_mean_latency_is_not_compared),
        cmocka_unit_test(test_windows_begin_anew_with_each_phase),
        cmocka_unit_test(test_a_clock_that_is_set_back_does_not_stop_the_watching),
        cmocka_unit_test(test_a_last_phase_below_a_hundred_is_the_end_too),
        cmocka_unit_test(test_gradual_steps_each_after_a_test),
        cmocka_unit_test(test_a_failed_test_takes_a_gradual_one_back),
        cmocka_unit_test(test_any_error_takes_a_gradual_one_back_within_a_second),
        cmocka_unit_test(test_only_the_test_that_is_waited_for_counts),
        cmocka_unit_test(test_a_test_that_ends_during_a_pause_does_not_promote),
        cmocka_unit_test(test_a_test_does_not_outvote_errors),
        cmocka_unit_test(test_a_pause_holds_but_still_watches),
        cmocka_unit_test(test_promotion_by_hand_is_at_once),
        cmocka_unit_test(test_rollback_by_hand_is_to_zero_from_anywhere),
        cmocka_unit_test(test_abort_leaves_the_share_as_it_is),
        cmocka_unit_test(test_what_does_not_fit_the_state_changes_nothing),
        cmocka_unit_test(test_after_each_end_another_one_may_begin),
        cmocka_unit_test(test_a_reload_changes_criteria_but_no_phase),
        cmocka_unit_test(test_states_that_cannot_be_ours_are_refused),
        cmocka_unit_test(test_whatever_happens_the_share_is_a_phases_and_grows_by_promotion),
    };

    return cmocka_run_group_tests_name("rollout", tests, NULL, NULL);
}
