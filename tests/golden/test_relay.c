/* Streams of providers through the relay, cut at every byte: the same bytes for the client, the same
 * verdicts, usage and error, whatever way they arrive. */
#include "base/json.h"
#include "golden/fixture.h"
#include "llm/relay.h"

/* cmocka wants these first */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

struct expected {
    const char *name;
    const struct dialect *dialect;
    const char *verdicts; /* a letter a step: Hold Forward Drop faiL End */
    const char *text;     /* of all deltas that the client gets, one behind the other */
    struct usage usage;
    const char *error; /* its message; NULL: none */
    enum llm_class class;
    unsigned status;
    bool finished;
};

static const struct expected streams[] = {
    {
        .name = "03-openai-stream-text-usage.sse",
        .dialect = &dialect_openai,
        .verdicts = "HFFFFFFFE",
        .text = "The morning tide is higher: 3.1\xe2\x80\xafm \xf0\x9f\x8c\x8a.",
        .usage = { .input = 53, .cached = 128, .output = 46, .reasoning = 32, .known = true },
        .finished = true,
    },
    {
        .name = "04-openai-stream-two-tools-usage.sse",
        .dialect = &dialect_openai,
        .verdicts = "HFFFFFFFFFFFE",
        .text = "{\"harbour\":\"Oban \\u2693\",\"hour\":6}{\"harbour\":\"Oban\"}",
        .usage = { .input = 120, .output = 38, .known = true },
        .finished = true,
    },
    {
        .name = "05-openai-stream-error-midway.sse",
        .dialect = &dialect_openai,
        .verdicts = "HFL",
        .text = "The morning",
        .error = "The server had an error while processing your request.",
        .class = LLM_SERVER_ERROR,
        .status = 500,
    },
    {
        .name = "07-openai-responses-stream.sse",
        .dialect = &dialect_responses,
        .verdicts = "HHHHFFFFFHFFFFE",
        .text = "High water at six.{\"harbour\":\"Oban\"}",
        .usage = { .input = 60, .output = 24, .reasoning = 8, .known = true },
        .finished = true,
    },
    {
        .name = "11-anthropic-stream-thinking-text-tools.sse",
        .dialect = &dialect_anthropic,
        .verdicts = "HHHFFHHHFHFHFFFFHFFHFE",
        .text = "Compare.Checking \xc3\xa9t\xc3\xa9.{\"harbour\": \"Oban\"}",
        .usage = { .input = 20,
                   .cached = 2048,
                   .cache_write = 100,
                   .output = 61,
                   .known = true },
        .finished = true,
    },
    {
        .name = "12-anthropic-stream-error-midway.sse",
        .dialect = &dialect_anthropic,
        .verdicts = "HHFL",
        .text = "Half an ans",
        .usage = { .input = 20,
                   .cached = 2048,
                   .cache_write = 100,
                   .output = 1,
                   .known = true },
        .error = "Overloaded",
        .class = LLM_SERVER_ERROR,
        .status = 503,
    },
    {
        .name = "19-deepseek-stream-keepalive-reasoning-usage-on-finish.sse",
        .dialect = &dialect_openai,
        .verdicts = "HHHFFFFE",
        .text = "Oban, morning.Six o'clock.",
        .usage = { .input = 36, .cached = 64, .output = 20, .reasoning = 12, .known = true },
        .finished = true,
    },
    {
        .name = "21-azure-stream-prompt-filter-first.sse",
        .dialect = &dialect_openai,
        .verdicts = "HHFFFFE",
        .text = "High water at six.",
        .usage = { .input = 30, .output = 6, .known = true },
        .finished = true,
    },
    {
        .name = "23-openrouter-stream-error-in-200.sse",
        .dialect = &dialect_openai,
        .verdicts = "HHFL",
        .text = "High",
        .error = "Provider returned error",
        .class = LLM_SERVER_ERROR,
        .status = 502,
        .finished = true,
    },
    {
        .name = "24-vllm-stream-continuous-usage-error-then-done.sse",
        .dialect = &dialect_openai,
        .verdicts = "HFL",
        .text = "Hmm",
        .usage = { .input = 9, .output = 1, .known = true },
        .error = "EngineCore died",
        .class = LLM_SERVER_ERROR,
        .status = 500,
    },
};

