/* A whole answer in Anthropic's language. */
#include "llm/anthropic.h"

const char *anthropic_stop_word(enum finish finish, bool called)
{
    static const char *const words[] = {
        [FINISH_NONE] = "end_turn",     [FINISH_STOP] = "end_turn",
        [FINISH_LENGTH] = "max_tokens", [FINISH_CALLS] = "tool_use",
        [FINISH_FILTER] = "refusal",
    };

    /* Not all say so when they have called a tool; one that was cut off has not. */
    if (called && (finish == FINISH_NONE || finish == FINISH_STOP))
        finish = FINISH_CALLS;
    return words[finish];
}

void anthropic_write_usage(const struct usage *usage, struct buf *out)
{
    struct json_writer w = json_writer(out);

    json_begin(&w, '{');
    json_put_u64(&w, "input_tokens", usage->input);
    json_put_u64(&w, "cache_creation_input_tokens", usage->cache_write);
    json_put_u64(&w, "cache_read_input_tokens", usage->cached);
    json_put_u64(&w, "output_tokens", usage->output);
    if (usage->reasoning) {
        json_key(&w, "output_tokens_details");
        json_begin(&w, '{');
        json_put_u64(&w, "thinking_tokens", usage->reasoning);
        json_end(&w, '}');
    }
    json_end(&w, '}');
}

void anthropic_write_id(struct span raw, const char *fallback, struct buf *out)
{
    if (raw.size <= 2) {
        json_quote(out, span_from(fallback));
        return;
    }
    (void)buf_add_text(out, span_starts(raw, "\"msg_") ? "\"" : "\"msg_");
    (void)buf_add(out, span_skip(raw, 1));
}

/* ---- the content ---- */

static void put_raw(struct json_writer *w, const char *key, struct span raw)
{
    json_key(w, key);
    json_raw(w, raw);
}

static void write_text(struct span raw, struct json_writer *w)
{
    json_begin(w, '{');
    json_put_text(w, "type", "text");
    put_raw(w, "text", raw);
    json_end(w, '}');
}

static bool write_part(const struct part *part, struct json_writer *w)
{
    switch (part->kind) {
    case PART_TEXT:
        if (part->text.size <= 2)
            return false;
        write_text(part->text, w);
        return true;
    case PART_THINKING:
        json_begin(w, '{');
        json_put_text(w, "type", "thinking");
        put_raw(w, "thinking", part->text);
        put_raw(w, "signature", part->signature.at ? part->signature : SPAN_OF("\"\""));
        json_end(w, '}');
        return true;
    case PART_REDACTED:
        json_begin(w, '{');
        json_put_text(w, "type", "redacted_thinking");
        put_raw(w, "data", part->text);
        json_end(w, '}');
        return true;
    case PART_CALL:
        json_begin(w, '{');
        json_put_text(w, "type", "tool_use");
        put_raw(w, "id", part->id);
        put_raw(w, "name", part->name);
        put_raw(w, "input", part->input);
        json_end(w, '}');
        return true;
    case PART_IMAGE:
    case PART_DOCUMENT:
    case PART_RESULT: break;
    }
    return false; /* nothing that a model says */
}

/* There is always something in it: clients look at the first block. */
static bool write_content(const struct reply *reply, struct json_writer *w)
{
    bool any = false;
    bool called = false;

    json_key(w, "content");
    json_begin(w, '[');
    for (const struct part *part = reply->parts; part; part = part->next) {
        any = write_part(part, w) || any;
        called = called || part->kind == PART_CALL;
    }
    if (reply->refusal.at)
        write_text(reply->refusal, w);
    else if (!any)
        write_text(SPAN_OF("\"\""), w);
    json_end(w, ']');
    return called;
}

static void write_details(const struct reply *reply, struct json_writer *w)
{
    json_key(w, "stop_details");
    json_begin(w, '{');
    json_put_text(w, "type", "refusal");
    json_key(w, "category");
    json_null(w);
    json_key(w, "explanation");
    if (reply->refusal.at)
        json_raw(w, reply->refusal);
    else
        json_null(w);
    json_end(w, '}');
}

void anthropic_write_reply(const struct delta_writer *writer, const struct reply *reply,
                           struct buf *out)
{
    struct json_writer w = json_writer(out);
    bool called;

    json_begin(&w, '{');
    json_key(&w, "id");
    anthropic_write_id(reply->id, writer->fallback_id, out);
    w.comma = true;
    json_put_text(&w, "type", "message");
    json_put_text(&w, "role", "assistant");
    if (reply->model.at)
        put_raw(&w, "model", reply->model);
    else
        json_put_string(&w, "model", writer->model);
    called = write_content(reply, &w);
    json_put_text(&w, "stop_reason", anthropic_stop_word(reply->finish, called));
    json_key(&w, "stop_sequence");
    json_null(&w);
    if (reply->finish == FINISH_FILTER)
        write_details(reply, &w);
    json_key(&w, "usage");
    anthropic_write_usage(&reply->usage, out);
    w.comma = true;
    json_end(&w, '}');
}
