/* base/span: stretches of bytes. */
#include "base/span.h"

/* cmocka wants these first */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static void test_the_empty_span_is_like_any_other(void **state)
{
    struct span empty = { 0 };

    (void)state;
    assert_true(span_equal(empty, span_from(NULL)) && span_is(empty, ""));
    assert_true(span_starts(empty, "") && span_ends(empty, "") && !span_starts(empty, "a"));
    assert_true(span_find(empty, 'a') == SIZE_MAX && span_find_text(empty, "a") == SIZE_MAX);
    assert_int_equal(span_compare(empty, empty), 0);
    assert_int_equal(span_skip(empty, 3).size, 0);
    assert_int_equal(span_first(empty, 3).size, 0);
    assert_int_equal(span_trim(empty).size, 0);
    assert_int_equal(span_utf8(empty), 0);
    assert_false(span_u64(empty, &(uint64_t){ 0 }));
}

static void test_compares(void **state)
{
    (void)state;
    assert_true(span_is(SPAN_OF("abc"), "abc") && !span_is(SPAN_OF("abc"), "abcd"));
    assert_true(span_is_nocase(SPAN_OF("Content-Type"), "content-TYPE"));
    assert_false(span_is_nocase(SPAN_OF("a"), "b"));
    assert_true(span_starts(SPAN_OF("abc"), "ab") && !span_starts(SPAN_OF("a"), "ab"));
    assert_true(span_ends(SPAN_OF("abc"), "bc") && !span_ends(SPAN_OF("c"), "bc"));
    assert_true(span_compare(SPAN_OF("a"), SPAN_OF("ab")) < 0);
    assert_true(span_compare(SPAN_OF("b"), SPAN_OF("ab")) > 0);
    assert_int_equal(span_compare(SPAN_OF("ab"), SPAN_OF("ab")), 0);
}

static void test_cuts(void **state)
{
    struct span rest = SPAN("a,,b");

    (void)state;
    assert_true(span_is(span_cut(&rest, ','), "a"));
    assert_true(span_is(span_cut(&rest, ','), ""));
    assert_true(span_is(span_cut(&rest, ','), "b"));
    assert_int_equal(rest.size, 0);
    assert_true(span_is(span_cut(&rest, ','), ""));
    assert_true(span_is(span_trim(SPAN_OF(" \t a b\t ")), "a b"));
    assert_true(span_is(span_skip(SPAN_OF("abc"), 1), "bc"));
    assert_int_equal(span_skip(SPAN_OF("abc"), 3).size, 0);
    assert_true(span_is(span_first(SPAN_OF("abc"), 9), "abc"));
    assert_int_equal(span_find(SPAN_OF("abcb"), 'b'), 1);
    assert_int_equal(span_find_text(SPAN_OF("abcbc"), "bc"), 1);
}

static void test_reads_numbers_without_a_doubt(void **state)
{
    static const char *const bad[] = { "",
                                       "-1",
                                       "+1",
                                       " 1",
                                       "1 ",
                                       "1a",
                                       "0x1",
                                       "1.0",
                                       "18446744073709551616",
                                       "99999999999999999999" };
    uint64_t value = 5;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(span_u64(span_from(bad[i]), &value));
    assert_int_equal(value, 5);
    assert_true(span_u64(SPAN_OF("007"), &value));
    assert_int_equal(value, 7);
    assert_true(span_u64(SPAN_OF("18446744073709551615"), &value));
    assert_true(value == UINT64_MAX);
}

