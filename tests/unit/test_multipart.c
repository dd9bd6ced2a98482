/* llm/multipart: where the parts of a form stand, whatever the cuts; and what is no form. */
#include "llm/multipart.h"

#include "base/buf.h"

/* cmocka wants these first */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#define PART(name, bytes)                                                                      \
    "--B\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n" bytes "\r\n"
#define FORM                                                                                   \
    PART("model", "whisper-1")                                                                 \
    "--B\r\ncontent-type: audio/wav\r\nCONTENT-DISPOSITION:form-data;filename=\"a\\\"; "       \
    "name=x\" ; Name=file\r\n\r\nRI\r\n--\r\n-\r\r\n--A\r\n\r\n--\r\n" PART("empty",           \
                                                                            "") "--B--\r\n"

/* What was told, a line each: "BEGIN model 60", of a body that comes in pieces of `step` bytes. */
static void tell(struct span bytes, size_t step, struct buf *log)
{
    static const char *const kinds[] = { "MORE", "BEGIN", "CLOSE", "END", "BAD" };
    struct multipart form;
    uint64_t last = 0;

    multipart_init(&form, SPAN_OF("B"));
    for (size_t at = 0; at < bytes.size; at += step) {
        struct span part = span_first(span_skip(bytes, at), step);

        while (part.size) {
            struct multipart_event event;
            size_t taken = multipart_next(&form, part, &event);

            assert_true(taken > 0 && taken <= part.size);
            part = span_skip(part, taken);
            if (event.kind == MULTIPART_MORE)
                continue;
            if (event.kind == MULTIPART_BAD) {
                buf_reset(log);
                (void)buf_add_text(log, "BAD\n");
                return;
            }
            assert_true(event.at >= last);
            last = event.at;
            (void)buf_printf(log, "%s %.*s %llu\n", kinds[event.kind], SPAN_ARG(event.name),
                             (unsigned long long)event.at);
        }
        assert_int_equal(form.at, at + span_first(span_skip(bytes, at), step).size);
    }
}

static void assert_told(const char *body, const char *lines)
{
    struct span bytes = span_from(body);

    for (size_t step = 1; step <= bytes.size; step++) {
        struct buf log;

        buf_init(&log, 1 << 20);
        tell(bytes, step, &log);
        assert_string_equal(buf_text(&log), lines);
        buf_done(&log);
    }
}

static void test_the_parts_of_a_form(void **state)
{
    (void)state;
    assert_told(FORM, "BEGIN model 53\nCLOSE  62\n"
                      "BEGIN file 162\nCLOSE  183\n"
                      "BEGIN empty 238\nCLOSE  238\n"
                      "END  245\n");
}

/* The whole, and then in two at every byte. */
static void test_a_cut_anywhere_changes_nothing(void **state)
{
    struct span bytes = span_from(FORM);
    struct buf whole;

    (void)state;
    buf_init(&whole, 1 << 20);
    tell(bytes, bytes.size, &whole);
    for (size_t cut = 1; cut < bytes.size; cut++) {
        struct multipart form;
        struct buf log;

        buf_init(&log, 1 << 20);
        multipart_init(&form, SPAN_OF("B"));
        for (size_t at = 0; at < bytes.size;) {
            size_t end = at < cut ? cut : bytes.size;
            struct multipart_event event;
            static const char *const kinds[] = { "MORE", "BEGIN", "CLOSE", "END", "BAD" };

            at += multipart_next(&form, span_make(bytes.at + at, end - at), &event);
            if (event.kind != MULTIPART_MORE)
                (void)buf_printf(&log, "%s %.*s %llu\n", kinds[event.kind],
                                 SPAN_ARG(event.name), (unsigned long long)event.at);
        }
        assert_true(span_equal(buf_span(&log), buf_span(&whole)));
        buf_done(&log);
    }
    buf_done(&whole);
}

static void test_what_stands_before_and_behind_means_nothing(void **state)
{
    (void)state;
    assert_told("hello\r\n" PART("a", "1") "--B--\r\n" PART("b", "2"),
                "BEGIN a 56\nCLOSE  57\nEND  64\n");
    assert_told("--B--", "END  5\n");
    assert_told("--B \t\r\nContent-Disposition: form-data; name=a\r\n\r\n\r\n--B--",
                "BEGIN a 49\nCLOSE  49\nEND  56\n");
}

static void test_where_the_first_boundary_stands(void **state)
{
    struct multipart form;
    struct multipart_event event;
    struct span bytes = SPAN_OF("x\r\n--B--");

    (void)state;
    multipart_init(&form, SPAN_OF("B"));
    assert_int_equal(multipart_next(&form, bytes, &event), bytes.size);
    assert_int_equal(event.kind, MULTIPART_END);
    assert_int_equal(form.first, 3);
}

