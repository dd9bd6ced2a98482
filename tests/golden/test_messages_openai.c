/* A client of Anthropic's language at a provider of OpenAI's: requests, whole answers, and streams cut at every
 * byte. */
#include "golden/fixture.h"
#include "llm/provider.h"
#include "llm/relay.h"
#include "llm/translate.h"

/* cmocka wants these first */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static const struct translate_facts facts = {
    .id = "msg_req_1",
    .model = { "gpt", 3 },
    .created_s = 1700000000,
    .input = 7,
};

static struct arena arena;
static struct losses losses;

static int before_each(void **state)
{
    (void)state;
    arena_init(&arena);
    return 0;
}

static int after_each(void **state)
{
    (void)state;
    arena_done(&arena);
    return 0;
}

/* ---- requests ---- */

/* Gives what goes up; "PARAM: MESSAGE" when it is refused. */
static const char *translated(struct span body, const char *kind, const char *model)
{
    const struct request_target target = { .model = span_from(model),
                                           .kind = provider_kind_find(span_from(kind)) };
    struct chat_problem problem;
    struct chat chat;
    const char *text;
    struct buf out;

    losses = (struct losses){ .arena = &arena };
    assert_int_equal(dialect_anthropic.read_chat(body, &arena, &chat, &problem), ERR_OK);
    buf_init(&out, translate_room(body.size));
    if (translate_request(&dialect_anthropic, &dialect_openai, &chat, &target, &losses, &out))
        text = arena_text(&arena, buf_span(&out));
    else
        text = arena_texts(&arena, losses.problem.param, ": ", losses.problem.message, NULL);
    buf_done(&out);
    return text;
}

static void test_the_translation_that_the_fixtures_expect(void **state)
{
    struct span body = fixture_read("08-anthropic-request-claude-code-style.json");
    struct span expected = fixture_read("09-expected-openai-request-for-08.json");
    const char *up = translated(body, "openai", "gpt-6-sol");

    (void)state;
    if (!fixture_same_json(span_from(up), expected))
        fail_msg("%s", up);
    assert_string_equal(losses.names, "cache_control, messages.thinking, system.attribution, "
                                      "context_management");
    fixture_free(body);
    fixture_free(expected);
}

#define ASK(more)                                                                              \
    "{\"max_tokens\":9,\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]" more "}"
#define SAID(before, after)                                                                    \
    "{\"model\":\"m\",\"max_completion_tokens\":9" before                                      \
    ",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]" after "}"

