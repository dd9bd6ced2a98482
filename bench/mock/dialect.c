#include "dialect.h"

#include <string.h>

static const struct dialect *const dialects[] = { &dialect_openai, &dialect_anthropic,
                                                  &dialect_azure, &dialect_gemini };

enum { DIALECT_COUNT = sizeof(dialects) / sizeof(dialects[0]) };

static bool matches(const struct path *row, struct span method, struct span path)
{
    size_t size = strlen(row->path);

    if (!span_is(method, row->method))
        return false;
    if (row->path[size - 1] == '/')
        return span_starts(path, row->path) && path.size > size;
    return span_is(path, row->path);
}

const struct path *dialect_find(struct span method, struct span path,
                                const struct dialect **ret_dialect)
{
    *ret_dialect = dialects[0];
    for (size_t i = 0; i < DIALECT_COUNT; i++)
        for (const struct path *row = dialects[i]->paths; row->method; row++)
            if (matches(row, method, path)) {
                *ret_dialect = dialects[i];
                return row;
            }
    return NULL;
}

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void add_decoded(struct span text, struct buf *out)
{
    while (text.size) {
        int high = text.size > 2 && text.at[0] == '%' ? digit(text.at[1]) : -1;
        int low = high >= 0 ? digit(text.at[2]) : -1;

        buf_add_byte(out, (char)(low >= 0 ? high * 16 + low : text.at[0]));
        text = span_skip(text, low >= 0 ? 3 : 1);
    }
}

struct span dialect_path_model(const struct request *request, struct buf *out,
                               struct span *ret_verb)
{
    const struct dialect *dialect;
    struct span path = request_path(request);
    const struct path *row = dialect_find(buf_span(&request->method), path, &dialect);
    struct span name;

    *ret_verb = span_make(NULL, 0);
    if (row == NULL || !row->names_model)
        return span_make(NULL, 0);
    name = span_skip(path, strlen(row->path));
    while (name.size && name.at[name.size - 1] != ':')
        name.size--;
    *ret_verb = span_skip(path, strlen(row->path) + name.size);
    add_decoded(span_first(name, name.size ? name.size - 1 : 0), out);
    return buf_span(out);
}

void dialect_mask_key(const struct request *request, struct buf *out)
{
    struct span key = request_field(request, "authorization");

    if (span_starts(key, "Bearer "))
        key = span_skip(key, 7);
    buf_add(out, span_first(key, key.size < 16 ? key.size / 2 : 8));
    buf_add_text(out, "********");
    if (key.size >= 16)
        buf_add(out, span_skip(key, key.size - 4));
}
