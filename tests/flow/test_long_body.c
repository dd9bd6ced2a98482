/* Bodies that take many reads: read while they come, and no different for it. */
#include "flow/stage.h"
#include "flow/words.h"

#include "base/buf.h"
#include "base/limits.h"

#include <string.h>

enum { LONG = 5 * LIMIT_READ_BYTES, PIECE = LIMIT_READ_BYTES / 2 + 7 };

#define FRONT "{\"messages\":[{\"role\":\"user\",\"content\":\""

/* FRONT, a long text, `end`. */
static struct buf long_body(const char *end)
{
    struct buf body;

    buf_init(&body, (size_t)2 * LONG);
    (void)buf_add_text(&body, FRONT);
    while (buf_size(&body) < LONG)
        (void)buf_add_text(&body, "a text \\u00e9 \xc3\xa9 ");
    (void)buf_add_text(&body, end);
    return body;
}

static void begin(struct stage *stage)
{
    stage_prepare(stage, "/v1/chat/completions", "");
    fake_http_set_body(stage->http, HTTP_BODY_COMING, SPAN_OF(""));
    stage_start(stage);
}

/* The next piece of what is left, in a turn of its own; whether there was one. */
static bool send(struct stage *stage, struct span *rest)
{
    struct span piece = span_first(*rest, PIECE);
    bool last = piece.size == rest->size;

    fake_http_add_body(stage->http, last ? HTTP_BODY_WHOLE : HTTP_BODY_COMING, piece);
    fake_loop_settle(stage->loop);
    *rest = span_skip(*rest, piece.size);
    return !last;
}

static void send_all(struct stage *stage, const char *end)
{
    struct buf body = long_body(end);
    struct span rest = buf_span(&body);

    begin(stage);
    while (send(stage, &rest))
        assert_int_equal(fake_http_status(stage->http), 0);
    buf_done(&body);
}

static void send_half(struct stage *stage)
{
    struct buf body = long_body("\"}],\"model\":\"m\"}");
    struct span rest = buf_span(&body);

    begin(stage);
    while (rest.size > LONG / 2)
        (void)send(stage, &rest);
    buf_done(&body);
}

static void test_a_body_of_many_reads_goes_up_as_it_came_but_for_the_name(void **state)
{
    struct stage *stage = stage_open(ONE_TARGET);
    struct buf wanted = long_body("\"}],\"model\":\"alpha-m\",\"stream\":false}");

    (void)state;
    send_all(stage, "\"}],\"model\":\"m\",\"stream\":false}");
    assert_int_equal(stage_calls(stage), 1);
    assert_true(span_equal(fake_fetch_sent_body(stage_call(stage, 0)), buf_span(&wanted)));
    stage_answer(stage, 0, 200, JSON, ANSWER);
    assert_reply(stage, 200, "Hello");
    buf_done(&wanted);
    stage_close(stage);
}

static void test_a_stream_that_is_asked_for_at_its_end_is_one(void **state)
{
    struct stage *stage = stage_open(ONE_TARGET);

    (void)state;
    send_all(stage, "\"}],\"model\":\"m\",\"stream\":true}");
    assert_holds(fake_fetch_sent_body(stage_call(stage, 0)), "\"include_usage\":true");
    stage_head(stage, 0, 200, EVENTS);
    stage_body(stage, 0, HELLO FINISH USAGE DONE);
    stage_end(stage, 0);
    assert_reply(stage, 200, "Hello");
    stage_close(stage);
}

/* Nobody has told its usage: it was counted while it came. */
static void test_a_stream_without_usage_is_charged_for_its_long_prompt(void **state)
{
    struct stage *stage = stage_open(ONE_TARGET);

    (void)state;
    send_all(stage, "\"}],\"model\":\"m\",\"stream\":true}");
    stage_head(stage, 0, 200, EVENTS);
    stage_body(stage, 0, HELLO FINISH DONE);
    stage_end(stage, 0);
    assert_reply(stage, 200, "Hello");
    assert_true(stage_count(stage, METER_TOKENS, "m", "input", NULL) > LONG / 8);
    assert_true(stage_count(stage, METER_TOKENS, "m", "input", NULL) < LONG / 4);
    stage_close(stage);
}

static void test_what_is_wrong_with_it_is_said_as_of_any_other(void **state)
{
    static const struct {
        const char *end;
        const char *words;
    } rows[] = {
        { "\"}],\"model\":\"m\",}", "not valid JSON" },
        { "\"}],\"model\":\"m\"", "it ends too early" },
        { "\x01\"}],\"model\":\"m\"}", "not valid JSON" },
        { "\"}],\"model\":\"m\",\"mod\\u0065l\":\"m\"}", "more than once" },
        { "\"}],\"model\":7}", "`model` must be a string" },
    };
    struct stage *stage = stage_open(ONE_TARGET);

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        send_all(stage, rows[i].end);
        assert_reply(stage, 400, rows[i].words);
    }
    assert_int_equal(stage_calls(stage), 0);
    stage_close(stage);
}

static void test_a_client_that_leaves_in_the_middle_leaves_nothing(void **state)
{
    struct stage *stage = stage_open(ONE_TARGET);

    (void)state;
    send_half(stage);
    stage_leave(stage);
    assert_true(list_empty(&stage->env.exchanges));
    assert_int_equal(stage_calls(stage), 0);
    assert_int_equal(stage_count(stage, METER_CANCELLED, "queue", NULL, NULL), 1);
    stage_close(stage);
}

static void test_the_end_of_a_drain_does_not_wait_for_the_rest(void **state)
{
    struct stage *stage = stage_open(ONE_TARGET);

    (void)state;
    send_half(stage);
    stage->env.draining = true;
    exchange_stop_all(&stage->env);
    fake_loop_settle(stage->loop);
    assert_reply(stage, 503, "shutting down");
    assert_int_equal(fake_http_end(stage->http), FAKE_HTTP_CLOSED);
    stage_close(stage);
}

static void test_a_body_that_stops_in_the_middle_is_too_slow(void **state)
{
    struct stage *stage = stage_open(ONE_TARGET);

    (void)state;
    send_half(stage);
    fake_http_add_body(stage->http, HTTP_BODY_TOO_SLOW, SPAN_OF(""));
    fake_loop_settle(stage->loop);
    assert_reply(stage, 408, "\"request_timeout\"");
    stage_close(stage);
}

static void test_the_next_request_knows_nothing_of_it(void **state)
{
    struct stage *stage = stage_open(ONE_TARGET);

    (void)state;
    send_all(stage, "\"}],\"model\":\"nobody\"}");
    assert_reply(stage, 404, "nobody");
    stage_ask(stage, CHAT);
    stage_answer(stage, 0, 200, JSON, ANSWER);
    assert_reply(stage, 200, "Hello");
    stage_close(stage);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_body_of_many_reads_goes_up_as_it_came_but_for_the_name),
        cmocka_unit_test(test_a_stream_that_is_asked_for_at_its_end_is_one),
        cmocka_unit_test(test_a_stream_without_usage_is_charged_for_its_long_prompt),
        cmocka_unit_test(test_what_is_wrong_with_it_is_said_as_of_any_other),
        cmocka_unit_test(test_a_client_that_leaves_in_the_middle_leaves_nothing),
        cmocka_unit_test(test_the_end_of_a_drain_does_not_wait_for_the_rest),
        cmocka_unit_test(test_a_body_that_stops_in_the_middle_is_too_slow),
        cmocka_unit_test(test_the_next_request_knows_nothing_of_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
