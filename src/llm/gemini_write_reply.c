/* A whole answer in Gemini's language. */
#include "llm/gemini.h"

const char *gemini_finish_word(enum finish finish)
{
    static const char *const words[] = {
        [FINISH_NONE] = "STOP",  [FINISH_STOP] = "STOP",     [FINISH_LENGTH] = "MAX_TOKENS",
        [FINISH_CALLS] = "STOP", [FINISH_FILTER] = "SAFETY",
    };

    return words[finish];
}

static void put_count(struct json_writer *w, const char *key, uint64_t count)
{
    if (count)
        json_put_u64(w, key, count); /* Google leaves zeros out */
}

void gemini_write_usage(const struct usage *usage, struct json_writer *w)
{
    uint64_t prompt = usage->input + usage->cached + usage->cache_write;

    json_key(w, "usageMetadata");
    json_begin(w, '{');
    json_put_u64(w, "promptTokenCount", prompt);
    put_count(w, "candidatesTokenCount", usage->output - usage->reasoning);
    json_put_u64(w, "totalTokenCount", prompt + usage->output);
    put_count(w, "cachedContentTokenCount", usage->cached);
    put_count(w, "thoughtsTokenCount", usage->reasoning);
    json_end(w, '}');
}

/* ---- the content ---- */

static void put_raw(struct json_writer *w, const char *key, struct span raw)
{
    json_key(w, key);
    json_raw(w, raw);
}

static void put_signature(struct span signature, struct json_writer *w)
{
    if (!gemini_signs(signature))
        return;
    json_key(w, "thoughtSignature");
    gemini_write_signature(signature, w->out);
    w->comma = true;
}

static void write_thought(const struct part *part, struct json_writer *w)
{
    json_begin(w, '{');
    put_raw(w, "text", part->text.at ? part->text : SPAN_OF("\"\""));
    json_put_bool(w, "thought", true);
    put_signature(part->signature, w);
    json_end(w, '}');
}

static void write_redacted(struct span raw, struct json_writer *w)
{
    json_begin(w, '{');
    json_put_text(w, "text", "");
    json_put_bool(w, "thought", true);
    json_key(w, "thoughtSignature");
    gemini_write_redacted(raw, w->out);
    w->comma = true;
    json_end(w, '}');
}

static void write_call(const struct part *part, struct json_writer *w)
{
    json_begin(w, '{');
    json_key(w, "functionCall");
    json_begin(w, '{');
    if (part->id.at)
        put_raw(w, "id", part->id);
    put_raw(w, "name", part->name);
    put_raw(w, "args", part->input);
    json_end(w, '}');
    put_signature(part->signature, w);
    json_end(w, '}');
}

static void write_text(struct span raw, struct json_writer *w)
{
    json_begin(w, '{');
    put_raw(w, "text", raw);
    json_end(w, '}');
}

void gemini_write_part(const struct part *part, struct json_writer *w)
{
    switch (part->kind) {
    case PART_TEXT: write_text(part->text, w); return;
    case PART_THINKING: write_thought(part, w); return;
    case PART_REDACTED: write_redacted(part->text, w); return;
    case PART_CALL: write_call(part, w); return;
    case PART_IMAGE:
    case PART_DOCUMENT:
    case PART_RESULT: return; /* nothing that a model says */
    }
}

static void write_content(const struct reply *reply, struct json_writer *w)
{
    json_key(w, "content");
    json_begin(w, '{');
    json_put_text(w, "role", "model");
    if (reply->parts || reply->refusal.at) {
        json_key(w, "parts");
        json_begin(w, '[');
        for (const struct part *part = reply->parts; part; part = part->next)
            gemini_write_part(part, w);
        if (reply->refusal.at)
            write_text(reply->refusal, w);
        json_end(w, ']');
    }
    json_end(w, '}');
}

void gemini_write_reply(const struct delta_writer *writer, const struct reply *reply,
                        struct buf *out)
{
    struct json_writer w = json_writer(out);

    json_begin(&w, '{');
    json_key(&w, "candidates");
    json_begin(&w, '[');
    json_begin(&w, '{');
    write_content(reply, &w);
    json_put_text(&w, "finishReason", gemini_finish_word(reply->finish));
    json_put_u64(&w, "index", 0);
    json_end(&w, '}');
    json_end(&w, ']');
    if (reply->usage.known)
        gemini_write_usage(&reply->usage, &w);
    if (reply->model.at)
        put_raw(&w, "modelVersion", reply->model);
    else
        json_put_string(&w, "modelVersion", writer->model);
    if (reply->id.at)
        put_raw(&w, "responseId", reply->id);
    else
        json_put_text(&w, "responseId", writer->fallback_id);
    json_end(&w, '}');
}
