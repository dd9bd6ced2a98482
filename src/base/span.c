#include "base/span.h"

#include <string.h>
#include <strings.h>

enum { DISTANCE_MAX = 64 };

struct span span_make(const char *at, size_t size)
{
    return (struct span){ at, size };
}

struct span span_from(const char *text)
{
    return (struct span){ text, text ? strlen(text) : 0 };
}

bool span_equal(struct span a, struct span b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.at, b.at, a.size) == 0);
}

bool span_is(struct span a, const char *text)
{
    return span_equal(a, span_from(text));
}

bool span_equal_nocase(struct span a, struct span b)
{
    return a.size == b.size && (a.size == 0 || strncasecmp(a.at, b.at, a.size) == 0);
}

bool span_is_nocase(struct span a, const char *text)
{
    return span_equal_nocase(a, span_from(text));
}

bool span_starts(struct span a, const char *prefix)
{
    size_t size = strlen(prefix);

    return a.size >= size && (size == 0 || memcmp(a.at, prefix, size) == 0);
}

bool span_ends(struct span a, const char *suffix)
{
    size_t size = strlen(suffix);

    return a.size >= size && (size == 0 || memcmp(a.at + a.size - size, suffix, size) == 0);
}

int span_compare(struct span a, struct span b)
{
    size_t size = a.size < b.size ? a.size : b.size;
    int order = size ? memcmp(a.at, b.at, size) : 0;

    return order ? order : (a.size > b.size) - (a.size < b.size);
}

struct span span_skip(struct span a, size_t from)
{
    if (from >= a.size)
        return (struct span){ a.at, 0 };
    return (struct span){ a.at + from, a.size - from };
}

struct span span_first(struct span a, size_t size)
{
    return (struct span){ a.at, size < a.size ? size : a.size };
}

struct span span_trim(struct span a)
{
    while (a.size && (a.at[0] == ' ' || a.at[0] == '\t'))
        a = span_skip(a, 1);
    while (a.size && (a.at[a.size - 1] == ' ' || a.at[a.size - 1] == '\t'))
        a.size--;
    return a;
}

size_t span_find(struct span a, char byte)
{
    const char *found = a.size ? memchr(a.at, byte, a.size) : NULL;

    return found ? (size_t)(found - a.at) : SIZE_MAX;
}

size_t span_find_text(struct span a, const char *text)
{
    const char *found = a.size ? memmem(a.at, a.size, text, strlen(text)) : NULL;

    return found ? (size_t)(found - a.at) : SIZE_MAX;
}

struct span span_cut(struct span *rest, char byte)
{
    size_t end = span_find(*rest, byte);
    struct span part = span_first(*rest, end);

    *rest = span_skip(*rest, end == SIZE_MAX ? rest->size : end + 1);
    return part;
}

size_t span_utf8(struct span a)
{
    const unsigned char *at = (const unsigned char *)a.at;
    size_t size;

    if (a.size == 0)
        return 0;
    size = at[0] < 0x80 ? 1 : at[0] < 0xc2 ? 0 : at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : 4;
    if (size == 0 || at[0] > 0xf4 || size > a.size)
        return 0;
    for (size_t i = 1; i < size; i++)
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    if ((at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xed && at[1] > 0x9f) ||
        (at[0] == 0xf0 && at[1] < 0x90) || (at[0] == 0xf4 && at[1] > 0x8f))
        return 0; /* overlong, a surrogate, or beyond Unicode */
    return size;
}

bool span_u64(struct span a, uint64_t *ret)
{
    uint64_t value = 0;

    if (a.size == 0)
        return false;
    for (size_t i = 0; i < a.size; i++) {
        if (a.at[i] < '0' || a.at[i] > '9')
            return false;
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(a.at[i] - '0'), &value))
            return false;
    }
    *ret = value;
    return true;
}

uint64_t span_hash(struct span a)
{
    uint64_t hash = 0xcbf29ce484222325u;

    for (size_t i = 0; i < a.size; i++)
        hash = (hash ^ (unsigned char)a.at[i]) * 0x100000001b3u;
    return hash;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

uint32_t span_distance(struct span a, struct span b)
{
    uint32_t rows[3][DISTANCE_MAX + 1];
    uint32_t *before = rows[0];
    uint32_t *last = rows[1];
    uint32_t *row = rows[2];

    if (a.size > DISTANCE_MAX || b.size > DISTANCE_MAX)
        return UINT32_MAX;
    for (size_t j = 0; j <= b.size; j++)
        last[j] = (uint32_t)j;
    for (size_t i = 1; i <= a.size; i++) {
        uint32_t *oldest = before;

        row[0] = (uint32_t)i;
        for (size_t j = 1; j <= b.size; j++) {
            bool same = lower(a.at[i - 1]) == lower(b.at[j - 1]);

            row[j] = least(least(last[j] + 1, row[j - 1] + 1), last[j - 1] + (same ? 0 : 1));
            if (i > 1 && j > 1 && lower(a.at[i - 1]) == lower(b.at[j - 2]) &&
                lower(a.at[i - 2]) == lower(b.at[j - 1]))
                row[j] = least(row[j], before[j - 2] + 1);
        }
        before = last;
        last = row;
        row = oldest;
    }
    return last[b.size];
}
