/* scan: finds the members of one JSON object that matter, without building a tree.
 *
 * A single pass that validates everything: the JSON grammar, UTF-8, surrogates, the depth
 * (LIMIT_JSON_DEPTH), the length and range of numbers. It accepts what yyjson accepts (but for depth
 * and number length), which a fuzz target holds it to. Keys are compared decoded, so that
 * "mod\u0065l" is found as "model". Time is linear, memory constant, recursion none. */
#ifndef LLM_SCAN_H
#define LLM_SCAN_H

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct scan_field {
    const char *name;
    enum json_kind kind; /* of the value, when found */
    struct span
        raw; /* the value in the text, quotes and brackets included; at == NULL: absent */
};

struct scan_result {
    size_t inside;         /* offset just behind the opening brace */
    bool empty;            /* {} */
    size_t error_at;       /* offset at which an error was noticed */
    const char *duplicate; /* ERR_DUPLICATE: the name of the field that stands twice */
};

/* Reads `text`, which must be one object with nothing but white space around it, and fills the
 * fields of the top level. ERR_SYNTAX, ERR_TYPE (valid JSON, but not an object), ERR_TOO_DEEP,
 * ERR_TOO_BIG (a number too long or too big), ERR_DUPLICATE (all is valid, but one of `fields` stands twice: it
 * then holds the last, as in the parsers of Python and JavaScript). */
enum err scan_object(struct span text, struct scan_field *fields, size_t count,
                     struct scan_result *ret);

/* Any valid JSON value and nothing else? */
enum err scan_value(struct span text, struct scan_result *ret);

/* ---- looking into a raw value that was found above ---- */

/* One member of an object, or one item of an array. */
struct scan_item {
    struct span key; /* raw, with its quotes; at == NULL in an array */
    enum json_kind kind;
    struct span raw;
};

/* Walks an object or array; *at starts as 0. False at the end, and at anything that is not valid. */
bool scan_next(struct span container, size_t *at, struct scan_item *ret);

/* The value at the front of `text` (after white space), whatever stands behind it. */
bool scan_front(struct span text, struct scan_item *ret);

/* What scan_key_is() does with a key that may hold escapes. */
bool scan_key_decodes(struct span key, const char *name);

/* Is the key of an item this name? Compares decoded. That of an item of an array is none: what comes from outside
 * may have an array where an object is expected. Here, so that a name that the compiler knows is compared in an
 * instruction or two. */
static inline __attribute__((always_inline)) bool scan_key_is(struct span key, const char *name)
{
    size_t size = strlen(name);

    /* What an escape means is shorter than itself. */
    if (key.size <= size + 2)
        return key.size == size + 2 && memcmp(key.at + 1, name, size) == 0;
    return (key.at[1] == name[0] || key.at[1] == '\\') && scan_key_decodes(key, name);
}

/* null, "", [] or {}: there, but saying nothing. */
bool scan_empty(const struct scan_item *item);

/* The decoded content of a raw string. Without escapes it points into `raw`. */
struct span scan_string(struct span raw, struct arena *arena);

/* The same JSON without white space between its tokens. */
struct span scan_compact(struct span raw, struct arena *arena);

/* A raw number that is a whole one, not negative, and fits. */
bool scan_u64(struct span raw, uint64_t *ret);

#endif
