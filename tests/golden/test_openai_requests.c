/* Conversations as requests to providers that speak OpenAI's language. They are read from OpenAI's own
 * requests, so that what goes in can be compared with what comes out. */
#include "base/json.h"
#include "golden/fixture.h"
#include "golden/random_request.h"
#include "llm/dialect.h"
#include "llm/provider.h"
#include "llm/scan.h"

/* cmocka wants these first */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

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

/* ---- there and back ---- */

static struct conversation understood(struct span body)
{
    struct conversation conversation;
    struct chat_problem problem;
    struct chat chat;

    assert_int_equal(dialect_openai.read_chat(body, &arena, &chat, &problem), ERR_OK);
    if (dialect_openai.client->read_request(&chat, &arena, &conversation, &problem))
        fail_msg("%.*s: %s", SPAN_ARG(body), problem.message);
    return conversation;
}

static struct losses losses;

/* Gives what goes up to such a provider. */
static const char *written(const struct conversation *conversation, const char *kind,
                           const char *model, uint64_t max_tokens)
{
    const struct request_target target = {
        .model = span_from(model),
        .max_tokens = max_tokens,
        .kind = kind ? provider_kind_find(span_from(kind)) : NULL,
    };
    const char *text;
    struct buf out;

    losses = (struct losses){ .drop = true, .arena = &arena };
    buf_init(&out, 1 << 22);
    dialect_openai.provider->write_request(conversation, &target, &losses, &out);
    text = arena_text(&arena, buf_span(&out));
    buf_done(&out);
    return text;
}

#define ASK(more)                                                                              \
    "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]" more "}"

static const char *asked(const char *body, const char *kind, const char *model)
{
    struct conversation conversation = understood(span_from(body));

    return written(&conversation, kind, model, 0);
}

static void test_the_request_of_the_fixture(void **state)
{
    struct span body = fixture_read("01-openai-chat-request.json");
    struct conversation conversation = understood(body);
    const char *up = written(&conversation, "vllm", "local/tide", 0);
    struct json_doc *doc;

    (void)state;
    assert_string_equal(losses.names, "image_url.detail");
    assert_int_equal(json_parse(span_from(up), &doc), ERR_OK);
    assert_int_equal(json_count(json_member(json_root(doc), "messages")),
                     7); /* nothing was merged or moved */
    assert_non_null(strstr(up, "{\"model\":\"local/tide\",\"max_completion_tokens\":400,"
                               "\"stream\":true,\"stream_options\":{\"include_usage\":true}"));
    assert_non_null(strstr(up, "\"seed\":9007199254740993"));
    assert_non_null(strstr(up, "\"url\":\"data:image/png;base64,iVBO"));
    assert_non_null(strstr(up, "\"strict\":true"));
    assert_non_null(strstr(up, "\"user\":\"crew-17\"}"));
    json_free(doc);
    fixture_free(body);
}

/* ---- Anthropic's request of the fixtures, as a conversation ---- */

static struct part *part_of(enum part_kind kind, struct span text)
{
    struct part *part = arena_zero(&arena, sizeof(*part));

    part->kind = kind;
    part->text = text;
    return part;
}

static struct turn *turn_of(enum turn_role role, struct part *parts)
{
    struct turn *turn = arena_zero(&arena, sizeof(*turn));

    turn->role = role;
    turn->parts = parts;
    return turn;
}

static struct part *result_of(struct span id, struct part *content)
{
    struct part *part = part_of(PART_RESULT, (struct span){ 0 });

    part->id = id;
    part->content = content;
    return part;
}

static struct part *call_of(struct span id, struct span name, struct span input)
{
    struct part *part = part_of(PART_CALL, (struct span){ 0 });

    part->id = id;
    part->name = name;
    part->input = input;
    return part;
}

static struct part *image(void)
{
    struct part *part = part_of(PART_IMAGE, (struct span){ 0 });

    part->media = SPAN_OF("image/png");
    part->data = SPAN_OF("iVBORw0KGgo=");
    return part;
}

