/* scan_token: the tokens of JSON one by one, for the files of scan and those who walk along a text on the hot path.
 *
 * A text is tokens of a few bytes, and what counts is what each of them costs: so all this stands here to be inlined,
 * and a reader lives in registers. Nobody who is not inlined is given its address. */
#ifndef LLM_SCAN_TOKEN_H
#define LLM_SCAN_TOKEN_H

#include "base/err.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/span.h"

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#ifdef __SSE2__
#    include <emmintrin.h>
#endif

/* ---- blocks: many bytes at once ---- */

#ifdef __SSE2__
enum { SCAN_BLOCK = 16 };

/* A bit for each byte of the block that ends a run: a quote, a backslash, a control byte, or anything beyond
 * ASCII. */
static inline uint64_t scan_stops(const char *at)
{
    __m128i x = _mm_loadu_si128((const __m128i *)(const void *)at);
    __m128i quote = _mm_cmpeq_epi8(x, _mm_set1_epi8('"'));
    __m128i escape = _mm_cmpeq_epi8(x, _mm_set1_epi8('\\'));
    __m128i other = _mm_cmplt_epi8(x, _mm_set1_epi8(0x20)); /* signed: beyond ASCII as well */

    return (uint64_t)(unsigned)_mm_movemask_epi8(
        _mm_or_si128(_mm_or_si128(quote, escape), other));
}

/* How far the first of these bytes stands from the front of the block. */
static inline unsigned scan_first_stop(uint64_t stops)
{
    return (unsigned)__builtin_ctzll(stops);
}
#else
enum { SCAN_BLOCK = 8 };

/* The same with eight bytes in a register: the lowest bit that is set is the highest of the byte that is
 * looked for. (A borrow may set bits further up, where nobody looks.) */
static inline uint64_t scan_stops(const char *at)
{
    static const uint64_t each = 0x0101010101010101u;
    uint64_t x;

    memcpy(&x, at, sizeof(x));
    return (((x ^ each * '"') - each) | ((x ^ each * '\\') - each) | (x - each * 0x20) | x) &
           each * 0x80;
}

static inline unsigned scan_first_stop(uint64_t stops)
{
    return (unsigned)__builtin_ctzll(stops) / 8;
}
#endif

/* ---- strings ---- */

/* What scan_string_end() does where the first block does not tell. */
const char *scan_string_rest(const char *at, const char *end);

/* `at` stands behind the opening quote. Gives the place of the closing one, or of what is wrong; `end`: it is cut
 * off. Here, because most strings and nearly all keys end within a block. */
static inline const char *scan_string_end(const char *at, const char *end)
{
    uint64_t stops;

    if (end - at < SCAN_BLOCK)
        return scan_string_rest(at, end);
    stops = scan_stops(at);
    at += stops ? scan_first_stop(stops) : SCAN_BLOCK;
    return stops && *at == '"' ? at : scan_string_rest(at, end);
}

/* ---- tokens ---- */

/* Inlined wherever they are used. */
#define SCAN_TOKEN static inline __attribute__((always_inline))

/* One pass over the text. `at` never goes beyond `end`, and stands where an error was noticed. */
struct scan_reader {
    const char *start;
    const char *at;
    const char *end;
};

/* How far those come who are not inlined. */
struct scan_spot {
    const char *at;
    enum err err;
};

enum {
    SCAN_SHORT_NUMBER = 18
}; /* digits that need no further look: neither too many nor too big */

static_assert(LIMIT_JSON_DEPTH <= 64, "what is open is remembered in 64 bits");
static_assert((int)SCAN_SHORT_NUMBER <= (int)LIMIT_JSON_NUMBER_BYTES,
              "a short number is none that is too long");

SCAN_TOKEN struct scan_reader scan_reader_of(struct span text)
{
    return (struct scan_reader){ text.at, text.at, text.size ? text.at + text.size : text.at };
}

