#include "llm/translate.h"

#include "base/limits.h"

enum {
    GROWTH = 4, /* a string becomes a list of blocks of text */
    ROOM_MIN = 64 * 1024,
};

bool translate_can(const struct dialect *client, const struct dialect *provider)
{
    return client != provider && client->client && provider->provider;
}

/* ---- up ---- */

size_t translate_room(size_t body_bytes)
{
    return GROWTH * body_bytes + ROOM_MIN;
}

bool translate_request(const struct dialect *client, const struct dialect *provider,
                       const struct chat *chat, const struct request_target *target,
                       struct losses *losses, struct buf *out)
{
    struct conversation conversation;

    if (client->client->read_request(chat, losses->arena, &conversation, &losses->problem))
        return false;
    provider->provider->write_request(&conversation, target, losses, out);
    if (out->overflowed && losses->problem.code == NULL)
        losses->problem =
            (struct chat_problem){ "request_too_large", "The request is too long.", NULL };
    return losses->problem.code == NULL;
}

/* ---- down ---- */

static struct delta_writer writer_of(const struct translate_facts *facts, struct buf *envelope)
{
    return (struct delta_writer){
        .fallback_id = facts->id,
        .model = facts->model,
        .created_s = facts->created_s,
        .input = facts->input,
        .usage = facts->usage,
        .envelope = envelope,
    };
}

void translate_init(struct translate *translate, const struct dialect *client,
                    const struct dialect *provider, const struct translate_facts *facts)
{
    *translate = (struct translate){ .client = client, .provider = provider };
    buf_init(&translate->envelope, LIMIT_DELTAS_WAITING_BYTES);
    translate->writer = writer_of(facts, &translate->envelope);
}

void translate_done(struct translate *translate)
{
    if (translate->client)
        buf_done(&translate->envelope);
    translate->client = NULL;
}

static enum llm_event_kind kind_of(enum delta_kind kind)
{
    switch (kind) {
    case DELTA_NOTHING:
    case DELTA_PING:
    case DELTA_START:
    case DELTA_SIGNATURE: /* nothing that a person or a program would act on */
    case DELTA_REDACTED: return LLM_NOTHING;
    case DELTA_TEXT:
    case DELTA_THINKING:
    case DELTA_CALL:
    case DELTA_ARGUMENTS:
    case DELTA_FINISH: return LLM_CONTENT;
    case DELTA_END: return LLM_END;
    case DELTA_FAILED: return LLM_FAILED;
    case DELTA_MALFORMED: break;
    }
    return LLM_MALFORMED;
}

/* Of what the model says, without its quotes: a token or more of its output. */
static size_t text_bytes(const struct delta *delta)
{
    bool text = delta->kind == DELTA_TEXT || delta->kind == DELTA_THINKING ||
                delta->kind == DELTA_CALL || delta->kind == DELTA_ARGUMENTS;

    return text && delta->text.size > 2 ? delta->text.size - 2 : 0;
}

/* Bytes that are not UTF-8 become U+FFFD, as in a relayed event. */
static struct span repaired(struct span data, struct arena *arena)
{
    struct span copy;
    struct buf text;

    buf_init(&text, 3 * data.size + 1);
    while (data.size) {
        size_t size = span_utf8(data);

        if (size)
            (void)buf_add(&text, span_first(data, size));
        else
            (void)buf_add_text(&text, "\xef\xbf\xbd");
        data = span_skip(data, size ? size : 1);
    }
    copy = arena_copy(arena, buf_span(&text));
    buf_done(&text);
    return copy;
}

/* The names of models and answers are a provider's, and so is the order of what it says. */
static const struct llm_error too_much = {
    .class = LLM_SERVER_ERROR,
    .status = 502,
    .message = SPAN("The provider's answer cannot be put in order."),
    .code = SPAN("upstream_protocol"),
};

/* A signature that the client's language cannot put on a call. */
static void sign_apart(struct translate *translate, struct span signature, struct buf *out)
{
    struct delta thought = {
        .kind = DELTA_THINKING,
        .index = translate->reader.thoughts++,
        .text = SPAN("\"\""),
    };

    translate->client->client->write_delta(&translate->writer, &thought, out);
    thought.kind = DELTA_SIGNATURE;
    thought.text = signature;
    translate->client->client->write_delta(&translate->writer, &thought, out);
}

