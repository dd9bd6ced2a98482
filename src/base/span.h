/* span: a stretch of bytes that somebody else owns.
 *
 * Passed by value. `at` may be NULL only when `size` is 0. A span never says who owns the bytes or
 * how long they live: the function that gives it does. */
#ifndef BASE_SPAN_H
#define BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct span {
    const char *at;
    size_t size;
};

/* A string literal as a span, also in static initialisers. */
#define SPAN(literal)                                                                          \
    {                                                                                          \
        (literal), sizeof(literal) - 1                                                         \
    }

/* The same as an expression. */
#define SPAN_OF(literal) ((struct span)SPAN(literal))

/* For printf's "%.*s". */
#define SPAN_ARG(span) (int)(span).size, (span).at

struct span span_make(const char *at, size_t size);

/* These are here so that of a literal, which `text` nearly always is, the compiler knows the size:
 * most comparisons then end with the sizes. */
static inline struct span span_from(const char *text) /* NULL becomes the empty span */
{
    return (struct span){ text, text ? strlen(text) : 0 };
}

static inline bool span_equal(struct span a, struct span b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.at, b.at, a.size) == 0);
}

static inline bool span_is(struct span a, const char *text)
{
    return span_equal(a, span_from(text));
}

static inline bool span_starts(struct span a, const char *prefix)
{
    return span_equal((struct span){ a.at, a.size < strlen(prefix) ? a.size : strlen(prefix) },
                      span_from(prefix));
}

bool span_equal_nocase(struct span a, struct span b); /* ASCII */

static inline bool span_is_nocase(struct span a, const char *text)
{
    return a.size == strlen(text) && span_equal_nocase(a, span_from(text));
}

bool span_ends(struct span a, const char *suffix);
int span_compare(struct span a, struct span b); /* like memcmp, shorter first */

/* The bytes from `from` on; empty when `from` is past the end. */
struct span span_skip(struct span a, size_t from);
struct span span_first(struct span a, size_t size);
struct span span_trim(struct span a); /* without spaces and tabs at both ends */

/* Position of the first `byte`, or SIZE_MAX. */
size_t span_find(struct span a, char byte);
/* Position of the first `text`, or SIZE_MAX. */
size_t span_find_text(struct span a, const char *text);

/* Position of the first control byte (below 0x20, or 0x7f), or SIZE_MAX. */
size_t span_find_control(struct span a);

/* Position of the first LF or CR, or SIZE_MAX. */
size_t span_find_line_end(struct span a);

/* Position of the first what[0] that has one of the other three right behind it, or SIZE_MAX. */
size_t span_find_pair(struct span a, const char what[4]);

/* Cuts the part up to `byte` off the front of *rest (the byte itself goes, too); everything when
 * there is none. */
struct span span_cut(struct span *rest, char byte);

/* Length of the valid UTF-8 sequence at the front, 1 to 4; 0 when there is none. */
size_t span_utf8(struct span a);

/* Decimal digits only, nothing else, no sign; false and *ret untouched when not so or too big. */
bool span_u64(struct span a, uint64_t *ret);

/* Quick and unkeyed: for tables of names that we chose ourselves, never for names that a client
 * chooses. */
uint64_t span_hash(struct span a);

/* Number of edits (insert, delete, replace, swap of neighbours) between two names, for "did you
 * mean"; names longer than 64 bytes answer UINT32_MAX. Compares without regard to case. */
uint32_t span_distance(struct span a, struct span b);

#endif
