/* llm/sse: cutting, by the rules of the HTML standard, whatever the line ends and the splits. */
#include "llm/sse.h"

#include "base/limits.h"
#include "base/mem.h"

/* cmocka wants these first */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include <time.h>

static void assert_span(struct span span, const char *text)
{
    assert_int_equal(span.size, strlen(text));
    assert_memory_equal(span.at, text, span.size);
}

/* Cuts the first event off `text`; it must be all of it. */
static struct sse_event only(struct sse *sse, const char *text)
{
    struct sse_event event;

    assert_true(sse_next(sse, span_from(text), false, &event));
    assert_int_equal(event.consumed, strlen(text));
    return event;
}

static void test_one_event(void **state)
{
    struct sse sse;
    struct sse_event event;

    (void)state;
    sse_init(&sse);
    event = only(&sse, "data: {\"n\":1}\n\n");
    assert_true(event.plain && event.whole && event.has_data && !event.has_comment);
    assert_span(event.data, "{\"n\":1}");
    assert_span(event.raw, "data: {\"n\":1}\n\n");
    assert_null(event.type.at);
    sse_done(&sse);
}

static void test_only_one_space_goes_and_none_need_be(void **state)
{
    struct sse sse;

    (void)state;
    sse_init(&sse);
    assert_span(only(&sse, "data:[DONE]\n\n").data, "[DONE]");
    assert_span(only(&sse, "data:  two\n\n").data, " two");
    assert_span(only(&sse, "data:\ttab\n\n").data, "\ttab");
    assert_span(only(&sse, "data: a: b\n\n").data, "a: b");
    sse_done(&sse);
}

static void test_the_last_event_name_counts_and_an_empty_one_is_none(void **state)
{
    struct sse sse;

    (void)state;
    sse_init(&sse);
    assert_span(only(&sse, "event: a\nevent: b\ndata: 1\n\n").type, "b");
    assert_null(only(&sse, "event: a\nevent\ndata: 1\n\n").type.at);
    sse_done(&sse);
}

static void test_data_lines_are_joined(void **state)
{
    struct sse sse;
    struct sse_event event;

    (void)state;
    sse_init(&sse);
    event = only(&sse, "data: a\ndata\ndata: b\n\n");
    assert_span(event.data, "a\n\nb");
    assert_false(event.plain);
    event = only(&sse, "data: c\ndata: d\n\n");
    assert_span(event.data, "c\nd");
    sse_done(&sse);
}

static void test_what_may_pass_as_it_is(void **state)
{
    static const char *const plain[] = {
        "data: 1\n\n",           "data:1\n\n", "event: e\ndata: 1\n\n",
        "data: 1\nevent: e\n\n", ": ping\n\n", ":\n:\n\n"
    };
    static const char *const other[] = { "data: 1\r\n\r\n",
                                         "data: 1\n\r\n",
                                         "data: 1\r\n\n",
                                         "id: 7\ndata: 1\n\n",
                                         "data: 1\nretry: 3\n\n",
                                         ": c\ndata: 1\n\n",
                                         "foo: 1\ndata: 1\n\n",
                                         "DATA: 1\ndata: 1\n\n",
                                         ": ping\r\n\r\n",
                                         ": ping\nevent: x\n\n",
                                         "event: x\n\n",
                                         "id\n\n",
                                         "\n" };
    struct sse sse;

    (void)state;
    sse_init(&sse);
    for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
        assert_true(only(&sse, plain[i]).plain);
    for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++)
        assert_false(only(&sse, other[i]).plain);
    sse_done(&sse);
}

static void test_comments_are_events_of_their_own(void **state)
{
    static const char text[] = ": keep-alive\n\ndata: 1\n\n";
    struct sse sse;
    struct sse_event event;

    (void)state;
    sse_init(&sse);
    assert_true(sse_next(&sse, SPAN_OF(text), false, &event));
    assert_true(event.has_comment && !event.has_data);
    assert_span(event.raw, ": keep-alive\n\n");
    assert_true(sse_next(&sse, span_from(text + event.consumed), false, &event));
    assert_span(event.data, "1");
    sse_done(&sse);
}

static void test_a_blank_line_alone_is_an_event_with_nothing_in_it(void **state)
{
    struct sse sse;
    struct sse_event event;

    (void)state;
    sse_init(&sse);
    assert_true(sse_next(&sse, SPAN_OF("\n\ndata: 1\n\n"), false, &event));
    assert_int_equal(event.consumed, 1);
    assert_false(event.has_data || event.has_comment);
    sse_done(&sse);
}

static void test_a_byte_order_mark_is_dropped_once(void **state)
{
    static const char text[] = "\xef\xbb\xbf"
                               "data: 1\n\n";
    struct sse sse;
    struct sse_event event;

    (void)state;
    sse_init(&sse);
    for (size_t size = 0; size < sizeof(text) - 1; size++)
        assert_false(sse_next(&sse, span_make(text, size), false, &event));
    event = only(&sse, text);
    assert_span(event.raw, "data: 1\n\n");
    assert_true(event.plain);
    event = only(&sse, text); /* a second one is part of the first field's name */
    assert_false(event.has_data);
    sse_done(&sse);
}

