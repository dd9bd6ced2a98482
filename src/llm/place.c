#include "llm/place.h"

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
