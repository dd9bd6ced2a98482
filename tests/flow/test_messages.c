/* Exchanges of clients that speak Anthropic's language: its headers, its errors, its counts. */
#include "flow/stage.h"
#include "flow/words.h"

#include <string.h>

#define CLAUDE                                                                                 \
    "providers:\n"                                                                             \
    "  alpha: { kind: openai, base_url: \"http://alpha.test/v1\", keys: [a] }\n"               \
    "  claude: { kind: anthropic, base_url: \"http://claude.test\", keys: [c],\n"              \
    "    headers: { anthropic-fixed: ours } }\n"                                               \
    "models_only: true\n"
#define CLAUDE_ALONE                                                                           \
    CLAUDE "models: { m: { targets: [ { provider: claude, model: claude-m } ] } }\n"           \
           "retry: { max_attempts: 1 }\n"
#define TWO                                                                                    \
    CLAUDE                                                                                     \
    "models: { m: { targets: [ { name: a, provider: claude, model: one, priority: 1 },\n"      \
    "  { name: b, provider: claude, model: two, priority: 2 } ] } }\n"
#define OPENAI_ALONE                                                                           \
    CLAUDE "models: { m: { targets: [ { provider: alpha } ] } }\n"                             \
           "client_keys: [ { name: k, hash: \"sha256:8254c329a92850f6d539dd376f4816ee27"       \
           "64517da5e0235514af433164480d7a\", requests_per_minute: 1 } ]\n"

#define ASK                                                                                    \
    "{\"model\":\"m\",\"max_tokens\":9,\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}"
#define ASK_STREAM                                                                             \
    "{\"stream\":true,\"model\":\"m\",\"max_tokens\":9,\"messages\":[{\"role\":\"user\","      \
    "\"content\":\"x\"}]}"
#define A(type, more) "event: " type "\ndata: {\"type\":\"" type "\"" more "}\n\n"
#define A_START                                                                                \
    A("message_start", ",\"message\":{\"id\":\"i\",\"usage\":{\"input_tokens\":7,"             \
                       "\"cache_read_input_tokens\":3,\"output_tokens\":1}}")
#define A_PING A("ping", "")
#define A_TEXT                                                                                 \
    A("content_block_delta", ",\"delta\":{\"type\":\"text_delta\",\"text\":\"Hello\"}")
#define A_FINISH                                                                               \
    A("message_delta",                                                                         \
      ",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":5}")
#define A_STOP A("message_stop", "")
#define A_ERROR                                                                                \
    A("error", ",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}")

static struct stage *prepared(const char *yaml, const char *path, const char *body)
{
    struct stage *stage = stage_open(yaml);

    stage_prepare(stage, path, body);
    return stage;
}

static struct stage *opened(const char *yaml, const char *body)
{
    struct stage *stage = prepared(yaml, "/v1/messages", body);

    stage_start(stage);
    return stage;
}

static void test_a_stream_passes_as_it_is(void **state)
{
    struct stage *stage = opened(CLAUDE_ALONE, ASK_STREAM);

    (void)state;
    assert_string_equal(fake_fetch_url(stage_call(stage, 0)), "http://claude.test/v1/messages");
    assert_text(
        fake_fetch_sent_body(stage_call(stage, 0)),
        "{\"stream\":true,\"model\":\"claude-m\",\"max_tokens\":9,\"messages\":[{\"role\":"
        "\"user\",\"content\":\"x\"}]}");
    stage_answer(stage, 0, 200, EVENTS, A_START A_PING A_TEXT A_FINISH A_STOP);
    assert_reply(stage, 200, A_START A_PING A_TEXT A_FINISH A_STOP);
    assert_true(span_equal(fake_http_reply_header(stage->http, "request-id"),
                           fake_http_reply_header(stage->http, "x-request-id")));
    stage_read_logs(stage);
    assert_holds(buf_span(&stage->access),
                 "\"tokens\":{\"input\":7,\"output\":5,\"cached\":3,\"cache_write\":0,");
    stage_close(stage);
}

