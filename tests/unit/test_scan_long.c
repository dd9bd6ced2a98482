/* llm/scan_long: it says what llm/scan says, wherever the text is cut. */
#include "llm/estimate.h"
#include "llm/scan_long.h"

#include "base/limits.h"
#include "base/mem.h"

/* cmocka wants these first */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

enum { FIELDS = 3 };

static const struct scan_field wanted[FIELDS] = { { .name = "model" },
                                                  { .name = "a" },
                                                  { .name = "absent" } };

static void assert_same(const struct scan_field *ours, const struct scan_field *theirs,
                        struct span text)
{
    for (size_t i = 0; i < FIELDS; i++) {
        assert_ptr_equal(ours[i].raw.at, theirs[i].raw.at);
        assert_int_equal(ours[i].raw.size, theirs[i].raw.size);
        if (ours[i].raw.at) {
            assert_int_equal(ours[i].kind, theirs[i].kind);
            assert_true(ours[i].raw.at + ours[i].raw.size <= text.at + text.size);
        }
    }
}

/* What comes of it after it was looked at in pieces of so many bytes, the first `first` long. Each time it stands
 * elsewhere. */
static void look(struct scan_long *scan, struct span text, size_t first, size_t piece)
{
    for (size_t size = first; size < text.size; size += piece) {
        char *moved = mem_copy(text.at, size);

        scan_long_more(scan, span_make(moved, size));
        memset(moved, '"', size);
        mem_free(moved);
    }
}

static void check_cut(struct span text, size_t first, size_t piece)
{
    struct scan_field ours[FIELDS];
    struct scan_field theirs[FIELDS];
    struct scan_result our_result = { 0 };
    struct scan_result their_result = { 0 };
    struct scan_long scan;

    memcpy(ours, wanted, sizeof(wanted));
    memcpy(theirs, wanted, sizeof(wanted));
    scan_long_begin(&scan, ours, FIELDS);
    look(&scan, text, first, piece);
    assert_int_equal(scan_long_end(&scan, text, &our_result),
                     scan_object(text, theirs, FIELDS, &their_result));
    assert_int_equal(our_result.error_at, their_result.error_at);
    assert_int_equal(our_result.inside, their_result.inside);
    assert_int_equal(our_result.empty, their_result.empty);
    assert_ptr_equal(our_result.duplicate, their_result.duplicate);
    assert_same(ours, theirs, text);
}

/* Cut once at every byte, and at all of them. */
static void check(const char *text)
{
    struct span span = span_from(text);

    for (size_t at = 0; at <= span.size; at++)
        check_cut(span, at, span.size);
    for (size_t piece = 1; piece < 5; piece++)
        check_cut(span, 0, piece);
}

static const char *const sound[] = {
    "{}",
    " { } ",
    "{\"model\":\"x\"}",
    " { \"a\" : {\"model\":1} , \"model\" : \"x\" ,\"z\":[ \"model\", 2 ]}\n",
    "{\"a\":null,\"b\":false,\"c\":-1.5e+2,\"d\":\"\",\"e\":[],\"f\":{},\"model\":true}",
    "{\"mod\\u0065l\":[1,[2,{}],[[]],{\"a\":{\"b\":[{}]}}],\"a\":0}",
    "{\"model\":\"\\\\\\\"\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\ude00\",\"a\":\"\\\\\"}",
    "{\"model\":\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80 plain text and more of it \xc3\xa9\"}",
    "{\"x\":1,\"x\":2,\"a\":[{\"a\":1},{\"a\":2}]}",
    "{\"a\":{}}",
    "{\"a\":[[[[[[[[]]]]]]]]}",
};

static void test_finds_what_the_scan_in_one_go_finds_wherever_it_is_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(sound) / sizeof(*sound); i++)
        check(sound[i]);
}

static void test_refuses_what_the_scan_in_one_go_refuses_and_says_the_same(void **state)
{
    static const char *const texts[] = {
        "",
        " ",
        "[]",
        "[{\"model\":1}]",
        "\"model\"",
        "1",
        "{\"model\":1}x",
        "{\"model\":1}}",
        "{\"model\":1,}",
        "{,\"model\":1}",
        "{\"model\" 1}",
        "{\"model\":}",
        "{\"model\":01}",
        "{\"model\":1.}",
        "{\"model\":-}",
        "{\"model\":1e400}",
        "{\"model\":nul}",
        "{\"model\":truee}",
        "{\"model\":[1,]}",
        "{\"model\":[1}",
        "{\"model\":{\"a\"]}",
        "{\"model\":\"\x01 and a long way to the end of it all\"}",
        "{\"model\":\"\\x and a long way to the end of it all\"}",
        "{\"model\":\"\\ud83d and a long way to the end of it all\"}",
        "{\"model\":\"\\ude00\"}",
        "{\"model\":\"\xc3 and a long way to the end of it all\"}",
        "{\"model\":\"\xc3\"}",
        "{\"model\":1,\"model\":2}",
        "{\"model\":1,\"mod\\u0065l\":2,\"a\":3,\"a\":4}",
        "{\"model\":1,\"model\":2,}",
        "{model:1}",
        "{1:1}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        check(texts[i]);
}

/* Every beginning of a sound text is a text whose end is missing. */
static void test_half_a_text_is_none(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(sound) / sizeof(*sound); i++)
        for (size_t size = 0; size < strlen(sound[i]); size++) {
            check_cut(span_make(sound[i], size), 0, 1);
            check_cut(span_make(sound[i], size), size / 2, size + 1);
        }
}

