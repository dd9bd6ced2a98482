/* A client of OpenAI's language at a provider of Anthropic's: requests, whole answers, errors, and streams
 * cut at every byte. */
#include "base/json.h"
#include "golden/fixture.h"
#include "llm/relay.h"
#include "llm/scan.h"
#include "llm/translate.h"

/* cmocka wants these first */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static const struct translate_facts facts = {
    .id = "chatcmpl-req_1",
    .model = { "claude", 6 },
    .created_s = 1700000000,
    .usage = true,
};

static struct arena arena;

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
static const char *translated(struct span body, const char *model, bool drop,
                              struct losses *losses)
{
    const struct request_target target = { .model = span_from(model) };
    struct chat_problem problem;
    struct chat chat;
    struct buf out;
    const char *text;

    *losses = (struct losses){ .drop = drop, .arena = &arena };
    assert_int_equal(dialect_openai.read_chat(body, &arena, &chat, &problem), ERR_OK);
    buf_init(&out, translate_room(body.size));
    if (translate_request(&dialect_openai, &dialect_anthropic, &chat, &target, losses, &out))
        text = arena_text(&arena, buf_span(&out));
    else
        text = arena_texts(&arena, losses->problem.param ? losses->problem.param : "", ": ",
                           losses->problem.message, NULL);
    buf_done(&out);
    return text;
}

static const char *from_text(const char *body, const char *model)
{
    struct losses losses;

    return translated(span_from(body), model, false, &losses);
}

#define ASK(more)                                                                              \
    "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]" more "}"
#define SAID(max)                                                                              \
    "{\"model\":\"claude-3-5-haiku\",\"max_tokens\":" max ",\"messages\":[{\"role\":"          \
    "\"user\",\"content\":[{\"type\":\"text\",\"text\":\"x\"}]}]"

static void test_the_request_of_the_fixture(void **state)
{
    struct span body = fixture_read("01-openai-chat-request.json");
    struct losses losses;
    const char *up = translated(body, "claude-opus-5-5", true, &losses);
    struct json_doc *doc;
    const struct json *messages;

    (void)state;
    assert_string_equal(losses.names, "temperature, seed, image_url.detail, stop");
    assert_int_equal(json_parse(span_from(up), &doc), ERR_OK);
    messages = json_member(json_root(doc), "messages");
    assert_int_equal(json_count(messages), 3); /* user, assistant, results and the question */
    assert_int_equal(json_count(json_member(json_item(messages, 1), "content")), 2);
    assert_int_equal(json_count(json_member(json_item(messages, 2), "content")), 3);
    assert_int_equal(json_count(json_member(json_root(doc), "system")), 2);
    assert_non_null(strstr(up,
                           "{\"type\":\"tool_use\",\"id\":\"call_a1\",\"name\":\"lookup_tide\","
                           "\"input\":{\"harbour\":\"Oban\",\"hour\":6}}"));
    assert_non_null(strstr(up,
                           "{\"type\":\"tool_result\",\"tool_use_id\":\"call_b2\",\"content\":"
                           "[{\"type\":\"text\",\"text\":\"2.9 m\"}]}"));
    assert_non_null(
        strstr(up, "{\"type\":\"base64\",\"media_type\":\"image/png\",\"data\":\"iVBO"));
    assert_non_null(strstr(up, "\"temperature\":1,"));
    assert_non_null(strstr(up, "\"max_tokens\":400,\"stream\":true"));
    assert_non_null(strstr(up, "\"strict\":true"));
    assert_non_null(strstr(up, "\"metadata\":{\"user_id\":\"crew-17\"}"));
    assert_null(strstr(up, "seed"));
    json_free(doc);
    fixture_free(body);
}

