/* flow/clocks: which deadline has passed, and which is next. */
#include "flow/clocks.h"

/* cmocka wants these first */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_a_clock_passes_at_its_time_and_not_before(void **state)
{
    struct clocks clocks = { 0 };

    (void)state;
    clocks_start(&clocks, CLOCK_IDLE, 1000, 50);
    assert_false(clocks_passed(&clocks, CLOCK_IDLE, 1049));
    assert_true(clocks_passed(&clocks, CLOCK_IDLE, 1050));
    assert_int_equal(clocks_expired(&clocks, &clocks, 1049), CLOCK_NONE);
    assert_int_equal(clocks_expired(&clocks, &clocks, 1050), CLOCK_IDLE);
    clocks_stop(&clocks, CLOCK_IDLE);
    assert_int_equal(clocks_expired(&clocks, &clocks, 2000), CLOCK_NONE);
}

static void test_none_of_nothing_runs(void **state)
{
    struct clocks clocks = { 0 };

    (void)state;
    clocks_start(&clocks, CLOCK_TOTAL, 1000, 0);
    assert_int_equal(clocks_next(&clocks, &clocks), 0);
    assert_int_equal(clocks_expired(&clocks, &clocks, UINT64_MAX), CLOCK_NONE);
    clocks_start(&clocks, CLOCK_TOTAL, 1000, 5);
    clocks_start(&clocks, CLOCK_TOTAL, 1000, 0); /* also stops one that ran */
    assert_int_equal(clocks_next(&clocks, &clocks), 0);
}

static void test_an_exchange_and_its_attempt_each_have_their_own(void **state)
{
    struct clocks exchange = { 0 };
    struct clocks attempt = { 0 };

    (void)state;
    clocks_start(&attempt, CLOCK_IDLE, 0, 10);
    clocks_start(&exchange, CLOCK_COMMENT, 0, 20);
    clocks_start(&exchange, CLOCK_TOTAL, 0, 30);
    assert_int_equal(clocks_next(&exchange, &attempt), 10);
    assert_int_equal(clocks_expired(&exchange, &attempt, 10), CLOCK_IDLE);
    assert_int_equal(clocks_expired(&exchange, &attempt, 30), CLOCK_TOTAL);
    clocks_stop_attempt(&attempt);
    assert_int_equal(clocks_next(&exchange, &attempt), 20);
}

static void test_the_total_is_said_before_the_others(void **state)
{
    struct clocks clocks = { 0 };

    (void)state;
    clocks_start(&clocks, CLOCK_IDLE, 0, 10);
    clocks_start(&clocks, CLOCK_FIRST_BYTE, 0, 20);
    clocks_start(&clocks, CLOCK_CONNECT, 0, 30);
    clocks_start(&clocks, CLOCK_TOTAL, 0, 40);
    assert_int_equal(clocks_expired(&clocks, &clocks, 10), CLOCK_IDLE);
    assert_int_equal(clocks_expired(&clocks, &clocks, 20), CLOCK_FIRST_BYTE);
    assert_int_equal(clocks_expired(&clocks, &clocks, 30), CLOCK_CONNECT);
    assert_int_equal(clocks_expired(&clocks, &clocks, 40), CLOCK_TOTAL);
}

static void test_comments_and_delays_are_no_deadlines(void **state)
{
    struct clocks clocks = { 0 };

    (void)state;
    clocks_start(&clocks, CLOCK_COMMENT, 0, 1);
    clocks_start(&clocks, CLOCK_BACKOFF, 0, 2);
    clocks_start(&clocks, CLOCK_LINGER, 0, 3);
    assert_int_equal(clocks_expired(&clocks, &clocks, 100), CLOCK_NONE);
}

static void test_the_alarm_is_set_to_the_earliest_of_all(void **state)
{
    struct clocks clocks = { 0 };

    (void)state;
    for (int name = CLOCK_NONE + 1; name < CLOCKS; name++) {
        clocks_start(&clocks, (enum clock_name)name, 1000, (uint32_t)(100 - name));
        assert_int_equal(clocks_next(&clocks, &clocks), 1100 - name);
    }
}

static void test_the_end_of_an_attempt_stops_its_clocks_alone(void **state)
{
    struct clocks clocks;

    (void)state;
    for (int name = 0; name < CLOCKS; name++)
        clocks.at_ms[name] = 1;
    clocks_stop_attempt(&clocks);
    assert_int_equal(clocks.at_ms[CLOCK_CONNECT], 0);
    assert_int_equal(clocks.at_ms[CLOCK_FIRST_BYTE], 0);
    assert_int_equal(clocks.at_ms[CLOCK_IDLE], 0);
    assert_int_equal(clocks.at_ms[CLOCK_TOTAL], 1);
    assert_int_equal(clocks.at_ms[CLOCK_COMMENT], 1);
    assert_int_equal(clocks.at_ms[CLOCK_BACKOFF], 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_clock_passes_at_its_time_and_not_before),
        cmocka_unit_test(test_none_of_nothing_runs),
        cmocka_unit_test(test_an_exchange_and_its_attempt_each_have_their_own),
        cmocka_unit_test(test_the_total_is_said_before_the_others),
        cmocka_unit_test(test_comments_and_delays_are_no_deadlines),
        cmocka_unit_test(test_the_alarm_is_set_to_the_earliest_of_all),
        cmocka_unit_test(test_the_end_of_an_attempt_stops_its_clocks_alone),
    };

    return cmocka_run_group_tests_name("clocks", tests, NULL, NULL);
}
