/* base/map and base/arena: where things are found, and where they live. */
#include "base/arena.h"
#include "base/map.h"

/* cmocka wants these first */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdalign.h>
#include <stdio.h>
#include <string.h>

/* ---- map ---- */

static void test_finds_what_was_put(void **state)
{
    int one = 1;
    int two = 2;
    struct map map;

    (void)state;
    map_init(&map);
    assert_null(map_find(&map, SPAN_OF("a")));
    assert_null(map_put(&map, SPAN_OF("a"), &one));
    assert_null(map_put(&map, SPAN_OF(""), &two));
    assert_ptr_equal(map_find(&map, SPAN_OF("a")), &one);
    assert_ptr_equal(map_find(&map, SPAN_OF("")), &two);
    assert_null(map_find(&map, SPAN_OF("ab")));
    assert_ptr_equal(map_put(&map, SPAN_OF("a"), &two), &one);
    assert_ptr_equal(map_find(&map, SPAN_OF("a")), &two);
    assert_int_equal(map.count, 2);
    map_done(&map);
}

static void test_the_name_is_the_maps_own(void **state)
{
    char name[] = "name";
    struct map map;

    (void)state;
    map_init(&map);
    (void)map_put(&map, span_from(name), name);
    name[0] = 'X';
    assert_ptr_equal(map_find(&map, SPAN_OF("name")), name);
    map_done(&map);
}

static void test_thousands_are_all_found_and_walked_once(void **state)
{
    static int things[5000];
    struct map_entry *entry;
    struct map map;
    size_t walked = 0;
    size_t at = 0;
    char name[16];

    (void)state;
    map_init(&map);
    for (size_t i = 0; i < 5000; i++) {
        (void)snprintf(name, sizeof(name), "n%zu", i);
        assert_null(map_put(&map, span_from(name), &things[i]));
    }
    for (size_t i = 0; i < 5000; i++) {
        (void)snprintf(name, sizeof(name), "n%zu", i);
        assert_ptr_equal(map_find(&map, span_from(name)), &things[i]);
    }
    while ((entry = map_next(&map, &at)) != NULL) {
        ++*(int *)entry->thing;
        walked++;
    }
    assert_int_equal(walked, 5000);
    for (size_t i = 0; i < 5000; i++)
        assert_int_equal(things[i], 1);
    map_done(&map);
}

/* ---- arena ---- */

static void test_pieces_are_zeroed_aligned_and_apart(void **state)
{
    struct arena arena;
    char *pieces[200];

    (void)state;
    arena_init(&arena);
    for (size_t i = 0; i < 200; i++) {
        size_t size = i * 7 % 300 + 1;

        pieces[i] = arena_zero(&arena, size);
        assert_int_equal((uintptr_t)pieces[i] % alignof(max_align_t), 0);
        for (size_t j = 0; j < size; j++)
            assert_int_equal(pieces[i][j], 0);
        memset(pieces[i], (int)i, size);
    }
    for (size_t i = 0; i < 200; i++)
        for (size_t j = 0; j < i * 7 % 300 + 1; j++)
            assert_int_equal((unsigned char)pieces[i][j], i);
    arena_done(&arena);
}

static void test_a_piece_may_be_larger_than_a_block(void **state)
{
    struct arena arena;
    char *large;

    (void)state;
    arena_init(&arena);
    large = arena_zero(&arena, 100000);
    memset(large, 'x', 100000);
    assert_string_equal(arena_text(&arena, SPAN_OF("after")), "after");
    assert_int_equal(large[99999], 'x');
    arena_done(&arena);
    assert_null(arena.newest);
    arena_done(&arena); /* twice is fine */
}

static void test_copies_and_prints_with_a_nul_behind(void **state)
{
    struct arena arena;
    struct span copy;

    (void)state;
    arena_init(&arena);
    copy = arena_copy(&arena, SPAN_OF("a\0b"));
    assert_int_equal(copy.size, 3);
    assert_memory_equal(copy.at, "a\0b", 4);
    assert_int_equal(arena_copy(&arena, (struct span){ 0 }).at[0], 0);
    assert_string_equal(arena_printf(&arena, "%s-%d", "x", 7), "x-7");
    assert_int_equal(strlen(arena_printf(&arena, "%05000d", 1)), 5000);
    arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_finds_what_was_put),
        cmocka_unit_test(test_the_name_is_the_maps_own),
        cmocka_unit_test(test_thousands_are_all_found_and_walked_once),
        cmocka_unit_test(test_pieces_are_zeroed_aligned_and_apart),
        cmocka_unit_test(test_a_piece_may_be_larger_than_a_block),
        cmocka_unit_test(test_copies_and_prints_with_a_nul_behind),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
