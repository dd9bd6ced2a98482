/* Answers of providers that speak OpenAI's language, read for clients of another: whole ones, and streams
 * cut at every byte. */
#include "base/json.h"
#include "golden/fixture.h"
#include "llm/dialect.h"
#include "llm/sse.h"

/* cmocka wants these first */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

/* ---- what was read, as text ---- */

static void add_usage(const struct usage *usage, struct buf *out)
{
    if (usage->known)
        (void)buf_printf(
            out, " {%llu %llu %llu %llu %llu}", (unsigned long long)usage->input,
            (unsigned long long)usage->cached, (unsigned long long)usage->cache_write,
            (unsigned long long)usage->output, (unsigned long long)usage->reasoning);
}

static const char *const finishes[] = {
    [FINISH_NONE] = "none",   [FINISH_STOP] = "stop",     [FINISH_LENGTH] = "length",
    [FINISH_CALLS] = "calls", [FINISH_FILTER] = "filter",
};

static void add_delta(const struct delta *delta, struct buf *out)
{
    static const char *const names[] = {
        [DELTA_NOTHING] = "nothing",
        [DELTA_PING] = "ping",
        [DELTA_START] = "start",
        [DELTA_TEXT] = "text",
        [DELTA_THINKING] = "thinking",
        [DELTA_SIGNATURE] = "signature",
        [DELTA_REDACTED] = "redacted",
        [DELTA_CALL] = "call",
        [DELTA_ARGUMENTS] = "arguments",
        [DELTA_FINISH] = "finish",
        [DELTA_END] = "end",
        [DELTA_FAILED] = "failed",
        [DELTA_MALFORMED] = "malformed",
    };
    bool numbered = delta->kind == DELTA_THINKING || delta->kind == DELTA_CALL ||
                    delta->kind == DELTA_ARGUMENTS;

    (void)buf_add_text(out, names[delta->kind]);
    if (numbered)
        (void)buf_printf(out, " %u", delta->index);
    if (delta->id.at)
        (void)buf_printf(out, " %.*s", SPAN_ARG(delta->id));
    if (delta->name.at)
        (void)buf_printf(out, " %.*s", SPAN_ARG(delta->name));
    if (delta->text.at)
        (void)buf_printf(out, " %.*s", SPAN_ARG(delta->text));
    if (delta->kind == DELTA_FINISH)
        (void)buf_printf(out, " %s", finishes[delta->finish]);
    if (delta->kind == DELTA_FAILED)
        (void)buf_printf(out, " %s %u: %.*s", llm_class_name(delta->error.class),
                         delta->error.status, SPAN_ARG(delta->error.message));
    add_usage(&delta->usage, out);
    (void)buf_add_text(out, "\n");
}

/* Reads the stream in two pieces, up to its end or failure. */
static void read_stream(struct span bytes, size_t cut, struct buf *out)
{
    struct delta_reader reader = { 0 };
    size_t available = cut;
    struct sse_event event;
    bool over = false;
    struct arena arena;
    struct sse sse;

    sse_init(&sse);
    arena_init(&arena);
    for (size_t begin = 0; !over;) {
        struct span window = fixture_copy(span_make(bytes.at + begin, available - begin));
        bool found = sse_next(&sse, window, available == bytes.size, &event);

        if (found && event.has_data) {
            struct delta delta;

            dialect_openai.provider->read_delta(&reader, &event, &arena, &delta);
            for (const struct delta *it = &delta; it; it = it->next)
                add_delta(it, out);
            over = delta.kind == DELTA_END || delta.kind == DELTA_FAILED ||
                   delta.kind == DELTA_MALFORMED;
            arena_done(&arena); /* as a relay does between events */
            arena_init(&arena);
        }
        begin += found ? event.consumed : 0;
        fixture_free(window);
        over = over || (!found && available == bytes.size);
        if (!found)
            available = bytes.size;
    }
    arena_done(&arena);
    sse_done(&sse);
}

static void assert_stream(struct span bytes, size_t cut, const char *expected)
{
    struct buf out;

    buf_init(&out, 1 << 20);
    read_stream(bytes, cut, &out);
    assert_string_equal(buf_text(&out), expected);
    buf_done(&out);
}

/* ---- fixtures ---- */

