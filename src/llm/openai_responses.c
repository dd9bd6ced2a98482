/* OpenAI's /v1/responses: events have names, usage always comes with the last one, and there is no
 * [DONE]. */
#include "llm/openai.h"

/* ---- one event ---- */

/* What a client cannot act on: it learns that work goes on. Deltas are looked into; whatever is not
 * listed is content. */
static const char *const quiet[] = {
    "response.created",
    "response.queued",
    "response.in_progress",
    "response.output_item.added",
    "response.content_part.added",
    "response.reasoning_summary_part.added",
};

static bool is_quiet(struct span type)
{
    for (size_t i = 0; i < sizeof(quiet) / sizeof(quiet[0]); i++)
        if (span_is(type, quiet[i]))
            return true;
    return false;
}

enum { TYPE, RESPONSE, DELTA, ERROR, FIELD_COUNT };

/* The response object inside the last events. */
static void read_response(const struct scan_field *response, struct usage *ret_usage,
                          struct scan_field *ret_error)
{
    enum { RESPONSE_USAGE, RESPONSE_ERROR, RESPONSE_COUNT };
    struct scan_field fields[RESPONSE_COUNT] = {
        [RESPONSE_USAGE] = { .name = "usage" },
        [RESPONSE_ERROR] = { .name = "error" },
    };
    struct scan_result result;

    if (response->raw.at == NULL || response->kind != JSON_OBJECT)
        return;
    (void)scan_object(response->raw, fields, RESPONSE_COUNT, &result);
    openai_read_usage(fields[RESPONSE_USAGE].raw, ret_usage);
    *ret_error = fields[RESPONSE_ERROR];
}

static void fail(const struct scan_field *error, struct arena *arena, struct llm_event *ret)
{
    struct scan_item item = { .kind = error->kind, .raw = error->raw };

    ret->kind = LLM_FAILED;
    openai_read_error_item(200, &item, arena, &ret->error);
}

static void read_typed(struct span type, const struct scan_field *fields, struct span data,
                       struct arena *arena, struct llm_event *ret)
{
    struct scan_item delta = { .kind = fields[DELTA].kind, .raw = fields[DELTA].raw };
    struct scan_field whole = { .kind = JSON_OBJECT, .raw = data };
    struct scan_field error = { .kind = JSON_NULL };

    if (span_is(type, "response.completed") || span_is(type, "response.incomplete")) {
        ret->kind = LLM_END;
        ret->finished = true;
        read_response(&fields[RESPONSE], &ret->usage, &error);
    } else if (span_is(type, "response.failed") || span_is(type, "response.cancelled")) {
        read_response(&fields[RESPONSE], &ret->usage, &error);
        fail(&error, arena, ret);
    } else if (span_is(type, "error")) {
        fail(openai_is_error(&fields[ERROR]) ? &fields[ERROR] : &whole, arena, ret);
    } else if (is_quiet(type) ||
               (span_ends(type, ".delta") && delta.raw.at && scan_empty(&delta))) {
        ret->kind = LLM_NOTHING;
    } else {
        ret->kind = LLM_CONTENT;
    }
}

static void read_event(const struct sse_event *event, bool committed, struct arena *arena,
                       struct llm_event *ret)
{
    struct scan_field fields[FIELD_COUNT] = {
        [TYPE] = { .name = "type" },
        [RESPONSE] = { .name = "response" },
        [DELTA] = { .name = "delta" },
        [ERROR] = { .name = "error" },
    };
    struct span type = event->type;
    struct scan_result result;
    enum err err;

    llm_event_reset(ret);
    /* Some compatible servers end with [DONE]; whether the answer was complete was said before. */
    if (!event->has_data || event->data.size == 0 || span_is(span_trim(event->data), "[DONE]"))
        return;
    if (committed && span_ends(type, ".delta")) {
        ret->kind = LLM_CONTENT;
        return;
    }
    err = scan_object(event->data, fields, FIELD_COUNT, &result);
    if (err && err != ERR_DUPLICATE) {
        ret->kind = LLM_MALFORMED;
        return;
    }
    if (fields[TYPE].raw.at && fields[TYPE].kind == JSON_STRING)
        type = scan_string(fields[TYPE].raw, arena);
    if (type.size == 0 && openai_is_error(&fields[ERROR]))
        type = span_from("error");
    read_typed(type, fields, event->data, arena, ret);
}

/* ---- writing ---- */

static void write_error_event(const struct llm_error *error, struct buf *out)
{
    struct json_writer w = json_writer(out);

    (void)buf_add_text(out, "event: error\ndata: ");
    json_begin(&w, '{');
    json_put_text(&w, "type", "error");
    json_put_u64(&w, "sequence_number", error->sequence);
    openai_write_words(error, &w);
    json_end(&w, '}');
    (void)buf_add_text(out, "\n\n");
}

static void write_end(struct buf *out)
{
    (void)out; /* the stream ends with its last event */
}

const struct dialect dialect_responses = {
    .name = "responses",
    .usage_on_request = false,
    .read_chat = openai_read_chat,
    .look_ahead = openai_look_ahead,
    .read_ahead = openai_read_ahead,
    .read_event = read_event,
    .read_answer = openai_read_answer,
    .read_answer_tail = openai_read_answer_tail,
    .read_error = openai_read_error,
    .write_error = openai_write_error,
    .write_error_event = write_error_event,
    .write_end = write_end,
};
