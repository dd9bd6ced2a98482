/* The five clocks, and the sign of life. */
#include "flow/stage.h"
#include "flow/words.h"

#define CLOCKS_OF(first_byte, idle, total, comment)                                            \
    TWO_TARGETS "timeouts: { connect: 2s, first_byte: " first_byte ", idle: " idle             \
                ", total: " total ", sse_comment: " comment " }\n"

/* fault 2 */
static void test_no_connection_in_time_is_another_targets_turn(void **state)
{
    struct stage *stage = stage_open(TWO_TARGETS "retry: { max_attempts: 2 }\n");

    (void)state;
    stage_ask(stage, CHAT);
    stage_advance(stage, 1999);
    assert_int_equal(stage_calls(stage), 1);
    stage_advance(stage, 1);
    assert_true(fake_fetch_is_cancelled(stage_call(stage, 0)));
    assert_int_equal(stage_calls(stage), 2);
    stage_advance(stage, 2000);
    assert_reply(stage, 504, "\"upstream_connect_timeout\"");
    assert_int_equal(stage_count(stage, METER_ATTEMPTS, "m:beta", "timeout", NULL), 1);
    stage_close(stage);
}

static void test_the_connect_clock_stops_with_the_connection(void **state)
{
    struct stage *stage = stage_open(TWO_TARGETS);

    (void)state;
    stage_ask(stage, CHAT);
    stage_connect(stage, 0);
    stage_advance(stage, 50000);
    assert_int_equal(stage_calls(stage), 1);
    stage_answer(stage, 0, 200, JSON, ANSWER);
    assert_reply(stage, 200, "Hello");
    stage_close(stage);
}

/* fault 39; roles and pings are no content */
static void test_a_stream_without_content_in_time_is_another_targets_turn(void **state)
{
    struct stage *stage = stage_open(CLOCKS_OF("10s", "60s", "10m", "0"));

    (void)state;
    stage_ask(stage, STREAM);
    stage_head(stage, 0, 200, EVENTS);
    stage_body(stage, 0, ROLE ": ping\n\n");
    stage_advance(stage, 9999);
    assert_int_equal(stage_calls(stage), 1);
    stage_body(stage, 0, ": ping\n\n");
    stage_advance(stage, 1);
    assert_int_equal(stage_calls(stage), 2);
    stage_answer(stage, 1, 200, EVENTS, HELLO DONE);
    assert_text(fake_http_reply_body(stage->http), HELLO DONE);
    stage_close(stage);
}

static void test_a_whole_answer_has_no_first_byte_clock(void **state)
{
    struct stage *stage = stage_open(CLOCKS_OF("10s", "60s", "10m", "15s"));

    (void)state;
    stage_ask(stage, CHAT);
    stage_connect(stage, 0);
    stage_advance(stage, 300000);
    assert_int_equal(stage_calls(stage), 1);
    assert_int_equal(fake_http_status(stage->http), 0); /* nor a comment */
    stage_answer(stage, 0, 200, JSON, ANSWER);
    assert_reply(stage, 200, "Hello");
    stage_close(stage);
}

static void test_silence_after_the_head_is_another_targets_turn(void **state)
{
    struct stage *stage = stage_open(CLOCKS_OF("60s", "5s", "10m", "0"));

    (void)state;
    stage_ask(stage, CHAT);
    stage_head(stage, 0, 200, JSON);
    stage_advance(stage, 4000);
    stage_body(stage, 0, "{");
    stage_advance(stage, 4999);
    assert_int_equal(stage_calls(stage), 1);
    stage_advance(stage, 1);
    assert_int_equal(stage_calls(stage), 2);
    stage_answer(stage, 1, 200, JSON, ANSWER);
    assert_text(fake_http_reply_body(stage->http), ANSWER);
    stage_close(stage);
}

/* fault 40 */
static void test_silence_after_content_is_a_broken_stream(void **state)
{
    struct stage *stage = stage_open(CLOCKS_OF("60s", "5s", "10m", "0"));

    (void)state;
    stage_ask(stage, STREAM);
    stage_head(stage, 0, 200, EVENTS);
    stage_body(stage, 0, HELLO);
    stage_advance(stage, 4999);
    stage_body(stage, 0, WORLD);
    stage_advance(stage, 4999);
    assert_lacks(fake_http_reply_body(stage->http), "error");
    stage_advance(stage, 1);
    assert_holds(fake_http_reply_body(stage->http), "\"upstream_timeout\"");
    assert_lacks(fake_http_reply_body(stage->http), "[DONE]");
    assert_true(fake_fetch_is_cancelled(stage_call(stage, 0)));
    assert_int_equal(stage_calls(stage), 1);
    stage_close(stage);
}

