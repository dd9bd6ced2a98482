/* A client of Gemini's language, on any bytes. The first byte chooses what they are: a request, what a provider
 * answers, its events as they are relayed, or deltas in any order. Whatever comes out is JSON, or events that
 * hold JSON. */
#include "llm/relay.h"
#include "llm/scan.h"
#include "llm/translate.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static const struct translate_facts facts = { "req_1", { "m", 1 }, 1, 5, false };

static const struct dialect *const providers[] = { &dialect_gemini, &dialect_openai,
                                                   &dialect_anthropic };

static void check_json(struct span text)
{
    struct scan_result result;
    enum err err = scan_value(text, &result);

    /* What was nested as deep as may be is wrapped once more, or a few times. */
    assert(err == ERR_OK || err == ERR_TOO_DEEP);
}

/* ---- requests ---- */

static void read_request(struct span body, struct arena *arena)
{
    const struct dialect_client *client = dialect_gemini.client;
    const struct request_target target = { .model = SPAN("gemini-2.0-flash") };
    struct losses losses = { .drop = true, .arena = arena };
    struct conversation conversation;
    struct chat_problem problem;
    struct chat chat;
    struct buf out;

    if (dialect_gemini.read_chat(body, arena, &chat, &problem))
        return;
    buf_init(&out, translate_room(body.size));
    if (client->write_estimate(&chat, arena, &out, &problem) == ERR_OK)
        check_json(buf_span(&out));
    buf_reset(&out);
    if (client->read_request(&chat, arena, &conversation, &losses.problem) == ERR_OK) {
        for (size_t i = 0; i < sizeof(providers) / sizeof(providers[0]); i++) {
            buf_reset(&out);
            providers[i]->provider->write_request(&conversation, &target, &losses, &out);
            if (losses.problem.code == NULL && !out.overflowed)
                check_json(buf_span(&out));
        }
    }
    assert(losses.problem.code == NULL || losses.problem.message);
    for (const char *at = losses.names; *at; at++)
        assert(*at >= 0x20 && *at < 0x7f); /* it is to be a header */
    buf_done(&out);
}

/* ---- answers ---- */

static void read_answer(struct span body, struct arena *arena)
{
    struct usage usage = { 0 };
    struct llm_answer answer;
    struct buf out;

    dialect_gemini.read_answer(body, arena, &answer);
    assert(!answer.failed || answer.error.status >= 400);
    dialect_gemini.read_answer_tail(body, &usage);
    buf_init(&out, 1 << 26);
    translate_answer(&dialect_gemini, &dialect_gemini, &facts, body, arena, &out, &answer);
    if (!answer.failed && !answer.malformed)
        check_json(buf_span(&out));
    buf_done(&out);
}

/* ---- streams ---- */

static void check_events(struct span bytes)
{
    struct sse_event event;
    struct sse sse;

    sse_init(&sse);
    while (sse_next(&sse, bytes, true, &event)) {
        assert(event.has_data ? event.plain_crlf : !event.has_comment);
        if (event.has_data)
            check_json(event.data);
        bytes = span_skip(bytes, event.consumed);
    }
    assert(bytes.size == 0);
    sse_done(&sse);
}

/* `translated`: through deltas; else as it comes. */
static void read_stream(struct span bytes, const struct dialect *provider, bool translated)
{
    struct relay_step step;
    struct relay relay;
    bool over = false;

    relay_init(&relay, provider, false);
    if (translated)
        relay_translate(&relay, &dialect_gemini, &facts);
    while (relay_next(&relay, bytes, true, &step)) {
        assert(step.consumed > 0 && step.consumed <= bytes.size);
        assert(!over || (step.verdict == RELAY_DROP && step.bytes.size == 0));
        over = over || step.verdict == RELAY_END || step.verdict == RELAY_FAILED;
        if (translated)
            check_events(step.bytes);
        bytes = span_skip(bytes, step.consumed);
    }
    if (translated && !over)
        check_events(relay_end(&relay));
    assert(relay_usage(&relay, 100).known);
    relay_done(&relay);
}

/* ---- deltas ---- */

/* Each byte is a delta, of a kind and an index. */
static void write_deltas(struct span bytes)
{
    static const struct span texts[] = { SPAN("\"{\""), SPAN("\"}\""), SPAN("\"x\\\\\\\"\""),
                                         SPAN("\"\\u007b\"") };
    struct buf envelope;
    struct buf out;
    struct delta_writer writer = { .fallback_id = "i",
                                   .model = SPAN("m"),
                                   .envelope = &envelope };
    struct delta end = { .kind = DELTA_END };

    buf_init(&envelope, 1 << 16);
    buf_init(&out, 1 << 26);
    for (size_t i = 0; i < bytes.size && i < 4096; i++) {
        unsigned char byte = (unsigned char)bytes.at[i];
        struct delta delta = {
            .kind = (enum delta_kind)(byte % DELTA_FINISH),
            .index = byte >> 6,
            .text = texts[byte >> 4 & 3],
            .id = SPAN("\"i\""),
            .name = SPAN("\"f\""),
        };

        dialect_gemini.client->write_delta(&writer, &delta, &out);
    }
    if (!envelope.overflowed) {
        dialect_gemini.client->write_delta(&writer, &end, &out);
        assert(writer.waiting == 0);
        check_events(buf_span(&out));
    }
    buf_done(&out);
    buf_done(&envelope);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct span text = span_make((const char *)bytes + 1, size ? size - 1 : 0);
    struct arena arena;

    if (size == 0)
        return 0;
    arena_init(&arena);
    switch (bytes[0] & 7) {
    case 0: read_request(text, &arena); break;
    case 1: read_answer(text, &arena); break;
    case 2: read_stream(text, &dialect_gemini, false); break;
    case 3: write_deltas(text); break;
    case 4: read_stream(text, &dialect_gemini, true); break;
    case 5: read_stream(text, &dialect_anthropic, true); break;
    default: read_stream(text, &dialect_openai, true); break;
    }
    arena_done(&arena);
    return 0;
}
