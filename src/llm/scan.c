#include "llm/scan.h"

#include "llm/scan_parts.h"
#include "llm/scan_token.h"

#include <assert.h>
#include <string.h>

/* ---- what tokens are not short ---- */

const char *scan_behind_spaces(const char *at, const char *end)
{
    while (at < end && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t'))
        at++;
    return at;
}

struct scan_spot scan_long_number(const char *at, const char *end)
{
    enum err err = scan_skip_number(&at, end);

    return (struct scan_spot){ at, err };
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

/* ---- values ---- */

/* What is open around the value that is read now: a bit each, 1 for an object, the innermost is
 * the lowest. */
struct nest {
    uint64_t objects;
    unsigned open;
    unsigned outside; /* levels around the first value */
};

/* Opens the container at `at`; when it has content, `at` then stands before its first value. */
SCAN_TOKEN enum err open_container(struct scan_reader *r, struct nest *nest)
{
    bool object = *r->at == '{';
    struct span key;

    if (nest->outside + nest->open == LIMIT_JSON_DEPTH)
        return ERR_TOO_DEEP;
    r->at++;
    if (scan_skip_byte(r, object ? '}' : ']'))
        return ERR_OK;
    nest->objects = nest->objects << 1 | object;
    nest->open++;
    return object && !scan_skip_key(r, &key) ? ERR_SYNTAX : ERR_OK;
}

/* A value has ended: closes what ends with it. True when another value must follow. */
SCAN_TOKEN enum err next_value(struct scan_reader *r, struct nest *nest, bool *ret_more)
{
    struct span key;

    while (nest->open) {
        bool object = nest->objects & 1;

        if (scan_skip_byte(r, ',')) {
            *ret_more = true;
            return object && !scan_skip_key(r, &key) ? ERR_SYNTAX : ERR_OK;
        }
        if (!scan_skip_byte(r, object ? '}' : ']'))
            return ERR_SYNTAX;
        nest->objects >>= 1;
        nest->open--;
    }
    *ret_more = false;
    return ERR_OK;
}

/* One object or array, which begins at `at`, and all that it holds. */
SCAN_TOKEN enum err read_container(struct scan_reader *r, unsigned outside)
{
    struct nest nest = { .outside = outside };
    bool more = true;

    while (more) {
        enum json_kind kind;
        enum err err;

        scan_skip_space(r);
        if (scan_peek(r) == '{' || scan_peek(r) == '[') {
            unsigned before = nest.open;

            err = open_container(r, &nest);
            if (err == ERR_OK && nest.open > before)
                continue;
        } else {
            err = scan_skip_scalar(r, &kind);
        }
        if (err == ERR_OK)
            err = next_value(r, &nest, &more);
        if (err)
            return err;
    }
    return ERR_OK;
}

struct scan_spot scan_skip_container(const char *at, const char *end, unsigned outside)
{
    struct scan_reader r = { at, at, end };
    enum err err = read_container(&r, outside);

    return (struct scan_spot){ r.at, err };
}

/* One value, whatever it holds, `outside` levels deep. */
SCAN_TOKEN enum err read_value(struct scan_reader *r, unsigned outside, struct scan_item *ret)
{
    const char *start;
    enum err err;
    char first;

    scan_skip_space(r);
    start = r->at;
    first = scan_peek(r);
    if (first == '{' || first == '[') {
        ret->kind = first == '{' ? JSON_OBJECT : JSON_ARRAY;
        err = scan_go_to(r, scan_skip_container(r->at, r->end, outside));
    } else {
        err = scan_skip_scalar(r, &ret->kind);
    }
    ret->raw = scan_since(r, start);
    return err;
}

/* ---- the whole text ---- */

struct scan_field *scan_find_field(struct scan_field *fields, size_t count, struct span key)
{
    /* Nearly every key differs at its first byte from what is looked for. */
    for (size_t i = 0; i < count; i++) {
        bool other = key.at[1] != fields[i].name[0] && key.at[1] != '\\';

        if (!(other && key.size > 2) && scan_key_is(key, fields[i].name))
            return &fields[i];
    }
    return NULL;
}

SCAN_TOKEN enum err read_member(struct scan_reader *r, struct scan_field *fields, size_t count,
                                const char **ret_duplicate)
{
    struct scan_item item = { 0 };
    struct scan_field *field;
    enum err err;

    if (!scan_skip_key(r, &item.key))
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

SCAN_TOKEN enum err read_members(struct scan_reader *r, struct scan_field *fields, size_t count,
                                 struct scan_result *ret)
{
    r->at++;
    ret->inside = (size_t)(r->at - r->start);
    ret->empty = scan_skip_byte(r, '}');
    if (ret->empty)
        return ERR_OK;
    for (;;) {
        enum err err = read_member(r, fields, count, &ret->duplicate);

        if (err)
            return err;
        if (scan_skip_byte(r, ','))
            continue;
        return scan_skip_byte(r, '}') ? ERR_OK : ERR_SYNTAX;
    }
}

/* Nothing but white space may follow. */
static enum err read_end(struct scan_reader *r)
{
    scan_skip_space(r);
    return r->at == r->end ? ERR_OK : ERR_SYNTAX;
}

enum err scan_object(struct span text, struct scan_field *fields, size_t count,
                     struct scan_result *ret)
{
    struct scan_reader r = scan_reader_of(text);
    enum err err;

    *ret = (struct scan_result){ 0 };
    for (size_t i = 0; i < count; i++)
        fields[i].raw = (struct span){ 0 };
    scan_skip_space(&r);
    if (scan_peek(&r) != '{') {
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
    struct scan_reader r = scan_reader_of(text);
    struct scan_item item;
    enum err err = read_value(&r, 0, &item);

    *ret = (struct scan_result){ 0 };
    if (err == ERR_OK)
        err = read_end(&r);
    ret->error_at = (size_t)(r.at - r.start);
    return err;
}

/* ---- looking into a raw value ---- */

bool scan_next(struct span container, size_t *at, struct scan_item *ret)
{
    struct scan_reader r = scan_reader_of(container);
    struct scan_item item = { 0 };
    bool first = *at == 0;
    bool object = scan_peek(&r) == '{';

    if (container.size == 0)
        return false;
    r.at += *at;
    if (first && !scan_skip_byte(&r, object ? '{' : '['))
        return false;
    if (!first && !scan_skip_byte(&r, ','))
        return false;
    if (object && !scan_skip_key(&r, &item.key))
        return false;
    if (read_value(&r, 1, &item))
        return false;
    *at = (size_t)(r.at - r.start);
    *ret = item;
    return true;
}

bool scan_front(struct span text, struct scan_item *ret)
{
    struct scan_reader r = scan_reader_of(text);
    struct scan_item item = { 0 };

    if (read_value(&r, 0, &item))
        return false;
    *ret = item;
    return true;
}

bool scan_empty(const struct scan_item *item)
{
    struct scan_reader r = scan_reader_of(item->raw);

    if (item->kind == JSON_NULL)
        return true;
    if (item->kind == JSON_STRING)
        return item->raw.size == 2;
    if (item->kind != JSON_ARRAY && item->kind != JSON_OBJECT)
        return false;
    r.at++;
    scan_skip_space(&r);
    return scan_peek(&r) == '}' || scan_peek(&r) == ']';
}

bool scan_u64(struct span raw, uint64_t *ret)
{
    return span_u64(raw, ret);
}