/* The last event alone was forgotten. */
static void test_an_end_that_was_forgotten_is_made_up(void **state)
{
    struct stage *stage = opened(CLAUDE_ALONE, ASK_STREAM);

    (void)state;
    stage_answer(stage, 0, 200, EVENTS, A_START A_TEXT A_FINISH);
    assert_reply(stage, 200, A_START A_TEXT A_FINISH A_STOP);
    stage_close(stage);
}

/* fault 25 */
static void test_an_error_before_the_first_content_is_never_seen(void **state)
{
    struct stage *stage = opened(TWO, ASK_STREAM);

    (void)state;
    stage_head(stage, 0, 200, EVENTS);
    stage_body(stage, 0, A_START A_PING A_ERROR);
    stage_answer(stage, 1, 200, EVENTS, A_START A_TEXT A_FINISH A_STOP);
    assert_reply(stage, 200, A_START A_TEXT A_FINISH A_STOP);
    stage_close(stage);
}

static void test_an_error_behind_it_is_an_event(void **state)
{
    struct stage *stage = opened(TWO, ASK_STREAM);
    struct span body;

    (void)state;
    stage_head(stage, 0, 200, EVENTS);
    stage_body(stage, 0, A_START A_TEXT A_ERROR);
    body = fake_http_reply_body(stage->http);
    assert_true(span_starts(body, A_START A_TEXT "event: error\ndata: {\"type\":\"error\","
                                                 "\"error\":{\"type\":\"overloaded_error\","
                                                 "\"message\":\"Overloaded\""));
    assert_holds(body, "\"request_id\":\"req_");
    assert_int_equal(stage_calls(stage), 1);
    stage_close(stage);
}

static void test_errors_have_a_status_of_the_language(void **state)
{
    struct stage *stage = opened(CLAUDE_ALONE, ASK);

    (void)state;
    stage_fail(stage, 0, FETCH_NO_CONNECTION);
    assert_int_equal(fake_http_status(stage->http), 502);
    assert_holds(fake_http_reply_body(stage->http),
                 "{\"type\":\"error\",\"error\":{\"type\":\"api_error\",");
    assert_holds(fake_http_reply_body(stage->http), "\"error_code\":\"upstream_connect\"");
    stage_close(stage);
}

/* ---- headers ---- */

static void test_headers_of_the_language_go_along(void **state)
{
    struct stage *stage = prepared(CLAUDE_ALONE, "/v1/messages", ASK);
    struct span sent;

    (void)state;
    fake_http_add_header(stage->http, "Anthropic-Version", "2026-10-21");
    fake_http_add_header(stage->http, "anthropic-beta", "one");
    fake_http_add_header(stage->http, "anthropic-beta", "two");
    fake_http_add_header(stage->http, "anthropic-fixed", "theirs");
    fake_http_add_header(stage->http, "authorization", "Bearer none");
    stage_start(stage);
    sent = fake_fetch_sent_headers(stage_call(stage, 0));
    assert_holds(sent, "Anthropic-Version: 2026-10-21");
    assert_holds(sent, "anthropic-beta: one");
    assert_holds(sent, "anthropic-beta: two");
    assert_holds(sent, "anthropic-fixed: ours");
    assert_true(span_find_text(sent, "2023-06-01") == SIZE_MAX);
    assert_true(span_find_text(sent, "theirs") == SIZE_MAX);
    assert_true(span_find_text(sent, "Bearer") == SIZE_MAX);
    stage_answer(stage, 0, 200, JSON, "{\"content\":[]}");
    stage_close(stage);
}