static void test_what_cannot_be_said_is_refused_by_name(void **state)
{
    static const struct {
        const char *body;
        const char *param;
    } rows[] = {
        { ASK(",\"seed\":1"), "seed: `seed` cannot be said to Anthropic. Leave" },
        { ASK(",\"n\":2"), "n: " },
        { ASK(",\"logprobs\":true"), "logprobs: " },
        { ASK(",\"logit_bias\":{\"1\":2}"), "logit_bias: " },
        { ASK(",\"frequency_penalty\":0.1"), "frequency_penalty: " },
        { ASK(",\"temperature\":1.01"), "temperature: `temperature` cannot be said to "
                                        "Anthropic: it goes from 0 to 1." },
        { ASK(",\"stop\":\"\\n\""), "stop: " },
        { ASK(",\"min_p\":0.1"), "min_p: " },
        { ASK(",\"reasoning_effort\":\"low\""), "reasoning_effort: " },
        { ASK(",\"max_tokens\":\"7\""), "max_tokens: `max_tokens` must be a whole number" },
        { ASK(",\"tools\":[{\"type\":\"custom\"}]"), "tools[0]: " },
        { ASK(",\"tool_choice\":\"all\""), "tool_choice: " },
        { ASK(",\"tool_choice\":\"none\",\"tool_choice\":\"auto\""), "tool_choice: " },
        { ASK(",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"schema\":{}}"
              "}"),
          "response_format: " },
        { "{\"messages\":[]}", "messages: " },
        { "{\"messages\":[{\"role\":\"user\",\"content\":\" \\n\"}]}", "messages: " },
        { "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"input_audio\"}]}]}",
          "messages[0].content[0]: " },
        { "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_"
          "url\":"
          "{\"url\":\"http://10.0.0.1/x.png\"}}]}]}",
          "messages[0].content[0]: " },
        { "{\"messages\":[{\"role\":\"tool\",\"content\":\"x\"}]}",
          "messages[0].tool_call_id: " },
        { "{\"messages\":[{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"a\",\"function\":"
          "{\"name\":\"f\",\"arguments\":\"{\"}}]}]}",
          "messages[0].tool_calls[0]: " },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *said = from_text(rows[i].body, "claude-3-5-haiku");

        if (strncmp(said, rows[i].param, strlen(rows[i].param)) != 0)
            fail_msg("%s: %s", rows[i].body, said);
    }
}

static void test_what_says_nothing_is_not_worth_a_word(void **state)
{
    (void)state;
    assert_string_equal(from_text(ASK(",\"n\":1,\"logprobs\":false,\"seed\":null,\"tools\":[],"
                                      "\"stop\":[],\"frequency_penalty\":0,\"stream\":false,"
                                      "\"modalities\":[\"text\"],\"store\":false"),
                                  "claude-3-5-haiku"),
                        SAID("8192") "}");
}