/* A client whose calls carry no signature looks for an answer in its last block, which is then no thought:
 * what was said last goes without its signature, which its provider can spare there. */
static void write_delta(struct translate *translate, const struct delta *delta, struct buf *out)
{
    if (delta->closing && !translate->client->client->signs_calls)
        return;
    if (delta->kind == DELTA_CALL && delta->signature.at &&
        !translate->client->client->signs_calls)
        sign_apart(translate, delta->signature, out);
    translate->client->client->write_delta(&translate->writer, delta, out);
}

/* What an event says is the most that one of its deltas does. */
static void sum_up(const struct delta *delta, struct llm_event *io)
{
    enum llm_event_kind kind = kind_of(delta->kind);

    if (delta->finish != FINISH_NONE)
        io->finished = true;
    if (io->finished && kind == LLM_NOTHING)
        kind = LLM_CONTENT;
    if (kind > io->kind)
        io->kind = kind;
    if (delta->usage.known) {
        io->usage = delta->usage;
        io->begun = delta->begun;
    }
    if (delta->kind == DELTA_FAILED)
        io->error = delta->error;
    io->text_bytes += text_bytes(delta);
}

void translate_event(struct translate *translate, const struct sse_event *event,
                     struct arena *arena, struct buf *out, struct llm_event *ret)
{
    const struct dialect_provider *provider = translate->provider->provider;
    struct delta delta;

    provider->read_delta(&translate->reader, event, arena, &delta);
    if (delta.kind == DELTA_MALFORMED && event->whole) {
        struct sse_event again = *event;

        again.data = repaired(event->data, arena);
        provider->read_delta(&translate->reader, &again, arena, &delta);
    }
    llm_event_reset(ret);
    for (const struct delta *it = &delta; it; it = it->next) {
        sum_up(it, ret);
        write_delta(translate, it, out);
    }
    if (translate->envelope.overflowed) {
        ret->kind = LLM_FAILED;
        ret->error = too_much;
    }
}

void translate_end(struct translate *translate, const struct usage *usage, struct buf *out)
{
    struct delta end = { .kind = DELTA_END, .usage = *usage };
    struct delta finish = { .kind = DELTA_FINISH, .finish = translate->reader.finish };

    if (finish.finish != FINISH_NONE)
        write_delta(translate, &finish, out);
    translate->client->client->write_delta(&translate->writer, &end, out);
}

/* The same for a whole answer; gives the call. */
static struct part *sign_call_apart(struct part *part, struct arena *arena)
{
    struct part *call = arena_zero(arena, sizeof(*call));

    *call = *part;
    *part = (struct part){
        .next = call,
        .kind = PART_THINKING,
        .text = SPAN("\"\""),
        .signature = call->signature,
    };
    return call;
}

/* And what stands behind a text goes before it: the whole answer is known here. Gives the text. */
static struct part *sign_text_before(struct part *text)
{
    struct part *sign = text->next;
    struct part before = *sign;

    *sign = *text;
    sign->next = before.next;
    *text = before;
    text->next = sign;
    return sign;
}

static bool is_bare_signature(const struct part *part)
{
    return part && part->kind == PART_THINKING && part->text.size <= 2 && part->signature.at;
}

static void sign_apart_all(struct part *parts, struct arena *arena)
{
    for (struct part *part = parts; part; part = part->next) {
        if (part->kind == PART_CALL && part->signature.at)
            part = sign_call_apart(part, arena);
        if (part->kind == PART_TEXT && is_bare_signature(part->next))
            part = sign_text_before(part);
        if (part->kind == PART_CALL && is_bare_signature(part->next) && !part->next->next)
            part->next = NULL;
    }
}

void translate_answer(const struct dialect *client, const struct dialect *provider,
                      const struct translate_facts *facts, struct span body,
                      struct arena *arena, struct buf *out, struct llm_answer *ret)
{
    struct delta_writer writer = writer_of(facts, NULL);
    struct reply reply;

    provider->provider->read_reply(body, arena, &reply);
    *ret = (struct llm_answer){
        .failed = reply.failed,
        .malformed = reply.malformed,
        .usage = reply.usage,
        .error = reply.error,
    };
    if (!client->client->signs_calls)
        sign_apart_all(reply.parts, arena);
    if (!reply.failed && !reply.malformed)
        client->client->write_reply(&writer, &reply, out);
}
