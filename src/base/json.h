/* json: writing JSON into a buf, and reading it into a tree.
 *
 * The writer puts the commas itself:
 *
 *     struct json_writer w = json_writer(&buf);
 *     json_begin(&w, '{');
 *     json_key(&w, "name");
 *     json_text(&w, "x");
 *     json_end(&w, '}');
 *
 * It always writes valid UTF-8: an invalid byte becomes U+FFFD. The reader is yyjson behind a small
 * door: numbers keep 64 bits, keys compare byte for byte. It is not used on the hot path, where
 * llm/scan.h finds the few fields that matter without a tree. */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

/* ---- writing ---- */

struct json_writer {
    struct buf *out;
    bool comma; /* something stands before the next value */
};

struct json_writer json_writer(struct buf *out);
void json_begin(struct json_writer *w, char bracket);  /* '{' or '[' */
void json_end(struct json_writer *w, char bracket);    /* '}' or ']' */
void json_key(struct json_writer *w, const char *key); /* one of ours: nothing to escape */
void json_key_span(struct json_writer *w, struct span key);
void json_string(struct json_writer *w, struct span text);
void json_text(struct json_writer *w, const char *text); /* NULL writes null */
void json_u64(struct json_writer *w, uint64_t value);
void json_i64(struct json_writer *w, int64_t value);
/* value / 10^decimals, exactly: json_decimal(w, 1234, 3) writes 1.234 */
void json_decimal(struct json_writer *w, uint64_t value, unsigned decimals);
void json_bool(struct json_writer *w, bool value);
void json_null(struct json_writer *w);
void json_raw(struct json_writer *w, struct span json); /* already JSON */

/* A key and its value in one. */
void json_put_text(struct json_writer *w, const char *key, const char *text);
void json_put_string(struct json_writer *w, const char *key, struct span text);
void json_put_u64(struct json_writer *w, const char *key, uint64_t value);
void json_put_decimal(struct json_writer *w, const char *key, uint64_t value,
                      unsigned decimals);
void json_put_bool(struct json_writer *w, const char *key, bool value);

/* The string in quotes, escaped, without any writer. */
void json_quote(struct buf *out, struct span text);

/* ---- reading ---- */

struct json_doc;
struct json; /* one value of a document */

enum json_kind { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

/* ERR_SYNTAX, or ERR_TOO_DEEP beyond LIMIT_JSON_DEPTH levels. Gives the document; it does not need
 * `text` afterwards. */
enum err json_parse(struct span text, struct json_doc **ret);
void json_free(struct json_doc *doc);
const struct json *json_root(const struct json_doc *doc);

/* All readers take NULL for "is not there" and answer NULL, false or the given value. */
enum json_kind json_kind(const struct json *value); /* NULL: JSON_NULL */
const struct json *json_member(const struct json *object, const char *key); /* the first */
size_t json_count(const struct json *array_or_object);
const struct json *json_item(const struct json *array, size_t at);
/* Member number `at` of an object, with its key. Slow for large `at`. */
const struct json *json_member_at(const struct json *object, size_t at, struct span *ret_key);
bool json_read_string(const struct json *value, struct span *ret); /* lends */
bool json_read_u64(const struct json *value, uint64_t *ret);
bool json_read_double(const struct json *value, double *ret); /* any number */
bool json_read_bool(const struct json *value, bool *ret);

#endif
