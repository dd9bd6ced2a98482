/* One part of a content, as far as it needs no other: texts, thoughts, images and documents. */
#include "llm/gemini.h"
#include "llm/gemini_read.h"

#include <string.h>

/* ---- for all readers of this language ---- */

bool gemini_key_is(struct span key, const char *name)
{
    char other[64];
    size_t size = 0;

    if (scan_key_is(key, name))
        return true;
    for (; *name && size + 2 < sizeof(other); name++) {
        bool upper = *name >= 'A' && *name <= 'Z';

        if (upper)
            other[size++] = '_';
        other[size++] = (char)(upper ? *name | 0x20 : *name);
    }
    other[size] = '\0';
    return scan_key_is(key, other);
}

void gemini_look(const struct scan_item *object, struct scan_field *fields, size_t count)
{
    struct scan_item item;
    size_t at = 0;

    while (object->kind == JSON_OBJECT && scan_next(object->raw, &at, &item))
        for (size_t i = 0; i < count; i++)
            if (item.kind != JSON_NULL && gemini_key_is(item.key, fields[i].name)) {
                fields[i].kind = item.kind;
                fields[i].raw = item.raw;
            }
}

bool gemini_each(const struct scan_item *list, size_t *at, struct scan_item *ret)
{
    if (list->kind == JSON_ARRAY)
        return scan_next(list->raw, at, ret);
    *ret = *list;
    return (*at)++ == 0;
}

bool gemini_wrong(const struct gemini_place *place, const char *what)
{
    return request_wrong(place->reading, place->path,
                         arena_printf(place->reading->arena, "`%s` %s", place->path, what));
}

static bool is_string(const struct scan_field *field)
{
    return field->raw.at && field->kind == JSON_STRING;
}

static struct scan_item item_of(const struct scan_field *field)
{
    return (struct scan_item){ .kind = field->kind, .raw = field->raw };
}

/* ---- what stands in a part ---- */

/* Says how to look at what stands beside it. */
static bool is_hint(struct span key)
{
    static const char *const names[] = { "videoMetadata", "mediaResolution", "partMetadata" };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (gemini_key_is(key, names[i]))
            return true;
    return false;
}

void gemini_look_into_part(const struct gemini_place *place, const struct scan_item *item,
                           struct scan_field fields[GEMINI_FIELDS])
{
    static const char *const names[GEMINI_FIELDS] = {
        [GEMINI_TEXT] = "text",
        [GEMINI_THOUGHT] = "thought",
        [GEMINI_SIGNATURE] = "thoughtSignature",
        [GEMINI_INLINE] = "inlineData",
        [GEMINI_FILE] = "fileData",
        [GEMINI_CALL] = "functionCall",
        [GEMINI_RESPONSE] = "functionResponse",
    };
    struct arena *arena = place->reading->arena;
    struct scan_item member;
    size_t at = 0;

    for (size_t i = 0; i < GEMINI_FIELDS; i++)
        fields[i] = (struct scan_field){ .name = names[i] };
    gemini_look(item, fields, GEMINI_FIELDS);
    while (scan_next(item->raw, &at, &member)) {
        bool known = member.kind == JSON_NULL;

        for (size_t i = 0; i < GEMINI_FIELDS; i++)
            known = known || gemini_key_is(member.key, names[i]);
        if (!known)
            request_peculiar(place->reading,
                             arena_texts(arena, "contents.",
                                         arena_text(arena, scan_string(member.key, arena)),
                                         NULL),
                             is_hint(member.key));
    }
}

/* ---- images and documents ---- */

static struct part *new_part(const struct gemini_place *place, enum part_kind kind)
{
    struct part *part = arena_zero(place->reading->arena, sizeof(*part));

    part->kind = kind;
    return part;
}

static bool is_image(struct span media)
{
    return span_is_nocase(span_first(media, strlen("image/")), "image/");
}

/* There is no word for sound and films yet. */
static bool is_sayable(const struct gemini_place *place, struct span media)
{
    bool sound = span_is_nocase(span_first(media, strlen("audio/")), "audio/");

    if (!sound && !span_is_nocase(span_first(media, strlen("video/")), "video/"))
        return true;
    request_peculiar(place->reading, sound ? "contents.audio" : "contents.video", false);
    return false;
}

/* Clients write either alphabet of base64; elsewhere there is but one. */
static struct span common_base64(struct span data, struct arena *arena)
{
    char *copy;

