/* policy/limit: what may still be had, on simulated clocks. */
#include "base/limits.h"
#include "policy/limit.h"

/* cmocka wants these first */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define DAY_MS UINT64_C(86400000)
#define DOLLAR UINT64_C(1000000000000) /* in pico-dollars */

static struct limit_time at(uint64_t now_ms)
{
    return (struct limit_time){ .now_ms = now_ms, .wall_ms = 20000 * DAY_MS + now_ms };
}

/* A request that comes and goes at once. */
static bool ask(struct limit *limit, const struct config_rates *rates, uint64_t now_ms)
{
    if (limit_look(limit, rates, at(now_ms)).by != LIMIT_KINDS)
        return false;
    limit_enter(limit, rates, at(now_ms));
    limit_leave(limit, true);
    return true;
}

static uint64_t ask_often(struct limit *limit, const struct config_rates *rates,
                          uint64_t now_ms, int times)
{
    uint64_t in = 0;

    for (int i = 0; i < times; i++)
        in += ask(limit, rates, now_ms);
    return in;
}

static struct limit_figure figure(const struct limit *limit, const struct config_rates *rates,
                                  enum limit_kind kind, uint64_t now_ms)
{
    struct limit_figure ret = { 0 };

    assert_true(limit_figure(limit, rates, kind, at(now_ms), &ret));
    return ret;
}

static uint64_t wait(struct limit *limit, const struct config_rates *rates, uint64_t now_ms)
{
    return limit_look(limit, rates, at(now_ms)).wait_ms;
}

static void test_a_burst_and_then_the_rate(void **state)
{
    const struct config_rates rates = { .requests_per_minute = 600, .burst_size = 60 };
    struct limit limit = { 0 };

    (void)state;
    assert_int_equal(ask_often(&limit, &rates, 1000, 100), 60);
    assert_int_equal(wait(&limit, &rates, 1000), 100);
    assert_false(ask(&limit, &rates, 1099));
    assert_true(ask(&limit, &rates, 1100));
    assert_false(ask(&limit, &rates, 1100));
    assert_int_equal(ask_often(&limit, &rates, 1600, 100), 5);
    assert_int_equal(ask_often(&limit, &rates, 1000000, 100), 60); /* no more than is held */
}

/* Rates that divide a minute, or a millisecond, badly. Nothing may be lost or won by rounding. */
static void test_exactly_the_rate_over_hours(void **state)
{
    static const uint32_t per_minute[] = { 1, 61, 997, 7001, 59999 };

    (void)state;
    for (size_t i = 0; i < sizeof(per_minute) / sizeof(per_minute[0]); i++) {
        const struct config_rates rates = { .requests_per_minute = per_minute[i],
                                            .burst_size = 3 };
        struct limit limit = { 0 };
        uint64_t in = 0;
        uint64_t now_ms = 5;

        for (; now_ms <= 5 + 2 * 3600000; now_ms += 1) /* asks all the time */
            in += ask(&limit, &rates, now_ms);
        assert_int_equal(in, 3 + UINT64_C(120) * per_minute[i]);
    }
}

static void test_who_waits_as_long_as_told_is_let_in_and_not_before(void **state)
{
    struct limit limit = { 0 };
    uint64_t now_ms = 1;

    (void)state;
    for (uint32_t rate = 1; rate < 200000; rate = rate * 3 + 1) {
        const struct config_rates rates = { .requests_per_minute = rate, .burst_size = 2 };
        uint64_t told_ms;

        (void)ask_often(&limit, &rates, now_ms, 3);
        told_ms = wait(&limit, &rates, now_ms);
        assert_in_range(told_ms, 1, 60000 / rate + 1);
        assert_false(ask(&limit, &rates, now_ms + told_ms - 1));
        assert_true(ask(&limit, &rates, now_ms + told_ms));
        now_ms += told_ms;
    }
}

static void test_who_is_refused_has_paid_nothing(void **state)
{
    const struct config_rates rates = { .requests_per_minute = 60, .burst_size = 1 };
    struct limit limit = { 0 };

    (void)state;
    assert_true(ask(&limit, &rates, 0));
    for (uint64_t ms = 1; ms < 1000; ms++)
        assert_false(ask(&limit, &rates, ms));
    assert_true(ask(&limit, &rates, 1000));
}

