/* policy/latency: worse news counts at once, better news by and by, and old news fades. */
#include "policy/latency.h"

/* cmocka wants these first */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { START_MS = 1000000, SLOW_US = 80000, FAST_US = 10000 };

static void test_nothing_is_known_at_first(void **state)
{
    const struct latency latency = { 0 };

    (void)state;
    assert_int_equal(latency_now(&latency, 0), 0);
    assert_int_equal(latency_now(&latency, START_MS), 0);
}

static void test_worse_counts_at_once(void **state)
{
    struct latency latency = { 0 };

    (void)state;
    latency_answered(&latency, FAST_US, START_MS);
    assert_int_equal(latency_now(&latency, START_MS), FAST_US);
    latency_answered(&latency, SLOW_US, START_MS + 1);
    assert_int_equal(latency_now(&latency, START_MS + 1), SLOW_US);
}

static void test_better_counts_by_and_by(void **state)
{
    struct latency latency = { 0 };
    uint64_t before = SLOW_US;

    (void)state;
    latency_answered(&latency, SLOW_US, START_MS);
    for (uint64_t ms = 100; ms <= LATENCY_HALF_MS; ms += 100) {
        latency_answered(&latency, FAST_US, START_MS + ms);
        assert_true(latency_now(&latency, START_MS + ms) < before);
        before = latency_now(&latency, START_MS + ms);
    }
    assert_in_range(before, FAST_US + (SLOW_US - FAST_US) * 45 / 100,
                    FAST_US + (SLOW_US - FAST_US) * 55 / 100); /* half the way */
    for (uint64_t ms = 0; ms <= 20u * LATENCY_HALF_MS; ms += 100)
        latency_answered(&latency, FAST_US, START_MS + LATENCY_HALF_MS + ms);
    assert_in_range(latency_now(&latency, START_MS + 21u * LATENCY_HALF_MS), FAST_US,
                    FAST_US + FAST_US / 100);
}

static void test_without_news_it_fades_by_half_and_half(void **state)
{
    struct latency latency = { 0 };
    uint64_t before = SLOW_US + 1;

    (void)state;
    latency_answered(&latency, SLOW_US, START_MS);
    assert_int_equal(latency_now(&latency, START_MS + LATENCY_HALF_MS), SLOW_US / 2);
    assert_in_range(latency_now(&latency, START_MS + LATENCY_HALF_MS / 2), SLOW_US * 70 / 100,
                    SLOW_US * 71 / 100);
    assert_int_equal(latency_now(&latency, START_MS + 3 * LATENCY_HALF_MS), SLOW_US / 8);
    for (uint64_t ms = 0; ms < 10u * LATENCY_HALF_MS; ms += 250) {
        assert_true(latency_now(&latency, START_MS + ms) < before);
        before = latency_now(&latency, START_MS + ms);
    }
    assert_int_equal(latency_now(&latency, START_MS + 100u * LATENCY_HALF_MS), 0);
}

/* Otherwise all that come while the first is out would follow it. */
static void test_while_one_is_asking_the_old_figure_holds(void **state)
{
    const uint64_t later_ms = START_MS + 3 * LATENCY_HALF_MS;
    struct latency latency = { 0 };

    (void)state;
    latency_answered(&latency, SLOW_US, START_MS);
    latency_asked(&latency, later_ms);
    assert_int_equal(latency_now(&latency, later_ms), SLOW_US);
    assert_int_equal(latency_now(&latency, later_ms + 2 * SLOW_US / 1000), SLOW_US);
    assert_true(latency_now(&latency, later_ms + 2 * SLOW_US / 1000 + 1) < SLOW_US / 7);
    latency_answered(&latency, FAST_US, later_ms + 10);
    assert_true(latency_now(&latency, later_ms + 10) < SLOW_US / 4);
}

static void test_the_unknown_is_asked_one_at_a_time(void **state)
{
    struct latency latency = { 0 };

    (void)state;
    assert_true(latency_wanted(&latency, START_MS));
    latency_asked(&latency, START_MS);
    assert_false(latency_wanted(&latency, START_MS + LATENCY_HALF_MS - 1));
    assert_true(latency_wanted(&latency, START_MS + LATENCY_HALF_MS)); /* it failed, perhaps */
    latency_answered(&latency, FAST_US, START_MS + LATENCY_HALF_MS);
    assert_false(latency_wanted(&latency, START_MS + 3 * LATENCY_HALF_MS));
    assert_true(latency_wanted(&latency, START_MS + 100u * LATENCY_HALF_MS));
}

static void test_a_silence_can_only_make_it_worse(void **state)
{
    struct latency latency = { 0 };

    (void)state;
    latency_answered(&latency, FAST_US, START_MS);
    latency_waited(&latency, FAST_US / 2, START_MS);
    assert_int_equal(latency_now(&latency, START_MS), FAST_US);
    latency_waited(&latency, SLOW_US, START_MS);
    assert_int_equal(latency_now(&latency, START_MS), SLOW_US);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_is_known_at_first),
        cmocka_unit_test(test_worse_counts_at_once),
        cmocka_unit_test(test_better_counts_by_and_by),
        cmocka_unit_test(test_without_news_it_fades_by_half_and_half),
        cmocka_unit_test(test_while_one_is_asking_the_old_figure_holds),
        cmocka_unit_test(test_the_unknown_is_asked_one_at_a_time),
        cmocka_unit_test(test_a_silence_can_only_make_it_worse),
    };

    return cmocka_run_group_tests_name("latency", tests, NULL, NULL);
}
