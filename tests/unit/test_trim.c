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
    assert_false(trim_is_due(&trim, 3 * MB, 1 * MB, 1000));
    assert_false(trim_is_due(&trim, 200 * MB, 1 * MB, 2000)); /* since now */
    assert_false(trim_is_due(&trim, 200 * MB, 1 * MB, 2000 + TRIM_CALM_MS - 1));
    assert_true(trim_is_due(&trim, 200 * MB, 1 * MB, 2000 + TRIM_CALM_MS));
}

/* Is it ever, with so much resident and used after a start with 3 and 1 MB? */
static bool is_ever_due(uint64_t resident, uint64_t used)
{
    struct trim trim = { 0 };
    bool due = trim_is_due(&trim, 3 * MB, 1 * MB, 1000);

    for (uint64_t now_ms = 2000; now_ms < 100000; now_ms += 1000)
        due = due || trim_is_due(&trim, resident, used, now_ms);
    return due;
}

static void test_a_little_more_is_not(void **state)
{
    (void)state;
    assert_false(is_ever_due(3 * MB + TRIM_LEAST_BYTES, 1 * MB));
    assert_true(is_ever_due(3 * MB + 2 * TRIM_LEAST_BYTES, 1 * MB));
    assert_false(is_ever_due(0, 1 * MB)); /* nobody knows */
}

static void test_what_is_used_is_not_too_much(void **state)
{
    (void)state;
    assert_false(is_ever_due(200 * MB, 198 * MB));
    assert_false(is_ever_due(200 * MB, 180 * MB)); /* some room for what comes and goes */
    assert_true(is_ever_due(200 * MB, 170 * MB));
    assert_false(is_ever_due(100 * MB, 200 * MB)); /* not touched yet */
}

static void test_a_moment_of_less_begins_the_wait_anew(void **state)
{
    struct trim trim = { 0 };

    (void)state;
    assert_false(trim_is_due(&trim, 3 * MB, 1 * MB, 1000));
    assert_false(trim_is_due(&trim, 50 * MB, 1 * MB, 2000));
    assert_false(trim_is_due(&trim, 50 * MB, 45 * MB, 3000));
    assert_false(trim_is_due(&trim, 50 * MB, 1 * MB, 2000 + TRIM_CALM_MS));
    assert_true(trim_is_due(&trim, 50 * MB, 1 * MB, 2000 + 2 * TRIM_CALM_MS));
}

static void test_what_could_not_be_handed_back_is_no_reason(void **state)
{
    struct trim trim = { 0 };
    uint64_t now_ms = 1000;

    (void)state;
    assert_false(trim_is_due(&trim, 3 * MB, 1 * MB, now_ms));
    trim_learn(&trim, 20 * MB, 5 * MB, now_ms);
    for (; now_ms < 1000000; now_ms += 1000)
        assert_false(trim_is_due(&trim, 20 * MB, 5 * MB, now_ms));
    assert_false(trim_is_due(&trim, 20 * MB, 1 * MB, now_ms)); /* now more of it is free */
    assert_true(trim_is_due(&trim, 20 * MB, 1 * MB, now_ms + TRIM_CALM_MS));
}

static void test_there_is_a_rest_between_two(void **state)
{
    struct trim trim = { 0 };

    (void)state;
    trim_learn(&trim, 3 * MB, 1 * MB, 1000);
    for (uint64_t now_ms = 2000; now_ms < 1000 + TRIM_REST_MS; now_ms += 500)
        assert_false(trim_is_due(&trim, 50 * MB, 1 * MB, now_ms));
    assert_true(trim_is_due(&trim, 50 * MB, 1 * MB, 1000 + TRIM_REST_MS));
}

/* ---- and how ---- */

enum { BLOCKS = 40000, BLOCK_BYTES = 1000, KEPT_EVERY = 400 };

static void test_what_was_freed_between_kept_blocks_goes_back(void **state)
{
    static char *blocks[BLOCKS];
    uint64_t before;
    uint64_t used;
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
    before = resident_own_bytes();
    used = mem_used();
    assert_true(before > 0);
    while (mem_trim_step(4 * MB))
        assert_true(++steps < 100);
    mem_trim_end();
    assert_true(mem_used() <= used);
#ifndef __SANITIZE_ADDRESS__
    assert_true(steps > 5);
    assert_true(before > used + 30 * MB);
    assert_true(resident_own_bytes() + 30 * MB < before);
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
        cmocka_unit_test(test_what_is_used_is_not_too_much),
        cmocka_unit_test(test_a_moment_of_less_begins_the_wait_anew),
        cmocka_unit_test(test_what_could_not_be_handed_back_is_no_reason),
        cmocka_unit_test(test_there_is_a_rest_between_two),
        cmocka_unit_test(test_what_was_freed_between_kept_blocks_goes_back),
        cmocka_unit_test(test_code_that_was_dropped_comes_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
