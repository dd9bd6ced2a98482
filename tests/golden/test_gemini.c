/* A client of OpenAI's language at Gemini: requests, whole answers, errors, and streams cut at every byte. */
#include "base/json.h"
#include "golden/fixture.h"
#include "golden/outcome.h"
#include "llm/embed.h"
#include "llm/gemini.h"
#include "llm/place.h"
#include "llm/retry_info.h"

/* cmocka wants these first */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static const struct translate_facts facts = {
    .id = "chatcmpl-req_1",
    .model = { "gemini", 6 },
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
    if (translate_request(&dialect_openai, &dialect_gemini, &chat, &target, losses, &out)) {
        struct scan_result result;

        text = arena_text(&arena, buf_span(&out));
        assert_int_equal(scan_value(span_from(text), &result), ERR_OK);
    } else {
        text = arena_texts(&arena, losses->problem.param ? losses->problem.param : "", ": ",
                           losses->problem.message, NULL);
    }
    buf_done(&out);
    return text;
}

static const char *from_text(const char *body, const char *model)
{
    struct losses losses;

    return translated(span_from(body), model, false, &losses);
}

/* Without white space, to be compared. */
static const char *compact(const char *json)
{
    return arena_text(&arena, scan_compact(span_from(json), &arena));
}

#define MODEL "gemini-2.5-flash"
#define ASK(more)                                                                              \
    "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]" more "}"
#define X            "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"x\"}]}],"
#define SAID(config) X "\"generationConfig\":{" config "}}"

/* What of fixture 14 does not depend on what is abridged there. */
static void test_the_request_of_the_fixture(void **state)
{
    struct span body = fixture_read("01-openai-chat-request.json");
    struct span wanted = fixture_read("14-gemini-request.json");
    const char *all = compact(arena_text(&arena, wanted));
    struct losses losses;
    const char *up = translated(body, "gemini-3.8-flash", true, &losses);
    const char *calls = strstr(all, "{\"role\":\"model\"");
    const char *results = strstr(all, "{\"role\":\"user\",\"parts\":[{\"functionResponse\"");

    (void)state;
    assert_string_equal(losses.names, "tools.strict, seed, user, image_url.detail");
    assert_true(span_starts(span_from(up), "{\"systemInstruction\":{\"parts\":[{\"text\":\"You "
                                           "answer about harbours.\"},{\"text\":\"Reply in one "
                                           "sentence.\"}]},\"contents\":["));
    assert_non_null(strstr(up, "{\"inlineData\":{\"mimeType\":\"image/png\",\"data\":\"iVBO"));
    /* the calls, with Google's word for a signature on the first alone, and their results */
    assert_non_null(
        strstr(up, arena_text(&arena, span_make(calls, (size_t)(results - calls)))));
    assert_non_null(strstr(up, arena_text(&arena, span_make(results, strcspn(results, "]")))));
    assert_non_null(strstr(up, ",{\"text\":\"So which one is higher?\"}]}],"));
    assert_non_null(strstr(up, "\"tools\":[{\"functionDeclarations\":[{\"name\":"
                               "\"lookup_tide\",\"description\":"));
    assert_non_null(strstr(up, "\"parametersJsonSchema\":{"));
    assert_non_null(
        strstr(up, "\"toolConfig\":{\"functionCallingConfig\":{\"mode\":\"AUTO\"}}"));
    assert_non_null(strstr(up, "\"generationConfig\":{\"temperature\":1.4,\"maxOutputTokens\":"
                               "400,\"stopSequences\":[\"\\n\\n\"]}}"));
    fixture_free(body);
    fixture_free(wanted);
}

