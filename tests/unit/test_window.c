/* policy/window: what is recent, and what is not any more. */
#include "policy/window.h"

/* cmocka wants these first */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { SPAN_MS = 30000, SLICE_MS = SPAN_MS / WINDOW_SLICES };

static void test_nothing_seen_is_nothing(void **state)
{
    struct window window = { 0 };
    struct window_sum sum = window_sum(&window, SPAN_MS, 123456);

    (void)state;
    assert_int_equal(sum.good + sum.bad + sum.timed, 0);
    assert_int_equal(sum.mean_ms + sum.smooth_ms, 0);
}

static void test_what_was_added_is_counted(void **state)
{
    struct window window = { 0 };
    struct window_sum sum;

    (void)state;
    window_add(&window, SPAN_MS, 0, true);
    window_add(&window, SPAN_MS, 5000, true);
    window_add(&window, SPAN_MS, 9999, false);
    sum = window_sum(&window, SPAN_MS, 10000);
    assert_int_equal(sum.good, 2);
    assert_int_equal(sum.bad, 1);
    assert_int_equal(sum.timed, 0);
}

static void test_the_old_leaves_slice_by_slice(void **state)
{
    struct window window = { 0 };

    (void)state;
    for (uint64_t i = 0; i < WINDOW_SLICES; i++)
        window_add(&window, SPAN_MS, i * SLICE_MS, true);
    for (uint64_t i = 0; i < WINDOW_SLICES; i++) {
        uint64_t now_ms = SPAN_MS - 1 + i * SLICE_MS;

        assert_int_equal(window_sum(&window, SPAN_MS, now_ms).good, WINDOW_SLICES - i);
    }
    assert_int_equal(window_sum(&window, SPAN_MS, UINT64_C(2) * SPAN_MS).good, 0);
}

static void test_a_slice_is_used_again_empty(void **state)
{
    struct window window = { 0 };

    (void)state;
    window_add(&window, SPAN_MS, 500, false);
    window_add(&window, SPAN_MS, SPAN_MS + 500, true);
    assert_int_equal(window_sum(&window, SPAN_MS, SPAN_MS + 500).bad, 0);
    assert_int_equal(window_sum(&window, SPAN_MS, SPAN_MS + 500).good, 1);
}

static void test_another_length_begins_anew(void **state)
{
    struct window window = { 0 };
    uint64_t now_ms = 10000000;

    (void)state;
    window_add(&window, SPAN_MS, now_ms, false);
    assert_int_equal(window_sum(&window, 2 * SPAN_MS, now_ms).bad, 0);
    assert_int_equal(window_sum(&window, SPAN_MS / 2, now_ms).bad, 0);
}

static void test_times_have_a_mean_and_one_that_follows(void **state)
{
    struct window window = { 0 };
    struct window_sum sum;

    (void)state;
    for (int i = 0; i < 50; i++)
        window_add_first(&window, SPAN_MS, 1000, 100);
    sum = window_sum(&window, SPAN_MS, 1000);
    assert_int_equal(sum.mean_ms, 100);
    assert_in_range(sum.smooth_ms, 99, 101);
    for (int i = 0; i < 50; i++)
        window_add_first(&window, SPAN_MS, 2000, 1000);
    sum = window_sum(&window, SPAN_MS, 2000);
    assert_int_equal(sum.timed, 100);
    assert_int_equal(sum.mean_ms, 550);
    assert_in_range(sum.smooth_ms, 980, 1000);
    for (int i = 0; i < 50; i++)
        window_add_first(&window, SPAN_MS, 3000, 100);
    assert_in_range(window_sum(&window, SPAN_MS, 3000).smooth_ms, 99, 110);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_seen_is_nothing),
        cmocka_unit_test(test_what_was_added_is_counted),
        cmocka_unit_test(test_the_old_leaves_slice_by_slice),
        cmocka_unit_test(test_a_slice_is_used_again_empty),
        cmocka_unit_test(test_another_length_begins_anew),
        cmocka_unit_test(test_times_have_a_mean_and_one_that_follows),
    };

    return cmocka_run_group_tests_name("window", tests, NULL, NULL);
}
