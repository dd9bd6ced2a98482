#include "openai.h"

#include "base/json.h"
#include "mock.h"
#include "peek.h"

#include <inttypes.h>
#include <string.h>

enum { MODEL_CREATED = 1700000000 };

/* ---- errors ---- */

static void refuse(const struct refusal *refusal, struct answer *answer)
{
    struct json_writer w = json_writer(&answer->body);

    answer->status = refusal->status;
    json_begin(&w, '{');
    json_key(&w, "error");
    json_begin(&w, '{');
    json_put_string(&w, "message", refusal->message);
    json_put_text(&w, "type", refusal->type);
    json_put_text(&w, "param", refusal->param);
    json_put_text(&w, "code", refusal->code);
    json_end(&w, '}');
    json_end(&w, '}');
}

static void refuse_model(struct span model, struct answer *answer)
{
    struct buf message;

    buf_init(&message, SIZE_MAX / 2);
    buf_printf(&message, "The model `%.*s` does not exist or you do not have access to it.",
               SPAN_ARG(model));
    refuse(&(struct refusal){ .status = 404,
                              .type = "invalid_request_error",
                              .code = "model_not_found",
                              .message = buf_span(&message) },
           answer);
    buf_done(&message);
}

void openai_refuse_member(const char *name, struct answer *answer)
{
    struct buf message;

    buf_init(&message, SIZE_MAX / 2);
    buf_printf(&message, "Missing required parameter: '%s'.", name);
    refuse(&(struct refusal){ .status = 400,
                              .type = "invalid_request_error",
                              .code = "missing_required_parameter",
                              .param = name,
                              .message = buf_span(&message) },
           answer);
    buf_done(&message);
}

bool openai_check(const struct ask *ask, const char *needed, struct answer *answer)
{
    if (!ask->model.size)
        openai_refuse_member("model", answer);
    else if (span_starts(ask->model, "missing"))
        refuse_model(ask->model, answer);
    else if (!yyjson_obj_get(ask->body, needed))
        openai_refuse_member(needed, answer);
    else
        return true;
    return false;
}

static bool knows_key(const struct request *request, const char *key)
{
    struct span shown = request_field(request, "authorization");

    return span_starts(shown, "Bearer ") && span_is(span_skip(shown, 7), key);
}

/* ---- pieces of answers ---- */

void openai_add_id(const struct completion *said, const char *prefix, struct buf *out)
{
    buf_printf(out, "%s%08" PRIx64, prefix, said->number);
}

yyjson_val *openai_last_user(yyjson_val *messages)
{
    yyjson_val *last = yyjson_arr_get_last(messages);

    return span_is(peek_text(last, "role"), "user") ? last : NULL;
}

struct span openai_message_text(yyjson_val *message)
{
    yyjson_val *content = yyjson_obj_get(message, "content");
    yyjson_val *part;
    size_t i;
    size_t count;

    yyjson_arr_foreach(
        content, i, count,
        part) if (yyjson_is_str(yyjson_obj_get(part, "text"))) return peek_text(part, "text");
    return peek_string(content);
}

static yyjson_val *function_of(yyjson_val *tool, bool flat)
{
    return flat ? tool : yyjson_obj_get(tool, "function");
}

/* The one function that tool_choice forces. */
static yyjson_val *find_forced(yyjson_val *tools, yyjson_val *choice, bool flat)
{
    struct span name = peek_text(function_of(choice, flat), "name");
    yyjson_val *tool;
    size_t i;
    size_t count;

    yyjson_arr_foreach(
        tools, i, count,
        tool) if (name.size &&
                  span_equal(peek_text(function_of(tool, flat), "name"), name)) return tool;
    return NULL;
}

static void call_tool(struct completion *said, yyjson_val *tool, bool flat)
{
    yyjson_val *function = function_of(tool, flat);
    struct span name = peek_text(function, "name");

    if (name.size)
        completion_call(said, name, yyjson_obj_get(function, "parameters"));
}

void openai_call_tools(struct completion *said, yyjson_val *body, bool flat)
{
    yyjson_val *tools = yyjson_obj_get(body, "tools");
    yyjson_val *choice = yyjson_obj_get(body, "tool_choice");
    yyjson_val *forced = find_forced(tools, choice, flat);
    bool parallel = !yyjson_is_false(yyjson_obj_get(body, "parallel_tool_calls"));

    if (span_is(peek_string(choice), "none") || !yyjson_arr_size(tools))
        return;
    if (forced) {
        call_tool(said, forced, flat);
        said->finish = FINISH_STOP; /* so does OpenAI when a function is named */
        return;
    }
    call_tool(said, yyjson_arr_get_first(tools), flat);
    if (parallel)
        call_tool(said, yyjson_arr_get_last(tools), flat);
}

void openai_add_usage(const struct completion *said, struct buf *out)
{
    uint64_t completion = completion_usage(said);

    buf_printf(out,
               "{\"prompt_tokens\":%" PRIu64 ",\"completion_tokens\":%" PRIu64
               ",\"total_tokens\":%" PRIu64 ","
               "\"prompt_tokens_details\":{\"cached_tokens\":%" PRIu64 ",\"audio_tokens\":0},"
               "\"completion_tokens_details\":{\"reasoning_tokens\":%" PRIu64
               ",\"audio_tokens\":0,"
               "\"accepted_prediction_tokens\":0,\"rejected_prediction_tokens\":0}}",
               said->prompt_tokens, completion, (said->prompt_tokens + completion),
               said->cached_tokens, (said->choices * said->reasoning_tokens));
}

