/* policy/breaker: who is let in, and when it is believed again. */
#include "policy/breaker.h"

/* cmocka wants these first */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct breaker_rule RULE = { .enabled = true,
                                          .failures_max = 3,
                                          .open_ms = 1000,
                                          .trials = 2 };

static bool one(struct breaker *b, enum breaker_result result, uint64_t now_ms)
{
    struct breaker_ticket ticket = breaker_enter(b, &RULE, now_ms);

    assert_int_not_equal(ticket.pass, BREAKER_REFUSED);
    return breaker_leave(b, &RULE, ticket, result, now_ms);
}

/* Opened at 0. */
static struct breaker opened(void)
{
    struct breaker b = { 0 };

    assert_false(one(&b, BREAKER_BAD, 0));
    assert_false(one(&b, BREAKER_BAD, 0));
    assert_true(one(&b, BREAKER_BAD, 0));
    assert_int_equal(b.state, BREAKER_OPEN);
    return b;
}

static void test_opens_after_failures_in_a_row(void **state)
{
    struct breaker b = { 0 };

    (void)state;
    one(&b, BREAKER_BAD, 1);
    one(&b, BREAKER_BAD, 2);
    one(&b, BREAKER_GOOD, 3); /* begins anew */
    one(&b, BREAKER_BAD, 4);
    one(&b, BREAKER_BAD, 5);
    one(&b, BREAKER_UNKNOWN, 6); /* says nothing */
    assert_int_equal(b.state, BREAKER_CLOSED);
    assert_true(one(&b, BREAKER_BAD, 7));
    assert_int_equal(b.state, BREAKER_OPEN);
    assert_int_equal(b.opened_ms, 7);
}

static void test_lets_nobody_in_while_open(void **state)
{
    struct breaker b = opened();

    (void)state;
    assert_false(breaker_admits(&b, &RULE, 999));
    assert_int_equal(breaker_enter(&b, &RULE, 999).pass, BREAKER_REFUSED);
    assert_int_equal(b.state, BREAKER_OPEN);
    assert_true(breaker_admits(&b, &RULE, 1000));
    assert_int_equal(b.state, BREAKER_OPEN); /* asking changes nothing */
}

static void test_lets_as_many_trials_in_at_once_as_the_rule_says(void **state)
{
    struct breaker b = opened();

    (void)state;
    assert_int_equal(breaker_enter(&b, &RULE, 1000).pass, BREAKER_TRIAL);
    assert_int_equal(b.state, BREAKER_HALF_OPEN);
    assert_int_equal(breaker_enter(&b, &RULE, 1000).pass, BREAKER_TRIAL);
    assert_int_equal(breaker_enter(&b, &RULE, 1000).pass, BREAKER_REFUSED);
    assert_false(breaker_admits(&b, &RULE, 100000));
}

static void test_closes_when_enough_trials_have_succeeded(void **state)
{
    struct breaker b = opened();

    (void)state;
    assert_false(one(&b, BREAKER_GOOD, 1000));
    assert_int_equal(b.state, BREAKER_HALF_OPEN);
    assert_true(one(&b, BREAKER_GOOD, 1001));
    assert_int_equal(b.state, BREAKER_CLOSED);
    assert_int_equal(b.failures, 0);
}

static void test_a_failed_trial_opens_it_for_another_while(void **state)
{
    struct breaker b = opened();

    (void)state;
    assert_false(one(&b, BREAKER_GOOD, 1000));
    assert_true(one(&b, BREAKER_BAD, 1500));
    assert_false(breaker_admits(&b, &RULE, 2499));
    assert_true(breaker_admits(&b, &RULE, 2500));
    assert_false(one(&b, BREAKER_GOOD, 2500)); /* the earlier success does not count */
    assert_int_equal(b.state, BREAKER_HALF_OPEN);
}

