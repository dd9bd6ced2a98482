/* base/json: writing, and reading into a tree. */
#include "base/json.h"

#include "base/limits.h"

/* cmocka wants these first */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

/* ---- writing ---- */

static void test_puts_the_commas_itself(void **state)
{
    struct buf buf;
    struct json_writer w = json_writer(&buf);

    (void)state;
    buf_init(&buf, 1000);
    json_begin(&w, '{');
    json_key(&w, "a");
    json_u64(&w, UINT64_MAX);
    json_key_span(&w, SPAN_OF("b\""));
    json_begin(&w, '[');
    json_end(&w, ']');
    json_key(&w, "c");
    json_begin(&w, '[');
    json_i64(&w, INT64_MIN);
    json_bool(&w, true);
    json_null(&w);
    json_text(&w, NULL);
    json_begin(&w, '{');
    json_end(&w, '}');
    json_raw(&w, SPAN_OF("[1,2]"));
    json_end(&w, ']');
    json_key(&w, "d");
    json_text(&w, "x");
    json_end(&w, '}');
    assert_string_equal(buf_text(&buf),
                        "{\"a\":18446744073709551615,\"b\\\"\":[],\"c\":[-9223372036854775808,"
                        "true,null,null,{},[1,2]],\"d\":\"x\"}");
    buf_done(&buf);
}

static void assert_quotes(struct span text, const char *expected)
{
    struct buf buf;

    buf_init(&buf, 1000);
    json_quote(&buf, text);
    assert_string_equal(buf_text(&buf), expected);
    buf_done(&buf);
}

