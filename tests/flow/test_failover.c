/* AWAIT -> OPEN: another target answers, and the client never learns of the first. */
#include "flow/stage.h"
#include "flow/words.h"

#include "base/limits.h"
#include "base/mem.h"

#include <stdio.h>
#include <string.h>

/* The first call has failed; the second answers and the client sees that answer alone. */
static void assert_beta_answers(struct stage *stage, const char *outcome)
{
    assert_true(fake_fetch_is_closed(stage_call(stage, 0)));
    assert_int_equal(stage_calls(stage), 2);
    assert_int_equal(fake_http_status(stage->http), 0);
    assert_string_equal(fake_fetch_url(stage_call(stage, 1)),
                        "http://beta.test/v1/chat/completions");
    assert_holds(fake_fetch_sent_headers(stage_call(stage, 1)), "Bearer sk-beta-secret");
    assert_lacks(fake_fetch_sent_headers(stage_call(stage, 1)), "sk-alpha-secret");
    assert_holds(fake_fetch_sent_body(stage_call(stage, 1)), "\"model\":\"beta-m\"");
    stage_answer(stage, 1, 200, EVENTS, ROLE HELLO FINISH DONE);
    assert_reply(stage, 200, ROLE HELLO FINISH DONE);
    assert_text(fake_http_reply_body(stage->http), ROLE HELLO FINISH DONE);
    assert_text(fake_http_reply_header(stage->http, "x-sluice-attempts"), "2");
    assert_text(fake_http_reply_header(stage->http, "x-sluice-target"), "m:beta");
    assert_null(fake_http_reply_header(stage->http, "retry-after").at);
    assert_int_equal(stage_count(stage, METER_ATTEMPTS, "m:alpha", outcome, NULL), 1);
    assert_int_equal(stage_count(stage, METER_ATTEMPTS, "m:beta", "ok", NULL), 1);
    stage_close(stage);
}

/* faults 1, 3, 5, 7, 18 */
static void test_a_call_that_fails_before_its_head(void **state)
{
    static const struct {
        enum fetch_failure failure;
        const char *outcome;
    } rows[] = { { FETCH_NO_DNS, "connection_error" },
                 { FETCH_NO_CONNECTION, "connection_error" },
                 { FETCH_NO_TLS, "connection_error" },
                 { FETCH_RESET, "connection_error" },
                 { FETCH_PROTOCOL, "server_error" } };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct stage *stage = stage_open(TWO_TARGETS);

        stage_ask(stage, STREAM);
        stage_fail(stage, 0, rows[i].failure);
        assert_beta_answers(stage, rows[i].outcome);
    }
}

/* faults 35, 36, 38 */
static void test_an_answer_that_says_no(void **state)
{
    static const struct {
        unsigned status;
        const char *body;
        const char *outcome;
    } rows[] = { { 429, ERROR_BODY("slow", "rate_limit_error"), "rate_limit" },
                 { 429, ERROR_BODY("pay", "insufficient_quota"), "auth" },
                 { 500, "", "server_error" },
                 { 502, "<html>", "server_error" },
                 { 503, ERROR_BODY("busy", "server_error"), "server_error" },
                 { 529, "{}", "server_error" },
                 { 401, ERROR_BODY("key", "invalid_request_error"), "auth" },
                 { 403, "", "auth" } };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct stage *stage = stage_open(TWO_TARGETS);

        stage_ask(stage, STREAM);
        fake_fetch_head(stage_call(stage, 0), rows[i].status, "retry-after: 7\n");
        stage_body(stage, 0, rows[i].body);
        assert_int_equal(stage_calls(stage), 1); /* the body says which error it is */
        stage_end(stage, 0);
        assert_beta_answers(stage, rows[i].outcome);
    }
}

