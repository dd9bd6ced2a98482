/* One event of an answer as it comes. Blocks come one after the other, so that which of them a delta
 * belongs to is known without its index:
 *
 *     message_start, { block_start, block_delta*, block_stop }*, message_delta, message_stop
 *
 * with a ping anywhere, or an error, and nothing behind it. */
#include "llm/anthropic.h"
#include "llm/openai.h"
#include "llm/scan.h"

enum { TYPE, DELTA, BLOCK, MESSAGE, USAGE, ERROR, FIELDS };

static bool is_string(const struct scan_field *field)
{
    return field->raw.at && field->kind == JSON_STRING;
}

/* A string that says something. */
static bool says(const struct scan_field *field)
{
    return is_string(field) && field->raw.size > 2;
}

/* Fills what the object has; nothing if it is none. */
static void look_into(const struct scan_field *object, struct scan_field *fields, size_t count)
{
    struct scan_result result;

    if (object->raw.at && object->kind == JSON_OBJECT)
        (void)scan_object(object->raw, fields, count, &result);
}

static void read_start(struct delta_reader *reader, const struct scan_field *message,
                       struct delta *ret)
{
    struct scan_field fields[] = { { .name = "id" }, { .name = "model" }, { .name = "usage" } };

    look_into(message, fields, 3);
    ret->kind = DELTA_START;
    if (is_string(&fields[0]))
        ret->id = fields[0].raw;
    if (is_string(&fields[1]))
        ret->name = fields[1].raw;
    anthropic_read_usage(fields[2].raw, &reader->usage);
    ret->usage = reader->usage;
    ret->begun = true;
}

static void say(struct delta *ret, enum delta_kind kind, struct span raw)
{
    ret->kind = kind;
    ret->text = raw;
}

/* ---- blocks ---- */

/* Real ones begin a call with {} and send the arguments behind it; those that only sound like
 * Anthropic send them here. */
static void read_call(struct delta_reader *reader, struct scan_field *fields,
                      struct arena *arena, struct delta *ret)
{
    struct scan_item input = { .kind = fields[2].kind, .raw = fields[2].raw };
    struct buf text;

    if (!is_string(&fields[0]) || !is_string(&fields[1])) {
        ret->kind = DELTA_MALFORMED;
        return;
    }
    reader->block = DELTA_CALL;
    reader->silent = true;
    ret->kind = DELTA_CALL;
    ret->index = reader->calls++;
    ret->id = fields[0].raw;
    ret->name = fields[1].raw;
    if (input.raw.at == NULL || input.kind != JSON_OBJECT || scan_empty(&input))
        return;
    buf_init(&text, 8 * input.raw.size + 2);
    json_quote(&text, input.raw);
    ret->text = arena_copy(arena, buf_span(&text));
    buf_done(&text);
    reader->silent = false;
}

static void read_block(struct delta_reader *reader, const struct scan_field *block,
                       struct arena *arena, struct delta *ret)
{
    enum { KIND, TEXT, THINKING, DATA, ID, NAME, INPUT, COUNT };
    struct scan_field fields[COUNT] = {
        [KIND] = { .name = "type" },
        [TEXT] = { .name = "text" },
        [THINKING] = { .name = "thinking" },
        [DATA] = { .name = "data" },
        [ID] = { .name = "id" },
        [NAME] = { .name = "name" },
        [INPUT] = { .name = "input" },
    };

    look_into(block, fields, COUNT);
    reader->block = DELTA_NOTHING;
    reader->silent = false;
    if (span_is(fields[KIND].raw, "\"text\"")) {
        reader->block = DELTA_TEXT;
        if (says(&fields[TEXT]))
            say(ret, DELTA_TEXT, fields[TEXT].raw);
    } else if (span_is(fields[KIND].raw, "\"thinking\"")) {
        reader->block = DELTA_THINKING;
        ret->index = reader->thoughts++;
        if (says(&fields[THINKING]))
            say(ret, DELTA_THINKING, fields[THINKING].raw);
    } else if (span_is(fields[KIND].raw, "\"redacted_thinking\"")) {
        ret->index = reader->thoughts++;
        if (says(&fields[DATA]))
            say(ret, DELTA_REDACTED, fields[DATA].raw);
    } else if (span_is(fields[KIND].raw, "\"tool_use\"")) {
        read_call(reader, &fields[ID], arena, ret);
    }
}

