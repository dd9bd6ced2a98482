#include "llm/scan.h"

#include "base/limits.h"
#include "llm/scan_parts.h"

#include <assert.h>
#include <string.h>

/* One pass over the text. `at` never goes beyond `end`, and stands where an error was noticed. */
struct reader {
    const char *start;
    const char *at;
    const char *end;
};

static_assert(LIMIT_JSON_DEPTH <= 64, "what is open is remembered in 64 bits");

static struct reader reader_of(struct span text)
{
    return (struct reader){ text.at, text.at, text.size ? text.at + text.size : text.at };
}

/* The next byte, or 0 at the end; a NUL byte is nowhere valid, so the two need no telling apart. */
static char peek(const struct reader *r)
{
    if (r->at == r->end)
        return 0;
    return *r->at;
}

static void skip_spaces(struct reader *r)
{
    while (r->at < r->end &&
           (*r->at == ' ' || *r->at == '\n' || *r->at == '\r' || *r->at == '\t'))
        r->at++;
}

static inline void skip_space(struct reader *r)
{
    if (r->at < r->end && *r->at <= ' ') /* mostly there is none */
        skip_spaces(r);
}

static bool skip_byte(struct reader *r, char byte)
{
    if (peek(r) != byte)
        return false;
    r->at++;
    return true;
}

static struct span since(const struct reader *r, const char *start)
{
    return span_make(start, (size_t)(r->at - start));
}

/* ---- values ---- */

static enum err skip_word(struct reader *r, const char *word)
{
    if (!span_starts(span_make(r->at, (size_t)(r->end - r->at)), word))
        return ERR_SYNTAX;
    r->at += strlen(word);
    return ERR_OK;
}

static enum err skip_scalar(struct reader *r)
{
    switch (peek(r)) {
    case '"': r->at++; return scan_skip_string(&r->at, r->end) ? ERR_OK : ERR_SYNTAX;
    case 't': return skip_word(r, "true");
    case 'f': return skip_word(r, "false");
    case 'n': return skip_word(r, "null");
    default: return scan_skip_number(&r->at, r->end);
    }
}

/* The key of a member, with what stands around it, up to its value. */
static bool skip_key(struct reader *r, struct span *ret_raw)
{
    const char *start;

    skip_space(r);
    start = r->at;
    if (!skip_byte(r, '"') || !scan_skip_string(&r->at, r->end))
        return false;
    *ret_raw = since(r, start);
    skip_space(r);
    return skip_byte(r, ':');
}

/* What is open around the value that is read now: a bit each, 1 for an object, the innermost is
 * the lowest. */
struct nest {
    uint64_t objects;
    unsigned open;
    unsigned outside; /* levels around the first value */
};

/* Opens the container at `at`; when it has content, `at` then stands before its first value. */
static enum err open_container(struct reader *r, struct nest *nest)
{
    bool object = *r->at == '{';
    struct span key;

    if (nest->outside + nest->open == LIMIT_JSON_DEPTH)
        return ERR_TOO_DEEP;
    r->at++;
    skip_space(r);
    if (skip_byte(r, object ? '}' : ']'))
        return ERR_OK;
    nest->objects = nest->objects << 1 | object;
    nest->open++;
    return object && !skip_key(r, &key) ? ERR_SYNTAX : ERR_OK;
}

/* A value has ended: closes what ends with it. True when another value must follow. */
static enum err next_value(struct reader *r, struct nest *nest, bool *ret_more)
{
    struct span key;

    while (nest->open) {
        bool object = nest->objects & 1;

        skip_space(r);
        if (skip_byte(r, ',')) {
            *ret_more = true;
            return object && !skip_key(r, &key) ? ERR_SYNTAX : ERR_OK;
        }
        if (!skip_byte(r, object ? '}' : ']'))
            return ERR_SYNTAX;
        nest->objects >>= 1;
        nest->open--;
    }
    *ret_more = false;
    return ERR_OK;
}

/* One value, whatever it holds, `outside` levels deep. */
static enum err skip_value(struct reader *r, unsigned outside)
{
    struct nest nest = { .outside = outside };
    bool more = true;