/* ---- what happened ---- */

struct outcome {
    struct buf verdicts;
    struct buf bytes; /* for the client */
    struct buf error;
    struct llm_error failed;
    struct usage usage;
    bool finished;
};

static void outcome_init(struct outcome *outcome)
{
    memset(outcome, 0, sizeof(*outcome));
    buf_init(&outcome->verdicts, 1 << 16);
    buf_init(&outcome->bytes, 1 << 20);
    buf_init(&outcome->error, 1 << 16);
}

static void outcome_done(struct outcome *outcome)
{
    buf_done(&outcome->verdicts);
    buf_done(&outcome->bytes);
    buf_done(&outcome->error);
}

static void record(const struct relay *relay, const struct relay_step *step,
                   struct outcome *outcome)
{
    static const char letters[] = {
        [RELAY_HOLD] = 'H',   [RELAY_FORWARD] = 'F', [RELAY_DROP] = 'D',
        [RELAY_FAILED] = 'L', [RELAY_END] = 'E',
    };
    char letter = letters[step->verdict];

    /* What is dropped behind the end comes in as many pieces as there were reads. */
    if (letter == 'D' && (relay->failed || relay->ended)) {
        assert_int_equal(step->bytes.size, 0);
        return;
    }
    (void)buf_add_byte(&outcome->verdicts, letter);
    (void)buf_add(&outcome->bytes, step->bytes);
    if (step->verdict == RELAY_FAILED) {
        (void)buf_add(&outcome->error, step->error.message);
        outcome->failed = step->error;
    }
}

/* Feeds `bytes` up to `cut`, then the rest; or byte by byte when cut is SIZE_MAX. */
static void feed(const struct dialect *dialect, bool withhold, struct span bytes, size_t cut,
                 struct outcome *outcome)
{
    size_t available = cut == SIZE_MAX ? 1 : cut;
    size_t begin = 0;
    struct relay relay;

    relay_init(&relay, dialect, withhold);
    for (;;) {
        bool ended = available == bytes.size;
        struct span window = fixture_copy(span_make(bytes.at + begin, available - begin));
        struct relay_step step;
        bool found = relay_next(&relay, window, ended, &step);

        if (found) {
            record(&relay, &step, outcome);
            begin += step.consumed;
        }
        fixture_free(window);
        if (!found && ended)
            break;
        if (!found)
            available = cut == SIZE_MAX ? available + 1 : bytes.size;
    }
    outcome->usage = relay.usage;
    outcome->finished = relay.finished;
    relay_done(&relay);
}

/* ---- what the client would read ---- */

static void add_string(const struct json *value, struct buf *out)
{
    struct span text;

    if (json_read_string(value, &text))
        (void)buf_add(out, text);
}

static void add_chunk_text(const struct json *root, struct buf *out)
{
    const struct json *choice = json_item(json_member(root, "choices"), 0);
    const struct json *delta = json_member(choice, "delta");
    const struct json *call = json_item(json_member(delta, "tool_calls"), 0);

    add_string(json_member(delta, "reasoning_content"), out);
    add_string(json_member(delta, "reasoning"), out);
    add_string(json_member(delta, "content"), out);
    add_string(json_member(json_member(call, "function"), "arguments"), out);
    add_string(json_member(root, "delta"), out); /* responses */
    delta = json_member(root, "delta");          /* anthropic */
    add_string(json_member(delta, "thinking"), out);
    add_string(json_member(delta, "text"), out);
    add_string(json_member(delta, "partial_json"), out);
}