/* faults 25 and 9 to 11, while nothing was sent */
static void test_an_error_inside_a_stream_before_content(void **state)
{
    struct stage *stage = stage_open(TWO_TARGETS);

    (void)state;
    stage_ask(stage, STREAM);
    stage_head(stage, 0, 200, EVENTS);
    stage_body(stage, 0, ROLE ": ping\n\n" ERROR_EVENT);
    assert_beta_answers(stage, "server_error");
}

static void test_a_stream_that_ends_before_content(void **state)
{
    struct stage *stage = stage_open(TWO_TARGETS);

    (void)state;
    stage_ask(stage, STREAM);
    stage_answer(stage, 0, 200, EVENTS, ROLE);
    assert_beta_answers(stage, "truncated");
    stage = stage_open(TWO_TARGETS);
    stage_ask(stage, STREAM);
    stage_head(stage, 0, 200, EVENTS);
    stage_body(stage, 0, ROLE "data: {\"choices\"");
    stage_fail(stage, 0, FETCH_TRUNCATED);
    assert_beta_answers(stage, "truncated");
}

/* faults 26, 28, 34, 24 */
static void test_a_good_status_with_something_else_behind_it(void **state)
{
    static const struct {
        const char *request;
        const char *headers;
        const char *body;
    } rows[] = {
        { STREAM, "content-type: text/html\n", "<html>" },
        { CHAT, "content-type: text/event-stream\n", HELLO DONE },
        { CHAT, "content-type: application/json\ncontent-encoding: gzip\n", "\x1f\x8b" },
        { CHAT, "content-type: application/json\n", ERROR_BODY("late", "server_error") },
        { CHAT, "content-type: application/json\n", "{\"choices\":[" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct stage *stage = stage_open(TWO_TARGETS);

        stage_ask(stage, rows[i].request);
        fake_fetch_head(stage_call(stage, 0), 200, rows[i].headers);
        (void)fake_fetch_body(stage_call(stage, 0), span_from(rows[i].body));
        fake_fetch_end(stage_call(stage, 0));
        fake_loop_settle(stage->loop);
        stage_answer(stage, 1, 200, strcmp(rows[i].request, CHAT) ? EVENTS : JSON,
                     strcmp(rows[i].request, CHAT) ? HELLO DONE : ANSWER);
        assert_reply(stage, 200, "Hello");
        assert_lacks(fake_http_reply_body(stage->http), "html");
        assert_int_equal(stage_count(stage, METER_ATTEMPTS, "m:alpha", "server_error", NULL),
                         1);
        stage_close(stage);
    }
}

/* fault 23, and 37: asking another would not help, or would not be safe */
static void test_some_answers_are_not_tried_elsewhere(void **state)
{
    static const struct {
        unsigned status;
        unsigned told;
        const char *body;
        const char *part;
    } rows[] = {
        { 302, 502, "", "\"upstream_redirect\"" },
        { 400, 400, ERROR_BODY("bad temperature", "invalid_request_error"), "bad temperature" },
        { 404, 404, ERROR_BODY("no such model", "invalid_request_error"), "no such model" },
        { 413, 413, "", "\"error\"" },
        { 422, 422, ERROR_BODY("unprocessable", "invalid_request_error"), "unprocessable" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct stage *stage = stage_open(TWO_TARGETS);

        stage_ask(stage, STREAM);
        fake_fetch_head(stage_call(stage, 0), rows[i].status,
                        "content-type: application/json\nlocation: http://169.254.169.254/\n");
        (void)fake_fetch_body(stage_call(stage, 0), span_from(rows[i].body));
        fake_fetch_end(stage_call(stage, 0));
        fake_loop_settle(stage->loop);
        assert_int_equal(stage_calls(stage), 1);
        assert_reply(stage, rows[i].told, rows[i].part);
        assert_text(fake_http_reply_header(stage->http, "x-should-retry"), "false");
        stage_close(stage);
    }
}

/* Events that say nothing are held, but not for ever. */
/* What the operator does not list is the answer; what is wrong with a key of ours always moves on. */
static void test_only_retryable_errors_are_tried_elsewhere(void **state)
{
    static const struct {
        const char *listed;
        unsigned status;
        size_t calls;
    } rows[] = { { "[rate_limit_error]", 429, 2 },
                 { "[rate_limit_error]", 503, 1 },
                 { "[server_error]", 503, 2 },
                 { "[server_error]", 429, 1 },
                 { "[timeout]", 504, 2 },
                 { "[server_error]", 504, 1 },
                 { "[]", 500, 1 },
                 { "[]", 401, 2 } };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char yaml[2048];
        struct stage *stage;

        (void)snprintf(yaml, sizeof(yaml), "%sretry: { retryable_errors: %s }\n", TWO_TARGETS,
                       rows[i].listed);
        stage = stage_open(yaml);
        stage_ask(stage, CHAT);
        stage_answer(stage, 0, rows[i].status, JSON, "");
        assert_int_equal(stage_calls(stage), rows[i].calls);
        if (rows[i].calls == 1)
            assert_reply(stage, rows[i].status, "error");
        else
            stage_answer(stage, 1, 200, JSON, ANSWER);
        stage_close(stage);
    }
}

static void test_connections_are_tried_elsewhere_when_listed(void **state)
{
    struct stage *stage = stage_open(TWO_TARGETS "retry: { retryable_errors: [timeout] }\n");

    (void)state;
    stage_ask(stage, CHAT);
    fake_fetch_fail_stale(stage_call(stage, 0)); /* says nothing of the target */
    fake_loop_settle(stage->loop);
    stage_fail(stage, 1, FETCH_RESET);
    assert_reply(stage, 502, "\"upstream_reset\"");
    stage_close(stage);
}

static void test_a_full_commit_window_is_sent(void **state)
{
    struct stage *stage = stage_open(TWO_TARGETS);
    size_t held = 0;
    size_t size = strlen(ROLE);

    (void)state;
    stage_ask(stage, STREAM);
    stage_head(stage, 0, 200, EVENTS);
    while (held + size <= LIMIT_COMMIT_WINDOW_BYTES) {
        stage_body(stage, 0, ROLE);
        held += size;
        assert_int_equal(fake_http_status(stage->http), 0);
    }
    stage_body(stage, 0, ROLE);
    held += size;
    assert_int_equal(fake_http_reply_body(stage->http).size, held);
    stage_body(stage, 0, ERROR_EVENT); /* too late for another target */
    assert_int_equal(stage_calls(stage), 1);
    assert_holds(fake_http_reply_body(stage->http), "boom");
    stage_close(stage);
}

/* What overflowed the window of one target must not be taken for the next one's. */
static void test_the_window_begins_anew_with_each_target(void **state)
{
    struct stage *stage = stage_open(TWO_TARGETS);

    (void)state;
    stage_ask(stage, STREAM);
    stage_head(stage, 0, 200, EVENTS);
    stage_body(stage, 0, ": of alpha\n\n" ROLE);
    stage_fail(stage, 0, FETCH_TRUNCATED);
    stage_answer(stage, 1, 200, EVENTS, ": of beta\n\n" HELLO DONE);
    assert_text(fake_http_reply_body(stage->http), ": of beta\n\n" HELLO DONE);
    stage_close(stage);
}

/* ---- the same target again ---- */

static void test_one_target_is_tried_again_after_a_growing_delay(void **state)
{
    struct stage *stage = stage_open(ONE_TARGET "retry: { max_attempts: 3 }\n");

    (void)state;
    stage_ask(stage, CHAT);
    stage_fail(stage, 0, FETCH_RESET);
    stage_advance(stage, 499);
    assert_int_equal(stage_calls(stage), 1);
    stage_advance(stage, 501);
    assert_int_equal(stage_calls(stage), 2);
    stage_fail(stage, 1, FETCH_RESET);
    stage_advance(stage, 999);
    assert_int_equal(stage_calls(stage), 2);
    stage_advance(stage, 1001);
    assert_int_equal(stage_calls(stage), 3);
    stage_fail(stage, 2, FETCH_RESET);
    assert_reply(stage, 502, "\"upstream_reset\"");
    assert_text(fake_http_reply_header(stage->http, "x-sluice-attempts"), "3");
    stage_close(stage);
}

static void test_all_calls_of_a_request_count_as_attempts(void **state)
{
    struct stage *stage = stage_open(TWO_TARGETS "retry: { max_attempts: 3 }\n");

    (void)state;
    stage_ask(stage, CHAT);
    stage_fail(stage, 0, FETCH_RESET);
    stage_fail(stage, 1, FETCH_NO_CONNECTION);
    assert_int_equal(stage_calls(stage), 2);
    stage_advance(stage, 1000);
    assert_string_equal(fake_fetch_url(stage_call(stage, 2)),
                        "http://alpha.test/v1/chat/completions");
    stage_fail(stage, 2, FETCH_RESET);
    assert_int_equal(stage_calls(stage), 3);
    assert_reply(stage, 502, "\"upstream_reset\"");
    stage_close(stage);
}

static void refuse_for(struct stage *stage, size_t at, const char *headers)
{
    fake_fetch_head(stage_call(stage, at), 429, headers);
    fake_fetch_end(stage_call(stage, at));
    fake_loop_settle(stage->loop);
}

/* fault 35 */
static void test_retry_after_is_honoured_within_reason(void **state)
{
    struct stage *stage = stage_open(ONE_TARGET);

    (void)state;
    stage_ask(stage, CHAT);
    refuse_for(stage, 0, "retry-after: 10\n");
    stage_advance(stage, 9999);
    assert_int_equal(stage_calls(stage), 1);
    stage_advance(stage, 1);
    assert_int_equal(stage_calls(stage), 2);
    refuse_for(stage, 1,
               "retry-after: 100000000000\n"); /* longer than max_delay_ms: not here */
    assert_reply(stage, 429, "\"error\"");
    assert_text(fake_http_reply_header(stage->http, "retry-after"), "600");
    stage_close(stage);
}

/* fault 8 */
static void test_a_stale_connection_is_replaced_at_once_and_once(void **state)
{
    struct stage *stage = stage_open(TWO_TARGETS);

    (void)state;
    stage_ask(stage, CHAT);
    fake_fetch_fail_stale(stage_call(stage, 0));
    fake_loop_settle(stage->loop);
    assert_string_equal(fake_fetch_url(stage_call(stage, 1)),
                        "http://alpha.test/v1/chat/completions");
    assert_int_equal(stage_count(stage, METER_ATTEMPTS, "m:alpha", "cancelled", NULL), 1);
    fake_fetch_fail_stale(stage_call(stage, 1));
    fake_loop_settle(stage->loop);
    assert_string_equal(fake_fetch_url(stage_call(stage, 2)),
                        "http://beta.test/v1/chat/completions");
    assert_int_equal(stage_count(stage, METER_ATTEMPTS, "m:alpha", "connection_error", NULL),
                     1);
    stage_answer(stage, 2, 200, JSON, ANSWER);
    assert_reply(stage, 200, "Hello");
    stage_close(stage);
}

/* One request after the other fails at its first target: as many as the floor may go on. */
static void test_when_the_retry_budget_is_used_up_the_error_is_the_answer(void **state)
{
    struct stage *stage = stage_open(TWO_TARGETS "circuit_breaker: { enabled: false }\n");

    (void)state;
    for (int i = 0; i < RETRY_BUDGET_FLOOR * RETRY_BUDGET_SLOTS; i++) {
        fake_fetch_forget(stage->pool);
        stage_ask(stage, CHAT);
        stage_answer(stage, 0, 500, JSON, "");
        stage_answer(stage, 1, 200, JSON, ANSWER);
        assert_reply(stage, 200, "Hello");
    }
    fake_fetch_forget(stage->pool);
    stage_ask(stage, CHAT);
    stage_answer(stage, 0, 500, JSON, ERROR_BODY("broken", "server_error"));
    assert_int_equal(stage_calls(stage), 1);
    assert_reply(stage, 500, "broken");
    stage_advance(stage, 12000);
    fake_fetch_forget(stage->pool);
    stage_ask(stage, CHAT);
    stage_answer(stage, 0, 500, JSON, "");
    stage_answer(stage, 1, 200, JSON, ANSWER);
    assert_reply(stage, 200, "Hello");
    stage_close(stage);
}

/* ---- other models ---- */

#define FALLBACKS                                                                              \
    PROVIDERS "models:\n"                                                                      \
              "  m: { targets: [ { provider: alpha } ], fallbacks: [ n ] }\n"                  \
              "  n: { targets: [ { provider: beta } ] }\n"                                     \
              "  last: { targets: [ { provider: beta, name: spare } ] }\n"                     \
              "fallback_model: last\n"

static void test_fallbacks_answer_for_a_model_and_it_is_said(void **state)
{
    struct stage *stage = stage_open(FALLBACKS);

    (void)state;
    stage_ask(stage, CHAT);
    refuse_for(stage, 0, "");
    assert_holds(fake_fetch_sent_body(stage_call(stage, 1)), "\"model\":\"n\"");
    stage_fail(stage, 1, FETCH_NO_CONNECTION);
    assert_holds(fake_fetch_sent_body(stage_call(stage, 2)), "\"model\":\"last\"");
    stage_answer(stage, 2, 200, JSON, ANSWER);
    assert_text(fake_http_reply_header(stage->http, "x-sluice-model"), "last");
    assert_text(fake_http_reply_header(stage->http, "x-sluice-fallback"), "1");
    assert_text(fake_http_reply_header(stage->http, "x-sluice-attempts"), "3");
    assert_int_equal(stage_count(stage, METER_FALLBACKS, "m", "last", "rate_limit"), 1);
    stage_close(stage);
}

static void test_a_stale_connection_is_not_why_a_model_was_left(void **state)
{
    struct stage *stage = stage_open(FALLBACKS);

    (void)state;
    stage_ask(stage, CHAT);
    fake_fetch_fail_stale(stage_call(stage, 0));
    fake_loop_settle(stage->loop);
    refuse_for(stage, 1, "");
    stage_answer(stage, 2, 200, JSON, ANSWER);
    assert_int_equal(stage_count(stage, METER_FALLBACKS, "m", "n", "rate_limit"), 1);
    stage_close(stage);
}

/* ---- the breaker ---- */

#define BREAKER                                                                                \
    "circuit_breaker: { failure_threshold: 2, timeout_seconds: 30, half_open_requests: 1 }\n"

static void fail_once(struct stage *stage, size_t at)
{
    stage_ask(stage, CHAT);
    stage_fail(stage, at, FETCH_RESET);
}

static void test_an_open_breaker_refuses_until_a_trial_succeeds(void **state)
{
    struct stage *stage = stage_open(ONE_TARGET BREAKER "retry: { max_attempts: 1 }\n");

    (void)state;
    fail_once(stage, 0);
    fail_once(stage, 1);
    stage_ask(stage, CHAT);
    assert_int_equal(stage_calls(stage), 2);
    assert_reply(stage, 503, "\"no_healthy_target\"");
    assert_text(fake_http_reply_header(stage->http, "retry-after"), "1");
    stage_advance(stage, 30000);
    stage_ask(stage, CHAT);
    stage_answer(stage, 2, 200, JSON, ANSWER);
    assert_reply(stage, 200, "Hello");
    stage_ask(stage, CHAT);
    stage_answer(stage, 3, 200, JSON, ANSWER);
    assert_reply(stage, 200, "Hello");
    stage_read_logs(stage);
    assert_holds(buf_span(&stage->events), "\"state\":\"open\"");
    assert_holds(buf_span(&stage->events), "\"state\":\"closed\"");
    stage_close(stage);
}

static const char *why_first(struct stage *stage)
{
    return models_get(&stage->env.models, "m")->last.steps[0].why;
}

/* A single target, or all of them down: nobody waits for the breakers' time to be over. */
static void test_who_is_the_last_resort_is_tried_once_a_second(void **state)
{
    struct stage *stage = stage_open(ONE_TARGET BREAKER "retry: { max_attempts: 1 }\n");

    (void)state;
    fail_once(stage, 0);
    fail_once(stage, 1); /* opens */
    for (size_t trial = 2; trial < 5; trial++) {
        stage_advance(stage, 999);
        stage_ask(stage, CHAT);
        assert_reply(stage, 503, "\"no_healthy_target\"");
        stage_advance(stage, 1);
        fail_once(stage, trial);
        assert_reply(stage, 502, "\"upstream_reset\"");
        assert_string_equal(why_first(stage), "last resort");
        stage_ask(stage, CHAT);
        assert_reply(stage, 503, "\"no_healthy_target\"");
        assert_int_equal(stage_calls(stage), trial + 1);
    }
    assert_int_equal(stage_count(stage, METER_EVENTS, "breaker", "", ""), 1);
    stage_advance(stage, 1000);
    stage_ask(stage, CHAT);
    stage_answer(stage, 5, 200, JSON, ANSWER);
    stage_ask(stage, CHAT);
    stage_answer(stage, 6, 200, JSON, ANSWER);
    assert_reply(stage, 200, "Hello");
    stage_close(stage);
}

static void test_while_another_can_serve_there_is_no_last_resort(void **state)
{
    struct stage *stage = stage_open(TWO_TARGETS BREAKER);

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        stage_ask(stage, CHAT);
        stage_fail(stage, 2 * i, FETCH_NO_CONNECTION);
        stage_answer(stage, 2 * i + 1, 200, JSON, ANSWER);
    }
    stage_advance(stage, 29000);
    stage_ask(stage, CHAT);
    assert_string_equal(fake_fetch_url(stage_call(stage, 4)),
                        "http://beta.test/v1/chat/completions");
    stage_answer(stage, 4, 200, JSON, ANSWER);
    stage_close(stage);
}

