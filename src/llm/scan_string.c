#include "llm/scan.h"
#include "llm/scan_parts.h"
#include "llm/scan_token.h"

#include <assert.h>
#include <string.h>

static bool ends_run(char c)
{
    return (unsigned char)c < 0x20 || (unsigned char)c >= 0x80 || c == '"' || c == '\\';
}

/* Strings are nearly all of a body, so this loop is what counts. */
static const char *skip_run(const char *at, const char *end)
{
    for (; end - at >= SCAN_BLOCK; at += SCAN_BLOCK) {
        uint64_t stops = scan_stops(at);

        if (stops)
            return at + scan_first_stop(stops);
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

/* May this byte stand behind the first of a character of four? */
static bool leads_four(unsigned char first, char second)
{
    return follows(second) && first < 0xf4 && (first > 0xf0 || (unsigned char)second >= 0x90);
}

/* Most characters beyond ASCII, in a run: those that are told by few bytes. span_utf8() knows the rest. */
static const char *skip_letters(const char *at, const char *end)
{
    while (end - at >= 4) {
        unsigned char first = (unsigned char)*at;

        if (first < 0xc2)
            break;
        if (first < 0xe0 && follows(at[1]))
            at += 2;
        else if (first > 0xe0 && first < 0xf0 && first != 0xed && follows(at[1]) &&
                 follows(at[2]))
            at += 3;
        else if (first >= 0xf0 && leads_four(first, at[1]) && follows(at[2]) && follows(at[3]))
            at += 4;
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

const char *scan_string_rest(const char *at, const char *end)
{
    for (;;) {
        const char *next;

        at = skip_run(at, end);
        if (at == end || *at == '"')
            return at;
        next = skip_letters(at, end);
        if (next == at)
            next += read_character(at, end);
        if (next == at)
            return at;
        at = next;
    }
}

bool scan_skip_string(const char **at, const char *end)
{
    const char *stop = scan_string_end(*at, end);
    bool whole = stop < end && *stop == '"';

    *at = stop + whole;
    return whole;
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

bool scan_key_decodes(struct span key, const char *name)
{
    struct span rest = span_from(name);
    struct span text = without_quotes(key);

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
