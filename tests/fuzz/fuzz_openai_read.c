/* Everything that reads OpenAI's languages, on any bytes. The first byte chooses the reader. */
#include "llm/dialect.h"
#include "llm/relay.h"
#include "llm/scan.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* ---- requests ---- */

static bool lies_in(struct span part, struct span whole)
{
    return part.at == NULL ||
           (part.at >= whole.at && part.at + part.size <= whole.at + whole.size);
}

/* What goes up must say what we meant, and be JSON. */
static void check_splice(const struct chat *chat, struct arena *arena)
{
    struct span pieces[RELAY_PIECES_MAX];
    size_t count = relay_request(chat, SPAN_OF("new \"name\""), true, arena, pieces);
    struct chat_problem problem;
    struct chat again;
    struct buf body;
    enum err err;

    buf_init(&body, 1 << 24);
    for (size_t i = 0; i < count; i++)
        (void)buf_add(&body, pieces[i]);
    err = dialect_openai.read_chat(buf_span(&body), arena, &again, &problem);
    assert(err == ERR_OK);
    assert(span_is(again.model, "new \"name\"") && again.include_usage);
    assert(again.stream == chat->stream && again.max_tokens == chat->max_tokens);
    assert(span_equal(again.user, chat->user) && span_equal(again.task, chat->task));
    buf_done(&body);
}

static void read_chat(struct span body, struct arena *arena)
{
    struct chat_problem problem = { 0 };
    struct chat chat;
    enum err err = dialect_openai.read_chat(body, arena, &chat, &problem);

    if (err) {
        assert(problem.code && problem.message && problem.message[0]);
        return;
    }
    assert(lies_in(chat.model_raw, body) && lies_in(chat.stream_options_raw, body));
    assert(lies_in(chat.include_usage_raw, body) && chat.inside <= body.size);
    assert(!chat.include_usage || span_is(chat.include_usage_raw, "true"));
    check_splice(&chat, arena);
}

/* ---- answers ---- */

static void check_error(const struct dialect *dialect, const struct llm_error *error)
{
    struct scan_result result;
    struct sse_event event;
    struct buf out;
    struct sse sse;
    enum err err;

    assert(error->class != LLM_FINE && error->status >= 400 && error->status < 600);
    assert(error->message.size > 0);
    buf_init(&out, 1 << 20);
    dialect->write_error(error, &out);
    err = scan_value(buf_span(&out), &result);
    assert(err == ERR_OK);
    buf_reset(&out);
    dialect->write_error_event(error, &out);
    sse_init(&sse);
    assert(sse_next(&sse, buf_span(&out), false, &event) && event.plain);
    assert(event.consumed == buf_size(&out) && scan_value(event.data, &result) == ERR_OK);
    sse_done(&sse);
    buf_done(&out);
}

static void check_usage(const struct usage *usage)
{
    assert(!usage->estimated);
    assert(usage->known || usage->input + usage->output + usage->cached == 0);
}

/* After the commit an event is read with less care, but nothing that matters may be missed. */
static void compare_committed(const struct dialect *dialect, const struct sse_event *event,
                              const struct llm_event *careful, struct arena *arena)
{
    struct llm_event quick;

    dialect->read_event(event, true, arena, &quick);
    if (span_find(event->data, '\\') != SIZE_MAX ||
        span_find_text(event->data, "insufficient_system_resource") != SIZE_MAX)
        return; /* keys written with escapes are not looked for; the other is judged by committed */
    assert((quick.kind == LLM_FAILED) == (careful->kind == LLM_FAILED));
    assert((quick.kind == LLM_END) == (careful->kind == LLM_END));
    assert((quick.kind == LLM_USAGE) == (careful->kind == LLM_USAGE));
    assert(quick.finished == careful->finished && quick.usage.known == careful->usage.known);
    assert(quick.usage.input == careful->usage.input);
    assert(quick.usage.output == careful->usage.output);
}

static void read_event(const struct dialect *dialect, struct span data, struct arena *arena)
{
    struct sse_event event = { .data = data, .has_data = true, .whole = true };
    struct llm_event seen;

    dialect->read_event(&event, false, arena, &seen);
    check_usage(&seen.usage);
    if (seen.kind == LLM_FAILED)
        check_error(dialect, &seen.error);
    if (dialect == &dialect_openai)
        compare_committed(dialect, &event, &seen, arena);
}

static void read_answer(const struct dialect *dialect, struct span body, struct arena *arena)
{
    struct llm_answer answer;
    struct usage usage = { 0 };

    dialect->read_answer(body, arena, &answer);
    check_usage(&answer.usage);
    if (answer.failed)
        check_error(dialect, &answer.error);
    dialect->read_answer_tail(body, &usage);
    check_usage(&usage);
}

static void read_error(const struct dialect *dialect, struct span body, struct arena *arena)
{
    static const unsigned statuses[] = { 400, 401, 404, 429, 500, 529 };
    struct llm_error error;

    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        dialect->read_error(statuses[i], body, arena, &error);
        check_error(dialect, &error);
    }
}

/* A whole stream; it ends, and says nothing behind the end. */
static void read_stream(const struct dialect *dialect, struct span bytes)
{
    struct relay relay;
    struct relay_step step;
    bool over = false;

    relay_init(&relay, dialect, true);
    while (relay_next(&relay, bytes, true, &step)) {
        assert(step.consumed > 0 && step.consumed <= bytes.size);
        assert(!over || (step.verdict == RELAY_DROP && step.bytes.size == 0));
        over = over || step.verdict == RELAY_END || step.verdict == RELAY_FAILED;
        bytes = span_skip(bytes, step.consumed);
    }
    assert(relay_usage(&relay, 100).known);
    relay_done(&relay);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct span text = span_make((const char *)bytes + 1, size ? size - 1 : 0);
    const struct dialect *dialect;
    struct arena arena;

    if (size == 0)
        return 0;
    dialect = bytes[0] & 8 ? &dialect_responses : &dialect_openai;
    arena_init(&arena);
    switch (bytes[0] & 7) {
    case 0: read_chat(text, &arena); break;
    case 1: read_event(dialect, text, &arena); break;
    case 2: read_answer(dialect, text, &arena); break;
    case 3: read_error(dialect, text, &arena); break;
    default: read_stream(dialect, text); break;
    }
    arena_done(&arena);
    return 0;
}
