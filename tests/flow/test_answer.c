/* Good answers, whole and in pieces, and what goes up for them. */
#include "flow/stage.h"
#include "flow/words.h"

#include "base/limits.h"
#include "base/mem.h"

#include <string.h>

static void test_a_json_answer_goes_through_untouched(void **state)
{
    struct stage *stage = stage_open(ONE_TARGET);

    (void)state;
    stage_ask(stage, CHAT);
    assert_string_equal(fake_fetch_url(stage_call(stage, 0)),
                        "http://alpha.test/v1/chat/completions");
    assert_text(fake_fetch_sent_body(stage_call(stage, 0)),
                "{\"model\":\"alpha-m\",\"messages\":[]}");
    stage_answer(stage, 0, 200, JSON, ANSWER);
    assert_reply(stage, 200, ANSWER);
    assert_text(fake_http_reply_body(stage->http), ANSWER);
    assert_text(fake_http_reply_header(stage->http, "x-sluice-model"), "m");
    assert_text(fake_http_reply_header(stage->http, "x-sluice-provider"), "alpha");
    assert_text(fake_http_reply_header(stage->http, "x-sluice-target"), "m:alpha");
    assert_text(fake_http_reply_header(stage->http, "x-sluice-attempts"), "1");
    assert_int_equal(fake_http_end(stage->http), FAKE_HTTP_KEPT);
    assert_int_equal(stage_count(stage, METER_REQUESTS, "m", "blue", "200"), 1);
    assert_int_equal(stage_count(stage, METER_ATTEMPTS, "m:alpha", "ok", NULL), 1);
    assert_int_equal(stage_count(stage, METER_TOKENS, "m", "input", NULL), 7);
    assert_int_equal(stage_count(stage, METER_TOKENS, "m", "output", NULL), 3);
    stage_close(stage);
}

/* An exchange that lingers for nothing would count as in flight for 100 ms. */
static void test_a_whole_answer_settles_in_the_same_turn(void **state)
{
    struct stage *stage = stage_open(ONE_TARGET);

    (void)state;
    stage_ask(stage, CHAT);
    stage_answer(stage, 0, 200, JSON, ANSWER);
    assert_int_equal(stage->env.slots.admission.in_flight, 0);
    assert_true(list_empty(&stage->env.exchanges));
    stage_ask(stage, STREAM);
    stage_answer(stage, 1, 200, EVENTS, HELLO FINISH DONE);
    assert_int_equal(stage->env.slots.admission.in_flight, 0);
    stage_close(stage);
}

/* The request is gone once its reply has ended: what is logged must be a copy. */
static void test_the_access_log_names_the_model_that_was_asked_for(void **state)
{
    struct stage *stage = stage_open(ONE_TARGET "log: { bodies: true }\n");

    (void)state;
    stage_ask(stage, CHAT);
    stage_answer(stage, 0, 200, JSON, ANSWER);
    stage_read_logs(stage);
    assert_holds(buf_span(&stage->access), "\"model\":\"m\"");
    assert_holds(buf_span(&stage->access), "\"target\":\"m:alpha\"");
    assert_holds(buf_span(&stage->access), "\\\"messages\\\":[]");
    assert_holds(buf_span(&stage->access), "\"outcome\":\"ok\"");
    stage_close(stage);
}

static void test_a_stream_goes_through_as_it_comes(void **state)
{
    struct stage *stage = stage_open(ONE_TARGET);

    (void)state;
    stage_ask(stage, "{\"model\":\"m\",\"stream\":true,"
                     "\"stream_options\":{\"include_usage\":true}}");
    stage_head(stage, 0, 200, EVENTS);
    stage_body(stage, 0, ROLE);
    assert_int_equal(fake_http_status(stage->http), 0); /* the commit window */
    stage_body(stage, 0, "data: {\"choices\":[{\"delta\":{\"con");
    assert_int_equal(fake_http_status(stage->http), 0);
    stage_body(stage, 0, "tent\":\"Hello\"}}]}\n\n");
    assert_reply(stage, 200, ROLE HELLO);
    assert_int_equal(stage->env.streams, 1);
    stage_body(stage, 0, WORLD FINISH "data: {\"choi");
    assert_text(fake_http_reply_body(stage->http), ROLE HELLO WORLD FINISH);
    stage_body(stage, 0,
               "ces\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":3}}\n\n");
    stage_body(stage, 0, DONE);
    assert_text(fake_http_reply_body(stage->http), ROLE HELLO WORLD FINISH USAGE DONE);
    assert_text(fake_http_reply_header(stage->http, "cache-control"), "no-cache");
    assert_text(fake_http_reply_header(stage->http, "x-accel-buffering"), "no");
    assert_int_equal(fake_http_end(stage->http), FAKE_HTTP_KEPT);
    stage_end(stage, 0);
    assert_int_equal(stage_count(stage, METER_TOKENS, "m", "output", NULL), 3);
    stage_close(stage);
}

