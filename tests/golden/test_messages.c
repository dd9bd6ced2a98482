/* A client of Anthropic's language at a provider of another: what it asks becomes a conversation, and what comes
 * back becomes its events. Its own language stands in for the other here, so that what both can say must
 * come out as it went in. */
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
    .id = "msg_req_1",
    .model = { "m", 1 },
    .created_s = 1700000000,
    .input = 7,
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

/* Gives what goes up; "PARAM: MESSAGE" when it is refused. What was lost is in `losses`. */
static const char *translated(struct span body, struct losses *losses)
{
    const struct request_target target = { .model = SPAN("claude-opus-4-1") };
    struct conversation conversation;
    struct chat_problem problem;
    struct chat chat;
    struct buf out;
    const char *text;

    *losses = (struct losses){ .arena = &arena };
    assert_int_equal(dialect_anthropic.read_chat(body, &arena, &chat, &problem), ERR_OK);
    if (dialect_anthropic.client->read_request(&chat, &arena, &conversation, &losses->problem))
        return arena_texts(&arena, losses->problem.param, ": ", losses->problem.message, NULL);
    buf_init(&out, translate_room(body.size));
    dialect_anthropic.provider->write_request(&conversation, &target, losses, &out);
    text = losses->problem.code
               ? arena_texts(&arena, losses->problem.param, ": ", losses->problem.message, NULL)
               : arena_text(&arena, buf_span(&out));
    buf_done(&out);
    return text;
}

#define USER(content) "{\"role\":\"user\",\"content\":[" content "]}"
#define AI(content)   "{\"role\":\"assistant\",\"content\":[" content "]}"
#define TEXT(text)    "{\"type\":\"text\",\"text\":\"" text "\"}"
#define SAYING(messages, more)                                                                 \
    "{\"model\":\"claude-opus-4-1\",\"max_tokens\":9000,\"messages\":[" messages "]" more "}"
#define ASK(more) SAYING(USER(TEXT("x")), more)

/* Both can say it, so it arrives as it was sent. */
static void test_nothing_is_lost_that_both_can_say(void **state)
{
    static const char *const bodies[] = {
        ASK(""),
        "{\"model\":\"claude-opus-4-1\",\"max_tokens\":5,\"stream\":true,\"system\":[" TEXT(
            "s") ",{\"type\":\"text\",\"text\":\"t\",\"cache_control\":{\"type\":"
                 "\"ephemeral\",\"ttl\":\"1h\"}}],\"messages\":[" USER(TEXT("x")) "]}",
        ASK(",\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":5000}"),
        ASK(",\"output_config\":{\"format\":{\"type\":\"json_schema\",\"schema\":{\"type\":"
            "\"object\"}}}"),
        ASK(",\"tools\":[{\"name\":\"f\",\"description\":\"d\",\"input_schema\":{\"type\":"
            "\"object\"},\"strict\":true,\"cache_control\":{\"type\":\"ephemeral\"}}],"
            "\"tool_choice\":{\"type\":\"tool\",\"name\":\"f\",\"disable_parallel_tool_use\":"
            "true}"),
        ASK(",\"tools\":[{\"name\":\"f\",\"input_schema\":{\"type\":\"object\"}}],"
            "\"tool_choice\":{\"type\":\"any\"}"),
        ASK(",\"tools\":[{\"name\":\"f\",\"input_schema\":{\"type\":\"object\"}}],"
            "\"tool_choice\":{\"type\":\"none\"}"),
        ASK(",\"temperature\":0.30,\"top_p\":0.9,\"top_k\":40,\"service_tier\":"
            "\"standard_only\",\"stop_sequences\":[\"a\\n\",\"b\"],\"metadata\":{\"user_id\":"
            "\"u\"}"),
        SAYING(USER("{\"type\":\"image\",\"source\":{\"type\":\"base64\",\"media_type\":\"image"
                    "/png\",\"data\":\"iVBO\"}},{\"type\":\"image\",\"source\":{\"type\":"
                    "\"url\",\"url\":\"https://e.com/x.png\"},\"cache_control\":{\"type\":"
                    "\"ephemeral\"}},{\"type\":\"document\",\"source\":{\"type\":\"base64\","
                    "\"media_type\":\"application/pdf\",\"data\":\"JVBE\"}}"),
               ""),
        SAYING(
            USER(TEXT("x")) "," AI(
                "{\"type\":\"thinking\",\"thinking\":\"h\\u00e9\","
                "\"signature\":\"c2ln\"},"
                "{\"type\":\"redacted_thinking\",\"data\":\"ZGF0YQ==\"}," TEXT(
                    "So") ",{\"type\":\"tool_use\",\"id\":\"t1\",\"name\":"
                          "\"f\",\"input\":{"
                          "\"big\":12345678901234567890,\"a\":[1,{\"b\":\" "
                          "\"}]}}") "," USER("{\"type\":\"tool_"
                                             "result\",\"tool_use_id\":\"t1\","
                                             "\"is_error\":true,"
                                             "\"content\":[" TEXT("no") ",{\"type\":\"image\","
                                                                        "\"source\":{\"type\":"
                                                                        "\"url\","
                                                                        "\"url\":\"https://"
                                                                        "e.com/"
                                                                        "y.png\"}}],\"cache_"
                                                                        "control\":{\"type\":"
                                                                        "\"ephemeral\"}}"
                                                                        "," TEXT("go on")),
            ""),
    };
    struct losses losses;

    (void)state;
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        assert_string_equal(translated(span_from(bodies[i]), &losses), bodies[i]);
        assert_string_equal(losses.names, "");
    }
}