/* The text of all deltas in what went out; every data line must be JSON or [DONE]. */
static void read_text(struct span stream, struct buf *out)
{
    while (stream.size) {
        struct span line = span_cut(&stream, '\n');
        struct json_doc *doc = NULL;

        if (!span_starts(line, "data: ") || span_is(line, "data: [DONE]"))
            continue;
        assert_int_equal(json_parse(span_skip(line, 6), &doc), ERR_OK);
        add_chunk_text(json_root(doc), out);
        json_free(doc);
    }
}

/* ---- tests ---- */

static void assert_usage(const struct usage *usage, const struct usage *expected)
{
    assert_true(usage->known == expected->known);
    assert_false(usage->estimated);
    assert_int_equal(usage->input, expected->input);
    assert_int_equal(usage->cached, expected->cached);
    assert_int_equal(usage->cache_write, expected->cache_write);
    assert_int_equal(usage->output, expected->output);
    assert_int_equal(usage->reasoning, expected->reasoning);
}

static void check_outcome(const struct expected *stream, struct outcome *outcome)
{
    struct buf text;

    buf_init(&text, 1 << 16);
    read_text(buf_span(&outcome->bytes), &text);
    assert_string_equal(buf_text(&outcome->verdicts), stream->verdicts);
    assert_string_equal(buf_text(&text), stream->text);
    assert_string_equal(buf_text(&outcome->error), stream->error ? stream->error : "");
    assert_int_equal(outcome->failed.class, stream->class);
    assert_int_equal(outcome->failed.status, stream->status);
    assert_true(outcome->finished == stream->finished);
    assert_usage(&outcome->usage, &stream->usage);
    buf_done(&text);
}

static void test_each_stream_yields_what_it_must(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(streams) / sizeof(streams[0]); i++) {
        struct span bytes = fixture_read(streams[i].name);
        struct outcome outcome;

        outcome_init(&outcome);
        feed(streams[i].dialect, false, bytes, bytes.size, &outcome);
        check_outcome(&streams[i], &outcome);
        outcome_done(&outcome);
        fixture_free(bytes);
    }
}

/* All of these are plain, so what comes out is what went in, up to an error. */
static void test_plain_streams_pass_byte_for_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(streams) / sizeof(streams[0]); i++) {
        struct span bytes = fixture_read(streams[i].name);
        struct outcome outcome;
        struct span out;

        outcome_init(&outcome);
        feed(streams[i].dialect, false, bytes, bytes.size, &outcome);
        out = buf_span(&outcome.bytes);
        assert_true(out.size > 0);
        assert_memory_equal(out.at, bytes.at, out.size);
        if (streams[i].error == NULL)
            assert_int_equal(out.size, bytes.size);
        outcome_done(&outcome);
        fixture_free(bytes);
    }
}

static void assert_same(struct outcome *outcome, struct outcome *whole)
{
    assert_string_equal(buf_text(&outcome->verdicts), buf_text(&whole->verdicts));
    assert_string_equal(buf_text(&outcome->bytes), buf_text(&whole->bytes));
    assert_string_equal(buf_text(&outcome->error), buf_text(&whole->error));
    assert_usage(&outcome->usage, &whole->usage);
    assert_true(outcome->finished == whole->finished);
}

static void cut_everywhere(const struct dialect *dialect, bool withhold, struct span bytes)
{
    struct outcome whole;

    outcome_init(&whole);
    feed(dialect, withhold, bytes, bytes.size, &whole);
    for (size_t cut = 0; cut <= bytes.size; cut++) {
        struct outcome outcome;

        outcome_init(&outcome);
        feed(dialect, withhold, bytes, cut == bytes.size ? SIZE_MAX : cut, &outcome);
        assert_same(&outcome, &whole);
        outcome_done(&outcome);
    }
    outcome_done(&whole);
}

static void test_no_cut_changes_anything(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(streams) / sizeof(streams[0]); i++) {
        struct span bytes = fixture_read(streams[i].name);

        cut_everywhere(streams[i].dialect, false, bytes);
        fixture_free(bytes);
    }
}

