/* Every fixture as a client of each language gets it: what was thought, said and called, why it ended, what it
 * is told to have used, and how it failed. What went out is read again with the reader of that language.
 * tests/golden/README.md has the list of who is tested where. */
#include "golden/fixture.h"
#include "golden/outcome.h"
#include "llm/scan.h"

/* cmocka wants these first */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static const struct dialect *const clients[] = { &dialect_openai, &dialect_anthropic,
                                                 &dialect_gemini };

enum { CLIENTS = sizeof(clients) / sizeof(clients[0]), CALLS_MAX = 4 };

static const struct translate_facts facts = {
    .id = "id_1",
    .model = SPAN("m"),
    .created_s = 1700000000,
    .input = 7,
    .usage = true,
};

static bool can_reach(const struct dialect *client, const struct dialect *provider)
{
    return client == provider ? provider->read_event != NULL : translate_can(client, provider);
}

/* ---- what was said ---- */

struct said {
    struct buf thought;
    struct buf text;
    struct buf names;
    struct buf arguments[CALLS_MAX];
    uint32_t calls;
    enum finish finish;
    struct usage usage;
    struct arena arena;
};

static void said_init(struct said *said)
{
    *said = (struct said){ 0 };
    arena_init(&said->arena);
    buf_init(&said->thought, 1 << 16);
    buf_init(&said->text, 1 << 16);
    buf_init(&said->names, 1 << 16);
    for (size_t i = 0; i < CALLS_MAX; i++)
        buf_init(&said->arguments[i], 1 << 16);
}

static void said_done(struct said *said)
{
    for (size_t i = 0; i < CALLS_MAX; i++)
        buf_done(&said->arguments[i]);
    buf_done(&said->names);
    buf_done(&said->text);
    buf_done(&said->thought);
    arena_done(&said->arena);
}

static void add(struct said *said, struct span raw, struct buf *out)
{
    if (raw.at)
        (void)buf_add(out, scan_string(raw, &said->arena));
}

static void add_delta(struct said *said, const struct delta *delta)
{
    if (delta->kind == DELTA_TEXT || (delta->kind == DELTA_FINISH && delta->text.at))
        add(said, delta->text, &said->text); /* or why it would not */
    if (delta->kind == DELTA_THINKING)
        add(said, delta->text, &said->thought);
    if (delta->kind == DELTA_CALL) {
        assert_int_equal(delta->index, said->calls);
        assert_true(delta->id.size > 2);
        said->calls++;
        add(said, delta->name, &said->names);
        (void)buf_add_byte(&said->names, ' ');
    }
    if (delta->kind == DELTA_CALL || delta->kind == DELTA_ARGUMENTS) {
        assert_in_range(delta->index, 0, CALLS_MAX - 1);
        add(said, delta->text, &said->arguments[delta->index]);
    }
    if (delta->finish != FINISH_NONE)
        said->finish = delta->finish;
    if (delta->usage.known)
        said->usage = delta->usage;
}

/* Whatever the client's language, its own reader must understand it. */
static void read_stream(struct said *said, const struct dialect *client, struct span bytes)
{
    struct delta_reader reader = { 0 };
    struct sse_event event;
    struct sse sse;

    sse_init(&sse);
    while (sse_next(&sse, bytes, true, &event)) {
        struct delta delta = { 0 };

        bytes = span_skip(bytes, event.consumed);
        if (!event.has_data)
            continue;
        client->provider->read_delta(&reader, &event, &said->arena, &delta);
        assert_true(delta.kind != DELTA_MALFORMED && delta.kind != DELTA_FAILED);
        for (const struct delta *it = &delta; it; it = it->next)
            add_delta(said, it);
    }
    if (reader.finish != FINISH_NONE)
        said->finish = reader.finish; /* of a language in which nothing stands behind it */
    sse_done(&sse);
}