static void test_depth_has_the_same_limit(void **state)
{
    char text[2 * LIMIT_JSON_DEPTH + 16];

    (void)state;
    for (size_t depth = LIMIT_JSON_DEPTH - 2; depth <= LIMIT_JSON_DEPTH; depth++) {
        size_t size = 0;

        memcpy(text, "{\"a\":", 5);
        size = 5;
        memset(text + size, '[', depth);
        memset(text + size + depth, ']', depth);
        size += 2 * depth;
        text[size++] = '}';
        text[size] = 0;
        check(text);
    }
}

static void test_a_number_without_end_is_refused_as_in_one_go(void **state)
{
    char text[LIMIT_JSON_NUMBER_BYTES + 64] = "{\"a\":";

    (void)state;
    for (size_t digits = LIMIT_JSON_NUMBER_BYTES - 1; digits <= LIMIT_JSON_NUMBER_BYTES + 1;
         digits++) {
        memset(text + 5, '0', digits);
        memcpy(text + 5, "0.", 2);
        memcpy(text + 5 + digits, "}", 2);
        check_cut(span_from(text), 0, 100);
        check_cut(span_from(text), 5 + digits, 1);
    }
}

/* The cost of a piece is its own: what was looked at is not looked at again. */
static void test_goes_on_where_it_stopped(void **state)
{
    static const char text[] = "{\"a\":\"................................................";
    struct scan_field fields[FIELDS];
    struct scan_long scan;

    (void)state;
    memcpy(fields, wanted, sizeof(wanted));
    scan_long_begin(&scan, fields, FIELDS);
    for (size_t size = 20; size < sizeof(text); size++) {
        scan_long_more(&scan, span_make(text, size));
        assert_true(scan.in_string);
        assert_int_equal(scan.at, size);
    }
    assert_false(scan.lost);
}

/* What is gathered on the way is what a look at the whole would have come to. */
static void test_a_prompt_is_estimated_while_it_comes(void **state)
{
    static const char *const texts[] = {
        "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"caf\\u00e9 "
        "\\ud83d\\ude00 x\"}]}",
        "{\"messages\":[{\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:"
        "image/png;"
        "base64,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}}]}],\"user\":\"not "
        "counted\",\"input\":\"i\"}",
        "{\"contents\":[{\"inlineData\":{\"data\":[\"AAAA\",\"BBBBBBBB\"]}}],\"instructions\":"
        "\"be\"}",
        "{\"tools\":[ {\"a\" : 1} , "
        "\"b\"],\"functions\":[],\"system\":\"s\",\"prompt\":[1,\"two\"]}",
        "{\"messages\":{\"data\":1},\"system\":\"no medium\",\"n\":{\"messages\":\"not "
        "counted\"}}",
        "{\"mess\\u0061ges\":\"spelt otherwise\"}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        for (size_t cut = 0; cut <= strlen(texts[i]); cut++) {
            struct span text = span_from(texts[i]);
            struct scan_result result;
            struct estimate_count count;
            struct scan_long scan;

            scan_long_begin(&scan, NULL, 0);
            scan.watch = estimate_watch(&count);
            look(&scan, text, cut, cut % 7 + 1);
            assert_int_equal(scan_long_end(&scan, text, &result), ERR_OK);
            assert_int_equal(estimate_counted(&count), estimate_prompt(text));
            assert_true(estimate_counted(&count) > 0);
        }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_finds_what_the_scan_in_one_go_finds_wherever_it_is_cut),
        cmocka_unit_test(test_refuses_what_the_scan_in_one_go_refuses_and_says_the_same),
        cmocka_unit_test(test_half_a_text_is_none),
        cmocka_unit_test(test_depth_has_the_same_limit),
        cmocka_unit_test(test_a_number_without_end_is_refused_as_in_one_go),
        cmocka_unit_test(test_goes_on_where_it_stopped),
        cmocka_unit_test(test_a_prompt_is_estimated_while_it_comes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
