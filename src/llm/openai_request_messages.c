/* The messages, and what they consist of. */
#include "llm/openai_request.h"

#include <string.h>

/* One message that is being read. */
struct message {
    struct request_reading *reading;
    size_t number;
    struct turn *turn;
    struct part **end; /* where its next part goes */
};

static bool wrong(const struct message *message, const char *where, const char *what)
{
    const char *param =
        arena_printf(message->reading->arena, "messages[%zu]%s", message->number, where);

    return request_wrong(message->reading, param,
                         arena_printf(message->reading->arena, "`%s` %s", param, what));
}

static struct part *add_part(struct message *message, enum part_kind kind)
{
    struct part *part = arena_zero(message->reading->arena, sizeof(*part));

    part->kind = kind;
    *message->end = part;
    message->end = &part->next;
    return part;
}

static void add_text(struct message *message, struct span raw, struct span cache)
{
    struct part *part;

    if (raw.size <= 2)
        return;
    part = add_part(message, PART_TEXT);
    part->text = raw;
    part->cache = cache;
}

/* ---- bytes in a URL ---- */

/* data:MEDIA[;parameters];base64,DATA */
static bool read_data_url(const struct message *message, struct span url, const char *where,
                          struct part *ret)
{
    struct span rest = span_skip(url, strlen("data:"));
    struct span head = span_cut(&rest, ',');

    if (!span_ends(head, ";base64") || !request_is_base64(rest))
        return wrong(message, where,
                     "is a data URL that cannot be read; write data:image/png;base64,DATA.");
    ret->media = request_media(span_cut(&head, ';'));
    ret->data = rest;
    return true;
}

static bool read_url(struct message *message, struct span raw, const char *where,
                     struct part *part)
{
    struct span url = scan_string(raw, message->reading->arena);

    if (span_starts(url, "data:"))
        return read_data_url(message, url, where, part);
    if (!span_starts(url, "https://"))
        return wrong(message, where, "must be an https:// or a data: URL.");
    part->text = raw;
    return true;
}

/* {"url": "..."}, or the URL alone as some clients write it. */
static bool read_image(struct message *message, const struct scan_field *image,
                       const char *where, struct span cache)
{
    struct scan_field fields[] = { { .name = "url" }, { .name = "detail" } };
    struct scan_result result;
    struct part *part;

    if (image->raw.at && image->kind == JSON_OBJECT)
        (void)scan_object(image->raw, fields, 2, &result);
    else if (image->raw.at)
        fields[0] = *image;
    if (fields[0].raw.at == NULL || fields[0].kind != JSON_STRING)
        return wrong(message, where, "must hold an `image_url` with a `url`.");
    if (!request_unsaid(&fields[1]) && !span_is(fields[1].raw, "\"auto\""))
        request_peculiar(message->reading, "image_url.detail", true);
    part = add_part(message, PART_IMAGE);
    part->cache = cache;
    return read_url(message, fields[0].raw, where, part);
}

static bool read_file(struct message *message, const struct scan_field *file, const char *where,
                      struct span cache)
{
    struct scan_field data = { .name = "file_data" };
    struct scan_result result;
    struct part *part;

    if (file->raw.at && file->kind == JSON_OBJECT)
        (void)scan_object(file->raw, &data, 1, &result);
    if (data.raw.at == NULL || data.kind != JSON_STRING)
        return wrong(message, where,
                     "must hold its bytes as `file_data`, a data URL; a `file_id` means "
                     "nothing to another provider.");
    part = add_part(message, PART_DOCUMENT);
    part->cache = cache;
    return read_url(message, data.raw, where, part);
}

/* ---- parts ---- */

static bool read_part(struct message *message, const struct scan_item *item, const char *where)
{
    enum { TYPE, TEXT, REFUSAL, IMAGE, FILE_PART, CONTROL, BREAKPOINT, COUNT };
    struct scan_field fields[COUNT] = {
        [TYPE] = { .name = "type" },
        [TEXT] = { .name = "text" },
        [REFUSAL] = { .name = "refusal" },
        [IMAGE] = { .name = "image_url" },
        [FILE_PART] = { .name = "file" },
        [CONTROL] = { .name = "cache_control" },
        [BREAKPOINT] = { .name = "prompt_cache_breakpoint" },
    };
    struct scan_result result;
    struct span type = { 0 };
    struct span cache;

    if (item->kind == JSON_OBJECT)
        (void)scan_object(item->raw, fields, COUNT, &result);
    if (fields[TYPE].raw.at && fields[TYPE].kind == JSON_STRING)
        type = scan_string(fields[TYPE].raw, message->reading->arena);
    cache = request_cache(&fields[CONTROL], &fields[BREAKPOINT]);
    if (span_is(type, "refusal"))
        fields[TEXT] = fields[REFUSAL];
    if (span_is(type, "text") || span_is(type, "refusal")) {
        if (fields[TEXT].raw.at == NULL || fields[TEXT].kind != JSON_STRING)
            return wrong(message, where, "must hold its text as a string.");
        add_text(message, fields[TEXT].raw, cache);
        return true;
    }
    if (span_is(type, "image_url"))
        return read_image(message, &fields[IMAGE], where, cache);
    if (span_is(type, "file"))
        return read_file(message, &fields[FILE_PART], where, cache);
    return wrong(message, where,
                 "has a `type` that cannot be translated; text, image_url and file can.");
}