static void test_a_last_resort_tries_all_of_them(void **state)
{
    struct stage *stage = stage_open(TWO_TARGETS BREAKER "retry: { max_attempts: 2 }\n");

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        stage_ask(stage, CHAT);
        stage_fail(stage, 2 * i, FETCH_NO_CONNECTION);
        stage_fail(stage, 2 * i + 1, FETCH_NO_CONNECTION);
    }
    stage_advance(stage, 1000);
    stage_ask(stage, CHAT);
    stage_fail(stage, 4, FETCH_NO_CONNECTION);
    stage_answer(stage, 5, 200, JSON, ANSWER);
    assert_reply(stage, 200, "Hello");
    stage_close(stage);
}

static void test_a_target_with_an_open_breaker_is_left_out(void **state)
{
    struct stage *stage = stage_open(TWO_TARGETS BREAKER);

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        stage_ask(stage, CHAT);
        stage_fail(stage, 2 * i, FETCH_NO_CONNECTION);
        stage_answer(stage, 2 * i + 1, 200, JSON, ANSWER);
    }
    stage_ask(stage, CHAT);
    assert_string_equal(fake_fetch_url(stage_call(stage, 4)),
                        "http://beta.test/v1/chat/completions");
    stage_answer(stage, 4, 200, JSON, ANSWER);
    assert_text(fake_http_reply_header(stage->http, "x-sluice-attempts"), "1");
    stage_close(stage);
}

