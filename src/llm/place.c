#include "llm/place.h"

#include <assert.h>
#include <string.h>

static const char mark[] = "{model}";

bool place_names_model(const char *suffix)
{
    return strstr(suffix, mark) != NULL;
}

static bool unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("-._~", c) != NULL);
}

static void add_encoded(struct span name, struct buf *out)
{
    static const char digits[] = "0123456789ABCDEF";

    for (size_t i = 0; i < name.size; i++) {
        unsigned char c = (unsigned char)name.at[i];

        if (unreserved(name.at[i])) {
            (void)buf_add_byte(out, name.at[i]);
            continue;
        }
        (void)buf_add_byte(out, '%');
        (void)buf_add_byte(out, digits[c >> 4]);
        (void)buf_add_byte(out, digits[c & 15]);
    }
}

void place_write(const char *suffix, struct span model, struct buf *out)
{
    struct span rest = span_from(suffix);
    size_t at = span_find_text(rest, mark);

    if (at == SIZE_MAX) {
        (void)buf_add(out, rest);
        return;
    }
    if (span_starts(model, "models/"))
        model = span_skip(model, strlen("models/"));
    (void)buf_add(out, span_first(rest, at));
    add_encoded(model, out);
    (void)buf_add(out, span_skip(rest, at + strlen(mark)));
}

/* ---- reading ---- */

bool place_read(const char *pattern, struct span path, struct span *ret_model)
{
    struct span rest = span_from(pattern);
    size_t at = span_find_text(rest, mark);
    struct span tail = span_skip(rest, at + strlen(mark));

    assert(at != SIZE_MAX);
    if (path.size <= at + tail.size ||
        !span_equal(span_first(path, at), span_first(rest, at)) ||
        !span_equal(span_skip(path, path.size - tail.size), tail))
        return false;
    *ret_model = span_first(span_skip(path, at), path.size - at - tail.size);
    return true;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

struct span place_decode(struct span text, struct arena *arena)
{
    struct span copy = arena_copy(arena, text);
    unsigned char *to = (unsigned char *)(uintptr_t)copy.at;
    size_t size = 0;

    for (size_t i = 0; i < text.size; i++) {
        int high = text.at[i] == '%' && i + 2 < text.size ? hex_digit(text.at[i + 1]) : -1;
        int low = high >= 0 ? hex_digit(text.at[i + 2]) : -1;

        if (low >= 0)
            i += 2;
        to[size++] = low >= 0 ? (unsigned char)(high << 4 | low) : (unsigned char)text.at[i];
    }
    return span_make(copy.at, size);
}