    skip_space(r);
    if (peek(r) != '{' && peek(r) != '[')
        return skip_scalar(r);
    while (more) {
        enum err err;

        skip_space(r);
        if (peek(r) == '{' || peek(r) == '[') {
            unsigned before = nest.open;

            err = open_container(r, &nest);
            if (err == ERR_OK && nest.open > before)
                continue;
        } else {
            err = skip_scalar(r);
        }
        if (err == ERR_OK)
            err = next_value(r, &nest, &more);
        if (err)
            return err;
    }
    return ERR_OK;
}

enum json_kind scan_kind_of(char first)
{
    switch (first) {
    case '{': return JSON_OBJECT;
    case '[': return JSON_ARRAY;
    case '"': return JSON_STRING;
    case 't':
    case 'f': return JSON_BOOL;
    case 'n': return JSON_NULL;
    default: return JSON_NUMBER;
    }
}

static enum err read_value(struct reader *r, unsigned outside, struct scan_item *ret)
{
    const char *start;
    enum err err;

    skip_space(r);
    start = r->at;
    err = skip_value(r, outside);
    if (err)
        return err;
    ret->kind = scan_kind_of(*start);
    ret->raw = since(r, start);
    return ERR_OK;
}

/* ---- the whole text ---- */

struct scan_field *scan_find_field(struct scan_field *fields, size_t count, struct span key)
{
    for (size_t i = 0; i < count; i++)
        if (scan_key_is(key, fields[i].name))
            return &fields[i];
    return NULL;
}

static enum err read_member(struct reader *r, struct scan_field *fields, size_t count,
                            const char **ret_duplicate)
{
    struct scan_item item = { 0 };
    struct scan_field *field;
    enum err err;

    if (!skip_key(r, &item.key))
        return ERR_SYNTAX;
    err = read_value(r, 1, &item);
    if (err)
        return err;
    field = scan_find_field(fields, count, item.key);
    if (field && field->raw.at && *ret_duplicate == NULL)
        *ret_duplicate = field->name;
    if (field) {
        field->kind = item.kind;
        field->raw = item.raw;
    }
    return ERR_OK;
}

static enum err read_members(struct reader *r, struct scan_field *fields, size_t count,
                             struct scan_result *ret)
{
    r->at++;
    ret->inside = (size_t)(r->at - r->start);
    skip_space(r);
    ret->empty = skip_byte(r, '}');
    if (ret->empty)
        return ERR_OK;
    for (;;) {
        enum err err = read_member(r, fields, count, &ret->duplicate);

        if (err)
            return err;
        skip_space(r);
        if (skip_byte(r, '}'))
            return ERR_OK;
        if (!skip_byte(r, ','))
            return ERR_SYNTAX;
    }
}

/* Nothing but white space may follow. */
static enum err read_end(struct reader *r)
{
    skip_space(r);
    return r->at == r->end ? ERR_OK : ERR_SYNTAX;
}

enum err scan_object(struct span text, struct scan_field *fields, size_t count,
                     struct scan_result *ret)
{
    struct reader r = reader_of(text);
    enum err err;

    *ret = (struct scan_result){ 0 };
    for (size_t i = 0; i < count; i++)
        fields[i].raw = (struct span){ 0 };
    skip_space(&r);
    if (peek(&r) != '{') {
        err = scan_value(text, ret);
        return err ? err : ERR_TYPE;
    }
    err = read_members(&r, fields, count, ret);
    if (err == ERR_OK)
        err = read_end(&r);
    ret->error_at = (size_t)(r.at - r.start);
    if (err)
        return err;
    return ret->duplicate ? ERR_DUPLICATE : ERR_OK;
}

enum err scan_value(struct span text, struct scan_result *ret)
{
    struct reader r = reader_of(text);
    enum err err = skip_value(&r, 0);

    *ret = (struct scan_result){ 0 };
    if (err == ERR_OK)
        err = read_end(&r);
    ret->error_at = (size_t)(r.at - r.start);
    return err;
}

/* ---- looking into a raw value ---- */