static void test_who_was_not_served_has_paid_nothing_either(void **state)
{
    const struct config_rates rates = { .requests_per_minute = 60, .burst_size = 2 };
    const struct config_rates none = { 0 };
    struct limit limit = { 0 };

    (void)state;
    limit_enter(&limit, &rates, at(0));
    limit_enter(&limit, &rates, at(0));
    limit_leave(&limit, false);
    assert_int_equal(figure(&limit, &rates, LIMIT_REQUESTS, 0).remaining, 1);
    limit_leave(&limit, true);
    assert_int_equal(ask_often(&limit, &rates, 0, 3), 1);
    limit_enter(&limit, &none, at(100000)); /* counted by nothing */
    limit_leave(&limit, false);
    assert_int_equal(ask_often(&limit, &rates, 100000, 3), 2);
}

static void test_tokens_are_owed_and_made_up(void **state)
{
    const struct config_rates rates = { .tokens_per_minute = 6000 }; /* 100 a second */
    struct limit limit = { 0 };

    (void)state;
    assert_true(ask(&limit, &rates, 0));
    limit_charge(&limit, &rates, 5999, 0, at(0));
    assert_int_equal(wait(&limit, &rates, 0), 0); /* one is left */
    limit_charge(&limit, &rates, 1001, 0, at(0));
    assert_int_equal(limit_look(&limit, &rates, at(0)).by, LIMIT_TOKENS);
    assert_int_equal(wait(&limit, &rates, 0), 10010);
    assert_int_equal(figure(&limit, &rates, LIMIT_TOKENS, 0).used, 7000);
    assert_int_equal(figure(&limit, &rates, LIMIT_TOKENS, 0).remaining, 0);
    assert_false(ask(&limit, &rates, 10009));
    assert_true(ask(&limit, &rates, 10010));
    assert_int_equal(figure(&limit, &rates, LIMIT_TOKENS, 10010).remaining, 1);
    assert_int_equal(figure(&limit, &rates, LIMIT_TOKENS, 10010).reset_ms, 59990);
}

/* Requests of a thousand tokens each, asked for all the time: in the long run no token too many. */
static void test_the_rate_of_tokens_holds_over_hours(void **state)
{
    const struct config_rates rates = { .tokens_per_minute = 7001 };
    struct limit limit = { 0 };
    uint64_t tokens = 0;

    (void)state;
    for (uint64_t ms = 0; ms <= 6 * 3600000; ms += 10) {
        if (!ask(&limit, &rates, ms))
            continue;
        limit_charge(&limit, &rates, 1000, 0, at(ms));
        tokens += 1000;
    }
    assert_in_range(tokens, UINT64_C(360) * 7001 + 6000, UINT64_C(360) * 7001 + 7001 + 1000);
}

static void test_an_absurd_count_does_not_overflow(void **state)
{
    const struct config_rates rates = { .tokens_per_minute = LIMIT_RATE,
                                        .budget_usd_per_day = 1 };
    const struct config_rates other = { .tokens_per_minute = 1 };
    struct limit limit = { 0 };

    (void)state;
    for (int i = 0; i < 5; i++)
        limit_charge(&limit, &rates, UINT64_MAX, UINT64_MAX, at(0));
    assert_int_equal(limit_look(&limit, &rates, at(0)).by, LIMIT_TOKENS);
    assert_int_equal(figure(&limit, &rates, LIMIT_BUDGET, 0).remaining, 0);
    assert_in_range(figure(&limit, &rates, LIMIT_TOKENS, 0).reset_ms, 1000000, UINT32_MAX);
    assert_int_equal(limit_look(&limit, &other, at(0)).by, LIMIT_TOKENS);
    limit_charge(&limit, &other, UINT64_MAX, 0, at(0));
    limit_charge(&limit, &rates, UINT64_MAX, 0, at(0));
    assert_int_equal(limit_look(&limit, &rates, at(UINT64_C(1) << 62)).by, LIMIT_KINDS);
}