static void test_escapes_what_must_be_and_repairs_what_is_no_text(void **state)
{
    (void)state;
    assert_quotes(SPAN_OF(""), "\"\"");
    assert_quotes((struct span){ 0 }, "\"\"");
    assert_quotes(SPAN_OF("a\"\\/\b\f\n\r\t\x01\x1f\x7f"),
                  "\"a\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\\u007f\"");
    assert_quotes(SPAN_OF("a\0b"), "\"a\\u0000b\"");
    assert_quotes(SPAN_OF("\xc3\xa9 \xf0\x9f\x98\x80"), "\"\xc3\xa9 \xf0\x9f\x98\x80\"");
    assert_quotes(SPAN_OF("\xff\xe2\x82"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
    assert_quotes(SPAN_OF("\xed\xa0\x80"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
}

static void test_decimals_are_exact(void **state)
{
    static const struct {
        uint64_t value;
        unsigned decimals;
        const char *text;
    } cases[] = {
        { 1234, 3, "1.234" },
        { 1200, 3, "1.2" },
        { 1000, 3, "1" },
        { 5, 3, "0.005" },
        { 0, 6, "0" },
        { 42, 0, "42" },
        { UINT64_MAX, 18, "18.446744073709551615" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buf buf;
        struct json_writer w = json_writer(&buf);

        buf_init(&buf, 100);
        json_decimal(&w, cases[i].value, cases[i].decimals);
        assert_string_equal(buf_text(&buf), cases[i].text);
        buf_done(&buf);
    }
}

/* Texts are looked at in pieces: of each length, and with the byte at each place. */
static void test_what_is_to_be_escaped_is_found_wherever_it_stands(void **state)
{
    static const char odd[] = "\"\\\x01\x1f\x7f";
    char text[40];

    (void)state;
    for (size_t size = 0; size < sizeof(text); size++)
        for (size_t at = 0; at <= size; at++)
            for (size_t i = 0; i < sizeof(odd) - 1; i++) {
                struct json_doc *doc = NULL;
                struct span back;
                struct buf buf;

                memset(text, 'x', sizeof(text));
                if (at < size)
                    text[at] = odd[i];
                buf_init(&buf, 4096);
                buf_grow(&buf, 1024);
                json_quote(&buf, span_make(text, size));
                assert_int_equal(buf_size(&buf) == size + 2, at == size);
                assert_int_equal(json_parse(buf_span(&buf), &doc), ERR_OK);
                assert_true(json_read_string(json_root(doc), &back));
                assert_true(span_equal(back, span_make(text, size)));
                json_free(doc);
                buf_done(&buf);
            }
}

static void test_what_is_written_is_read_back(void **state)
{
    char text[256];
    struct json_doc *doc = NULL;
    struct span back;
    struct buf buf;

    (void)state;
    for (int i = 0; i < 128; i++)
        text[i] = (char)i;
    buf_init(&buf, 4096);
    json_quote(&buf, span_make(text, 128));
    assert_int_equal(json_parse(buf_span(&buf), &doc), ERR_OK);
    assert_true(json_read_string(json_root(doc), &back));
    assert_int_equal(back.size, 128);
    assert_memory_equal(back.at, text, 128);
    json_free(doc);
    buf_done(&buf);
}

/* ---- reading ---- */

static void test_reads_a_tree(void **state)
{
    struct span text =
        SPAN("{\"s\":\"a\\u0000b\",\"n\":18446744073709551615,\"t\":true,\"z\":null,"
             "\"a\":[1,{\"x\":2}],\"s\":\"second\"}");
    struct json_doc *doc = NULL;
    const struct json *root;
    struct span string;
    uint64_t number;
    bool flag = false;

    (void)state;
    assert_int_equal(json_parse(text, &doc), ERR_OK);
    root = json_root(doc);
    assert_int_equal(json_kind(root), JSON_OBJECT);
    assert_int_equal(json_count(root), 6);
    assert_true(json_read_string(json_member(root, "s"), &string));
    assert_int_equal(string.size, 3);
    assert_true(json_read_u64(json_member(root, "n"), &number) && number == UINT64_MAX);
    assert_true(json_read_bool(json_member(root, "t"), &flag) && flag);
    assert_int_equal(json_kind(json_member(root, "z")), JSON_NULL);
    assert_true(json_read_u64(json_member(json_item(json_member(root, "a"), 1), "x"), &number));
    assert_int_equal(number, 2);
    assert_non_null(json_member_at(root, 5, &string));
    assert_true(span_is(string, "s"));
    assert_null(json_member_at(root, 6, &string));
    json_free(doc);
}

static void test_what_is_not_there_is_no_trouble(void **state)
{
    struct span string = SPAN("untouched");
    uint64_t number = 7;
    bool flag = true;

    (void)state;
    assert_null(json_member(NULL, "a"));
    assert_null(json_item(NULL, 0));
    assert_null(json_member_at(NULL, 0, &string));
    assert_int_equal(json_count(NULL), 0);
    assert_int_equal(json_kind(NULL), JSON_NULL);
    assert_false(json_read_string(NULL, &string) || json_read_u64(NULL, &number) ||
                 json_read_bool(NULL, &flag));
    assert_true(span_is(string, "untouched") && number == 7 && flag);
    json_free(NULL);
}

static void test_other_kinds_are_not_taken_for_what_is_wanted(void **state)
{
    struct json_doc *doc = NULL;
    const struct json *root;
    struct span string;
    uint64_t number;
    bool flag;

    (void)state;
    assert_int_equal(json_parse(SPAN_OF("[\"1\",-1,1.0,1]"), &doc), ERR_OK);
    root = json_root(doc);
    for (size_t i = 0; i < 3; i++)
        assert_false(json_read_u64(json_item(root, i), &number));
    assert_false(json_read_string(json_item(root, 3), &string));
    assert_false(json_read_bool(json_item(root, 3), &flag));
    assert_null(json_member(json_item(root, 0), "a"));
    assert_null(json_item(root, 4));
    json_free(doc);
}

static void test_refuses_what_is_not_json(void **state)
{
    static const char *const texts[] = { "",      "{",        "[1,]",
                                         "{} x",  "\"\xff\"", "\"\\ud800\"",
                                         "1e999", "nul",      "\xef\xbb\xbf{}" };
    struct json_doc *doc = NULL;

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_int_equal(json_parse(span_from(texts[i]), &doc), ERR_SYNTAX);
    assert_null(doc);
}

static void test_depth_has_a_limit(void **state)
{
    char text[2 * (LIMIT_JSON_DEPTH + 1)];
    struct json_doc *doc = NULL;

    (void)state;
    memset(text, '[', LIMIT_JSON_DEPTH + 1);
    memset(text + LIMIT_JSON_DEPTH + 1, ']', LIMIT_JSON_DEPTH + 1);
    assert_int_equal(json_parse(span_make(text, sizeof(text)), &doc), ERR_TOO_DEEP);
    assert_int_equal(json_parse(span_make(text + 1, sizeof(text) - 2), &doc), ERR_OK);
    json_free(doc);
    doc = NULL;
    assert_int_equal(
        json_parse(SPAN_OF("\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["
                           "[[[[[[[[[[[[[[[[[[[[[[\\\"[[[[[[[[[[[[[[[[[[[[[[[[\""),
                   &doc),
        ERR_OK); /* brackets in a string are text */
    json_free(doc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_puts_the_commas_itself),
        cmocka_unit_test(test_escapes_what_must_be_and_repairs_what_is_no_text),
        cmocka_unit_test(test_decimals_are_exact),
        cmocka_unit_test(test_what_is_to_be_escaped_is_found_wherever_it_stands),
        cmocka_unit_test(test_what_is_written_is_read_back),
        cmocka_unit_test(test_reads_a_tree),
        cmocka_unit_test(test_what_is_not_there_is_no_trouble),
        cmocka_unit_test(test_other_kinds_are_not_taken_for_what_is_wanted),
        cmocka_unit_test(test_refuses_what_is_not_json),
        cmocka_unit_test(test_depth_has_a_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