static void test_what_two_readers_could_read_in_two_ways_is_no_form(void **state)
{
    static const char *const bodies[] = {
        "--Bx\r\n",
        "--B\nContent-Disposition: form-data; name=a\r\n\r\n",
        "--B\r\n\r\n",
        "--B\r\nContent-Type: text/plain\r\n\r\n",
        "--B\r\nContent-Disposition: form-data\r\n\r\n",
        "--B\r\nContent-Disposition: attachment; name=a\r\n\r\n",
        "--B\r\nContent-Disposition: form-data; name=a; name=b\r\n\r\n",
        "--B\r\nContent-Disposition: form-data; name=\"a\r\n\r\n",
        "--B\r\nContent-Disposition: form-data; name\r\n\r\n",
        ("--B\r\nContent-Disposition: form-data; name=a\r\nContent-Disposition: form-data; "
         "name=b\r\n\r\n"),
        "--B\r\nContent-Disposition: form-data;\r\n name=a\r\n\r\n",
        "--B\r\nContent-Disposition: form-data; name=a\n\r\n\r\n",
        "--B\r\nContent-Disposition: form-data; name=a\r\r\n\r\n",
        "--B\r\nno header\r\n\r\n",
        "--B\r\nContent-Disposition: form-data; name=a\r\n\r\n--B\r\n",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
        assert_told(bodies[i], "BAD\n");
    assert_told("", "");
}

/* Repeats `text` so often between a head and the rest. */
static void told_of_many(const char *front, const char *text, size_t count, struct buf *log)
{
    struct buf body;

    buf_init(&body, 1 << 26);
    (void)buf_add_text(&body, front);
    for (size_t i = 0; i < count; i++)
        (void)buf_add_text(&body, text);
    buf_reset(log);
    tell(buf_span(&body), 1000, log);
    buf_done(&body);
}

static void test_its_limits(void **state)
{
    struct buf log;

    (void)state;
    buf_init(&log, 1 << 26);
    told_of_many("--B\r\nContent-Disposition: form-data; name=a\r\nX: ", "x",
                 LIMIT_FORM_HEADER_BYTES, &log);
    assert_string_equal(buf_text(&log), "BAD\n");
    told_of_many("--B\r\n", "X: y\r\n", LIMIT_FORM_HEADER_BYTES, &log);
    assert_string_equal(buf_text(&log), "BAD\n");
    told_of_many("", PART("a", "1"), LIMIT_FORM_PARTS, &log);
    assert_string_not_equal(buf_text(&log), "BAD\n");
    told_of_many("", PART("a", "1"), LIMIT_FORM_PARTS + 1, &log);
    assert_string_equal(buf_text(&log), "BAD\n");
    buf_done(&log);
}

/* So that it is not taken for the name that it begins with. */
static void test_a_long_name_is_cut_off(void **state)
{
    char body[512] = "--B\r\nContent-Disposition: form-data; name=";
    struct multipart form;
    struct multipart_event event;
    size_t at = strlen(body);

    (void)state;
    memset(body + at, 'n', LIMIT_FORM_NAME_BYTES + 9);
    memcpy(body + at + LIMIT_FORM_NAME_BYTES + 9, "\r\n\r\n", 5);
    multipart_init(&form, SPAN_OF("B"));
    assert_int_equal(multipart_next(&form, span_from(body), &event), strlen(body));
    assert_int_equal(event.kind, MULTIPART_BEGIN);
    assert_int_equal(event.name.size, LIMIT_FORM_NAME_BYTES);
}

static void assert_boundary(const char *type, const char *boundary)
{
    struct span found = SPAN("untouched");

    assert_int_equal(multipart_boundary(span_from(type), &found), boundary != NULL);
    if (boundary)
        assert_true(span_is(found, boundary));
    else
        assert_true(span_is(found, "untouched"));
}

static void test_the_boundary_of_a_content_type(void **state)
{
    (void)state;
    assert_boundary("multipart/form-data; boundary=xyz", "xyz");
    assert_boundary("Multipart/Form-Data;charset=utf-8 ; Boundary=\"a b:c\" ;", "a b:c");
    assert_boundary("multipart/form-data; boundary=a/b=c", "a/b=c");
    assert_boundary("multipart/form-data", NULL);
    assert_boundary("multipart/form-data; boundary=", NULL);
    assert_boundary("multipart/form-data; boundary=\"\"", NULL);
    assert_boundary("multipart/form-data; boundary=a; boundary=b", NULL);
    assert_boundary("multipart/form-data; boundary=\"a ", NULL);
    assert_boundary("multipart/form-data; boundary=\"a \"", NULL);
    assert_boundary("multipart/form-data; boundary=a\"b", NULL);
    assert_boundary("multipart/form-data; boundary", NULL);
    assert_boundary("multipart/form-data; boundary=n\xc3\xa4", NULL);
    assert_boundary("multipart/form-data; boundary="
                    "0123456789012345678901234567890123456789012345678901234567890123456789",
                    "0123456789012345678901234567890123456789012345678901234567890123456789");
    assert_boundary("multipart/form-data; boundary="
                    "01234567890123456789012345678901234567890123456789012345678901234567890",
                    NULL);
    assert_boundary("multipart/mixed; boundary=xyz", NULL);
    assert_boundary("application/json", NULL);
    assert_boundary("", NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_parts_of_a_form),
        cmocka_unit_test(test_a_cut_anywhere_changes_nothing),
        cmocka_unit_test(test_what_stands_before_and_behind_means_nothing),
        cmocka_unit_test(test_where_the_first_boundary_stands),
        cmocka_unit_test(test_what_two_readers_could_read_in_two_ways_is_no_form),
        cmocka_unit_test(test_its_limits),
        cmocka_unit_test(test_a_long_name_is_cut_off),
        cmocka_unit_test(test_the_boundary_of_a_content_type),
    };

    return cmocka_run_group_tests_name("llm/multipart", tests, NULL, NULL);
}
