/* A JSON Schema in OpenAPI's words. Schemas hold schemas, so what is open stands on a stack, as deep as a
 * request may be nested.
 *
 *     schema: {"type", "properties": map, "items": schema, "anyOf": list}
 *     map:    {NAME: schema}        list: [schema]
 */
#include "llm/gemini.h"

#include "base/limits.h"

enum place { SCHEMA, MAP, LIST };

struct level {
    enum place place;
    struct span raw;
    size_t at; /* how far it has been read */
};

struct walk {
    struct json_writer *w;
    bool *lost;
    struct level levels[LIMIT_JSON_DEPTH + 1];
    size_t depth;
};

static void enter(struct walk *walk, enum place place, const struct scan_item *item)
{
    bool fits = item->kind == (place == LIST ? JSON_ARRAY : JSON_OBJECT);

    if (!fits || walk->depth == LIMIT_JSON_DEPTH + 1) { /* `true` is a schema, too */
        json_raw(walk->w, place == LIST ? SPAN_OF("[]") : SPAN_OF("{}"));
        *walk->lost = true;
        return;
    }
    walk->levels[walk->depth++] = (struct level){ place, item->raw, 0 };
    json_begin(walk->w, place == LIST ? '[' : '{');
}

static void leave(struct walk *walk)
{
    json_end(walk->w, walk->levels[--walk->depth].place == LIST ? ']' : '}');
}

/* ---- members of a schema ---- */

static const char *type_word(struct span raw)
{
    static const char *const words[][2] = {
        { "\"string\"", "STRING" },   { "\"number\"", "NUMBER" }, { "\"integer\"", "INTEGER" },
        { "\"boolean\"", "BOOLEAN" }, { "\"array\"", "ARRAY" },   { "\"object\"", "OBJECT" },
    };

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (span_is(raw, words[i][0]))
            return words[i][1];
    return NULL;
}

/* A type, or one of several, of which one may be null. */
static void write_type(struct walk *walk, const struct scan_item *item)
{
    const char *word = type_word(item->raw);
    bool nullable = false;
    struct scan_item one;
    size_t at = 0;

    while (item->kind == JSON_ARRAY && scan_next(item->raw, &at, &one)) {
        if (span_is(one.raw, "\"null\""))
            nullable = true;
        else if (word)
            *walk->lost = true;
        else
            word = type_word(one.raw);
    }
    if (word)
        json_put_text(walk->w, "type", word);
    else
        *walk->lost = true;
    if (nullable)
        json_put_bool(walk->w, "nullable", true);
}

static void write_enum(struct walk *walk, const struct scan_item *item)
{
    struct scan_item one;
    size_t at = 0;

    json_key(walk->w, "enum");
    json_begin(walk->w, '[');
    if (item->kind == JSON_STRING)
        json_raw(walk->w, item->raw);
    while (item->kind == JSON_ARRAY && scan_next(item->raw, &at, &one))
        if (one.kind == JSON_STRING)
            json_raw(walk->w, one.raw);
        else
            *walk->lost = true;
    json_end(walk->w, ']');
}

static bool write_plain(struct walk *walk, const struct scan_item *item)
{
    static const char *const same[] = {
        "title",         "description", "nullable", "required", "propertyOrdering",
        "minimum",       "maximum",     "minItems", "maxItems", "minLength",
        "maxLength",     "pattern",     "default",  "example",  "minProperties",
        "maxProperties",
    };

    for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
        if (scan_key_is(item->key, same[i])) {
            json_key(walk->w, same[i]);
            json_raw(walk->w, item->raw);
            return true;
        }
    return false;
}

static void write_member(struct walk *walk, const struct scan_item *item)
{
    if (scan_key_is(item->key, "type")) {
        write_type(walk, item);
    } else if (scan_key_is(item->key, "enum") ||
               (scan_key_is(item->key, "const") && item->kind == JSON_STRING)) {
        write_enum(walk, item);
    } else if (scan_key_is(item->key, "properties")) {
        json_key(walk->w, "properties");
        enter(walk, MAP, item);
    } else if (scan_key_is(item->key, "items")) {
        json_key(walk->w, "items");
        enter(walk, SCHEMA, item);
    } else if (scan_key_is(item->key, "anyOf") || scan_key_is(item->key, "oneOf")) {
        json_key(walk->w, "anyOf");
        enter(walk, LIST, item);
    } else if (!write_plain(walk, item)) {
        *walk->lost = true;
    }
}

/* ---- the walk ---- */

static void step(struct walk *walk)
{
    struct level *level = &walk->levels[walk->depth - 1];
    struct scan_item item;

    if (!scan_next(level->raw, &level->at, &item)) {
        leave(walk);
        return;
    }
    if (level->place == SCHEMA) {
        write_member(walk, &item);
        return;
    }
    if (level->place == MAP) {
        json_raw(walk->w, item.key);
        (void)buf_add_byte(walk->w->out, ':');
        walk->w->comma = false;
    }
    enter(walk, SCHEMA, &item);
}

/* NOLINTNEXTLINE(readability-non-const-parameter): written through the walk */
void gemini_write_schema(struct span schema, struct json_writer *w, bool *ret_lost)
{
    struct walk walk = { .w = w, .lost = ret_lost };
    const struct scan_item root = { .kind = JSON_OBJECT, .raw = schema };

    enter(&walk, SCHEMA, &root);
    while (walk.depth)
        step(&walk);
}