static void test_usage_is_asked_for_and_its_chunk_withheld(void **state)
{
    struct stage *stage = stage_open(ONE_TARGET);

    (void)state;
    stage_ask(stage, STREAM);
    assert_holds(fake_fetch_sent_body(stage_call(stage, 0)), "\"include_usage\":true");
    stage_answer(stage, 0, 200, EVENTS, ROLE HELLO FINISH USAGE DONE);
    assert_text(fake_http_reply_body(stage->http), ROLE HELLO FINISH DONE);
    assert_int_equal(stage_count(stage, METER_TOKENS, "m", "input", NULL), 7);
    stage_close(stage);
}

static void test_what_is_written_anew_keeps_its_place_among_what_leaves_as_it_came(void **state)
{
    struct stage *stage = stage_open(ONE_TARGET);

    (void)state;
    stage_ask(stage, STREAM);
    stage_head(stage, 0, 200, EVENTS);
    stage_body(stage, 0, HELLO);
    stage_body(stage, 0,
               WORLD WORLD "data: 1\r\n\r\n" HELLO "id: 7\ndata: 2\n\n"
                           "data: 3\n\n" USAGE WORLD ": ping\n\n" FINISH);
    assert_text(fake_http_reply_body(stage->http),
                HELLO WORLD WORLD "data: 1\n\n" HELLO "data: 2\n\n"
                                  "data: 3\n\n" WORLD ": ping\n\n" FINISH);
    stage_body(stage, 0, DONE);
    stage_end(stage, 0);
    stage_close(stage);
}

/* faults 13, 14 and 15 */
static void test_the_client_is_done_with_the_end_marker(void **state)
{
    struct stage *stage = stage_open(ONE_TARGET);

    (void)state;
    stage_ask(stage, STREAM);
    stage_head(stage, 0, 200, EVENTS);
    stage_body(stage, 0, HELLO FINISH DONE "data: more\n\n");
    assert_text(fake_http_reply_body(stage->http), HELLO FINISH DONE);
    assert_int_equal(fake_http_end(stage->http), FAKE_HTTP_KEPT);
    assert_false(fake_fetch_is_closed(stage_call(stage, 0)));
    stage_body(stage, 0, "data: even more\n\n");
    stage_advance(stage, 99);
    assert_false(fake_fetch_is_closed(stage_call(stage, 0)));
    stage_advance(stage, 1);
    assert_true(fake_fetch_is_cancelled(stage_call(stage, 0)));
    stage_ask(stage, STREAM);
    stage_head(stage, 1, 200, EVENTS);
    stage_body(stage, 1, HELLO FINISH DONE);
    stage_fail(stage, 1, FETCH_TRUNCATED);
    assert_int_equal(stage_count(stage, METER_ATTEMPTS, "m:alpha", "ok", NULL), 2);
    stage_close(stage);
}

/* fault 12 */
static void test_a_forgotten_end_marker_is_added(void **state)
{
    struct stage *stage = stage_open(ONE_TARGET);

    (void)state;
    stage_ask(stage, STREAM);
    stage_answer(stage, 0, 200, EVENTS, HELLO FINISH);
    assert_text(fake_http_reply_body(stage->http), HELLO FINISH DONE);
    assert_int_equal(stage_count(stage, METER_ATTEMPTS, "m:alpha", "ok", NULL), 1);
    stage_close(stage);
}

static void answer_without_type(struct stage *stage, size_t at, const char *body)
{
    fake_fetch_head(stage_call(stage, at), 200, "");
    stage_body(stage, at, body);
    stage_end(stage, at);
}

static void test_an_answer_without_a_type_is_what_was_asked_for(void **state)
{
    struct stage *stage = stage_open(ONE_TARGET);

    (void)state;
    stage_ask(stage, CHAT);
    answer_without_type(stage, 0, ANSWER);
    assert_reply(stage, 200, ANSWER);
    stage_ask(stage, STREAM);
    answer_without_type(stage, 1, HELLO DONE);
    assert_reply(stage, 200, HELLO DONE);
    stage_close(stage);
}

