/* OpenAI's language as a provider's, on any bytes. The first byte chooses what they are. Whatever is read as
 * raw JSON is JSON, and whatever is written, too. */
#include "llm/dialect.h"
#include "llm/provider.h"
#include "llm/scan.h"
#include "llm/sse.h"

#include <assert.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void check_json(struct span raw)
{
    struct scan_result result;
    enum err err = raw.at ? scan_value(raw, &result) : ERR_OK;

    assert(err == ERR_OK || err == ERR_TOO_DEEP); /* wrapped once more, or a few times */
}

static void read_reply(struct span body, struct arena *arena)
{
    struct reply reply;

    dialect_openai.provider->read_reply(body, arena, &reply);
    if (reply.failed)
        assert(reply.error.message.size && reply.error.status >= 400);
    check_json(reply.id);
    check_json(reply.model);
    check_json(reply.refusal);
    for (const struct part *part = reply.parts; part; part = part->next) {
        check_json(part->text);
        check_json(part->id);
        check_json(part->name);
        check_json(part->input);
        assert(part->kind != PART_CALL || (part->id.at && part->name.at && part->input.at));
    }
}

/* No words of a call that has not begun; nothing behind the end. */
static void check_delta(const struct delta *delta, uint32_t *calls)
{
    check_json(delta->text);
    check_json(delta->id);
    check_json(delta->name);
    if (delta->kind == DELTA_CALL) {
        assert(delta->id.at && delta->name.at && delta->index == *calls);
        (*calls)++;
    }
    if (delta->kind == DELTA_ARGUMENTS)
        assert(delta->index < *calls && delta->text.at);
    if (delta->kind == DELTA_FAILED)
        assert(delta->error.message.size && delta->error.status >= 400);
    if (delta->kind == DELTA_END || delta->kind == DELTA_FAILED ||
        delta->kind == DELTA_MALFORMED)
        assert(delta->next == NULL);
}

static void read_stream(struct span bytes, struct arena *arena)
{
    struct delta_reader reader = { 0 };
    struct sse_event event;
    uint32_t calls = 0;
    struct sse sse;

    sse_init(&sse);
    while (sse_next(&sse, bytes, true, &event)) {
        struct delta delta = { .kind = DELTA_NOTHING };

        if (event.has_data)
            dialect_openai.provider->read_delta(&reader, &event, arena, &delta);
        for (const struct delta *it = &delta; it; it = it->next)
            check_delta(it, &calls);
        if (delta.kind == DELTA_MALFORMED || delta.kind == DELTA_FAILED)
            break;
        bytes = span_skip(bytes, event.consumed);
    }
    sse_done(&sse);
}

static void write_request(struct span body, uint8_t choice, struct arena *arena)
{
    const struct request_target target = { .model = SPAN("gpt-6"),
                                           .kind = &provider_kinds[choice % 8] };
    struct losses losses = { .drop = choice & 8, .arena = arena };
    struct conversation conversation;
    struct chat_problem problem;
    struct chat chat;
    struct buf out;

    if (dialect_openai.read_chat(body, arena, &chat, &problem) ||
        dialect_openai.client->read_request(&chat, arena, &conversation, &problem))
        return;
    buf_init(&out, 1 << 26);
    dialect_openai.provider->write_request(&conversation, &target, &losses, &out);
    check_json(buf_span(&out));
    buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct span text = span_make((const char *)bytes + 1, size ? size - 1 : 0);
    struct arena arena;

    if (size == 0)
        return 0;
    arena_init(&arena);
    switch (bytes[0] & 3) {
    case 0: read_reply(text, &arena); break;
    case 1: write_request(text, bytes[0] >> 2, &arena); break;
    default: read_stream(text, &arena); break;
    }
    arena_done(&arena);
    return 0;
}
