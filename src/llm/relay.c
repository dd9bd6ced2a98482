#include "llm/relay.h"

#include "base/json.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/warmth.h"

#include <assert.h>
#include <string.h>

/* ---- up ---- */

/* A stretch of the client's body and what stands in its place; `old` is empty where something is
 * inserted. */
struct edit {
    struct span old;
    struct span new;
};

enum { EDITS_MAX = (RELAY_PIECES_MAX - 1) / 2 };

/* It stands in JSON as it is, as nearly all names do. */
static bool is_plain(struct span text)
{
    for (size_t i = 0; i < text.size; i++)
        if (text.at[i] < ' ' || text.at[i] > '~' || text.at[i] == '"' || text.at[i] == '\\')
            return false;
    return text.size > 0;
}

static struct span quote_plain(struct span text, struct arena *arena)
{
    size_t size = text.size + 2;
    char *copy = arena_zero(arena, size);

    copy[0] = '"';
    memcpy(copy + 1, text.at, text.size);
    copy[size - 1] = '"';
    return span_make(copy, size);
}

static struct span quoted(struct span text, struct arena *arena)
{
    struct buf buf;
    struct span copy;

    if (is_plain(text))
        return quote_plain(text, arena);
    buf_init(&buf, 16 * (size_t)LIMIT_MODEL_NAME_BYTES);
    json_quote(&buf, text);
    assert(!buf.overflowed);
    copy = arena_copy(arena, buf_span(&buf));
    buf_done(&buf);
    return copy;
}

/* What goes right behind the opening brace: members that the client's body does not have. */
static struct span new_members(const struct chat *chat, struct span model, bool usage,
                               struct arena *arena)
{
    bool name = model.size > 0;
    const char *text = arena_printf(arena, "%s%.*s%s%s%s", name ? "\"model\":" : "",
                                    SPAN_ARG(model), name && usage ? "," : "",
                                    usage ? "\"stream_options\":{\"include_usage\":true}" : "",
                                    (name || usage) && !chat->empty ? "," : "");

    return span_from(text);
}

/* How include_usage becomes true where the client has sent stream_options. */
static struct edit usage_edit(const struct chat *chat)
{
    struct span options = chat->stream_options_raw;

    if (chat->include_usage_raw.at)
        return (struct edit){ chat->include_usage_raw, SPAN("true") };
    if (chat->stream_options_null)
        return (struct edit){ options, SPAN("{\"include_usage\":true}") };
    options = span_make(options.at + 1, 0);
    if (chat->stream_options_empty)
        return (struct edit){ options, SPAN("\"include_usage\":true") };
    return (struct edit){ options, SPAN("\"include_usage\":true,") };
}

/* In the order in which they stand in the body. */
static size_t sort_edits(struct edit *edits, size_t count)
{
    for (size_t i = 1; i < count; i++)
        for (size_t j = i; j > 0 && edits[j].old.at < edits[j - 1].old.at; j--) {
            struct edit edit = edits[j];

            edits[j] = edits[j - 1];
            edits[j - 1] = edit;
        }
    return count;
}

static size_t plan_edits(const struct chat *chat, struct span model, bool want_usage,
                         struct arena *arena, struct edit edits[EDITS_MAX])
{
    struct span inside = span_make(chat->body.at + chat->inside, 0);
    bool usage = want_usage && !chat->include_usage;
    bool insert_usage = usage && chat->stream_options_raw.at == NULL;
    bool insert_model = chat->model_raw.at == NULL && !chat->model_in_path;
    size_t count = 0;

    if (insert_model || insert_usage) {
        struct span name = insert_model ? quoted(model, arena) : (struct span){ "", 0 };

        edits[count++] = (struct edit){ inside, new_members(chat, name, insert_usage, arena) };
    }
    if (chat->model_raw.at && !span_equal(chat->model, model))
        edits[count++] = (struct edit){ chat->model_raw, quoted(model, arena) };
    if (usage && !insert_usage)
        edits[count++] = usage_edit(chat);
    return sort_edits(edits, count);
}

static void add_piece(struct span *pieces, size_t *count, struct span piece)
{
    if (piece.size == 0)
        return;
    assert(*count < RELAY_PIECES_MAX);
    pieces[(*count)++] = piece;
}

