#include "base/json.h"

#include "base/limits.h"

#include <assert.h>
#include <string.h>
#include <yyjson.h>

enum { PLAIN_BYTES = 256 }; /* of texts that are likely to need no escapes */

/* ---- writing ---- */

struct json_writer json_writer(struct buf *out)
{
    return (struct json_writer){ .out = out };
}

static void separate(struct json_writer *w)
{
    if (w->comma)
        (void)buf_add_byte(w->out, ',');
    w->comma = true;
}

void json_begin(struct json_writer *w, char bracket)
{
    separate(w);
    (void)buf_add_byte(w->out, bracket);
    w->comma = false;
}

void json_end(struct json_writer *w, char bracket)
{
    (void)buf_add_byte(w->out, bracket);
    w->comma = true;
}

void json_key_span(struct json_writer *w, struct span key)
{
    separate(w);
    json_quote(w->out, key);
    (void)buf_add_byte(w->out, ':');
    w->comma = false;
}

void json_key(struct json_writer *w, const char *key)
{
    size_t size = strlen(key);
    char *at = buf_fits(w->out, size + 4) ? w->out->bytes + w->out->end
                                          : buf_reserve(w->out, size + 4);

    if (at == NULL)
        return;
    if (w->comma)
        *at++ = ',';
    *at++ = '"';
    memcpy(at, key, size); /* NOLINT(bugprone-not-null-terminated-result): no C string */
    at[size] = '"';
    at[size + 1] = ':';
    w->out->end += size + 3 + w->comma;
    w->comma = false;
}

