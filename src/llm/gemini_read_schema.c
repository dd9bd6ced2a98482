/* A schema in OpenAPI's words as a JSON Schema: the other way round than gemini_schema.c, and likewise with a
 * stack of what is open. What both have in common stays as it is. */
#include "llm/gemini.h"
#include "llm/gemini_read.h"

#include "base/limits.h"

enum place { SCHEMA, MAP, LIST };

struct level {
    enum place place;
    struct span raw;
    size_t at; /* how far it has been read */
    bool nullable;
};

struct walk {
    struct json_writer w;
    struct level levels[LIMIT_JSON_DEPTH + 1];
    size_t depth;
};

static bool is_nullable(const struct scan_item *item)
{
    struct scan_field nullable = { .name = "nullable" };

    gemini_look(item, &nullable, 1);
    return span_is(nullable.raw, "true");
}

static void enter(struct walk *walk, enum place place, const struct scan_item *item)
{
    bool fits = item->kind == (place == LIST ? JSON_ARRAY : JSON_OBJECT);

    if (!fits || walk->depth == LIMIT_JSON_DEPTH + 1) {
        json_raw(&walk->w, item->raw);
        return;
    }
    walk->levels[walk->depth++] = (struct level){
        .place = place,
        .raw = item->raw,
        .nullable = place == SCHEMA && is_nullable(item),
    };
    json_begin(&walk->w, place == LIST ? '[' : '{');
}

static void leave(struct walk *walk)
{
    json_end(&walk->w, walk->levels[--walk->depth].place == LIST ? ']' : '}');
}

/* ---- members of a schema ---- */

static void write_type(struct walk *walk, const struct scan_item *item, bool nullable)
{
    static const char *const words[][2] = {
        { "\"STRING\"", "\"string\"" },   { "\"NUMBER\"", "\"number\"" },
        { "\"INTEGER\"", "\"integer\"" }, { "\"BOOLEAN\"", "\"boolean\"" },
        { "\"ARRAY\"", "\"array\"" },     { "\"OBJECT\"", "\"object\"" },
        { "\"NULL\"", "\"null\"" },
    };
    struct span word = item->raw;

    if (span_is(word, "\"TYPE_UNSPECIFIED\""))
        return;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (span_is(item->raw, words[i][0]))
            word = span_from(words[i][1]);
    json_key(&walk->w, "type");
    if (!nullable || item->kind != JSON_STRING) {
        json_raw(&walk->w, word);
        return;
    }
    json_begin(&walk->w, '[');
    json_raw(&walk->w, word);
    json_text(&walk->w, "null");
    json_end(&walk->w, ']');
}

static void write_enum(struct walk *walk, const struct scan_item *item, bool nullable)
{
    struct scan_item one;
    size_t at = 0;

    json_key(&walk->w, "enum");
    json_begin(&walk->w, '[');
    while (gemini_each(item, &at, &one))
        json_raw(&walk->w, one.raw);
    if (nullable)
        json_null(&walk->w);
    json_end(&walk->w, ']');
}

/* Numbers of 64 bits come as strings. */
static bool write_count(struct walk *walk, const struct scan_item *item)
{
    static const char *const names[] = { "minItems",  "maxItems",      "minLength",
                                         "maxLength", "minProperties", "maxProperties" };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct span digits = span_first(span_skip(item->raw, 1), item->raw.size - 2);
        uint64_t number;

        if (!gemini_key_is(item->key, names[i]))
            continue;
        json_key(&walk->w, names[i]);
        if (item->kind == JSON_STRING && span_u64(digits, &number))
            json_u64(&walk->w, number);
        else
            json_raw(&walk->w, item->raw);
        return true;
    }
    return false;
}

/* What JSON Schema has no word for, and nobody needs. */
static bool is_idle(const struct scan_item *item)
{
    return gemini_key_is(item->key, "nullable") || gemini_key_is(item->key, "example") ||
           gemini_key_is(item->key, "propertyOrdering") ||
           (gemini_key_is(item->key, "format") && span_is(item->raw, "\"enum\""));
}

static void write_inner(struct walk *walk, const char *key, enum place place,
                        const struct scan_item *item)
{
    json_key(&walk->w, key);
    enter(walk, place, item);
}

static void write_member(struct walk *walk, const struct scan_item *item, bool nullable)
{
    if (gemini_key_is(item->key, "type"))
        write_type(walk, item, nullable);
    else if (gemini_key_is(item->key, "enum"))
        write_enum(walk, item, nullable);
    else if (gemini_key_is(item->key, "properties"))
        write_inner(walk, "properties", MAP, item);
    else if (gemini_key_is(item->key, "items"))
        write_inner(walk, "items", SCHEMA, item);
    else if (gemini_key_is(item->key, "anyOf"))
        write_inner(walk, "anyOf", LIST, item);
    else if (!is_idle(item) && !write_count(walk, item)) {
        json_raw(&walk->w, item->key);
        (void)buf_add_byte(walk->w.out, ':');
        walk->w.comma = false;
        json_raw(&walk->w, item->raw);
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
        write_member(walk, &item, level->nullable);
        return;
    }
    if (level->place == MAP) {
        json_raw(&walk->w, item.key);
        (void)buf_add_byte(walk->w.out, ':');
        walk->w.comma = false;
    }
    enter(walk, SCHEMA, &item);
}

struct span gemini_read_schema(struct span schema, struct arena *arena)
{
    const struct scan_item root = { .kind = JSON_OBJECT, .raw = schema };
    struct walk walk = { .depth = 0 };
    struct span copy;
    struct buf out;

    buf_init(&out, 2 * schema.size + 64); /* "nullable": true is longer than "null" */
    walk.w = json_writer(&out);
    enter(&walk, SCHEMA, &root);
    while (walk.depth)
        step(&walk);
    copy = out.overflowed ? schema : arena_copy(arena, buf_span(&out));
    buf_done(&out);
    return copy;
}