static void test_the_total_clock_is_the_last_word(void **state)
{
    struct stage *stage = stage_open(CLOCKS_OF("60s", "60s", "20s", "0"));

    (void)state;
    stage_ask(stage, CHAT); /* waiting for the head */
    stage_connect(stage, 0);
    stage_advance(stage, 20000);
    assert_reply(stage, 504, "\"deadline_exceeded\"");
    assert_int_equal(stage_calls(stage), 1);
    stage_read_logs(stage);
    assert_holds(buf_span(&stage->events), "\"code\":\"deadline_exceeded\"");
    stage_ask(stage, STREAM); /* in the stream: fault 42 */
    stage_head(stage, 1, 200, EVENTS);
    stage_body(stage, 1, HELLO);
    for (int i = 0; i < 10; i++) {
        stage_advance(stage, 1999);
        stage_body(stage, 1, ": still here\n\n");
    }
    stage_advance(stage, 10);
    assert_holds(fake_http_reply_body(stage->http), "\"deadline_exceeded\"");
    assert_lacks(fake_http_reply_body(stage->http), "[DONE]");
    stage_close(stage);
}

static void test_the_total_clock_counts_all_attempts_and_delays(void **state)
{
    struct stage *stage = stage_open(
        ONE_TARGET
        "timeouts: { connect: 0, total: 20s }\nretry: { initial_delay_ms: 30000 }\n");

    (void)state;
    stage_ask(stage, CHAT);
    stage_fail(stage, 0, FETCH_NO_CONNECTION);
    assert_reply(stage, 502,
                 "\"upstream_connect\""); /* the delay would outlast it: said at once */
    stage_close(stage);
}

static void test_a_body_that_comes_too_late_is_refused(void **state)
{
    struct stage *stage = stage_open(CLOCKS_OF("60s", "60s", "20s", "0"));

    (void)state;
    stage_prepare(stage, "/v1/chat/completions", "");
    fake_http_set_body(stage->http, HTTP_BODY_COMING, SPAN_OF(""));
    stage_start(stage);
    stage_advance(stage, 20000);
    assert_reply(stage, 408, "\"request_timeout\"");
    stage_close(stage);
}

/* ---- the sign of life ---- */

static void test_a_silent_stream_gets_comments_and_can_still_fail_over(void **state)
{
    struct stage *stage = stage_open(CLOCKS_OF("60s", "60s", "10m", "15s"));

    (void)state;
    stage_ask(stage, STREAM);
    stage_head(stage, 0, 200, EVENTS);
    stage_body(stage, 0, ROLE);
    stage_advance(stage, 14999);
    assert_int_equal(fake_http_status(stage->http), 0);
    stage_advance(stage, 1);
    assert_int_equal(fake_http_status(stage->http), 200);
    assert_text(fake_http_reply_body(stage->http), ": ping\n\n");
    stage_advance(stage, 15000);
    assert_text(fake_http_reply_body(stage->http), ": ping\n\n: ping\n\n");
    stage_body(stage, 0, ERROR_EVENT);
    assert_int_equal(stage_calls(stage), 2);
    stage_answer(stage, 1, 200, EVENTS, HELLO DONE);
    assert_text(fake_http_reply_body(stage->http), ": ping\n\n: ping\n\n" HELLO DONE);
    assert_int_equal(fake_http_end(stage->http), FAKE_HTTP_KEPT);
    stage_close(stage);
}

static void test_after_a_comment_an_error_is_an_event(void **state)
{
    struct stage *stage = stage_open(ONE_TARGET "timeouts: { sse_comment: 1s }\n");

    (void)state;
    stage_ask(stage, STREAM);
    stage_advance(stage, 1000);
    stage_answer(stage, 0, 400, JSON, ERROR_BODY("no", "invalid_request_error"));
    assert_reply(stage, 200, ": ping\n\ndata: {\"error\":");
    assert_lacks(fake_http_reply_body(stage->http), "[DONE]");
    stage_close(stage);
}

/* It would have to be sent behind the head of a stream. */
static void test_after_a_comment_json_does_not_fit_any_more(void **state)
{
    struct stage *stage = stage_open(CLOCKS_OF("60s", "60s", "10m", "15s"));

    (void)state;
    stage_ask(stage, STREAM);
    stage_connect(stage, 0);
    stage_advance(stage, 15000);
    stage_head(stage, 0, 200, JSON);
    assert_int_equal(stage_calls(stage), 2);
    stage_answer(stage, 1, 200, EVENTS, HELLO DONE);
    assert_text(fake_http_reply_body(stage->http), ": ping\n\n" HELLO DONE);
    stage_close(stage);
}

static void test_json_for_a_stream_that_comes_slowly_gets_no_comment(void **state)
{
    struct stage *stage = stage_open(CLOCKS_OF("60s", "60s", "10m", "1s"));

    (void)state;
    stage_ask(stage, STREAM);
    stage_head(stage, 0, 200, JSON);
    stage_body(stage, 0, "{\"choices\":[");
    stage_advance(stage, 5000);
    assert_int_equal(fake_http_status(stage->http), 0);
    stage_body(stage, 0, "]}");
    stage_end(stage, 0);
    assert_text(fake_http_reply_body(stage->http), "{\"choices\":[]}");
    stage_close(stage);
}