/* fault 29 */
static void test_no_cut_of_the_torture_stream_changes_anything(void **state)
{
    struct span bytes = fixture_read("25-sse-torture.sse");

    (void)state;
    cut_everywhere(&dialect_openai, false, bytes);
    fixture_free(bytes);
}

/* fault 29: the same stream with other line ends. */
static void test_crlf_and_cr_come_out_as_the_lf_original(void **state)
{
    static const char *const line_ends[] = { "\r\n", "\r" };

    (void)state;
    for (size_t e = 0; e < 2; e++)
        for (size_t i = 0; i < sizeof(streams) / sizeof(streams[0]); i++) {
            struct span bytes = fixture_read(streams[i].name);
            struct outcome expected;
            struct outcome outcome;
            struct buf other;

            buf_init(&other, 1 << 20);
            for (size_t at = 0; at < bytes.size; at++)
                if (bytes.at[at] == '\n')
                    (void)buf_add_text(&other, line_ends[e]);
                else
                    (void)buf_add_byte(&other, bytes.at[at]);
            outcome_init(&expected);
            outcome_init(&outcome);
            feed(streams[i].dialect, false, bytes, bytes.size, &expected);
            feed(streams[i].dialect, false, buf_span(&other), SIZE_MAX, &outcome);
            assert_string_equal(buf_text(&outcome.verdicts), buf_text(&expected.verdicts));
            if (span_find_text(bytes, ": keep-alive") == SIZE_MAX &&
                span_find_text(bytes, ": OPENROUTER") ==
                    SIZE_MAX) /* comments lose their text */
                assert_string_equal(buf_text(&outcome.bytes), buf_text(&expected.bytes));
            outcome_done(&expected);
            outcome_done(&outcome);
            buf_done(&other);
            fixture_free(bytes);
        }
}

static void test_the_usage_chunk_is_withheld_and_nothing_else(void **state)
{
    static const char *const names[] = { "03-openai-stream-text-usage.sse",
                                         "04-openai-stream-two-tools-usage.sse",
                                         "21-azure-stream-prompt-filter-first.sse" };

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct span bytes = fixture_read(names[i]);
        size_t begin = span_find_text(bytes, ",\"usage\":{");
        size_t end = span_find_text(bytes, "data: [DONE]");
        struct outcome outcome;
        struct buf expected;

        while (bytes.at[begin - 1] != '\n')
            begin--;
        buf_init(&expected, 1 << 16);
        (void)buf_add(&expected, span_first(bytes, begin));
        (void)buf_add(&expected, span_skip(bytes, end));
        outcome_init(&outcome);
        feed(&dialect_openai, true, bytes, SIZE_MAX, &outcome);
        assert_string_equal(buf_text(&outcome.bytes), buf_text(&expected));
        assert_true(outcome.usage.known);
        cut_everywhere(&dialect_openai, true, bytes);
        outcome_done(&outcome);
        buf_done(&expected);
        fixture_free(bytes);
    }
}

static void test_usage_on_chunks_with_choices_is_never_withheld(void **state)
{
    struct span bytes =
        fixture_read("19-deepseek-stream-keepalive-reasoning-usage-on-finish.sse");
    struct outcome outcome;

    (void)state;
    outcome_init(&outcome);
    feed(&dialect_openai, true, bytes, bytes.size, &outcome);
    assert_int_equal(buf_size(&outcome.bytes), bytes.size);
    assert_memory_equal(buf_text(&outcome.bytes), bytes.at, bytes.size);
    outcome_done(&outcome);
    fixture_free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_stream_yields_what_it_must),
        cmocka_unit_test(test_plain_streams_pass_byte_for_byte),
        cmocka_unit_test(test_no_cut_changes_anything),
        cmocka_unit_test(test_no_cut_of_the_torture_stream_changes_anything),
        cmocka_unit_test(test_crlf_and_cr_come_out_as_the_lf_original),
        cmocka_unit_test(test_the_usage_chunk_is_withheld_and_nothing_else),
        cmocka_unit_test(test_usage_on_chunks_with_choices_is_never_withheld),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
