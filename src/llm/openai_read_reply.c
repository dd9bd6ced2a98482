/* A whole answer in OpenAI's language, in all the ways in which its speakers write it; and what such an
 * answer has in common with the chunks of a stream. */
#include "llm/openai.h"

bool openai_says(const struct scan_field *field)
{
    return field->raw.at && field->kind == JSON_STRING && field->raw.size > 2;
}

enum finish openai_finish(struct span finish_reason)
{
    static const struct {
        const char *raw;
        enum finish finish;
    } reasons[] = {
        { "\"stop\"", FINISH_STOP },
        { "\"length\"", FINISH_LENGTH },
        { "\"model_length\"", FINISH_LENGTH }, /* Mistral */
        { "\"tool_calls\"", FINISH_CALLS },
        { "\"function_call\"", FINISH_CALLS },
        { "\"content_filter\"", FINISH_FILTER },
    };

    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
        if (span_is(finish_reason, reasons[i].raw))
            return reasons[i].finish;
    return finish_reason.at && !span_is(finish_reason, "null") ? FINISH_STOP : FINISH_NONE;
}

bool openai_is_broken(struct span finish_reason)
{
    return span_is(finish_reason, "\"error\"") ||
           span_is(finish_reason, "\"insufficient_system_resource\""); /* DeepSeek */
}

const struct scan_field *openai_reasoning(const struct scan_field *reasoning_content,
                                          const struct scan_field *reasoning)
{
    if (openai_says(reasoning_content))
        return reasoning_content;
    return openai_says(reasoning) ? reasoning : NULL;
}

struct span openai_make_id(uint64_t seed, uint32_t number, struct arena *arena)
{
    return span_from(arena_printf(arena, "\"call_%016llx%04x\"", (unsigned long long)seed,
                                  (unsigned)number));
}

/* ---- contents ---- */

/* The texts of an array of parts as one raw string. */
static struct span join_texts(struct span array, struct arena *arena)
{
    struct scan_field text = { .name = "text" };
    struct scan_result result;
    struct scan_item item;
    struct span joined;
    struct buf out;
    size_t at = 0;

    buf_init(&out, array.size + 2);
    (void)buf_add_byte(&out, '"');
    while (scan_next(array, &at, &item)) {
        if (item.kind != JSON_OBJECT)
            continue;
        text.raw = (struct span){ 0 };
        (void)scan_object(item.raw, &text, 1, &result);
        if (openai_says(&text))
            (void)buf_append(&out, text.raw.at + 1, text.raw.size - 2);
    }
    (void)buf_add_byte(&out, '"');
    joined = arena_copy(arena, buf_span(&out));
    buf_done(&out);
    return joined;
}

/* {"type":"text","text":...}, or Mistral's {"type":"thinking","thinking":[{"type":"text",...}]}. */
static bool read_piece(const struct scan_item *item, struct arena *arena,
                       struct openai_piece *ret)
{
    struct scan_field fields[] = { { .name = "text" }, { .name = "thinking" } };
    struct scan_result result;

    if (item->kind != JSON_OBJECT)
        return false;
    (void)scan_object(item->raw, fields, 2, &result);
    if (openai_says(&fields[0])) {
        *ret = (struct openai_piece){ .raw = fields[0].raw };
        return true;
    }
    *ret = (struct openai_piece){ .thinking = true };
    if (openai_says(&fields[1]))
        ret->raw = fields[1].raw;
    else if (fields[1].raw.at && fields[1].kind == JSON_ARRAY)
        ret->raw = join_texts(fields[1].raw, arena);
    return ret->raw.size > 2;
}

bool openai_next_piece(const struct scan_field *content, struct arena *arena, size_t *at,
                       struct openai_piece *ret)
{
    struct scan_item item;

    if (openai_says(content)) {
        *ret = (struct openai_piece){ .raw = content->raw };
        return (*at)++ == 0;
    }
    if (content->raw.at == NULL || content->kind != JSON_ARRAY)
        return false;
    while (scan_next(content->raw, at, &item))
        if (read_piece(&item, arena, ret))
            return true;
    return false;
}

struct span openai_arguments(const struct scan_field *arguments, struct arena *arena)
{
    struct span copy;
    struct buf out;

    if (openai_says(arguments))
        return arguments->raw;
    if (arguments->raw.at == NULL || arguments->kind != JSON_OBJECT)
        return (struct span){ 0 };
    buf_init(&out, 6 * arguments->raw.size + 2);
    json_quote(&out, scan_compact(arguments->raw, arena));
    copy = arena_copy(arena, buf_span(&out));
    buf_done(&out);
    return copy;
}

/* ---- a whole answer ---- */

struct reading {
    struct arena *arena;
    struct reply *to;
    struct part **end; /* where the next part goes */
    uint64_t seed;     /* of ids */
    uint32_t calls;
};

static struct part *add_part(struct reading *reading, enum part_kind kind)
{
    struct part *part = arena_zero(reading->arena, sizeof(*part));

    part->kind = kind;
    *reading->end = part;
    reading->end = &part->next;
    return part;
}