static void read_reply(struct said *said, const struct dialect *client, struct span bytes)
{
    struct reply reply;

    client->provider->read_reply(bytes, &said->arena, &reply);
    assert_false(reply.failed || reply.malformed);
    for (const struct part *part = reply.parts; part; part = part->next) {
        if (part->kind == PART_TEXT)
            add(said, part->text, &said->text);
        if (part->kind == PART_THINKING)
            add(said, part->text, &said->thought);
        if (part->kind != PART_CALL)
            continue;
        add(said, part->name, &said->names);
        (void)buf_add_byte(&said->names, ' ');
        (void)buf_add(&said->arguments[said->calls++], part->input);
    }
    said->finish = reply.finish;
    said->usage = reply.usage;
}

/* ---- what must be said ---- */

struct expected {
    const char *name;
    const struct dialect *provider;
    const char *thought;
    const char *text;
    const char *calls; /* their names, each with a blank */
    const char *arguments[CALLS_MAX];
    enum finish finish;
    const char *error;
    unsigned status;
};

/* Google has no word for what was written to a cache: it went in. */
static void assert_told(const struct dialect *client, const struct usage *told,
                        const struct usage *known)
{
    uint64_t written = client == &dialect_gemini ? 0 : known->cache_write;

    assert_true(told->known);
    assert_int_equal(told->input, known->input + known->cache_write - written);
    assert_int_equal(told->cached, known->cached);
    assert_int_equal(told->cache_write, written);
    assert_int_equal(told->output, known->output);
}

static void assert_said(struct said *said, const struct expected *expected)
{
    assert_string_equal(buf_text(&said->thought), expected->thought);
    assert_string_equal(buf_text(&said->text), expected->text);
    assert_string_equal(buf_text(&said->names), expected->calls);
    for (size_t i = 0; i < CALLS_MAX && expected->arguments[i]; i++) {
        struct span arguments = buf_span(&said->arguments[i]);

        assert_string_equal(arena_text(&said->arena, scan_compact(arguments, &said->arena)),
                            expected->arguments[i]);
    }
    assert_int_equal(said->finish, expected->finish);
}

#define OPENAI(n, what)    .name = n "-" what ".sse", .provider = &dialect_openai
#define ANTHROPIC(n, what) .name = n "-anthropic-" what, .provider = &dialect_anthropic
#define GEMINI(n, what)    .name = n "-gemini-" what, .provider = &dialect_gemini
#define NOBODY_CALLED      .calls = "", .thought = ""

static const struct expected streams[] = {
    { OPENAI("03", "openai-stream-text-usage"), NOBODY_CALLED,
      .text = "The morning tide is higher: 3.1\xe2\x80\xafm \xf0\x9f\x8c\x8a.",
      .finish = FINISH_STOP },
    { OPENAI("04", "openai-stream-two-tools-usage"), .thought = "", .text = "",
      .calls = "lookup_tide lookup_tide ",
      .arguments = { "{\"harbour\":\"Oban \\u2693\",\"hour\":6}", "{\"harbour\":\"Oban\"}" },
      .finish = FINISH_CALLS },
    { OPENAI("05", "openai-stream-error-midway"), NOBODY_CALLED, .text = "The morning",
      .error = "The server had an error while processing your request.", .status = 500 },
    { ANTHROPIC("11", "stream-thinking-text-tools.sse"), .thought = "Compare.",
      .text = "Checking \xc3\xa9t\xc3\xa9.", .calls = "lookup_tide now ",
      .arguments = { "{\"harbour\":\"Oban\"}", "{}" }, .finish = FINISH_CALLS },
    { ANTHROPIC("12", "stream-error-midway.sse"), NOBODY_CALLED, .text = "Half an ans",
      .error = "Overloaded", .status = 503 },
    { GEMINI("16", "stream-text-tools-crlf.sse"), .thought = "Weighing.",
      .text = "The morning tide.", .calls = "lookup_tide lookup_tide ",
      .arguments = { "{\"harbour\":\"Oban\",\"hour\":6}",
                     "{\"harbour\":\"Oban\",\"hour\":18}" },
      .finish = FINISH_CALLS },
    { GEMINI("17", "stream-prompt-blocked.sse"), NOBODY_CALLED, .text = "PROHIBITED_CONTENT",
      .finish = FINISH_FILTER },
    { OPENAI("19", "deepseek-stream-keepalive-reasoning-usage-on-finish"), .calls = "",
      .thought = "Oban, morning.", .text = "Six o'clock.", .finish = FINISH_STOP },
    { OPENAI("21", "azure-stream-prompt-filter-first"), NOBODY_CALLED,
      .text = "High water at six.", .finish = FINISH_STOP },
    { OPENAI("23", "openrouter-stream-error-in-200"), NOBODY_CALLED, .text = "High",
      .error = "Provider returned error", .status = 502 },
    { OPENAI("24", "vllm-stream-continuous-usage-error-then-done"), .calls = "",
      .thought = "Hmm", .text = "", .error = "EngineCore died", .status = 500 },
};

