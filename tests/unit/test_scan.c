/* llm/scan: what it finds, what it refuses, and where. */
#include "llm/scan.h"
#include "llm/scan_walk.h"

#include "base/limits.h"
#include "base/mem.h"

/* cmocka wants these first */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static enum err value(const char *text)
{
    struct scan_result result;

    return scan_value(span_from(text), &result);
}

static void assert_span(struct span span, const char *text)
{
    assert_int_equal(span.size, strlen(text));
    assert_memory_equal(span.at, text, span.size);
}

/* Finds `name` in `text` and returns it raw. */
static struct span find(const char *text, const char *name)
{
    struct scan_field field = { .name = name };
    struct scan_result result;

    assert_int_equal(scan_object(span_from(text), &field, 1, &result), ERR_OK);
    return field.raw;
}

static void test_finds_members_of_the_top_level_only(void **state)
{
    static const char text[] =
        " { \"a\" : {\"model\":1} , \"model\" : \"x\" ,\"z\":[ \"model\", 2 ]}\n";
    struct scan_field fields[] = { { .name = "model" }, { .name = "z" }, { .name = "absent" } };
    struct scan_result result;

    (void)state;
    assert_int_equal(scan_object(SPAN_OF(text), fields, 3, &result), ERR_OK);
    assert_int_equal(fields[0].kind, JSON_STRING);
    assert_span(fields[0].raw, "\"x\"");
    assert_int_equal(fields[1].kind, JSON_ARRAY);
    assert_span(fields[1].raw, "[ \"model\", 2 ]");
    assert_null(fields[2].raw.at);
    assert_int_equal(result.inside, 2);
    assert_false(result.empty);
}

static void test_knows_every_kind(void **state)
{
    static const char text[] =
        "{\"a\":null,\"b\":false,\"c\":-1e2,\"d\":\"\",\"e\":[],\"f\":{}}";
    struct scan_field fields[] = { { .name = "a" }, { .name = "b" }, { .name = "c" },
                                   { .name = "d" }, { .name = "e" }, { .name = "f" } };

    static const enum json_kind kinds[] = { JSON_NULL,   JSON_BOOL,  JSON_NUMBER,
                                            JSON_STRING, JSON_ARRAY, JSON_OBJECT };
    struct scan_result result;

    (void)state;
    assert_int_equal(scan_object(SPAN_OF(text), fields, 6, &result), ERR_OK);
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(fields[i].kind, kinds[i]);
}

static void test_an_empty_object_is_told_apart(void **state)
{
    struct scan_result result;

    (void)state;
    assert_int_equal(scan_object(SPAN_OF("\t{ }"), NULL, 0, &result), ERR_OK);
    assert_true(result.empty);
    assert_int_equal(result.inside, 2);
}

static void test_an_escaped_key_is_found_decoded(void **state)
{
    (void)state;
    assert_span(find("{\"mod\\u0065l\":1}", "model"), "1");
    assert_span(find("{\"\\u006d\\u006F\\u0064el\":2}", "model"), "2");
    assert_null(find("{\"mod\\u0065\":1}", "model").at);
    assert_null(find("{\"mod\\u0065ls\":1}", "model").at);
    assert_null(find("{\"model\\u0000\":1}", "model").at);
}

/* fault 69 */
static void test_a_field_that_stands_twice_is_noticed_in_any_spelling(void **state)
{
    static const char *const texts[] = {
        "{\"model\":1,\"model\":2}",
        "{\"model\":1,\"x\":{},\"mod\\u0065l\":2}",
        "{\"\\u006dodel\":1,\"model\":2}",
    };

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct scan_field field = { .name = "model" };
        struct scan_result result;

        assert_int_equal(scan_object(span_from(texts[i]), &field, 1, &result), ERR_DUPLICATE);
        assert_string_equal(result.duplicate, "model");
        assert_span(field.raw, "2"); /* the one that most parsers would take */
    }
}