/* fault 27 */
static void test_json_for_a_stream_is_passed_on_as_json(void **state)
{
    struct stage *stage = stage_open(ONE_TARGET);

    (void)state;
    stage_ask(stage, STREAM);
    stage_answer(stage, 0, 200, JSON, ANSWER);
    assert_text(fake_http_reply_body(stage->http), ANSWER);
    assert_text(fake_http_reply_header(stage->http, "content-type"), "application/json");
    stage_close(stage);
}

/* The usage stands at the end; nothing of this may be held whole. */
static void test_a_long_answer_passes_through_with_its_usage(void **state)
{
    enum { SIZE = LIMIT_ANSWER_HELD_BYTES + 3 * LIMIT_INBOX_BYTES };

    static const char end[] = "\",\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":9}}";
    struct stage *stage = stage_open(ONE_TARGET);
    char *body = mem_alloc(SIZE);
    size_t sent = 0;

    (void)state;
    memset(body, 'x', SIZE);
    memcpy(body, "{\"text\":\"", 9);
    memcpy(body + SIZE - (sizeof(end) - 1), end, sizeof(end) - 1);
    stage_ask(stage, CHAT);
    stage_head(stage, 0, 200, JSON);
    while (sent < SIZE) {
        size_t taken = fake_fetch_body(stage_call(stage, 0),
                                       span_first(span_make(body + sent, SIZE - sent), 60000));

        assert_int_not_equal(taken, 0);
        sent += taken;
        fake_loop_settle(stage->loop);
        assert_true((fake_http_status(stage->http) == 200) == (sent > LIMIT_ANSWER_HELD_BYTES));
    }
    stage_end(stage, 0);
    assert_int_equal(fake_http_reply_body(stage->http).size, SIZE);
    assert_memory_equal(fake_http_reply_body(stage->http).at, body, SIZE);
    assert_int_equal(stage_count(stage, METER_TOKENS, "m", "output", NULL), 9);
    mem_free(body);
    stage_close(stage);
}

static void test_provider_keys_are_in_the_upstreams_headers_alone(void **state)
{
    struct stage *stage = stage_open(ONE_TARGET);

    (void)state;
    stage_prepare(stage, "/v1/chat/completions", CHAT);
    fake_http_add_header(stage->http, "Authorization", "Bearer sk-of-the-client");
    fake_http_add_header(stage->http, "Cookie", "secret");
    fake_http_add_header(stage->http, "traceparent", "00-abc-def-01");
    stage_start(stage);
    assert_holds(fake_fetch_sent_headers(stage_call(stage, 0)),
                 "Authorization: Bearer sk-alpha-secret\n");
    assert_holds(fake_fetch_sent_headers(stage_call(stage, 0)), "traceparent: 00-abc-def-01\n");
    assert_lacks(fake_fetch_sent_headers(stage_call(stage, 0)), "sk-of-the-client");
    assert_lacks(fake_fetch_sent_headers(stage_call(stage, 0)), "ookie");
    assert_lacks(fake_fetch_sent_body(stage_call(stage, 0)), "sk-alpha-secret");
    stage_answer(stage, 0, 401, JSON,
                 ERROR_BODY("Incorrect API key: sk-alpha-secret", "invalid_request_error"));
    assert_reply(stage, 502, "\"upstream_auth\"");
    assert_lacks(fake_http_reply_body(stage->http), "sk-alpha");
    assert_lacks(fake_http_reply_head(stage->http), "sk-alpha");
    stage_read_logs(stage);
    assert_lacks(buf_span(&stage->access), "sk-alpha");
    assert_lacks(buf_span(&stage->events), "sk-alpha");
    stage_close(stage);
}

static void test_a_model_that_is_not_listed_goes_to_its_provider(void **state)
{
    struct stage *stage = stage_open(PROVIDERS "default_provider: beta\n");

    (void)state;
    stage_ask(stage, "{\"model\":\"alpha/some/thing\"}");
    assert_text(fake_fetch_sent_body(stage_call(stage, 0)), "{\"model\":\"some/thing\"}");
    stage_answer(stage, 0, 200, JSON, ANSWER);
    assert_text(fake_http_reply_header(stage->http, "x-sluice-target"), "alpha:*");
    stage_ask(stage, "{\"model\":\"thing\"}");
    assert_string_equal(fake_fetch_url(stage_call(stage, 1)),
                        "http://beta.test/v1/chat/completions");
    stage_answer(stage, 1, 200, JSON, ANSWER);
    assert_int_equal(stage_count(stage, METER_REQUESTS, "other", "blue", "200"), 2);
    stage_close(stage);
}

