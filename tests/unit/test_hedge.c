/* policy/hedge: when, and how many, on simulated clocks. */
#include "policy/hedge.h"

#include "base/mem.h"

/* cmocka wants these first */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define P95 (CONFIG_PERCENTILE | 95u)

static const struct config_hedge rule = { .after = P95, .budget = 50000 };

static void took_all(struct hedge *hedge, uint32_t count, uint32_t took_ms, uint64_t now_ms)
{
    while (count-- > 0)
        hedge_took(hedge, HEDGE_STREAM, took_ms, now_ms);
}

/* So many requests, each of which would be hedged; how many were? */
static uint32_t ask_all(struct hedge *hedge, uint32_t count)
{
    uint32_t hedged = 0;

    while (count-- > 0) {
        hedge_request(hedge, &rule);
        if (!hedge_allows(hedge))
            continue;
        hedge_take(hedge);
        hedged++;
    }
    return hedged;
}

static void test_a_duration_is_known_at_once(void **state)
{
    const struct config_hedge fixed = { .after = 800 };
    struct hedge *hedge = mem_zero(sizeof(*hedge));

    (void)state;
    assert_int_equal(hedge_after_ms(hedge, &fixed, HEDGE_STREAM), 800);
    assert_int_equal(hedge_after_ms(hedge, &fixed, HEDGE_WHOLE), 800);
    mem_free(hedge);
}

static void test_a_percentile_is_known_after_twenty_answers_of_the_kind(void **state)
{
    struct hedge *hedge = mem_zero(sizeof(*hedge));

    (void)state;
    took_all(hedge, HEDGE_TIMES_MIN - 1, 10, 1000);
    assert_int_equal(hedge_after_ms(hedge, &rule, HEDGE_STREAM), 0);
    took_all(hedge, 1, 10, 1000);
    assert_int_equal(hedge_after_ms(hedge, &rule, HEDGE_STREAM), 11);
    assert_int_equal(hedge_after_ms(hedge, &rule, HEDGE_WHOLE), 0);
    mem_free(hedge);
}

static void test_the_percentile_lies_between_the_fast_and_the_slow(void **state)
{
    static const struct {
        uint32_t percentile;
        uint32_t least;
        uint32_t most;
    } rows[] = { { 50, 101, 105 }, { 89, 101, 105 }, { 95, 1000, 1050 }, { 99, 1000, 1050 } };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct config_hedge at = { .after = CONFIG_PERCENTILE | rows[i].percentile };
        struct hedge *hedge = mem_zero(sizeof(*hedge));

        took_all(hedge, 900, 100, 1000);
        took_all(hedge, 100, 1000, 1000);
        assert_in_range(hedge_after_ms(hedge, &at, HEDGE_STREAM), rows[i].least, rows[i].most);
        mem_free(hedge);
    }
}

static void test_what_is_long_ago_does_not_count(void **state)
{
    struct hedge *hedge = mem_zero(sizeof(*hedge));
    uint64_t now_ms = 5;

    (void)state;
    took_all(hedge, 1000, 2000, now_ms);
    assert_in_range(hedge_after_ms(hedge, &rule, HEDGE_STREAM), 2000, 2080);
    for (uint32_t i = 0; i < 3; i++) {
        now_ms += HEDGE_PERIOD_MS;
        took_all(hedge, 100, 20, now_ms);
    }
    assert_int_equal(hedge_after_ms(hedge, &rule, HEDGE_STREAM), 21);
    mem_free(hedge);
}

static void test_a_quiet_model_keeps_what_it_knows(void **state)
{
    struct hedge *hedge = mem_zero(sizeof(*hedge));

    (void)state;
    took_all(hedge, 30, 20, 5);
    for (uint64_t hour = 1; hour < 30; hour++) {
        took_all(hedge, 1, 20, hour * 3600000);
        assert_int_equal(hedge_after_ms(hedge, &rule, HEDGE_STREAM), 21);
    }
    mem_free(hedge);
}

static void test_hedges_are_their_share_of_the_requests_and_the_floor(void **state)
{
    struct hedge *hedge = mem_zero(sizeof(*hedge));

    (void)state;
    assert_int_equal(ask_all(hedge, 20), HEDGE_FLOOR); /* the twentieth earns the next */
    assert_in_range(ask_all(hedge, 10000), 499, 501);
    assert_in_range(hedge->started, 504, 506);
    mem_free(hedge);
}

static void test_what_is_not_used_is_not_saved_up(void **state)
{
    struct hedge *hedge = mem_zero(sizeof(*hedge));

    (void)state;
    for (uint32_t i = 0; i < 100000; i++)
        hedge_request(hedge, &rule);
    for (uint32_t i = 0; i < HEDGE_FLOOR; i++) {
        assert_true(hedge_allows(hedge));
        hedge_take(hedge);
    }
    assert_false(hedge_allows(hedge));
    mem_free(hedge);
}

static void test_each_model_has_its_own(void **state)
{
    struct hedges hedges = { 0 };
    struct hedge *one;

    (void)state;
    hedges_init(&hedges);
    one = hedges_get(&hedges, "one");
    assert_ptr_equal(hedges_get(&hedges, "one"), one);
    assert_ptr_not_equal(hedges_get(&hedges, "two"), one);
    hedges_done(&hedges);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_duration_is_known_at_once),
        cmocka_unit_test(test_a_percentile_is_known_after_twenty_answers_of_the_kind),
        cmocka_unit_test(test_the_percentile_lies_between_the_fast_and_the_slow),
        cmocka_unit_test(test_what_is_long_ago_does_not_count),
        cmocka_unit_test(test_a_quiet_model_keeps_what_it_knows),
        cmocka_unit_test(test_hedges_are_their_share_of_the_requests_and_the_floor),
        cmocka_unit_test(test_what_is_not_used_is_not_saved_up),
        cmocka_unit_test(test_each_model_has_its_own),
    };

    return cmocka_run_group_tests_name("hedge", tests, NULL, NULL);
}