/* An object, whatever a model has written: what is cut off says nothing, what is no object becomes one. */
static struct span input_of(const struct scan_field *arguments, struct arena *arena)
{
    struct span raw = openai_arguments(arguments, arena);
    struct scan_result result;
    struct scan_item item;
    struct span text;

    if (raw.at == NULL)
        return SPAN_OF("{}");
    text = scan_string(raw, arena);
    if (scan_value(text, &result) || !scan_front(text, &item) || item.kind == JSON_NULL)
        return SPAN_OF("{}");
    if (item.kind == JSON_OBJECT)
        return scan_compact(item.raw, arena);
    return span_from(arena_texts(
        arena, "{\"value\":", arena_text(arena, scan_compact(item.raw, arena)), "}", NULL));
}

static void read_call(struct reading *reading, const struct scan_item *item)
{
    struct scan_field fields[] = { { .name = "id" }, { .name = "function" } };
    struct scan_field inner[] = { { .name = "name" }, { .name = "arguments" } };
    struct scan_result result;
    struct part *part;

    if (item->kind != JSON_OBJECT)
        return;
    (void)scan_object(item->raw, fields, 2, &result);
    if (fields[1].raw.at && fields[1].kind == JSON_OBJECT)
        (void)scan_object(fields[1].raw, inner, 2, &result);
    if (!openai_says(&inner[0]))
        return;
    part = add_part(reading, PART_CALL);
    part->id = openai_says(&fields[0])
                   ? fields[0].raw
                   : openai_make_id(reading->seed, reading->calls, reading->arena);
    part->name = inner[0].raw;
    part->input = input_of(&inner[1], reading->arena);
    reading->calls++;
}

static void read_content(struct reading *reading, const struct scan_field *content)
{
    struct openai_piece piece;
    size_t at = 0;

    while (openai_next_piece(content, reading->arena, &at, &piece))
        add_part(reading, piece.thinking ? PART_THINKING : PART_TEXT)->text = piece.raw;
}

static void read_message(struct reading *reading, struct span message)
{
    enum { CONTENT, REFUSAL, THOUGHT, REASONING, CALLS, COUNT };
    struct scan_field fields[COUNT] = {
        [CONTENT] = { .name = "content" },           [REFUSAL] = { .name = "refusal" },
        [THOUGHT] = { .name = "reasoning_content" }, [REASONING] = { .name = "reasoning" },
        [CALLS] = { .name = "tool_calls" },
    };
    const struct scan_field *reasoning;
    struct scan_result result;
    struct scan_item item;
    size_t at = 0;

    (void)scan_object(message, fields, COUNT, &result);
    reasoning = openai_reasoning(&fields[THOUGHT], &fields[REASONING]);
    if (reasoning)
        add_part(reading, PART_THINKING)->text = reasoning->raw;
    read_content(reading, &fields[CONTENT]);
    if (openai_says(&fields[REFUSAL]))
        reading->to->refusal = fields[REFUSAL].raw;
    if (fields[CALLS].raw.at == NULL || fields[CALLS].kind != JSON_ARRAY)
        return;
    while (scan_next(fields[CALLS].raw, &at, &item))
        read_call(reading, &item);
}

/* The first choice: nobody who is translated for can ask for more. False: there is none. */
static bool read_choice(struct reading *reading, const struct scan_field *choices)
{
    struct scan_field fields[] = { { .name = "message" }, { .name = "finish_reason" } };
    struct scan_result result;
    struct scan_item item;
    size_t at = 0;

    if (choices->raw.at == NULL || choices->kind != JSON_ARRAY ||
        !scan_next(choices->raw, &at, &item) || item.kind != JSON_OBJECT)
        return false;
    (void)scan_object(item.raw, fields, 2, &result);
    if (fields[0].raw.at == NULL || fields[0].kind != JSON_OBJECT)
        return false;
    read_message(reading, fields[0].raw);
    reading->to->finish = openai_finish(fields[1].raw);
    if (reading->to->finish > FINISH_STOP)
        return true;
    if (reading->calls) /* some finish with "stop" all the same */
        reading->to->finish = FINISH_CALLS;
    else if (reading->to->refusal.at)
        reading->to->finish = FINISH_FILTER;
    return true;
}

void openai_read_reply(struct span body, struct arena *arena, struct reply *ret)
{
    struct scan_field fields[] = { { .name = "id" },
                                   { .name = "model" },
                                   { .name = "choices" } };
    struct reading reading = { .arena = arena, .to = ret, .end = &ret->parts };
    struct llm_answer answer;
    struct scan_result result;

    openai_read_answer(body, arena, &answer);
    *ret = (struct reply){
        .failed = answer.failed,
        .malformed = answer.malformed,
        .usage = answer.usage,
        .error = answer.error,
    };
    if (ret->failed || ret->malformed)
        return;
    (void)scan_object(body, fields, 3, &result);
    if (openai_says(&fields[0]))
        ret->id = fields[0].raw;
    if (openai_says(&fields[1]))
        ret->model = fields[1].raw;
    reading.seed = span_hash(body); /* no answer is quite like another */
    ret->malformed = !read_choice(&reading, &fields[2]);
}
