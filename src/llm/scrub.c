#include "llm/scrub.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

/* What keys begin with, and how much must follow to be one: "sk-" alone is talk about keys. */
struct mark {
    const char *prefix;
    size_t least;
};

static const struct mark marks[] = {
    { "Bearer ", 8 }, { "sk-", 8 },   { "sk_", 8 },    { "rk-", 8 },  { "gsk_", 8 },
    { "xai-", 8 },    { "pplx-", 8 }, { "AIza", 16 },  { "AQ.", 16 }, { "hf_", 16 },
    { "fw_", 8 },     { "tgp_", 8 },  { "nvapi-", 8 }, { "csk-", 8 }, { "key-", 16 },
};

static bool is_key_byte(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           c == '-' || c == '_' || c == '.' || c == '*' || c == '~' || c == '+' || c == '/' ||
           c == '=';
}

static size_t key_bytes(struct span text)
{
    size_t size = 0;

    while (size < text.size && is_key_byte(text.at[size]))
        size++;
    while (size && text.at[size - 1] == '.') /* the end of the sentence */
        size--;
    return size;
}

/* Length of the credential at the front of `text`; *ret_shown of it may stay. */
static size_t credential(struct span text, size_t *ret_shown)
{
    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
        size_t prefix = strlen(marks[i].prefix);
        size_t size;

        if (text.size < prefix || strncasecmp(text.at, marks[i].prefix, prefix) != 0)
            continue;
        size = key_bytes(span_skip(text, prefix));
        if (size < marks[i].least)
            continue;
        *ret_shown = i == 0 ? prefix : 0;
        return prefix + size;
    }
    return 0;
}

/* Position of the first credential, or text.size. One begins where a word begins. */
static size_t find_credential(struct span text, size_t from, size_t *ret_size,
                              size_t *ret_shown)
{
    for (size_t i = from; i < text.size; i++) {
        if (i && is_key_byte(text.at[i - 1]) && text.at[i - 1] != '=' && text.at[i - 1] != '/')
            continue;
        *ret_size = credential(span_skip(text, i), ret_shown);
        if (*ret_size)
            return i;
    }
    return text.size;
}

struct span scrub_text(struct span text, struct arena *arena)
{
    size_t size = 0;
    size_t shown = 0;
    size_t at = find_credential(text, 0, &size, &shown);
    size_t from = 0;
    size_t written = 0;
    char *copy;

    if (at == text.size)
        return text;
    copy = arena_zero(arena, text.size); /* *** is shorter than any credential */
    while (at < text.size) {
        memcpy(copy + written, text.at + from, at + shown - from);
        written += at + shown - from;
        memset(copy + written, '*', 3);
        written += 3;
        from = at + size;
        at = find_credential(text, from, &size, &shown);
    }
    memcpy(copy + written, text.at + from, text.size - from);
    return span_make(copy, written + text.size - from);
}