static void test_what_cannot_be_said_is_refused_by_name(void **state)
{
    static const struct {
        const char *body;
        const char *param;
    } rows[] = {
        { ASK(",\"n\":2"), "n: `n` cannot be said to Gemini. Leave" },
        { ASK(",\"logprobs\":true"), "logprobs: " },
        { ASK(",\"logit_bias\":{\"1\":2}"), "logit_bias: " },
        { ASK(",\"seed\":2147483648"), "seed: `seed` cannot be said to Gemini: it is a whole" },
        { ASK(",\"seed\":1.5"), "seed: " },
        { ASK(",\"stop\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\"]"), "stop: " },
        { ASK(",\"min_p\":0.1"), "min_p: " },
        { "{\"messages\":[]}", "messages: " },
        { "{\"messages\":[{\"role\":\"user\",\"content\":\"\"}]}", "messages: " },
        { "{\"messages\":[{\"role\":\"user\",\"content\":\"x\"},{\"role\":\"tool\","
          "\"tool_call_id\":\"call_9\",\"content\":\"x\"}]}",
          "messages: A message with the result of a tool answers the call \"call_9\", which" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *said = from_text(rows[i].body, MODEL);

        if (strncmp(said, rows[i].param, strlen(rows[i].param)) != 0)
            fail_msg("%s: %s", rows[i].body, said);
    }
    assert_true(span_starts(
        span_from(from_text(ASK(",\"reasoning_effort\":\"low\""), "gemini-2.0-flash")),
        "reasoning_effort: "));
}

static void test_what_can_be_said(void **state)
{
    static const struct {
        const char *body;
        const char *said;
    } rows[] = {
        { ASK(",\"n\":1,\"logprobs\":false,\"seed\":null,\"tools\":[],\"stop\":[]"), SAID("") },
        { ASK(",\"max_tokens\":5,\"max_completion_tokens\":6"), SAID("\"maxOutputTokens\":6") },
        { ASK(",\"temperature\":1.90,\"top_p\":0.9,\"top_k\":40,\"presence_penalty\":0.5,"
              "\"frequency_penalty\":-1"),
          SAID("\"temperature\":1.90,\"topP\":0.9,\"topK\":40,\"frequencyPenalty\":-1,"
               "\"presencePenalty\":0.5") },
        { ASK(",\"seed\":-7,\"stop\":\"END\""),
          SAID("\"seed\":-7,\"stopSequences\":[\"END\"]") },
        { ASK(",\"response_format\":{\"type\":\"json_object\"}"),
          SAID("\"responseMimeType\":\"application/json\"") },
        { ASK(",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"n\","
              "\"schema\":{\"type\":\"object\",\"additionalProperties\":false}}}"),
          SAID("\"responseMimeType\":\"application/json\",\"responseJsonSchema\":{\"type\":"
               "\"object\",\"additionalProperties\":false}") },
        { ASK(",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"parameters\":{"
              "\"type\":\"object\",\"properties\":{}}}}],\"tool_choice\":{\"type\":"
              "\"function\","
              "\"function\":{\"name\":\"f\"}},\"parallel_tool_calls\":false"),
          X "\"tools\":[{\"functionDeclarations\":[{\"name\":\"f\"}]}],\"toolConfig\":{"
            "\"functionCallingConfig\":{\"mode\":\"ANY\",\"allowedFunctionNames\":[\"f\"]}},"
            "\"generationConfig\":{}}" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_string_equal(from_text(rows[i].body, MODEL), rows[i].said);
}

static void test_thinking_is_asked_for_as_the_model_wants_it(void **state)
{
    static const struct {
        const char *model;
        const char *effort;
        const char *said;
    } rows[] = {
        { "gemini-2.5-flash", "none", "\"thinkingBudget\":0" },
        { "gemini-2.5-flash", "low", "\"thinkingBudget\":1024,\"includeThoughts\":true" },
        { "gemini-2.5-pro", "none", "\"thinkingBudget\":128" },
        { "gemini-2.5-pro", "medium", "\"thinkingBudget\":8192,\"includeThoughts\":true" },
        { "gemini-3.8-flash", "none", "\"thinkingLevel\":\"MINIMAL\"" },
        { "gemini-3.8-flash", "medium",
          "\"thinkingLevel\":\"MEDIUM\",\"includeThoughts\":true" },
        { "gemini-3.1-pro-preview", "minimal",
          "\"thinkingLevel\":\"LOW\",\"includeThoughts\":true" },
        { "gemini-3-pro-preview", "medium",
          "\"thinkingLevel\":\"HIGH\",\"includeThoughts\":true" },
        { "gemini-3.1-pro-preview", "max",
          "\"thinkingLevel\":\"HIGH\",\"includeThoughts\":true" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *body = arena_texts(&arena,
                                       "{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],"
                                       "\"reasoning_effort\":\"",
                                       rows[i].effort, "\"}", NULL);

        assert_string_equal(from_text(body, rows[i].model),
                            arena_texts(&arena, X "\"generationConfig\":{\"thinkingConfig\":{",
                                        rows[i].said, "}}}", NULL));
    }
}

#define CALL(id, name) "{\"id\":\"" id "\",\"function\":{\"name\":\"" name "\"}}"
#define RESULT(id, content)                                                                    \
    "{\"role\":\"tool\",\"tool_call_id\":\"" id "\",\"content\":" content "}"

/* Whatever order the client has, Gemini gets results in the order of the calls; what names no call that is
 * still open comes last. An object is told as one, and an image behind all results. */
static void test_results_come_in_the_order_of_their_calls(void **state)
{
    const char *up = from_text(
        "{\"messages\":[{\"role\":\"user\",\"content\":\"x\"},{\"role\":\"assistant\","
        "\"tool_calls\":[" CALL("old", "o") "]},{\"role\":\"assistant\",\"tool_calls\":[" CALL(
            "call_a",
            "f") "," CALL("b",
                          "g") "]}," RESULT("b",
                                            "\"{\\\"t\\\": 3.10}\"") "," RESULT("call_a",
                                                                                "[{"
                                                                                "\"type\":"
                                                                                "\"text\","
                                                                                "\"text\":"
                                                                                "\"1\"},{"
                                                                                "\"type\":"
                                                                                "\"text\","
                                                                                "\"text\":"
                                                                                "\"2\"},{"
                                                                                "\"type\":"
                                                                                "\"image_"
                                                                                "url\","
                                                                                "\"image_"
                                                                                "url\":{"
                                                                                "\"url\":"
                                                                                "\"https:/"
                                                                                "/e.org/"
                                                                                "x.png\"}}"
                                                                                "]") "," RESULT("old",
                                                                                                "\"[1]\"") ",{\"role\":\"user\",\"content\":\"go on\"}]}",
        MODEL);

    (void)state;
    assert_non_null(strstr(
        up, "{\"role\":\"user\",\"parts\":["
            "{\"functionResponse\":{\"id\":\"old\",\"name\":\"o\",\"response\":{\"output\":"
            "\"[1]\"}}},"
            "{\"functionResponse\":{\"name\":\"f\",\"response\":{\"output\":\"1\\n2\"}}},"
            "{\"functionResponse\":{\"id\":\"b\",\"name\":\"g\",\"response\":{\"t\": 3.10}}},"
            "{\"fileData\":{\"fileUri\":\"https://e.org/x.png\"}},{\"text\":\"go on\"}]}"));
}

/* An id may stand for another call in every turn. */
static void test_a_result_belongs_to_the_nearest_call_before_it(void **state)
{
    const char *up = from_text(
        "{\"messages\":[{\"role\":\"assistant\",\"tool_calls\":[" CALL("1", "f") "]}," RESULT(
            "1", "\"x\"") ",{\"role\":\"assistant\",\"tool_calls\":"
                          "[" CALL("1", "g") "]}," RESULT("1", "\"y\"") "]}",
        MODEL);

    (void)state;
    assert_non_null(strstr(up, "\"name\":\"f\",\"response\":{\"output\":\"x\"}"));
    assert_non_null(strstr(up, "\"name\":\"g\",\"response\":{\"output\":\"y\"}"));
}

/* ---- signatures ---- */

static void test_a_signature_goes_back_to_where_it_was(void **state)
{
    static const struct {
        const char *message;
        const char *said;
    } rows[] = {
        /* of a call, beside it */
        { "\"tool_calls\":[{\"id\":\"call_1\",\"function\":{\"name\":\"f\"},\"extra_content\":{"
          "\"google\":{\"thought_signature\":\"U0lH\"}}}," CALL("call_2", "g") "]",
          "{\"functionCall\":{\"name\":\"f\",\"args\":{}},\"thoughtSignature\":\"U0lH\"},"
          "{\"functionCall\":{\"name\":\"g\",\"args\":{}}}" },
        /* of a call, by a client that knows only thoughts */
        { "\"thinking_blocks\":[{\"thinking\":\"\",\"signature\":\"gemini:U0lH\"}],"
          "\"tool_calls\":[" CALL("call_1", "f") "]",
          "{\"functionCall\":{\"name\":\"f\",\"args\":{}},\"thoughtSignature\":\"U0lH\"}" },
        /* of a text; what was thought stays at home */
        { "\"content\":\"t\",\"thinking_blocks\":[{\"thinking\":\"Hm.\",\"signature\":"
          "\"gemini:AbC=\"}]",
          "{\"text\":\"t\",\"thoughtSignature\":\"AbC=\"}" },
        /* of nothing */
        { "\"thinking_blocks\":[{\"thinking\":\"\",\"signature\":\"gemini:AbC=\"}]",
          "{\"text\":\"\",\"thoughtSignature\":\"AbC=\"}" },
        /* another provider's */
        { "\"content\":\"t\",\"thinking_blocks\":[{\"thinking\":\"Hm.\",\"signature\":"
          "\"c2ln\"},{\"type\":\"redacted_thinking\",\"data\":\"ZA==\"}]",
          "{\"text\":\"t\"}" },
        /* lost */
        { "\"content\":\"t\",\"tool_calls\":[" CALL("call_1", "f") "]",
          "{\"text\":\"t\"},{\"functionCall\":{\"name\":\"f\",\"args\":{}},"
          "\"thoughtSignature\":"
          "\"c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I=\"}" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *body = arena_texts(&arena, "{\"messages\":[{\"role\":\"assistant\",",
                                       rows[i].message, "}]}", NULL);

        assert_string_equal(from_text(body, MODEL),
                            arena_texts(&arena,
                                        "{\"contents\":[{\"role\":\"model\",\"parts\":[",
                                        rows[i].said, "]}],\"generationConfig\":{}}", NULL));
    }
}

/* Anthropic would refuse a signature that is not its own. */
static void test_no_other_provider_gets_a_signature_of_gemini(void **state)
{
    const char *body =
        "{\"messages\":[{\"role\":\"user\",\"content\":\"x\"},{\"role\":"
        "\"assistant\",\"content\":\"t\",\"thinking_blocks\":[{\"thinking\":\"\","
        "\"signature\":\"gemini:AbC=\"}]}]}";
    const struct request_target target = { .model = SPAN("claude-opus-5-5") };
    struct losses losses = { .arena = &arena };
    struct chat_problem problem;
    struct chat chat;
    struct buf out;

    (void)state;
    assert_int_equal(dialect_openai.read_chat(span_from(body), &arena, &chat, &problem),
                     ERR_OK);
    buf_init(&out, translate_room(strlen(body)));
    assert_true(
        translate_request(&dialect_openai, &dialect_anthropic, &chat, &target, &losses, &out));
    assert_non_null(strstr(buf_text(&out), "[{\"type\":\"text\",\"text\":\"t\"}]"));
    assert_null(strstr(buf_text(&out), "AbC="));
    buf_done(&out);
}

/* ---- schemas for old models ---- */

static void test_a_schema_in_the_words_of_openapi(void **state)
{
    static const struct {
        const char *schema;
        const char *said;
        bool lost;
    } rows[] = {
        { "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\",\"minLength\":1},"
          "\"b\":{\"type\":[\"integer\",\"null\"]}},\"required\":[\"a\"]}",
          "{\"type\":\"OBJECT\",\"properties\":{\"a\":{\"type\":\"STRING\",\"minLength\":1},"
          "\"b\":{\"type\":\"INTEGER\",\"nullable\":true}},\"required\":[\"a\"]}",
          false },
        { "{\"type\":\"array\",\"items\":{\"const\":\"x\"}}",
          "{\"type\":\"ARRAY\",\"items\":{\"enum\":[\"x\"]}}", false },
        { "{\"oneOf\":[{\"type\":\"boolean\"},{\"type\":\"number\",\"enum\":[1]}]}",
          "{\"anyOf\":[{\"type\":\"BOOLEAN\"},{\"type\":\"NUMBER\",\"enum\":[]}]}", true },
        { "{\"type\":\"object\",\"additionalProperties\":false,\"$schema\":\"s\"}",
          "{\"type\":\"OBJECT\"}", true },
        { "{\"properties\":{\"\\\"\":true}}", "{\"properties\":{\"\\\"\":{}}}", true },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct json_writer w;
        bool lost = false;
        struct buf out;

        buf_init(&out, 4096);
        w = json_writer(&out);
        gemini_write_schema(span_from(rows[i].schema), &w, &lost);
        assert_string_equal(buf_text(&out), rows[i].said);
        assert_int_equal(lost, rows[i].lost);
        buf_done(&out);
    }
    assert_non_null(
        strstr(from_text(ASK(",\"tools\":[{\"type\":\"function\",\"function\":{"
                             "\"name\":\"f\",\"parameters\":{\"type\":\"object\","
                             "\"properties\":{\"a\":{\"type\":\"string\"}}}}}]"),
                         "gemini-2.0-flash"),
               "\"parameters\":{\"type\":\"OBJECT\",\"properties\":{\"a\":{\"type\":"
               "\"STRING\"}}}"));
}

/* ---- where ---- */

static void test_the_models_name_is_one_segment_of_the_path(void **state)
{
    static const struct {
        const char *model;
        const char *path;
    } rows[] = {
        { "gemini-2.5-flash", "/models/gemini-2.5-flash:generateContent" },
        { "models/gemini-2.5-flash", "/models/gemini-2.5-flash:generateContent" },
        { "a/../b?c#d", "/models/a%2F..%2Fb%3Fc%23d:generateContent" },
        { "\xc3\xa9 %", "/models/%C3%A9%20%25:generateContent" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct buf out;

        buf_init(&out, 4096);
        place_write(dialect_gemini.provider->suffix, span_from(rows[i].model), &out);
        assert_string_equal(buf_text(&out), rows[i].path);
        buf_done(&out);
    }
    assert_true(place_names_model(dialect_gemini.provider->stream_suffix));
    assert_false(place_names_model("/chat/completions"));
}

/* ---- whole answers ---- */

static const char *answered(struct span body, struct llm_answer *answer)
{
    const char *text;
    struct buf out;

    buf_init(&out, 1 << 20);
    translate_answer(&dialect_openai, &dialect_gemini, &facts, body, &arena, &out, answer);
    text = arena_text(&arena, buf_span(&out));
    buf_done(&out);
    return text;
}

#define REPLY(id, message, finish)                                                             \
    "{\"id\":\"" id "\",\"object\":\"chat.completion\",\"created\":1700000000,\"model\":"      \
    "\"gemini\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\"," message        \
    "},\"logprobs\":null,\"finish_reason\":\"" finish "\"}]}"

static void test_the_answer_of_the_fixture(void **state)
{
    struct span body = fixture_read("15-gemini-response.json");
    struct llm_answer answer;

    (void)state;
    assert_string_equal(
        answered(body, &answer),
        "{\"id\":\"chatcmpl-gfx15\",\"object\":\"chat.completion\",\"created\":1700000000,"
        "\"model\":\"gemini-3.8-flash\",\"choices\":[{\"index\":0,\"message\":{\"role\":"
        "\"assistant\",\"content\":\"The morning tide is higher: 3.1 m.\",\"refusal\":null,"
        "\"reasoning_content\":\"Weighing both.\",\"thinking_blocks\":[{\"type\":\"thinking\","
        "\"thinking\":\"Weighing both.\"},{\"type\":\"thinking\",\"thinking\":\"\","
        "\"signature\":\"gemini:AbC=\"}]},\"logprobs\":null,\"finish_reason\":\"stop\"}],"
        "\"usage\":{\"prompt_tokens\":90,\"completion_tokens\":52,\"total_tokens\":142,"
        "\"prompt_tokens_details\":{\"cached_tokens\":64,\"cache_write_tokens\":0},"
        "\"completion_tokens_details\":{\"reasoning_tokens\":40}}}");
    assert_false(answer.failed || answer.malformed);
    assert_int_equal(answer.usage.input, 26);
    assert_int_equal(answer.usage.cached, 64);
    assert_int_equal(answer.usage.output, 52);
    assert_int_equal(answer.usage.reasoning, 40);
    fixture_free(body);
}

#define CANDIDATE(parts, reason)                                                               \
    "{\"candidates\":[{\"content\":{\"parts\":[" parts "]},\"finishReason\":\"" reason "\"}]}"

static void test_answers(void **state)
{
    static const struct {
        const char *body;
        const char *said;
    } rows[] = {
        { "{\"responseId\":\"r\",\"candidates\":[{\"content\":{\"parts\":[{\"functionCall\":{"
          "\"name\":\"f\",\"args\":{ \"a\": [1.50, \"x y\"] }},\"thoughtSignature\":\"U0lH\"},"
          "{\"functionCall\":{\"id\":\"g1\",\"name\":\"g\"}}]},\"finishReason\":\"STOP\"}]}",
          REPLY(
              "chatcmpl-r",
              "\"content\":null,\"refusal\":null,\"tool_calls\":[{\"id\":\"call_r_0\",\"type\":"
              "\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"a\\\":[1.50,"
              "\\\"x y\\\"]}\"},\"extra_content\":{\"google\":{\"thought_signature\":"
              "\"U0lH\"}}},{\"id\":\"g1\",\"type\":\"function\",\"function\":{\"name\":\"g\","
              "\"arguments\":\"{}\"}}]",
              "tool_calls") },
        { CANDIDATE("{\"text\":\"a\"},{\"text\":\"b\"},{\"executableCode\":{}}", "MAX_TOKENS"),
          REPLY("chatcmpl-req_1", "\"content\":\"ab\",\"refusal\":null", "length") },
        { CANDIDATE("{\"inlineData\":{\"mimeType\":\"image/png\",\"data\":\"AA==\"}}", "STOP"),
          REPLY("chatcmpl-req_1",
                "\"content\":\"![image](data:image/png;base64,AA==)\",\"refusal\":null",
                "stop") },
        { "{\"candidates\":[{\"content\":{\"role\":\"model\"},\"finishReason\":\"MAX_TOKENS\"}]"
          "}",
          REPLY("chatcmpl-req_1", "\"content\":\"\",\"refusal\":null", "length") },
        { "{\"candidates\":[{\"finishReason\":\"SAFETY\",\"finishMessage\":\"No.\"}]}",
          REPLY("chatcmpl-req_1", "\"content\":\"\",\"refusal\":\"No.\"", "content_filter") },
        { "{\"promptFeedback\":{\"blockReason\":\"SAFETY\"}}",
          REPLY("chatcmpl-req_1", "\"content\":\"\",\"refusal\":\"SAFETY\"",
                "content_filter") },
        { CANDIDATE("{\"text\":\"a\"}", "MALFORMED_FUNCTION_CALL"),
          REPLY("chatcmpl-req_1", "\"content\":\"a\",\"refusal\":null", "stop") },
        { CANDIDATE("", "FROM_NEXT_YEAR"),
          REPLY("chatcmpl-req_1", "\"content\":\"\",\"refusal\":null", "stop") },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct llm_answer answer;

        assert_string_equal(answered(span_from(rows[i].body), &answer), rows[i].said);
        assert_false(answer.failed || answer.malformed);
    }
}

static void test_what_is_no_answer(void **state)
{
    static const struct {
        const char *body;
        bool failed;
    } rows[] = {
        { CANDIDATE("", "MALFORMED_FUNCTION_CALL"), true },
        { "{\"error\":{\"code\":503,\"message\":\"m\",\"status\":\"UNAVAILABLE\"}}", true },
        { "[{\"error\":{\"code\":503,\"message\":\"m\",\"status\":\"UNAVAILABLE\"}}]", true },
        { "{}", false },
        { "{\"candidates\":[]}", false },
        { "[]", false },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct llm_answer answer;

        assert_string_equal(answered(span_from(rows[i].body), &answer), "");
        assert_int_equal(answer.failed, rows[i].failed);
        assert_int_equal(answer.malformed, !rows[i].failed);
        if (answer.failed)
            assert_int_equal(answer.error.class, LLM_SERVER_ERROR);
    }
}

/* Cut anywhere it is none. */
static void test_no_part_of_an_answer_is_an_answer(void **state)
{
    struct span body = fixture_read("15-gemini-response.json");
    size_t last = body.size;

    (void)state;
    while (body.at[last - 1] != '}')
        last--;
    for (size_t size = 0; size < last; size++) {
        struct span part = fixture_copy(span_first(body, size));
        struct llm_answer answer;

        assert_string_equal(answered(part, &answer), "");
        assert_true(answer.malformed);
        fixture_free(part);
    }
    fixture_free(body);
}

/* A call that comes without an id gets one that is not the same in the next answer. */
static void test_ids_of_calls_are_told_apart(void **state)
{
    struct gemini_answer answer = { .id = SPAN("\"a/b\"") };
    struct span one = gemini_call_id(&answer, SPAN_OF("x"), 0, &arena);

    (void)state;
    assert_true(span_equal(one, gemini_call_id(&answer, SPAN_OF("x"), 0, &arena)));
    assert_false(span_equal(one, gemini_call_id(&answer, SPAN_OF("y"), 0, &arena)));
    assert_false(span_equal(one, gemini_call_id(&answer, SPAN_OF("x"), 1, &arena)));
    assert_true(one.size <= 42); /* with its quotes; OpenAI takes 40 */
}

/* ---- errors ---- */

static void test_the_error_of_the_fixture(void **state)
{
    struct span body = fixture_read("18-gemini-error-429.json");
    struct llm_error error;

    (void)state;
    dialect_gemini.read_error(429, body, &arena, &error);
    assert_int_equal(error.class, LLM_RATE_LIMIT);
    assert_int_equal(error.status, 429);
    assert_true(span_is(error.type, "rate_limit_error"));
    assert_true(span_is(error.code, "rate_limit_exceeded"));
    assert_true(span_is(error.message, "You exceeded your current quota."));
    assert_true(span_is(retry_info_delay(body), "17.4s"));
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
        { 400, "m\",\"status\":\"INVALID_ARGUMENT", LLM_CLIENT_ERROR, 400, NULL },
        { 400,
          "API key not valid. Please pass a valid API key.\",\"status\":\"INVALID_ARGUMENT",
          LLM_AUTH, 502, "upstream_auth" },
        { 400,
          "m\",\"details\":[{\"reason\":\"API_KEY_INVALID\"}],\"status\":\"INVALID_ARGUMENT",
          LLM_AUTH, 502, "upstream_auth" },
        { 400,
          "The input token count (9) exceeds the maximum number of tokens allowed (8).\","
          "\"status\":\"INVALID_ARGUMENT",
          LLM_CONTEXT_WINDOW, 400, "context_length_exceeded" },
        { 400, "billing\",\"status\":\"FAILED_PRECONDITION", LLM_QUOTA, 429,
          "insufficient_quota" },
        { 403, "m\",\"status\":\"PERMISSION_DENIED", LLM_AUTH, 502, "upstream_auth" },
        { 404, "m\",\"status\":\"NOT_FOUND", LLM_NOT_FOUND, 404, "model_not_found" },
        { 429, "m\",\"status\":\"RESOURCE_EXHAUSTED", LLM_RATE_LIMIT, 429,
          "rate_limit_exceeded" },
        { 429,
          "m\",\"details\":[{\"quotaId\":\"RequestsPerDay\"}],\"status\":"
          "\"RESOURCE_EXHAUSTED",
          LLM_QUOTA, 429, "insufficient_quota" },
        { 500, "m\",\"status\":\"INTERNAL", LLM_SERVER_ERROR, 500, NULL },
        { 503, "m\",\"status\":\"UNAVAILABLE", LLM_SERVER_ERROR, 503, "server_is_overloaded" },
        { 504, "m\",\"status\":\"DEADLINE_EXCEEDED", LLM_TIMEOUT, 504, NULL },
        { 418, "m\",\"status\":\"FROM_NEXT_YEAR", LLM_CLIENT_ERROR, 418, NULL },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]) * 2; i++) {
        const char *body = arena_printf(&arena,
                                        i % 2 ? "[{\"error\":{\"code\":%u,\"message\":\"%s\"}}]"
                                              : "{\"error\":{\"code\":%u,\"message\":\"%s\"}}",
                                        rows[i / 2].status, rows[i / 2].body);
        struct llm_error error;

        dialect_gemini.read_error(rows[i / 2].status, span_from(body), &arena, &error);
        assert_int_equal(error.class, rows[i / 2].class);
        assert_int_equal(error.status, rows[i / 2].answered);
        assert_true(rows[i / 2].code ? span_is(error.code, rows[i / 2].code)
                                     : error.code.at == NULL);
        assert_true(error.message.size > 0);
    }
}

/* ---- streams ---- */

#define HEAD(id, model)                                                                        \
    "data: {\"id\":\"" id "\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,"    \
    "\"model\":\"" model "\",\"choices\":["
#define DELTA(delta, finish)                                                                   \
    "{\"index\":0,\"delta\":{" delta "},\"logprobs\":null,\"finish_reason\":" finish           \
    "}],\"usage\":null}\n\n"
#define H    HEAD("chatcmpl-gfx16", "gemini-3.8-flash")
#define ROLE DELTA("\"role\":\"assistant\",\"content\":\"\",\"refusal\":null", "null")
#define USAGE(prompt, completion, total, reasoning)                                            \
    "],\"usage\":{\"prompt_tokens\":" prompt ",\"completion_tokens\":" completion              \
    ",\"total_tokens\":" total ",\"prompt_tokens_details\":{\"cached_tokens\":0,"              \
    "\"cache_write_tokens\":0},\"completion_tokens_details\":{\"reasoning_tokens\":" reasoning \
    "}}}\n\ndata: [DONE]\n\n"

static const char tools_said[] = H ROLE H DELTA(
    "\"reasoning_content\":\"Weighing.\",\"thinking_blocks\":[{\"index\":0,"
    "\"type\":\"thinking\",\"thinking\":\"Weighing.\"}]",
    "null") H DELTA("\"content\":\"The morning \"", "null")
    H DELTA("\"content\":\"tide.\"", "null") H DELTA(
        "\"tool_calls\":[{\"index\":0,\"id\":\"call_gfx16_0\",\"type\":\"function\","
        "\"function\":{\"name\":\"lookup_tide\",\"arguments\":\"{\\\"harbour\\\":\\\"Oban\\\""
        ",\\\"hour\\\":6}\"},\"extra_content\":{\"google\":{\"thought_signature\":"
        "\"U0lH\"}}}]",
        "null")
        H DELTA("\"tool_calls\":[{\"index\":1,\"id\":\"call_gfx16_1\",\"type\":\"function\","
                "\"function\":{\"name\":\"lookup_tide\",\"arguments\":\"{\\\"harbour\\\":"
                "\\\"Oban\\\""
                ",\\\"hour\\\":18}\"}}]",
                "null") H DELTA("\"reasoning_content\":\"\",\"thinking_blocks\":[{\"index\":1,"
                                "\"type\":\"thinking\","
                                "\"thinking\":\"\"}]",
                                "null")
            H DELTA("\"thinking_blocks\":[{\"index\":1,\"type\":\"thinking\",\"signature\":"
                    "\"gemini:RU5E\"}]",
                    "null") H DELTA("", "\"tool_calls\"") H USAGE("90", "70", "160", "40");

static void check_stream(struct span bytes, size_t cut, const char *said, struct usage *ret)
{
    struct outcome outcome;

    outcome_init(&outcome);
    outcome_feed(&outcome, &dialect_openai, &dialect_gemini, &facts, bytes, cut);
    assert_string_equal(buf_text(&outcome.bytes), said);
    assert_true(outcome.finished);
    *ret = outcome.usage;
    outcome_done(&outcome);
}

static void check_cuts(struct span bytes, const char *said, struct usage *ret)
{
    for (size_t cut = 1; cut <= bytes.size; cut++)
        check_stream(bytes, cut, said, ret);
    check_stream(bytes, SIZE_MAX, said, ret);
}

static void test_a_stream_with_everything_cut_at_every_byte(void **state)
{
    struct span bytes = fixture_read("16-gemini-stream-text-tools-crlf.sse");
    struct usage usage;

    (void)state;
    check_cuts(bytes, tools_said, &usage);
    assert_true(usage.known);
    assert_int_equal(usage.input, 90);
    assert_int_equal(usage.output, 70);
    assert_int_equal(usage.reasoning, 40);
    fixture_free(bytes);
}

static void test_a_blocked_prompt_cut_at_every_byte(void **state)
{
    struct span bytes = fixture_read("17-gemini-stream-prompt-blocked.sse");
    struct usage usage;

    (void)state;
#undef H
#define H HEAD("chatcmpl-req_1", "gemini-3.8-flash")
    check_cuts(bytes,
               H ROLE H DELTA("\"refusal\":\"PROHIBITED_CONTENT\"", "\"content_filter\"")
                   H USAGE("90", "0", "90", "0"),
               &usage);
    assert_int_equal(usage.input, 90);
    fixture_free(bytes);
}

/* A stream that was cut was not finished; nor is one whose model ran out of words at once left waiting. */
static void test_verdicts(void **state)
{
    static const struct {
        const char *bytes;
        const char *verdicts;
        bool finished;
    } rows[] = {
        { "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a\"}]}}]}\n\n", "F",
          false },
        { "data: {\"candidates\":[{\"content\":{},\"finishReason\":\"MAX_TOKENS\"}]}\n\n", "F",
          true },
        { "data: {\"usageMetadata\":{\"promptTokenCount\":1}}\n\n", "H", false },
        { "data: {\"error\":{\"code\":503,\"message\":\"m\",\"status\":\"UNAVAILABLE\"}}\n\n",
          "L", false },
        { "data: [{\"error\":{\"code\":503,\"message\":\"m\",\"status\":\"UNAVAILABLE\"}}]\n\n",
          "L", false },
        { "data: " CANDIDATE("", "MALFORMED_FUNCTION_CALL") "\n\n", "L", false },
        { "data: {\"candi\n\n", "L", false },
        { "data: 1\n\n", "L", false },
        { "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"\xff\"}]}}]}\n\n", "F",
          false },
        { "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a\"}]}}]}\n\ndata: {\"c",
          "F", false },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct outcome outcome;

        outcome_init(&outcome);
        outcome_feed(&outcome, &dialect_openai, &dialect_gemini, &facts,
                     span_from(rows[i].bytes), strlen(rows[i].bytes));
        if (strcmp(buf_text(&outcome.verdicts), rows[i].verdicts) != 0)
            print_message("%s\n", rows[i].bytes);
        assert_string_equal(buf_text(&outcome.verdicts), rows[i].verdicts);
        assert_int_equal(outcome.finished, rows[i].finished);
        outcome_done(&outcome);
    }
}

/* Each of several calls may say that it is the end; the client hears it once, and when it is. */
static void test_the_end_is_told_once(void **state)
{
    static const char bytes[] = "data: " CANDIDATE(
        "{\"functionCall\":{\"name\":\"f\"}}",
        "STOP") "\r\n\r\n"
                "data: " CANDIDATE("{\"functionCall\":{\"name\":\"g\"}}", "STOP") "\r\n\r\n";
    struct outcome outcome;
    const char *finish;

    (void)state;
    outcome_init(&outcome);
    outcome_feed(&outcome, &dialect_openai, &dialect_gemini, &facts, span_from(bytes), 1);
    finish = strstr(buf_text(&outcome.bytes), "\"finish_reason\":\"tool_calls\"");
    assert_non_null(finish);
    assert_null(strstr(finish + 1, "\"finish_reason\":\"tool_calls\""));
    assert_non_null(strstr(buf_text(&outcome.bytes), "{\"index\":1,\"id\":\"call_"));
    outcome_done(&outcome);
}

/* ---- embeddings ---- */

static struct embed embed_of(const struct chat *chat)
{
    return (struct embed){
        .client = &dialect_openai,
        .provider = &dialect_gemini,
        .chat = chat,
        .model = SPAN("gemini-embedding-001"),
    };
}

static struct chat *chat_of(const char *body)
{
    struct chat *chat = arena_zero(&arena, sizeof(*chat));
    struct chat_problem problem;

    assert_int_equal(dialect_openai.read_chat(span_from(body), &arena, chat, &problem), ERR_OK);
    return chat;
}

static const char *asked(const char *body)
{
    struct losses losses = { .arena = &arena };
    const struct embed embed = embed_of(chat_of(body));
    const char *text;
    struct buf out;

    buf_init(&out, 1 << 20);
    if (embed_request(&embed, &losses, &out))
        text = arena_text(&arena, buf_span(&out));
    else
        text = arena_texts(&arena, losses.problem.param, ": ", losses.problem.message, NULL);
    buf_done(&out);
    return text;
}

#define EMBED(text, more)                                                                      \
    "{\"model\":\"models/gemini-embedding-001\",\"content\":{\"parts\":[{\"text\":\"" text     \
    "\"}]}" more "}"

static void test_embeddings_are_asked_for(void **state)
{
    static const struct {
        const char *body;
        const char *said;
    } rows[] = {
        { "{\"input\":\"a\"}", "{\"requests\":[" EMBED("a", "") "]}" },
        { "{\"input\":[\"a\",\"b\\n\"],\"dimensions\":8,\"encoding_format\":\"base64\","
          "\"user\":\"u\"}",
          "{\"requests\":[" EMBED("a", ",\"outputDimensionality\":8") "," EMBED(
              "b\\n", ",\"outputDimensionality\":8") "]}" },
        { "{\"input\":[1,2]}", "input: `input` holds numbers of tokens, which another provider "
                               "counts differently; send texts." },
        { "{\"input\":[]}", "input: `input` must hold at least one text." },
        { "{\"input\":\"\"}",
          "input: `input` must be a text, or an array of texts, none of them empty." },
        { "{\"input\":\"a\",\"input\":\"b\"}", "input: `input` stands more than once." },
        { "{\"input\":\"a\",\"encoding_format\":\"f\"}",
          "encoding_format: `encoding_format` must be float or base64." },
        { "{\"input\":\"a\",\"dimensions\":0}",
          "dimensions: `dimensions` must be a whole number above 0." },
        { "{\"input\":\"a\",\"purpose\":\"x\"}",
          "purpose: `purpose` cannot be said to Gemini. Leave it out, or let the gateway drop "
          "such parameters (drop_params)." },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_string_equal(asked(rows[i].body), rows[i].said);
}

static void test_no_more_texts_than_gemini_takes(void **state)
{
    struct buf body;

    (void)state;
    buf_init(&body, 4096);
    (void)buf_add_text(&body, "{\"input\":[\"0\"");
    for (int i = 1; i <= 100; i++)
        (void)buf_printf(&body, ",\"%d\"", i);
    (void)buf_add_text(&body, "]}");
    assert_true(
        span_starts(span_from(asked(buf_text(&body))), "input: `input` may hold at most"));
    buf_done(&body);
}

static void test_embeddings_are_given(void **state)
{
    static const struct {
        const char *ask;
        const char *body;
        const char *said; /* "": it is malformed */
    } rows[] = {
        { "{\"input\":[\"abcde\",\"b\"]}",
          "{\"embeddings\":[{\"values\":[ 0.5,\n -1.25e-1 ]},{\"values\":[]}]}",
          "{\"object\":\"list\",\"data\":[{\"object\":\"embedding\",\"index\":0,\"embedding\":"
          "[0.5,-1.25e-1]},{\"object\":\"embedding\",\"index\":1,\"embedding\":[]}],\"model\":"
          "\"gemini-embedding-001\",\"usage\":{\"prompt_tokens\":2,\"total_tokens\":2}}" },
        { "{\"input\":\"a\",\"encoding_format\":\"base64\"}",
          "{\"embeddings\":[{\"values\":[1,-0.5]}],\"usageMetadata\":{\"promptTokenCount\":7}}",
          "{\"object\":\"list\",\"data\":[{\"object\":\"embedding\",\"index\":0,\"embedding\":"
          "\"AACAPwAAAL8=\"}],\"model\":\"gemini-embedding-001\",\"usage\":{\"prompt_tokens\":"
          "7,"
          "\"total_tokens\":7}}" },
        { "{\"input\":\"\\u00e9\\u00e9\\u00e9\\u00e9\"}", /* eight bytes */
          "{\"embeddings\":[{\"values\":[1]}]}",
          "{\"object\":\"list\",\"data\":[{\"object\":\"embedding\",\"index\":0,\"embedding\":["
          "1]}],"
          "\"model\":\"gemini-embedding-001\",\"usage\":{\"prompt_tokens\":2,\"total_tokens\":"
          "2}}" },
        { "{\"input\":\"a\"}", "{\"embeddings\":[]}", "" },
        { "{\"input\":\"a\"}", "{\"embeddings\":[{\"values\":[\"1\"]}]}", "" },
        { "{\"input\":\"a\"}", "{\"embeddings\":[1]}", "" },
        { "{\"input\":\"a\"}", "{}", "" },
        { "{\"input\":\"a\"}", "{\"embeddings\":[{\"values\":[1]}]", "" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct embed embed = embed_of(chat_of(rows[i].ask));
        struct llm_answer answer;
        struct buf out;

        buf_init(&out, 4096);
        embed_answer(&embed, span_from(rows[i].body), &arena, &out, &answer);
        assert_string_equal(buf_text(&out), rows[i].said);
        assert_int_equal(answer.malformed, rows[i].said[0] == '\0');
        if (!answer.malformed)
            assert_int_equal(answer.usage.estimated, answer.usage.input == 2);
        buf_done(&out);
    }
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, before_each, after_each)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_the_request_of_the_fixture),
        CASE(test_what_cannot_be_said_is_refused_by_name),
        CASE(test_what_can_be_said),
        CASE(test_thinking_is_asked_for_as_the_model_wants_it),
        CASE(test_results_come_in_the_order_of_their_calls),
        CASE(test_a_result_belongs_to_the_nearest_call_before_it),
        CASE(test_a_signature_goes_back_to_where_it_was),
        CASE(test_no_other_provider_gets_a_signature_of_gemini),
        CASE(test_a_schema_in_the_words_of_openapi),
        CASE(test_the_models_name_is_one_segment_of_the_path),
        CASE(test_the_answer_of_the_fixture),
        CASE(test_answers),
        CASE(test_what_is_no_answer),
        CASE(test_no_part_of_an_answer_is_an_answer),
        CASE(test_ids_of_calls_are_told_apart),
        CASE(test_the_error_of_the_fixture),
        CASE(test_errors),
        CASE(test_a_stream_with_everything_cut_at_every_byte),
        CASE(test_a_blocked_prompt_cut_at_every_byte),
        CASE(test_verdicts),
        CASE(test_the_end_is_told_once),
        CASE(test_embeddings_are_asked_for),
        CASE(test_no_more_texts_than_gemini_takes),
        CASE(test_embeddings_are_given),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