#define SOL "\"chatcmpl-Fx02\" \"gpt-6-sol-2026-09-22\"\n"

static const struct {
    const char *name;
    const char *deltas;
} streams[] = {
    { "03-openai-stream-text-usage.sse",
      "start " SOL
      "text \"The morning\"\ntext \" tide is\"\ntext \" higher: 3.1\xe2\x80\xafm\"\n"
      "text \" \xf0\x9f\x8c\x8a\"\ntext \".\"\nfinish stop\nnothing {53 128 0 46 32}\n"
      "end {53 128 0 46 32}\n" },
    { "04-openai-stream-two-tools-usage.sse",
      "start " SOL "call 0 \"call_p0\" \"lookup_tide\"\narguments 0 \"{\\\"harb\"\n"
      "arguments 0 \"our\\\":\\\"Ob\"\narguments 0 \"an \\\\u2\"\n"
      "arguments 0 \"693\\\",\\\"hour\\\":6}\"\ncall 1 \"call_p1\" \"lookup_tide\"\n"
      "arguments 1 \"{\\\"harbour\\\":\"\narguments 1 \"\\\"Oban\\\"\"\narguments 1 \"}\"\n"
      "finish calls\nnothing {120 0 0 38 0}\nend {120 0 0 38 0}\n" },
    { "05-openai-stream-error-midway.sse",
      "start " SOL "text \"The morning\"\nfailed server_error 500: The server had an error "
      "while processing your request.\n" },
    { "19-deepseek-stream-keepalive-reasoning-usage-on-finish.sse",
      "start \"ds-fx19\" \"deepseek-v4-pro\"\nthinking 0 \"Oban, \"\nthinking 0 \"morning.\"\n"
      "text \"Six o'clock.\"\nfinish stop {36 64 0 20 12}\nend {36 64 0 20 12}\n" },
    { "21-azure-stream-prompt-filter-first.sse",
      "nothing\nstart \"chatcmpl-Az21\" \"gpt-6-sol-2026-09-22\"\ntext \"High water\"\n"
      "text \" at six.\"\nfinish stop\nnothing {30 0 0 6 0}\nend {30 0 0 6 0}\n" },
    { "23-openrouter-stream-error-in-200.sse",
      "start \"gen-fx23\" \"acme/tide-1\"\ntext \"High\"\n"
      "failed server_error 502: Provider returned error\n" },
    { "24-vllm-stream-continuous-usage-error-then-done.sse",
      "start \"chatcmpl-v24\" \"local\" {9 0 0 0 0}\nthinking 0 \"Hmm\" {9 0 0 1 0}\n"
      "failed server_error 500: EngineCore died\n" },
};

static void test_each_stream_wherever_it_is_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(streams) / sizeof(streams[0]); i++) {
        struct span bytes = fixture_read(streams[i].name);

        for (size_t cut = 0; cut <= bytes.size; cut++)
            assert_stream(bytes, cut, streams[i].deltas);
        fixture_free(bytes);
    }
}

/* ---- deviations ---- */

#define CHUNK(choice) "data: {\"id\":\"i\",\"model\":\"m\",\"choices\":[" choice "]}\n\n"
#define CALLS(calls)  CHUNK("{\"index\":0,\"delta\":{\"tool_calls\":[" calls "]}}")
#define FINISH(word)  CHUNK("{\"index\":0,\"delta\":{},\"finish_reason\":\"" word "\"}")
#define START         "start \"i\" \"m\"\n"

