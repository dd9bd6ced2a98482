/* Attempts at a provider of another language: each is written for its own target. */
#include "flow/stage.h"
#include "flow/words.h"

#include "base/limits.h"
#include "base/mem.h"

#include <string.h>

#define CLAUDE                                                                                 \
    "providers:\n"                                                                             \
    "  alpha: { kind: openai, base_url: \"http://alpha.test/v1\", keys: [a] }\n"               \
    "  claude: { kind: anthropic, base_url: \"http://claude.test\", keys: [c] }\n"             \
    "models_only: true\n"
#define CLAUDE_ALONE                                                                           \
    CLAUDE "models: { m: { targets: [ { provider: claude, model: claude-m } ] } }\n"
#define ALPHA_FIRST                                                                            \
    CLAUDE "models: { m: { targets: [ { provider: alpha, model: a-m, priority: 1 },\n"         \
           "  { provider: claude, model: claude-m, priority: 2 } ] } }\n"
#define CLAUDE_FIRST                                                                           \
    CLAUDE "models: { m: { targets: [ { provider: claude, model: claude-m, priority: 1 },\n"   \
           "  { provider: alpha, model: a-m, priority: 2 } ] } }\n"

#define USER          "\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]"
#define ASK(more)     "{\"model\":\"m\"," USER more "}"
#define ASK_STREAM    ASK(",\"stream\":true")
#define A(type, more) "event: " type "\ndata: {\"type\":\"" type "\"" more "}\n\n"
#define A_START       A("message_start", ",\"message\":{\"id\":\"i\",\"usage\":{\"input_tokens\":7}}")
#define A_TEXT                                                                                 \
    A("content_block_delta", ",\"delta\":{\"type\":\"text_delta\",\"text\":\"Hello\"}")
#define A_FINISH                                                                               \
    A("message_delta",                                                                         \
      ",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":3}")
#define A_STOP A("message_stop", "")
#define A_ERROR                                                                                \
    A("error", ",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}")
#define A_ANSWER                                                                               \
    "{\"content\":[{\"type\":\"text\",\"text\":\"Hello\"}],\"stop_reason\":\"end_turn\","      \
    "\"usage\":{\"input_tokens\":7,\"output_tokens\":3}}"

static struct stage *opened(const char *yaml, const char *body)
{
    struct stage *stage = stage_open(yaml);

    stage_ask(stage, body);
    return stage;
}

static void test_a_stream_is_translated_both_ways(void **state)
{
    struct stage *stage = opened(CLAUDE_ALONE, ASK_STREAM);
    struct span body;

    (void)state;
    assert_string_equal(fake_fetch_url(stage_call(stage, 0)), "http://claude.test/v1/messages");
    assert_holds(fake_fetch_sent_headers(stage_call(stage, 0)), "x-api-key: c");
    assert_holds(fake_fetch_sent_headers(stage_call(stage, 0)),
                 "anthropic-version: 2023-06-01");
    assert_text(
        fake_fetch_sent_body(stage_call(stage, 0)),
        "{\"model\":\"claude-m\",\"max_tokens\":8192,\"stream\":true,\"messages\":[{\"role\":"
        "\"user\",\"content\":[{\"type\":\"text\",\"text\":\"x\"}]}]}");
    stage_answer(stage, 0, 200, EVENTS, A_START A_TEXT A_FINISH A_STOP);
    body = fake_http_reply_body(stage->http);
    assert_holds(body, "\"delta\":{\"content\":\"Hello\"}");
    assert_true(span_ends(body, DONE));
    stage_close(stage);
}

/* It has said that it is done, and only the last event is missing. */
static void test_an_end_that_was_forgotten_is_made_up(void **state)
{
    struct stage *stage = opened(CLAUDE_ALONE, ASK_STREAM);

    (void)state;
    stage_answer(stage, 0, 200, EVENTS, A_START A_TEXT A_FINISH);
    assert_true(span_ends(fake_http_reply_body(stage->http), DONE));
    stage_close(stage);
}