/* What the user says after two calls: `apart`, each result has a turn of its own. */
static struct turn *answers(bool apart)
{
    struct part *first =
        result_of(SPAN_OF("\"toolu_01\""), part_of(PART_TEXT, SPAN_OF("\"a.md\\nb.md\"")));
    struct part *second =
        result_of(SPAN_OF("\"toolu_02\""), part_of(PART_TEXT, SPAN_OF("\"screen\"")));
    struct part *words = part_of(PART_TEXT, SPAN_OF("\"Now summarise.\""));
    struct turn *turn;

    second->content->next = image();
    if (!apart) {
        first->next = second;
        second->next = words;
        return turn_of(TURN_USER, first);
    }
    turn = turn_of(TURN_TOOL, first);
    turn->next = turn_of(TURN_TOOL, second);
    turn->next->next = turn_of(TURN_USER, words);
    return turn;
}

static struct conversation of_claude_code(bool apart)
{
    static struct tool tools[2];
    struct turn *turns = turn_of(
        TURN_SYSTEM, part_of(PART_TEXT, SPAN_OF("\"You are a careful coding agent.\"")));
    struct part *thought = part_of(PART_THINKING, SPAN_OF("\"I should list it.\""));
    struct turn *user =
        turn_of(TURN_USER, part_of(PART_TEXT, SPAN_OF("\"List the docs folder.\"")));
    struct part *words = part_of(PART_TEXT, SPAN_OF("\"Listing.\""));

    thought->signature = SPAN_OF("\"c2ln\"");
    thought->next = words;
    words->next =
        call_of(SPAN_OF("\"toolu_01\""), SPAN_OF("\"ls\""), SPAN_OF("{ \"path\": \"docs\" }"));
    words->next->next = call_of(SPAN_OF("\"toolu_02\""), SPAN_OF("\"shot\""), SPAN_OF("{}"));
    turns->next = user;
    user->next = turn_of(TURN_ASSISTANT, thought);
    user->next->next = answers(apart);
    tools[0] = (struct tool){
        .next = &tools[1],
        .name = SPAN("\"ls\""),
        .description = SPAN("\"List files\""),
        .schema = SPAN("{\"type\":\"object\",\"properties\":{\"path\":{\"type\":\"string\"}},"
                       "\"required\":[\"path\"]}"),
        .strict = true,
    };
    tools[1] = (struct tool){ .name = SPAN("\"shot\""),
                              .schema = SPAN("{\"type\":\"object\",\"properties\":{}}") };
    return (struct conversation){
        .turns = turns,
        .tools = tools,
        .choice = CHOICE_AUTO,
        .one_call = true,
        .max_tokens = 32000,
        .effort = SPAN("medium"),
        .user = SPAN("u-1"),
        .stream = true,
    };
}

static void test_the_translation_that_the_fixtures_expect(void **state)
{
    struct span expected = fixture_read("09-expected-openai-request-for-08.json");

    (void)state;
    for (int apart = 0; apart < 2; apart++) {
        struct conversation conversation = of_claude_code(apart);
        const char *up = written(&conversation, "openai", "gpt-6-sol", 0);

        if (!fixture_same_json(span_from(up), expected))
            fail_msg("%s", up);
        assert_string_equal(losses.names, "messages.thinking");
    }
    fixture_free(expected);
}

static void test_images_that_no_word_follows(void **state)
{
    struct turn *turn = turn_of(TURN_TOOL, result_of(SPAN_OF("\"a\""), image()));
    const struct conversation conversation = { .turns = turn };

    (void)state;
    turn->next = turn_of(TURN_ASSISTANT, part_of(PART_TEXT, SPAN_OF("\"Seen.\"")));
    assert_string_equal(
        written(&conversation, NULL, "m", 0),
        "{\"model\":\"m\",\"messages\":[{\"role\":\"tool\",\"tool_call_id\":\"a\",\"content\":"
        "\"[image follows]\"},{\"role\":\"user\",\"content\":[{\"type\":\"image_url\","
        "\"image_url\":{\"url\":\"data:image/png;base64,iVBORw0KGgo=\"}}]},{\"role\":"
        "\"assistant\",\"content\":\"Seen.\"}]}");
    turn->next = NULL;
    assert_non_null(strstr(written(&conversation, NULL, "m", 0), "iVBORw0KGgo=\"}}]}]}"));
}