static void test_half_a_mark_is_no_mark(void **state)
{
    struct sse sse;
    struct sse_event event;

    (void)state;
    sse_init(&sse);
    assert_true(sse_next(&sse, SPAN_OF("\xef\xbb"), true, &event));
    assert_false(event.has_data);
    sse_done(&sse);
}

static void test_a_cr_ends_the_event_at_once_and_its_lf_is_swallowed(void **state)
{
    struct sse sse;
    struct sse_event event;

    (void)state;
    sse_init(&sse);
    event = only(&sse, "data: 1\r\n\r");
    assert_span(event.data, "1");
    assert_false(sse_next(&sse, SPAN_OF("\n"), false, &event));
    event = only(&sse, "\ndata: 2\n\n");
    assert_span(event.raw, "data: 2\n\n");
    assert_true(event.plain);
    event = only(&sse, "data: 3\r\r");
    event = only(&sse, "data: 4\n\n"); /* no LF came: nothing is swallowed */
    assert_span(event.data, "4");
    sse_done(&sse);
}

static void test_a_crlf_cut_in_two_is_one_line_end(void **state)
{
    struct sse sse;
    struct sse_event event;

    (void)state;
    sse_init(&sse);
    assert_false(sse_next(&sse, SPAN_OF("data: 1\r"), false, &event));
    assert_false(sse_next(&sse, SPAN_OF("data: 1\r\n"), false, &event));
    event = only(&sse, "data: 1\r\ndata: 2\r\n\r\n");
    assert_span(event.data, "1\n2");
    sse_done(&sse);
}

static void test_at_the_end_a_blank_line_is_not_needed(void **state)
{
    struct sse sse;
    struct sse_event event;

    (void)state;
    sse_init(&sse);
    assert_false(sse_next(&sse, SPAN_OF("data: 1"), false, &event));
    assert_true(sse_next(&sse, SPAN_OF("data: 1"), true, &event));
    assert_span(event.data, "1");
    assert_false(event.whole || event.plain);
    assert_false(sse_next(&sse, SPAN_OF(""), true, &event));
    assert_false(sse_next(&sse, (struct span){ 0 }, true, &event));
    sse_done(&sse);
}

/* fault 29 */
static void test_writes_the_plain_form(void **state)
{
    static const char *const cases[][2] = {
        { "data:{\"a\":1}\r\rx", "data: {\"a\":1}\n\n" },
        { "id: 1\nevent: e\ndata: 1\n\n", "event: e\ndata: 1\n\n" },
        { "data: {\"a\":\ndata: 1}\n\n", "data: {\"a\": 1}\n\n" },
        { ": some comment\r\n\r\n", ":\n\n" },
        { "data: \xff\xe2\x82\xac\xe2\x82\n\n",
          "data: \xef\xbf\xbd\xe2\x82\xac\xef\xbf\xbd\xef\xbf\xbd\n\n" },
        { "data\r\n\r\n", "data: \n\n" },
        { "data: a\xc3\ndata: b\n\n", "data: a\xef\xbf\xbd b\n\n" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct sse_event event;
        struct buf out;
        struct sse sse;

        sse_init(&sse);
        buf_init(&out, 4096);
        assert_true(sse_next(&sse, span_from(cases[i][0]), false, &event));
        sse_write(&event, &out);
        assert_string_equal(buf_text(&out), cases[i][1]);
        buf_done(&out);
        sse_done(&sse);
    }
}

static double cpu_seconds(void)
{
    struct timespec now;

    assert_int_equal(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now), 0);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Quadratic work would be 64 times 2^40 / 2 bytes: hours. */
static void test_a_megabyte_in_small_pieces_takes_linear_time(void **state)
{
    size_t size = LIMIT_EVENT_BYTES;
    char *text = mem_alloc(size);
    double start = cpu_seconds();
    struct sse_event event;
    struct sse sse;

    (void)state;
    memset(text, 'a', size);
    memcpy(text, "data: ", 6);
    memcpy(text + size - 2, "\n\n", 2);
    sse_init(&sse);
    for (size_t available = 0; available < size; available++)
        assert_false(sse_next(&sse, span_make(text, available), false, &event));
    assert_true(sse_next(&sse, span_make(text, size), false, &event));
    assert_int_equal(event.data.size, size - 8);
    assert_true(cpu_seconds() - start < 2.0);
    sse_done(&sse);
    mem_free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_event),
        cmocka_unit_test(test_only_one_space_goes_and_none_need_be),
        cmocka_unit_test(test_the_last_event_name_counts_and_an_empty_one_is_none),
        cmocka_unit_test(test_data_lines_are_joined),
        cmocka_unit_test(test_what_may_pass_as_it_is),
        cmocka_unit_test(test_comments_are_events_of_their_own),
        cmocka_unit_test(test_a_blank_line_alone_is_an_event_with_nothing_in_it),
        cmocka_unit_test(test_a_byte_order_mark_is_dropped_once),
        cmocka_unit_test(test_half_a_mark_is_no_mark),
        cmocka_unit_test(test_a_cr_ends_the_event_at_once_and_its_lf_is_swallowed),
        cmocka_unit_test(test_a_crlf_cut_in_two_is_one_line_end),
        cmocka_unit_test(test_at_the_end_a_blank_line_is_not_needed),
        cmocka_unit_test(test_writes_the_plain_form),
        cmocka_unit_test(test_a_megabyte_in_small_pieces_takes_linear_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
