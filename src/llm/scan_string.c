#include "llm/scan.h"
#include "llm/scan_parts.h"

#include <assert.h>
#include <string.h>
#ifdef __SSE2__
#    include <emmintrin.h>
#endif

/* A quote, a backslash, a control byte, or anything beyond ASCII ends a run. */
static bool ends_run(char c)
{
    return (unsigned char)c < 0x20 || (unsigned char)c >= 0x80 || c == '"' || c == '\\';
}

#ifdef __SSE2__
enum { BLOCK = 16 };

/* Where in the block the first byte stands that ends a run; BLOCK: nowhere. */
static unsigned find_stop(const char *at)
{
    __m128i x = _mm_loadu_si128((const __m128i *)(const void *)at);
    __m128i quote = _mm_cmpeq_epi8(x, _mm_set1_epi8('"'));
    __m128i escape = _mm_cmpeq_epi8(x, _mm_set1_epi8('\\'));
    __m128i other = _mm_cmplt_epi8(x, _mm_set1_epi8(0x20)); /* signed: beyond ASCII as well */
    int found = _mm_movemask_epi8(_mm_or_si128(_mm_or_si128(quote, escape), other));

    return found ? (unsigned)__builtin_ctz((unsigned)found) : BLOCK;
}
#else
enum { BLOCK = 8 };

/* The same with eight bytes in a register: the lowest bit that is set is the highest of the byte that is
 * looked for. (A borrow may set bits further up, where nobody looks.) */
static unsigned find_stop(const char *at)
{
    static const uint64_t each = 0x0101010101010101u;
    uint64_t x;
    uint64_t found;

    memcpy(&x, at, sizeof(x));
    found = (((x ^ each * '"') - each) | ((x ^ each * '\\') - each) | (x - each * 0x20) | x) &
            each * 0x80;
    return found ? (unsigned)__builtin_ctzll(found) / 8 : BLOCK;
}
#endif

/* Strings are nearly all of a body, so this loop is what counts. */
static const char *skip_run(const char *at, const char *end)
{
    while (end - at >= BLOCK) {
        unsigned stop = find_stop(at);

        at += stop;
        if (stop < BLOCK)
            return at;
    }
    while (at < end && !ends_run(*at))
        at++;
    return at;
}

static bool read_hex4(const char *at, const char *end, uint32_t *ret)
{
    uint32_t value = 0;

    if (end - at < 4)
        return false;
    for (int i = 0; i < 4; i++) {
        char c = at[i];
        char low = (char)(c | 0x20);

        if (c >= '0' && c <= '9')
            value = value << 4 | (uint32_t)(c - '0');
        else if (low >= 'a' && low <= 'f')
            value = value << 4 | (uint32_t)(low - 'a' + 10);
        else
            return false;
    }
    *ret = value;
    return true;
}

/* Length of the \uXXXX at `at`, which may be a surrogate pair; 0 when it is none. */
static size_t read_unicode(const char *at, const char *end, uint32_t *ret_point)
{
    uint32_t high;
    uint32_t low;

    if (!read_hex4(at + 2, end, &high) || (high >= 0xdc00 && high <= 0xdfff))
        return 0;
    *ret_point = high;
    if (high < 0xd800 || high > 0xdbff)
        return 6;
    if (end - at < 12 || at[6] != '\\' || at[7] != 'u' || !read_hex4(at + 8, end, &low) ||
        low < 0xdc00 || low > 0xdfff)
        return 0;
    *ret_point = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
    return 12;
}

/* Length of the escape at `at` (which is a backslash), and the character that it means; 0 when it
 * is none. */
static size_t read_escape(const char *at, const char *end, uint32_t *ret_point)
{
    static const char names[] = "\"\\/bfnrt";
    static const char points[] = "\"\\/\b\f\n\r\t";
    const char *name;

    if (end - at < 2)
        return 0;
    if (at[1] == 'u')
        return read_unicode(at, end, ret_point);
    name = at[1] ? strchr(names, at[1]) : NULL;
    if (name == NULL)
        return 0;
    *ret_point = (uint32_t)points[name - names];
    return 2;
}