/* However many there are, what we have to say is said. */
static void test_no_number_of_headers_leaves_no_room_for_ours(void **state)
{
    struct stage *stage = prepared(CLAUDE_ALONE, "/v1/messages", ASK);

    (void)state;
    for (int i = 0; i < 40; i++)
        fake_http_add_header(stage->http, "anthropic-beta", "x");
    stage_start(stage);
    assert_holds(fake_fetch_sent_headers(stage_call(stage, 0)), "x-api-key: c");
    assert_holds(fake_fetch_sent_headers(stage_call(stage, 0)),
                 "anthropic-version: 2023-06-01");
    assert_holds(fake_fetch_sent_headers(stage_call(stage, 0)), "anthropic-fixed: ours");
    stage_answer(stage, 0, 200, JSON, "{\"content\":[]}");
    stage_close(stage);
}

/* What is translated is of the version that we write. */
static void test_a_translated_request_is_of_our_version(void **state)
{
    struct stage *stage = prepared(CLAUDE_ALONE, "/v1/chat/completions",
                                   "{\"model\":\"m\",\"messages\":[{\"role\":\"user\","
                                   "\"content\":\"x\"}]}");
    struct span sent;

    (void)state;
    fake_http_add_header(stage->http, "anthropic-version", "2026-10-21");
    stage_start(stage);
    sent = fake_fetch_sent_headers(stage_call(stage, 0));
    assert_holds(sent, "anthropic-version: 2023-06-01");
    assert_true(span_find_text(sent, "2026") == SIZE_MAX);
    stage_answer(stage, 0, 200, JSON, "{\"content\":[]}");
    stage_close(stage);
}

/* ---- counts ---- */

#define COUNT "/v1/messages/count_tokens"

static void test_a_count_is_asked_of_who_can_tell(void **state)
{
    struct stage *stage = prepared(CLAUDE_ALONE, COUNT, ASK);

    (void)state;
    stage_start(stage);
    assert_string_equal(fake_fetch_url(stage_call(stage, 0)), "http://claude.test" COUNT);
    stage_answer(stage, 0, 200, JSON, "{\"input_tokens\":8}");
    assert_reply(stage, 200, "{\"input_tokens\":8}");
    assert_null(fake_http_reply_header(stage->http, "x-sluice-estimated").at);
    stage_close(stage);
}

/* It costs nobody anything, so no limit counts it. */
static void test_a_count_that_nobody_can_tell_is_guessed(void **state)
{
    struct stage *stage = stage_open(OPENAI_ALONE);

    (void)state;
    for (int i = 0; i < 3; i++) {
        stage_prepare(stage, COUNT, ASK);
        fake_http_add_header(stage->http, "x-api-key", "k");
        stage_start(stage);
        assert_reply(stage, 200, "{\"input_tokens\":4}");
        assert_text(fake_http_reply_header(stage->http, "x-sluice-estimated"), "1");
    }
    assert_int_equal(stage_calls(stage), 0);
    stage_prepare(stage, COUNT, "{\"model\":\"m\"}");
    fake_http_add_header(stage->http, "x-api-key", "k");
    stage_start(stage);
    assert_int_equal(fake_http_status(stage->http), 400);
    assert_holds(fake_http_reply_body(stage->http), "\"param\":\"messages\"");
    stage_close(stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_stream_passes_as_it_is),
        cmocka_unit_test(test_an_end_that_was_forgotten_is_made_up),
        cmocka_unit_test(test_an_error_before_the_first_content_is_never_seen),
        cmocka_unit_test(test_an_error_behind_it_is_an_event),
        cmocka_unit_test(test_errors_have_a_status_of_the_language),
        cmocka_unit_test(test_headers_of_the_language_go_along),
        cmocka_unit_test(test_no_number_of_headers_leaves_no_room_for_ours),
        cmocka_unit_test(test_a_translated_request_is_of_our_version),
        cmocka_unit_test(test_a_count_is_asked_of_who_can_tell),
        cmocka_unit_test(test_a_count_that_nobody_can_tell_is_guessed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