static void test_a_trial_that_says_nothing_gives_its_place_back(void **state)
{
    struct breaker b = opened();

    (void)state;
    for (int i = 0; i < 10; i++)
        assert_false(one(&b, BREAKER_UNKNOWN, 1000));
    assert_int_equal(b.running, 0);
    assert_int_equal(b.state, BREAKER_HALF_OPEN);
}

static void test_a_stream_from_before_the_trip_is_old_news(void **state)
{
    struct breaker b = { 0 };
    struct breaker_ticket old = breaker_enter(&b, &RULE, 0);
    struct breaker_ticket older = breaker_enter(&b, &RULE, 0);

    (void)state;
    for (int i = 0; i < 3; i++)
        one(&b, BREAKER_BAD, 1);
    assert_false(breaker_leave(&b, &RULE, older, BREAKER_GOOD, 2));
    assert_int_equal(b.state, BREAKER_OPEN);
    assert_int_equal(breaker_enter(&b, &RULE, 1001).pass, BREAKER_TRIAL);
    assert_false(breaker_leave(&b, &RULE, old, BREAKER_GOOD, 1002));
    assert_int_equal(b.state, BREAKER_HALF_OPEN);
    assert_int_equal(b.running, 1);
    assert_int_equal(b.succeeded, 0);
}

static void test_a_trial_of_an_earlier_round_is_old_news_too(void **state)
{
    struct breaker b = opened();
    struct breaker_ticket slow = breaker_enter(&b, &RULE, 1000);

    (void)state;
    assert_true(one(&b, BREAKER_BAD, 1100)); /* the other trial */
    assert_int_equal(breaker_enter(&b, &RULE, 2100).pass, BREAKER_TRIAL);
    assert_false(breaker_leave(&b, &RULE, slow, BREAKER_BAD, 2200));
    assert_int_equal(b.state, BREAKER_HALF_OPEN);
    assert_int_equal(b.running, 1);
}

static void test_a_trial_that_ends_after_the_closing_changes_nothing(void **state)
{
    struct breaker b = opened();
    struct breaker_ticket slow = breaker_enter(&b, &RULE, 1000);

    (void)state;
    assert_false(one(&b, BREAKER_GOOD, 1000));
    assert_true(one(&b, BREAKER_GOOD, 1000));
    assert_int_equal(b.state, BREAKER_CLOSED);
    assert_false(breaker_leave(&b, &RULE, slow, BREAKER_BAD, 1100));
    assert_int_equal(b.state, BREAKER_CLOSED);
    assert_int_equal(b.failures, 0);
}

static struct breaker_ticket early(struct breaker *b, uint64_t now_ms)
{
    static const struct breaker_rule slow = {
        .enabled = true, .failures_max = 3, .open_ms = 30000, .trials = 2
    };

    return breaker_enter_early(b, &slow, now_ms);
}

static void test_as_a_last_resort_it_is_tried_once_a_second(void **state)
{
    const struct breaker_rule slow = {
        .enabled = true, .failures_max = 3, .open_ms = 30000, .trials = 2
    };
    struct breaker b = opened();
    struct breaker_ticket ticket;

    (void)state;
    for (uint64_t now_ms = 1000; now_ms < 100000; now_ms += 1000) {
        assert_int_equal(early(&b, now_ms - 1).pass, BREAKER_REFUSED);
        ticket = early(&b, now_ms);
        assert_int_equal(ticket.pass, BREAKER_TRIAL);
        assert_int_equal(early(&b, now_ms).pass, BREAKER_REFUSED);
        assert_false(
            breaker_admits(&b, &slow, now_ms)); /* but for a last resort it stays shut */
        assert_false(breaker_leave(&b, &slow, ticket, BREAKER_BAD, now_ms));
        assert_int_equal(b.state, BREAKER_OPEN);
        assert_int_equal(b.opened_ms, now_ms); /* its time begins anew */
    }
}

