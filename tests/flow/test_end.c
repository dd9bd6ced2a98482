/* Ends that nobody wished for: broken streams, clients that go or read slowly, a drain that is over. */
#include "flow/stage.h"
#include "flow/words.h"

#include "base/limits.h"
#include "base/mem.h"

#include <string.h>

/* ---- broken streams ---- */

/* The reply ends in one error event behind what was sent, whole events all of it. */
static void assert_broken(struct stage *stage, const char *before, const char *code)
{
    struct span body = fake_http_reply_body(stage->http);

    assert_int_equal(fake_http_status(stage->http), 200);
    assert_true(span_starts(body, before));
    body = span_skip(body, strlen(before));
    assert_true(span_starts(body, "data: {\"error\":"));
    assert_holds(body, code);
    assert_int_equal(span_find_text(body, "\n\n"), body.size - 2);
    assert_int_equal(stage_calls(stage), 1);
    stage_read_logs(stage);
    assert_holds(buf_span(&stage->access), "\"outcome\":\"broken\"");
    stage_close(stage);
}

/* faults 10 and 11 */
static void test_a_stream_that_breaks_off_ends_in_an_error_event(void **state)
{
    struct stage *stage = stage_open(TWO_TARGETS);

    (void)state;
    stage_ask(stage, STREAM);
    stage_head(stage, 0, 200, EVENTS);
    stage_body(stage, 0, HELLO "data: {\"choices\":[{\"del");
    stage_fail(stage, 0, FETCH_TRUNCATED);
    assert_int_equal(stage_count(stage, METER_ATTEMPTS, "m:alpha", "truncated", NULL), 1);
    assert_broken(stage, HELLO, "\"upstream_truncated\"");
    stage = stage_open(TWO_TARGETS);
    stage_ask(stage, STREAM);
    stage_answer(stage, 0, 200, EVENTS, HELLO WORLD);
    assert_broken(stage, HELLO WORLD, "\"upstream_truncated\"");
}

/* fault 25 */
static void test_an_error_event_behind_content_ends_the_stream(void **state)
{
    struct stage *stage = stage_open(TWO_TARGETS);

    (void)state;
    stage_ask(stage, STREAM);
    stage_head(stage, 0, 200, EVENTS);
    stage_body(stage, 0, HELLO ERROR_EVENT WORLD DONE);
    assert_broken(stage, HELLO, "boom");
}

/* fault 32 */
static void test_an_event_without_end_is_cut_off(void **state)
{
    struct stage *stage = stage_open(TWO_TARGETS);
    char *line = mem_alloc(LIMIT_EVENT_BYTES + 1);
    size_t sent = 0;

    (void)state;
    memset(line, 'x', LIMIT_EVENT_BYTES + 1);
    memcpy(line, "data: ", 6);
    stage_ask(stage, STREAM);
    stage_head(stage, 0, 200, EVENTS);
    stage_body(stage, 0, HELLO);
    while (sent < LIMIT_EVENT_BYTES + 1) {
        size_t taken = fake_fetch_body(stage_call(stage, 0),
                                       span_make(line + sent, LIMIT_EVENT_BYTES + 1 - sent));

        assert_int_not_equal(taken, 0);
        sent += taken;
        fake_loop_settle(stage->loop);
    }
    mem_free(line);
    assert_broken(stage, HELLO, "\"upstream_protocol\"");
}

/* fault 16: what was announced cannot be delivered, and the client must notice */
static void test_long_json_that_breaks_off_is_cut(void **state)
{
    struct stage *stage = stage_open(TWO_TARGETS);
    static char part[60001];

    (void)state;
    memset(part, ' ', sizeof(part) - 1);
    stage_ask(stage, CHAT);
    fake_fetch_head(stage_call(stage, 0), 200,
                    "content-type: application/json\ncontent-length: 1000000\n");
    for (int i = 0; i < 6; i++)
        stage_body(stage, 0, part);
    assert_int_equal(fake_http_status(stage->http), 200);
    stage_fail(stage, 0, FETCH_TRUNCATED);
    assert_int_equal(fake_http_end(stage->http), FAKE_HTTP_ABORTED);
    stage_close(stage);
}

/* fault 33 */
static void test_an_answer_without_end_is_cut(void **state)
{
    struct stage *stage = stage_open(ONE_TARGET);
    static char part[60001];
    uint64_t sent = 0;

    (void)state;
    memset(part, ' ', sizeof(part) - 1);
    stage_ask(stage, CHAT);
    stage_head(stage, 0, 200, JSON);
    while (fake_http_end(stage->http) == FAKE_HTTP_RUNNING) {
        assert_true(sent <= LIMIT_ANSWER_BYTES);
        stage_body(stage, 0, part);
        sent += sizeof(part) - 1;
    }
    assert_true(sent > LIMIT_ANSWER_BYTES);
    assert_int_equal(fake_http_end(stage->http), FAKE_HTTP_ABORTED);
    stage_close(stage);
}