static void test_the_request_of_the_fixture(void **state)
{
    struct span body = fixture_read("08-anthropic-request-claude-code-style.json");
    struct losses losses;
    const char *up = translated(body, &losses);

    (void)state;
    assert_string_equal(
        up,
        "{\"model\":\"claude-opus-4-1\",\"max_tokens\":32000,\"stream\":true,\"system\":[{"
        "\"type\":\"text\",\"text\":\"You are a careful coding agent.\",\"cache_control\":{\n"
        "        \"type\": \"ephemeral\"\n      }}],\"messages\":[" USER(TEXT(
            "List the docs folder.")) ","
                                      "{\"role\":\"assistant\",\"content\":[{\"type\":"
                                      "\"thinking\",\"thinking\":\"I should "
                                      "list it.\",\"signature\":\"c2ln\"}," TEXT(
                                          "Listing.") ",{\"type\":\"tool_use\",\"id\":"
                                                      "\"toolu_01\",\"name\":\"ls\",\"input\":{"
                                                      "\"path\":\"docs\"}},{\"type\":\"tool_"
                                                      "use\","
                                                      "\"id\":\"toolu_02\",\"name\":\"shot\","
                                                      "\"input\":{}}]},{\"role\":\"user\","
                                                      "\"content\":"
                                                      "[{\"type\":\"tool_result\",\"tool_use_"
                                                      "id\":\"toolu_01\",\"content\":[" TEXT(
                                                          "a.md\\nb.md") "]},{\"type\":\"tool_"
                                                                         "result\",\"tool_use_"
                                                                         "id\":\"toolu_02\","
                                                                         "\"content\":[" TEXT(
                                                                             "screen") ",{"
                                                                                       "\"type"
                                                                                       "\":"
                                                                                       "\"image"
                                                                                       "\","
                                                                                       "\"sourc"
                                                                                       "e\":{"
                                                                                       "\"type"
                                                                                       "\":"
                                                                                       "\"base6"
                                                                                       "4\","
                                                                                       "\"media"
                                                                                       "_type\""
                                                                                       ":\"imag"
                                                                                       "e/"
                                                                                       "png\","
                                                                                       "\"data"
                                                                                       "\":"
                                                                                       "\"iVBOR"
                                                                                       "w0KGgo="
                                                                                       "\"}}]},"
                                                                                       "{\"type"
                                                                                       "\":"
                                                                                       "\"text"
                                                                                       "\","
                                                                                       "\"text"
                                                                                       "\":"
                                                                                       "\"Now "
                                                                                       "summari"
                                                                                       "se.\","
                                                                                       "\"cache"
                                                                                       "_contro"
                                                                                       "l\":{"
                                                                                       "\n     "
                                                                                       "       "
                                                                                       "\"type"
                                                                                       "\": "
                                                                                       "\"ephem"
                                                                                       "eral\""
                                                                                       "\n"
                                                                                       "       "
                                                                                       "   "
                                                                                       "}}]}],"
                                                                                       "\"think"
                                                                                       "ing\":{"
                                                                                       "\"type"
                                                                                       "\":"
                                                                                       "\"enabl"
                                                                                       "ed\","
                                                                                       "\"budge"
                                                                                       "t_"
                                                                                       "tokens"
                                                                                       "\":"
                                                                                       "8192},"
                                                                                       "\"tools"
                                                                                       "\":["
                                                                                       "{\"name"
                                                                                       "\":"
                                                                                       "\"ls\","
                                                                                       "\"descr"
                                                                                       "iption"
                                                                                       "\":"
                                                                                       "\"List "
                                                                                       "files\""
                                                                                       ",\"inpu"
                                                                                       "t_"
                                                                                       "schema"
                                                                                       "\":{\n "
                                                                                       "       "
                                                                                       "\"type"
                                                                                       "\": "
                                                                                       "\"objec"
                                                                                       "t\",\n "
                                                                                       "       "
                                                                                       "\"prope"
                                                                                       "rties\""
                                                                                       ": {\n  "
                                                                                       "       "
                                                                                       " \"path"
                                                                                       "\": "
                                                                                       "{\n    "
                                                                                       "       "
                                                                                       " \"type"
                                                                                       "\": "
                                                                                       "\"strin"
                                                                                       "g\"\n  "
                                                                                       "       "
                                                                                       " }\n   "
                                                                                       "     "
                                                                                       "},\n   "
                                                                                       "     "
                                                                                       "\"requi"
                                                                                       "red\": "
                                                                                       "[\n    "
                                                                                       "      "
                                                                                       "\"path"
                                                                                       "\"\n"
                                                                                       "       "
                                                                                       " ]\n   "
                                                                                       "   "
                                                                                       "},"
                                                                                       "\"stric"
                                                                                       "t\":"
                                                                                       "true},{"
                                                                                       "\"name"
                                                                                       "\":"
                                                                                       "\"shot"
                                                                                       "\","
                                                                                       "\"input"
                                                                                       "_schema"
                                                                                       "\":{\n "
                                                                                       "       "
                                                                                       "\"type"
                                                                                       "\": "
                                                                                       "\"objec"
                                                                                       "t\",\n "
                                                                                       "       "
                                                                                       "\"prope"
                                                                                       "rties\""
                                                                                       ": {}\n "
                                                                                       "     "
                                                                                       "}}],"
                                                                                       "\"tool_"
                                                                                       "choice"
                                                                                       "\":{"
                                                                                       "\"type"
                                                                                       "\":"
                                                                                       "\"auto"
                                                                                       "\","
                                                                                       "\"disab"
                                                                                       "le_"
                                                                                       "paralle"
                                                                                       "l_tool_"
                                                                                       "use\":"
                                                                                       "true},"
                                                                                       "\"metad"
                                                                                       "ata\":{"
                                                                                       "\"user_"
                                                                                       "id\":"
                                                                                       "\"u-"
                                                                                       "1\"}}");
    assert_string_equal(losses.names, "system.attribution, context_management");
    fixture_free(body);
}