static void test_early_trials_that_hang_are_no_more_than_others(void **state)
{
    struct breaker b = opened();

    (void)state;
    assert_int_equal(early(&b, 1000).pass, BREAKER_TRIAL);
    assert_int_equal(early(&b, 1999).pass, BREAKER_REFUSED);
    assert_int_equal(early(&b, 2000).pass, BREAKER_TRIAL);
    for (uint64_t now_ms = 2000; now_ms < 60000; now_ms += 1000)
        assert_int_equal(early(&b, now_ms).pass, BREAKER_REFUSED);
}

static void test_an_early_trial_that_succeeds_is_the_first_success(void **state)
{
    struct breaker b = opened();
    struct breaker_ticket ticket;

    (void)state;
    ticket = early(&b, 1000);
    assert_true(breaker_leave(&b, &RULE, ticket, BREAKER_GOOD, 1001));
    assert_int_equal(b.state, BREAKER_HALF_OPEN);
    assert_true(one(&b, BREAKER_GOOD, 1002));
    assert_int_equal(b.state, BREAKER_CLOSED);
}

static void test_an_early_trial_may_run_when_its_time_is_over(void **state)
{
    struct breaker b = opened();
    struct breaker_ticket slow = early(&b, 1000);

    (void)state;
    assert_int_equal(breaker_enter(&b, &RULE, 1001).pass, BREAKER_TRIAL);
    assert_int_equal(b.running, 2);
    assert_int_equal(breaker_enter(&b, &RULE, 1001).pass, BREAKER_REFUSED);
    assert_false(breaker_leave(&b, &RULE, slow, BREAKER_UNKNOWN, 1002));
    assert_int_equal(b.running, 1);
}

static void test_one_that_is_disabled_lets_everybody_in(void **state)
{
    const struct breaker_rule off = { .failures_max = 1, .open_ms = 1000, .trials = 1 };
    struct breaker b = opened();
    struct breaker_ticket ticket = breaker_enter(&b, &off, 1);

    (void)state;
    assert_int_equal(ticket.pass, BREAKER_NORMAL);
    assert_false(breaker_leave(&b, &off, ticket, BREAKER_BAD, 2));
    b = (struct breaker){ 0 };
    for (int i = 0; i < 5; i++) {
        ticket = breaker_enter(&b, &off, 1);
        assert_false(breaker_leave(&b, &off, ticket, BREAKER_BAD, 1));
    }
    assert_int_equal(b.state, BREAKER_CLOSED);
}

static void test_each_state_has_its_name(void **state)
{
    (void)state;
    assert_string_equal(breaker_state_name(BREAKER_CLOSED), "closed");
    assert_string_equal(breaker_state_name(BREAKER_OPEN), "open");
    assert_string_equal(breaker_state_name(BREAKER_HALF_OPEN), "half_open");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_opens_after_failures_in_a_row),
        cmocka_unit_test(test_lets_nobody_in_while_open),
        cmocka_unit_test(test_lets_as_many_trials_in_at_once_as_the_rule_says),
        cmocka_unit_test(test_closes_when_enough_trials_have_succeeded),
        cmocka_unit_test(test_a_failed_trial_opens_it_for_another_while),
        cmocka_unit_test(test_a_trial_that_says_nothing_gives_its_place_back),
        cmocka_unit_test(test_a_stream_from_before_the_trip_is_old_news),
        cmocka_unit_test(test_a_trial_of_an_earlier_round_is_old_news_too),
        cmocka_unit_test(test_a_trial_that_ends_after_the_closing_changes_nothing),
        cmocka_unit_test(test_as_a_last_resort_it_is_tried_once_a_second),
        cmocka_unit_test(test_early_trials_that_hang_are_no_more_than_others),
        cmocka_unit_test(test_an_early_trial_that_succeeds_is_the_first_success),
        cmocka_unit_test(test_an_early_trial_may_run_when_its_time_is_over),
        cmocka_unit_test(test_one_that_is_disabled_lets_everybody_in),
        cmocka_unit_test(test_each_state_has_its_name),
    };

    return cmocka_run_group_tests_name("breaker", tests, NULL, NULL);
}