static const struct {
    const char *what;
    const char *bytes;
    const char *deltas;
} deviations[] = {
    { "all calls in one delta, and no index",
      CALLS("{\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}},"
            "{\"id\":\"b\",\"function\":{\"name\":\"g\",\"arguments\":\"[1]\"}}"),
      START "call 0 \"a\" \"f\"\narguments 0 \"{}\"\ncall 1 \"b\" \"g\"\n"
            "arguments 1 \"[1]\"\n" },
    { "no index: without an id it is the last one",
      CALLS("{\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"{\"}}")
          CALLS("{\"function\":{\"arguments\":\"}\"}}"),
      START "call 0 \"a\" \"f\"\narguments 0 \"{\"\narguments 0 \"}\"\n" },
    { "empty and repeated ids and names",
      CALLS("{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"\"}}")
          CALLS("{\"index\":0,\"id\":\"\",\"function\":{\"name\":\"\",\"arguments\":\"{\"}}")
              CALLS("{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"}"
                    "\"}}"),
      START "call 0 \"a\" \"f\"\narguments 0 \"{\"\narguments 0 \"}\"\n" },
    { "every call has index 0",
      CALLS("{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}")
          CALLS("{\"index\":0,\"id\":\"b\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}"
                "}"),
      START
      "call 0 \"a\" \"f\"\narguments 0 \"{}\"\ncall 1 \"b\" \"f\"\narguments 1 \"{}\"\n" },
    { "calls whose arguments come by turns, numbered from 1",
      CALLS("{\"index\":1,\"id\":\"a\",\"function\":{\"name\":\"f\"}},"
            "{\"index\":2,\"id\":\"b\",\"function\":{\"name\":\"g\"}}")
          CALLS("{\"index\":2,\"function\":{\"arguments\":\"2\"}}")
              CALLS("{\"index\":1,\"function\":{\"arguments\":\"1\"}}"),
      START "call 0 \"a\" \"f\"\ncall 1 \"b\" \"g\"\narguments 1 \"2\"\narguments 0 \"1\"\n" },
    { "a name that comes late, and a changed id",
      CALLS("{\"index\":0,\"id\":\"a\",\"function\":{\"name\":null,\"arguments\":\"\"}}")
          CALLS("{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\"}}")
              CALLS("{\"index\":0,\"id\":\"c\",\"function\":{\"arguments\":\"{}\"}}"),
      START "call 0 \"a\" \"f\"\narguments 0 \"{}\"\n" },
    { "arguments of no call", CALLS("{\"index\":3,\"function\":{\"arguments\":\"{}\"}}"),
      "malformed\n" },
    { "arguments as an object",
      CALLS("{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":{ \"a\": \"b "
            "c\" }}}"),
      START "call 0 \"a\" \"f\"\narguments 0 \"{\\\"a\\\":\\\"b c\\\"}\"\n" },
    { "stop after calls",
      CALLS("{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\"}}") FINISH("stop"),
      START "call 0 \"a\" \"f\"\nfinish calls\n" },
    { "it finishes twice", FINISH("length") FINISH("stop"), START "finish length\nnothing\n" },
    { "a word that nobody knows", FINISH("eos"), START "finish stop\n" },
    { "everything at once",
      CHUNK("{\"delta\":{\"role\":\"assistant\",\"reasoning\":\"r\",\"content\":\"c\"},"
            "\"finish_reason\":\"stop\"}"),
      START "thinking 0 \"r\"\ntext \"c\"\nfinish stop\n" },
    { "the same thought in both spellings, and another behind the text",
      CHUNK("{\"delta\":{\"reasoning\":\"r\",\"reasoning_content\":\"r\"}}")
          CHUNK("{\"delta\":{\"content\":\"c\"}}") CHUNK("{\"delta\":{\"reasoning\":\"s\"}}"),
      START "thinking 0 \"r\"\ntext \"c\"\nthinking 1 \"s\"\n" },
    { "content in parts, as Mistral's",
      CHUNK("{\"delta\":{\"content\":[{\"type\":\"thinking\",\"thinking\":[{\"type\":\"text\","
            "\"text\":\"a\"},{\"type\":\"text\",\"text\":\"b\"}]},{\"type\":\"text\",\"text\":"
            "\"c\"}]}}"),
      START "thinking 0 \"ab\"\ntext \"c\"\n" },
    { "a refusal", CHUNK("{\"delta\":{\"refusal\":\"No.\"}}") FINISH("stop"),
      START "text \"No.\"\nfinish filter\n" },
    { "another choice", CHUNK("{\"index\":1,\"delta\":{\"content\":\"x\"}}"), START },
    { "the last usage counts",
      "data: {\"id\":\"i\",\"choices\":[],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":"
      "1}}\n\ndata: "
      "{\"choices\":[],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}}\n\n"
      "data: {\"choices\":[],\"usage\":null}\n\ndata: [DONE] \n\n",
      "start \"i\" {1 0 0 1 0}\nnothing {1 0 0 2 0}\nnothing\nend {1 0 0 2 0}\n" },
    { "out of machines before anything was said", FINISH("insufficient_system_resource"),
      "failed server_error 502: The provider reported an error without saying which.\n" },
    { "out of machines behind some text",
      CHUNK("{\"delta\":{\"content\":\"x\"}}") FINISH("insufficient_system_resource"),
      START "text \"x\"\nfinish stop\n" },
    { "it finishes with an error and does not say which",
      CHUNK("{\"delta\":{\"content\":\"x\"}}") FINISH("error"),
      START
      "text \"x\"\nfailed server_error 502: The provider reported an error without saying "
      "which.\n" },
    { "an error as a string", "data: {\"error\":\"boom\"}\n\n",
      "failed server_error 502: boom\n" },
    { "an older vLLM's error",
      "data: {\"object\":\"error\",\"message\":\"too long\",\"code\":503}\n\n",
      "failed server_error 503: too long\n" },
    { "no JSON", "data: {\"choices\":[\n\n", "malformed\n" },
    { "no object", "data: 7\n\n", "malformed\n" },
};

static void test_what_others_do_otherwise(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(deviations) / sizeof(deviations[0]); i++) {
        struct span bytes = span_from(deviations[i].bytes);

        for (size_t cut = 0; cut <= bytes.size; cut++)
            assert_stream(bytes, cut, deviations[i].deltas);
    }
}