/* ---- what differs between providers ---- */

static void test_each_provider_is_told_in_its_own_words(void **state)
{
    static const struct {
        const char *kind;
        const char *model;
        const char *body;
        const char *said; /* stands in what goes up; behind "!" it does not */
        const char *lost;
    } rows[] = {
        { "openai", "gpt-4.1", ASK(",\"max_tokens\":5"), "\"max_completion_tokens\":5", "" },
        { "openai", "gpt-4.1", ASK(",\"max_tokens\":5"), "!\"max_tokens\"", "" },
        { "deepseek", "m", ASK(",\"max_completion_tokens\":5"), "\"max_tokens\":5", "" },
        { "deepseek", "m", ASK(",\"max_completion_tokens\":5"), "!completion", "" },
        { "vllm", "m", ASK(",\"top_k\":4"), "\"top_k\":4", "" },
        { "openai", "gpt-4.1", ASK(",\"top_k\":4"), "!top_k", "top_k" },
        { "openai", "gpt-6-sol", ASK(",\"temperature\":1,\"top_p\":1.0"), "!temperature", "" },
        { "openai", "gpt-6-sol", ASK(",\"temperature\":0.2"), "!temperature", "temperature" },
        { "openai", "gpt-4.1", ASK(",\"temperature\":0.2"), "\"temperature\":0.2", "" },
        { "openai", "gpt-4.1", ASK(",\"reasoning_effort\":\"low\""), "!effort",
          "reasoning_effort" },
        { "openai", "gpt-4.1", ASK(",\"reasoning_effort\":\"none\""), "!effort", "" },
        { "openai", "gpt-6-sol", ASK(",\"reasoning_effort\":\"low\""),
          "\"reasoning_effort\":\"low\"", "" },
        { "deepseek", "m", ASK(",\"reasoning_effort\":\"max\""), "\"reasoning_effort\":\"max\"",
          "" },
        { "deepseek", "m", ASK(",\"reasoning_effort\":\"none\""),
          "\"thinking\":{\"type\":\"disabled\"}", "" },
        { "mistral", "m", ASK(",\"stream\":true"), "!stream_options", "" },
        { "groq", "m", ASK(",\"stream\":true"), "\"stream_options\":{\"include_usage\":true}",
          "" },
        { "groq", "m", ASK(",\"tools\":[],\"tool_choice\":\"none\",\"stop\":[]"), "!tool", "" },
        { "groq", "m", ASK(",\"tools\":[],\"tool_choice\":\"none\",\"stop\":[]"), "!stop", "" },
        { "groq", "m", ASK(",\"stop\":[\"a\",\"b\",\"c\",\"d\",\"e\"]"),
          "\"stop\":[\"a\",\"b\",\"c\",\"d\"]", "stop" },
        { "groq", "m", ASK(",\"seed\":null,\"min_p\":0.1,\"store\":true"), "!null",
          "min_p, store" },
        { "groq", "m",
          ASK(",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"n\","
              "\"schema\":{\"a\":1}}}"),
          "\"json_schema\":{\"name\":\"structured_output\",\"schema\":{\"a\":1}}}", "" },
        { "groq", "m",
          "{\"messages\":[{\"role\":\"system\",\"content\":[{\"type\":\"text\",\"text\":\"a\"},"
          "{\"type\":\"text\",\"text\":\"b\",\"cache_control\":{\"type\":\"ephemeral\"}}]}]}",
          "[{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"text\",\"text\":\"b\"}]",
          "cache_control" },
        { "deepseek", "m",
          "{\"messages\":[{\"role\":\"system\",\"content\":[{\"type\":\"text\",\"text\":\"a\"},"
          "{\"type\":\"text\",\"text\":\"b\"}]}]}",
          "\"content\":\"a\\n\\nb\"", "" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *up = asked(rows[i].body, rows[i].kind, rows[i].model);
        bool absent = rows[i].said[0] == '!';

        if ((strstr(up, rows[i].said + absent) == NULL) != absent ||
            strcmp(losses.names, rows[i].lost) != 0)
            fail_msg("%s at %s: %s lost %s", rows[i].body, rows[i].kind, up, losses.names);
    }
}

static void test_nobody_is_asked_for_more_than_the_model_can_say(void **state)
{
    struct conversation conversation = understood(SPAN_OF(ASK(",\"max_tokens\":500")));

    (void)state;
    assert_non_null(strstr(written(&conversation, NULL, "m", 400), "_tokens\":400,"));
    assert_non_null(strstr(written(&conversation, NULL, "m", 600), "_tokens\":500,"));
    conversation.max_tokens = 0;
    assert_null(strstr(written(&conversation, NULL, "m", 400), "_tokens"));
}

/* Those that made it want it back, each in its own member; DeepSeek insists on it beside calls. */
static void test_thinking_goes_back_to_those_who_take_it(void **state)
{
    struct part *thought = part_of(PART_THINKING, SPAN_OF("\"Hm, \""));
    struct part *call = call_of(SPAN_OF("\"a\""), SPAN_OF("\"f\""), SPAN_OF("{}"));
    struct turn *turn = turn_of(TURN_ASSISTANT, thought);
    const struct conversation conversation = { .turns = turn };

    (void)state;
    thought->signature = SPAN_OF("\"c2ln\"");
    thought->next = part_of(PART_THINKING, SPAN_OF("\"yes.\""));
    thought->next->next = part_of(PART_REDACTED, SPAN_OF("\"c2VjcmV0\""));
    thought->next->next->next = call;
    assert_non_null(strstr(written(&conversation, "deepseek", "m", 0),
                           "\"content\":null,\"reasoning_content\":\"Hm, yes.\",\"tool_calls"));
    assert_non_null(strstr(written(&conversation, "ollama", "m", 0),
                           "\"content\":null,\"reasoning\":\"Hm, yes.\",\"tool_calls"));
    assert_null(strstr(written(&conversation, "vllm", "m", 0), "c2"));
    turn->parts = call;
    assert_non_null(strstr(written(&conversation, "deepseek", "m", 0),
                           "\"content\":null,\"reasoning_content\":\"\",\"tool_calls"));
    assert_null(strstr(written(&conversation, "vllm", "m", 0), "reasoning"));
    turn->parts = part_of(PART_TEXT, SPAN_OF("\"x\""));
    assert_null(strstr(written(&conversation, "deepseek", "m", 0), "reasoning"));
}

static void test_a_document_is_its_bytes(void **state)
{
    struct part *document = part_of(PART_DOCUMENT, SPAN_OF("\"https://x/y.pdf\""));
    const struct conversation conversation = { .turns = turn_of(TURN_USER, document) };

    (void)state;
    (void)written(&conversation, NULL, "m", 0);
    assert_string_equal(losses.names, "messages");
    document->data = SPAN_OF("JVBERi0=");
    document->media = SPAN_OF("application/pdf\"\\");
    assert_non_null(strstr(written(&conversation, NULL, "m", 0),
                           "{\"type\":\"file\",\"file\":{\"filename\":\"document.pdf\","
                           "\"file_data\":\"data:application/pdf;base64,JVBERi0=\"}}"));
    assert_string_equal(losses.names, "");
}

/* ---- whatever is said comes out as it went in ---- */

static void add_string(struct span raw, struct buf *out)
{
    (void)buf_add(out, scan_string(raw, &arena));
}

/* The texts of an assistant and of a tool are one, whatever the number of their parts. */
static void add_parts(const struct part *parts, const char *between, struct buf *out)
{
    bool text = false;

    for (; parts; parts = parts->next) {
        if (parts->kind == PART_TEXT && between && text)
            (void)buf_add_text(out, between);
        else
            (void)buf_printf(out, "\n  %d ", (int)parts->kind);
        text = parts->kind == PART_TEXT;
        if (parts->text.at)
            add_string(parts->text, out);
        (void)buf_printf(out, "%.*s%.*s", SPAN_ARG(parts->media), SPAN_ARG(parts->data));
        if (parts->id.at)
            add_string(parts->id, out);
        if (parts->kind == PART_CALL)
            (void)buf_printf(out, "%.*s%.*s", SPAN_ARG(parts->name),
                             SPAN_ARG(scan_compact(parts->input, &arena)));
        if (parts->kind == PART_RESULT) {
            (void)buf_add_text(out, " {");
            add_parts(parts->content, "\n", out);
            (void)buf_add_text(out, " }");
        }
    }
}

/* All that the conversation says. */
static const char *told(const struct conversation *conversation)
{
    const char *text;
    struct buf out;

    buf_init(&out, 1 << 20);
    for (const struct turn *turn = conversation->turns; turn; turn = turn->next) {
        (void)buf_printf(&out, "\n%d", (int)turn->role);
        add_parts(turn->parts, turn->role == TURN_ASSISTANT ? "" : NULL, &out);
    }
    for (const struct tool *tool = conversation->tools; tool; tool = tool->next)
        (void)buf_printf(&out, "\n%.*s %.*s %.*s %d", SPAN_ARG(tool->name),
                         SPAN_ARG(tool->description), SPAN_ARG(tool->schema), tool->strict);
    if (conversation->tools)
        (void)buf_printf(&out, "\n%d %.*s %d", (int)conversation->choice,
                         SPAN_ARG(conversation->choice_name), conversation->one_call);
    for (int param = 0; param < PARAMS; param++)
        (void)buf_printf(&out, "\n%.*s", SPAN_ARG(conversation->params[param]));
    for (const struct text *stop = conversation->stops; stop; stop = stop->next)
        (void)buf_printf(&out, "\n%.*s", SPAN_ARG(stop->raw));
    (void)buf_printf(&out, "\n%d %.*s %.*s %.*s %d %llu", (int)conversation->format,
                     SPAN_ARG(conversation->schema), SPAN_ARG(conversation->effort),
                     SPAN_ARG(conversation->user), conversation->stream,
                     (unsigned long long)conversation->max_tokens);
    text = arena_text(&arena, buf_span(&out));
    buf_done(&out);
    return text;
}

static void test_nothing_is_lost_on_the_way_there_and_back(void **state)
{
    struct dice dice = { 0x9e3779b97f4a7c15, &arena };

    (void)state;
    for (int i = 0; i < 3000; i++) {
        struct conversation before;
        struct conversation after;
        const char *up;
        struct buf body;

        buf_init(&body, 1 << 20);
        random_request(&dice, &body);
        before = understood(arena_copy(&arena, buf_span(&body)));
        up = written(&before, "vllm", "m", 0);
        assert_string_equal(losses.names, "");
        after = understood(span_from(up));
        assert_string_equal(told(&after), told(&before));
        assert_string_equal(written(&after, "vllm", "m", 0), up);
        buf_done(&body);
        arena_done(&arena);
        arena_init(&arena);
    }
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, before_each, after_each)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_the_request_of_the_fixture),
        CASE(test_the_translation_that_the_fixtures_expect),
        CASE(test_images_that_no_word_follows),
        CASE(test_each_provider_is_told_in_its_own_words),
        CASE(test_nobody_is_asked_for_more_than_the_model_can_say),
        CASE(test_thinking_goes_back_to_those_who_take_it),
        CASE(test_a_document_is_its_bytes),
        CASE(test_nothing_is_lost_on_the_way_there_and_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