size_t relay_request(const struct chat *chat, struct span model, bool want_usage,
                     struct arena *arena, struct span pieces[RELAY_PIECES_MAX])
{
    struct edit edits[EDITS_MAX];
    size_t edit_count = plan_edits(chat, model, want_usage, arena, edits);
    const char *at = chat->body.at;
    size_t count = 0;

    for (size_t i = 0; i < edit_count; i++) {
        add_piece(pieces, &count, span_make(at, (size_t)(edits[i].old.at - at)));
        add_piece(pieces, &count, edits[i].new);
        at = edits[i].old.at + edits[i].old.size;
    }
    add_piece(pieces, &count, span_make(at, (size_t)(chat->body.at + chat->body.size - at)));
    return count;
}

/* ---- down ---- */

void relay_init(struct relay *relay, const struct dialect *dialect, bool withhold_usage)
{
    *relay = (struct relay){ .dialect = dialect, .withhold_usage = withhold_usage };
    sse_init(&relay->sse);
    /* Rewriting makes an event at most three times as long: each bad byte becomes U+FFFD. */
    buf_init(&relay->plain, 4 * (size_t)LIMIT_EVENT_BYTES);
    arena_init(&relay->words);
}

void relay_translate(struct relay *relay, const struct dialect *client,
                     const struct translate_facts *facts)
{
    relay->translate = mem_alloc(sizeof(*relay->translate));
    translate_init(relay->translate, client, relay->dialect, facts);
    relay->said.bare = true;
}

void relay_done(struct relay *relay)
{
    sse_done(&relay->sse);
    if (relay->translate)
        translate_done(relay->translate);
    mem_free(relay->translate);
    relay->translate = NULL;
    buf_done(&relay->plain);
    arena_done(&relay->words);
}

/* An event that is not plain, in plain form. */
COLD static struct span rewritten(struct relay *relay, const struct sse_event *event,
                                  const struct dialect *client)
{
    buf_reset(&relay->plain);
    if (event->plain_crlf && client->crlf) {
        if (!span_ends(event->raw, "\r\n\r")) /* its last LF is still to come */
            return event->raw;
        (void)buf_add(&relay->plain, event->raw);
        (void)buf_add_byte(&relay->plain, '\n');
        return buf_span(&relay->plain);
    }
    sse_write(event, &relay->plain);
    assert(!relay->plain.overflowed);
    return buf_span(&relay->plain);
}

/* The event as it goes to the client. */
static struct span bytes_of(struct relay *relay, const struct sse_event *event)
{
    const struct dialect *client = relay->translate ? relay->translate->client : relay->dialect;

    if (relay->translate && event->has_data)
        return buf_span(&relay->plain);
    if (!event->has_data && client->ping)
        return span_from(client->ping);
    return event->plain ? event->raw : rewritten(relay, event, client);
}

/* A reason to finish is no text; and where events have names, only deltas hold some. */
static void count_content(struct relay *relay, const struct sse_event *event,
                          const struct llm_event *seen)
{
    bool text = !seen->finished && (event->type.at == NULL || span_ends(event->type, "delta"));

    if (relay->translate == NULL && text)
        estimate_add(&relay->said, event->data.size);
    else if (seen->text_bytes)
        estimate_add(&relay->said, seen->text_bytes);
}

COLD static void fail(struct relay *relay, const struct llm_error *error,
                      struct relay_step *ret)
{
    relay->failed = true;
    ret->verdict = RELAY_FAILED;
    ret->error = *error;
    ret->error.sequence = relay->events;
}

static bool too_long(struct relay *relay, size_t size, struct relay_step *ret)
{
    static const struct llm_error error = {
        .class = LLM_SERVER_ERROR,
        .status = 502,
        .message = SPAN("The provider sent an event of more than 1 MiB."),
        .code = SPAN("upstream_protocol"),
    };

    if (size <= LIMIT_EVENT_BYTES)
        return false;
    fail(relay, &error, ret);
    return true;
}

/* Half an event at the end of a stream is sent only if it can be read. */
COLD static enum relay_verdict judge_malformed(struct relay *relay,
                                               const struct sse_event *event)
{
    relay->malformed++;
    return event->whole ? RELAY_FORWARD : RELAY_DROP;
}

