#include "peek.h"

struct span peek_string(yyjson_val *value)
{
    return span_make(yyjson_get_str(value), yyjson_is_str(value) ? yyjson_get_len(value) : 0);
}

struct span peek_text(yyjson_val *object, const char *name)
{
    return peek_string(yyjson_obj_get(object, name));
}

uint64_t peek_u64(yyjson_val *object, const char *name, uint64_t otherwise)
{
    yyjson_val *value = yyjson_obj_get(object, name);

    return yyjson_is_uint(value) ? yyjson_get_uint(value) : otherwise;
}

bool peek_true(yyjson_val *object, const char *name)
{
    return yyjson_is_true(yyjson_obj_get(object, name));
}

uint64_t peek_string_bytes(yyjson_val *value)
{
    uint64_t bytes = 0;
    yyjson_val *end;

    if (!value)
        return 0;
    /* A document is one flat array in reading order, so no recursion is needed. */
    end = unsafe_yyjson_get_next(value);
    for (; value < end; value++)
        if (yyjson_is_str(value))
            bytes += yyjson_get_len(value);
    return bytes;
}
