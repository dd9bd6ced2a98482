#include "dialect.h"

#include <string.h>

static const struct dialect *const dialects[] = { &dialect_openai, &dialect_anthropic,
                                                  &dialect_azure };

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
