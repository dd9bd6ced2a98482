/* Anthropic's answers on their way to a client that speaks it, too: nothing is changed, usage and errors are
 * read on the way past.
 *
 * The hot path is a delta after the first content: its event has a name, so nothing is parsed. */
#include "llm/anthropic.h"
#include "llm/openai.h"
#include "llm/scan.h"

#include <string.h>

enum { FRONT_BYTES = 96 /* of a delta: enough to see of what kind it is */ };

static bool is_string(const struct scan_field *field)
{
    return field->raw.at && field->kind == JSON_STRING;
}

static bool is_object(const struct scan_field *field)
{
    return field->raw.at && field->kind == JSON_OBJECT;
}

/* ---- one event ---- */

/* Signatures come whole and late, and are nothing that a person or a program acts on. */
static bool is_signature(struct span data)
{
    return span_find_text(span_first(data, FRONT_BYTES), "\"signature_delta\"") != SIZE_MAX;
}

/* Does a member of this object, `type` and its like aside, say anything? */
static bool says_something(struct span object)
{
    struct scan_item item;
    size_t at = 0;

    while (scan_next(object, &at, &item))
        if (!scan_key_is(item.key, "type") && !scan_key_is(item.key, "signature") &&
            !scan_empty(&item))
            return true;
    return false;
}

static enum llm_event_kind kind_of_start(const struct scan_field *block)
{
    struct scan_field type = { .name = "type" };
    struct scan_result result;

    if (!is_object(block))
        return LLM_NOTHING;
    (void)scan_object(block->raw, &type, 1, &result);
    if (span_is(type.raw, "\"redacted_thinking\""))
        return LLM_NOTHING;
    return says_something(block->raw) ? LLM_CONTENT : LLM_NOTHING;
}

static void read_usage(struct span raw, const struct usage *before, struct llm_event *ret)
{
    struct usage usage = *before;

    usage.known = false;
    anthropic_read_usage(raw, &usage);
    if (usage.known)
        ret->usage = usage;
}

static void read_start(const struct scan_field *message, const struct usage *before,
                       struct llm_event *ret)
{
    struct scan_field usage = { .name = "usage" };
    struct scan_result result;

    if (is_object(message))
        (void)scan_object(message->raw, &usage, 1, &result);
    read_usage(usage.raw, before, ret);
    ret->begun = true;
}

static void read_message_delta(const struct scan_field *delta, struct llm_event *ret)
{
    struct scan_field reason = { .name = "stop_reason" };
    struct scan_result result;

    if (is_object(delta))
        (void)scan_object(delta->raw, &reason, 1, &result);
    ret->finished = is_string(&reason);
    ret->kind = LLM_CONTENT;
}

enum { TYPE, DELTA, BLOCK, MESSAGE, USAGE, ERROR, FIELDS };

static void read_typed(struct span type, const struct scan_field *fields,
                       const struct usage *before, struct llm_event *ret)
{
    if (span_is(type, "\"content_block_delta\"")) {
        if (is_object(&fields[DELTA]) && says_something(fields[DELTA].raw))
            ret->kind = LLM_CONTENT;
    } else if (span_is(type, "\"content_block_start\"")) {
        ret->kind = kind_of_start(&fields[BLOCK]);
    } else if (span_is(type, "\"message_start\"")) {
        read_start(&fields[MESSAGE], before, ret);
    } else if (span_is(type, "\"message_delta\"")) {
        read_usage(fields[USAGE].raw, before, ret);
        read_message_delta(&fields[DELTA], ret);
    } else if (span_is(type, "\"message_stop\"")) {
        ret->kind = LLM_END;
    }
}

static bool is_braced(struct span data)
{
    return data.at[0] == '{' && data.at[data.size - 1] == '}';
}

void anthropic_read_event(const struct sse_event *event, bool committed, struct arena *arena,
                          struct llm_event *ret)
{
    struct scan_field fields[FIELDS] = {
        [TYPE] = { .name = "type" },           [DELTA] = { .name = "delta" },
        [BLOCK] = { .name = "content_block" }, [MESSAGE] = { .name = "message" },
        [USAGE] = { .name = "usage" },         [ERROR] = { .name = "error" },
    };
    const struct usage before = ret->usage;
    struct scan_result result;
    enum err err;

    llm_event_reset(ret);
    if (!event->has_data || event->data.size == 0)
        return;
    if (committed && span_is(event->type, "content_block_delta") && is_braced(event->data)) {
        ret->kind = is_signature(event->data) ? LLM_NOTHING : LLM_CONTENT;
        return;
    }
    err = scan_object(event->data, fields, FIELDS, &result);
    if ((err && err != ERR_DUPLICATE) || !is_string(&fields[TYPE])) {
        ret->kind = LLM_MALFORMED;
    } else if (openai_is_error(&fields[ERROR]) || span_is(fields[TYPE].raw, "\"error\"")) {
        ret->kind = LLM_FAILED;
        anthropic_read_error(200, event->data, arena, &ret->error);
    } else {
        read_typed(fields[TYPE].raw, fields, &before, ret);
    }
}

/* ---- a whole answer ---- */

void anthropic_read_answer(struct span body, struct arena *arena, struct llm_answer *ret)
{
    struct scan_field fields[] = { { .name = "usage" }, { .name = "error" } };
    struct scan_result result;
    enum err err = scan_object(body, fields, 2, &result);

    *ret = (struct llm_answer){ .malformed = err && err != ERR_DUPLICATE };
    if (ret->malformed)
        return;
    anthropic_read_usage(fields[0].raw, &ret->usage);
    ret->failed = openai_is_error(&fields[1]);
    if (ret->failed)
        anthropic_read_error(200, body, arena, &ret->error);
}

void anthropic_read_answer_tail(struct span tail, struct usage *ret)
{
    openai_find_usage(tail, "\"usage\"", anthropic_read_usage, ret);
}