bool scan_next(struct span container, size_t *at, struct scan_item *ret)
{
    struct reader r = reader_of(container);
    struct scan_item item = { 0 };
    bool first = *at == 0;
    bool object = peek(&r) == '{';

    if (container.size == 0)
        return false;
    r.at += *at;
    if (first && !skip_byte(&r, object ? '{' : '['))
        return false;
    skip_space(&r);
    if (!first && !skip_byte(&r, ','))
        return false;
    if (object && !skip_key(&r, &item.key))
        return false;
    if (read_value(&r, 1, &item))
        return false;
    *at = (size_t)(r.at - r.start);
    *ret = item;
    return true;
}

/* ---- walking ---- */

static void walk_in(struct scan_walk *walk, struct reader *r)
{
    walk->objects = walk->objects << 1 | (*r->at == '{');
    walk->depth++;
    walk->fresh = true;
    r->at++;
}

/* Closes what ends here. False when nothing is left, or what stands here is wrong. */
static bool walk_on(struct scan_walk *walk, struct reader *r)
{
    skip_space(r);
    while (walk->depth && skip_byte(r, walk->objects & 1 ? '}' : ']')) {
        walk->objects >>= 1;
        walk->depth--;
        walk->fresh = false;
        skip_space(r);
    }
    return walk->depth && (walk->fresh || skip_byte(r, ','));
}

struct scan_walk scan_walk(struct span container)
{
    struct scan_walk walk = { .text = container };
    struct reader r = reader_of(container);

    skip_space(&r);
    if (peek(&r) == '{' || peek(&r) == '[')
        walk_in(&walk, &r);
    walk.at = (size_t)(r.at - r.start);
    return walk;
}

bool scan_walk_next(struct scan_walk *walk, struct scan_item *ret, unsigned *ret_depth)
{
    struct reader r = reader_of(walk->text);
    struct scan_item item = { 0 };
    const char *start;
    bool more;

    r.at += walk->at;
    more = walk_on(walk, &r);
    walk->at = (size_t)(r.at - r.start);
    if (!more || (walk->objects & 1 && !skip_key(&r, &item.key)))
        return false;
    skip_space(&r);
    start = r.at;
    item.kind = scan_kind_of(peek(&r));
    *ret_depth = walk->depth;
    if (item.kind != JSON_OBJECT && item.kind != JSON_ARRAY) {
        if (skip_scalar(&r))
            return false;
        walk->fresh = false;
    } else if (walk->depth < LIMIT_JSON_DEPTH) {
        walk_in(walk, &r);
    } else {
        return false;
    }
    item.raw = since(&r, start);
    walk->at = (size_t)(r.at - r.start);
    *ret = item;
    return true;
}

bool scan_walk_over(struct scan_walk *walk)
{
    struct reader r = reader_of(walk->text);

    assert(walk->fresh && walk->depth);
    r.at += walk->at - 1; /* its bracket */
    walk->objects >>= 1;
    walk->depth--;
    walk->fresh = false;
    if (skip_value(&r, walk->depth)) {
        walk->depth = LIMIT_JSON_DEPTH; /* never whole any more */
        return false;
    }
    walk->at = (size_t)(r.at - r.start);
    return true;
}

bool scan_walk_whole(const struct scan_walk *walk)
{
    struct reader r = reader_of(walk->text);

    r.at += walk->at;
    return walk->at > 0 && walk->depth == 0 && read_end(&r) == ERR_OK;
}

bool scan_front(struct span text, struct scan_item *ret)
{
    struct reader r = reader_of(text);
    struct scan_item item = { 0 };

    if (read_value(&r, 0, &item))
        return false;
    *ret = item;
    return true;
}

bool scan_empty(const struct scan_item *item)
{
    struct reader r = reader_of(item->raw);

    if (item->kind == JSON_NULL)
        return true;
    if (item->kind == JSON_STRING)
        return item->raw.size == 2;
    if (item->kind != JSON_ARRAY && item->kind != JSON_OBJECT)
        return false;
    r.at++;
    skip_space(&r);
    return peek(&r) == '}' || peek(&r) == ']';
}

bool scan_u64(struct span raw, uint64_t *ret)
{
    return span_u64(raw, ret);
}
