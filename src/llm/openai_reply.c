/* A whole answer in OpenAI's language. */
#include "llm/openai.h"

const char *openai_finish_word(enum finish finish)
{
    static const char *const words[] = {
        [FINISH_NONE] = "stop",
        [FINISH_STOP] = "stop",
        [FINISH_LENGTH] = "length",
        [FINISH_CALLS] = "tool_calls",
        [FINISH_FILTER] = "content_filter",
    };

    return words[finish];
}

void openai_write_usage(const struct usage *usage, struct buf *out)
{
    struct json_writer w = json_writer(out);
    uint64_t prompt = usage->input + usage->cached + usage->cache_write;

    json_begin(&w, '{');
    json_put_u64(&w, "prompt_tokens", prompt);
    json_put_u64(&w, "completion_tokens", usage->output);
    json_put_u64(&w, "total_tokens", prompt + usage->output);
    json_key(&w, "prompt_tokens_details");
    json_begin(&w, '{');
    json_put_u64(&w, "cached_tokens", usage->cached);
    json_put_u64(&w, "cache_write_tokens", usage->cache_write);
    json_end(&w, '}');
    json_key(&w, "completion_tokens_details");
    json_begin(&w, '{');
    json_put_u64(&w, "reasoning_tokens", usage->reasoning);
    json_end(&w, '}');
    json_end(&w, '}');
}

/* All texts of one kind as one JSON string; the contents of raw strings only need joining. */
static size_t join(const struct part *parts, enum part_kind kind, struct buf *out)
{
    size_t count = 0;

    (void)buf_add_byte(out, '"');
    for (; parts; parts = parts->next) {
        if (parts->kind != kind)
            continue;
        (void)buf_append(out, parts->text.at + 1, parts->text.size - 2);
        count++;
    }
    (void)buf_add_byte(out, '"');
    return count;
}

static bool holds(const struct part *parts, enum part_kind kind)
{
    for (; parts; parts = parts->next)
        if (parts->kind == kind)
            return true;
    return false;
}

static void write_text(const struct reply *reply, struct json_writer *w)
{
    json_key(w, "content");
    if (holds(reply->parts, PART_TEXT) || !holds(reply->parts, PART_CALL)) {
        (void)join(reply->parts, PART_TEXT, w->out);
        w->comma = true;
    } else {
        json_null(w);
    }
    json_key(w, "refusal");
    if (reply->refusal.at)
        json_raw(w, reply->refusal);
    else
        json_null(w);
}

static void write_raw(struct json_writer *w, const char *key, struct span raw)
{
    json_key(w, key);
    json_raw(w, raw);
}

/* The signatures must come back with the next request, or the provider does not go on. */
static void write_thinking(const struct reply *reply, struct json_writer *w)
{
    if (holds(reply->parts, PART_THINKING)) {
        json_key(w, "reasoning_content");
        (void)join(reply->parts, PART_THINKING, w->out);
        w->comma = true;
    }
    if (!holds(reply->parts, PART_THINKING) && !holds(reply->parts, PART_REDACTED))
        return;
    json_key(w, "thinking_blocks");
    json_begin(w, '[');
    for (const struct part *part = reply->parts; part; part = part->next) {
        if (part->kind != PART_THINKING && part->kind != PART_REDACTED)
            continue;
        json_begin(w, '{');
        json_put_text(w, "type",
                      part->kind == PART_THINKING ? "thinking" : "redacted_thinking");
        write_raw(w, part->kind == PART_THINKING ? "thinking" : "data", part->text);
        if (part->signature.at)
            write_raw(w, "signature", part->signature);
        json_end(w, '}');
    }
    json_end(w, ']');
}

/* Where Google's own API of this language has them. */
void openai_write_signature(struct span signature, struct buf *out)
{
    struct span bare;

    if (signature.at == NULL || !signature_unmark("gemini", signature, &bare))
        return;
    (void)buf_add_text(out, ",\"extra_content\":{\"google\":{\"thought_signature\":\"");
    (void)buf_add(out, bare);
    (void)buf_add_text(out, "\"}}");
}

static void write_calls(const struct reply *reply, struct json_writer *w)
{
    if (!holds(reply->parts, PART_CALL))
        return;
    json_key(w, "tool_calls");
    json_begin(w, '[');
    for (const struct part *part = reply->parts; part; part = part->next) {
        if (part->kind != PART_CALL)
            continue;
        json_begin(w, '{');
        write_raw(w, "id", part->id);
        json_put_text(w, "type", "function");
        json_key(w, "function");
        json_begin(w, '{');
        write_raw(w, "name", part->name);
        json_put_string(w, "arguments", part->input);
        json_end(w, '}');
        openai_write_signature(part->signature, w->out);
        json_end(w, '}');
    }
    json_end(w, ']');
}

static void write_choice(const struct reply *reply, struct json_writer *w)
{
    json_begin(w, '{');
    json_put_u64(w, "index", 0);
    json_key(w, "message");
    json_begin(w, '{');
    json_put_text(w, "role", "assistant");
    write_text(reply, w);
    write_thinking(reply, w);
    write_calls(reply, w);
    json_end(w, '}');
    json_key(w, "logprobs");
    json_null(w);
    json_put_text(w, "finish_reason", openai_finish_word(reply->finish));
    json_end(w, '}');
}

void openai_write_reply(const struct delta_writer *writer, const struct reply *reply,
                        struct buf *out)
{
    struct json_writer w = json_writer(out);

    json_begin(&w, '{');
    if (reply->id.at)
        write_raw(&w, "id", reply->id);
    else
        json_put_text(&w, "id", writer->fallback_id);
    json_put_text(&w, "object", "chat.completion");
    json_put_u64(&w, "created", writer->created_s);
    if (reply->model.at)
        write_raw(&w, "model", reply->model);
    else
        json_put_string(&w, "model", writer->model);
    json_key(&w, "choices");
    json_begin(&w, '[');
    write_choice(reply, &w);
    json_end(&w, ']');
    if (reply->usage.known) {
        json_key(&w, "usage");
        openai_write_usage(&reply->usage, out);
    }
    json_end(&w, '}');
}
