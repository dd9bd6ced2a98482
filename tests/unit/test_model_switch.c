/* policy/model_switch: when a model leaves, and when it comes back. */
#include "policy/model_switch.h"

/* cmocka wants these first */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <time.h>

static const struct model_switch_rule RULE = { .window_ms = 300000,
                                               .min_requests = 20,
                                               .success_threshold = 950000,
                                               .recover_ms = 60000,
                                               .slow_start_ms = 30000,
                                               .automatic = true };

static const struct model_switch_rule ADVICE = { .window_ms = 300000,
                                                 .min_requests = 20,
                                                 .success_threshold = 950000,
                                                 .recover_ms = 60000,
                                                 .slow_start_ms = 30000 };

static int learn(struct model_switch *s, const struct model_switch_rule *rule,
                 enum switch_fact fact, int times, uint64_t now_ms)
{
    int changes = 0;

    for (int i = 0; i < times; i++)
        changes += model_switch_learn(s, rule, fact, now_ms);
    return changes;
}

/* Away since `now_ms`. */
static struct model_switch away(uint64_t now_ms)
{
    struct model_switch s = { 0 };

    assert_int_equal(learn(&s, &RULE, SWITCH_BAD_ATTEMPT, 20, now_ms), 1);
    assert_int_equal(s.state, SWITCH_AWAY);
    return s;
}

static void test_no_traffic_is_fine(void **state)
{
    struct model_switch s = { 0 };

    (void)state;
    assert_int_equal(learn(&s, &RULE, SWITCH_TIME, 3, 1000000), 0);
    assert_int_equal(learn(&s, &RULE, SWITCH_BAD_PROBE, 100, 1000000), 0);
    assert_int_equal(s.state, SWITCH_HOME);
    assert_int_equal(model_switch_share(&s, &RULE, 1000000), SWITCH_WHOLE);
    assert_int_equal(model_switch_rate(0, 0), 1000);
}

static void test_it_leaves_below_the_threshold_and_not_before_there_are_enough(void **state)
{
    struct model_switch s = { 0 };

    (void)state;
    assert_int_equal(learn(&s, &RULE, SWITCH_BAD_ATTEMPT, 19, 1000), 0);
    assert_int_equal(learn(&s, &RULE, SWITCH_BAD_ATTEMPT, 1, 1000), 1);
    assert_int_equal(s.state, SWITCH_AWAY);
    assert_int_equal(s.figures.good, 0);
    assert_int_equal(s.figures.bad, 20);
    assert_string_equal(s.why, "its success rate is below success_threshold");
    assert_int_equal(model_switch_share(&s, &RULE, 1000), SWITCH_TRIAL);

    s = (struct model_switch){ 0 };
    learn(&s, &RULE, SWITCH_GOOD_ATTEMPT, 95, 1000);
    assert_int_equal(learn(&s, &RULE, SWITCH_BAD_ATTEMPT, 5, 1000), 0); /* 95 % is enough */
    assert_int_equal(learn(&s, &RULE, SWITCH_BAD_ATTEMPT, 1, 1000), 1);
    assert_int_equal(model_switch_rate(s.figures.good, s.figures.bad), 940);
}

static void test_what_is_older_than_the_window_does_not_count(void **state)
{
    struct model_switch s = { 0 };

    (void)state;
    learn(&s, &RULE, SWITCH_BAD_ATTEMPT, 19, 1000);
    assert_int_equal(learn(&s, &RULE, SWITCH_BAD_ATTEMPT, 19, 400000), 0);
}

static void test_it_comes_back_after_a_while_without_a_failure(void **state)
{
    struct model_switch s = away(1000);

    (void)state;
    assert_int_equal(learn(&s, &RULE, SWITCH_GOOD_PROBE, 1, 30000), 0);
    assert_int_equal(learn(&s, &RULE, SWITCH_BAD_ATTEMPT, 1, 40000), 0);
    assert_int_equal(model_switch_wait_ms(&s, &RULE, 50000), 50000);
    assert_int_equal(learn(&s, &RULE, SWITCH_GOOD_ATTEMPT, 1, 99999), 0);
    assert_int_equal(learn(&s, &RULE, SWITCH_TIME, 1, 100000), 1);
    assert_int_equal(s.state, SWITCH_RETURNING);
    assert_int_equal(s.figures.good, 1);
    assert_int_equal(s.figures.bad, 0);
    assert_int_equal(model_switch_wait_ms(&s, &RULE, 100000), 0);
}

