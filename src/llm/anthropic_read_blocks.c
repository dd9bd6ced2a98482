/* The blocks that a message, a tool's result and the system's words consist of: each type has a row. */
#include "llm/anthropic_read.h"

#include "llm/anthropic.h"

enum {
    TEXT,
    SOURCE,
    ID,
    NAME,
    INPUT,
    USE_ID,
    CONTENT,
    IS_ERROR,
    THINKING,
    SIGNATURE,
    DATA,
    CITATIONS,
    TITLE,
    CONTEXT,
    CACHE,
    TYPE,
    FIELDS,
};

static bool is_string(const struct scan_field *field)
{
    return field->raw.at && field->kind == JSON_STRING;
}

static const char *path_of(const struct block_place *place)
{
    return arena_printf(place->reading->arena, "%s[%zu]", place->path, place->index);
}

static bool wrong(const struct block_place *place, const char *what)
{
    const char *param = path_of(place);

    return request_wrong(place->reading, param,
                         arena_printf(place->reading->arena, "`%s` %s", param, what));
}

static struct part *add_part(struct block_place *place, enum part_kind kind,
                             const struct scan_field *fields)
{
    struct part *part = arena_zero(place->reading->arena, sizeof(*part));

    part->kind = kind;
    if (fields[CACHE].raw.at && fields[CACHE].kind == JSON_OBJECT)
        part->cache = fields[CACHE].raw;
    *place->end = part;
    place->end = &part->next;
    return part;
}

static bool read_text(struct block_place *place, struct scan_field *fields)
{
    if (!is_string(&fields[TEXT]))
        return wrong(place, "must hold its `text` as a string.");
    if (fields[TEXT].raw.size > 2)
        add_part(place, PART_TEXT, fields)->text = fields[TEXT].raw;
    return true;
}

/* ---- images and documents ---- */

enum { SOURCE_TYPE, MEDIA, BYTES, URL, SOURCE_FIELDS };

static bool read_bytes(struct block_place *place, const struct scan_field *source,
                       struct part *part)
{
    struct arena *arena = place->reading->arena;

    if (!is_string(&source[MEDIA]) || !is_string(&source[BYTES]))
        return wrong(place, "must have a `source` with `media_type` and `data`.");
    part->media = request_media(scan_string(source[MEDIA].raw, arena));
    part->data = scan_string(source[BYTES].raw, arena);
    return request_is_base64(part->data) || wrong(place, "has `data` that is not base64.");
}

static bool read_url(struct block_place *place, const struct scan_field *source,
                     struct part *part)
{
    part->text = source[URL].raw;
    if (is_string(&source[URL]) &&
        span_starts(scan_string(source[URL].raw, place->reading->arena), "https://"))
        return true;
    return wrong(place, "must have an https:// `url` in its `source`.");
}

/* What a text file says is a text to everybody. */
static bool read_text_file(struct block_place *place, const struct scan_field *source,
                           struct part *part)
{
    part->kind = PART_TEXT;
    part->text = source[BYTES].raw;
    return is_string(&source[BYTES]) || wrong(place, "must have a `source` with `data`.");
}

static bool read_source(struct block_place *place, const struct scan_field *fields,
                        struct part *part)
{
    struct scan_field source[SOURCE_FIELDS] = {
        [SOURCE_TYPE] = { .name = "type" },
        [MEDIA] = { .name = "media_type" },
        [BYTES] = { .name = "data" },
        [URL] = { .name = "url" },
    };
    struct scan_result result;
    struct span type;

    if (fields[SOURCE].raw.at && fields[SOURCE].kind == JSON_OBJECT)
        (void)scan_object(fields[SOURCE].raw, source, SOURCE_FIELDS, &result);
    type = source[SOURCE_TYPE].raw;
    if (span_is(type, "\"base64\""))
        return read_bytes(place, source, part);
    if (span_is(type, "\"url\""))
        return read_url(place, source, part);
    if (span_is(type, "\"text\"") && part->kind == PART_DOCUMENT)
        return read_text_file(place, source, part);
    return wrong(place, "must have a `source` of type base64 or url; a `file_id` means nothing "
                        "to another provider.");
}

static bool read_image(struct block_place *place, struct scan_field *fields)
{
    return read_source(place, fields, add_part(place, PART_IMAGE, fields));
}

static bool read_document(struct block_place *place, struct scan_field *fields)
{
    struct scan_field enabled = { .name = "enabled" };
    struct scan_result result;

    if (fields[CITATIONS].raw.at && fields[CITATIONS].kind == JSON_OBJECT)
        (void)scan_object(fields[CITATIONS].raw, &enabled, 1, &result);
    if (span_is(enabled.raw, "true"))
        request_peculiar(place->reading, "messages.citations", false);
    if (!request_unsaid(&fields[TITLE]))
        request_peculiar(place->reading, "messages.title", true);
    if (!request_unsaid(&fields[CONTEXT]))
        request_peculiar(place->reading, "messages.context", true);
    return read_source(place, fields, add_part(place, PART_DOCUMENT, fields));
}

/* ---- calls and their results ---- */