static const struct expected answers[] = {
    { .name = "02-openai-chat-response.json",
      .provider = &dialect_openai,
      NOBODY_CALLED,
      .text = "The morning tide is higher: 3.1 m.",
      .finish = FINISH_STOP },
    { ANTHROPIC("10", "response.json"), .thought = "Compare.", .text = "Checking.",
      .calls = "lookup_tide ", .arguments = { "{\"harbour\":\"Oban\",\"hour\":6}" },
      .finish = FINISH_CALLS },
    { GEMINI("15", "response.json"), .thought = "Weighing both.", .calls = "",
      .text = "The morning tide is higher: 3.1 m.", .finish = FINISH_STOP },
    { .name = "20-deepseek-nonstream-leading-blank-lines.txt",
      .provider = &dialect_openai,
      .thought = "Hmm.",
      .text = "Six.",
      .calls = "",
      .finish = FINISH_STOP },
};

enum {
    STREAMS = sizeof(streams) / sizeof(streams[0]),
    ANSWERS = sizeof(answers) / sizeof(answers[0])
};

/* ---- streams ---- */

static void check_stream(const struct expected *expected, const struct dialect *client,
                         struct outcome *outcome)
{
    struct said said;

    said_init(&said);
    read_stream(&said, client, buf_span(&outcome->bytes));
    assert_said(&said, expected);
    if (expected->error == NULL) {
        assert_told(client, &said.usage, &outcome->usage);
        assert_true(outcome->finished);
    }
    said_done(&said);
    assert_string_equal(
        outcome->error.message.at ? arena_text(&outcome->words, outcome->error.message) : "",
        expected->error ? expected->error : "");
    assert_int_equal(outcome->error.status, expected->status);
}

static void cut_everywhere(const struct expected *expected, const struct dialect *client,
                           struct span bytes)
{
    struct outcome whole;

    outcome_init(&whole);
    outcome_feed(&whole, client, expected->provider, &facts, bytes, bytes.size);
    check_stream(expected, client, &whole);
    for (size_t cut = 1; cut <= bytes.size; cut++) {
        struct outcome outcome;

        outcome_init(&outcome);
        outcome_feed(&outcome, client, expected->provider, &facts, bytes,
                     cut == bytes.size ? SIZE_MAX : cut);
        assert_string_equal(buf_text(&outcome.bytes), buf_text(&whole.bytes));
        assert_true(span_equal(outcome.error.message, whole.error.message));
        outcome_done(&outcome);
    }
    outcome_done(&whole);
}

static void test_every_stream_reaches_every_client(void **state)
{
    (void)state;
    for (size_t i = 0; i < STREAMS; i++) {
        struct span bytes = fixture_read(streams[i].name);

        for (size_t j = 0; j < CLIENTS; j++) {
            if (!can_reach(clients[j], streams[i].provider))
                continue;
            print_message("%s to %s\n", streams[i].name, clients[j]->name);
            cut_everywhere(&streams[i], clients[j], bytes);
        }
        fixture_free(bytes);
    }
}