/* A string, or an array of parts. `cache`: of the message, for its last part. */
static bool read_content(struct message *message, const struct scan_field *content,
                         struct span cache)
{
    struct scan_item item;
    struct part *last;
    size_t at = 0;

    if (request_unsaid(content))
        return true;
    if (content->kind == JSON_STRING) {
        add_text(message, content->raw, cache);
        return true;
    }
    if (content->kind != JSON_ARRAY)
        return wrong(message, ".content", "must be a string or an array of parts.");
    for (size_t i = 0; scan_next(content->raw, &at, &item); i++)
        if (!read_part(message, &item,
                       arena_printf(message->reading->arena, ".content[%zu]", i)))
            return false;
    last = message->turn->parts;
    while (last && last->next)
        last = last->next;
    if (cache.at && last && last->cache.at == NULL)
        last->cache = cache;
    return true;
}

/* ---- what only assistants and tools say ---- */

/* The arguments are a string of JSON, written by a model: mostly an object. */
static bool read_arguments(struct message *message, const struct scan_field *arguments,
                           const char *where, struct span *ret)
{
    struct scan_result result;
    struct scan_item item;
    struct span text;

    *ret = SPAN_OF("{}");
    if (request_unsaid(arguments))
        return true;
    text = arguments->kind == JSON_STRING ? scan_string(arguments->raw, message->reading->arena)
                                          : arguments->raw; /* some write the object itself */
    if (span_trim(text).size == 0 || span_is(span_trim(text), "null"))
        return true;
    if (scan_value(text, &result) || !scan_front(text, &item) || item.kind != JSON_OBJECT)
        return wrong(message, where, "must have `arguments` that are a JSON object.");
    *ret = item.raw;
    return true;
}

/* extra_content.google.thought_signature: Gemini does not go on without it. */
static void read_signature(const struct message *message, const struct scan_field *extra,
                           struct part *ret)
{
    static const char *const path[] = { "google", "thought_signature" };
    struct scan_field at = *extra;

    for (size_t i = 0; i < sizeof(path) / sizeof(path[0]); i++) {
        struct scan_field inner = { .name = path[i] };
        struct scan_result result;

        if (at.raw.at && at.kind == JSON_OBJECT)
            (void)scan_object(at.raw, &inner, 1, &result);
        at = inner;
    }
    if (at.raw.at && at.kind == JSON_STRING)
        ret->signature = signature_mark("gemini", at.raw, message->reading->arena);
}

static bool read_call(struct message *message, const struct scan_item *item, const char *where)
{
    enum { ID, FUNCTION, EXTRA, COUNT };
    struct scan_field fields[COUNT] = {
        [ID] = { .name = "id" },
        [FUNCTION] = { .name = "function" },
        [EXTRA] = { .name = "extra_content" },
    };
    struct scan_field inner[] = { { .name = "name" }, { .name = "arguments" } };
    struct scan_result result;
    struct part *part;

    if (item->kind == JSON_OBJECT)
        (void)scan_object(item->raw, fields, COUNT, &result);
    if (fields[FUNCTION].raw.at && fields[FUNCTION].kind == JSON_OBJECT)
        (void)scan_object(fields[FUNCTION].raw, inner, 2, &result);
    if (fields[ID].raw.at == NULL || fields[ID].kind != JSON_STRING ||
        inner[0].raw.at == NULL || inner[0].kind != JSON_STRING)
        return wrong(message, where,
                     "must be a function's call, with `id` and `function.name`.");
    part = add_part(message, PART_CALL);
    part->id = fields[ID].raw;
    part->name = inner[0].raw;
    read_signature(message, &fields[EXTRA], part);
    return read_arguments(message, &inner[1], where, &part->input);
}

static bool read_calls(struct message *message, const struct scan_field *calls)
{
    struct scan_item item;
    size_t at = 0;

    if (request_unsaid(calls))
        return true;
    if (calls->kind != JSON_ARRAY)
        return wrong(message, ".tool_calls", "must be an array.");
    for (size_t i = 0; scan_next(calls->raw, &at, &item); i++)
        if (!read_call(message, &item,
                       arena_printf(message->reading->arena, ".tool_calls[%zu]", i)))
            return false;
    return true;
}

/* Thinking goes back as it came, with its signature, or not at all: `reasoning_content` alone is
 * nothing that a provider would take. */