static bool plain(unsigned char c)
{
    return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

static void escape(struct buf *out, unsigned char c)
{
    static const char *const named[0x20] = {
        ['\b'] = "\\b", ['\f'] = "\\f", ['\n'] = "\\n", ['\r'] = "\\r", ['\t'] = "\\t",
    };

    if (c == '"' || c == '\\') {
        char pair[2] = { '\\', (char)c };

        (void)buf_append(out, pair, 2);
    } else if (c < 0x20 && named[c]) {
        (void)buf_add_text(out, named[c]);
    } else {
        (void)buf_printf(out, "\\u%04x", c);
    }
}

/* Is one of these bytes to be escaped, or not ASCII? */
static bool any_to_escape(uint64_t bytes)
{
    static const uint64_t each = 0x0101010101010101u;

    return (((bytes ^ each * '"') - each) | ((bytes ^ each * '\\') - each) |
            ((bytes ^ each * 0x7f) - each) | (bytes - each * 0x20) | bytes) &
           each * 0x80;
}

/* Copies eight bytes; false when one of them is to be escaped. */
static bool copy_eight(char *to, const char *from)
{
    uint64_t bytes;

    memcpy(&bytes, from, sizeof(bytes));
    memcpy(to, &bytes, sizeof(bytes));
    return !any_to_escape(bytes);
}

/* The same with four to seven: the last four may be partly the first ones. */
static bool copy_few(char *to, const char *from, size_t size)
{
    uint32_t first;
    uint32_t last;

    memcpy(&first, from, sizeof(first));
    memcpy(&last, from + size - sizeof(last), sizeof(last));
    memcpy(to, &first, sizeof(first));
    memcpy(to + size - sizeof(last), &last, sizeof(last));
    return !any_to_escape((uint64_t)first << 32 | last);
}

/* Copies a text, and says whether there is nothing in it to escape. */
static bool copy_plain(char *to, struct span text)
{
    size_t i = 0;

    for (; text.size - i >= 8; i += 8)
        if (!copy_eight(to + i, text.at + i))
            return false;
    if (i == text.size)
        return true;
    if (i)
        return copy_eight(to + text.size - 8, text.at + text.size - 8);
    if (text.size >= 4)
        return copy_few(to, text.at, text.size);
    for (; i < text.size; i++) {
        to[i] = text.at[i];
        if (!plain((unsigned char)to[i]))
            return false;
    }
    return true;
}

/* A text with nothing in it to escape, as most are, into room that is there; false when it is another, or there is
 * none. */
static bool quote_plain(struct buf *out, struct span text)
{
    char *at = out->bytes + out->end;

    if (!buf_fits(out, text.size + 2) || !copy_plain(at + 1, text))
        return false;
    at[0] = '"';
    at[text.size + 1] = '"';
    out->end += text.size + 2;
    return true;
}

static void quote_any(struct buf *out, struct span text)
{
    (void)buf_add_byte(out, '"');
    while (text.size) {
        size_t run = 0;

        while (run < text.size && plain((unsigned char)text.at[run]))
            run++;
        (void)buf_append(out, text.at, run);
        text = span_skip(text, run);
        if (text.size == 0)
            break;
        if ((unsigned char)text.at[0] <= 0x7f) {
            escape(out, (unsigned char)text.at[0]);
            text = span_skip(text, 1);
        } else if (span_utf8(text)) {
            size_t size = span_utf8(text);

            (void)buf_append(out, text.at, size);
            text = span_skip(text, size);
        } else {
            (void)buf_add_text(out, "\xef\xbf\xbd");
            text = span_skip(text, 1);
        }
    }
    (void)buf_add_byte(out, '"');
}

void json_quote(struct buf *out, struct span text)
{
    if (text.size > PLAIN_BYTES || !quote_plain(out, text))
        quote_any(out, text);
}

void json_string(struct json_writer *w, struct span text)
{
    separate(w);
    json_quote(w->out, text);
}

void json_text(struct json_writer *w, const char *text)
{
    if (text)
        json_string(w, span_from(text));
    else
        json_null(w);
}

void json_u64(struct json_writer *w, uint64_t value)
{
    separate(w);
    (void)buf_add_u64(w->out, value);
}

void json_i64(struct json_writer *w, int64_t value)
{
    separate(w);
    if (value < 0)
        (void)buf_add_byte(w->out, '-');
    (void)buf_add_u64(w->out, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

void json_decimal(struct json_writer *w, uint64_t value, unsigned decimals)
{
    separate(w);
    (void)buf_add_decimal(w->out, value, decimals);
}

void json_bool(struct json_writer *w, bool value)
{
    json_raw(w, value ? SPAN_OF("true") : SPAN_OF("false"));
}

void json_null(struct json_writer *w)
{
    json_raw(w, SPAN_OF("null"));
}

void json_raw(struct json_writer *w, struct span json)
{
    separate(w);
    (void)buf_add(w->out, json);
}

void json_put_text(struct json_writer *w, const char *key, const char *text)
{
    json_key(w, key);
    json_text(w, text);
}

void json_put_string(struct json_writer *w, const char *key, struct span text)
{
    json_key(w, key);
    json_string(w, text);
}

void json_put_u64(struct json_writer *w, const char *key, uint64_t value)
{
    json_key(w, key);
    json_u64(w, value);
}

void json_put_decimal(struct json_writer *w, const char *key, uint64_t value, unsigned decimals)
{
    json_key(w, key);
    json_decimal(w, value, decimals);
}

void json_put_bool(struct json_writer *w, const char *key, bool value)
{
    json_key(w, key);
    json_bool(w, value);
}

/* ---- reading ---- */

/* struct json_doc and struct json are yyjson's own, under names that do not bring its header
 * along. */
static yyjson_doc *doc_of(const struct json_doc *doc)
{
    return (yyjson_doc *)(uintptr_t)doc;
}

static yyjson_val *value_of(const struct json *value)
{
    return (yyjson_val *)(uintptr_t)value;
}

static const struct json *as_json(yyjson_val *value)
{
    return (const struct json *)(const void *)value;
}

/* yyjson reads any depth without recursion, but what reads its tree may recurse. */
static bool too_deep(struct span text)
{
    size_t depth = 0;
    bool string = false;

    for (size_t i = 0; i < text.size; i++) {
        char c = text.at[i];

        if (string && c == '\\')
            i++;
        else if (c == '"')
            string = !string;
        else if (!string && (c == '{' || c == '['))
            depth++;
        else if (!string && (c == '}' || c == ']') && depth)
            depth--;
        if (depth > LIMIT_JSON_DEPTH)
            return true;
    }
    return false;
}

enum err json_parse(struct span text, struct json_doc **ret)
{
    yyjson_doc *doc;

    if (too_deep(text))
        return ERR_TOO_DEEP;
    doc = yyjson_read(text.at, text.size, YYJSON_READ_NOFLAG);
    if (doc == NULL)
        return ERR_SYNTAX;
    *ret = (struct json_doc *)(void *)doc;
    return ERR_OK;
}

void json_free(struct json_doc *doc)
{
    yyjson_doc_free(doc_of(doc));
}

const struct json *json_root(const struct json_doc *doc)
{
    return as_json(yyjson_doc_get_root(doc_of(doc)));
}

enum json_kind json_kind(const struct json *value)
{
    yyjson_val *val = value_of(value);

    if (yyjson_is_bool(val))
        return JSON_BOOL;
    if (yyjson_is_num(val))
        return JSON_NUMBER;
    if (yyjson_is_str(val))
        return JSON_STRING;
    if (yyjson_is_arr(val))
        return JSON_ARRAY;
    return yyjson_is_obj(val) ? JSON_OBJECT : JSON_NULL;
}

const struct json *json_member(const struct json *object, const char *key)
{
    return as_json(yyjson_obj_get(value_of(object), key));
}

size_t json_count(const struct json *array_or_object)
{
    yyjson_val *val = value_of(array_or_object);

    return yyjson_is_arr(val) ? yyjson_arr_size(val) : yyjson_obj_size(val);
}

const struct json *json_item(const struct json *array, size_t at)
{
    return as_json(yyjson_arr_get(value_of(array), at));
}

const struct json *json_member_at(const struct json *object, size_t at, struct span *ret_key)
{
    yyjson_obj_iter walk = yyjson_obj_iter_with(value_of(object));
    yyjson_val *key;

    while ((key = yyjson_obj_iter_next(&walk)) != NULL)
        if (at-- == 0) {
            *ret_key = span_make(yyjson_get_str(key), yyjson_get_len(key));
            return as_json(yyjson_obj_iter_get_val(key));
        }
    return NULL;
}

bool json_read_string(const struct json *value, struct span *ret)
{
    yyjson_val *val = value_of(value);

    if (!yyjson_is_str(val))
        return false;
    *ret = span_make(yyjson_get_str(val), yyjson_get_len(val));
    return true;
}

bool json_read_u64(const struct json *value, uint64_t *ret)
{
    yyjson_val *val = value_of(value);

    if (!yyjson_is_uint(val))
        return false;
    *ret = yyjson_get_uint(val);
    return true;
}

bool json_read_double(const struct json *value, double *ret)
{
    yyjson_val *val = value_of(value);

    if (!yyjson_is_num(val))
        return false;
    *ret = yyjson_get_num(val);
    return true;
}

bool json_read_bool(const struct json *value, bool *ret)
{
    yyjson_val *val = value_of(value);

    if (!yyjson_is_bool(val))
        return false;
    *ret = yyjson_get_bool(val);
    return true;
}