static void test_a_duplicate_does_not_hide_a_syntax_error(void **state)
{
    struct scan_field field = { .name = "a" };
    struct scan_result result;

    (void)state;
    assert_int_equal(scan_object(SPAN_OF("{\"a\":1,\"a\":2,}"), &field, 1, &result),
                     ERR_SYNTAX);
}

static void test_other_names_may_stand_twice(void **state)
{
    (void)state;
    assert_span(find("{\"x\":1,\"model\":3,\"x\":2}", "model"), "3");
}

static void test_valid_json_that_is_no_object_is_a_type_error(void **state)
{
    static const char *const texts[] = { "[]", "1", "\"model\"", "null", " true " };
    struct scan_result result;

    (void)state;
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(scan_object(span_from(texts[i]), NULL, 0, &result), ERR_TYPE);
}

static void test_accepts_what_json_is(void **state)
{
    static const char *const texts[] = {
        "0",
        "-0",
        "0.5",
        "1e5",
        "1E+5",
        "-1.25e-7",
        "123456789012345678901234567890",
        "\"\"",
        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\"",
        "\"\\ud83d\\ude00\"",
        "\"\\u0000\"",
        "\"\x7f\"",
        "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"",
        "[1,[2,[3,{}]],{\"a\":[]}]",
        " [ ] ",
        "{\"a\":{\"a\":{\"a\":1}}}",
        "\r\n\t null \r\n",
        "1.7976931348623157e308",
        "0e999999999",
        "0.000e400",
        "1e-999999999",
        "-1.7976931348623158e+308",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_int_equal(value(texts[i]), ERR_OK);
}

/* faults 66, 67, 68 */
static void test_refuses_what_json_is_not(void **state)
{
    static const char *const texts[] = {
        "",
        " ",
        "{",
        "}",
        "[",
        "]",
        "{]",
        "[}",
        "[1,]",
        "[,1]",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{a:1}",
        "{'a':1}",
        "{\"a\":1 \"b\":2}",
        "[1 2]",
        "tru",
        "truex",
        "nul",
        "True",
        "NaN",
        "Infinity",
        "-",
        "+1",
        "01",
        "1.",
        ".5",
        "1e",
        "1e+",
        "0x1",
        "--1",
        "1 1",
        "\"",
        "\"\\\"",
        "\"\\x\"",
        "\"\\u12g4\"",
        "\"\\u123\"",
        "\"\\ud800\"",
        "\"\\udc00\"",
        "\"\\ud800\\u0041\"",
        "\"\\ud800\\ud800\"",
        "\"\n\"",
        "\"\x01\"",
        "\"\xff\"",
        "\"\xc0\x80\"",
        "\"\xe0\x80\x80\"",
        "\"\xed\xa0\x80\"",
        "\"\xf4\x90\x80\x80\"",
        "\"\xe2\x82\"",
        "\"\xc3",
        "\xef\xbb\xbf{}",
        "{} x",
        "{}{}",
        "/**/1",
        "[1]]",
        "\v1",
        "\xc2\xa0,",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_int_equal(value(texts[i]), ERR_SYNTAX);
    assert_int_equal(value("1e309"), ERR_TOO_BIG);
    assert_int_equal(value("1e999999999999999999999"), ERR_TOO_BIG);
    assert_int_equal(value("1.7976931348623159e308"), ERR_TOO_BIG);
    assert_int_equal(value("-1e400"), ERR_TOO_BIG);
}

static void test_a_nul_byte_is_refused_wherever_it_stands(void **state)
{
    static const char texts[][8] = { "\0{}", "{\0}", "{}\0", "[1\0]", "\"a\0b\"", "1\0" };
    static const size_t sizes[] = { 3, 3, 3, 4, 5, 2 };
    struct scan_result result;

    (void)state;
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(scan_value(span_make(texts[i], sizes[i]), &result), ERR_SYNTAX);
}

static void test_says_where_it_went_wrong(void **state)
{
    struct scan_result result;

    (void)state;
    assert_int_equal(scan_object(SPAN_OF("{\"a\": tru}"), NULL, 0, &result), ERR_SYNTAX);
    assert_int_equal(result.error_at, 6);
    assert_int_equal(scan_object(SPAN_OF("{\"a\":1"), NULL, 0, &result), ERR_SYNTAX);
    assert_int_equal(result.error_at, 6);
    assert_int_equal(scan_object(SPAN_OF("{\"a\":\"b\x01\"}"), NULL, 0, &result), ERR_SYNTAX);
    assert_int_equal(result.error_at, 7);
    assert_int_equal(scan_object(SPAN_OF("{} ,"), NULL, 0, &result), ERR_SYNTAX);
    assert_int_equal(result.error_at, 3);
}

/* `open` brackets, closed again. Gives the text. */
static char *nested(size_t depth, char open, char close, size_t *ret_size)
{
    char *text = mem_alloc(2 * depth);

    memset(text, open, depth);
    memset(text + depth, close, depth);
    *ret_size = 2 * depth;
    return text;
}

/* fault 67 */
static void test_depth_has_a_limit_and_reaches_it(void **state)
{
    struct scan_result result;
    size_t size;
    char *text = nested(LIMIT_JSON_DEPTH, '[', ']', &size);

    (void)state;
    assert_int_equal(scan_value(span_make(text, size), &result), ERR_OK);
    mem_free(text);
    text = nested(LIMIT_JSON_DEPTH + 1, '[', ']', &size);
    assert_int_equal(scan_value(span_make(text, size), &result), ERR_TOO_DEEP);
    assert_int_equal(result.error_at, LIMIT_JSON_DEPTH);
    mem_free(text);
}

static void test_the_object_itself_counts_as_a_level(void **state)
{
    char text[2 * LIMIT_JSON_DEPTH + 6] = "{\"a\":";
    struct scan_result result;

    (void)state;
    memset(text + 5, '[', LIMIT_JSON_DEPTH - 1);
    memset(text + 5 + LIMIT_JSON_DEPTH - 1, ']', LIMIT_JSON_DEPTH - 1);
    text[5 + 2 * (LIMIT_JSON_DEPTH - 1)] = '}';
    assert_int_equal(scan_object(span_from(text), NULL, 0, &result), ERR_OK);
    memset(text + 5, '[', LIMIT_JSON_DEPTH);
    assert_int_equal(scan_object(span_from(text), NULL, 0, &result), ERR_TOO_DEEP);
}

static void test_mixed_nesting_is_closed_by_its_own_bracket(void **state)
{
    (void)state;
    assert_int_equal(value("[{\"a\":[{\"b\":[[],{}]}]},[]]"), ERR_OK);
    assert_int_equal(value("[{\"a\":[{\"b\":[[],{}]]}},[]]"), ERR_SYNTAX);
    assert_int_equal(value("{\"a\":[1,\"b\":2]}"), ERR_SYNTAX);
    assert_int_equal(value("[{\"a\":1,2}]"), ERR_SYNTAX);
}

/* fault 67 */
static void test_a_number_has_at_most_so_many_digits(void **state)
{
    char text[LIMIT_JSON_NUMBER_BYTES + 2];

    (void)state;
    memset(text, '0', sizeof(text));
    text[1] = '.';
    text[LIMIT_JSON_NUMBER_BYTES] = 0;
    assert_int_equal(value(text), ERR_OK);
    text[LIMIT_JSON_NUMBER_BYTES] = '0';
    text[LIMIT_JSON_NUMBER_BYTES + 1] = 0;
    assert_int_equal(value(text), ERR_TOO_BIG);
}

/* A quote, an escape or a bad byte must be seen at whatever offset of a word it stands. */
static void test_a_string_is_read_alike_at_every_alignment(void **state)
{
    char text[80];
    struct scan_result result;

    (void)state;
    for (size_t from = 1; from < 20; from++)
        for (size_t at = from; at < 60; at++) {
            struct span span = span_make(text + from - 1, 62 - from);

            memset(text, 'a', sizeof(text));
            text[from - 1] = '"';
            text[60] = '"';
            assert_int_equal(scan_value(span, &result), ERR_OK);
            text[at] = '"';
            assert_int_equal(scan_value(span, &result), at == 60 ? ERR_OK : ERR_SYNTAX);
            assert_int_equal(result.error_at, at - from + 2);
            text[at] = '\x1f';
            assert_int_equal(scan_value(span, &result), ERR_SYNTAX);
            text[at] = '\x80';
            assert_int_equal(scan_value(span, &result), ERR_SYNTAX);
            assert_int_equal(result.error_at, at - from + 1);
        }
}

static void test_decodes_strings(void **state)
{
    static const char raw[] = "\"a\\n\\u00e9\\u20AC\\ud83d\\ude00\\/\\\"z\"";
    static const char plain[] = "\"plain \xc3\xa9\"";
    struct arena arena;
    struct span decoded;

    (void)state;
    arena_init(&arena);
    assert_span(scan_string(SPAN_OF(raw), &arena),
                "a\n\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80/\"z");
    decoded = scan_string(SPAN_OF(plain), &arena);
    assert_ptr_equal(decoded.at, plain + 1);
    assert_span(decoded, "plain \xc3\xa9");
    assert_int_equal(scan_string(SPAN_OF("\"\""), &arena).size, 0);
    decoded = scan_string(SPAN_OF("\"a\\u0000b\""), &arena);
    assert_int_equal(decoded.size, 3);
    assert_memory_equal(decoded.at, "a\0b", 3);
    arena_done(&arena);
}

static void test_reads_whole_numbers_only(void **state)
{
    uint64_t number = 7;

    (void)state;
    assert_true(scan_u64(SPAN_OF("18446744073709551615"), &number));
    assert_true(number == UINT64_MAX);
    assert_false(scan_u64(SPAN_OF("18446744073709551616"), &number));
    assert_false(scan_u64(SPAN_OF("-1"), &number));
    assert_false(scan_u64(SPAN_OF("1.0"), &number));
    assert_false(scan_u64(SPAN_OF("\"1\""), &number));
    assert_false(scan_u64(SPAN_OF("null"), &number));
    assert_true(number == UINT64_MAX);
}

static void test_walks_arrays_and_objects(void **state)
{
    struct span object = SPAN("{\"a\": 1, \"b\\n\" :[ 2 ], \"c\":{}}");
    struct span array = SPAN("[ {\"x\":1} , \"y\" ,3]");
    struct scan_item item = { 0 };
    size_t at = 0;

    (void)state;
    assert_true(scan_next(object, &at, &item));
    assert_true(scan_key_is(item.key, "a"));
    assert_span(item.raw, "1");
    assert_true(scan_next(object, &at, &item));
    assert_true(scan_key_is(item.key, "b\n"));
    assert_false(scan_key_is(item.key, "b"));
    assert_span(item.raw, "[ 2 ]");
    assert_true(scan_next(object, &at, &item));
    assert_int_equal(item.kind, JSON_OBJECT);
    assert_false(scan_next(object, &at, &item));

    at = 0;
    assert_true(scan_next(array, &at, &item));
    assert_null(item.key.at);
    assert_false(scan_key_is(item.key, "x"));
    assert_int_equal(item.kind, JSON_OBJECT);
    assert_true(scan_next(array, &at, &item));
    assert_span(item.raw, "\"y\"");
    assert_true(scan_next(array, &at, &item));
    assert_span(item.raw, "3");
    assert_false(scan_next(array, &at, &item));
}

static void test_walks_nothing_in_what_holds_nothing(void **state)
{
    static const char *const texts[] = { "[]", "{ }", "1", "\"a\"", "null", "", "[", "{\"a\"" };
    struct scan_item item;

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        size_t at = 0;

        assert_false(scan_next(span_from(texts[i]), &at, &item));
    }
    assert_false(scan_next((struct span){ 0 }, &(size_t){ 0 }, &item));
}

static void test_reads_the_value_at_the_front(void **state)
{
    struct scan_item item;

    (void)state;
    assert_true(scan_front(SPAN_OF(" {\"a\":[1]}, rest"), &item));
    assert_span(item.raw, "{\"a\":[1]}");
    assert_false(scan_front(SPAN_OF("{\"a\":[1]"), &item));
}

static void test_walks_through_everything(void **state)
{
    static const struct {
        const char *key; /* NULL: an item of an array */
        const char *raw;
        unsigned depth;
    } wanted[] = { { "\"a\"", "1", 1 },   { "\"b\"", "{", 1 }, { "\"c\"", "[", 2 },
                   { NULL, "\"x]\"", 3 }, { NULL, "{", 3 },    { NULL, "null", 3 },
                   { "\"d\"", "true", 2 } };
    struct scan_walk walk =
        scan_walk(SPAN_OF("{ \"a\" : 1, \"b\" :{\"c\":[\"x]\", {},null] ,\"d\":true }}"));
    struct scan_item item = { 0 };
    unsigned depth = 0;

    (void)state;
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        assert_true(scan_walk_next(&walk, &item, &depth));
        assert_true(span_is(item.raw, wanted[i].raw));
        assert_int_equal(depth, wanted[i].depth);
        assert_true(wanted[i].key ? span_is(item.key, wanted[i].key) : item.key.at == NULL);
    }
    assert_false(scan_walk_next(&walk, &item, &depth));
    walk = scan_walk(SPAN_OF("{\"a\" 1}"));
    assert_false(scan_walk_next(&walk, &item, &depth));
    walk = scan_walk(SPAN_OF("7"));
    assert_false(scan_walk_next(&walk, &item, &depth));
}

