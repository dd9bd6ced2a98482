/* Everything between OpenAI's language and Anthropic's or Gemini's, on any bytes. The first byte chooses what
 * they are. Whatever comes out is JSON, or events that hold JSON. */
#include "llm/embed.h"
#include "llm/relay.h"
#include "llm/scan.h"
#include "llm/translate.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static const struct translate_facts facts = { "chatcmpl-1", { "m", 1 }, 1, 5, true };

static void check_json(struct span text)
{
    struct scan_result result;
    enum err err = scan_value(text, &result);

    /* What was nested as deep as may be is wrapped once more, or a few times. */
    assert(err == ERR_OK || err == ERR_TOO_DEEP);
}

/* An old model, where parameters are dropped. */
static struct span model_of(const struct dialect *provider, bool drop)
{
    if (provider == &dialect_gemini)
        return drop ? SPAN_OF("gemini-2.0-flash") : SPAN_OF("gemini-x");
    return drop ? SPAN_OF("claude-opus-4-1") : SPAN_OF("claude-x");
}

static void read_request(const struct dialect *provider, struct span body, struct arena *arena,
                         bool drop)
{
    const struct request_target target = { .model = model_of(provider, drop) };
    struct losses losses = { .drop = drop, .arena = arena };
    struct chat_problem problem;
    struct chat chat;
    struct buf out;

    if (dialect_openai.read_chat(body, arena, &chat, &problem))
        return;
    buf_init(&out, translate_room(body.size));
    if (translate_request(&dialect_openai, provider, &chat, &target, &losses, &out))
        check_json(buf_span(&out));
    else
        assert(losses.problem.code && losses.problem.message);
    for (const char *at = losses.names; *at; at++)
        assert(*at >= 0x20 && *at < 0x7f); /* it is to be a header */
    buf_done(&out);
}

static void read_answer(const struct dialect *provider, struct span body, struct arena *arena)
{
    struct llm_answer answer;
    struct buf out;

    buf_init(&out, 1 << 26);
    translate_answer(&dialect_openai, provider, &facts, body, arena, &out, &answer);
    if (!answer.failed && !answer.malformed)
        check_json(buf_span(&out));
    buf_done(&out);
}

static void read_error(const struct dialect *provider, struct span body, struct arena *arena)
{
    static const unsigned statuses[] = { 200, 400, 401, 429, 529 };
    struct llm_error error;

    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        provider->read_error(statuses[i], body, arena, &error);
        assert(error.class != LLM_FINE && error.status >= 400 && error.status < 600);
        assert(error.message.size > 0);
    }
}

static void check_events(struct span bytes)
{
    struct sse_event event;
    struct sse sse;

    sse_init(&sse);
    while (sse_next(&sse, bytes, true, &event)) {
        assert(event.plain);
        if (event.has_data && !span_is(event.data, "[DONE]"))
            check_json(event.data);
        bytes = span_skip(bytes, event.consumed);
    }
    assert(bytes.size == 0);
    sse_done(&sse);
}

static void read_stream(const struct dialect *provider, struct span bytes)
{
    struct relay_step step;
    struct relay relay;
    bool over = false;

    relay_init(&relay, provider, false);
    relay_translate(&relay, &dialect_openai, &facts);
    while (relay_next(&relay, bytes, true, &step)) {
        assert(step.consumed > 0 && step.consumed <= bytes.size);
        assert(!over || (step.verdict == RELAY_DROP && step.bytes.size == 0));
        over = over || step.verdict == RELAY_END || step.verdict == RELAY_FAILED;
        check_events(step.bytes);
        bytes = span_skip(bytes, step.consumed);
    }
    check_events(relay_end(&relay));
    assert(relay_usage(&relay, 100).known);
    relay_done(&relay);
}

/* The request before the first line end, the answer behind it. */
static void read_embeddings(struct span text, struct arena *arena)
{
    struct span body = span_cut(&text, '\n');
    struct losses losses = { .arena = arena };
    struct chat_problem problem;
    struct llm_answer answer;
    struct chat chat;
    const struct embed embed = { &dialect_openai, &dialect_gemini, &chat, { "m", 1 } };
    struct buf out;

    if (dialect_openai.read_chat(body, arena, &chat, &problem))
        return;
    buf_init(&out, 1 << 26);
    if (!embed_request(&embed, &losses, &out)) {
        assert(losses.problem.code && losses.problem.message);
        buf_done(&out);
        return;
    }
    check_json(buf_span(&out));
    buf_reset(&out);
    embed_answer(&embed, text, arena, &out, &answer);
    if (!answer.failed && !answer.malformed)
        check_json(buf_span(&out));
    buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    const struct dialect *provider =
        size && bytes[0] & 8 ? &dialect_gemini : &dialect_anthropic;
    struct span text = span_make((const char *)bytes + 1, size ? size - 1 : 0);
    struct arena arena;

    if (size == 0)
        return 0;
    arena_init(&arena);
    switch (bytes[0] & 7) {
    case 0: read_request(provider, text, &arena, false); break;
    case 1: read_request(provider, text, &arena, true); break;
    case 2: read_answer(provider, text, &arena); break;
    case 3: read_error(provider, text, &arena); break;
    case 5: read_embeddings(text, &arena); break;
    default: read_stream(provider, text); break;
    }
    arena_done(&arena);
    return 0;
}