/* ---- the client goes ---- */

static void assert_cancelled(struct stage *stage, const char *phase)
{
    assert_int_equal(fake_http_end(stage->http), FAKE_HTTP_ABORTED);
    assert_true(list_empty(&stage->env.exchanges)); /* at once, not at the next alarm */
    assert_int_equal(stage_count(stage, METER_CANCELLED, phase, NULL, NULL), 1);
    assert_int_equal(stage_count(stage, METER_REQUESTS, "m", "blue", "499"),
                     strcmp(phase, "queue") != 0);
    stage_read_logs(stage);
    assert_holds(buf_span(&stage->access), "\"status\":499,\"outcome\":\"cancelled\"");
    if (stage_calls(stage))
        assert_true(fake_fetch_is_closed(stage_call(stage, stage_calls(stage) - 1)));
    stage_close(stage);
}

/* faults 46, 47, 49 */
static void test_a_client_that_goes_is_noticed_in_every_state(void **state)
{
    struct stage *stage = stage_open(ONE_TARGET);

    (void)state;
    stage_prepare(stage, "/v1/chat/completions", "");
    fake_http_set_body(stage->http, HTTP_BODY_COMING, SPAN_OF(""));
    stage_start(stage);
    stage_leave(stage);
    assert_int_equal(stage_calls(stage), 0);
    assert_cancelled(stage, "queue");

    stage = stage_open(ONE_TARGET);
    stage_ask(stage, CHAT);
    stage_leave(stage);
    assert_true(fake_fetch_is_cancelled(stage_call(stage, 0)));
    assert_int_equal(stage_count(stage, METER_ATTEMPTS, "m:alpha", "cancelled", NULL), 1);
    assert_cancelled(stage, "connect");

    stage = stage_open(ONE_TARGET);
    stage_ask(stage, CHAT);
    stage_connect(stage, 0);
    stage_leave(stage);
    assert_cancelled(stage, "headers");

    stage = stage_open(ONE_TARGET);
    stage_ask(stage, STREAM);
    stage_head(stage, 0, 200, EVENTS);
    stage_body(stage, 0, HELLO);
    stage_leave(stage);
    assert_int_equal(stage_count(stage, METER_TOKENS, "m", "output", NULL), 1); /* estimated */
    assert_cancelled(stage, "stream");

    stage = stage_open(ONE_TARGET);
    stage_ask(stage, CHAT);
    stage_fail(stage, 0, FETCH_NO_CONNECTION);
    stage_leave(stage);
    assert_int_equal(stage_calls(stage), 1);
    assert_cancelled(stage, "backoff");
}

static void test_a_client_that_is_gone_at_once_costs_no_call(void **state)
{
    struct stage *stage = stage_open(ONE_TARGET);

    (void)state;
    stage_prepare(stage, "/v1/chat/completions", CHAT);
    fake_http_leave(stage->http);
    stage_start(stage);
    assert_int_equal(stage_calls(stage), 0);
    assert_cancelled(stage, "queue");
}

#define DRAIN                                                                                  \
    "providers:\n"                                                                             \
    "  alpha: { kind: openai, base_url: \"http://alpha.test/v1\", keys: [ k ],\n"              \
    "           on_client_gone: drain }\n"                                                     \
    "  beta: { kind: openai, base_url: \"http://beta.test/v1\", keys: [ k ] }\n"               \
    "models:\n"                                                                                \
    "  m: { targets: [ { provider: alpha }, { provider: beta, priority: 2 } ] }\n"

static void test_a_bill_that_comes_anyway_is_read_to_its_end(void **state)
{
    struct stage *stage = stage_open(DRAIN);

    (void)state;
    stage_ask(stage, STREAM);
    stage_head(stage, 0, 200, EVENTS);
    stage_body(stage, 0, HELLO);
    stage_leave(stage);
    assert_false(fake_fetch_is_closed(stage_call(stage, 0)));
    stage_body(stage, 0, WORLD);
    stage_body(stage, 0, FINISH USAGE DONE);
    stage_end(stage, 0);
    assert_text(fake_http_reply_body(stage->http), HELLO); /* what it got before it went */
    assert_int_equal(stage_count(stage, METER_TOKENS, "m", "output", NULL), 3);
    assert_int_equal(stage_count(stage, METER_ATTEMPTS, "m:alpha", "ok", NULL), 1);
    assert_int_equal(stage_count(stage, METER_CANCELLED, "stream", NULL, NULL), 1);
    assert_int_equal(stage_count(stage, METER_REQUESTS, "m", "blue", "499"), 1);
    stage_close(stage);
}