/* fault 43: the answer is complete, and the request was never read to its end. */
static void test_a_long_request_is_not_lent_beyond_its_reply(void **state)
{
    enum { SIZE = 100 * 1024 };
    struct stage *stage = stage_open(ONE_TARGET);
    char *body = mem_zero(SIZE + 1);

    (void)state;
    memset(body, ' ', SIZE);
    memcpy(body, STREAM, sizeof(STREAM) - 1);
    stage_ask(stage, body);
    fake_fetch_upload_slowly(stage_call(stage, 0));
    stage_head(stage, 0, 200, EVENTS);
    stage_body(stage, 0, HELLO FINISH DONE);
    assert_text(fake_http_reply_body(stage->http), HELLO FINISH DONE);
    assert_true(fake_fetch_is_cancelled(stage_call(stage, 0)));
    mem_free(body);
    stage_close(stage);
}

static void test_a_reload_does_not_touch_a_running_exchange(void **state)
{
    struct stage *stage = stage_open(ONE_TARGET);

    (void)state;
    stage_ask(stage, CHAT);
    stage_reload(stage, TWO_TARGETS);
    stage_answer(stage, 0, 200, JSON, ANSWER);
    assert_text(fake_http_reply_header(stage->http, "x-sluice-target"), "m:alpha");
    stage_close(stage);
}

static void test_what_an_answer_costs_is_counted(void **state)
{
    struct stage *stage = stage_open(
        PROVIDERS
        "models:\n"
        "  m: { targets: [ { provider: alpha } ], cost_per_mtok: { input: 8, output: 32 } }\n");

    (void)state;
    stage_ask(stage, CHAT);
    stage_answer(stage, 0, 200, JSON, ANSWER);
    /* pico-dollars: 7 x 8000000 + 3 x 32000000 */
    assert_int_equal(stage_count(stage, METER_COST, "m", "anonymous", NULL), 152000000);
    stage_read_logs(stage);
    assert_holds(buf_span(&stage->access), "\"cost_usd\":0.000152");
    stage_close(stage);
}

static void test_the_providers_own_headers_go_with_every_call(void **state)
{
    struct stage *stage =
        stage_open("providers:\n"
                   "  alpha: { kind: openai, keys: [ k ], headers: { X-Team: blue } }\n"
                   "models: { m: { targets: [ { provider: alpha } ] } }\n");

    (void)state;
    stage_ask(stage, CHAT);
    assert_holds(fake_fetch_sent_headers(stage_call(stage, 0)), "X-Team: blue\n");
    stage_answer(stage, 0, 200, JSON, ANSWER);
    stage_close(stage);
}

static void test_the_access_log_can_be_turned_off(void **state)
{
    struct stage *stage = stage_open(ONE_TARGET "log: { access: false }\n");

    (void)state;
    stage_ask(stage, CHAT);
    stage_answer(stage, 0, 200, JSON, ANSWER);
    stage_read_logs(stage);
    assert_int_equal(buf_size(&stage->access), 0);
    stage_close(stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_json_answer_goes_through_untouched),
        cmocka_unit_test(test_a_whole_answer_settles_in_the_same_turn),
        cmocka_unit_test(test_the_access_log_names_the_model_that_was_asked_for),
        cmocka_unit_test(test_a_stream_goes_through_as_it_comes),
        cmocka_unit_test(test_usage_is_asked_for_and_its_chunk_withheld),
        cmocka_unit_test(
            test_what_is_written_anew_keeps_its_place_among_what_leaves_as_it_came),
        cmocka_unit_test(test_the_client_is_done_with_the_end_marker),
        cmocka_unit_test(test_a_forgotten_end_marker_is_added),
        cmocka_unit_test(test_an_answer_without_a_type_is_what_was_asked_for),
        cmocka_unit_test(test_json_for_a_stream_is_passed_on_as_json),
        cmocka_unit_test(test_a_long_answer_passes_through_with_its_usage),
        cmocka_unit_test(test_provider_keys_are_in_the_upstreams_headers_alone),
        cmocka_unit_test(test_a_model_that_is_not_listed_goes_to_its_provider),
        cmocka_unit_test(test_a_long_request_is_not_lent_beyond_its_reply),
        cmocka_unit_test(test_a_reload_does_not_touch_a_running_exchange),
        cmocka_unit_test(test_what_an_answer_costs_is_counted),
        cmocka_unit_test(test_the_providers_own_headers_go_with_every_call),
        cmocka_unit_test(test_the_access_log_can_be_turned_off),
    };

    return cmocka_run_group_tests_name("flow/answer", tests, NULL, NULL);
}