static enum relay_verdict judge(struct relay *relay, const struct sse_event *event,
                                const struct llm_event *seen)
{
    switch (seen->kind) {
    case LLM_NOTHING: return RELAY_HOLD;
    case LLM_CONTENT: return RELAY_FORWARD;
    case LLM_USAGE:
        if (relay->withhold_usage)
            return RELAY_DROP;
        return relay->committed ? RELAY_FORWARD : RELAY_HOLD;
    case LLM_END: return RELAY_END;
    case LLM_FAILED: return RELAY_FAILED;
    case LLM_MALFORMED: return judge_malformed(relay, event);
    }
    return RELAY_DROP;
}

/* Reads an event of another language, and writes what the client gets for it. */
static void translate_data(struct relay *relay, const struct sse_event *event,
                           struct llm_event *ret)
{
    static const struct llm_error unreadable = {
        .class = LLM_SERVER_ERROR,
        .status = 502,
        .message = SPAN("The provider sent an event that cannot be understood."),
        .code = SPAN("upstream_protocol"),
    };

    buf_reset(&relay->plain);
    translate_event(relay->translate, event, &relay->words, &relay->plain, ret);
    if (ret->kind != LLM_MALFORMED || !event->whole)
        return;
    relay->malformed++;
    ret->kind = LLM_FAILED;
    ret->error = unreadable;
}

static void read_data(struct relay *relay, struct sse_event *event, struct relay_step *ret)
{
    bool trusted = relay->committed && event->whole; /* half an event must be read to its end */
    struct llm_event seen;

    seen.usage = relay->usage;
    if (relay->translate)
        translate_data(relay, event, &seen);
    else
        relay->dialect->read_event(event, trusted, &relay->words, &seen);
    if (seen.usage.known) {
        relay->usage = seen.usage;
        relay->begun = seen.begun;
    }
    relay->finished = relay->finished || seen.finished;
    ret->verdict = judge(relay, event, &seen);
    if (ret->verdict == RELAY_FAILED)
        fail(relay, &seen.error, ret);
    else
        arena_done(&relay->words); /* a stream is endless, its memory is not */
    if (ret->verdict == RELAY_FORWARD)
        count_content(relay, event, &seen);
    relay->committed = relay->committed || ret->verdict == RELAY_FORWARD;
    relay->ended = relay->ended || ret->verdict == RELAY_END;
    relay->events++;
    if (ret->verdict == RELAY_END && span_trim(event->data).size < event->data.size) {
        event->data = span_trim(event->data); /* "[DONE] " makes openai-node throw */
        event->plain = false;
    }
}

bool relay_next(struct relay *relay, struct span bytes, bool ended, struct relay_step *ret)
{
    struct sse_event event;

    ret->verdict = RELAY_DROP;
    ret->bytes = (struct span){ 0 };
    ret->as_came = false;
    if (relay->failed || relay->ended) {
        ret->consumed = bytes.size;
        return bytes.size > 0;
    }
    if (!sse_next(&relay->sse, bytes, ended, &event)) {
        ret->consumed = bytes.size;
        return too_long(relay, bytes.size, ret);
    }
    ret->consumed = event.consumed;
    if (too_long(relay, event.raw.size, ret))
        return true;
    if (event.has_data && event.data.size) /* empty data would make the SDKs throw */
        read_data(relay, &event, ret);
    else if (!event.has_data && event.has_comment)
        ret->verdict = RELAY_HOLD;
    if (ret->verdict != RELAY_DROP && ret->verdict != RELAY_FAILED)
        ret->bytes = bytes_of(relay, &event);
    ret->as_came = ret->bytes.at == event.raw.at;
    return true;
}

struct span relay_end(struct relay *relay)
{
    buf_reset(&relay->plain);
    if (relay->translate)
        translate_end(relay->translate, &relay->usage, &relay->plain);
    else
        relay->dialect->write_end(&relay->plain);
    return buf_span(&relay->plain);
}

struct usage relay_usage(const struct relay *relay, uint64_t prompt_tokens)
{
    struct usage usage = {
        .input = prompt_tokens,
        .output = estimate_output(&relay->said),
        .known = true,
        .estimated = true,
    };

    if (!relay->usage.known)
        return usage;
    if (!relay->begun)
        return relay->usage;
    usage.input = relay->usage.input; /* that was said, before the answer began */
    usage.cached = relay->usage.cached;
    usage.cache_write = relay->usage.cache_write;
    usage.cache_write_long = relay->usage.cache_write_long;
    return usage;
}
