/* policy/trim: when memory is worth handing back. base/mem: that it is. base/resident: how much there is. */
#include "policy/trim.h"

#include "base/mem.h"
#include "base/resident.h"

#include <string.h>

/* cmocka wants these first */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define MB UINT64_C(1048576)

static void test_too_much_for_a_while_is_due(void **state)
{
    struct trim trim = { 0 };

    (void)state;
    assert_false(trim_is_due(&trim, 12 * MB, 0, 1000));
    assert_false(trim_is_due(&trim, 200 * MB, 0, 2000)); /* since now */
    assert_false(trim_is_due(&trim, 200 * MB, 0, 2000 + TRIM_CALM_MS - 1));
    assert_true(trim_is_due(&trim, 200 * MB, 0, 2000 + TRIM_CALM_MS));
}

static void test_a_little_more_is_not(void **state)
{
    struct trim trim = { 0 };

    (void)state;
    for (uint64_t now_ms = 1000; now_ms < 100000; now_ms += 1000)
        assert_false(trim_is_due(&trim, 12 * MB + (now_ms > 1000 ? TRIM_SLACK_BYTES - 1 : 0), 0,
                                 now_ms));
}

static void test_work_at_hand_explains_its_memory(void **state)
{
    struct trim trim = { 0 };

    (void)state;
    assert_false(trim_is_due(&trim, 12 * MB, 0, 1000));
    assert_false(trim_is_due(&trim, 200 * MB, 9000, 2000));
    assert_false(trim_is_due(&trim, 200 * MB, 9000, 60000));
    assert_false(trim_is_due(&trim, 200 * MB, 10, 61000)); /* the wait begins when it is over */
    assert_true(trim_is_due(&trim, 200 * MB, 10, 61000 + TRIM_CALM_MS));
}

static void test_a_moment_of_less_begins_the_wait_anew(void **state)
{
    struct trim trim = { 0 };

    (void)state;
    assert_false(trim_is_due(&trim, 12 * MB, 0, 1000));
    assert_false(trim_is_due(&trim, 50 * MB, 0, 2000));
    assert_false(trim_is_due(&trim, 50 * MB, 5000, 3000));
    assert_false(trim_is_due(&trim, 50 * MB, 0, 2000 + TRIM_CALM_MS));
    assert_true(trim_is_due(&trim, 50 * MB, 0, 2000 + 2 * TRIM_CALM_MS));
}

static void test_nothing_known_is_never_due(void **state)
{
    struct trim trim = { 0 };

    (void)state;
    for (uint64_t now_ms = 1000; now_ms < 100000; now_ms += 1000)
        assert_false(trim_is_due(&trim, 0, 0, now_ms));
}

/* When the next one is due at the earliest, with 50 MB resident. */
static uint64_t next_due(struct trim *trim, uint64_t now_ms)
{
    while (!trim_is_due(trim, 50 * MB, 0, now_ms))
        now_ms += 1000;
    return now_ms;
}

static void test_one_that_gains_nothing_makes_the_next_wait_longer(void **state)
{
    struct trim trim = { 0 };
    uint64_t at_ms = 1000;
    uint64_t waited_ms = 0;

    (void)state;
    assert_false(trim_is_due(&trim, 12 * MB, 0, at_ms));
    at_ms = next_due(&trim, at_ms);
    trim_learn(&trim, 50 * MB, 50 * MB, at_ms);
    for (int i = 0; i < 20; i++) {
        uint64_t next_ms = next_due(&trim, at_ms);

        assert_true(next_ms - at_ms >= 2 * waited_ms || next_ms - at_ms == TRIM_REST_MOST_MS);
        waited_ms = next_ms - at_ms;
        at_ms = next_ms;
        trim_learn(&trim, 50 * MB, 50 * MB, at_ms);
    }
    assert_int_equal(waited_ms, TRIM_REST_MOST_MS);
    at_ms = next_due(&trim, at_ms);
    trim_learn(&trim, 50 * MB, 20 * MB, at_ms); /* that was worth it */
    assert_int_equal(next_due(&trim, at_ms) - at_ms, TRIM_REST_MS);
}

/* ---- and how ---- */

enum { BLOCKS = 40000, BLOCK_BYTES = 1000, KEPT_EVERY = 400 };

static void test_what_was_freed_between_kept_blocks_goes_back(void **state)
{
    static char *blocks[BLOCKS];
    uint64_t before;
    int steps = 1;

    (void)state;
    mem_setup();
    for (int i = 0; i < BLOCKS; i++) {
        blocks[i] = mem_alloc(BLOCK_BYTES);
        memset(blocks[i], i & 0x7f, BLOCK_BYTES);
    }
    for (int i = 0; i < BLOCKS; i++)
        if (i % KEPT_EVERY) {
            mem_free(blocks[i]);
            blocks[i] = NULL;
        }
    before = resident_bytes();
    assert_true(before > 0);
    while (mem_trim_step(4 * MB))
        assert_true(++steps < 100);
    mem_trim_end();
#ifndef __SANITIZE_ADDRESS__
    assert_true(steps > 5);
    assert_true(resident_bytes() + 30 * MB < before);
#endif
    for (int i = 0; i < BLOCKS; i += KEPT_EVERY) {
        for (int at = 0; at < BLOCK_BYTES; at++)
            assert_int_equal(blocks[i][at], i & 0x7f);
        mem_free(blocks[i]);
    }
}

static void test_code_that_was_dropped_comes_back(void **state)
{
    uint64_t before = resident_bytes();

    (void)state;
    resident_drop_code();
    assert_true(before > 0);
    assert_true(resident_bytes() < before);
    assert_int_equal(strlen("and runs"), 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_too_much_for_a_while_is_due),
        cmocka_unit_test(test_a_little_more_is_not),
        cmocka_unit_test(test_work_at_hand_explains_its_memory),
        cmocka_unit_test(test_a_moment_of_less_begins_the_wait_anew),
        cmocka_unit_test(test_nothing_known_is_never_due),
        cmocka_unit_test(test_one_that_gains_nothing_makes_the_next_wait_longer),
        cmocka_unit_test(test_what_was_freed_between_kept_blocks_goes_back),
        cmocka_unit_test(test_code_that_was_dropped_comes_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