static void test_knows_what_says_nothing(void **state)
{
    static const char *const empty[] = { "null", "\"\"", "[]", "{}", "[ \n]" };
    static const char *const full[] = { "0", "false", "\" \"", "[null]", "{\"a\":null}" };
    struct scan_item item;

    (void)state;
    for (size_t i = 0; i < 5; i++) {
        assert_true(scan_front(span_from(empty[i]), &item));
        assert_true(scan_empty(&item));
        assert_true(scan_front(span_from(full[i]), &item));
        assert_false(scan_empty(&item));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_finds_members_of_the_top_level_only),
        cmocka_unit_test(test_knows_every_kind),
        cmocka_unit_test(test_an_empty_object_is_told_apart),
        cmocka_unit_test(test_an_escaped_key_is_found_decoded),
        cmocka_unit_test(test_a_field_that_stands_twice_is_noticed_in_any_spelling),
        cmocka_unit_test(test_a_duplicate_does_not_hide_a_syntax_error),
        cmocka_unit_test(test_other_names_may_stand_twice),
        cmocka_unit_test(test_valid_json_that_is_no_object_is_a_type_error),
        cmocka_unit_test(test_accepts_what_json_is),
        cmocka_unit_test(test_refuses_what_json_is_not),
        cmocka_unit_test(test_a_nul_byte_is_refused_wherever_it_stands),
        cmocka_unit_test(test_says_where_it_went_wrong),
        cmocka_unit_test(test_depth_has_a_limit_and_reaches_it),
        cmocka_unit_test(test_the_object_itself_counts_as_a_level),
        cmocka_unit_test(test_mixed_nesting_is_closed_by_its_own_bracket),
        cmocka_unit_test(test_a_number_has_at_most_so_many_digits),
        cmocka_unit_test(test_a_string_is_read_alike_at_every_alignment),
        cmocka_unit_test(test_decodes_strings),
        cmocka_unit_test(test_reads_whole_numbers_only),
        cmocka_unit_test(test_walks_arrays_and_objects),
        cmocka_unit_test(test_walks_nothing_in_what_holds_nothing),
        cmocka_unit_test(test_reads_the_value_at_the_front),
        cmocka_unit_test(test_walks_through_everything),
        cmocka_unit_test(test_knows_what_says_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