/* ---- whole answers ---- */

static void check_answer(const struct expected *expected, const struct dialect *client,
                         struct span body)
{
    struct llm_answer answer;
    struct said said;
    struct buf out;

    said_init(&said);
    buf_init(&out, 1 << 20);
    if (client == expected->provider) {
        client->read_answer(body, &said.arena, &answer);
        (void)buf_add(&out, body);
    } else {
        translate_answer(client, expected->provider, &facts, body, &said.arena, &out, &answer);
    }
    assert_false(answer.failed || answer.malformed);
    read_reply(&said, client, buf_span(&out));
    assert_said(&said, expected);
    assert_told(client, &said.usage, &answer.usage);
    buf_done(&out);
    said_done(&said);
}

static void test_every_answer_reaches_every_client(void **state)
{
    (void)state;
    for (size_t i = 0; i < ANSWERS; i++) {
        struct span body = fixture_read(answers[i].name);

        for (size_t j = 0; j < CLIENTS; j++) {
            print_message("%s to %s\n", answers[i].name, clients[j]->name);
            if (can_reach(clients[j], answers[i].provider))
                check_answer(&answers[i], clients[j], body);
        }
        fixture_free(body);
    }
}

/* ---- errors ---- */

static const struct {
    const char *name;
    const struct dialect *provider;
    unsigned status;
    enum llm_class class;
    unsigned openai;
    unsigned anthropic;
    const char *type; /* for Anthropic's clients */
    const char *message;
} errors[] = {
    { "06-openai-error-429.http", &dialect_openai, 429, LLM_QUOTA, 429, 402, "billing_error",
      "You exceeded your current quota." },
    { "13-anthropic-error-529.http", &dialect_anthropic, 529, LLM_SERVER_ERROR, 503, 529,
      "overloaded_error", "Overloaded" },
    { "18-gemini-error-429.json", &dialect_gemini, 429, LLM_RATE_LIMIT, 429, 429,
      "rate_limit_error", "You exceeded your current quota." },
    { "22-azure-error-400-content-filter.json", &dialect_openai, 400, LLM_CONTENT_FILTER, 400,
      400, "invalid_request_error",
      "The response was filtered due to the prompt triggering the content management policy." },
};

static void check_error(size_t i, const struct dialect *client, unsigned status,
                        struct span body)
{
    struct llm_error error;
    struct llm_error again;
    struct arena arena;
    struct buf out;

    arena_init(&arena);
    buf_init(&out, 4096);
    errors[i].provider->read_error(errors[i].status, body, &arena, &error);
    assert_int_equal(error.class, errors[i].class);
    assert_int_equal(client->error_status ? client->error_status(&error) : error.status,
                     status);
    client->write_error(&error, &out);
    client->read_error(status, buf_span(&out), &arena, &again);
    assert_string_equal(arena_text(&arena, again.message), errors[i].message);
    if (client == &dialect_anthropic)
        assert_true(span_find_text(buf_span(&out), errors[i].type) != SIZE_MAX);
    buf_done(&out);
    arena_done(&arena);
}

static void test_every_error_reaches_every_client(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        struct span file = fixture_read(errors[i].name);
        bool http = span_starts(file, "HTTP/");

        print_message("%s\n", errors[i].name);
        check_error(i, &dialect_openai, errors[i].openai,
                    http ? fixture_http_body(file) : file);
        check_error(i, &dialect_anthropic, errors[i].anthropic,
                    http ? fixture_http_body(file) : file);
        fixture_free(file);
    }
}

/* ---- who is reached ---- */

/* So that a language which is left out above is not left out in silence. */
static void test_who_can_reach_whom(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++)
        for (size_t j = 0; j < CLIENTS; j++)
            assert_true(can_reach(clients[i], clients[j]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_stream_reaches_every_client),
        cmocka_unit_test(test_every_answer_reaches_every_client),
        cmocka_unit_test(test_every_error_reaches_every_client),
        cmocka_unit_test(test_who_can_reach_whom),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