static void read_thought(struct message *message, const struct scan_item *item)
{
    enum { TYPE, THINKING, SIGNATURE, DATA, COUNT };
    struct scan_field fields[COUNT] = {
        [TYPE] = { .name = "type" },
        [THINKING] = { .name = "thinking" },
        [SIGNATURE] = { .name = "signature" },
        [DATA] = { .name = "data" },
    };
    struct scan_result result;
    struct part *part;

    if (item->kind != JSON_OBJECT)
        return;
    (void)scan_object(item->raw, fields, COUNT, &result);
    if (fields[DATA].raw.at && fields[DATA].kind == JSON_STRING) {
        add_part(message, PART_REDACTED)->text = fields[DATA].raw;
        return;
    }
    if (fields[SIGNATURE].raw.at == NULL || fields[SIGNATURE].kind != JSON_STRING)
        return;
    part = add_part(message, PART_THINKING);
    part->signature = fields[SIGNATURE].raw;
    part->text = SPAN_OF("\"\""); /* it may have been withheld */
    if (fields[THINKING].raw.at && fields[THINKING].kind == JSON_STRING)
        part->text = fields[THINKING].raw;
}

static void read_thoughts(struct message *message, const struct scan_field *blocks)
{
    struct scan_item item;
    size_t at = 0;

    if (request_unsaid(blocks) || blocks->kind != JSON_ARRAY)
        return;
    while (scan_next(blocks->raw, &at, &item))
        read_thought(message, &item);
}

enum {
    ROLE,
    CONTENT,
    NAME,
    CALLS,
    CALL_ID,
    REFUSED,
    THOUGHTS,
    FUNCTION_CALL,
    AUDIO,
    CACHE,
    FIELDS,
};

static bool read_assistant(struct message *message, struct scan_field *fields,
                           struct span cache)
{
    if (!request_unsaid(&fields[FUNCTION_CALL]))
        return wrong(message, ".function_call", "is out of date; write `tool_calls`.");
    if (!request_unsaid(&fields[AUDIO]))
        return wrong(message, ".audio", "cannot be translated.");
    read_thoughts(message, &fields[THOUGHTS]);
    if (!read_content(message, &fields[CONTENT], cache))
        return false;
    if (fields[REFUSED].raw.at && fields[REFUSED].kind == JSON_STRING)
        add_text(message, fields[REFUSED].raw, (struct span){ 0 });
    return read_calls(message, &fields[CALLS]);
}

static bool read_result(struct message *message, struct scan_field *fields, struct span cache)
{
    struct part *result;

    if (fields[CALL_ID].raw.at == NULL || fields[CALL_ID].kind != JSON_STRING)
        return wrong(message, ".tool_call_id", "must be the id of the call that it answers.");
    result = add_part(message, PART_RESULT);
    result->id = fields[CALL_ID].raw;
    result->cache = cache;
    message->end = &result->content;
    return read_content(message, &fields[CONTENT], (struct span){ 0 });
}

static bool read_fields(struct message *message, struct scan_field *fields)
{
    struct span role = { 0 };
    struct span cache = request_cache(&fields[CACHE], NULL);

    if (fields[ROLE].raw.at && fields[ROLE].kind == JSON_STRING)
        role = scan_string(fields[ROLE].raw, message->reading->arena);
    if (!request_unsaid(&fields[NAME]))
        request_peculiar(message->reading, "messages.name", true);
    message->turn->role = TURN_ASSISTANT;
    if (span_is(role, "assistant"))
        return read_assistant(message, fields, cache);
    message->turn->role = TURN_TOOL;
    if (span_is(role, "tool"))
        return read_result(message, fields, cache);
    message->turn->role = span_is(role, "user") ? TURN_USER : TURN_SYSTEM;
    if (span_is(role, "user") || span_is(role, "system") || span_is(role, "developer"))
        return read_content(message, &fields[CONTENT], cache);
    return wrong(message, ".role", "must be system, developer, user, assistant or tool.");
}

bool request_messages(struct request_reading *reading, const struct scan_item *value)
{
    struct turn **end = &reading->to->turns;
    struct scan_item item;
    size_t at = 0;

    if (value->kind != JSON_ARRAY)
        return request_wrong(reading, "messages", "`messages` must be an array.");
    for (size_t i = 0; scan_next(value->raw, &at, &item); i++) {
        struct scan_field fields[FIELDS] = {
            [ROLE] = { .name = "role" },
            [CONTENT] = { .name = "content" },
            [NAME] = { .name = "name" },
            [CALLS] = { .name = "tool_calls" },
            [CALL_ID] = { .name = "tool_call_id" },
            [REFUSED] = { .name = "refusal" },
            [THOUGHTS] = { .name = "thinking_blocks" },
            [FUNCTION_CALL] = { .name = "function_call" },
            [AUDIO] = { .name = "audio" },
            [CACHE] = { .name = "cache_control" },
        };
        struct turn *turn = arena_zero(reading->arena, sizeof(*turn));
        struct message message = { reading, i, turn, &turn->parts };
        struct scan_result result;

        if (item.kind != JSON_OBJECT)
            return wrong(&message, "", "must be an object.");
        (void)scan_object(item.raw, fields, FIELDS, &result);
        if (!read_fields(&message, fields))
            return false;
        *end = turn;
        end = &turn->next;
    }
    return true;
}