/* A call needs an id, or its result could not be joined to it. */
static void test_a_call_without_an_id_gets_one_of_its_own(void **state)
{
    static const char bytes[] =
        CALLS("{\"index\":0,\"function\":{\"name\":\"f\"}},{\"index\":1,\"function\":{"
              "\"name\":\"f\"}}");
    struct span all = SPAN_OF(bytes);
    struct buf out;
    struct span rest;
    struct span first;

    (void)state;
    buf_init(&out, 1 << 16);
    read_stream(all, all.size, &out);
    rest = span_skip(buf_span(&out), strlen(START));
    first = span_cut(&rest, '\n');
    assert_true(span_starts(first, "call 0 \"call_"));
    assert_true(span_starts(rest, "call 1 \"call_"));
    assert_false(span_equal(span_skip(first, 7), span_skip(span_cut(&rest, '\n'), 7)));
    buf_done(&out);
}

/* ---- whole answers ---- */

static void add_part(const struct part *part, struct buf *out)
{
    static const char *const names[] = {
        [PART_TEXT] = "text",         [PART_IMAGE] = "image",   [PART_DOCUMENT] = "document",
        [PART_CALL] = "call",         [PART_RESULT] = "result", [PART_THINKING] = "thinking",
        [PART_REDACTED] = "redacted",
    };

    (void)buf_add_text(out, names[part->kind]);
    if (part->kind == PART_CALL)
        (void)buf_printf(out, " %.*s %.*s %.*s\n", SPAN_ARG(part->id), SPAN_ARG(part->name),
                         SPAN_ARG(part->input));
    else
        (void)buf_printf(out, " %.*s\n", SPAN_ARG(part->text));
}

static void assert_reply(struct span body, const char *expected)
{
    struct reply reply;
    struct arena arena;
    struct buf out;

    arena_init(&arena);
    buf_init(&out, 1 << 20);
    dialect_openai.provider->read_reply(body, &arena, &reply);
    if (reply.malformed)
        (void)buf_add_text(&out, "malformed");
    else if (reply.failed)
        (void)buf_printf(&out, "failed %s %u: %.*s", llm_class_name(reply.error.class),
                         reply.error.status, SPAN_ARG(reply.error.message));
    else
        (void)buf_printf(&out, "%.*s %.*s\n", SPAN_ARG(reply.id), SPAN_ARG(reply.model));
    for (const struct part *part = reply.parts; part; part = part->next)
        add_part(part, &out);
    if (reply.refusal.at)
        (void)buf_printf(&out, "refusal %.*s\n", SPAN_ARG(reply.refusal));
    if (!reply.malformed && !reply.failed)
        (void)buf_add_text(&out, finishes[reply.finish]);
    add_usage(&reply.usage, &out);
    assert_string_equal(buf_text(&out), expected);
    buf_done(&out);
    arena_done(&arena);
}