const char *openai_finish(const struct completion *said)
{
    static const char *const names[] = {
        [FINISH_STOP] = "stop",
        [FINISH_LENGTH] = "length",
        [FINISH_CALLS] = "tool_calls",
    };

    return names[said->finish];
}

void openai_add_stamp(const struct answer *answer, struct buf *out)
{
    if (!answer->stamp)
        return;
    if (answer->asked_ns) {
        buf_add_text(out, ",\"asked_ns\":");
        buf_add_u64(out, answer->asked_ns);
    }
    buf_add_text(out, ",\"sent_ns\":");
    buf_add_u64(out, uv_hrtime());
}

void openai_add_token(const struct completion *said, uint32_t index, struct buf *out)
{
    struct buf plain;

    buf_init(&plain, SIZE_MAX / 2);
    text_add_token(&said->text, index, &plain);
    json_quote(out, buf_span(&plain));
    buf_done(&plain);
}

/* ---- the small endpoints ---- */

static void add_model(struct span id, struct buf *out)
{
    buf_add_text(out, "{\"id\":");
    json_quote(out, id);
    buf_printf(out, ",\"object\":\"model\",\"created\":%d,\"owned_by\":\"mock\"}",
               MODEL_CREATED);
}

void openai_list_models(const struct ask *ask, struct answer *answer)
{
    struct span rest = span_from(ask->mock->models);

    buf_add_text(&answer->body, "{\"object\":\"list\",\"data\":[");
    while (rest.size) {
        add_model(span_cut(&rest, ','), &answer->body);
        if (rest.size)
            buf_add_byte(&answer->body, ',');
    }
    buf_add_text(&answer->body, "]}");
}

/* The byte that "%XX" at the start of `text` stands for; -1 when it is no escape. */
static int read_escape(struct span text)
{
    static const char digits[] = "0123456789abcdef";
    int byte = 0;

    if (text.size < 3 || text.at[0] != '%')
        return -1;
    for (size_t i = 1; i < 3; i++) {
        const char *digit = text.at[i] ? strchr(digits, text.at[i] | 0x20) : NULL;

        if (!digit)
            return -1;
        byte = byte * 16 + (int)(digit - digits);
    }
    return byte;
}

/* The name of a model may hold '/', which SDKs send as %2F. */
static void add_percent_decoded(struct span text, struct buf *out)
{
    while (text.size) {
        int escape = read_escape(text);
        unsigned char byte = escape < 0 ? (unsigned char)text.at[0] : (unsigned char)escape;

        buf_append(out, &byte, 1);
        text = span_skip(text, escape < 0 ? 1 : 3);
    }
}

/* Any model exists, but those whose name begins with "missing". */
static void show_model(const struct ask *ask, struct answer *answer)
{
    struct buf name;

    buf_init(&name, SIZE_MAX / 2);
    add_percent_decoded(ask->rest, &name);
    if (span_starts(buf_span(&name), "missing"))
        refuse_model(buf_span(&name), answer);
    else
        add_model(buf_span(&name), &answer->body);
    buf_done(&name);
}

static void show_health(const struct ask *ask, struct answer *answer)
{
    (void)ask;
    buf_add_text(&answer->body, "{\"status\":\"ok\"}");
}

/* As vLLM has it at its root. What the mock really works at is running, but for this request itself. */
static void show_metrics(const struct ask *ask, struct answer *answer)
{
    uint64_t running = ask->mock->journal.stats.in_flight - 1 + ask->knobs->running;

    answer->type = "text/plain; version=0.0.4; charset=utf-8";
    buf_printf(
        &answer->body,
        "# HELP vllm:num_requests_running Number of requests in model execution batches.\n"
        "# TYPE vllm:num_requests_running gauge\n"
        "vllm:num_requests_running{engine=\"0\",model_name=\"mock-large\"} %" PRIu64 ".0\n"
        "# HELP vllm:num_requests_waiting Number of requests waiting to be processed.\n"
        "# TYPE vllm:num_requests_waiting gauge\n"
        "vllm:num_requests_waiting{engine=\"0\",model_name=\"mock-large\"} %u.0\n",
        running, ask->knobs->waiting);
}

static const struct path paths[] = {
    { .method = "POST", .path = "/v1/chat/completions", .answer = openai_chat },
    { .method = "POST", .path = "/v1/completions", .answer = openai_completions },
    { .method = "POST", .path = "/v1/embeddings", .answer = openai_embeddings },
    { .method = "POST", .path = "/v1/responses", .answer = openai_responses },
    { .method = "POST", .path = "/v1/moderations", .answer = openai_moderations },
    { .method = "POST", .path = "/v1/rerank", .answer = openai_rerank },
    { .method = "POST", .path = "/v1/images/generations", .answer = openai_images },
    { .method = "POST", .path = "/v1/images/", .answer = openai_image_form, .form = true },
    { .method = "POST", .path = "/v1/audio/speech", .answer = openai_speech },
    { .method = "POST", .path = "/v1/audio/", .answer = openai_transcription, .form = true },
    { .method = "GET", .path = "/v1/models", .answer = openai_list_models },
    { .method = "GET", .path = "/v1/models/", .answer = show_model },
    { .method = "GET", .path = "/health", .answer = show_health, .open = true },
    { .method = "GET", .path = "/metrics", .answer = show_metrics, .open = true },
    { .method = NULL },
};

const struct dialect dialect_openai = {
    .name = "openai",
    .paths = paths,
    .knows_key = knows_key,
    .refuse = refuse,
};