static void test_a_request_that_cannot_be_understood_is_refused_by_name(void **state)
{
    static const struct {
        const char *body;
        const char *param;
    } rows[] = {
        { "{\"messages\":[" USER(TEXT("x")) "]}", "max_tokens: `max_tokens` must say" },
        { "{\"max_tokens\":1}", "messages: " },
        { "{\"max_tokens\":1,\"messages\":[]}", "messages: " },
        { "{\"max_tokens\":\"1\",\"messages\":[]}", "max_tokens: " },
        { "{\"max_tokens\":1,\"system\":\"s\"}", "messages: " },
        { ASK(",\"messages\":[]"), "messages: `messages` stands more than once" },
        { ASK(",\"system\":7"), "system: `system` must be a string or an array" },
        { ASK(",\"thinking\":{\"type\":\"enabled\"}"), "thinking.budget_tokens: " },
        { ASK(",\"thinking\":{\"type\":\"deep\"}"), "thinking: " },
        { ASK(",\"output_config\":{\"effort\":\"all\"}"), "output_config.effort: " },
        { ASK(",\"output_config\":{\"format\":{\"type\":\"xml\"}}"), "output_config.format: " },
        { ASK(",\"tool_choice\":{\"type\":\"tool\"}"), "tool_choice: " },
        { ASK(",\"tool_choice\":\"auto\""), "tool_choice: " },
        { ASK(",\"tools\":[{\"description\":\"d\"}]"), "tools[0]: " },
        { ASK(",\"tools\":[{\"name\":1}]"), "tools[0]: " },
        { ASK(",\"tools\":[1]"), "tools[0]: " },
        { ASK(",\"tools\":[{\"type\":\"web_search_20250305\",\"name\":\"web_search\"}]"),
          "tools.web_search_20250305: " },
        { ASK(",\"mcp_servers\":[{\"url\":\"https://x\"}]"), "mcp_servers: " },
        { ASK(",\"stop_sequences\":\"x\""), "stop_sequences: " },
        { ASK(",\"metadata\":1"), "metadata: " },
        { ASK(",\"service_tier\":\"flex\""), "service_tier: " },
        { ASK(",\"temperature\":\"1\""), "temperature: `temperature` must be a number" },
        { ASK(",\"from_next_year\":true"), "from_next_year: " },
        { SAYING("{\"role\":\"tool\",\"content\":\"x\"}", ""), "messages[0].role: " },
        { SAYING("7", ""), "messages[0]: " },
        { SAYING(USER("7"), ""), "messages[0].content[0]: " },
        { SAYING(USER("{\"text\":\"x\"}"), ""), "messages[0].content[0]: " },
        { SAYING(USER("{\"type\":\"text\"}"), ""), "messages[0].content[0]: " },
        { SAYING(USER("{\"type\":\"tool_use\",\"id\":\"i\",\"name\":\"f\",\"input\":{}}"), ""),
          "messages[0].content: " },
        { SAYING(AI("{\"type\":\"tool_result\",\"tool_use_id\":\"i\"}"), ""),
          "messages[0].content: " },
        { SAYING(AI("{\"type\":\"tool_use\",\"id\":\"i\",\"name\":\"f\",\"input\":[]}"), ""),
          "messages[0].content[0]: " },
        { SAYING(USER("{\"type\":\"tool_result\",\"tool_use_id\":\"i\",\"content\":[{\"type\":"
                      "\"tool_result\",\"tool_use_id\":\"j\"}]}"),
                 ""),
          "messages[0].content[0].content[0]: " },
        { SAYING(USER("{\"type\":\"image\",\"source\":{\"type\":\"file\",\"file_id\":\"f\"}}"),
                 ""),
          "messages[0].content[0]: " },
        { SAYING(USER("{\"type\":\"image\",\"source\":{\"type\":\"url\",\"url\":\"http://"
                      "10.0.0.1/\"}}"),
                 ""),
          "messages[0].content[0]: " },
        { SAYING(USER("{\"type\":\"image\",\"source\":{\"type\":\"base64\",\"media_type\":"
                      "\"image/png\",\"data\":\"\\\"\"}}"),
                 ""),
          "messages[0].content[0]: " },
        { SAYING(USER("{\"type\":\"search_result\",\"title\":\"x\"}," TEXT("x")), ""),
          "messages.search_result: " },
    };
    struct losses losses;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *said = translated(span_from(rows[i].body), &losses);

        if (strncmp(said, rows[i].param, strlen(rows[i].param)) != 0)
            fail_msg("%s: %s", rows[i].body, said);
    }
}

