/* flow/events: what is new since? */
#include "flow/events.h"

/* cmocka wants these first */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

/* The events after `since`, parsed. */
static struct json_doc *read_since(const struct events *events, uint64_t since)
{
    struct buf text;
    struct json_writer w = json_writer(&text);
    struct json_doc *doc = NULL;

    buf_init(&text, 16 * 1024 * 1024);
    json_begin(&w, '{');
    events_write(events, since, &w);
    json_end(&w, '}');
    assert_int_equal(json_parse(buf_span(&text), &doc), 0);
    buf_done(&text);
    return doc;
}

static uint64_t number(const struct json *object, const char *key)
{
    uint64_t value = UINT64_MAX;

    assert_true(json_read_u64(json_member(object, key), &value));
    return value;
}

static void add(struct events *events, int count)
{
    const struct event event = { .kind = EVENT_BREAKER,
                                 .target = "m:a",
                                 .reason = SPAN("why") };

    for (int i = 0; i < count; i++)
        events_add(events, &event, 0);
}

static void assert_since(const struct events *events, uint64_t since, size_t count,
                         uint64_t first)
{
    struct json_doc *doc = read_since(events, since);
    const struct json *list = json_member(json_root(doc), "events");

    assert_int_equal(json_count(list), count);
    if (count)
        assert_int_equal(number(json_item(list, 0), "id"), first);
    assert_int_equal(number(json_root(doc), "last"), events->last);
    json_free(doc);
}

static void test_only_what_is_new_is_told(void **state)
{
    struct events events = { 0 };

    (void)state;
    assert_since(&events, 0, 0, 0);
    add(&events, 3);
    assert_since(&events, 0, 3, 1);
    assert_since(&events, 2, 1, 3);
    assert_since(&events, 3, 0, 0);
    events_done(&events);
}

static void test_a_number_of_another_process_asks_for_all(void **state)
{
    struct events events = { 0 };

    (void)state;
    add(&events, 3);
    assert_since(&events, 4, 3, 1);
    assert_since(&events, UINT64_MAX, 3, 1);
    events_done(&events);
}

static void test_the_oldest_go(void **state)
{
    struct events events = { 0 };

    (void)state;
    add(&events, LIMIT_EVENTS + 5);
    assert_since(&events, 0, LIMIT_EVENTS, 6);
    assert_since(&events, 3, LIMIT_EVENTS, 6);
    assert_since(&events, 6, LIMIT_EVENTS - 1, 7);
    assert_since(&events, LIMIT_EVENTS + 4, 1, LIMIT_EVENTS + 5);
    events_done(&events);
}

static void test_an_event_says_all_of_it(void **state)
{
    static char long_reason[2 * LIMIT_EVENT_REASON_BYTES];
    struct events events = { 0 };
    struct event event = { .kind = EVENT_HEALTH,
                           .model = "m",
                           .target = "m:a",
                           .from = "good",
                           .to = "out",
                           .figures = { { "health", 0, 3 }, { "bad", 5, 0 } } };
    struct json_doc *doc;
    const struct json *told;
    struct span text;

    (void)state;
    memset(long_reason, '"', sizeof(long_reason));
    event.reason = span_make(long_reason, sizeof(long_reason));
    events_add(&events, &event, 1000);
    doc = read_since(&events, 0);
    told = json_item(json_member(json_root(doc), "events"), 0);
    assert_true(json_read_string(json_member(told, "time"), &text) &&
                span_starts(text, "1970-01-01T00:00:01"));
    assert_true(json_read_string(json_member(told, "kind"), &text) && span_is(text, "health"));
    assert_true(json_read_string(json_member(told, "to"), &text) && span_is(text, "out"));
    assert_true(json_read_string(json_member(told, "actor"), &text) && span_is(text, "sluice"));
    assert_true(json_read_string(json_member(told, "reason"), &text));
    assert_int_equal(text.size, LIMIT_EVENT_REASON_BYTES);
    assert_int_equal(number(json_member(told, "figures"), "bad"), 5);
    json_free(doc);
    events_done(&events);
}

static int runs[2];

static void run_first(struct task *task)
{
    (void)task;
    runs[0]++;
}

static void run_second(struct task *task)
{
    (void)task;
    runs[1]++;
}

static void test_all_who_listen_are_woken(void **state)
{
    struct loop *loop = loop_new();
    struct events events = { 0 };
    struct task first;
    struct task second;
    struct events_listener listeners[] = { { &first, NULL }, { &second, NULL } };

    (void)state;
    task_init(&first, loop, run_first);
    task_init(&second, loop, run_second);
    events_listen(&events, &listeners[0]);
    events_listen(&events, &listeners[1]);
    add(&events, 3);
    loop_settle(loop);
    assert_int_equal(runs[0], 1);
    assert_int_equal(runs[1], 1);
    events_listen_no_more(&events, &listeners[0]);
    add(&events, 1);
    loop_settle(loop);
    assert_int_equal(runs[0], 1);
    assert_int_equal(runs[1], 2);
    events_listen_no_more(&events, &listeners[1]);
    events_listen_no_more(&events, &listeners[1]);
    add(&events, 1);
    task_done(&first);
    task_done(&second);
    events_done(&events);
    loop_free(loop);
}

static void test_a_line_says_its_kind(void **state)
{
    const struct event event = { .kind = EVENT_SWITCH,
                                 .model = "\"kind\":\"x\"",
                                 .reason = SPAN("\"kind\":\"x\"") };
    struct events events = { 0 };

    (void)state;
    events_add(&events, &event, 0);
    assert_true(span_is(events_line_kind(events_line(&events, 1)), "switch"));
    assert_int_equal(events_line_kind(SPAN_OF("{}")).size, 0);
    events_done(&events);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_what_is_new_is_told),
        cmocka_unit_test(test_a_number_of_another_process_asks_for_all),
        cmocka_unit_test(test_the_oldest_go),
        cmocka_unit_test(test_an_event_says_all_of_it),
        cmocka_unit_test(test_all_who_listen_are_woken),
        cmocka_unit_test(test_a_line_says_its_kind),
    };

    return cmocka_run_group_tests_name("events", tests, NULL, NULL);
}