static void test_silence_alone_does_not_bring_it_back(void **state)
{
    struct model_switch s = away(1000);

    (void)state;
    assert_int_equal(learn(&s, &RULE, SWITCH_TIME, 1, 100000000), 0);
    assert_int_equal(model_switch_wait_ms(&s, &RULE, 100000000), 0);
    assert_int_equal(learn(&s, &RULE, SWITCH_GOOD_PROBE, 1, 100000000), 1);
}

static void test_the_trial_of_one_breaker_says_little_of_the_model(void **state)
{
    struct model_switch s = { 0 };

    (void)state;
    assert_int_equal(learn(&s, &RULE, SWITCH_BAD_TRIAL, 20, 1000), 1); /* an attempt it is */
    learn(&s, &RULE, SWITCH_GOOD_ATTEMPT, 1, 2000);
    learn(&s, &RULE, SWITCH_BAD_TRIAL, 1, 60000);
    assert_int_equal(learn(&s, &RULE, SWITCH_TIME, 1, 61000), 1);
    assert_int_equal(s.state, SWITCH_RETURNING);
}

static void test_its_share_rises_by_a_slow_start(void **state)
{
    struct model_switch s = away(1000);
    uint32_t before = SWITCH_RETURN;

    (void)state;
    learn(&s, &RULE, SWITCH_GOOD_PROBE, 1, 61000);
    assert_int_equal(model_switch_share(&s, &RULE, 61000), SWITCH_RETURN);
    for (uint64_t t = 61000; t <= 91000; t += 100) {
        uint32_t now = model_switch_share(&s, &RULE, t);

        assert_true(now >= before && now - before <= 3);
        assert_int_equal(learn(&s, &RULE, SWITCH_GOOD_ATTEMPT, 1, t), 0);
        before = now;
    }
    assert_int_equal(before, SWITCH_WHOLE);
    assert_int_equal(s.state, SWITCH_HOME);
}

static void test_without_a_slow_start_it_is_back_at_once(void **state)
{
    struct model_switch_rule rule = RULE;
    struct model_switch s = away(1000);

    (void)state;
    rule.slow_start_ms = 0;
    assert_int_equal(learn(&s, &rule, SWITCH_GOOD_PROBE, 1, 61000), 1);
    assert_int_equal(s.state, SWITCH_HOME);
    assert_int_equal(model_switch_share(&s, &rule, 61000), SWITCH_WHOLE);
}

static void test_one_that_relapses_waits_longer_each_time(void **state)
{
    struct model_switch s = away(1000);
    uint64_t now_ms = 1000;
    uint64_t longest_ms = (uint64_t)RULE.recover_ms << SWITCH_STRIKES_MAX;

    (void)state;
    for (uint64_t wait_ms = RULE.recover_ms; wait_ms <= 4 * longest_ms; wait_ms *= 2) {
        uint64_t due_ms = wait_ms < longest_ms ? wait_ms : longest_ms;

        assert_int_equal(model_switch_wait_ms(&s, &RULE, now_ms), due_ms);
        now_ms += due_ms;
        assert_int_equal(learn(&s, &RULE, SWITCH_GOOD_PROBE, 1, now_ms), 1);
        assert_int_equal(learn(&s, &RULE, SWITCH_BAD_ATTEMPT, 20, ++now_ms), 1);
    }
    now_ms += longest_ms;
    learn(&s, &RULE, SWITCH_GOOD_PROBE, 1, now_ms);
    now_ms += RULE.slow_start_ms + RULE.window_ms; /* fine for a whole window */
    assert_int_equal(learn(&s, &RULE, SWITCH_BAD_ATTEMPT, 20, now_ms), 1);
    assert_int_equal(model_switch_wait_ms(&s, &RULE, now_ms), RULE.recover_ms);
}

static void test_where_it_may_not_leave_it_only_advises(void **state)
{
    struct model_switch s = { 0 };

    (void)state;
    assert_int_equal(learn(&s, &ADVICE, SWITCH_BAD_ATTEMPT, 100, 1000), 1);
    assert_int_equal(s.state, SWITCH_ADVISED);
    assert_int_equal(model_switch_share(&s, &ADVICE, 1000), SWITCH_WHOLE);
    assert_int_equal(learn(&s, &ADVICE, SWITCH_GOOD_ATTEMPT, 1800, 2000), 0); /* 94.7 % */
    assert_int_equal(learn(&s, &ADVICE, SWITCH_GOOD_ATTEMPT, 1000, 3000), 0);
    learn(&s, &ADVICE, SWITCH_BAD_ATTEMPT, 1, 40000); /* one failure among many is fine */
    assert_int_equal(learn(&s, &ADVICE, SWITCH_TIME, 1, 61999), 0);
    assert_int_equal(learn(&s, &ADVICE, SWITCH_TIME, 1, 63000), 1);
    assert_int_equal(s.state, SWITCH_HOME);
    assert_string_equal(s.why, "its success rate is fine again");
}

