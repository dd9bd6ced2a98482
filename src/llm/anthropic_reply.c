/* A whole answer of Anthropic's. */
#include "llm/anthropic.h"
#include "llm/openai.h"
#include "llm/scan.h"

/* The count of that name in an object, if there is one. */
static void read_inner_count(const struct scan_field *object, const char *name, uint64_t *io)
{
    struct scan_field count = { .name = name };
    struct scan_result result;

    if (object->raw.at == NULL || object->kind != JSON_OBJECT)
        return;
    (void)scan_object(object->raw, &count, 1, &result);
    (void)openai_read_count(&count, io);
}

void anthropic_read_usage(struct span raw, struct usage *io)
{
    enum { INPUT, CACHE_WRITE, CACHED, OUTPUT, WRITTEN, DETAILS, COUNT };
    struct scan_field fields[COUNT] = {
        [INPUT] = { .name = "input_tokens" },
        [CACHE_WRITE] = { .name = "cache_creation_input_tokens" },
        [CACHED] = { .name = "cache_read_input_tokens" },
        [OUTPUT] = { .name = "output_tokens" },
        [WRITTEN] = { .name = "cache_creation" },
        [DETAILS] = { .name = "output_tokens_details" },
    };
    struct scan_result result;

    if (raw.size == 0 || raw.at[0] != '{')
        return;
    (void)scan_object(raw, fields, COUNT, &result);
    if (openai_read_count(&fields[INPUT], &io->input))
        io->known = true;
    if (openai_read_count(&fields[OUTPUT], &io->output))
        io->known = true;
    (void)openai_read_count(&fields[CACHE_WRITE], &io->cache_write);
    (void)openai_read_count(&fields[CACHED], &io->cached);
    read_inner_count(&fields[WRITTEN], "ephemeral_1h_input_tokens", &io->cache_write_long);
    read_inner_count(&fields[DETAILS], "thinking_tokens", &io->reasoning);
}

enum finish anthropic_finish(struct span stop_reason)
{
    static const struct {
        const char *raw;
        enum finish finish;
    } reasons[] = {
        { "\"end_turn\"", FINISH_STOP },
        { "\"stop_sequence\"", FINISH_STOP },
        { "\"pause_turn\"", FINISH_STOP },
        { "\"max_tokens\"", FINISH_LENGTH },
        { "\"model_context_window_exceeded\"", FINISH_LENGTH },
        { "\"tool_use\"", FINISH_CALLS },
        { "\"refusal\"", FINISH_FILTER },
    };

    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
        if (span_is(stop_reason, reasons[i].raw))
            return reasons[i].finish;
    return stop_reason.at && !span_is(stop_reason, "null") ? FINISH_STOP : FINISH_NONE;
}

/* ---- the content ---- */

static bool is_string(const struct scan_field *field)
{
    return field->raw.at && field->kind == JSON_STRING;
}

/* One block as a part; false: none that a client of another language could use. */
static bool read_block(const struct scan_item *block, struct arena *arena, struct part *ret)
{
    enum { TYPE, TEXT, THINKING, SIGNATURE, DATA, ID, NAME, INPUT, COUNT };
    struct scan_field fields[COUNT] = {
        [TYPE] = { .name = "type" },         [TEXT] = { .name = "text" },
        [THINKING] = { .name = "thinking" }, [SIGNATURE] = { .name = "signature" },
        [DATA] = { .name = "data" },         [ID] = { .name = "id" },
        [NAME] = { .name = "name" },         [INPUT] = { .name = "input" },
    };
    struct scan_result result;

    if (block->kind != JSON_OBJECT)
        return false;
    (void)scan_object(block->raw, fields, COUNT, &result);
    if (span_is(fields[TYPE].raw, "\"text\"") && is_string(&fields[TEXT])) {
        *ret = (struct part){ .kind = PART_TEXT, .text = fields[TEXT].raw };
        return true;
    }
    if (span_is(fields[TYPE].raw, "\"thinking\"") && is_string(&fields[THINKING])) {
        *ret = (struct part){ .kind = PART_THINKING, .text = fields[THINKING].raw };
        if (is_string(&fields[SIGNATURE]))
            ret->signature = fields[SIGNATURE].raw;
        return true;
    }
    if (span_is(fields[TYPE].raw, "\"redacted_thinking\"") && is_string(&fields[DATA])) {
        *ret = (struct part){ .kind = PART_REDACTED, .text = fields[DATA].raw };
        return true;
    }
    if (!span_is(fields[TYPE].raw, "\"tool_use\"") || !is_string(&fields[ID]) ||
        !is_string(&fields[NAME]))
        return false;
    *ret = (struct part){ .kind = PART_CALL, .id = fields[ID].raw, .name = fields[NAME].raw };
    ret->input = fields[INPUT].raw.at && fields[INPUT].kind == JSON_OBJECT
                     ? scan_compact(fields[INPUT].raw, arena)
                     : SPAN_OF("{}");
    return true;
}

static void read_content(struct span content, struct arena *arena, struct reply *ret)
{
    struct part **end = &ret->parts;
    struct scan_item item;
    size_t at = 0;

    while (scan_next(content, &at, &item)) {
        struct part *part = arena_zero(arena, sizeof(*part));

        if (!read_block(&item, arena, part))
            continue;
        *end = part;
        end = &part->next;
    }
}

static void read_refusal(const struct scan_field *details, struct reply *ret)
{
    struct scan_field why = { .name = "explanation" };
    struct scan_result result;

    if (details->raw.at == NULL || details->kind != JSON_OBJECT)
        return;
    (void)scan_object(details->raw, &why, 1, &result);
    if (is_string(&why))
        ret->refusal = why.raw;
}

void anthropic_read_reply(struct span body, struct arena *arena, struct reply *ret)
{
    enum { TYPE, ID, MODEL, CONTENT, REASON, DETAILS, USAGE, ERROR, COUNT };
    struct scan_field fields[COUNT] = {
        [TYPE] = { .name = "type" },          [ID] = { .name = "id" },
        [MODEL] = { .name = "model" },        [CONTENT] = { .name = "content" },
        [REASON] = { .name = "stop_reason" }, [DETAILS] = { .name = "stop_details" },
        [USAGE] = { .name = "usage" },        [ERROR] = { .name = "error" },
    };
    struct scan_result result;
    enum err err = scan_object(body, fields, COUNT, &result);

    *ret = (struct reply){ 0 };
    ret->failed = (!err || err == ERR_DUPLICATE) && openai_is_error(&fields[ERROR]);
    ret->malformed =
        !ret->failed && ((err && err != ERR_DUPLICATE) || fields[CONTENT].raw.at == NULL ||
                         fields[CONTENT].kind != JSON_ARRAY);
    if (ret->failed)
        anthropic_read_error(200, body, arena, &ret->error);
    if (ret->failed || ret->malformed)
        return;
    if (is_string(&fields[ID]))
        ret->id = fields[ID].raw;
    if (is_string(&fields[MODEL]))
        ret->model = fields[MODEL].raw;
    read_content(fields[CONTENT].raw, arena, ret);
    ret->finish = anthropic_finish(fields[REASON].raw);
    if (ret->finish == FINISH_FILTER)
        read_refusal(&fields[DETAILS], ret);
    anthropic_read_usage(fields[USAGE].raw, &ret->usage);
}
