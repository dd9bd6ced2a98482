/* The torture stream, cut at every byte: always the events of the HTML standard. */
#include "base/json.h"
#include "golden/fixture.h"
#include "llm/sse.h"

/* cmocka wants these first */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

/* One line an event: type, data with U+FFFD for what is no UTF-8, and LF written as \n. */
static void record(const struct sse_event *event, struct buf *log)
{
    struct span data = event->data;

    if (!event->has_data)
        return;
    (void)buf_add(log, event->type.at ? event->type : SPAN_OF("message"));
    (void)buf_add_byte(log, ' ');
    json_quote(log, data);
    (void)buf_add_byte(log, '\n');
}

/* Feeds `bytes` up to `cut`, then the rest; or byte by byte when cut is SIZE_MAX. */
static void feed(struct span bytes, size_t cut, struct buf *log)
{
    size_t available = cut == SIZE_MAX ? 1 : cut;
    size_t begin = 0;
    struct sse sse;

    sse_init(&sse);
    for (;;) {
        bool ended = available == bytes.size;
        struct span window = fixture_copy(span_make(bytes.at + begin, available - begin));
        struct sse_event event;
        bool found = sse_next(&sse, window, ended, &event);

        if (found) {
            record(&event, log);
            begin += event.consumed;
        }
        fixture_free(window);
        if (!found && ended)
            break;
        if (!found)
            available = cut == SIZE_MAX ? available + 1 : bytes.size;
    }
    sse_done(&sse);
}

/* The same lines from expected.json. */
static void expect(const struct json *events, struct buf *log)
{
    for (size_t i = 0; i < json_count(events); i++) {
        const struct json *event = json_item(events, i);
        struct span type;
        struct span data;

        assert_true(json_read_string(json_member(event, "event"), &type));
        assert_true(json_read_string(json_member(event, "data"), &data));
        (void)buf_add(log, type);
        (void)buf_add_byte(log, ' ');
        json_quote(log, data);
        (void)buf_add_byte(log, '\n');
    }
}

static void test_the_torture_stream_yields_the_same_events_for_every_split(void **state)
{
    struct span stream = fixture_read("25-sse-torture.sse");
    struct span text = fixture_read("25-sse-torture.expected.json");
    struct json_doc *doc = NULL;
    struct buf expected;
    struct buf log;

    (void)state;
    buf_init(&expected, 1 << 16);
    buf_init(&log, 1 << 16);
    assert_int_equal(json_parse(text, &doc), ERR_OK);
    expect(json_member(json_root(doc), "whatwg_events"), &expected);
    expect(json_member(json_root(doc), "with_eof_flush_adds"), &expected);
    for (size_t cut = 0; cut <= stream.size; cut++) {
        buf_reset(&log);
        feed(stream, cut == stream.size ? SIZE_MAX : cut, &log);
        assert_string_equal(buf_text(&log), buf_text(&expected));
    }
    json_free(doc);
    buf_done(&expected);
    buf_done(&log);
    fixture_free(stream);
    fixture_free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_torture_stream_yields_the_same_events_for_every_split),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