static void test_an_answer_that_nobody_waits_for_is_not_asked_elsewhere(void **state)
{
    struct stage *stage = stage_open(DRAIN);

    (void)state;
    stage_ask(stage, CHAT);
    stage_connect(stage, 0);
    stage_leave(stage);
    stage_answer(stage, 0, 500, JSON, "");
    assert_int_equal(stage_calls(stage), 1);
    assert_int_equal(stage_count(stage, METER_CANCELLED, "headers", NULL, NULL), 1);
    stage_close(stage);
    stage = stage_open(DRAIN);
    stage_ask(stage, CHAT);
    stage_connect(stage, 0);
    stage_leave(stage);
    stage_answer(stage, 0, 200, JSON, ANSWER);
    assert_int_equal(stage_count(stage, METER_TOKENS, "m", "output", NULL), 3);
    assert_int_equal(stage_count(stage, METER_REQUESTS, "m", "blue", "499"), 1);
    stage_close(stage);
}

/* ---- a slow reader: fault 50 ---- */

static void test_a_client_that_does_not_read_pauses_its_upstream(void **state)
{
    struct stage *stage = stage_open(ONE_TARGET);
    struct span hello = SPAN(HELLO);
    size_t waiting = 0;

    (void)state;
    stage_ask(stage, STREAM);
    stage_head(stage, 0, 200, EVENTS);
    fake_http_let_read(stage->http, 1);
    stage_body(stage, 0, HELLO);
    assert_text(fake_http_reply_body(stage->http), HELLO);
    while (fake_fetch_body(stage_call(stage, 0), hello) == hello.size)
        waiting += hello.size;
    fake_loop_settle(stage->loop);
    assert_true(waiting > LIMIT_INBOX_BYTES / 2);
    assert_text(fake_http_reply_body(stage->http), HELLO);
    stage_advance(stage, 300000); /* our silence is not the upstream's */
    assert_lacks(fake_http_reply_body(stage->http), "error");
    fake_http_let_read(stage->http, SIZE_MAX);
    fake_loop_settle(stage->loop);
    assert_int_equal(fake_http_reply_body(stage->http).size % hello.size, (size_t)0);
    assert_true(fake_http_reply_body(stage->http).size >= waiting);
    stage_leave(stage);
    stage_close(stage);
}

/* The end marker has been written: there is nothing to wait for. */
static void test_a_full_client_that_has_everything_is_done(void **state)
{
    struct stage *stage = stage_open(ONE_TARGET);

    (void)state;
    stage_ask(stage, STREAM);
    stage_head(stage, 0, 200, EVENTS);
    fake_http_let_read(stage->http, 1);
    stage_body(stage, 0, DONE);
    stage_end(stage, 0);
    assert_int_equal(fake_http_end(stage->http), FAKE_HTTP_KEPT);
    stage_close(stage);
}

/* fault 50 again: the upstream has ended, the client holds the rest. fake_loop would notice a spin. */
static void test_a_client_that_does_not_read_does_not_outlive_the_total_clock(void **state)
{
    struct stage *stage = stage_open(ONE_TARGET "timeouts: { total: 20s }\n");

    (void)state;
    stage_ask(stage, STREAM);
    stage_head(stage, 0, 200, EVENTS);
    fake_http_let_read(stage->http, 1);
    stage_body(stage, 0, HELLO);
    stage_body(stage, 0, WORLD FINISH DONE);
    stage_end(stage, 0);
    stage_advance(stage, 20000);
    assert_holds(fake_http_reply_body(stage->http), "\"deadline_exceeded\"");
    stage_close(stage);
}

static void test_long_json_waits_for_a_slow_reader_too(void **state)
{
    struct stage *stage = stage_open(ONE_TARGET);
    static char part[60001];

    (void)state;
    memset(part, ' ', sizeof(part) - 1);
    part[0] = '{';
    stage_ask(stage, CHAT);
    fake_http_let_read(stage->http, 1000);
    stage_head(stage, 0, 200, JSON);
    for (int i = 0; i < 5; i++)
        (void)fake_fetch_body(stage_call(stage, 0), span_from(i ? part + 1 : part));
    fake_loop_settle(stage->loop);
    assert_int_equal(fake_http_reply_body(stage->http).size, 1000);
    stage_advance(stage, 100000);
    fake_http_let_read(stage->http, SIZE_MAX);
    fake_loop_settle(stage->loop);
    stage_body(stage, 0, "}");
    stage_end(stage, 0);
    assert_int_equal(fake_http_end(stage->http), FAKE_HTTP_KEPT);
    assert_holds(fake_http_reply_body(stage->http), "}");
    stage_close(stage);
}

