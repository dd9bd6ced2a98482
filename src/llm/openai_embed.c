/* Embeddings as OpenAI's clients ask for them, and get them. */
#include "llm/openai.h"

#include "base/base64.h"
#include "llm/estimate.h"
#include "llm/openai_request.h"

enum { BYTES_PER_FLOAT = 4 };

static bool add_text(struct request_reading *reading, const struct scan_item *value,
                     struct embed_ask *ask, struct text ***end)
{
    struct text *text;

    if (value->kind == JSON_NUMBER || value->kind == JSON_ARRAY)
        return request_wrong(reading, "input",
                             "`input` holds numbers of tokens, which another provider counts "
                             "differently; send texts.");
    if (value->kind != JSON_STRING || scan_empty(value))
        return request_wrong(
            reading, "input",
            "`input` must be a text, or an array of texts, none of them empty.");
    text = arena_zero(reading->arena, sizeof(*text));
    text->raw = value->raw;
    ask->bytes += estimate_string_bytes(value->raw);
    ask->count++;
    **end = text;
    *end = &text->next;
    return true;
}

static bool read_input(struct request_reading *reading, const struct scan_item *value,
                       struct embed_ask *ask)
{
    struct text **end = &ask->texts;
    struct scan_item item;
    size_t at = 0;

    if (value->kind != JSON_ARRAY)
        return add_text(reading, value, ask, &end);
    while (scan_next(value->raw, &at, &item))
        if (!add_text(reading, &item, ask, &end))
            return false;
    return true;
}

static bool read_format(struct request_reading *reading, const struct scan_item *value,
                        struct embed_ask *ask)
{
    ask->packed = span_is(value->raw, "\"base64\"");
    return ask->packed || span_is(value->raw, "\"float\"") ||
           request_wrong(reading, "encoding_format",
                         "`encoding_format` must be float or base64.");
}

static bool read_dimensions(struct request_reading *reading, const struct scan_item *value,
                            struct embed_ask *ask)
{
    uint64_t dimensions;

    if (value->kind != JSON_NUMBER || !scan_u64(value->raw, &dimensions) || dimensions == 0)
        return request_wrong(reading, "dimensions",
                             "`dimensions` must be a whole number above 0.");
    ask->dimensions = value->raw;
    return true;
}

static bool read_member(struct request_reading *reading, const struct scan_item *item,
                        struct embed_ask *ask)
{
    if (item->kind == JSON_NULL || scan_key_is(item->key, "model"))
        return true;
    if (scan_key_is(item->key, "input"))
        return read_input(reading, item, ask);
    if (scan_key_is(item->key, "encoding_format"))
        return read_format(reading, item, ask);
    if (scan_key_is(item->key, "dimensions"))
        return read_dimensions(reading, item, ask);
    request_peculiar(reading,
                     arena_text(reading->arena, scan_string(item->key, reading->arena)),
                     scan_key_is(item->key, "user"));
    return true;
}

enum err openai_read_ask(const struct chat *chat, struct arena *arena, struct embed_ask *ret,
                         struct chat_problem *ret_problem)
{
    struct request_reading reading = { arena, NULL, &ret->peculiar, ret_problem };
    struct scan_item item;
    bool input = false;
    size_t at = 0;

    *ret = (struct embed_ask){ 0 };
    while (scan_next(chat->body, &at, &item)) {
        bool again = scan_key_is(item.key, "input") && input;

        input = input || scan_key_is(item.key, "input");
        if (again && !request_wrong(&reading, "input", "`input` stands more than once."))
            return ERR_DUPLICATE;
        if (!read_member(&reading, &item, ret))
            return ERR_TYPE;
    }
    if (ret->count)
        return ERR_OK;
    (void)request_wrong(&reading, "input", "`input` must hold at least one text.");
    return ERR_MISSING;
}

/* ---- the answer ---- */

/* Little-endian float32s, as every machine has them that this runs on. */
static void write_packed(struct span raw, struct buf *out)
{
    struct json_doc *doc = NULL;
    struct buf packed;

    (void)buf_add_byte(out, '"');
    buf_init(&packed, raw.size * BYTES_PER_FLOAT);
    if (json_parse(raw, &doc) == ERR_OK) {
        size_t count = json_count(json_root(doc));

        for (size_t i = 0; i < count; i++) {
            double value = 0;
            float narrow;

            (void)json_read_double(json_item(json_root(doc), i), &value);
            narrow = (float)value;
            (void)buf_append(&packed, &narrow, sizeof(narrow));
        }
        json_free(doc);
    }
    base64_write(buf_span(&packed), out);
    buf_done(&packed);
    (void)buf_add_byte(out, '"');
}

static void write_vector(const struct embed_ask *ask, struct span raw, uint64_t index,
                         struct json_writer *w)
{
    json_begin(w, '{');
    json_put_text(w, "object", "embedding");
    json_put_u64(w, "index", index);
    json_key(w, "embedding");
    if (ask->packed)
        write_packed(raw, w->out);
    else
        json_raw(w, raw);
    w->comma = true;
    json_end(w, '}');
}

void openai_write_vectors(const struct embed_ask *ask, const struct embed_reply *reply,
                          struct buf *out)
{
    uint64_t tokens = reply->usage.input + reply->usage.cached;
    struct json_writer w = json_writer(out);
    uint64_t index = 0;

    json_begin(&w, '{');
    json_put_text(&w, "object", "list");
    json_key(&w, "data");
    json_begin(&w, '[');
    for (const struct text *vector = reply->vectors; vector; vector = vector->next)
        write_vector(ask, vector->raw, index++, &w);
    json_end(&w, ']');
    json_put_string(&w, "model", ask->model);
    json_key(&w, "usage");
    json_begin(&w, '{');
    json_put_u64(&w, "prompt_tokens", tokens);
    json_put_u64(&w, "total_tokens", tokens);
    json_end(&w, '}');
    json_end(&w, '}');
}