static bool follows(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

/* Most characters beyond ASCII, in a run: those of two bytes, and those of three whose first byte says
 * already that nothing can be wrong but what follows. span_utf8() knows the rest. */
static const char *skip_letters(const char *at, const char *end)
{
    while (end - at >= 3) {
        unsigned char first = (unsigned char)*at;

        if (first >= 0xe1 && first <= 0xef && first != 0xed && follows(at[1]) && follows(at[2]))
            at += 3;
        else if (first >= 0xc2 && first < 0xe0 && follows(at[1]))
            at += 2;
        else
            break;
    }
    return at;
}

/* Length of what stopped the run: an escape or a character, or 0 when it is neither. */
static size_t read_character(const char *at, const char *end)
{
    uint32_t point;

    if (*at == '\\')
        return read_escape(at, end, &point);
    return (unsigned char)*at < 0x20 ? 0 : span_utf8(span_make(at, (size_t)(end - at)));
}

bool scan_skip_string(const char **at, const char *end)
{
    const char *here = skip_run(*at, end);

    while (here < end && *here != '"') {
        const char *next = skip_letters(here, end);
        size_t size = next > here ? (size_t)(next - here) : read_character(here, end);

        *at = here;
        if (size == 0)
            return false;
        here = skip_run(here + size, end);
    }
    *at = here < end ? here + 1 : end;
    return here < end;
}

/* ---- decoding ---- */

/* Writes a character as UTF-8 and returns its length. */
static size_t put_point(uint32_t point, char out[4])
{
    if (point < 0x80) {
        out[0] = (char)point;
        return 1;
    }
    if (point < 0x800) {
        out[0] = (char)(0xc0 | point >> 6);
        out[1] = (char)(0x80 | (point & 0x3f));
        return 2;
    }
    if (point < 0x10000) {
        out[0] = (char)(0xe0 | point >> 12);
        out[1] = (char)(0x80 | (point >> 6 & 0x3f));
        out[2] = (char)(0x80 | (point & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | point >> 18);
    out[1] = (char)(0x80 | (point >> 12 & 0x3f));
    out[2] = (char)(0x80 | (point >> 6 & 0x3f));
    out[3] = (char)(0x80 | (point & 0x3f));
    return 4;
}

static struct span without_quotes(struct span raw)
{
    assert(raw.size >= 2 && raw.at[0] == '"' && raw.at[raw.size - 1] == '"');
    return span_make(raw.at + 1, raw.size - 2);
}

/* The first piece of a string that decodes as one: a run without escapes, or one escape (written
 * into `room`). */
static struct span cut_piece(struct span *text, char room[4])
{
    size_t run = span_find(*text, '\\');
    struct span piece = span_first(*text, run);
    uint32_t point = 0;
    size_t size;

    if (piece.size) {
        *text = span_skip(*text, piece.size);
        return piece;
    }
    size = read_escape(text->at, text->at + text->size, &point);
    assert(size > 0);
    *text = span_skip(*text, size);
    return span_make(room, put_point(point, room));
}

struct span scan_string(struct span raw, struct arena *arena)
{
    struct span text = without_quotes(raw);
    size_t size = 0;
    char *copy;

    if (span_find(text, '\\') == SIZE_MAX)
        return text;
    copy = arena_zero(arena, text.size); /* an escape is never shorter than what it means */
    while (text.size) {
        char room[4];
        struct span piece = cut_piece(&text, room);

        memcpy(copy + size, piece.at, piece.size);
        size += piece.size;
    }
    return span_make(copy, size);
}

bool scan_key_equals(struct span key, const char *name)
{
    struct span rest = span_from(name);
    struct span text;

    if (key.at == NULL)
        return false;
    text = without_quotes(key);
    if (span_find(text, '\\') == SIZE_MAX)
        return span_equal(text, rest);
    while (text.size) {
        char room[4];
        struct span piece = cut_piece(&text, room);

        if (piece.size > rest.size || memcmp(piece.at, rest.at, piece.size) != 0)
            return false;
        rest = span_skip(rest, piece.size);
    }
    return rest.size == 0;
}

struct span scan_compact(struct span raw, struct arena *arena)
{
    char *out = arena_zero(arena, raw.size + 1);
    bool string = false;
    size_t size = 0;

    for (size_t i = 0; i < raw.size; i++) {
        char c = raw.at[i];

        if (!string && (c == ' ' || c == '\n' || c == '\r' || c == '\t'))
            continue;
        out[size++] = c;
        if (c == '"')
            string = !string;
        else if (c == '\\' && i + 1 < raw.size)
            out[size++] = raw.at[++i];
    }
    return span_make(out, size);
}
