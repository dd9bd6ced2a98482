/* net/loop: alarms, of which there may be many for a while. */
#include "net/loop.h"

#include "base/mem.h"

/* cmocka wants these first */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { MANY = 20000, A_LITTLE = 4096, LATER_MS = 3600 * 1000 };

struct clock {
    struct task task;
    unsigned rings;
    unsigned place; /* which it was of all that rang; from 1 */
};

static unsigned rung;

static void ring(struct task *task)
{
    struct clock *clock = LIST_OWNER(task, struct clock, task);

    clock->rings++;
    clock->place = ++rung;
}

static struct clock *clocks_of(struct loop *loop)
{
    struct clock *clocks = mem_zero(MANY * sizeof(*clocks));

    for (int i = 0; i < MANY; i++)
        task_init(&clocks[i].task, loop, ring);
    rung = 0;
    return clocks;
}

static void test_alarms_ring_in_their_order(void **state)
{
    struct loop *loop = loop_new();
    struct clock *clocks = clocks_of(loop);
    uint64_t now_ms = loop_now_ms(loop);

    (void)state;
    for (int i = 0; i < MANY; i++)
        task_alarm(&clocks[i].task, now_ms + LATER_MS);
    for (int i = 0; i < MANY; i++)
        if (i % 1000 == 999)
            task_alarm(&clocks[i].task, now_ms - 20 + (uint64_t)(MANY - i) / 1000);
        else
            task_done(&clocks[i].task);
    while (rung < MANY / 1000)
        loop_settle(loop);
    for (int i = 0; i < MANY; i++)
        assert_int_equal(clocks[i].rings, i % 1000 == 999);
    for (int i = 999; i + 1000 < MANY; i += 1000) /* the later ones were set to ring earlier */
        assert_int_equal(clocks[i].place, clocks[i + 1000].place + 1);
    loop_free(loop);
    mem_free(clocks);
}

static void test_alarms_that_went_leave_no_memory_behind(void **state)
{
    struct loop *loop = loop_new();
    struct clock *clocks = clocks_of(loop);
    uint64_t used = mem_used();

    (void)state;
    for (int i = 0; i < MANY; i++)
        task_alarm(&clocks[i].task, loop_now_ms(loop) + LATER_MS);
#ifndef __SANITIZE_ADDRESS__ /* it has an allocator of its own, which does not tell */
    assert_true(mem_used() >= used + MANY * sizeof(void *));
#endif
    for (int i = 0; i < MANY; i++)
        task_done(&clocks[i].task);
    assert_in_range(mem_used(), 0, used + A_LITTLE);
    loop_free(loop);
    mem_free(clocks);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alarms_ring_in_their_order),
        cmocka_unit_test(test_alarms_that_went_leave_no_memory_behind),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
