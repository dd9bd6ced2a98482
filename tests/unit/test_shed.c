/* net/shed: memory that goes piece by piece. */
#include "net/shed.h"

#include "base/limits.h"

/* cmocka wants these first */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static struct buf filled(size_t size)
{
    struct buf buf;

    buf_init(&buf, size);
    buf_grow(&buf, size);
    memset(buf_reserve(&buf, size), 'x', size);
    buf_commit(&buf, size);
    return buf;
}

/* How often its turn comes before nothing is left. */
static unsigned turns_of(struct shed *shed)
{
    unsigned turns = 0;

    for (; !list_empty(&shed->blocks); turns++) {
        assert_true(list_linked(&shed->job.link)); /* it is asked for in each turn */
        list_remove(&shed->job.link);
        shed->job.run(&shed->job);
    }
    assert_false(list_linked(&shed->job.link));
    return turns;
}

static void test_a_small_block_goes_at_once(void **state)
{
    struct loop *loop = loop_new();
    struct buf buf = filled(LIMIT_SHED_BYTES);
    struct shed shed;

    (void)state;
    shed_init(&shed, loop);
    shed_buf(&shed, &buf);
    assert_null(buf.bytes);
    assert_int_equal(buf.max, LIMIT_SHED_BYTES);
    assert_true(list_empty(&shed.blocks));
    buf_done(&buf);
    shed_buf(&shed, &buf); /* and nothing is nothing */
    shed_done(&shed);
    loop_free(loop);
}

static void test_a_large_block_goes_in_as_many_turns_as_it_has_pieces(void **state)
{
    struct loop *loop = loop_new();
    struct buf buf = filled(5 * (size_t)LIMIT_SHED_BYTES + 1);
    struct shed shed;

    (void)state;
    shed_init(&shed, loop);
    shed_buf(&shed, &buf);
    assert_int_equal(buf_size(&buf), 0);
    assert_null(buf.bytes);
    assert_int_equal(turns_of(&shed), 6);
    shed_done(&shed);
    loop_free(loop);
}

static void test_one_turn_is_one_piece_however_many_blocks_wait(void **state)
{
    struct loop *loop = loop_new();
    struct shed shed;

    (void)state;
    shed_init(&shed, loop);
    for (int i = 0; i < 3; i++) {
        struct buf buf = filled(2 * (size_t)LIMIT_SHED_BYTES);

        shed_buf(&shed, &buf);
    }
    assert_int_equal(turns_of(&shed), 6);
    shed_done(&shed);
    loop_free(loop);
}

static void test_the_loop_sees_to_it_by_itself(void **state)
{
    struct loop *loop = loop_new();
    struct buf buf = filled(10 * (size_t)LIMIT_SHED_BYTES);
    struct shed shed;

    (void)state;
    shed_init(&shed, loop);
    shed_buf(&shed, &buf);
    loop_settle(loop);
    assert_true(list_empty(&shed.blocks));
    shed_done(&shed);
    loop_free(loop);
}

static void test_what_is_left_at_the_end_goes_then(void **state)
{
    struct loop *loop = loop_new();
    struct buf buf = filled(3 * (size_t)LIMIT_SHED_BYTES);
    struct shed shed;

    (void)state;
    shed_init(&shed, loop);
    shed_buf(&shed, &buf);
    shed_done(&shed); /* the leak checker looks on */
    assert_false(list_linked(&shed.job.link));
    loop_free(loop);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_small_block_goes_at_once),
        cmocka_unit_test(test_a_large_block_goes_in_as_many_turns_as_it_has_pieces),
        cmocka_unit_test(test_one_turn_is_one_piece_however_many_blocks_wait),
        cmocka_unit_test(test_the_loop_sees_to_it_by_itself),
        cmocka_unit_test(test_what_is_left_at_the_end_goes_then),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
