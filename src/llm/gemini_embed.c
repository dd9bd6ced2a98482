/* Embeddings as Gemini gives them: batchEmbedContents, for one text as for many. */
#include "llm/gemini.h"

#include "llm/openai.h"

enum { TEXTS_MAX = 100 };

static void write_text(const struct embed_ask *ask, const char *model, struct span raw,
                       struct json_writer *w)
{
    json_begin(w, '{');
    json_put_text(w, "model", model);
    json_key(w, "content");
    json_begin(w, '{');
    json_key(w, "parts");
    json_begin(w, '[');
    json_begin(w, '{');
    json_key(w, "text");
    json_raw(w, raw);
    json_end(w, '}');
    json_end(w, ']');
    json_end(w, '}');
    if (ask->dimensions.at) {
        json_key(w, "outputDimensionality");
        json_raw(w, ask->dimensions);
    }
    json_end(w, '}');
}

void gemini_write_ask(const struct embed_ask *ask, struct losses *losses, struct buf *out)
{
    const char *prefix = span_starts(ask->model, "models/") ? "" : "models/";
    const char *model = arena_printf(losses->arena, "%s%.*s", prefix, SPAN_ARG(ask->model));
    struct json_writer w = json_writer(out);

    losses->language = "Gemini";
    for (const struct peculiar *it = ask->peculiar; it; it = it->next)
        if (it->hint)
            losses_hint(losses, it->name);
        else
            losses_add(losses, it->name, NULL);
    if (ask->count > TEXTS_MAX && losses->problem.code == NULL)
        losses->problem = (struct chat_problem){
            "invalid_value", "`input` may hold at most 100 texts for this model.", "input"
        };
    json_begin(&w, '{');
    json_key(&w, "requests");
    json_begin(&w, '[');
    for (const struct text *text = ask->texts; text; text = text->next)
        write_text(ask, model, text->raw, &w);
    json_end(&w, ']');
    json_end(&w, '}');
}

/* ---- the answer ---- */

static bool read_vector(const struct scan_item *item, struct arena *arena, struct text *ret)
{
    struct scan_field values = { .name = "values" };
    struct scan_result result;
    struct scan_item number;
    size_t at = 0;

    if (item->kind != JSON_OBJECT)
        return false;
    (void)scan_object(item->raw, &values, 1, &result);
    if (values.raw.at == NULL || values.kind != JSON_ARRAY)
        return false;
    while (scan_next(values.raw, &at, &number))
        if (number.kind != JSON_NUMBER)
            return false;
    ret->raw = scan_compact(values.raw, arena);
    return true;
}

void gemini_read_vectors(struct span body, struct arena *arena, struct embed_reply *ret)
{
    enum { VECTORS, USAGE, ERROR, COUNT };
    struct scan_field fields[COUNT] = {
        [VECTORS] = { .name = "embeddings" },
        [USAGE] = { .name = "usageMetadata" },
        [ERROR] = { .name = "error" },
    };
    struct text **end = &ret->vectors;
    struct scan_result result;
    struct scan_item item;
    enum err err = scan_object(body, fields, COUNT, &result);
    size_t at = 0;

    *ret = (struct embed_reply){ .failed = openai_is_error(&fields[ERROR]) };
    if (ret->failed)
        gemini_read_error(200, body, arena, &ret->error);
    ret->malformed =
        !ret->failed && ((err && err != ERR_DUPLICATE) || fields[VECTORS].kind != JSON_ARRAY);
    if (ret->failed || ret->malformed)
        return;
    gemini_read_usage(&fields[USAGE], &ret->usage);
    while (scan_next(fields[VECTORS].raw, &at, &item)) {
        struct text *vector = arena_zero(arena, sizeof(*vector));

        if (!read_vector(&item, arena, vector)) {
            ret->malformed = true;
            return;
        }
        *end = vector;
        end = &vector->next;
        ret->count++;
    }
}
