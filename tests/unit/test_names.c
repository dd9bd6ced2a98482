/* policy/names: what one list has and another has not. */
#include "policy/names.h"

/* cmocka wants these first */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { NAMES_MAX = 8 };

/* A tidy list of the words between spaces. */
static struct names list(struct span items[NAMES_MAX], const char *words)
{
    struct names names = { items, 0 };
    struct span rest = span_from(words);

    while (rest.size) {
        assert_in_range(names.count, 0, NAMES_MAX - 1);
        items[names.count++] = span_cut(&rest, ' ');
    }
    names_tidy(&names);
    return names;
}

static void assert_missing(const char *all_words, const char *known_words,
                           const char *missing_words)
{
    struct span items[3][NAMES_MAX];
    struct names all = list(items[0], all_words);
    struct names known = list(items[1], known_words);
    struct names expected = list(items[2], missing_words);
    struct arena arena;
    struct names missing;

    arena_init(&arena);
    missing = names_missing(&all, &known, &arena);
    assert_int_equal(missing.count, expected.count);
    for (size_t i = 0; i < missing.count; i++)
        assert_true(span_equal(missing.items[i], expected.items[i]));
    arena_done(&arena);
}

static void test_what_is_in_both_is_not_missing(void **state)
{
    (void)state;
    assert_missing("b a c", "c a", "b");
    assert_missing("c a", "b a c", "");
    assert_missing("a a a", "", "a");
    assert_missing("", "a", "");
    assert_missing("", "", "");
    assert_missing("ab abc", "a abcd", "ab abc");
}

static void test_a_star_has_all_that_fit_it(void **state)
{
    (void)state;
    assert_missing("gpt-4 gpt-4-mini gp o1", "gpt-*", "gp o1");
    assert_missing("ab a-b aab b", "a*b", "b");
    assert_missing("x", "*", "");
    assert_missing("aba", "aba*aba", "aba");
    assert_missing("gpt-*", "gpt-4", "gpt-*");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_in_both_is_not_missing),
        cmocka_unit_test(test_a_star_has_all_that_fit_it),
    };

    return cmocka_run_group_tests_name("names", tests, NULL, NULL);
}