static void test_what_can_be_said(void **state)
{
    static const struct {
        const char *body;
        const char *said;
    } rows[] = {
        { ASK(""), SAID("", "") },
        { ASK(",\"stream\":true"),
          SAID(",\"stream\":true,\"stream_options\":{\"include_usage\":true}", "") },
        { ASK(",\"stop_sequences\":[\"a\",\"b\"]"), SAID("", ",\"stop\":[\"a\",\"b\"]") },
        { ASK(",\"temperature\":0.50,\"top_p\":1"),
          SAID("", ",\"temperature\":0.50,\"top_p\":1") },
        { ASK(",\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":5000}"),
          SAID("", ",\"reasoning_effort\":\"medium\"") },
        { ASK(",\"service_tier\":\"standard_only\""),
          SAID("", ",\"service_tier\":\"default\"") },
        { ASK(",\"tools\":[],\"tool_choice\":{\"type\":\"auto\"}"), SAID("", "") },
        { ASK(",\"tools\":[{\"name\":\"f\",\"input_schema\":{\"type\":\"object\"}}],"
              "\"tool_choice\":{\"type\":\"any\"}"),
          SAID("", ",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\","
                   "\"parameters\":{\"type\":\"object\"}}}],\"tool_choice\":\"required\"") },
        { ASK(",\"output_config\":{\"format\":{\"type\":\"json_schema\",\"schema\":{}}}"),
          SAID("", ",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":"
                   "\"structured_output\",\"schema\":{}}}") },
        { "{\"max_tokens\":0,\"system\":[{\"type\":\"text\",\"text\":\"s\"}],\"messages\":["
          "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"x\"},{\"type\":"
          "\"tool_result\",\"tool_use_id\":\"t\",\"is_error\":true,\"content\":\"no\"}]}]}",
          "{\"model\":\"m\",\"max_completion_tokens\":1,\"messages\":[{\"role\":\"system\","
          "\"content\":\"s\"},{\"role\":\"tool\",\"tool_call_id\":\"t\",\"content\":\"Error: "
          "no\"},{\"role\":\"user\",\"content\":\"x\"}]}" },
        { "{\"max_tokens\":9,\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":"
          "\"document\",\"source\":{\"type\":\"text\",\"media_type\":\"text/plain\",\"data\":"
          "\"d\\u00e9\"}}]}]}",
          "{\"model\":\"m\",\"max_completion_tokens\":9,\"messages\":[{\"role\":\"user\","
          "\"content\":\"d\\u00e9\"}]}" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_string_equal(translated(span_from(rows[i].body), "vllm", "m"), rows[i].said);
}

static void test_what_cannot_be_said_is_refused_by_name(void **state)
{
    static const struct {
        const char *body;
        const char *param;
    } rows[] = {
        { ASK(",\"top_k\":5"), "top_k: `top_k` cannot be said to OpenAI. Leave it out" },
        { ASK(",\"container\":\"c\""), "container: " },
        { ASK(",\"tools\":[{\"type\":\"bash_20250124\",\"name\":\"bash\"}]"),
          "tools.bash_20250124: " },
        { ASK(",\"stop_sequences\":[\"a\",\"b\",\"c\",\"d\",\"e\"]"), "stop: " },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *said = translated(span_from(rows[i].body), "openai", "gpt-4.1");

        if (strncmp(said, rows[i].param, strlen(rows[i].param)) != 0)
            fail_msg("%s: %s", rows[i].body, said);
    }
}

/* ---- whole answers ---- */

static const char *answered(struct span body)
{
    struct llm_answer answer;
    const char *text;
    struct buf out;

    buf_init(&out, 1 << 20);
    translate_answer(&dialect_anthropic, &dialect_openai, &facts, body, &arena, &out, &answer);
    assert_false(answer.failed || answer.malformed);
    text = arena_text(&arena, buf_span(&out));
    buf_done(&out);
    return text;
}

static void test_the_answer_of_the_fixture(void **state)
{
    struct span body = fixture_read("02-openai-chat-response.json");

    (void)state;
    assert_string_equal(
        answered(body),
        "{\"id\":\"msg_chatcmpl-Fx01\",\"type\":\"message\",\"role\":\"assistant\",\"model\":"
        "\"gpt-6-sol-2026-09-22\",\"content\":[{\"type\":\"text\",\"text\":\"The morning tide "
        "is higher: 3.1 m.\"}],\"stop_reason\":\"end_turn\",\"stop_sequence\":null,\"usage\":"
        "{\"input_tokens\":53,\"cache_creation_input_tokens\":0,\"cache_read_input_tokens\":"
        "128,\"output_tokens\":46,\"output_tokens_details\":{\"thinking_tokens\":32}}}");
    fixture_free(body);
}

static void test_calls_and_thoughts_of_an_answer(void **state)
{
    const char *said = answered(SPAN_OF(
        "{\"id\":\"x\",\"choices\":[{\"message\":{\"content\":null,\"reasoning_content\":\"Hm."
        "\","
        "\"tool_calls\":[{\"id\":\"c1\",\"type\":\"function\",\"function\":{\"name\":\"f\","
        "\"arguments\":\"{ \\\"n\\\": 12345678901234567890 }\"}},{\"id\":\"c2\",\"type\":"
        "\"function\",\"function\":{\"name\":\"g\",\"arguments\":\"\"}}]},\"finish_reason\":"
        "\"stop\"}]}"));

    (void)state;
    assert_non_null(strstr(said, "\"content\":[{\"type\":\"thinking\",\"thinking\":\"Hm.\","
                                 "\"signature\":\"\"},{\"type\":\"tool_use\",\"id\":\"c1\","
                                 "\"name\":\"f\",\"input\":{"));
    assert_non_null(strstr(said, "12345678901234567890"));
    assert_non_null(strstr(said, "\"id\":\"c2\",\"name\":\"g\",\"input\":{}}],\"stop_reason\":"
                                 "\"tool_use\""));
}

/* ---- streams ---- */

/* Feeds `bytes` up to `cut`, then the rest; or byte by byte when cut is SIZE_MAX. Gives what goes out. */
static const char *streamed(struct span bytes, size_t cut, struct relay *ret)
{
    size_t available = cut == SIZE_MAX ? 1 : cut;
    const char *text;
    size_t begin = 0;
    struct relay relay;
    struct buf out;

    buf_init(&out, 1 << 22);
    relay_init(&relay, &dialect_openai, false);
    relay_translate(&relay, &dialect_anthropic, &facts);
    for (;;) {
        bool ended = available == bytes.size;
        struct span window = fixture_copy(span_make(bytes.at + begin, available - begin));
        struct relay_step step;
        bool found = relay_next(&relay, window, ended, &step);

        if (found) {
            (void)buf_add(&out, step.bytes);
            begin += step.consumed;
        }
        fixture_free(window);
        if (!found && ended)
            break;
        if (!found)
            available = cut == SIZE_MAX ? available + 1 : bytes.size;
    }
    if (!relay.ended && !relay.failed && relay.finished)
        (void)buf_add(&out, relay_end(&relay));
    *ret = relay;
    relay_done(&relay);
    text = arena_text(&arena, buf_span(&out));
    buf_done(&out);
    return text;
}

#define E(name, more) "event: " name "\ndata: {\"type\":\"" name "\"" more "}\n\n"
#define START(i, block)                                                                        \
    E("content_block_start", ",\"index\":" i ",\"content_block\":{" block "}")
#define DELTA(i, delta) E("content_block_delta", ",\"index\":" i ",\"delta\":{" delta "}")
#define STOP(i)         E("content_block_stop", ",\"index\":" i)
#define BEGIN(id, model)                                                                       \
    E("message_start",                                                                         \
      ",\"message\":{\"id\":\"msg_" id "\",\"type\":\"message\",\"role\":\"assistant\","       \
      "\"model\":\"" model "\",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,"    \
      "\"usage\":{\"input_tokens\":7,\"cache_creation_input_tokens\":0,"                       \
      "\"cache_read_input_tokens\":0,\"output_tokens\":0}}")                                   \
    E("ping", "")
#define END(reason, input, read, output, more)                                                 \
    E("message_delta",                                                                         \
      ",\"delta\":{\"stop_reason\":\"" reason "\",\"stop_sequence\":null},\"usage\":{"         \
      "\"input_tokens\":" input ",\"cache_creation_input_tokens\":0,"                          \
      "\"cache_read_input_tokens\":" read ",\"output_tokens\":" output more "}")               \
    E("message_stop", "")
#define TEXT_START(i)  START(i, "\"type\":\"text\",\"text\":\"\"")
#define SAY(i, text)   DELTA(i, "\"type\":\"text_delta\",\"text\":\"" text "\"")
#define THINK_START(i) START(i, "\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"")
#define THINK(i, text) DELTA(i, "\"type\":\"thinking_delta\",\"thinking\":\"" text "\"")
#define UNSIGNED(i)    DELTA(i, "\"type\":\"signature_delta\",\"signature\":\"\"")
#define CALL(i, id, name)                                                                      \
    START(i, "\"type\":\"tool_use\",\"id\":\"" id "\",\"name\":\"" name "\",\"input\":{}")
#define ARGUMENTS(i, text)                                                                     \
    DELTA(i, "\"type\":\"input_json_delta\",\"partial_json\":\"" text "\"")

static const struct {
    const char *name;
    const char *said;
    bool failed;
} streams[] = {
    { "04-openai-stream-two-tools-usage.sse",
      BEGIN("chatcmpl-Fx02", "gpt-6-sol-2026-09-22") CALL("0", "call_p0", "lookup_tide")
          ARGUMENTS("0", "{\\\"harb") ARGUMENTS("0", "our\\\":\\\"Ob")
              ARGUMENTS("0", "an \\\\u2") ARGUMENTS("0", "693\\\",\\\"hour\\\":6}") STOP("0")
                  CALL("1", "call_p1", "lookup_tide") ARGUMENTS("1", "{\\\"harbour\\\":")
                      ARGUMENTS("1", "\\\"Oban\\\"") ARGUMENTS("1", "}") STOP("1")
                          END("tool_use", "120", "0", "38", ""),
      false },
    { "05-openai-stream-error-midway.sse",
      BEGIN("chatcmpl-Fx02", "gpt-6-sol-2026-09-22") TEXT_START("0") SAY("0", "The morning"),
      true },
    { "19-deepseek-stream-keepalive-reasoning-usage-on-finish.sse",
      ": keep-alive\n\n: keep-alive\n\n" BEGIN("ds-fx19", "deepseek-v4-pro") THINK_START("0")
          THINK("0", "Oban, ") THINK("0", "morning.") UNSIGNED("0") STOP("0") TEXT_START("1")
              SAY("1", "Six o'clock.") STOP("1") END("end_turn", "36", "64", "20",
                                                     ",\"output_tokens_details\":{\"thinking_"
                                                     "tokens\":12}"),
      false },
};

static void test_streams_cut_at_every_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(streams) / sizeof(streams[0]); i++) {
        struct span bytes = fixture_read(streams[i].name);
        struct relay relay;

        for (size_t cut = 1; cut <= bytes.size; cut++) {
            const char *said = streamed(bytes, cut == bytes.size ? SIZE_MAX : cut, &relay);

            assert_string_equal(said, streams[i].said);
            assert_true(relay.failed == streams[i].failed);
        }
        fixture_free(bytes);
    }
}