    if (span_find(data, '-') == SIZE_MAX && span_find(data, '_') == SIZE_MAX)
        return data;
    copy = arena_zero(arena, data.size);
    for (size_t i = 0; i < data.size; i++)
        copy[i] = (char)(data.at[i] == '-' ? '+' : data.at[i] == '_' ? '/' : data.at[i]);
    return span_make(copy, data.size);
}

static struct part *read_inline(const struct gemini_place *place,
                                const struct scan_field *field, bool *ret_fine)
{
    struct scan_field fields[] = { { .name = "mimeType" }, { .name = "data" } };
    struct arena *arena = place->reading->arena;
    const struct scan_item object = item_of(field);
    struct part *part;
    struct span media;

    gemini_look(&object, fields, 2);
    *ret_fine = is_string(&fields[0]) && is_string(&fields[1]);
    if (!*ret_fine) {
        (void)gemini_wrong(place, "must have an `inlineData` with `mimeType` and `data`.");
        return NULL;
    }
    media = request_media(scan_string(fields[0].raw, arena));
    if (!is_sayable(place, media))
        return NULL;
    part = new_part(place, is_image(media) ? PART_IMAGE : PART_DOCUMENT);
    part->media = media;
    part->data = common_base64(scan_string(fields[1].raw, arena), arena);
    *ret_fine =
        request_is_base64(part->data) || gemini_wrong(place, "has `data` that is not base64.");
    return *ret_fine ? part : NULL;
}

/* What was uploaded to Google is there and nowhere else. */
static bool is_public(struct span url)
{
    return span_starts(url, "https://") &&
           !span_starts(url, "https://generativelanguage.googleapis.com/");
}

static struct part *read_file(const struct gemini_place *place, const struct scan_field *field,
                              bool *ret_fine)
{
    struct scan_field fields[] = { { .name = "mimeType" }, { .name = "fileUri" } };
    struct arena *arena = place->reading->arena;
    const struct scan_item object = item_of(field);
    struct span media = { 0 };
    struct part *part;

    gemini_look(&object, fields, 2);
    *ret_fine = is_string(&fields[1]) && is_public(scan_string(fields[1].raw, arena));
    if (!*ret_fine) {
        (void)gemini_wrong(place,
                           "must have a `fileData` whose `fileUri` is an https:// URL; a "
                           "file that was uploaded to Google means nothing to another "
                           "provider.");
        return NULL;
    }
    if (is_string(&fields[0]))
        media = scan_string(fields[0].raw, arena);
    if (!is_sayable(place, media))
        return NULL;
    part = new_part(place, media.size == 0 || is_image(media) ? PART_IMAGE : PART_DOCUMENT);
    part->text = fields[1].raw;
    return part;
}

/* ---- texts and thoughts ---- */

/* A text whose signature stands with it has the thought before it that was signed. */
static struct part *read_text(const struct gemini_place *place,
                              const struct scan_field fields[GEMINI_FIELDS], bool *ret_fine)
{
    const struct scan_field *signature = &fields[GEMINI_SIGNATURE];
    bool thought = span_is(fields[GEMINI_THOUGHT].raw, "true");
    struct part *part;
    struct part *text;

    *ret_fine = fields[GEMINI_TEXT].kind == JSON_STRING ||
                gemini_wrong(place, "must hold its `text` as a string.");
    if (!*ret_fine)
        return NULL;
    part = new_part(place, PART_TEXT);
    part->text = fields[GEMINI_TEXT].raw;
    if (thought)
        part->kind = PART_THINKING;
    if (!is_string(signature) || signature->raw.size <= 2)
        return part;
    if (!thought) {
        text = part->text.size > 2 ? part : NULL;
        part = new_part(place, PART_THINKING);
        part->text = SPAN_OF("\"\"");
        part->next = text;
    }
    gemini_read_signature(signature->raw, place->reading->arena, part);
    return part;
}

struct part *gemini_read_said(const struct gemini_place *place,
                              const struct scan_field fields[GEMINI_FIELDS], bool *ret_fine)
{
    *ret_fine = true;
    if (fields[GEMINI_TEXT].raw.at)
        return read_text(place, fields, ret_fine);
    if (fields[GEMINI_INLINE].raw.at)
        return read_inline(place, &fields[GEMINI_INLINE], ret_fine);
    if (fields[GEMINI_FILE].raw.at)
        return read_file(place, &fields[GEMINI_FILE], ret_fine);
    return NULL;
}
