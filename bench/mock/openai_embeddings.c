/* Embeddings: numbers that are exact in a float32, so that both encodings say the same. */
#include "base/json.h"
#include "openai.h"
#include "peek.h"

#include <inttypes.h>
#include <string.h>

enum { DIMENSIONS_DEFAULT = 16, DIMENSIONS_MAX = 4096, INPUTS_MAX = 2048 };

/* The same for the same input, in steps of 1/256 from -1 to 1. */
static float component(uint64_t hash, uint32_t index)
{
    uint64_t mixed = (hash + index) * 0x9e3779b97f4a7c15;

    return ((float)(mixed >> 55) - 256.0F) / 256.0F;
}

static void add_floats(uint64_t hash, uint32_t dimensions, struct buf *out)
{
    buf_add_byte(out, '[');
    for (uint32_t i = 0; i < dimensions; i++)
        buf_printf(out, "%s%.8g", i ? "," : "", (double)component(hash, i));
    buf_add_byte(out, ']');
}

/* Little-endian, as every machine that this runs on. */
static void add_base64(uint64_t hash, uint32_t dimensions, struct buf *out)
{
    static const char digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    struct buf packed;
    struct span rest;

    buf_init(&packed, SIZE_MAX / 2);
    for (uint32_t i = 0; i < dimensions; i++) {
        float value = component(hash, i);

        buf_append(&packed, &value, sizeof(value));
    }
    buf_add_byte(out, '"');
    for (rest = buf_span(&packed); rest.size; rest = span_skip(rest, 3)) {
        unsigned char three[3] = { 0 };
        uint32_t bits;

        memcpy(three, rest.at, rest.size < 3 ? rest.size : 3);
        bits = (uint32_t)three[0] << 16 | (uint32_t)three[1] << 8 | three[2];
        for (unsigned i = 0; i < 4; i++)
            buf_append(out, i > rest.size ? "=" : &digits[bits >> (18 - 6 * i) & 63], 1);
    }
    buf_add_byte(out, '"');
    buf_done(&packed);
}

/* A string, or an array of tokens. */
static uint64_t hash_input(yyjson_val *input)
{
    yyjson_val *token;
    size_t i;
    size_t count;
    uint64_t hash = 0;

    if (yyjson_is_str(input))
        return span_hash(peek_string(input));
    yyjson_arr_foreach(input, i, count, token) hash =
        (hash ^ yyjson_get_uint(token)) * 0x100000001b3;
    return hash;
}

static uint64_t count_tokens(yyjson_val *input)
{
    return yyjson_is_str(input) ? (yyjson_get_len(input) + 3) / 4 : yyjson_arr_size(input);
}

static void add_embedding(const struct ask *ask, yyjson_val *input, uint32_t index,
                          struct buf *out)
{
    bool base64 = span_is(peek_text(ask->body, "encoding_format"), "base64");
    uint64_t dimensions = peek_u64(ask->body, "dimensions", DIMENSIONS_DEFAULT);

    if (dimensions > DIMENSIONS_MAX)
        dimensions = DIMENSIONS_MAX;
    buf_printf(out, "%s{\"object\":\"embedding\",\"index\":%u,\"embedding\":", index ? "," : "",
               index);
    if (base64)
        add_base64(hash_input(input), (uint32_t)dimensions, out);
    else
        add_floats(hash_input(input), (uint32_t)dimensions, out);
    buf_add_byte(out, '}');
}

void openai_embeddings(const struct ask *ask, struct answer *answer)
{
    yyjson_val *input = yyjson_obj_get(ask->body, "input");
    yyjson_val *first = yyjson_arr_get_first(input);
    yyjson_val *item;
    size_t i;
    size_t count;
    uint64_t tokens = 0;

    if (!openai_check(ask, "input", answer))
        return;
    buf_add_text(&answer->body, "{\"object\":\"list\",\"data\":[");
    if (!yyjson_is_arr(input) || yyjson_is_num(first)) {
        add_embedding(ask, input, 0, &answer->body);
        tokens = count_tokens(input);
    } else {
        yyjson_arr_foreach(input, i, count, item)
        {
            if (i == INPUTS_MAX)
                break;
            add_embedding(ask, item, (uint32_t)i, &answer->body);
            tokens += count_tokens(item);
        }
    }
    buf_add_text(&answer->body, "],\"model\":");
    json_quote(&answer->body, ask->model);
    buf_printf(&answer->body,
               ",\"usage\":{\"prompt_tokens\":%" PRIu64 ",\"total_tokens\":%" PRIu64 "}}",
               tokens, tokens);
    completion_embed(&answer->said, ask->model, ask->number, tokens);
}