/* ---- the end of a drain: fault 85 ---- */

static void interrupt(struct stage *stage)
{
    stage->env.draining = true;
    exchange_stop_all(&stage->env);
    fake_loop_settle(stage->loop);
}

static void assert_shut_down(struct stage *stage, unsigned status)
{
    assert_reply(stage, status, "\"overloaded\"");
    assert_lacks(fake_http_reply_body(stage->http), "[DONE]");
    assert_int_equal(fake_http_end(stage->http), FAKE_HTTP_CLOSED);
    assert_true(list_empty(&stage->env.exchanges));
    assert_int_equal(stage_count(stage, METER_ATTEMPTS, "m:alpha", "server_error", NULL), 0);
    stage_close(stage);
}

static void test_the_end_of_a_drain_ends_every_state(void **state)
{
    struct stage *stage = stage_open(ONE_TARGET);

    (void)state;
    stage_prepare(stage, "/v1/chat/completions", "");
    fake_http_set_body(stage->http, HTTP_BODY_COMING, SPAN_OF(""));
    stage_start(stage);
    interrupt(stage);
    assert_shut_down(stage, 503);

    stage = stage_open(ONE_TARGET);
    stage_ask(stage, CHAT);
    interrupt(stage);
    assert_true(fake_fetch_is_cancelled(stage_call(stage, 0)));
    assert_shut_down(stage, 503);

    stage = stage_open(ONE_TARGET);
    stage_ask(stage, CHAT);
    stage_fail(stage, 0, FETCH_NO_CONNECTION);
    interrupt(stage);
    assert_shut_down(stage, 503);

    stage = stage_open(ONE_TARGET);
    stage_ask(stage, STREAM);
    stage_head(stage, 0, 200, EVENTS);
    stage_body(stage, 0, HELLO "data: half");
    interrupt(stage);
    assert_lacks(fake_http_reply_body(stage->http), "half");
    assert_shut_down(stage, 200);
}

static void test_while_draining_replies_close_their_connection(void **state)
{
    struct stage *stage = stage_open(ONE_TARGET);

    (void)state;
    stage_ask(stage, CHAT);
    stage->env.draining = true;
    stage_answer(stage, 0, 200, JSON, ANSWER);
    assert_reply(stage, 200, "Hello");
    assert_int_equal(fake_http_end(stage->http), FAKE_HTTP_CLOSED);
    stage_close(stage);
}

static void test_a_reply_that_is_complete_is_not_interrupted(void **state)
{
    struct stage *stage = stage_open(ONE_TARGET);

    (void)state;
    stage_ask(stage, STREAM);
    stage_head(stage, 0, 200, EVENTS);
    stage_body(stage, 0, HELLO DONE);
    interrupt(stage);
    assert_text(fake_http_reply_body(stage->http), HELLO DONE);
    stage_close(stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_stream_that_breaks_off_ends_in_an_error_event),
        cmocka_unit_test(test_an_error_event_behind_content_ends_the_stream),
        cmocka_unit_test(test_an_event_without_end_is_cut_off),
        cmocka_unit_test(test_long_json_that_breaks_off_is_cut),
        cmocka_unit_test(test_an_answer_without_end_is_cut),
        cmocka_unit_test(test_a_client_that_goes_is_noticed_in_every_state),
        cmocka_unit_test(test_a_client_that_is_gone_at_once_costs_no_call),
        cmocka_unit_test(test_a_bill_that_comes_anyway_is_read_to_its_end),
        cmocka_unit_test(test_an_answer_that_nobody_waits_for_is_not_asked_elsewhere),
        cmocka_unit_test(test_a_client_that_does_not_read_pauses_its_upstream),
        cmocka_unit_test(test_a_full_client_that_has_everything_is_done),
        cmocka_unit_test(test_a_client_that_does_not_read_does_not_outlive_the_total_clock),
        cmocka_unit_test(test_long_json_waits_for_a_slow_reader_too),
        cmocka_unit_test(test_the_end_of_a_drain_ends_every_state),
        cmocka_unit_test(test_while_draining_replies_close_their_connection),
        cmocka_unit_test(test_a_reply_that_is_complete_is_not_interrupted),
    };

    return cmocka_run_group_tests_name("flow/end", tests, NULL, NULL);
}
