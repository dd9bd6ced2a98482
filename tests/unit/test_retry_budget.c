/* policy/retry_budget: how many retries there may be, on simulated clocks. */
#include "policy/retry_budget.h"

/* cmocka wants these first */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { FIFTH = 200000 };

struct crowd {
    struct retry_budget budget;
    uint64_t now_ms;
    uint32_t requests;
    uint32_t retries;
};

static bool try_again(struct retry_budget *budget, uint32_t share, uint64_t now_ms)
{
    if (!retry_budget_allows(budget, share, now_ms))
        return false;
    retry_budget_take(budget, now_ms);
    return true;
}

/* So many requests a second, each of which wants so many more attempts. */
static void pass(struct crowd *crowd, uint32_t seconds, uint32_t rate, uint32_t wanted)
{
    crowd->requests = 0;
    crowd->retries = 0;
    for (uint32_t i = 0; i < seconds * rate; i++) {
        crowd->requests++;
        retry_budget_add(&crowd->budget, crowd->now_ms + i * 1000 / rate);
        for (uint32_t j = 0; j < wanted; j++)
            crowd->retries += try_again(&crowd->budget, FIFTH, crowd->now_ms + i * 1000 / rate);
    }
    crowd->now_ms += seconds * UINT64_C(1000);
}

/* 200 a second for ten seconds, and nobody answers: attempts are at most 1.3 times the requests. */
static void test_an_outage_is_not_amplified(void **state)
{
    struct crowd crowd = { .now_ms = 12345 };

    (void)state;
    pass(&crowd, 30, 200, 0);
    pass(&crowd, 10, 200, 4);
    assert_int_equal(crowd.requests, 2000);
    assert_in_range(crowd.requests + crowd.retries, 2300, 2600);
    pass(&crowd, 60, 200, 4); /* nor when it lasts */
    assert_in_range(crowd.requests + crowd.retries, 14000, 15600);
}

/* The same from the first moment on: nothing was saved up. */
static void test_an_outage_at_the_start_is_not_amplified(void **state)
{
    struct crowd crowd = { 0 };

    (void)state;
    pass(&crowd, 10, 200, 4);
    assert_in_range(crowd.requests + crowd.retries, 2300, 2600);
}

static void test_a_quiet_gateway_may_retry_all_it_wants(void **state)
{
    struct crowd crowd = { 0 };

    (void)state;
    pass(&crowd, 60, 2, 4);
    assert_int_equal(crowd.retries, 60 * 2 * 4);
}

static void test_the_floor_is_ten_a_second(void **state)
{
    struct crowd crowd = { 0 };

    (void)state;
    pass(&crowd, 100, 20, 4);                  /* wants 80 a second; a fifth would be 4 */
    assert_in_range(crowd.retries, 990, 1110); /* ten times a hundred, and what was begun */
}

static void test_what_is_long_ago_does_not_count(void **state)
{
    struct crowd crowd = { 0 };

    (void)state;
    pass(&crowd, 10, 1000, 0);
    crowd.now_ms += 3600000;
    for (uint32_t i = 0; i < 1000; i++)
        crowd.retries += try_again(&crowd.budget, FIFTH, crowd.now_ms);
    assert_int_equal(crowd.retries, RETRY_BUDGET_FLOOR * RETRY_BUDGET_SLOTS);
}

static void test_a_clock_that_stands_or_steps_back_does_no_harm(void **state)
{
    struct retry_budget budget = { 0 };

    (void)state;
    retry_budget_add(&budget, 50000);
    retry_budget_add(&budget, 50000);
    assert_true(try_again(&budget, FIFTH, 20000));
    assert_int_equal(budget.second, 50);
    assert_int_equal(budget.retries[50 % RETRY_BUDGET_SLOTS], 1);
}

static void test_no_share_is_no_limit(void **state)
{
    struct retry_budget budget = { 0 };

    (void)state;
    for (uint32_t i = 0; i < 100000; i++)
        assert_true(try_again(&budget, 0, 1000));
}

static void test_what_is_left_can_be_asked(void **state)
{
    struct retry_budget budget = { 0 };

    (void)state;
    assert_int_equal(retry_budget_left(&budget, FIFTH, 0),
                     RETRY_BUDGET_FLOOR * RETRY_BUDGET_SLOTS);
    for (int i = 0; i < 1000; i++)
        retry_budget_add(&budget, 0);
    assert_int_equal(retry_budget_left(&budget, FIFTH, 0), 200);
    for (int i = 0; i < 250; i++)
        retry_budget_take(&budget, 0);
    assert_int_equal(retry_budget_left(&budget, FIFTH, 0), 0);
    assert_true(retry_budget_left(&budget, 0, 0) == UINT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_outage_is_not_amplified),
        cmocka_unit_test(test_an_outage_at_the_start_is_not_amplified),
        cmocka_unit_test(test_a_quiet_gateway_may_retry_all_it_wants),
        cmocka_unit_test(test_the_floor_is_ten_a_second),
        cmocka_unit_test(test_what_is_long_ago_does_not_count),
        cmocka_unit_test(test_a_clock_that_stands_or_steps_back_does_no_harm),
        cmocka_unit_test(test_no_share_is_no_limit),
        cmocka_unit_test(test_what_is_left_can_be_asked),
    };

    return cmocka_run_group_tests_name("retry_budget", tests, NULL, NULL);
}
