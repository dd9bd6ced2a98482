/* A client of Anthropic's language at Gemini: a request, a whole answer, and streams cut at every byte. */
#include "golden/fixture.h"
#include "golden/outcome.h"
#include "llm/gemini.h"
#include "llm/scan.h"

/* cmocka wants these first */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static const struct translate_facts facts = {
    .id = "msg_req_1",
    .model = SPAN("gemini"),
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

static const char *translated(struct span body)
{
    const struct request_target target = { .model = SPAN("gemini-3.8-flash") };
    struct chat_problem problem;
    struct chat chat;
    const char *text;
    struct buf out;

    losses = (struct losses){ .drop = true, .arena = &arena };
    assert_int_equal(dialect_anthropic.read_chat(body, &arena, &chat, &problem), ERR_OK);
    buf_init(&out, translate_room(body.size));
    assert_true(
        translate_request(&dialect_anthropic, &dialect_gemini, &chat, &target, &losses, &out));
    text = arena_text(&arena, buf_span(&out));
    buf_done(&out);
    return text;
}

static void test_the_request_of_the_fixture(void **state)
{
    struct span body = fixture_read("08-anthropic-request-claude-code-style.json");
    const char *up = translated(body);

    (void)state;
    assert_string_equal(losses.names, "cache_control, tools.strict, parallel_tool_calls, user, "
                                      "system.attribution, context_management");
    assert_true(span_starts(
        span_from(up),
        "{\"systemInstruction\":{\"parts\":[{\"text\":\"You are a careful coding agent.\"}]},"
        "\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"List the docs folder.\"}]},"
        /* what another has thought stays at home, and its calls get Google's word for that */
        "{\"role\":\"model\",\"parts\":[{\"text\":\"Listing.\"},{\"functionCall\":{\"name\":"
        "\"ls\","
        "\"args\":{\"path\":\"docs\"}},\"thoughtSignature\":"
        "\"c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I=\"},{\"functionCall\":{\"name\":"
        "\"shot\","
        "\"args\":{}}}]},"
        "{\"role\":\"user\",\"parts\":[{\"functionResponse\":{\"name\":\"ls\",\"response\":{"
        "\"output\":\"a.md\\nb.md\"}}},{\"functionResponse\":{\"name\":\"shot\",\"response\":{"
        "\"output\":\"screen\"}}},{\"inlineData\":{\"mimeType\":\"image/png\",\"data\":"
        "\"iVBORw0KGgo=\"}},{\"text\":\"Now "
        "summarise.\"}]}],\"tools\":[{\"functionDeclarations\":[{"
        "\"name\":\"ls\",\"description\":\"List files\",\"parametersJsonSchema\":{"));
    assert_non_null(strstr(up, "},{\"name\":\"shot\"}]}],\"toolConfig\":{"
                               "\"functionCallingConfig\":{\"mode\":\"AUTO\"}}"));
    assert_non_null(strstr(up, "\"generationConfig\":{\"maxOutputTokens\":32000,"
                               "\"thinkingConfig\":{\"thinkingLevel\":\"MEDIUM\","
                               "\"includeThoughts\":true}}}"));
    fixture_free(body);
}

/* ---- answers ---- */

static const char *answered(struct span body)
{
    struct llm_answer answer;
    const char *text;
    struct buf out;

    buf_init(&out, 1 << 20);
    translate_answer(&dialect_anthropic, &dialect_gemini, &facts, body, &arena, &out, &answer);
    assert_false(answer.failed || answer.malformed);
    text = arena_text(&arena, buf_span(&out));
    buf_done(&out);
    return text;
}

#define HEAD(id)                                                                               \
    "{\"id\":\"" id "\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"gemini-3.8-"   \
    "flash\",\"content\":["
#define SIGNED(text, signature)                                                                \
    "{\"type\":\"thinking\",\"thinking\":\"" text "\",\"signature\":\"" signature "\"}"
#define TEXT(text) "{\"type\":\"text\",\"text\":\"" text "\"}"
#define USAGE(input, read, output, thought)                                                    \
    "\"usage\":{\"input_tokens\":" input ",\"cache_creation_input_tokens\":0,"                 \
    "\"cache_read_input_tokens\":" read ",\"output_tokens\":" output thought "}"
#define THOUGHT(tokens) ",\"output_tokens_details\":{\"thinking_tokens\":" tokens "}"

static void test_the_answer_of_the_fixture(void **state)
{
    struct span body = fixture_read("15-gemini-response.json");

    (void)state;
    /* a text's signature stands behind it there, and before it here */
    assert_string_equal(
        answered(body),
        HEAD("msg_chatcmpl-gfx15")
            SIGNED("Weighing both.", "") "," SIGNED("", "gemini:AbC=") "," TEXT(
                "The morning tide is higher: 3.1 m.") "],\"stop_reason\":\"end_turn\",\"stop_"
                                                      "sequence\":null," USAGE(
                                                          "26", "64", "52", THOUGHT("40")) "}");
    fixture_free(body);
}

#define PARTS(parts)                                                                           \
    "{\"candidates\":[{\"content\":{\"parts\":[" parts                                         \
    "]},\"finishReason\":\"STOP\"}],\"modelVersion\":\"gemini-3.8-flash\",\"responseId\":"     \
    "\"1\"}"

static void test_what_is_signed_stands_behind_its_signature(void **state)
{
    static const struct {
        const char *body;
        const char *content;
    } rows[] = {
        { PARTS("{\"text\":\"a\"},{\"text\":\"b\",\"thoughtSignature\":\"QQ==\"}"),
          TEXT("a") "," SIGNED("", "gemini:QQ==") "," TEXT("b") },
        { PARTS("{\"text\":\"a\"},{\"text\":\"\",\"thoughtSignature\":\"QQ==\"}"),
          SIGNED("", "gemini:QQ==") "," TEXT("a") },
        { PARTS("{\"text\":\"a\",\"thoughtSignature\":\"QQ==\"},{\"functionCall\":{\"name\":"
                "\"f\"},\"thoughtSignature\":\"Qg==\"},{\"text\":\"\",\"thoughtSignature\":"
                "\"Qw==\"}"),
          SIGNED("", "gemini:QQ==") "," TEXT("a") "," SIGNED(
              "", "gemini:Qg==") ","
                                 "{\"type\":\"tool_use\",\"id\":\"call_1_0\",\"name\":\"f\","
                                 "\"input\":{}}" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *said = answered(span_from(rows[i].body));
        const char *content = arena_texts(&arena, HEAD("msg_chatcmpl-1"), rows[i].content,
                                          "],\"stop_reason\":\"", NULL);

        if (!span_starts(span_from(said), content))
            fail_msg("%s\n%s", said, content);
    }
}

/* ---- streams ---- */

#define E(name, more) "event: " name "\ndata: {\"type\":\"" name "\"" more "}\n\n"
#define START(i, block)                                                                        \
    E("content_block_start", ",\"index\":" i ",\"content_block\":{" block "}")
#define DELTA(i, delta) E("content_block_delta", ",\"index\":" i ",\"delta\":{" delta "}")
#define STOP(i)         E("content_block_stop", ",\"index\":" i)
#define BEGIN(id, usage)                                                                       \
    E("message_start",                                                                         \
      ",\"message\":" HEAD(id) "],\"stop_reason\":null,\"stop_sequence\":null," usage "}")     \
    E("ping", "")
#define END(reason, usage)                                                                     \
    E("message_delta",                                                                         \
      ",\"delta\":{\"stop_reason\":\"" reason "\",\"stop_sequence\":null}," usage)             \
    E("message_stop", "")
#define TEXT_START(i)  START(i, "\"type\":\"text\",\"text\":\"\"")
#define SAY(i, text)   DELTA(i, "\"type\":\"text_delta\",\"text\":\"" text "\"")
#define THINK_START(i) START(i, "\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"")
#define THINK(i, text) DELTA(i, "\"type\":\"thinking_delta\",\"thinking\":\"" text "\"")
#define SIGN(i, text)  DELTA(i, "\"type\":\"signature_delta\",\"signature\":\"" text "\"")
#define CALL(i, id)                                                                            \
    START(i, "\"type\":\"tool_use\",\"id\":\"" id "\",\"name\":\"lookup_tide\",\"input\":{}")
#define ARGUMENTS(i, text)                                                                     \
    DELTA(i, "\"type\":\"input_json_delta\",\"partial_json\":\"" text "\"")

static void check_stream(const char *name, const char *said)
{
    struct span bytes = fixture_read(name);

    for (size_t cut = 1; cut <= bytes.size; cut++) {
        struct outcome outcome;

        outcome_init(&outcome);
        outcome_feed(&outcome, &dialect_anthropic, &dialect_gemini, &facts, bytes,
                     cut == bytes.size ? SIZE_MAX : cut);
        assert_string_equal(buf_text(&outcome.bytes), said);
        outcome_done(&outcome);
    }
    fixture_free(bytes);
}

static void test_a_stream_with_everything_cut_at_every_byte(void **state)
{
    (void)state;
    check_stream(
        "16-gemini-stream-text-tools-crlf.sse",
        BEGIN("msg_chatcmpl-gfx16", USAGE("90", "0", "12", THOUGHT("12"))) THINK_START("0")
            THINK("0", "Weighing.") SIGN("0", "") STOP("0") TEXT_START("1")
                SAY("1", "The morning ") SAY("1", "tide.") STOP("1") THINK_START("2")
                    THINK("2", "") SIGN("2", "gemini:U0lH") STOP("2") CALL("3", "call_gfx16_0")
                        ARGUMENTS("3", "{\\\"harbour\\\":\\\"Oban\\\",\\\"hour\\\":6}")
                            STOP("3") CALL("4", "call_gfx16_1")
                                ARGUMENTS("4", "{\\\"harbour\\\":\\\"Oban\\\",\\\"hour\\\":18}")
                                    STOP("4")
                                        END("tool_use", USAGE("90", "0", "70", THOUGHT("40"))));
}

static void test_a_blocked_prompt_cut_at_every_byte(void **state)
{
    (void)state;
    check_stream("17-gemini-stream-prompt-blocked.sse",
                 BEGIN("msg_req_1", USAGE("90", "0", "0", "")) TEXT_START("0")
                     SAY("0", "PROHIBITED_CONTENT") STOP("0")
                         END("refusal", USAGE("90", "0", "0", "")));
}

/* A text may be signed with its last words, too, or where more follows. */
static void test_no_stream_ends_with_a_thought(void **state)
{
    static const struct {
        const char *parts;
        const char *blocks;
    } rows[] = {
        { "data: " PARTS("{\"text\":\"a\",\"thoughtSignature\":\"QQ==\"}") "\n\n",
          TEXT_START("0") SAY("0", "a") STOP("0") },
        { "data: "
          "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a\",\"thoughtSignature\":"
          "\"QQ==\"}]}}],\"modelVersion\":\"gemini-3.8-flash\",\"responseId\":\"1\"}\n\n"
          "data: " PARTS("{\"text\":\"b\"}") "\n\n",
          TEXT_START("0") SAY("0", "a") STOP("0") THINK_START("1") THINK("1", "")
              SIGN("1", "gemini:QQ==") STOP("1") TEXT_START("2") SAY("2", "b") STOP("2") },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *said = arena_texts(
            &arena, BEGIN("msg_chatcmpl-1", USAGE("7", "0", "0", "")), rows[i].blocks,
            END("end_turn", "\"usage\":{\"output_tokens\":0}"), NULL);
        struct outcome outcome;

        outcome_init(&outcome);
        outcome_feed(&outcome, &dialect_anthropic, &dialect_gemini, &facts,
                     span_from(rows[i].parts), SIZE_MAX);
        assert_string_equal(buf_text(&outcome.bytes), said);
        outcome_done(&outcome);
    }
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, before_each, after_each)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_the_request_of_the_fixture),
        CASE(test_the_answer_of_the_fixture),
        CASE(test_what_is_signed_stands_behind_its_signature),
        CASE(test_a_stream_with_everything_cut_at_every_byte),
        CASE(test_a_blocked_prompt_cut_at_every_byte),
        CASE(test_no_stream_ends_with_a_thought),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