SCAN_TOKEN enum err scan_go_to(struct scan_reader *r, struct scan_spot spot)
{
    r->at = spot.at;
    return spot.err;
}

/* The next byte, or 0 at the end; a NUL byte is nowhere valid, so the two need no telling apart. */
SCAN_TOKEN char scan_peek(const struct scan_reader *r)
{
    return (char)(r->at < r->end ? *r->at : 0);
}

/* Those who are not inlined: white space, where there is some; a number that is not whole or not short; an object
 * or array, which begins at `at`, and all that it holds, `outside` levels deep. */
const char *scan_behind_spaces(const char *at, const char *end);
__attribute__((noinline)) struct scan_spot scan_long_number(const char *at, const char *end);
struct scan_spot scan_skip_container(const char *at, const char *end, unsigned outside);

SCAN_TOKEN void scan_skip_space(struct scan_reader *r)
{
    if (r->at < r->end && *r->at <= ' ') /* mostly there is none */
        r->at = scan_behind_spaces(r->at, r->end);
}

/* White space may stand in front of it. */
SCAN_TOKEN bool scan_skip_byte(struct scan_reader *r, char byte)
{
    if (r->at == r->end)
        return false;
    if (*r->at != byte) {
        scan_skip_space(r);
        if (scan_peek(r) != byte)
            return false;
    }
    r->at++;
    return true;
}

SCAN_TOKEN struct span scan_since(const struct scan_reader *r, const char *start)
{
    return span_make(start, (size_t)(r->at - start));
}

/* `at` stands behind the opening quote. */
SCAN_TOKEN bool scan_end_string(struct scan_reader *r)
{
    r->at = scan_string_end(r->at, r->end);
    if (scan_peek(r) != '"')
        return false;
    r->at++;
    return true;
}

SCAN_TOKEN bool scan_skip_word(struct scan_reader *r, struct span word)
{
    if ((size_t)(r->end - r->at) < word.size || memcmp(r->at, word.at, word.size) != 0)
        return false;
    r->at += word.size;
    return true;
}

/* Most numbers are whole and short. */
SCAN_TOKEN enum err scan_skip_digits(struct scan_reader *r)
{
    const char *at = r->at;
    size_t size;

    while (at < r->end && *at >= '0' && *at <= '9')
        at++;
    size = (size_t)(at - r->at);
    if (size - 1 >= SCAN_SHORT_NUMBER || (*r->at == '0' && size > 1) ||
        (at < r->end && (*at == '.' || *at == 'e' || *at == 'E')))
        return scan_go_to(r, scan_long_number(r->at, r->end));
    r->at = at;
    return ERR_OK;
}

/* All but an object or array. */
SCAN_TOKEN enum err scan_skip_scalar(struct scan_reader *r, enum json_kind *ret_kind)
{
    bool valid;

    switch (scan_peek(r)) {
    case '"':
        r->at++;
        *ret_kind = JSON_STRING;
        valid = scan_end_string(r);
        break;
    case 't':
        *ret_kind = JSON_BOOL;
        valid = scan_skip_word(r, SPAN_OF("true"));
        break;
    case 'f':
        *ret_kind = JSON_BOOL;
        valid = scan_skip_word(r, SPAN_OF("false"));
        break;
    case 'n':
        *ret_kind = JSON_NULL;
        valid = scan_skip_word(r, SPAN_OF("null"));
        break;
    default: *ret_kind = JSON_NUMBER; return scan_skip_digits(r);
    }
    return valid ? ERR_OK : ERR_SYNTAX;
}

/* The key of a member, with what stands around it, up to its value. */
SCAN_TOKEN bool scan_skip_key(struct scan_reader *r, struct span *ret_raw)
{
    const char *start;

    if (!scan_skip_byte(r, '"'))
        return false;
    start = r->at - 1;
    if (!scan_end_string(r))
        return false;
    *ret_raw = scan_since(r, start);
    return scan_skip_byte(r, ':');
}

#endif