/* What the first fixtures of others say comes through whole, whatever else they send. */
static void test_what_others_stream(void **state)
{
    static const struct {
        const char *name;
        const char *holds[4];
        bool failed;
    } rows[] = {
        { "03-openai-stream-text-usage.sse",
          { SAY("0", "The morning"),
            STOP("0") END("end_turn", "53", "128", "46",
                          ",\"output_tokens_details\":{\"thinking_tokens\":32}") },
          false },
        { "21-azure-stream-prompt-filter-first.sse",
          { BEGIN("chatcmpl-Az21", "gpt-6-sol-2026-09-22"), "High",
            END("end_turn", "30", "0", "6", "") },
          false },
        { "23-openrouter-stream-error-in-200.sse", { SAY("0", "High") }, true },
        { "24-vllm-stream-continuous-usage-error-then-done.sse", { THINK("0", "Hmm") }, true },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct span bytes = fixture_read(rows[i].name);
        struct relay relay;
        const char *said = streamed(bytes, SIZE_MAX, &relay);

        for (size_t j = 0; j < 4 && rows[i].holds[j]; j++)
            if (strstr(said, rows[i].holds[j]) == NULL)
                fail_msg("%s has no %s:\n%s", rows[i].name, rows[i].holds[j], said);
        assert_true(relay.failed == rows[i].failed);
        assert_true((strstr(said, "message_stop") == NULL) == rows[i].failed);
        for (size_t cut = 1; cut < bytes.size; cut++)
            assert_string_equal(streamed(bytes, cut, &relay), said);
        fixture_free(bytes);
    }
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, before_each, after_each)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_the_translation_that_the_fixtures_expect),
        CASE(test_what_can_be_said),
        CASE(test_what_cannot_be_said_is_refused_by_name),
        CASE(test_the_answer_of_the_fixture),
        CASE(test_calls_and_thoughts_of_an_answer),
        CASE(test_streams_cut_at_every_byte),
        CASE(test_what_others_stream),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