static void test_an_error_before_the_first_content_moves_to_another_language(void **state)
{
    struct stage *stage = opened(CLAUDE_FIRST, ASK_STREAM);

    (void)state;
    stage_head(stage, 0, 200, EVENTS);
    stage_body(stage, 0, A_START A_ERROR);
    assert_string_equal(fake_fetch_url(stage_call(stage, 1)),
                        "http://alpha.test/v1/chat/completions");
    assert_holds(fake_fetch_sent_body(stage_call(stage, 1)), "\"model\":\"a-m\"," USER);
    stage_answer(stage, 1, 200, EVENTS, ROLE HELLO FINISH DONE);
    assert_reply(stage, 200, ROLE HELLO FINISH DONE);
    stage_close(stage);
}

static void test_another_language_answers_for_one_that_fails(void **state)
{
    struct stage *stage = opened(ALPHA_FIRST, ASK(""));

    (void)state;
    stage_answer(stage, 0, 503, JSON, ERROR_BODY("busy", "server_error"));
    assert_string_equal(fake_fetch_url(stage_call(stage, 1)), "http://claude.test/v1/messages");
    stage_answer(stage, 1, 200, JSON, A_ANSWER);
    assert_holds(fake_http_reply_body(stage->http), "\"content\":\"Hello\"");
    assert_holds(fake_http_reply_body(stage->http), "\"total_tokens\":10");
    stage_close(stage);
}

/* What one target cannot be told another can, in whatever order they are planned. */
static void test_a_target_that_cannot_be_told_is_passed_over(void **state)
{
    struct stage *stage = opened(CLAUDE_FIRST, ASK(",\"seed\":1"));

    (void)state;
    assert_string_equal(fake_fetch_url(stage_call(stage, 0)),
                        "http://alpha.test/v1/chat/completions");
    stage_answer(stage, 0, 200, JSON, ANSWER);
    assert_reply(stage, 200, ANSWER);
    assert_text(fake_http_reply_header(stage->http, "x-sluice-attempts"), "1");
    stage_close(stage);
}

static void test_what_no_target_can_be_told_is_refused_by_name(void **state)
{
    struct stage *stage = opened(CLAUDE_ALONE, ASK(",\"seed\":1"));

    (void)state;
    assert_int_equal(stage_calls(stage), 0);
    assert_int_equal(fake_http_status(stage->http), 400);
    assert_holds(fake_http_reply_body(stage->http), "\"param\":\"seed\"");
    stage_close(stage);
}

static void test_it_is_dropped_and_named(void **state)
{
    struct stage *stage = opened(CLAUDE_ALONE "drop_params: true\n", ASK(",\"seed\":1"));

    (void)state;
    assert_lacks(fake_fetch_sent_body(stage_call(stage, 0)), "seed");
    stage_answer(stage, 0, 200, JSON, A_ANSWER);
    assert_text(fake_http_reply_header(stage->http, "x-sluice-dropped"), "seed");
    stage_close(stage);
}

/* An answer that must be understood has a limit. */
static void test_an_answer_too_long_to_be_translated(void **state)
{
    struct stage *stage = opened(CLAUDE_ALONE "retry: { max_attempts: 1 }\n", ASK(""));
    char *piece = mem_zero(LIMIT_INBOX_BYTES);
    size_t sent = 0;

    (void)state;
    memset(piece, ' ', LIMIT_INBOX_BYTES);
    stage_head(stage, 0, 200, JSON);
    while (fake_http_status(stage->http) == 0) {
        sent += fake_fetch_body(stage_call(stage, 0), span_make(piece, LIMIT_INBOX_BYTES / 2));
        fake_loop_settle(stage->loop);
    }
    assert_true(sent > LIMIT_ANSWER_TRANSLATED_BYTES);
    assert_true(sent <= LIMIT_ANSWER_TRANSLATED_BYTES + LIMIT_INBOX_BYTES);
    assert_int_equal(fake_http_status(stage->http), 502);
    assert_holds(fake_http_reply_body(stage->http), "too long to be translated");
    mem_free(piece);
    stage_close(stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_stream_is_translated_both_ways),
        cmocka_unit_test(test_an_end_that_was_forgotten_is_made_up),
        cmocka_unit_test(test_an_error_before_the_first_content_moves_to_another_language),
        cmocka_unit_test(test_another_language_answers_for_one_that_fails),
        cmocka_unit_test(test_a_target_that_cannot_be_told_is_passed_over),
        cmocka_unit_test(test_what_no_target_can_be_told_is_refused_by_name),
        cmocka_unit_test(test_it_is_dropped_and_named),
        cmocka_unit_test(test_an_answer_too_long_to_be_translated),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