static void test_the_whole_answers_of_the_fixtures(void **state)
{
    struct span openai = fixture_read("02-openai-chat-response.json");
    struct span deepseek = fixture_read("20-deepseek-nonstream-leading-blank-lines.txt");

    (void)state;
    assert_reply(openai, "\"chatcmpl-Fx01\" \"gpt-6-sol-2026-09-22\"\n"
                         "text \"The morning tide is higher: 3.1 m.\"\nstop {53 128 0 46 32}");
    assert_reply(deepseek, "\"ds-fx20\" \"deepseek-v4-pro\"\nthinking \"Hmm.\"\n"
                           "text \"Six.\"\nstop {10 0 0 5 0}");
    fixture_free(openai);
    fixture_free(deepseek);
}

/* No beginning of an answer is taken for a whole one. */
static void test_no_part_of_an_answer_is_one(void **state)
{
    struct span body = fixture_read("02-openai-chat-response.json");

    (void)state;
    for (size_t size = 0; size + 1 < body.size; size++) {
        struct span part = fixture_copy(span_first(body, size));

        if (span_ends(body, "}") || size + 2 < body.size)
            assert_reply(part, "malformed");
        fixture_free(part);
    }
    fixture_free(body);
}

#define ANSWER(message, reason)                                                                \
    "{\"id\":\"i\",\"model\":\"m\",\"choices\":[{\"index\":0,\"message\":{" message            \
    "},\"finish_reason\":" reason "}]}"
#define CALLED(arguments)                                                                      \
    ANSWER("\"content\":null,\"tool_calls\":[{\"id\":\"a\",\"type\":\"function\","             \
           "\"function\":{\"name\":\"f\",\"arguments\":" arguments "}}]",                      \
           "\"stop\"")

static void test_whole_answers_that_deviate(void **state)
{
    static const struct {
        const char *body;
        const char *reply;
    } rows[] = {
        { CALLED("\"{ \\\"a\\\": 1.50 }\""), "call \"a\" \"f\" {\"a\":1.50}\ncalls" },
        { CALLED("{ \"a\": 1 }"), "call \"a\" \"f\" {\"a\":1}\ncalls" },
        { CALLED("\"\""), "call \"a\" \"f\" {}\ncalls" },
        { CALLED("\" null\""), "call \"a\" \"f\" {}\ncalls" },
        { CALLED("\"{\\\"a\""), "call \"a\" \"f\" {}\ncalls" },
        { CALLED("\"[1]\""), "call \"a\" \"f\" {\"value\":[1]}\ncalls" },
        { ANSWER("\"content\":null,\"refusal\":\"No.\"", "\"stop\""),
          "refusal \"No.\"\nfilter" },
        { ANSWER("\"content\":[{\"type\":\"text\",\"text\":\"x\"}],\"reasoning\":\"r\"",
                 "\"model_length\""),
          "thinking \"r\"\ntext \"x\"\nlength" },
        { ANSWER("\"content\":\"\"", "\"content_filter\""), "filter" },
        { ANSWER("\"content\":\"x\"", "null"), "text \"x\"\nnone" },
    };

    char expected[256];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        (void)snprintf(expected, sizeof(expected), "\"i\" \"m\"\n%s", rows[i].reply);
        assert_reply(span_from(rows[i].body), expected);
    }
    assert_reply(
        SPAN_OF(ANSWER("\"content\":\"\"", "\"insufficient_system_resource\"")),
        "failed server_error 502: The provider reported an error without saying which.");
    assert_reply(SPAN_OF("{\"error\":{\"code\":502,\"message\":\"bad\"}}"),
                 "failed server_error 502: bad");
    assert_reply(SPAN_OF("{\"choices\":[]}"), "malformed");
    assert_reply(SPAN_OF("{\"choices\":[{\"message\":7}]}"), "malformed");
    assert_reply(SPAN_OF("[]"), "malformed");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_stream_wherever_it_is_cut),
        cmocka_unit_test(test_what_others_do_otherwise),
        cmocka_unit_test(test_a_call_without_an_id_gets_one_of_its_own),
        cmocka_unit_test(test_the_whole_answers_of_the_fixtures),
        cmocka_unit_test(test_no_part_of_an_answer_is_one),
        cmocka_unit_test(test_whole_answers_that_deviate),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
