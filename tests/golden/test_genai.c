/* A client of Gemini's language at a provider of another: what it asks becomes a conversation, and what comes
 * back becomes its answers and events. Where both sides can say it, its own language stands in for the other, so
 * that it must come out as it went in. */
#include "base/json.h"
#include "base/limits.h"
#include "golden/fixture.h"
#include "golden/outcome.h"
#include "golden/random_request.h"
#include "llm/gemini.h"
#include "llm/provider.h"

/* cmocka wants these first */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static const struct translate_facts facts = {
    .id = "req_1",
    .model = { "m", 1 },
    .created_s = 1700000000,
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

static bool understood(const struct dialect *client, struct span body, struct conversation *ret)
{
    struct chat_problem problem;
    struct chat chat;

    losses = (struct losses){ .drop = true, .arena = &arena };
    assert_int_equal(client->read_chat(body, &arena, &chat, &problem), ERR_OK);
    return client->client->read_request(&chat, &arena, ret, &losses.problem) == ERR_OK;
}

/* Gives what goes up; what it cannot say is named in `losses`. */
static const char *written(const struct dialect *provider, const struct conversation *from,
                           const char *model)
{
    const struct request_target target = {
        .model = span_from(model),
        .kind = span_is(span_from(model), "tide") ? provider_kind_find(SPAN_OF("vllm")) : NULL,
    };
    const char *text;
    struct buf out;

    losses = (struct losses){ .drop = true, .arena = &arena };
    buf_init(&out, 1 << 22);
    provider->provider->write_request(from, &target, &losses, &out);
    text = arena_text(&arena, buf_span(&out));
    buf_done(&out);
    return text;
}

static const char *compact(const char *json)
{
    return arena_text(&arena, scan_compact(span_from(json), &arena));
}

/* "PARAM: MESSAGE" when it cannot be understood. */
static const char *translated(const char *body, const struct dialect *provider,
                              const char *model)
{
    struct conversation conversation;

    if (!understood(&dialect_gemini, span_from(body), &conversation))
        return arena_texts(&arena, losses.problem.param, ": ", losses.problem.message, NULL);
    return written(provider, &conversation, model);
}

#define USER(parts)            "{\"role\":\"user\",\"parts\":[" parts "]}"
#define MODEL(parts)           "{\"role\":\"model\",\"parts\":[" parts "]}"
#define TEXT(text)             "{\"text\":\"" text "\"}"
#define SAYING(contents, more) "{\"contents\":[" contents "]" more ",\"generationConfig\":{}}"
#define CONFIG(config)         "{\"contents\":[" USER(TEXT("x")) "],\"generationConfig\":{" config "}}"
#define FUNCTION               "\"tools\":[{\"functionDeclarations\":[{\"name\":\"f\"}]}]"
#define ASK                    "{\"contents\":[" USER(TEXT("x")) "]"

static void test_what_gemini_can_say_arrives_as_it_was_sent(void **state)
{
    static const char *const bodies[] = {
        CONFIG(""),
        CONFIG("\"temperature\":0.30,\"topP\":0.9,\"topK\":40,\"frequencyPenalty\":1,"
               "\"presencePenalty\":-1.5,\"maxOutputTokens\":77,\"seed\":-5,\"stopSequences\":"
               "[\"a\\n\",\"b\"],\"responseMimeType\":\"application/json\","
               "\"responseJsonSchema\":{\"type\":\"object\"},\"thinkingConfig\":"
               "{\"thinkingLevel\":\"LOW\",\"includeThoughts\":true}"),
        "{\"systemInstruction\":{\"parts\":[" TEXT("s") "," TEXT("t") "]},\"contents\":[" USER(
            TEXT("x")) "],\"generationConfig\":{}}",
        SAYING(USER(TEXT("x")) "," MODEL(TEXT("y")) "," USER(
                   "{\"inlineData\":{\"mimeType\":\"image/png\",\"data\":\"iVBO\"}},"
                   "{\"fileData\":{\"fileUri\":\"https://e.com/x.png\"}}"),
               ",\"tools\":[{\"functionDeclarations\":[{\"name\":\"f\",\"description\":\"d\","
               "\"parametersJsonSchema\":{\"type\":\"object\",\"properties\":{\"a\":{}}}}]}],"
               "\"toolConfig\":{\"functionCallingConfig\":{\"mode\":\"ANY\","
               "\"allowedFunctionNames\":[\"f\"]}}"),
        SAYING(USER(TEXT("x")),
               "," FUNCTION ",\"toolConfig\":{\"functionCallingConfig\":{\"mode\":\"NONE\"}}"),
        /* calls in their order, of the same name; a signed text, a signature at the end */
        SAYING(
            USER(TEXT("x")) "," MODEL(
                "{\"text\":\"So\",\"thoughtSignature\":\"QUJD\"},{\"functionCall\":{\"name\":"
                "\"f\",\"args\":{\"big\":12345678901234567890}},\"thoughtSignature\":"
                "\"c2ln\"},{\"functionCall\":{\"name\":\"f\",\"args\":{}}},{\"functionCall\":"
                "{\"id\":\"own\",\"name\":\"g\",\"args\":{}}},{\"text\":\"\","
                "\"thoughtSignature\":\"RU5E\"}") "," USER("{\"functionResponse\":{\"name\":"
                                                           "\"f\",\"response\":{\"a\":1}}},"
                                                           "{\"functionResponse\":{\"name\":"
                                                           "\"f\",\"response\":{\"output\":"
                                                           "\"no\"}}},"
                                                           "{\"functionResponse\":{\"id\":"
                                                           "\"own\",\"name\":\"g\","
                                                           "\"response\":{\"a\": "
                                                           "[2]}}}," TEXT("go on")),
            ""),
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        assert_string_equal(translated(bodies[i], &dialect_gemini, "gemini-3-flash"),
                            bodies[i]);
        assert_string_equal(losses.names, "");
    }
}

#define OPENAI(more) "{\"model\":\"m\"," more "}"
#define HI           "\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]"

static void test_it_is_told_to_others_in_their_words(void **state)
{
    static const struct {
        const char *from;
        const char *to;
        const char *lost;
    } rows[] = {
        /* the other spelling, and lists without brackets */
        { "{\"system_instruction\":{\"parts\":{\"text\":\"s\"}},\"contents\":{\"parts\":"
          "{\"text\":\"x\"}},\"generation_config\":{\"max_output_tokens\":7,\"stop_sequences\":"
          "[\"E\"],\"candidate_count\":1,\"response_modalities\":[\"TEXT\"]}}",
          OPENAI("\"max_completion_tokens\":7,\"messages\":[{\"role\":\"system\",\"content\":"
                 "\"s\"},{\"role\":\"user\",\"content\":\"x\"}],\"stop\":[\"E\"]"),
          "" },
        /* OpenAPI's schema */
        { ASK
          ",\"tools\":[{\"functionDeclarations\":[{\"name\":\"f\",\"parameters\":{\"type\":"
          "\"OBJECT\",\"nullable\":true,\"properties\":{\"a\":{\"type\":\"ARRAY\",\"items\":"
          "{\"type\":\"STRING\",\"enum\":[\"b\"],\"format\":\"enum\",\"nullable\":true},"
          "\"minItems\":\"2\"},\"type\":{\"any_of\":[{\"type\":\"INTEGER\",\"minimum\":1},"
          "{\"type\":\"NULL\"}],\"example\":3}},\"required\":[\"a\"],\"propertyOrdering\":"
          "[\"a\"]}}]}]}",
          OPENAI(HI ",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\","
                    "\"parameters\":{\"type\":[\"object\",\"null\"],\"properties\":{\"a\":"
                    "{\"type\":\"array\",\"items\":{\"type\":[\"string\",\"null\"],\"enum\":"
                    "[\"b\",null]},\"minItems\":2},\"type\":{\"anyOf\":[{\"type\":\"integer\","
                    "\"minimum\":1},{\"type\":\"null\"}]}},\"required\":[\"a\"]}}}]"),
          "" },
        { CONFIG("\"thinkingConfig\":{\"thinkingBudget\":0},\"topK\":40.0"),
          OPENAI(HI ",\"reasoning_effort\":\"none\""), "top_k" },
        { CONFIG("\"thinkingConfig\":{\"thinkingBudget\":8192}"),
          OPENAI(HI ",\"reasoning_effort\":\"medium\""), "" },
        { CONFIG("\"thinkingConfig\":{\"includeThoughts\":true}"),
          OPENAI(HI ",\"reasoning_effort\":\"medium\""), "" },
        { CONFIG("\"responseMimeType\":\"application/json\""),
          OPENAI(HI ",\"response_format\":{\"type\":\"json_object\"}"), "" },
        /* what others do not have: some of it makes no difference */
        { ASK ",\"safetySettings\":[{\"category\":\"C\",\"threshold\":\"BLOCK_NONE\"}],"
              "\"labels\":{\"a\":\"b\"},\"tools\":[{\"googleSearch\":{}}],\"cachedContent\":"
              "\"c\",\"toolConfig\":{\"retrievalConfig\":{}}}",
          OPENAI(HI),
          "safetySettings, labels, tools.googleSearch, cachedContent, "
          "toolConfig.retrievalConfig" },
        { CONFIG("\"candidateCount\":2,\"responseLogprobs\":true,\"speechConfig\":{},"
                 "\"responseModalities\":[\"TEXT\",\"IMAGE\"],\"mediaResolution\":\"LOW\""),
          OPENAI(HI),
          "generationConfig.candidateCount, generationConfig.responseLogprobs, "
          "generationConfig.speechConfig, generationConfig.responseModalities, "
          "generationConfig.mediaResolution" },
        /* clients of Google write base64 in either alphabet, and name calls by their order */
        { SAYING(
              USER("{\"inline_data\":{\"mime_type\":\"image/jpg\",\"data\":\"_-A=\"}}") "," MODEL(
                  "{\"functionCall\":{\"name\":\"f\"}}") "," MODEL("{\"functionCall\":{"
                                                                   "\"name\":\"f\",\"args\":{"
                                                                   "\"a\":1}}}") "," USER("{\"f"
                                                                                          "unct"
                                                                                          "ionR"
                                                                                          "espo"
                                                                                          "nse"
                                                                                          "\":{"
                                                                                          "\"na"
                                                                                          "me\""
                                                                                          ":\"f"
                                                                                          "\","
                                                                                          "\"re"
                                                                                          "spon"
                                                                                          "se\""
                                                                                          ":{"
                                                                                          "\"er"
                                                                                          "ror"
                                                                                          "\":"
                                                                                          "\"ba"
                                                                                          "d\"}"
                                                                                          "}},"
                                                                                          "{\"f"
                                                                                          "unct"
                                                                                          "ionR"
                                                                                          "espo"
                                                                                          "nse"
                                                                                          "\":{"
                                                                                          "\"na"
                                                                                          "me\""
                                                                                          ":\"f"
                                                                                          "\","
                                                                                          "\"re"
                                                                                          "spon"
                                                                                          "se\""
                                                                                          ":{"
                                                                                          "\"re"
                                                                                          "sult"
                                                                                          "\":"
                                                                                          "2}}"
                                                                                          "}"),
              ""),
          OPENAI("\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\","
                 "\"image_url\":{\"url\":\"data:image/jpeg;base64,/+A=\"}}]},{\"role\":"
                 "\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"call_g0\",\"type\":"
                 "\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}},{\"id\":"
                 "\"call_g1\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":"
                 "\"{\\\"a\\\":1}\"}}]},{\"role\":\"tool\",\"tool_call_id\":\"call_g0\","
                 "\"content\":\"Error: bad\"},{\"role\":\"tool\",\"tool_call_id\":\"call_g1\","
                 "\"content\":\"{\\\"result\\\":2}\"}]"),
          "" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_string_equal(translated(rows[i].from, &dialect_openai, "m"), rows[i].to);
        assert_string_equal(losses.names, rows[i].lost);
    }
}

/* Thoughts that another provider signed come back to it whole, though they were told in pieces. */
static void test_thoughts_of_others_come_back(void **state)
{
    struct part thought = { .kind = PART_THINKING,
                            .text = SPAN("\"h\\u00e9\""),
                            .signature = SPAN("\"ErUB+/=\"") };
    struct part redacted = { .kind = PART_REDACTED, .text = SPAN("\"ZGF0YQ==\"") };
    struct buf out;
    struct json_writer w;
    const char *up;

    (void)state;
    buf_init(&out, 4096);
    w = json_writer(&out);
    (void)buf_add_text(&out, "{\"contents\":[" USER(TEXT("x")) "," MODEL(
                                 "{\"text\":\"We \",\"thought\":true}") ",{\"role\":\"model\","
                                                                        "\"parts\":[");
    gemini_write_part(&thought, &w);
    gemini_write_part(&redacted, &w);
    (void)buf_add_text(&out, "," TEXT("y") "]}," USER(TEXT("z")) "]}");
    up = translated(arena_text(&arena, buf_span(&out)), &dialect_anthropic, "claude-opus-4-1");
    assert_non_null(strstr(up,
                           "\"content\":[{\"type\":\"thinking\",\"thinking\":\"We h\\u00e9\","
                           "\"signature\":\"ErUB+/=\"},{\"type\":\"redacted_thinking\","
                           "\"data\":\"ZGF0YQ==\"},{\"type\":\"text\",\"text\":\"y\"}]"));
    buf_done(&out);
}

static void test_what_is_wrong_is_named(void **state)
{
    static const char *const rows[][2] = {
        { "{}", "contents: " },
        { "{\"contents\":[]}", "contents: " },
        { "{\"contents\":7}", "contents: " },
        { "{\"contents\":[7]}", "contents[0]: " },
        { "{\"contents\":[{\"role\":\"system\",\"parts\":[]}]}", "contents[0]: " },
        { "{\"contents\":[" USER("7") "]}", "contents[0].parts[0]: " },
        { "{\"contents\":[" USER("{\"text\":7}") "]}", "contents[0].parts[0]: " },
        { "{\"contents\":[" USER(
              "{\"inlineData\":{\"mimeType\":\"image/png\",\"data\":\"%\"}}") "]}",
          "contents[0].parts[0]: " },
        { "{\"contents\":[" USER("{\"fileData\":{\"fileUri\":\"https://"
                                 "generativelanguage.googleapis.com/v1beta/files/a\"}}") "]}",
          "contents[0].parts[0]: " },
        { "{\"contents\":[" USER("{\"functionCall\":{\"name\":\"f\"}}") "]}",
          "contents[0].parts[0]: " },
        { "{\"contents\":[" MODEL("{\"functionCall\":{\"name\":\"f\",\"args\":[]}}") "]}",
          "contents[0].parts[0]: " },
        { "{\"contents\":[" USER(
              "{\"functionResponse\":{\"name\":\"f\",\"response\":{}}}") "]}",
          "contents[0].parts[0]: " },
        { CONFIG("\"topK\":\"x\""), "generationConfig.topK: " },
        { CONFIG("\"temperature\":\"x\""), "generationConfig.temperature: " },
        { CONFIG("\"temperature\":1,\"temperature\":1"), "generationConfig.temperature: " },
        { CONFIG("\"thinkingConfig\":{\"thinkingLevel\":\"SO\"}"),
          "generationConfig.thinkingConfig.thinkingLevel: " },
        { ASK ",\"tools\":[{\"functionDeclarations\":[{}]}]}",
          "tools.functionDeclarations[0]: " },
        { ASK ",\"toolConfig\":{\"functionCallingConfig\":{\"mode\":\"SOME\"}}}",
          "toolConfig.functionCallingConfig.mode: " },
        { ASK ",\"systemInstruction\":\"s\"}", "systemInstruction: " },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *said = translated(rows[i][0], &dialect_openai, "m");

        if (strncmp(said, rows[i][1], strlen(rows[i][1])) != 0)
            fail_msg("%s: %s", rows[i][0], said);
    }
}

static void test_calls_without_results_are_limited(void **state)
{
    struct buf body;

    (void)state;
    buf_init(&body, 1 << 20);
    (void)buf_add_text(&body, "{\"contents\":[{\"role\":\"model\",\"parts\":[");
    for (int i = 0; i <= LIMIT_CALLS_OPEN; i++)
        (void)buf_printf(&body, "%s{\"functionCall\":{\"name\":\"f\"}}", i ? "," : "");
    (void)buf_add_text(&body, "]}]}");
    assert_true(span_starts(
        span_from(translated(arena_text(&arena, buf_span(&body)), &dialect_openai, "m")),
        "contents[0].parts[1024]: "));
    buf_done(&body);
}

/* What an assistant says is one text to OpenAI. */
static const char *joined(const char *json)
{
    static const char seam[] = "\"},{\"text\":\"";
    struct span rest = span_from(json);
    const char *text;
    struct buf out;
    size_t at;

    buf_init(&out, rest.size + 1);
    while ((at = span_find_text(rest, seam)) != SIZE_MAX) {
        (void)buf_add(&out, span_first(rest, at));
        rest = span_skip(rest, at + strlen(seam));
    }
    (void)buf_add(&out, rest);
    text = arena_text(&arena, buf_span(&out));
    buf_done(&out);
    return text;
}

/* OpenAI -> Gemini -> OpenAI -> Gemini: what Gemini could say is still said, word for word. */
static void test_nothing_is_lost_on_the_way_there_and_back(void **state)
{
    struct dice dice = { .state = 99, .arena = &arena };

    (void)state;
    for (int i = 0; i < 3000; i++) {
        const char *model = i % 2 ? "gemini-3-flash" : "gemini-2.5-flash";
        struct conversation first;
        struct conversation second;
        struct conversation third;
        const char *up;
        const char *chat;
        struct buf body;

        buf_init(&body, 1 << 20);
        random_request(&dice, &body);
        assert_true(understood(&dialect_openai, arena_copy(&arena, buf_span(&body)), &first));
        up = written(&dialect_gemini, &first, model);
        if (losses.problem.code == NULL) { /* somebody said something */
            assert_true(understood(&dialect_gemini, span_from(up), &second));
            up = compact(up);
            assert_string_equal(compact(written(&dialect_gemini, &second, model)), up);
            chat = written(&dialect_openai, &second, "tide");
            assert_true(understood(&dialect_openai, span_from(chat), &third));
            assert_string_equal(joined(compact(written(&dialect_gemini, &third, model))),
                                joined(up));
        }
        buf_done(&body);
        arena_done(&arena);
        arena_init(&arena);
    }
}

/* ---- answers ---- */

static const char *answered(const struct dialect *provider, struct span body)
{
    struct llm_answer answer;
    const char *text;
    struct buf out;

    buf_init(&out, 1 << 20);
    translate_answer(&dialect_gemini, provider, &facts, body, &arena, &out, &answer);
    assert_false(answer.failed || answer.malformed);
    text = arena_text(&arena, buf_span(&out));
    buf_done(&out);
    return text;
}

static void test_whole_answers(void **state)
{
    static const struct {
        const char *message; /* of OpenAI's answer, and its finish */
        const char *finish;
        const char *content;
        const char *reason;
    } rows[] = {
        { "\"content\":\"hi\"", "stop", ",\"parts\":[{\"text\":\"hi\"}]", "STOP" },
        { "\"content\":\"hi\"", "length", ",\"parts\":[{\"text\":\"hi\"}]", "MAX_TOKENS" },
        { "\"content\":null,\"tool_calls\":[{\"id\":\"c\",\"type\":\"function\",\"function\":"
          "{\"name\":\"f\",\"arguments\":\"{\\\"a\\\": 1}\"}}]",
          "tool_calls",
          ",\"parts\":[{\"functionCall\":{\"id\":\"c\",\"name\":\"f\",\"args\":{\"a\":1}}}]",
          "STOP" },
        { "\"content\":\"hi\",\"reasoning_content\":\"hm\"", "stop",
          ",\"parts\":[{\"text\":\"hm\",\"thought\":true},{\"text\":\"hi\"}]", "STOP" },
        { "\"content\":null,\"refusal\":\"no\"", "stop", ",\"parts\":[{\"text\":\"no\"}]",
          "SAFETY" },
        { "\"content\":null", "content_filter", "", "SAFETY" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *from = arena_printf(
            &arena,
            "{\"id\":\"i\",\"model\":\"o\",\"choices\":[{\"index\":0,\"message\":{\"role\":"
            "\"assistant\",%s},\"finish_reason\":\"%s\"}],\"usage\":{\"prompt_tokens\":10,"
            "\"completion_tokens\":7,\"total_tokens\":17,\"prompt_tokens_details\":"
            "{\"cached_tokens\":4},\"completion_tokens_details\":{\"reasoning_tokens\":2}}}",
            rows[i].message, rows[i].finish);

        assert_string_equal(
            answered(&dialect_openai, span_from(from)),
            arena_printf(&arena,
                         "{\"candidates\":[{\"content\":{\"role\":\"model\"%s},"
                         "\"finishReason\":\"%s\",\"index\":0}],\"usageMetadata\":"
                         "{\"promptTokenCount\":10,\"candidatesTokenCount\":5,"
                         "\"totalTokenCount\":17,\"cachedContentTokenCount\":4,"
                         "\"thoughtsTokenCount\":2},\"modelVersion\":\"o\",\"responseId\":"
                         "\"i\"}",
                         rows[i].content, rows[i].reason));
    }
}

static void test_errors(void **state)
{
    struct llm_error error = {
        .class = LLM_RATE_LIMIT,
        .status = 429,
        .message = SPAN("Too \"much\"."),
        .code = SPAN("rate_limit_exceeded"),
        .param = SPAN("model"),
    };
    struct llm_error back;
    struct buf out;

    (void)state;
    buf_init(&out, 4096);
    dialect_gemini.write_error_event(&error, &out);
    assert_string_equal(
        buf_text(&out),
        "data: {\"error\":{\"code\":429,\"message\":\"Too \\\"much\\\".\",\"status\":"
        "\"RESOURCE_EXHAUSTED\",\"details\":[{\"@type\":\"type.googleapis.com/google.rpc."
        "ErrorInfo\",\"reason\":\"rate_limit_exceeded\",\"domain\":\"sluice\",\"metadata\":"
        "{\"param\":\"model\"}}]}}\r\n\r\n");
    for (unsigned status = 400; status < 600; status++) {
        error.status = status;
        buf_reset(&out);
        dialect_gemini.write_error(&error, &out);
        dialect_gemini.read_error(status, buf_span(&out), &arena, &back);
        assert_string_equal(arena_text(&arena, back.message), "Too \"much\".");
    }
    buf_done(&out);
}

/* ---- streams ---- */

#define EVENT(parts)                                                                           \
    "data: {\"responseId\":\"i\",\"modelVersion\":\"o\",\"candidates\":[{\"index\":0,"         \
    "\"content\":{\"role\":\"model\",\"parts\":[" parts "]}"
#define GOES_ON "}]}\r\n\r\n"

static const char *streamed(const struct dialect *provider, struct span bytes, size_t cut,
                            bool *ret_finished)
{
    struct outcome outcome;
    const char *text;

    outcome_init(&outcome);
    outcome_feed(&outcome, &dialect_gemini, provider, &facts, bytes, cut);
    text = arena_text(&arena, buf_span(&outcome.bytes));
    *ret_finished = outcome.finished;
    outcome_done(&outcome);
    return text;
}

#define CHUNK(delta, finish)                                                                   \
    "data: {\"id\":\"i\",\"model\":\"o\",\"choices\":[{\"index\":0,\"delta\":{" delta          \
    "},\"finish_reason\":" finish "}]}\n\n"
#define CALL(index, more, arguments)                                                           \
    CHUNK("\"tool_calls\":[{\"index\":" index more ",\"function\":{" arguments "}}]", "null")

/* Calls come in pieces that are mixed, and go out whole and in order. */
static void test_a_stream_cut_at_every_byte(void **state)
{
    static const char from[] =
        CHUNK("\"role\":\"assistant\",\"content\":\"\"", "null") ": ping\n\n" CHUNK(
            "\"reasoning_content\":\"hm\"", "null") CHUNK("\"content\":\"So \\u00e9\"", "null")
            CALL("0", ",\"id\":\"c0\"", "\"name\":\"f\",\"arguments\":\"\"")
                CALL("0", "", "\"arguments\":\"{\\\"a\\\"\"")
                    CALL("1", ",\"id\":\"c1\"", "\"name\":\"g\",\"arguments\":\"{\"") CALL(
                        "0", "", "\"arguments\":\": \\\"\\\\n\\\"}\"")
                        CALL("1", "", "\"arguments\":\"}\"") CHUNK(
                            "", "\"tool_calls\"") "data: "
                                                  "{\"id\":\"i\",\"model\":\"o\",\"choices\":[]"
                                                  ",\"usage\":{\"prompt_tokens\":9,"
                                                  "\"completion_tokens\":5,\"total_tokens\":14}"
                                                  "}\n\ndata: [DONE]\n\n";
    static const char to[] = "\r\n" EVENT("{\"text\":\"hm\",\"thought\":true}") GOES_ON EVENT(
        "{\"text\":\"So \\u00e9\"}") GOES_ON EVENT("{\"functionCall\":{\"id\":\"c0\",\"name\":"
                                                   "\"f\",\"args\":{\"a\":\"\\n\"}}},"
                                                   "{\"functionCall\":{\"id\":\"c1\",\"name\":"
                                                   "\"g\",\"args\":{}}}")
        GOES_ON EVENT("{\"text\":\"\"}") ",\"finishReason\":\"STOP\"}],\"usageMetadata\":"
                                         "{\"promptTokenCount\":9,\"candidatesTokenCount\":5,"
                                         "\"totalTokenCount\":14}}\r\n\r\n";
    bool finished;

    (void)state;
    for (size_t cut = 1; cut <= sizeof(from); cut++) {
        assert_string_equal(streamed(&dialect_openai, span_from(from),
                                     cut < sizeof(from) ? cut : SIZE_MAX, &finished),
                            to);
        assert_true(finished);
        arena_done(&arena);
        arena_init(&arena);
    }
}

static void test_a_call_that_cannot_be_read(void **state)
{
    static const struct {
        const char *finish;
        const char *reason;
    } rows[] = { { "\"tool_calls\"", "MALFORMED_FUNCTION_CALL" },
                 { "\"length\"", "MAX_TOKENS" } };

    bool finished;

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        const char *from = arena_texts(
            &arena, CALL("0", ",\"id\":\"c0\"", "\"name\":\"f\",\"arguments\":\"{\\\"a\""),
            "data: {\"id\":\"i\",\"model\":\"o\",\"choices\":[{\"index\":0,\"delta\":{},"
            "\"finish_reason\":",
            rows[i].finish, "}]}\n\ndata: [DONE]\n\n", NULL);
        const char *to = arena_texts(&arena, EVENT("{\"text\":\"\"}") ",\"finishReason\":\"",
                                     rows[i].reason, "\"}]}\r\n\r\n", NULL);

        assert_string_equal(streamed(&dialect_openai, span_from(from), 1, &finished), to);
    }
}

/* What Gemini's own reader makes of the events is what the provider said. */
static void test_fixtures_of_all_providers(void **state)
{
    static const struct {
        const char *name;
        const struct dialect *provider;
    } rows[] = {
        { "03-openai-stream-text-usage.sse", &dialect_openai },
        { "04-openai-stream-two-tools-usage.sse", &dialect_openai },
        { "11-anthropic-stream-thinking-text-tools.sse", &dialect_anthropic },
        { "19-deepseek-stream-keepalive-reasoning-usage-on-finish.sse", &dialect_openai },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct span bytes = fixture_read(rows[i].name);
        struct outcome there;
        struct outcome straight;
        struct outcome back;

        outcome_init(&there);
        outcome_init(&straight);
        outcome_init(&back);
        outcome_feed(&there, &dialect_gemini, rows[i].provider, &facts, bytes, SIZE_MAX);
        outcome_feed(&straight, &dialect_openai, rows[i].provider, &facts, bytes, SIZE_MAX);
        outcome_feed(&back, &dialect_openai, &dialect_gemini, &facts, buf_span(&there.bytes),
                     1);
        assert_true(there.finished && back.finished);
        assert_int_equal(back.usage.input, straight.usage.input + straight.usage.cache_write);
        assert_int_equal(back.usage.cached, straight.usage.cached);
        assert_int_equal(back.usage.output, straight.usage.output);
        assert_int_equal(back.usage.reasoning, straight.usage.reasoning);
        outcome_done(&there);
        outcome_done(&straight);
        outcome_done(&back);
        fixture_free(bytes);
    }
}

static void check_relayed(struct span bytes, size_t cut)
{
    size_t available = cut;
    size_t begin = 0;
    struct relay_step step;
    struct relay relay;
    struct buf out;

    buf_init(&out, 1 << 20);
    relay_init(&relay, &dialect_gemini, false);
    for (bool ended = false; !ended; available = bytes.size) {
        ended = available == bytes.size;
        while (
            relay_next(&relay, span_make(bytes.at + begin, available - begin), ended, &step)) {
            assert_true(step.verdict == RELAY_FORWARD || step.verdict == RELAY_HOLD ||
                        step.bytes.size == 0);
            (void)buf_add(&out, step.bytes);
            begin += step.consumed;
        }
    }
    (void)buf_add(&out, relay_end(&relay));
    assert_true(span_equal(buf_span(&out), bytes));
    assert_true(relay.finished && relay.usage.known);
    assert_int_equal(relay.usage.input, 90);
    assert_int_equal(relay.malformed, 0);
    relay_done(&relay);
    buf_done(&out);
}

/* Its own language is relayed as it came, with its line ends. */
static void test_its_own_stream_is_relayed(void **state)
{
    struct span bytes = fixture_read("16-gemini-stream-text-tools-crlf.sse");

    (void)state;
    for (size_t cut = 1; cut <= bytes.size; cut++)
        check_relayed(bytes, cut);
    fixture_free(bytes);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, before_each, after_each)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_what_gemini_can_say_arrives_as_it_was_sent),
        CASE(test_it_is_told_to_others_in_their_words),
        CASE(test_thoughts_of_others_come_back),
        CASE(test_what_is_wrong_is_named),
        CASE(test_calls_without_results_are_limited),
        CASE(test_nothing_is_lost_on_the_way_there_and_back),
        CASE(test_whole_answers),
        CASE(test_errors),
        CASE(test_a_stream_cut_at_every_byte),
        CASE(test_a_call_that_cannot_be_read),
        CASE(test_fixtures_of_all_providers),
        CASE(test_its_own_stream_is_relayed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