static void test_slots_are_taken_and_given_back(void **state)
{
    const struct config_rates rates = { .concurrent_requests = 2 };
    struct limit limit = { 0 };

    (void)state;
    limit_enter(&limit, &rates, at(0));
    assert_int_equal(wait(&limit, &rates, 0), 0);
    limit_enter(&limit, &rates, at(0));
    assert_int_equal(limit_look(&limit, &rates, at(0)).by, LIMIT_CONCURRENT);
    assert_int_equal(wait(&limit, &rates, 0), 1000);
    assert_int_equal(figure(&limit, &rates, LIMIT_CONCURRENT, 0).remaining, 0);
    limit_leave(&limit, true);
    assert_int_equal(wait(&limit, &rates, 0), 0);
    assert_int_equal(figure(&limit, &rates, LIMIT_CONCURRENT, 0).used, 1);
}

static void test_fewer_slots_than_are_taken(void **state)
{
    const struct config_rates two = { .concurrent_requests = 2 };
    const struct config_rates one = { .concurrent_requests = 1 };
    struct limit limit = { 0 };

    (void)state;
    limit_enter(&limit, &two, at(0));
    limit_enter(&limit, &two, at(0));
    assert_int_equal(figure(&limit, &one, LIMIT_CONCURRENT, 0).remaining, 0);
    limit_leave(&limit, true);
    assert_int_equal(limit_look(&limit, &one, at(0)).by, LIMIT_CONCURRENT);
    limit_leave(&limit, true);
    assert_int_equal(limit_look(&limit, &one, at(0)).by, LIMIT_KINDS);
}

static void test_a_budget_is_of_a_day(void **state)
{
    const struct config_rates rates = { .budget_usd_per_day = 1500000 };
    struct limit limit = { 0 };

    (void)state;
    limit_charge(&limit, &rates, 0, 1 * DOLLAR, at(0));
    assert_int_equal(wait(&limit, &rates, 0), 0);
    assert_int_equal(figure(&limit, &rates, LIMIT_BUDGET, 0).remaining, DOLLAR / 2);
    limit_charge(&limit, &rates, 0, DOLLAR / 2, at(3600000));
    assert_int_equal(limit_look(&limit, &rates, at(3600000)).by, LIMIT_BUDGET);
    assert_int_equal(wait(&limit, &rates, 3600000), DAY_MS - 3600000);
    assert_int_equal(wait(&limit, &rates, DAY_MS - 1), 1);
    assert_int_equal(wait(&limit, &rates, DAY_MS), 0);
    assert_int_equal(figure(&limit, &rates, LIMIT_BUDGET, DAY_MS).used, 0);
    limit_charge(&limit, &rates, 0, 1, at(DAY_MS));
    assert_int_equal(figure(&limit, &rates, LIMIT_BUDGET, DAY_MS).used, 1);
}

static void test_a_day_is_not_had_twice_by_setting_the_clock_back(void **state)
{
    const struct config_rates rates = { .budget_usd_per_day = 1000000 };
    struct limit limit = { 0 };

    (void)state;
    limit_charge(&limit, &rates, 0, DOLLAR, at(DAY_MS + 5));
    assert_int_equal(limit_look(&limit, &rates, at(DAY_MS - 5)).by, LIMIT_BUDGET);
    assert_int_equal(limit_look(&limit, &rates, at(DAY_MS + 6)).by, LIMIT_BUDGET);
    /* but a clock that was years ahead does not lock anybody out for years */
    limit_charge(&limit, &rates, 0, DOLLAR, at(5000 * DAY_MS));
    assert_int_equal(limit_look(&limit, &rates, at(2 * DAY_MS)).by, LIMIT_KINDS);
}

static void test_a_clock_that_goes_back_neither_fills_nor_locks(void **state)
{
    const struct config_rates rates = { .requests_per_minute = 60, .burst_size = 2 };
    struct limit limit = { 0 };

    (void)state;
    assert_int_equal(ask_often(&limit, &rates, 1000000, 3), 2);
    assert_false(ask(&limit, &rates, 400000));
    assert_int_equal(wait(&limit, &rates, 400000), 1000);
    assert_true(ask(&limit, &rates, 401000));
    assert_int_equal(ask_often(&limit, &rates, 1001000, 3), 2); /* no more than is held */
    assert_false(ask(&limit, &rates, 0));
    assert_true(ask(&limit, &rates, 1000));
}