/* ... and the stream that stands in for it gets comments again. */
static void test_comments_go_on_behind_json_that_failed(void **state)
{
    struct stage *stage = stage_open(CLOCKS_OF("60s", "60s", "10m", "1s"));

    (void)state;
    stage_ask(stage, STREAM);
    stage_head(stage, 0, 200, JSON);
    stage_fail(stage, 0, FETCH_TRUNCATED);
    stage_connect(stage, 1);
    stage_advance(stage, 1000);
    assert_text(fake_http_reply_body(stage->http), ": ping\n\n");
    stage_answer(stage, 1, 200, EVENTS, HELLO DONE);
    stage_close(stage);
}

static void test_long_json_for_a_stream_gets_no_comment_either(void **state)
{
    struct stage *stage = stage_open(CLOCKS_OF("60s", "60s", "10m", "1s"));
    static const char blanks[60001] = { 0 };
    char part[60001];

    (void)state;
    for (size_t i = 0; i < sizeof(part); i++)
        part[i] = (char)(blanks[i] + ' ');
    part[0] = '{';
    part[60000] = 0;
    stage_ask(stage, STREAM);
    stage_head(stage, 0, 200, JSON);
    for (int i = 0; i < 6; i++)
        stage_body(stage, 0, i ? part + 1 : part);
    assert_int_equal(fake_http_status(stage->http), 200);
    stage_advance(stage, 10000);
    stage_body(stage, 0, "}");
    stage_end(stage, 0);
    assert_lacks(fake_http_reply_body(stage->http), "ping");
    stage_close(stage);
}

static void test_a_quiet_stream_gets_comments_between_events(void **state)
{
    struct stage *stage = stage_open(CLOCKS_OF("60s", "60s", "10m", "15s"));

    (void)state;
    stage_ask(stage, STREAM);
    stage_head(stage, 0, 200, EVENTS);
    stage_body(stage, 0, HELLO "data: {\"cho");
    stage_advance(stage, 10000);
    stage_body(stage, 0, "ices\":[]}\n\ndata: half");
    stage_advance(stage, 14999);
    assert_lacks(fake_http_reply_body(stage->http), "ping");
    stage_advance(stage, 1);
    assert_text(fake_http_reply_body(stage->http),
                HELLO "data: {\"choices\":[]}\n\n: ping\n\n");
    stage_fail(stage, 0, FETCH_TRUNCATED);
    stage_close(stage);
}

static void test_comments_bridge_a_back_off(void **state)
{
    struct stage *stage = stage_open(ONE_TARGET "timeouts: { sse_comment: 1s }\n"
                                                "retry: { initial_delay_ms: 4000 }\n");

    (void)state;
    stage_ask(stage, STREAM);
    stage_fail(stage, 0, FETCH_NO_CONNECTION);
    stage_advance(stage, 1000);
    assert_text(fake_http_reply_body(stage->http), ": ping\n\n");
    stage_advance(stage, 3000);
    stage_answer(stage, 1, 200, EVENTS, HELLO DONE);
    assert_holds(fake_http_reply_body(stage->http), HELLO DONE);
    stage_close(stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_connection_in_time_is_another_targets_turn),
        cmocka_unit_test(test_the_connect_clock_stops_with_the_connection),
        cmocka_unit_test(test_a_stream_without_content_in_time_is_another_targets_turn),
        cmocka_unit_test(test_a_whole_answer_has_no_first_byte_clock),
        cmocka_unit_test(test_silence_after_the_head_is_another_targets_turn),
        cmocka_unit_test(test_silence_after_content_is_a_broken_stream),
        cmocka_unit_test(test_the_total_clock_is_the_last_word),
        cmocka_unit_test(test_the_total_clock_counts_all_attempts_and_delays),
        cmocka_unit_test(test_a_body_that_comes_too_late_is_refused),
        cmocka_unit_test(test_a_silent_stream_gets_comments_and_can_still_fail_over),
        cmocka_unit_test(test_after_a_comment_an_error_is_an_event),
        cmocka_unit_test(test_after_a_comment_json_does_not_fit_any_more),
        cmocka_unit_test(test_json_for_a_stream_that_comes_slowly_gets_no_comment),
        cmocka_unit_test(test_comments_go_on_behind_json_that_failed),
        cmocka_unit_test(test_long_json_for_a_stream_gets_no_comment_either),
        cmocka_unit_test(test_a_quiet_stream_gets_comments_between_events),
        cmocka_unit_test(test_comments_bridge_a_back_off),
    };

    return cmocka_run_group_tests_name("flow/clock", tests, NULL, NULL);
}