static bool read_call(struct block_place *place, struct scan_field *fields)
{
    struct part *part;

    if (!is_string(&fields[ID]) || !is_string(&fields[NAME]))
        return wrong(place, "must have an `id` and a `name`.");
    if (!request_unsaid(&fields[INPUT]) && fields[INPUT].kind != JSON_OBJECT)
        return wrong(place, "must have an object as `input`.");
    part = add_part(place, PART_CALL, fields);
    part->id = fields[ID].raw;
    part->name = fields[NAME].raw;
    part->input = request_unsaid(&fields[INPUT])
                      ? SPAN_OF("{}")
                      : scan_compact(fields[INPUT].raw, place->reading->arena);
    return true;
}

static bool read_result(struct block_place *place, struct scan_field *fields)
{
    struct block_place inner = { .reading = place->reading, .in_result = true };
    struct part *part;

    if (!is_string(&fields[USE_ID]))
        return wrong(place, "must have the `tool_use_id` of the call that it answers.");
    part = add_part(place, PART_RESULT, fields);
    part->id = fields[USE_ID].raw;
    part->failed = span_is(fields[IS_ERROR].raw, "true");
    inner.path = arena_texts(place->reading->arena, path_of(place), ".content", NULL);
    inner.end = &part->content;
    return anthropic_read_content(&inner, &fields[CONTENT]);
}

/* ---- thinking ---- */

static bool read_thinking(struct block_place *place, struct scan_field *fields)
{
    struct part *part;

    if (!is_string(&fields[THINKING]))
        return wrong(place, "must hold its `thinking` as a string.");
    part = add_part(place, PART_THINKING, fields);
    part->text = fields[THINKING].raw;
    part->signature = is_string(&fields[SIGNATURE]) ? fields[SIGNATURE].raw : SPAN_OF("\"\"");
    return true;
}

static bool read_redacted(struct block_place *place, struct scan_field *fields)
{
    if (!is_string(&fields[DATA]))
        return wrong(place, "must hold its `data` as a string.");
    add_part(place, PART_REDACTED, fields)->text = fields[DATA].raw;
    return true;
}

/* ---- the rows ---- */

static const struct {
    const char *type; /* raw */
    bool in_result;   /* may stand there, too */
    bool (*read)(struct block_place *place, struct scan_field *fields);
} rows[] = {
    { "\"text\"", true, read_text },
    { "\"tool_use\"", false, read_call },
    { "\"tool_result\"", false, read_result },
    { "\"thinking\"", false, read_thinking },
    { "\"image\"", true, read_image },
    { "\"document\"", true, read_document },
    { "\"redacted_thinking\"", false, read_redacted },
};

static bool read_block(struct block_place *place, const struct scan_item *item)
{
    struct scan_field fields[FIELDS] = {
        [TEXT] = { .name = "text" },
        [SOURCE] = { .name = "source" },
        [ID] = { .name = "id" },
        [NAME] = { .name = "name" },
        [INPUT] = { .name = "input" },
        [USE_ID] = { .name = "tool_use_id" },
        [CONTENT] = { .name = "content" },
        [IS_ERROR] = { .name = "is_error" },
        [THINKING] = { .name = "thinking" },
        [SIGNATURE] = { .name = "signature" },
        [DATA] = { .name = "data" },
        [CITATIONS] = { .name = "citations" },
        [TITLE] = { .name = "title" },
        [CONTEXT] = { .name = "context" },
        [CACHE] = { .name = "cache_control" },
        [TYPE] = { .name = "type" },
    };
    struct arena *arena = place->reading->arena;
    struct scan_result result;

    if (item->kind != JSON_OBJECT)
        return wrong(place, "must be an object.");
    (void)scan_object(item->raw, fields, FIELDS, &result);
    if (!is_string(&fields[TYPE]))
        return wrong(place, "must have a `type`.");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (span_is(fields[TYPE].raw, rows[i].type))
            return place->in_result && !rows[i].in_result
                       ? wrong(place, "has a `type` that no result of a tool can have.")
                       : rows[i].read(place, fields);
    request_peculiar(place->reading,
                     arena_texts(arena, "messages.",
                                 arena_text(arena, scan_string(fields[TYPE].raw, arena)), NULL),
                     false);
    return true;
}

static void add_string(struct block_place *place, struct span raw)
{
    struct part *part;

    if (raw.size <= 2)
        return;
    part = arena_zero(place->reading->arena, sizeof(*part));
    part->text = raw;
    *place->end = part;
}

bool anthropic_read_content(struct block_place *place, const struct scan_field *content)
{
    struct scan_item item;
    size_t at = 0;

    if (request_unsaid(content))
        return true;
    if (content->kind == JSON_STRING)
        add_string(place, content->raw);
    if (content->kind == JSON_STRING)
        return true;
    if (content->kind != JSON_ARRAY)
        return request_wrong_kind(place->reading, place->path,
                                  "a string or an array of blocks");
    for (; scan_next(content->raw, &at, &item); place->index++)
        if (!read_block(place, &item))
            return false;
    return true;
}