static void read_block_delta(struct delta_reader *reader, const struct scan_field *delta,
                             struct delta *ret)
{
    enum { TEXT, THINKING, SIGNATURE, JSON, COUNT };
    struct scan_field fields[COUNT] = {
        [TEXT] = { .name = "text" },
        [THINKING] = { .name = "thinking" },
        [SIGNATURE] = { .name = "signature" },
        [JSON] = { .name = "partial_json" },
    };

    look_into(delta, fields, COUNT);
    if (says(&fields[TEXT])) {
        say(ret, DELTA_TEXT, fields[TEXT].raw);
    } else if (reader->block == DELTA_THINKING && says(&fields[THINKING])) {
        say(ret, DELTA_THINKING, fields[THINKING].raw);
        ret->index = reader->thoughts - 1;
    } else if (reader->block == DELTA_THINKING && says(&fields[SIGNATURE])) {
        say(ret, DELTA_SIGNATURE, fields[SIGNATURE].raw);
        ret->index = reader->thoughts - 1;
    } else if (reader->block == DELTA_CALL && says(&fields[JSON])) {
        say(ret, DELTA_ARGUMENTS, fields[JSON].raw);
        ret->index = reader->calls - 1;
        reader->silent = false;
    }
}

/* A call without arguments has never said {}. */
static void read_block_stop(struct delta_reader *reader, struct delta *ret)
{
    if (reader->block == DELTA_CALL && reader->silent) {
        say(ret, DELTA_ARGUMENTS, SPAN_OF("\"{}\""));
        ret->index = reader->calls - 1;
    }
    reader->block = DELTA_NOTHING;
    reader->silent = false;
}

/* ---- the end ---- */

static void read_message_delta(struct delta_reader *reader, const struct scan_field *fields,
                               struct delta *ret)
{
    struct scan_field inner[] = { { .name = "stop_reason" }, { .name = "stop_details" } };
    struct scan_field why = { .name = "explanation" };

    look_into(&fields[DELTA], inner, 2);
    ret->finish = anthropic_finish(inner[0].raw);
    if (ret->finish != FINISH_NONE)
        ret->kind = DELTA_FINISH;
    if (ret->finish == FINISH_FILTER)
        look_into(&inner[1], &why, 1);
    if (is_string(&why))
        ret->text = why.raw;
    if (fields[USAGE].raw.at == NULL || fields[USAGE].kind != JSON_OBJECT)
        return;
    anthropic_read_usage(fields[USAGE].raw, &reader->usage);
    ret->usage = reader->usage;
}

void anthropic_read_delta(struct delta_reader *reader, const struct sse_event *event,
                          struct arena *arena, struct delta *ret)
{
    struct scan_field fields[FIELDS] = {
        [TYPE] = { .name = "type" },           [DELTA] = { .name = "delta" },
        [BLOCK] = { .name = "content_block" }, [MESSAGE] = { .name = "message" },
        [USAGE] = { .name = "usage" },         [ERROR] = { .name = "error" },
    };
    struct scan_result result;
    enum err err = scan_object(event->data, fields, FIELDS, &result);
    struct span type = fields[TYPE].raw;

    *ret = (struct delta){ .kind = DELTA_NOTHING };
    if (!err && openai_is_error(&fields[ERROR])) {
        ret->kind = DELTA_FAILED;
        anthropic_read_error(200, event->data, arena, &ret->error);
    } else if (err || !is_string(&fields[TYPE])) {
        ret->kind = DELTA_MALFORMED;
    } else if (span_is(type, "\"content_block_delta\"")) {
        read_block_delta(reader, &fields[DELTA], ret);
    } else if (span_is(type, "\"content_block_start\"")) {
        read_block(reader, &fields[BLOCK], arena, ret);
    } else if (span_is(type, "\"content_block_stop\"")) {
        read_block_stop(reader, ret);
    } else if (span_is(type, "\"message_start\"")) {
        read_start(reader, &fields[MESSAGE], ret);
    } else if (span_is(type, "\"message_delta\"")) {
        read_message_delta(reader, fields, ret);
    } else if (span_is(type, "\"message_stop\"")) {
        ret->kind = DELTA_END;
        ret->usage = reader->usage;
    } else if (span_is(type, "\"ping\"")) {
        ret->kind = DELTA_PING;
    }
}