static void test_other_numbers_find_the_bucket_as_full_as_it_was(void **state)
{
    const struct config_rates small = { .requests_per_minute = 60,
                                        .burst_size = 10,
                                        .tokens_per_minute = 1000 };
    const struct config_rates large = { .requests_per_minute = 6000,
                                        .burst_size = 1000,
                                        .tokens_per_minute = 10000 };
    const struct config_rates flat = { .requests_per_minute = 6000, .burst_size = 10 };
    struct limit limit = { 0 };

    (void)state;
    assert_int_equal(ask_often(&limit, &small, 0, 4), 4);
    limit_charge(&limit, &small, 1500, 0, at(0));
    assert_int_equal(figure(&limit, &large, LIMIT_REQUESTS, 0).remaining, 600);
    assert_int_equal(figure(&limit, &large, LIMIT_TOKENS, 0).used, 15000);
    /* the old rate counts up to the first look by the new one, which counts from there */
    (void)wait(&limit, &large, 1000);
    assert_int_equal(figure(&limit, &large, LIMIT_REQUESTS, 1000).remaining, 700);
    assert_int_equal(figure(&limit, &large, LIMIT_REQUESTS, 2000).remaining, 800);
    limit_enter(&limit, &large, at(1000));
    assert_int_equal(figure(&limit, &small, LIMIT_REQUESTS, 1000).used, 4); /* 3.01 */
    limit = (struct limit){ 0 };
    assert_int_equal(ask_often(&limit, &small, 0, 11), 10);
    assert_int_equal(wait(&limit, &small, 0), 1000);
    assert_int_equal(wait(&limit, &flat, 0), 10); /* nobody waits longer for it */
    assert_true(ask(&limit, &flat, 10));
}

static void test_of_two_refusals_the_longer_is_told(void **state)
{
    const struct config_rates rates = { .requests_per_minute = 60,
                                        .burst_size = 1,
                                        .tokens_per_minute = 60,
                                        .concurrent_requests = 1 };
    struct limit limit = { 0 };

    (void)state;
    limit_enter(&limit, &rates, at(0));
    limit_charge(&limit, &rates, 64, 0, at(0));
    assert_int_equal(limit_look(&limit, &rates, at(0)).by, LIMIT_TOKENS);
    assert_int_equal(wait(&limit, &rates, 0), 5000);
    assert_int_equal(limit_look(&limit, &rates, at(4500)).by, LIMIT_CONCURRENT);
}

static void test_without_limits_there_are_no_figures(void **state)
{
    const struct config_rates none = { 0 };
    struct limit limit = { 0 };
    struct limit_figure unused;

    (void)state;
    assert_false(limit_any(&none));
    assert_int_equal(ask_often(&limit, &none, 0, 1000), 1000);
    limit_charge(&limit, &none, UINT64_MAX, UINT64_MAX, at(0));
    for (enum limit_kind kind = 0; kind < LIMIT_KINDS; kind++)
        assert_false(limit_figure(&limit, &none, kind, at(0), &unused));
    assert_true(limit_any(&(struct config_rates){ .budget_usd_per_day = 1 }));
    assert_true(limit_any(&(struct config_rates){ .concurrent_requests = 1 }));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_burst_and_then_the_rate),
        cmocka_unit_test(test_exactly_the_rate_over_hours),
        cmocka_unit_test(test_who_waits_as_long_as_told_is_let_in_and_not_before),
        cmocka_unit_test(test_who_is_refused_has_paid_nothing),
        cmocka_unit_test(test_who_was_not_served_has_paid_nothing_either),
        cmocka_unit_test(test_tokens_are_owed_and_made_up),
        cmocka_unit_test(test_the_rate_of_tokens_holds_over_hours),
        cmocka_unit_test(test_an_absurd_count_does_not_overflow),
        cmocka_unit_test(test_slots_are_taken_and_given_back),
        cmocka_unit_test(test_fewer_slots_than_are_taken),
        cmocka_unit_test(test_a_budget_is_of_a_day),
        cmocka_unit_test(test_a_day_is_not_had_twice_by_setting_the_clock_back),
        cmocka_unit_test(test_a_clock_that_goes_back_neither_fills_nor_locks),
        cmocka_unit_test(test_other_numbers_find_the_bucket_as_full_as_it_was),
        cmocka_unit_test(test_of_two_refusals_the_longer_is_told),
        cmocka_unit_test(test_without_limits_there_are_no_figures),
    };

    return cmocka_run_group_tests_name("limit", tests, NULL, NULL);
}