static void test_knows_utf_8(void **state)
{
    static const char *const good[] = { "a",
                                        "\x7f",
                                        "\xc2\x80",
                                        "\xdf\xbf",
                                        "\xe0\xa0\x80",
                                        "\xed\x9f\xbf",
                                        "\xee\x80\x80",
                                        "\xef\xbf\xbf",
                                        "\xf0\x90\x80\x80",
                                        "\xf4\x8f\xbf\xbf" };
    static const char *const bad[] = { "\x80",
                                       "\xbf",
                                       "\xc0\x80",
                                       "\xc1\xbf",
                                       "\xc2",
                                       "\xc2\x41",
                                       "\xe0\x9f\xbf",
                                       "\xed\xa0\x80",
                                       "\xe2\x82",
                                       "\xe2\x28\xa1",
                                       "\xf0\x8f\xbf\xbf",
                                       "\xf4\x90\x80\x80",
                                       "\xf5\x80\x80\x80",
                                       "\xf0\x90\x80",
                                       "\xff" };

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_int_equal(span_utf8(span_from(good[i])), strlen(good[i]));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(span_utf8(span_from(bad[i])), 0);
    assert_int_equal(span_utf8(SPAN_OF("\0")), 1);
}

/* Wherever it stands, and however much is before and behind it. */
static void test_finds_a_pair(void **state)
{
    char text[70];

    (void)state;
    for (size_t size = 0; size <= sizeof(text); size++) {
        memset(text, '"', sizeof(text));
        assert_int_equal(span_find_pair(span_make(text, size), "\"uef"), SIZE_MAX);
        for (size_t at = 0; at + 1 < size; at++) {
            memset(text, 'f', sizeof(text));
            text[at] = '"';
            text[at + 1] = "uef"[at % 3];
            assert_int_equal(span_find_pair(span_make(text, size), "\"uef"), at);
            assert_int_equal(span_find_pair(span_make(text, at + 1), "\"uef"), SIZE_MAX);
        }
    }
    assert_int_equal(span_find_pair(SPAN_OF("\"x \"e \"u"), "\"uef"), 3);
}

static void test_finds_line_ends_and_control_bytes(void **state)
{
    char text[70];

    (void)state;
    for (size_t size = 0; size <= sizeof(text); size++) {
        memset(text, ' ', sizeof(text));
        assert_int_equal(span_find_line_end(span_make(text, size)), SIZE_MAX);
        assert_int_equal(span_find_control(span_make(text, size)), SIZE_MAX);
        for (size_t at = 0; at < size; at++) {
            memset(text, '\t', sizeof(text));
            text[at] = "\n\r"[at % 2];
            assert_int_equal(span_find_line_end(span_make(text, size)), at);
            assert_int_equal(span_find_line_end(span_make(text, at)), SIZE_MAX);
            memset(text, 'x', sizeof(text));
            text[at] = "\x1f\x7f\0"[at % 3];
            assert_int_equal(span_find_control(span_make(text, size)), at);
            assert_int_equal(span_find_control(span_make(text, at)), SIZE_MAX);
        }
    }
}

static void test_counts_edits_for_did_you_mean(void **state)
{
    char longest[66];

    (void)state;
    assert_int_equal(span_distance(SPAN_OF("gpt-4.1"), SPAN_OF("GPT-4.1")), 0);
    assert_int_equal(span_distance(SPAN_OF("gtp-4.1"), SPAN_OF("gpt-4.1")), 1); /* a swap */
    assert_int_equal(span_distance(SPAN_OF("gpt-4"), SPAN_OF("gpt-4.1")), 2);
    assert_int_equal(span_distance(SPAN_OF("kitten"), SPAN_OF("sitting")), 3);
    assert_int_equal(span_distance(SPAN_OF(""), SPAN_OF("abc")), 3);
    memset(longest, 'a', sizeof(longest));
    assert_int_equal(span_distance(span_make(longest, 64), SPAN_OF("a")), 63);
    assert_true(span_distance(span_make(longest, 65), SPAN_OF("a")) == UINT32_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_empty_span_is_like_any_other),
        cmocka_unit_test(test_compares),
        cmocka_unit_test(test_cuts),
        cmocka_unit_test(test_reads_numbers_without_a_doubt),
        cmocka_unit_test(test_knows_utf_8),
        cmocka_unit_test(test_finds_a_pair),
        cmocka_unit_test(test_finds_line_ends_and_control_bytes),
        cmocka_unit_test(test_counts_edits_for_did_you_mean),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