/* Waiting for a breaker that others keep open could last for ever. */
static void test_a_round_that_no_breaker_lets_in_is_the_last(void **state)
{
    struct stage *stage =
        stage_open(ONE_TARGET BREAKER "retry: { max_attempts: 5 }\ntimeouts: { total: 0 }\n");

    (void)state;
    stage_ask(stage, CHAT);
    stage_fail(stage, 0, FETCH_RESET);
    stage_advance(stage, 1000);
    stage_fail(stage, 1, FETCH_RESET); /* opens */
    stage_advance(stage, 2000);
    assert_int_equal(stage_calls(stage), 2);
    assert_reply(stage, 502, "\"upstream_reset\"");
    stage_close(stage);
}

static void test_what_a_client_did_wrong_does_not_open_the_breaker(void **state)
{
    struct stage *stage = stage_open(ONE_TARGET BREAKER);

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        stage_ask(stage, CHAT);
        stage_answer(stage, i, 400, JSON, ERROR_BODY("bad", "invalid_request_error"));
        assert_reply(stage, 400, "bad");
    }
    stage_ask(stage, CHAT);
    stage_answer(stage, 4, 200, JSON, ANSWER);
    assert_reply(stage, 200, "Hello");
    stage_close(stage);
}

/* fault 79 */
static void test_our_own_lack_of_sockets_is_not_the_targets_fault(void **state)
{
    struct stage *stage = stage_open(ONE_TARGET BREAKER "retry: { max_attempts: 1 }\n");

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        stage_ask(stage, CHAT);
        stage_fail(stage, i, FETCH_NO_SOCKET);
        assert_reply(stage, 503, "\"overloaded\"");
    }
    assert_int_equal(stage_count(stage, METER_ATTEMPTS, "m:alpha", "cancelled", NULL), 4);
    stage_close(stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_call_that_fails_before_its_head),
        cmocka_unit_test(test_an_answer_that_says_no),
        cmocka_unit_test(test_an_error_inside_a_stream_before_content),
        cmocka_unit_test(test_a_stream_that_ends_before_content),
        cmocka_unit_test(test_a_good_status_with_something_else_behind_it),
        cmocka_unit_test(test_some_answers_are_not_tried_elsewhere),
        cmocka_unit_test(test_only_retryable_errors_are_tried_elsewhere),
        cmocka_unit_test(test_connections_are_tried_elsewhere_when_listed),
        cmocka_unit_test(test_a_full_commit_window_is_sent),
        cmocka_unit_test(test_the_window_begins_anew_with_each_target),
        cmocka_unit_test(test_one_target_is_tried_again_after_a_growing_delay),
        cmocka_unit_test(test_all_calls_of_a_request_count_as_attempts),
        cmocka_unit_test(test_retry_after_is_honoured_within_reason),
        cmocka_unit_test(test_a_stale_connection_is_replaced_at_once_and_once),
        cmocka_unit_test(test_when_the_retry_budget_is_used_up_the_error_is_the_answer),
        cmocka_unit_test(test_fallbacks_answer_for_a_model_and_it_is_said),
        cmocka_unit_test(test_a_stale_connection_is_not_why_a_model_was_left),
        cmocka_unit_test(test_an_open_breaker_refuses_until_a_trial_succeeds),
        cmocka_unit_test(test_who_is_the_last_resort_is_tried_once_a_second),
        cmocka_unit_test(test_while_another_can_serve_there_is_no_last_resort),
        cmocka_unit_test(test_a_last_resort_tries_all_of_them),
        cmocka_unit_test(test_a_target_with_an_open_breaker_is_left_out),
        cmocka_unit_test(test_a_round_that_no_breaker_lets_in_is_the_last),
        cmocka_unit_test(test_what_a_client_did_wrong_does_not_open_the_breaker),
        cmocka_unit_test(test_our_own_lack_of_sockets_is_not_the_targets_fault),
    };

    return cmocka_run_group_tests_name("flow/failover", tests, NULL, NULL);
}