/* What makes no difference to the answer is left out, and said to be. */
static void test_what_only_its_own_provider_needs_is_named(void **state)
{
    struct losses losses;

    (void)state;
    (void)translated(
        SPAN_OF(ASK(",\"context_management\":{\"edits\":[]},\"speed\":\"fast\","
                    "\"cache_control\":{\"type\":\"ephemeral\"},\"tools\":[{\"name\":\"f\","
                    "\"defer_loading\":true,\"eager_input_streaming\":false}],"
                    "\"system\":\"x-attribution: is only dropped from a list\"")),
        &losses);
    assert_null(losses.problem.code);
    assert_string_equal(losses.names,
                        "context_management, speed, cache_control, tools.defer_loading");
}

static void test_how_hard_to_think_has_one_word(void **state)
{
    static const struct {
        const char *body;
        const char *effort;
    } rows[] = {
        { ASK(",\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":1024}"), "low" },
        { ASK(",\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":4096}"), "medium" },
        { ASK(",\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":16384}"), "high" },
        { ASK(",\"thinking\":{\"type\":\"adaptive\"}"), "high" },
        { ASK(",\"thinking\":{\"type\":\"adaptive\"},\"output_config\":{\"effort\":\"low\"}"),
          "low" },
        { ASK(",\"output_config\":{\"effort\":\"max\"},\"thinking\":{\"type\":\"adaptive\"}"),
          "max" },
        { ASK(",\"output_config\":{\"effort\":\"low\"},\"thinking\":{\"type\":\"disabled\"}"),
          "none" },
        { ASK(",\"thinking\":{\"type\":\"disabled\"},\"output_config\":{\"effort\":\"low\"}"),
          "none" },
        { ASK(",\"output_config\":{\"effort\":\"medium\"}"), "medium" },
        { ASK(""), "" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct conversation conversation;
        struct chat_problem problem;
        struct chat chat;

        assert_int_equal(
            dialect_anthropic.read_chat(span_from(rows[i].body), &arena, &chat, &problem),
            ERR_OK);
        assert_int_equal(
            dialect_anthropic.client->read_request(&chat, &arena, &conversation, &problem),
            ERR_OK);
        assert_string_equal(arena_text(&arena, conversation.effort), rows[i].effort);
    }
}

/* ---- how long it is ---- */

static const char *estimate(const char *body)
{
    struct chat_problem problem = { 0 };
    const char *text;
    struct chat chat;
    struct buf out;

    assert_int_equal(dialect_anthropic.read_chat(span_from(body), &arena, &chat, &problem),
                     ERR_OK);
    buf_init(&out, 1024);
    if (dialect_anthropic.client->write_estimate(&chat, &arena, &out, &problem))
        text = problem.param;
    else
        text = arena_text(&arena, buf_span(&out));
    buf_done(&out);
    return text;
}

static void test_how_long_a_request_is_can_be_guessed(void **state)
{
    (void)state;
    assert_string_equal(estimate("{\"messages\":[" USER(TEXT("12345678901234")) "]}"),
                        "{\"input_tokens\":11}");
    assert_string_equal(estimate("{\"messages\":[]}"), "messages");
}

/* ---- answers ---- */

static const char *answered(struct span body)
{
    struct llm_answer answer;
    const char *text;
    struct buf out;

    buf_init(&out, 1 << 20);
    translate_answer(&dialect_anthropic, &dialect_anthropic, &facts, body, &arena, &out,
                     &answer);
    assert_false(answer.failed || answer.malformed);
    text = arena_text(&arena, buf_span(&out));
    buf_done(&out);
    return text;
}

static void test_the_answer_of_the_fixture(void **state)
{
    struct span body = fixture_read("10-anthropic-response.json");

    (void)state;
    assert_string_equal(
        answered(body),
        "{\"id\":\"msg_fx10\",\"type\":\"message\",\"role\":\"assistant\",\"model\":"
        "\"claude-opus-5-5\",\"content\":[{\"type\":\"thinking\",\"thinking\":\"Compare.\","
        "\"signature\":\"c2lnMg==\"}," TEXT(
            "Checking.") ",{\"type\":\"tool_use\",\"id\":"
                         "\"toolu_10\",\"name\":\"lookup_tide\",\"input\":{\"harbour\":"
                         "\"Oban\",\"hour\":6}}],"
                         "\"stop_reason\":\"tool_use\",\"stop_sequence\":null,\"usage\":{"
                         "\"input_tokens\":20,"
                         "\"cache_creation_input_tokens\":100,\"cache_read_input_tokens\":2048,"
                         "\"output_tokens\":57,\"output_tokens_details\":{\"thinking_tokens\":"
                         "12}}}");
    fixture_free(body);
}

#define WHOLE(content, rest)                                                                   \
    "{\"id\":\"msg_req_1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"m\","       \
    "\"content\":[" content "]," rest ",\"usage\":{\"input_tokens\":0,\"cache_creation_input_" \
    "tokens\":0,\"cache_read_input_tokens\":0,\"output_tokens\":0}}"

static void test_there_is_always_a_block_and_a_reason(void **state)
{
    (void)state;
    assert_string_equal(answered(SPAN_OF("{\"content\":[]}")),
                        WHOLE(TEXT(""), "\"stop_reason\":\"end_turn\",\"stop_sequence\":null"));
    assert_string_equal(
        answered(SPAN_OF("{\"content\":[],\"stop_reason\":\"refusal\",\"stop_details\":{"
                         "\"explanation\":\"No.\"}}")),
        WHOLE(TEXT("No."), "\"stop_reason\":\"refusal\",\"stop_sequence\":null,"
                           "\"stop_details\":{\"type\":\"refusal\",\"category\":null,"
                           "\"explanation\":\"No.\"}"));
}

/* ---- streams ---- */

/* Feeds `bytes` up to `cut`, then the rest; or byte by byte when cut is SIZE_MAX. Gives what goes out. */
static const char *streamed(struct span bytes, size_t cut)
{
    size_t available = cut == SIZE_MAX ? 1 : cut;
    const char *text;
    size_t begin = 0;
    struct relay relay;
    struct buf out;

    buf_init(&out, 1 << 22);
    relay_init(&relay, &dialect_anthropic, false);
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
#define USAGE(input, write, read, output)                                                      \
    "\"usage\":{\"input_tokens\":" input ",\"cache_creation_input_tokens\":" write             \
    ",\"cache_read_input_tokens\":" read ",\"output_tokens\":" output "}"
#define BEGIN(id, model, usage)                                                                \
    E("message_start",                                                                         \
      ",\"message\":{\"id\":\"" id "\",\"type\":\"message\",\"role\":\"assistant\",\"model\":" \
      "\"" model "\",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null," usage "}")   \
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
#define CALL(i, id, name)                                                                      \
    START(i, "\"type\":\"tool_use\",\"id\":\"" id "\",\"name\":\"" name "\",\"input\":{}")
#define ARGUMENTS(i, text)                                                                     \
    DELTA(i, "\"type\":\"input_json_delta\",\"partial_json\":\"" text "\"")

static const char everything[] =
    BEGIN("msg_fx11", "claude-opus-5-5", USAGE("20", "100", "2048", "1")) E("ping", "")
        THINK_START("0") THINK("0", "Comp") THINK("0", "are.") SIGN("0", "c2lnMg==") STOP("0")
            TEXT_START("1") SAY("1", "Check") E("ping", "") SAY("1", "ing \xc3\xa9t\xc3\xa9.")
                STOP("1") CALL("2", "toolu_11", "lookup_tide")
                    ARGUMENTS("2", "{\\\"harbour\\\": \\\"O") ARGUMENTS("2", "ban\\\"}")
                        STOP("2") CALL("3", "toolu_12", "now") ARGUMENTS("3", "{}") STOP("3")
                            END("tool_use", USAGE("20", "100", "2048", "61"));

static void test_a_stream_with_everything_cut_at_every_byte(void **state)
{
    struct span bytes = fixture_read("11-anthropic-stream-thinking-text-tools.sse");

    (void)state;
    for (size_t cut = 1; cut <= bytes.size; cut++)
        assert_string_equal(streamed(bytes, cut), everything);
    assert_string_equal(streamed(bytes, SIZE_MAX), everything);
    fixture_free(bytes);
}

/* What comes out can be read again, and says the same. */
static void test_what_comes_out_can_go_in(void **state)
{
    static const char again[] = E("ping", "");
    struct span bytes = fixture_read("11-anthropic-stream-thinking-text-tools.sse");
    const char *once = streamed(bytes, SIZE_MAX);
    const char *twice = streamed(span_from(once), SIZE_MAX);
    const char *ping = strstr(once, again);
    size_t before = (size_t)(ping - once);

    (void)state;
    /* but for one more ping behind the beginning */
    assert_memory_equal(twice, once, before);
    assert_string_equal(twice + before + strlen(again), ping);
    fixture_free(bytes);
}

static void test_an_error_in_the_middle_leaves_what_was_said(void **state)
{
    struct span bytes = fixture_read("12-anthropic-stream-error-midway.sse");

    (void)state;
    assert_non_null(strstr(streamed(bytes, SIZE_MAX), "Half an ans"));
    assert_null(strstr(streamed(bytes, SIZE_MAX), "message_stop"));
    fixture_free(bytes);
}

/* ---- deltas in an order that Anthropic's own never has ---- */

struct said {
    struct delta_writer writer;
    struct buf envelope;
    struct buf out;
};

static void said_init(struct said *said)
{
    *said = (struct said){ 0 };
    buf_init(&said->envelope, 1 << 20);
    buf_init(&said->out, 1 << 22);
    said->writer = (struct delta_writer){
        .fallback_id = "msg_1", .model = SPAN_OF("m"), .input = 7, .envelope = &said->envelope
    };
}

static void say(struct said *said, struct delta delta)
{
    dialect_anthropic.client->write_delta(&said->writer, &delta, &said->out);
}

static void assert_said(struct said *said, const char *text)
{
    assert_string_equal(buf_text(&said->out), text);
    buf_done(&said->out);
    buf_done(&said->envelope);
}

static struct delta text(const char *raw)
{
    return (struct delta){ .kind = DELTA_TEXT, .text = span_from(raw) };
}

static struct delta call(uint32_t index, const char *id)
{
    return (struct delta){
        .kind = DELTA_CALL, .index = index, .id = span_from(id), .name = SPAN_OF("\"f\"")
    };
}

static struct delta arguments(uint32_t index, const char *raw)
{
    return (struct delta){ .kind = DELTA_ARGUMENTS, .index = index, .text = span_from(raw) };
}

static struct delta finish(enum finish finish)
{
    return (struct delta){ .kind = DELTA_FINISH, .finish = finish };
}

static struct delta end(void)
{
    return (struct delta){ .kind = DELTA_END,
                           .usage = { .input = 3, .output = 2, .known = true } };
}

#define GUESSED           BEGIN("msg_1", "m", USAGE("7", "0", "0", "0"))
#define KNOWN_END(reason) END(reason, USAGE("3", "0", "0", "2"))

static void test_calls_that_come_mixed_are_put_in_order(void **state)
{
    struct said said;

    (void)state;
    said_init(&said);
    say(&said, call(0, "\"a\""));
    say(&said, call(1, "\"b\""));
    say(&said, call(2, "\"c\""));
    say(&said, arguments(1, "\"{\\\"x\\\":\""));
    say(&said, arguments(0, "\"{\\\"y\\\":\\\"}\""));
    say(&said, arguments(2, "\"{}\""));
    say(&said, arguments(0, "\"\\\"}\""));
    say(&said, arguments(1, "\"1}\""));
    say(&said, text("\"done\""));
    say(&said, finish(FINISH_CALLS));
    say(&said, end());
    assert_said(&said,
                GUESSED CALL("0", "a", "f") ARGUMENTS("0", "{\\\"y\\\":\\\"}")
                    ARGUMENTS("0", "\\\"}") STOP("0") CALL("1", "b", "f")
                        ARGUMENTS("1", "{\\\"x\\\":") ARGUMENTS("1", "1}") STOP("1")
                            CALL("2", "c", "f") ARGUMENTS("2", "{}") STOP("2") TEXT_START("3")
                                SAY("3", "done") STOP("3") KNOWN_END("tool_use"));
}

/* A bracket, a quote or a backslash may come as \u00XX, and one in a string is none. */
static void test_where_arguments_end_is_seen_through_escapes(void **state)
{
    struct said said;

    (void)state;
    said_init(&said);
    say(&said, call(0, "\"a\""));
    say(&said, arguments(0, "\"{\\u0022k\\\\\\\\}\\\\\\\"}\""));
    say(&said, arguments(0, "\"\\\":[\\u007b\\u007D]\""));
    say(&said, text("\"late\""));
    assert_null(strstr(buf_text(&said.out), "late"));
    say(&said, arguments(0, "\"\\u007d\""));
    assert_non_null(strstr(buf_text(&said.out), "late"));
    say(&said, end());
    assert_non_null(strstr(buf_text(&said.out), "tool_use\",\"stop_sequence\""));
    buf_done(&said.out);
    buf_done(&said.envelope);
}

static void test_a_call_without_arguments_ends_with_the_answer(void **state)
{
    struct said said;

    (void)state;
    said_init(&said);
    say(&said, call(0, "\"a\""));
    say(&said, call(1, "\"b\""));
    say(&said, finish(FINISH_STOP));
    say(&said, end());
    assert_said(&said, GUESSED CALL("0", "a", "f") STOP("0") CALL("1", "b", "f") STOP("1")
                           KNOWN_END("tool_use"));
}

static void test_an_answer_that_was_cut_off_says_so(void **state)
{
    struct said said;

    (void)state;
    said_init(&said);
    say(&said, call(0, "\"a\""));
    say(&said, arguments(0, "\"{\\\"x\\\":\""));
    say(&said, finish(FINISH_LENGTH));
    say(&said, end());
    assert_said(&said, GUESSED CALL("0", "a", "f") ARGUMENTS("0", "{\\\"x\\\":") STOP("0")
                           KNOWN_END("max_tokens"));
}

static void test_an_empty_answer_has_an_empty_block(void **state)
{
    struct said said;

    (void)state;
    said_init(&said);
    say(&said, (struct delta){ .kind = DELTA_PING });
    say(&said, (struct delta){ .kind = DELTA_START, .id = SPAN_OF("\"chatcmpl-1\"") });
    say(&said, (struct delta){ .kind = DELTA_FINISH, .finish = FINISH_FILTER });
    say(&said, (struct delta){ .kind = DELTA_END });
    assert_said(&said, ": ping\n\n" BEGIN("msg_chatcmpl-1", "m", USAGE("7", "0", "0", "0"))
                           TEXT_START("0") STOP("0")
                               END("refusal", "\"usage\":{\"output_tokens\":0}"));
}

/* Others think without signing it; clients want to see a signature all the same. */
static void test_thoughts_are_signed_and_kept_apart(void **state)
{
    struct said said;

    (void)state;
    said_init(&said);
    say(&said, (struct delta){ .kind = DELTA_THINKING, .text = SPAN_OF("\"hm\"") });
    say(&said, (struct delta){ .kind = DELTA_THINKING, .index = 1, .text = SPAN_OF("\"so\"") });
    say(&said,
        (struct delta){ .kind = DELTA_REDACTED, .index = 2, .text = SPAN_OF("\"ZA==\"") });
    say(&said, text("\"yes\""));
    say(&said, end());
    assert_said(&said,
                GUESSED THINK_START("0") THINK("0", "hm") SIGN("0", "") STOP("0")
                    THINK_START("1") THINK("1", "so") SIGN("1", "") STOP("1")
                        START("2", "\"type\":\"redacted_thinking\",\"data\":\"ZA==\"") STOP("2")
                            TEXT_START("3") SAY("3", "yes") STOP("3") KNOWN_END("end_turn"));
}

/* What cannot be put in order within bounds is an error, never an answer with a hole in it. */
static void test_too_many_calls_at_once_are_noticed(void **state)
{
    struct said said;

    (void)state;
    said_init(&said);
    for (uint32_t i = 0; i <= 128; i++)
        say(&said, call(i, "\"a\""));
    assert_false(said.envelope.overflowed);
    say(&said, call(129, "\"a\""));
    assert_true(said.envelope.overflowed);
    buf_done(&said.out);
    buf_done(&said.envelope);
}

/* ---- errors ---- */

static void test_errors_have_anthropics_words(void **state)
{
    static const struct {
        enum llm_class class;
        unsigned status;
        const char *type;
        unsigned answered;
    } rows[] = {
        { LLM_CLIENT_ERROR, 400, "invalid_request_error", 400 },
        { LLM_CLIENT_ERROR, 401, "authentication_error", 401 },
        { LLM_CLIENT_ERROR, 403, "permission_error", 403 },
        { LLM_CLIENT_ERROR, 404, "not_found_error", 404 },
        { LLM_CLIENT_ERROR, 405, "invalid_request_error", 405 },
        { LLM_CLIENT_ERROR, 413, "request_too_large", 413 },
        { LLM_RATE_LIMIT, 429, "rate_limit_error", 429 },
        { LLM_QUOTA, 429, "billing_error", 402 },
        { LLM_SERVER_ERROR, 500, "api_error", 500 },
        { LLM_CONNECTION, 502, "api_error", 502 },
        { LLM_SERVER_ERROR, 503, "overloaded_error", 529 },
        { LLM_TIMEOUT, 504, "timeout_error", 504 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct llm_error error = {
            .class = rows[i].class,
            .status = rows[i].status,
            .message = SPAN("No \"more\"."),
            .code = SPAN("why"),
            .param = SPAN("model"),
            .request = SPAN("req_1"),
        };
        struct buf out;

        buf_init(&out, 4096);
        assert_int_equal(dialect_anthropic.error_status(&error), rows[i].answered);
        dialect_anthropic.write_error_event(&error, &out);
        assert_string_equal(
            buf_text(&out),
            arena_texts(
                &arena, "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"",
                rows[i].type,
                "\",\"message\":\"No \\\"more\\\".\",\"details\":{\"error_code\":\"why\","
                "\"param\":\"model\"}},\"request_id\":\"req_1\"}\n\n",
                NULL));
        buf_done(&out);
    }
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, before_each, after_each)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_nothing_is_lost_that_both_can_say),
        CASE(test_the_request_of_the_fixture),
        CASE(test_a_request_that_cannot_be_understood_is_refused_by_name),
        CASE(test_what_only_its_own_provider_needs_is_named),
        CASE(test_how_hard_to_think_has_one_word),
        CASE(test_how_long_a_request_is_can_be_guessed),
        CASE(test_the_answer_of_the_fixture),
        CASE(test_there_is_always_a_block_and_a_reason),
        CASE(test_a_stream_with_everything_cut_at_every_byte),
        CASE(test_what_comes_out_can_go_in),
        CASE(test_an_error_in_the_middle_leaves_what_was_said),
        CASE(test_calls_that_come_mixed_are_put_in_order),
        CASE(test_where_arguments_end_is_seen_through_escapes),
        CASE(test_a_call_without_arguments_ends_with_the_answer),
        CASE(test_an_answer_that_was_cut_off_says_so),
        CASE(test_an_empty_answer_has_an_empty_block),
        CASE(test_thoughts_are_signed_and_kept_apart),
        CASE(test_too_many_calls_at_once_are_noticed),
        CASE(test_errors_have_anthropics_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