static void test_a_new_rule_is_obeyed(void **state)
{
    struct model_switch s = away(1000);

    (void)state;
    assert_int_equal(model_switch_share(&s, &ADVICE, 2000), SWITCH_WHOLE); /* at once */
    assert_int_equal(learn(&s, &ADVICE, SWITCH_TIME, 1, 2000), 1);
    assert_int_equal(s.state, SWITCH_HOME);
    assert_int_equal(learn(&s, &ADVICE, SWITCH_BAD_ATTEMPT, 20, 3000), 1);
    assert_int_equal(s.state, SWITCH_ADVISED);
    assert_int_equal(learn(&s, &RULE, SWITCH_TIME, 1, 4000), 1);
    assert_int_equal(s.state, SWITCH_HOME);
}

/* ---- days ---- */

enum { DAY_S = 24 * 3600 };

/* So many requests a second, probes every 30 s; good for `half_s`, bad for `half_s`. Gives the number of
 * changes. */
static int live_a_day(const struct model_switch_rule *rule, int a_second, uint64_t half_s)
{
    struct model_switch s = { 0 };
    uint64_t asked = 0;
    int changes = 0;

    for (uint64_t second = 0; second < DAY_S; second++) {
        bool good = second / half_s % 2 == 0;
        uint64_t now_ms = second * 1000;

        for (int i = 0; i < a_second; i++)
            if (asked++ * SWITCH_TRIAL % SWITCH_WHOLE < model_switch_share(&s, rule, now_ms))
                changes += model_switch_learn(
                    &s, rule, good ? SWITCH_GOOD_ATTEMPT : SWITCH_BAD_ATTEMPT, now_ms);
        if (second % 30 == 29)
            changes += model_switch_learn(&s, rule, good ? SWITCH_GOOD_PROBE : SWITCH_BAD_PROBE,
                                          now_ms);
        changes += model_switch_learn(&s, rule, SWITCH_TIME, now_ms);
    }
    return changes;
}

static void test_days_of_flapping(void **state)
{
    clock_t began = clock();
    int fast = live_a_day(&RULE, 5, 30);
    long took_us = (long)((clock() - began) * 1000000 / CLOCKS_PER_SEC);

    (void)state;
    print_message("a day took %ld us\n", took_us);
#ifndef __SANITIZE_ADDRESS__
    assert_true(took_us < 100000);
#endif
    assert_int_equal(fast, 1); /* it leaves, and never is good for long enough */
    assert_int_equal(live_a_day(&ADVICE, 5, 30), 1);
    /* Good for longer than `recover`: the waits grow, so a day sees tens and not hundreds. */
    assert_in_range(live_a_day(&RULE, 5, 90), 2, 100);
    /* Outages of minutes are what it is for: there and back for each. */
    assert_in_range(live_a_day(&RULE, 5, 400), DAY_S / 400 - 10, DAY_S / 400 + 10);
    assert_int_equal(live_a_day(&RULE, 5, DAY_S), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_traffic_is_fine),
        cmocka_unit_test(test_it_leaves_below_the_threshold_and_not_before_there_are_enough),
        cmocka_unit_test(test_what_is_older_than_the_window_does_not_count),
        cmocka_unit_test(test_it_comes_back_after_a_while_without_a_failure),
        cmocka_unit_test(test_silence_alone_does_not_bring_it_back),
        cmocka_unit_test(test_the_trial_of_one_breaker_says_little_of_the_model),
        cmocka_unit_test(test_its_share_rises_by_a_slow_start),
        cmocka_unit_test(test_without_a_slow_start_it_is_back_at_once),
        cmocka_unit_test(test_one_that_relapses_waits_longer_each_time),
        cmocka_unit_test(test_where_it_may_not_leave_it_only_advises),
        cmocka_unit_test(test_a_new_rule_is_obeyed),
        cmocka_unit_test(test_days_of_flapping),
    };

    return cmocka_run_group_tests_name("model_switch", tests, NULL, NULL);
}
