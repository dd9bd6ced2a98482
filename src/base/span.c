#include "base/span.h"

#include <string.h>
#include <strings.h>
#ifdef __SSE2__
#    include <emmintrin.h>
#endif

enum { DISTANCE_MAX = 64 };

struct span span_make(const char *at, size_t size)
{
    return (struct span){ at, size };
}

bool span_equal_nocase(struct span a, struct span b)
{
    return a.size == b.size && (a.size == 0 || strncasecmp(a.at, b.at, a.size) == 0);
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

/* ---- searching, sixteen bytes at once where the machine can ---- */

#ifdef __SSE2__
enum { BLOCK_BYTES = sizeof(__m128i) };

static __m128i load(const char *at)
{
    return _mm_loadu_si128((const __m128i *)(const void *)at);
}

static __m128i equal(__m128i block, char byte)
{
    return _mm_cmpeq_epi8(block, _mm_set1_epi8(byte));
}

static unsigned bits(__m128i found)
{
    return (unsigned)_mm_movemask_epi8(found);
}

/* Which of the bytes of the block at `at` are it. `what` says more of what is meant. */
typedef unsigned (*match_fn)(const char *at, const char *what);

/* The first place that matches, or SIZE_MAX. A match looks at `width` bytes, and so many there are at least. The
 * last block ends where they do, so that no byte is left over. */
static inline size_t find_match(struct span a, size_t width, match_fn match, const char *what)
{
    size_t last = a.size - width;
    size_t at = 0;

    for (;;) {
        unsigned found = match(a.at + at, what);

        if (found)
            return at + (unsigned)__builtin_ctz(found);
        if (at == last)
            return SIZE_MAX;
        at = last - at < BLOCK_BYTES ? last : at + BLOCK_BYTES;
    }
}

static inline unsigned match_control(const char *at, const char *what)
{
    __m128i block = load(at);
    __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(block, _mm_set1_epi8(0x1f)), block);

    (void)what;
    return bits(_mm_or_si128(low, equal(block, 0x7f)));
}

static inline unsigned match_line_end(const char *at, const char *what)
{
    __m128i block = load(at);

    (void)what;
    return bits(_mm_or_si128(equal(block, '\n'), equal(block, '\r')));
}

/* what[0], and one of the three others right behind it. */
static inline unsigned match_pair(const char *at, const char *what)
{
    __m128i next = load(at + 1);
    __m128i one_of = _mm_or_si128(_mm_or_si128(equal(next, what[1]), equal(next, what[2])),
                                  equal(next, what[3]));

    return bits(_mm_and_si128(equal(load(at), what[0]), one_of));
}
#endif

size_t span_find_control(struct span a)
{
#ifdef __SSE2__
    if (a.size >= BLOCK_BYTES)
        return find_match(a, BLOCK_BYTES, match_control, NULL);
#endif
    for (size_t at = 0; at < a.size; at++)
        if ((unsigned char)a.at[at] < 0x20 || a.at[at] == 0x7f)
            return at;
    return SIZE_MAX;
}

size_t span_find_line_end(struct span a)
{
#ifdef __SSE2__
    if (a.size >= BLOCK_BYTES)
        return find_match(a, BLOCK_BYTES, match_line_end, NULL);
#endif
    for (size_t at = 0; at < a.size; at++)
        if (a.at[at] == '\n' || a.at[at] == '\r')
            return at;
    return SIZE_MAX;
}

static bool is_pair(const char *at, const char what[4])
{
    return at[0] == what[0] && (at[1] == what[1] || at[1] == what[2] || at[1] == what[3]);
}

size_t span_find_pair(struct span a, const char what[4])
{
#ifdef __SSE2__
    if (a.size > BLOCK_BYTES)
        return find_match(a, BLOCK_BYTES + 1, match_pair, what);
#endif
    for (size_t at = 0; at + 1 < a.size; at++)
        if (is_pair(a.at + at, what))
            return at;
    return SIZE_MAX;
}

struct span span_cut(struct span *rest, char byte)
{
    size_t end = span_find(*rest, byte);
    struct span part = span_first(*rest, end);

    *rest = span_skip(*rest, end == SIZE_MAX ? rest->size : end + 1);
    return part;
}

/* How long a sequence is that begins like this; 0: none does. */
static size_t utf8_size(unsigned char first)
{
    if (first < 0x80)
        return 1;
    if (first < 0xc2 || first > 0xf4)
        return 0;
    if (first < 0xe0)
        return 2;
    return first < 0xf0 ? 3 : 4;
}

/* Overlong, a surrogate, or beyond Unicode: the second byte tells. */
static bool utf8_strays(unsigned char first, unsigned char second)
{
    switch (first) {
    case 0xe0: return second < 0xa0;
    case 0xed: return second > 0x9f;
    case 0xf0: return second < 0x90;
    case 0xf4: return second > 0x8f;
    default: return false;
    }
}

size_t span_utf8(struct span a)
{
    const unsigned char *at = (const unsigned char *)a.at;
    size_t size = a.size ? utf8_size(at[0]) : 0;

    if (size > a.size)
        return 0;
    for (size_t i = 1; i < size; i++)
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    return size > 1 && utf8_strays(at[0], at[1]) ? 0 : size;
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

static uint64_t stir(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
    return hash ^ hash >> 29;
}

/* Fewer than eight bytes, the first of them lowest. */
static uint64_t short_word(const char *at, size_t size)
{
    uint64_t word = 0;

    for (size_t i = size; i > 0; i--)
        word = word << 8 | (unsigned char)at[i - 1];
    return word;
}

uint64_t span_hash(struct span a)
{
    uint64_t hash = a.size;
    size_t at = 0;
    uint64_t word;

    for (; a.size - at >= sizeof(word); at += sizeof(word)) {
        memcpy(&word, a.at + at, sizeof(word));
        hash = stir(hash, word);
    }
    return stir(hash, short_word(a.at + at, a.size - at));
}

static char lower(char c)
{
    if (c >= 'A' && c <= 'Z')
        c = (char)(c + 32);
    return c;
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
