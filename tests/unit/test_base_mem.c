/* base/mem: blocks that are freed are at hand for the next of their size, up to a bound. */
#include "base/mem.h"

/* cmocka wants these first */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <string.h>

enum {
    BLOCKS = 4000,
    BLOCK_BYTES = 1000,
    SLACK = 64 * BLOCK_BYTES, /* what the allocator itself keeps, and its few bytes a block */
};

static int set_up(void **state)
{
    (void)state;
    mem_setup();
    return 0;
}

static void test_every_size_is_as_large_as_asked_for(void **state)
{
    (void)state;
    for (int round = 0; round < 3; round++)
        for (size_t size = 0; size < 3000; size++) {
            char *zeroed = mem_zero(size);
            char *block = mem_alloc(size);

            for (size_t i = 0; i < size; i++)
                assert_int_equal(zeroed[i], 0);
            memset(zeroed, 0xa5, size);
            memset(block, 0x5a, size);
            mem_free(block);
            mem_free(zeroed);
        }
    mem_free(NULL);
}

static void test_a_block_keeps_its_content_when_it_grows(void **state)
{
    char *block = mem_grow(NULL, 100);

    (void)state;
    memset(block, 'a', 100);
    for (size_t size = 200; size < 5000; size += 300) {
        block = mem_grow(block, size);
        for (size_t i = 0; i < 100; i++)
            assert_int_equal(block[i], 'a');
    }
    mem_free(block);
}

static void test_what_is_at_hand_is_not_in_use(void **state)
{
    static void *blocks[BLOCKS];
    uint64_t before;

    (void)state;
    before = mem_used();
    for (int i = 0; i < BLOCKS; i++)
        blocks[i] = mem_alloc(BLOCK_BYTES);
#ifndef __SANITIZE_ADDRESS__
    assert_true(mem_used() >= before + (uint64_t)BLOCKS * BLOCK_BYTES);
#endif
    for (int i = 0; i < BLOCKS; i++)
        mem_free(blocks[i]);
    assert_true(mem_used() <= before + SLACK);
    while (mem_trim_step(1024 * 1024)) {
    }
    mem_trim_end();
    assert_true(mem_used() <= before + SLACK);
}

static void *free_them(void *opaque)
{
    void **blocks = opaque;

    for (int i = 0; i < BLOCKS; i++)
        mem_free(blocks[i]);
    return NULL;
}

/* Nothing is kept where nobody would find it again. */
static void test_another_thread_keeps_nothing(void **state)
{
    static void *blocks[BLOCKS];
    uint64_t before = mem_used();
    pthread_t thread;

    (void)state;
    for (int i = 0; i < BLOCKS; i++)
        blocks[i] = mem_alloc(BLOCK_BYTES);
    assert_int_equal(pthread_create(&thread, NULL, free_them, blocks), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(mem_used() <= before + SLACK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_block_keeps_its_content_when_it_grows),
        cmocka_unit_test(test_what_is_at_hand_is_not_in_use),
        cmocka_unit_test(test_another_thread_keeps_nothing),
        cmocka_unit_test(test_every_size_is_as_large_as_asked_for),
    };

    return cmocka_run_group_tests(tests, set_up, NULL);
}