static void test_what_can_be_said(void **state)
{
    static const struct {
        const char *body;
        const char *said;
    } rows[] = {
        { ASK(",\"max_tokens\":5,\"max_completion_tokens\":6"), SAID("6") "}" },
        { ASK(",\"temperature\":0.30,\"top_p\":0.9,\"top_k\":40"),
          SAID("8192") ",\"temperature\":0.30,\"top_p\":0.9,\"top_k\":40}" },
        { ASK(",\"stop\":\"END\""), SAID("8192") ",\"stop_sequences\":[\"END\"]}" },
        { ASK(",\"user\":\"a\\\"b\""), SAID("8192") ",\"metadata\":{\"user_id\":\"a\\\"b\"}}" },
        { ASK(",\"service_tier\":\"default\""),
          SAID("8192") ",\"service_tier\":\"standard_only\"}" },
        { ASK(",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}],"
              "\"tool_choice\":\"required\",\"parallel_tool_calls\":false"),
          SAID("8192") ",\"tools\":[{\"name\":\"f\",\"input_schema\":{\"type\":\"object\","
                       "\"properties\":{}}}],\"tool_choice\":{\"type\":\"any\","
                       "\"disable_parallel_tool_use\":true}}" },
        { ASK(",\"tools\":[{\"type\":\"function\",\"cache_control\":{\"type\":\"ephemeral\"},"
              "\"function\":{\"name\":\"f\",\"parameters\":{}}}]"),
          SAID("8192") ",\"tools\":[{\"name\":\"f\",\"input_schema\":{\"type\":\"object\" },"
                       "\"cache_control\":{\"type\":\"ephemeral\"}}]}" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_string_equal(from_text(rows[i].body, "claude-3-5-haiku"), rows[i].said);
}

static void test_thinking_is_asked_for_as_the_model_wants_it(void **state)
{
    (void)state;
    assert_non_null(
        strstr(from_text(ASK(",\"reasoning_effort\":\"medium\""), "claude-opus-4-1"),
               "\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":8192}"));
    assert_non_null(strstr(
        from_text(ASK(",\"reasoning_effort\":\"high\",\"max_tokens\":4000"), "claude-opus-4-1"),
        "\"budget_tokens\":3999}"));
    assert_non_null(
        strstr(from_text(ASK(",\"reasoning_effort\":\"minimal\""), "claude-opus-5-5"),
               "\"thinking\":{\"type\":\"adaptive\"},\"output_config\":{\"effort\":"
               "\"low\"}"));
    assert_non_null(strstr(from_text(ASK(",\"reasoning_effort\":\"none\""), "claude-opus-5-5"),
                           "\"thinking\":{\"type\":\"disabled\"}"));
    assert_true(span_starts(span_from(from_text(ASK(",\"reasoning_effort\":\"low\","
                                                    "\"max_tokens\":1000"),
                                                "claude-opus-4-1")),
                            "reasoning_effort: "));
}

/* Thinking goes back with its signature, before the calls, and a prefill loses its trailing space. */
static void test_an_assistants_message_goes_back_as_it_was(void **state)
{
    const char *up = from_text(
        "{\"messages\":[{\"role\":\"user\",\"content\":\"x\"},{\"role\":\"assistant\","
        "\"content\":"
        "\"Well: "
        "\\n\",\"reasoning_content\":\"Hm.\",\"thinking_blocks\":[{\"index\":0,\"type\":"
        "\"thinking\",\"thinking\":\"Hm.\",\"signature\":\"c2ln\"},{\"index\":1,\"type\":"
        "\"redacted_thinking\",\"data\":\"ZGF0YQ==\"}]}]}",
        "claude-opus-5-5");

    (void)state;
    assert_non_null(strstr(up,
                           "{\"role\":\"assistant\",\"content\":[{\"type\":\"thinking\","
                           "\"thinking\":\"Hm.\",\"signature\":\"c2ln\"},{\"type\":"
                           "\"redacted_thinking\",\"data\":\"ZGF0YQ==\"},{\"type\":\"text\","
                           "\"text\":\"Well:\"}]}"));
}

/* A cache's mark stays where the client put it, and OpenAI's own means the same. */
static void test_marks_of_a_cache_go_along(void **state)
{
    const char *up = from_text(
        "{\"messages\":[{\"role\":\"system\",\"content\":[{\"type\":\"text\",\"text\":\"s\","
        "\"cache_control\":{\"type\":\"ephemeral\",\"ttl\":\"1h\"}}]},{\"role\":\"user\","
        "\"content\":"
        "[{\"type\":\"text\",\"text\":\"u\",\"prompt_cache_breakpoint\":{\"mode\":\"explicit\"}"
        "}]}]}",
        "claude-opus-5-5");

    (void)state;
    assert_non_null(strstr(up,
                           "\"text\":\"s\",\"cache_control\":{\"type\":\"ephemeral\",\"ttl\":"
                           "\"1h\"}"));
    assert_non_null(strstr(up, "\"text\":\"u\",\"cache_control\":{\"type\":\"ephemeral\"}"));
}

/* The whole request, cut anywhere inside a value that is left whole, stays JSON when it goes up. */
static void test_whatever_goes_up_is_json(void **state)
{
    struct span body = fixture_read("01-openai-chat-request.json");
    struct scan_result result;
    struct losses losses;

    (void)state;
    assert_int_equal(
        scan_value(span_from(translated(body, "claude-3-5", true, &losses)), &result), ERR_OK);
    fixture_free(body);
}

/* ---- whole answers ---- */

static void test_the_answer_of_the_fixture(void **state)
{
    struct span body = fixture_read("10-anthropic-response.json");
    struct llm_answer answer;
    struct buf out;

    (void)state;
    buf_init(&out, 1 << 20);
    translate_answer(&dialect_openai, &dialect_anthropic, &facts, body, &arena, &out, &answer);
    assert_false(answer.failed || answer.malformed);
    assert_int_equal(answer.usage.input, 20);
    assert_int_equal(answer.usage.cached, 2048);
    assert_int_equal(answer.usage.cache_write, 100);
    assert_int_equal(answer.usage.output, 57);
    assert_int_equal(answer.usage.reasoning, 12);
    assert_string_equal(
        buf_text(&out),
        "{\"id\":\"msg_fx10\",\"object\":\"chat.completion\",\"created\":1700000000,\"model\":"
        "\"claude-opus-5-5\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\","
        "\"content\":\"Checking.\",\"refusal\":null,\"reasoning_content\":\"Compare.\","
        "\"thinking_blocks\":[{\"type\":\"thinking\",\"thinking\":\"Compare.\",\"signature\":"
        "\"c2lnMg==\"}],\"tool_calls\":[{\"id\":\"toolu_10\",\"type\":\"function\","
        "\"function\":"
        "{\"name\":\"lookup_tide\",\"arguments\":\"{\\\"harbour\\\":\\\"Oban\\\",\\\"hour\\\":"
        "6}\"}}]},"
        "\"logprobs\":null,\"finish_reason\":\"tool_calls\"}],\"usage\":{\"prompt_tokens\":"
        "2168,"
        "\"completion_tokens\":57,\"total_tokens\":2225,\"prompt_tokens_details\":{\"cached_"
        "tokens\""
        ":2048,\"cache_write_tokens\":100},\"completion_tokens_details\":{\"reasoning_tokens\":"
        "12}}}");
    buf_done(&out);
    fixture_free(body);
}

/* Cut anywhere it is none. */
static void test_no_part_of_an_answer_is_an_answer(void **state)
{
    struct span body = fixture_read("10-anthropic-response.json");
    size_t last = body.size;
    struct llm_answer answer;
    struct buf out;

    (void)state;
    buf_init(&out, 1 << 20);
    while (body.at[last - 1] != '}')
        last--;
    for (size_t size = 0; size < last; size++) {
        struct span part = fixture_copy(span_first(body, size));

        translate_answer(&dialect_openai, &dialect_anthropic, &facts, part, &arena, &out,
                         &answer);
        assert_true(answer.malformed && buf_size(&out) == 0);
        fixture_free(part);
    }
    buf_done(&out);
    fixture_free(body);
}

static void test_errors(void **state)
{
    static const struct {
        unsigned status;
        const char *body;
        enum llm_class class;
        unsigned answered;
        const char *code;
    } rows[] = {
        { 400, "invalid_request_error\",\"message\":\"max_tokens: Field required",
          LLM_CLIENT_ERROR, 400, NULL },
        { 400, "invalid_request_error\",\"message\":\"prompt is too long: 9 tokens > 8 maximum",
          LLM_CONTEXT_WINDOW, 400, "context_length_exceeded" },
        { 401, "authentication_error\",\"message\":\"invalid x-api-key", LLM_AUTH, 502,
          "upstream_auth" },
        { 402, "billing_error\",\"message\":\"pay", LLM_QUOTA, 429, "insufficient_quota" },
        { 404, "not_found_error\",\"message\":\"model: x", LLM_NOT_FOUND, 404,
          "model_not_found" },
        { 413, "request_too_large\",\"message\":\"big", LLM_CLIENT_ERROR, 413,
          "request_too_large" },
        { 429, "rate_limit_error\",\"message\":\"slow", LLM_RATE_LIMIT, 429,
          "rate_limit_exceeded" },
        { 500, "api_error\",\"message\":\"oh", LLM_SERVER_ERROR, 500, NULL },
        { 504, "timeout_error\",\"message\":\"oh", LLM_TIMEOUT, 504, NULL },
        { 529, "overloaded_error\",\"message\":\"Overloaded", LLM_SERVER_ERROR, 503,
          "server_is_overloaded" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *body = arena_texts(&arena, "{\"type\":\"error\",\"error\":{\"type\":\"",
                                       rows[i].body, "\"}}", NULL);
        struct llm_error error;

        dialect_anthropic.read_error(rows[i].status, span_from(body), &arena, &error);
        assert_int_equal(error.class, rows[i].class);
        assert_int_equal(error.status, rows[i].answered);
        assert_true(rows[i].code ? span_is(error.code, rows[i].code) : error.code.at == NULL);
        assert_true(error.message.size > 0);
    }
}

static void test_the_overload_of_the_fixture(void **state)
{
    struct span http = fixture_read("13-anthropic-error-529.http");
    struct llm_error error;

    (void)state;
    dialect_anthropic.read_error(529, fixture_http_body(http), &arena, &error);
    assert_int_equal(error.class, LLM_SERVER_ERROR);
    assert_int_equal(error.status, 503);
    assert_true(span_is(error.message, "Overloaded"));
    fixture_free(http);
}

/* ---- streams ---- */

struct outcome {
    struct buf bytes;
    struct buf verdicts;
    struct usage usage;
    struct llm_error error;
    bool finished;
    bool begun; /* nothing is known of what came out */
};

static void outcome_init(struct outcome *outcome)
{
    *outcome = (struct outcome){ 0 };
    buf_init(&outcome->bytes, 1 << 20);
    buf_init(&outcome->verdicts, 1 << 16);
}

static void outcome_done(struct outcome *outcome)
{
    buf_done(&outcome->bytes);
    buf_done(&outcome->verdicts);
}

/* Feeds `bytes` up to `cut`, then the rest; or byte by byte when cut is SIZE_MAX. */
static void feed(struct span bytes, size_t cut, struct outcome *outcome)
{
    static const char letters[] = {
        [RELAY_HOLD] = 'H',   [RELAY_FORWARD] = 'F', [RELAY_DROP] = 'D',
        [RELAY_FAILED] = 'L', [RELAY_END] = 'E',
    };
    size_t available = cut == SIZE_MAX ? 1 : cut;
    size_t begin = 0;
    struct relay relay;
    bool ended = false;

    relay_init(&relay, &dialect_anthropic, false);
    relay_translate(&relay, &dialect_openai, &facts);
    while (!ended || begin < bytes.size) {
        struct span window = fixture_copy(span_make(bytes.at + begin, available - begin));
        struct relay_step step;
        bool found;

        ended = available == bytes.size;
        found = relay_next(&relay, window, ended, &step);
        if (found) {
            if (step.verdict != RELAY_DROP || step.bytes.size)
                (void)buf_add_byte(&outcome->verdicts, letters[step.verdict]);
            (void)buf_add(&outcome->bytes, step.bytes);
            begin += step.consumed;
        }
        if (found && step.verdict == RELAY_FAILED) {
            outcome->error = step.error;
            outcome->error.message = arena_copy(&arena, step.error.message);
        }
        fixture_free(window);
        if (!found && ended)
            break;
        if (!found)
            available = cut == SIZE_MAX ? available + 1 : bytes.size;
    }
    outcome->usage = relay.usage;
    outcome->finished = relay.finished;
    outcome->begun = relay.begun;
    relay_done(&relay);
}

#define CHUNK(delta, finish)                                                                   \
    "data: {\"id\":\"msg_fx11\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,"  \
    "\"model\":\"claude-opus-5-5\",\"choices\":[{\"index\":0,\"delta\":{" delta                \
    "},\"logprobs\":null,\"finish_reason\":" finish "}],\"usage\":null}\n\n"
#define ROLE CHUNK("\"role\":\"assistant\",\"content\":\"\",\"refusal\":null", "null")
#define THOUGHT(text)                                                                          \
    CHUNK("\"reasoning_content\":\"" text "\",\"thinking_blocks\":[{\"index\":0,\"type\":"     \
          "\"thinking\",\"thinking\":\"" text "\"}]",                                          \
          "null")
#define CALL(index, id, name)                                                                  \
    CHUNK("\"tool_calls\":[{\"index\":" index ",\"id\":\"" id                                  \
          "\",\"type\":\"function\",\"function\":{\"name\":\"" name                            \
          "\",\"arguments\":\"\"}}]",                                                          \
          "null")
#define ARGUMENTS(index, text)                                                                 \
    CHUNK("\"tool_calls\":[{\"index\":" index ",\"function\":{\"arguments\":\"" text "\"}}]",  \
          "null")

static const char tools_said[] = ROLE ": ping\n\n" THOUGHT("Comp") THOUGHT("are.") CHUNK(
    "\"thinking_blocks\":[{\"index\":0,\"type\":\"thinking\",\"signature\":\"c2lnMg==\"}]",
    "null") CHUNK("\"content\":\"Check\"",
                  "null") ": ping\n\n" CHUNK("\"content\":\"ing \xc3\xa9t\xc3\xa9.\"", "null")
    CALL("0", "toolu_11", "lookup_tide") ARGUMENTS("0", "{\\\"harbour\\\": \\\"O")
        ARGUMENTS("0", "ban\\\"}") CALL("1", "toolu_12", "now") ARGUMENTS("1", "{}")
            CHUNK("", "\"tool_calls\"") "data: "
                                        "{\"id\":\"msg_fx11\",\"object\":\"chat.completion."
                                        "chunk\",\"created\":1700000000,"
                                        "\"model\":\"claude-opus-5-5\",\"choices\":[],"
                                        "\"usage\":{\"prompt_tokens\":2168,"
                                        "\"completion_tokens\":61,\"total_tokens\":2229,"
                                        "\"prompt_tokens_details\":{\"cached_tokens\""
                                        ":2048,\"cache_write_tokens\":100},\"completion_tokens_"
                                        "details\":{\"reasoning_tokens\":0}}}\n\n"
                                        "data: [DONE]\n\n";

static void check_tools(struct span bytes, size_t cut)
{
    struct outcome outcome;

    outcome_init(&outcome);
    feed(bytes, cut, &outcome);
    assert_string_equal(buf_text(&outcome.bytes), tools_said);
    assert_true(outcome.finished);
    assert_true(outcome.usage.known && !outcome.begun);
    assert_int_equal(outcome.usage.input, 20);
    assert_int_equal(outcome.usage.cached, 2048);
    assert_int_equal(outcome.usage.cache_write, 100);
    assert_int_equal(outcome.usage.output, 61);
    outcome_done(&outcome);
}

static void test_a_stream_with_everything_cut_at_every_byte(void **state)
{
    struct span bytes = fixture_read("11-anthropic-stream-thinking-text-tools.sse");

    (void)state;
    for (size_t cut = 1; cut <= bytes.size; cut++)
        check_tools(bytes, cut);
    check_tools(bytes, SIZE_MAX);
    fixture_free(bytes);
}

/* Nothing but what can be taken back is said before the first content. */
static void test_what_may_wait_for_the_commit(void **state)
{
    struct span bytes = fixture_read("11-anthropic-stream-thinking-text-tools.sse");
    struct outcome outcome;

    (void)state;
    outcome_init(&outcome);
    feed(bytes, bytes.size, &outcome);
    assert_string_equal(buf_text(&outcome.verdicts), "HHHFFHHHFHFHFHFFHFHFFE");
    outcome_done(&outcome);
    fixture_free(bytes);
}

static void test_an_error_in_the_middle_cut_at_every_byte(void **state)
{
    struct span bytes = fixture_read("12-anthropic-stream-error-midway.sse");

    (void)state;
    for (size_t cut = 1; cut <= bytes.size; cut++) {
        struct outcome outcome;

        outcome_init(&outcome);
        feed(bytes, cut, &outcome);
        assert_string_equal(buf_text(&outcome.bytes),
                            ROLE CHUNK("\"content\":\"Half an ans\"", "null"));
        assert_string_equal(buf_text(&outcome.verdicts), "HHFL");
        assert_int_equal(outcome.error.class, LLM_SERVER_ERROR);
        assert_int_equal(outcome.error.status, 503);
        assert_true(span_is(outcome.error.message, "Overloaded"));
        assert_true(outcome.usage.known && outcome.begun);
        outcome_done(&outcome);
    }
    fixture_free(bytes);
}

/* What went in is known from the start; what came out is counted when the end is missing. */
static void test_a_broken_stream_is_billed_by_an_estimate(void **state)
{
    struct span bytes = fixture_read("12-anthropic-stream-error-midway.sse");
    struct relay relay;
    struct relay_step step;
    struct usage usage;

    (void)state;
    relay_init(&relay, &dialect_anthropic, false);
    relay_translate(&relay, &dialect_openai, &facts);
    for (size_t at = 0;
         at < bytes.size && relay_next(&relay, span_skip(bytes, at), true, &step);)
        at += step.consumed;
    usage = relay_usage(&relay, 1000);
    assert_true(usage.estimated && usage.output >= 1);
    assert_int_equal(usage.input, 20);
    assert_int_equal(usage.cached, 2048);
    relay_done(&relay);
    fixture_free(bytes);
}

static void test_what_cannot_be_read_is_an_error(void **state)
{
    static const struct {
        const char *bytes;
        const char *verdicts;
    } rows[] = {
        { "data: {\"type\":\n\n", "L" },
        { "data: [1]\n\n", "L" },
        { "data: {}\n\n", "L" },
        { "data: {\"type\":\"from_next_year\"}\n\n", "H" },
        { "data: "
          "{\"type\":\"content_block_start\",\"content_block\":{\"type\":\"tool_use\"}}\n\n",
          "L" },
        { "data: {\"type\":\"content_block_delta\",\"delta\":{\"type\":\"text_delta\",\"text\":"
          "\"\xff\"}}\n\n",
          "F" },
        { "data: {\"type\":\"message_start\",\"message\":{}}\n\ndata: {\"type\":\"messa", "H" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct outcome outcome;

        outcome_init(&outcome);
        feed(span_from(rows[i].bytes), strlen(rows[i].bytes), &outcome);
        if (strcmp(buf_text(&outcome.verdicts), rows[i].verdicts) != 0)
            print_message("%s\n", rows[i].bytes);
        assert_string_equal(buf_text(&outcome.verdicts), rows[i].verdicts);
        outcome_done(&outcome);
    }
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, before_each, after_each)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_the_request_of_the_fixture),
        CASE(test_what_cannot_be_said_is_refused_by_name),
        CASE(test_what_says_nothing_is_not_worth_a_word),
        CASE(test_what_can_be_said),
        CASE(test_thinking_is_asked_for_as_the_model_wants_it),
        CASE(test_an_assistants_message_goes_back_as_it_was),
        CASE(test_marks_of_a_cache_go_along),
        CASE(test_whatever_goes_up_is_json),
        CASE(test_the_answer_of_the_fixture),
        CASE(test_no_part_of_an_answer_is_an_answer),
        CASE(test_errors),
        CASE(test_the_overload_of_the_fixture),
        CASE(test_a_stream_with_everything_cut_at_every_byte),
        CASE(test_what_may_wait_for_the_commit),
        CASE(test_an_error_in_the_middle_cut_at_every_byte),
        CASE(test_a_broken_stream_is_billed_by_an_estimate),
        CASE(test_what_cannot_be_read_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
