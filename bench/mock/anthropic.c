/* Anthropic's Messages: POST /v1/messages, plain and as a stream, and the counting of tokens. It is strict
 * where the real one is: about versions, keys and fields that it does not know. */
#include "base/json.h"
#include "dialect.h"
#include "mock.h"
#include "peek.h"

#include <inttypes.h>
#include <string.h>

static const char *const thoughts[] = { "Let ", "me ", "see", "." };

enum { THOUGHTS = sizeof(thoughts) / sizeof(thoughts[0]), THINKING_EVENTS = THOUGHTS + 3 };

#define SIGNATURE "c2lnbmF0dXJlIG9mIHRoZSBtb2Nr"

/* ---- errors ---- */

static const char *type_of(unsigned status)
{
    switch (status) {
    case 401: return "authentication_error";
    case 404: return "not_found_error";
    case 429: return "rate_limit_error";
    case 529: return "overloaded_error";
    default: return status < 500 ? "invalid_request_error" : "api_error";
    }
}

static void refuse(const struct refusal *refusal, struct answer *answer)
{
    struct json_writer w = json_writer(&answer->body);

    answer->status = refusal->status;
    json_begin(&w, '{');
    json_put_text(&w, "type", "error");
    json_key(&w, "error");
    json_begin(&w, '{');
    json_put_text(&w, "type", type_of(refusal->status));
    json_put_string(&w, "message", refusal->message);
    json_end(&w, '}');
    json_put_text(&w, "request_id", "req_mock");
    json_end(&w, '}');
}

static bool refuse_as(unsigned status, const char *what, const char *why, struct answer *answer)
{
    struct buf message;

    buf_init(&message, SIZE_MAX / 2);
    buf_printf(&message, "%s%s%s", what, why[0] ? ": " : "", why);
    refuse(&(struct refusal){ .status = status, .message = buf_span(&message) }, answer);
    buf_done(&message);
    return false;
}

static bool knows_key(const struct request *request, const char *key)
{
    return span_is(request_field(request, "x-api-key"), key);
}

/* ---- what may be asked ---- */

static bool known_field(struct span name)
{
    static const char *const names[] = {
        "model",          "messages", "max_tokens",   "system",
        "stop_sequences", "stream",   "temperature",  "top_p",
        "top_k",          "tools",    "tool_choice",  "thinking",
        "output_config",  "metadata", "service_tier", "cache_control",
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (span_is(name, names[i]))
            return true;
    return false;
}

/* Whoever takes part in a beta may say more. */
static bool check_fields(const struct ask *ask, struct answer *answer)
{
    yyjson_obj_iter walk = yyjson_obj_iter_with(ask->body);
    bool beta = request_field(ask->request, "anthropic-beta").size > 0;
    yyjson_val *key;

    while (!beta && (key = yyjson_obj_iter_next(&walk)) != NULL)
        if (!known_field(peek_string(key)))
            return refuse_as(400, yyjson_get_str(key), "Extra inputs are not permitted",
                             answer);
    return true;
}

/* Results come first in a user's message, texts are not empty. */
static bool check_message(yyjson_val *message, struct answer *answer)
{
    yyjson_val *content = yyjson_obj_get(message, "content");
    yyjson_arr_iter walk = yyjson_arr_iter_with(content);
    yyjson_val *block;
    bool others = false;

    if (!span_is(peek_text(message, "role"), "user") &&
        !span_is(peek_text(message, "role"), "assistant"))
        return refuse_as(400, "messages", "Unexpected role", answer);
    if (yyjson_is_arr(content) && yyjson_arr_size(content) == 0)
        return refuse_as(400, "messages", "content must not be empty", answer);
    while ((block = yyjson_arr_iter_next(&walk)) != NULL) {
        bool result = span_is(peek_text(block, "type"), "tool_result");

        if (result && others)
            return refuse_as(400, "messages", "tool_result blocks must come first", answer);
        if (span_is(peek_text(block, "type"), "text") &&
            span_trim(peek_text(block, "text")).size == 0)
            return refuse_as(400, "messages", "text content blocks must be non-empty", answer);
        others = others || !result;
    }
    return true;
}

static bool check_messages(yyjson_val *messages, struct answer *answer)
{
    yyjson_arr_iter walk = yyjson_arr_iter_with(messages);
    yyjson_val *message;

    if (yyjson_arr_size(messages) == 0)
        return refuse_as(400, "messages", "at least one message is required", answer);
    while ((message = yyjson_arr_iter_next(&walk)) != NULL)
        if (!check_message(message, answer))
            return false;
    return true;
}

static bool check(const struct ask *ask, bool counts, struct answer *answer)
{
    uint64_t tokens = peek_u64(ask->body, "max_tokens", UINT64_MAX);
    yyjson_val *thinking = yyjson_obj_get(ask->body, "thinking");

    if (request_field(ask->request, "anthropic-version").size == 0)
        return refuse_as(400, "anthropic-version", "header is required", answer);
    if (!ask->model.size)
        return refuse_as(400, "model", "Field required", answer);
    if (span_starts(ask->model, "missing"))
        return refuse_as(404, "model", ask->model.at, answer);
    if (!counts && tokens == UINT64_MAX)
        return refuse_as(400, "max_tokens", "Field required", answer);
    if (peek_u64(thinking, "budget_tokens", 0) >= tokens)
        return refuse_as(400, "max_tokens", "must be greater than thinking.budget_tokens",
                         answer);
    if (yyjson_get_num(yyjson_obj_get(ask->body, "temperature")) > 1)
        return refuse_as(400, "temperature", "range: 0..1", answer);
    return check_fields(ask, answer) &&
           check_messages(yyjson_obj_get(ask->body, "messages"), answer);
}

/* ---- what is said ---- */

static yyjson_val *find_tool(yyjson_val *tools, struct span name)
{
    yyjson_arr_iter walk = yyjson_arr_iter_with(tools);
    yyjson_val *tool;

    while ((tool = yyjson_arr_iter_next(&walk)) != NULL)
        if (span_equal(peek_text(tool, "name"), name))
            return tool;
    return NULL;
}

static void call_tool(struct completion *said, yyjson_val *tool)
{
    struct span name = peek_text(tool, "name");

    if (name.size)
        completion_call(said, name, yyjson_obj_get(tool, "input_schema"));
}

static void call_tools(struct completion *said, yyjson_val *body)
{
    yyjson_val *tools = yyjson_obj_get(body, "tools");
    yyjson_val *choice = yyjson_obj_get(body, "tool_choice");
    struct span type = peek_text(choice, "type");

    if (!yyjson_arr_size(tools) || span_is(type, "none"))
        return;
    if (span_is(type, "tool")) {
        call_tool(said, find_tool(tools, peek_text(choice, "name")));
        return;
    }
    call_tool(said, yyjson_arr_get_first(tools));
    if (!peek_true(choice, "disable_parallel_tool_use"))
        call_tool(said, yyjson_arr_get_last(tools));
}

/* The text of the last message when it is the user's and holds no result of a tool. */
static bool last_user(yyjson_val *messages, struct span *ret)
{
    yyjson_val *last = yyjson_arr_get_last(messages);
    yyjson_val *content = yyjson_obj_get(last, "content");
    yyjson_arr_iter walk = yyjson_arr_iter_with(content);
    yyjson_val *block;

    *ret = peek_string(content);
    while ((block = yyjson_arr_iter_next(&walk)) != NULL) {
        if (span_is(peek_text(block, "type"), "tool_result"))
            return false;
        if (span_is(peek_text(block, "type"), "text"))
            *ret = peek_text(block, "text");
    }
    return span_is(peek_text(last, "role"), "user");
}

static bool thinks(yyjson_val *body)
{
    struct span type = peek_text(yyjson_obj_get(body, "thinking"), "type");

    return span_is(type, "enabled") || span_is(type, "adaptive");
}

static void say(const struct ask *ask, struct completion *said)
{
    yyjson_val *messages = yyjson_obj_get(ask->body, "messages");
    struct span user;
    bool asked = last_user(messages, &user);

    completion_init(said, ask->model, ask->knobs, ask->number);
    completion_count_prompt(said, messages);
    said->written_tokens = said->cached_tokens / 2;
    said->written_long = span_find_text(ask->model, "hour") != SIZE_MAX;
    said->reasoning_tokens = thinks(ask->body) ? REASONING_TOKENS : 0;
    said->text.json = yyjson_obj_get(yyjson_obj_get(ask->body, "output_config"), "format");
    completion_echo(said, asked ? user : span_make(NULL, 0));
    if (asked)
        call_tools(said, ask->body);
    completion_limit(said, peek_u64(ask->body, "max_tokens", UINT64_MAX));
}

static const char *stop_reason(const struct completion *said)
{
    static const char *const names[] = {
        [FINISH_STOP] = "end_turn",
        [FINISH_LENGTH] = "max_tokens",
        [FINISH_CALLS] = "tool_use",
    };

    return names[said->finish];
}

/* In disjoint classes; half of what is cached was written just now, for an hour if the model's name says
 * so. */
static void add_usage(const struct completion *said, uint64_t output, struct buf *out)
{
    uint64_t written = said->written_tokens;
    uint64_t for_long = said->written_long ? written : 0;

    buf_printf(out,
               "\"usage\":{\"input_tokens\":%" PRIu64
               ",\"cache_creation_input_tokens\":%" PRIu64
               ",\"cache_read_input_tokens\":%" PRIu64 ",\"output_tokens\":%" PRIu64,
               said->prompt_tokens - said->cached_tokens, written,
               said->cached_tokens - written, output);
    if (written)
        buf_printf(out,
                   ",\"cache_creation\":{\"ephemeral_5m_input_tokens\":%" PRIu64
                   ",\"ephemeral_1h_input_tokens\":%" PRIu64 "}",
                   written - for_long, for_long);
    if (said->reasoning_tokens)
        buf_printf(out, ",\"output_tokens_details\":{\"thinking_tokens\":%" PRIu64 "}",
                   said->reasoning_tokens);
    buf_add_text(out, ",\"service_tier\":\"standard\"}");
}

/* "id" to "content"; the object stays open. */
static void add_start(const struct completion *said, struct buf *out)
{
    buf_printf(out,
               "{\"id\":\"msg_%08" PRIx64 "\",\"type\":\"message\",\"role\":\"assistant\",",
               said->number);
    buf_add_text(out, "\"model\":");
    json_quote(out, span_from(said->model));
    buf_add_text(out, ",\"stop_sequence\":null,\"content\":[");
}

static void add_call_start(const struct completion *said, uint32_t call, struct buf *out)
{
    buf_printf(out, "{\"type\":\"tool_use\",\"id\":\"toolu_%08" PRIx64 "_%u\",\"name\":",
               said->number, call);
    json_quote(out, span_from(said->calls[call].name));
    buf_add_text(out, ",\"input\":");
}

/* ---- the plain answer ---- */

static void add_text_block(const struct completion *said, struct buf *out)
{
    struct buf plain;

    buf_init(&plain, SIZE_MAX / 2);
    text_add_all(&said->text, &plain);
    buf_add_text(out, "{\"type\":\"text\",\"text\":");
    json_quote(out, buf_span(&plain));
    buf_add_byte(out, '}');
    buf_done(&plain);
}

static void write_plain(const struct completion *said, struct buf *out)
{
    add_start(said, out);
    if (said->reasoning_tokens)
        buf_add_text(out, "{\"type\":\"thinking\",\"thinking\":\"Let me see.\","
                          "\"signature\":\"" SIGNATURE "\"},");
    if (!said->call_count)
        add_text_block(said, out);
    for (uint32_t i = 0; i < said->call_count; i++) {
        if (i)
            buf_add_byte(out, ',');
        add_call_start(said, i, out);
        buf_add(out, buf_span(&said->calls[i].arguments));
        buf_add_byte(out, '}');
    }
    buf_printf(out, "],\"stop_reason\":\"%s\",", stop_reason(said));
    add_usage(said, completion_usage(said), out);
    buf_add_byte(out, '}');
}

/* ---- the stream ---- */

static void open_event(const char *name, struct buf *out)
{
    buf_add_texts(out, "event: ", name, "\ndata: {\"type\":\"", name, "\"", NULL);
}

static void add_index(const char *name, uint32_t block, struct buf *out)
{
    open_event(name, out);
    buf_printf(out, ",\"index\":%u", block);
}

static void add_thinking(uint32_t index, struct buf *out)
{
    if (index == 0) {
        add_index("content_block_start", 0, out);
        buf_add_text(out, ",\"content_block\":{\"type\":\"thinking\",\"thinking\":\"\","
                          "\"signature\":\"\"}");
    } else if (index <= THOUGHTS) {
        add_index("content_block_delta", 0, out);
        buf_add_texts(out, ",\"delta\":{\"type\":\"thinking_delta\",\"thinking\":\"",
                      thoughts[index - 1], "\"}", NULL);
    } else if (index == THOUGHTS + 1) {
        add_index("content_block_delta", 0, out);
        buf_add_text(out, ",\"delta\":{\"type\":\"signature_delta\",\"signature\":\"" SIGNATURE
                          "\"}");
    } else {
        add_index("content_block_stop", 0, out);
    }
}

/* Event `index` of the text's block; gives the tokens in it. */
static uint32_t add_text(const struct completion *said, uint32_t index, uint32_t block,
                         struct buf *out)
{
    struct buf plain;

    if (index == 0 || index > said->text.count) {
        add_index(index ? "content_block_stop" : "content_block_start", block, out);
        if (index == 0)
            buf_add_text(out, ",\"content_block\":{\"type\":\"text\",\"text\":\"\"}");
        return 0;
    }
    buf_init(&plain, SIZE_MAX / 2);
    text_add_token(&said->text, index - 1, &plain);
    add_index("content_block_delta", block, out);
    buf_add_text(out, ",\"delta\":{\"type\":\"text_delta\",\"text\":");
    json_quote(out, buf_span(&plain));
    buf_add_byte(out, '}');
    buf_done(&plain);
    return 1;
}

/* Of a call: its start, an empty fragment as the real one sends it, its fragments, its stop. */
static uint32_t call_events(const struct completion *said, uint32_t call)
{
    return completion_fragments(said, call) + 3;
}

static uint32_t add_call(const struct completion *said, uint32_t index, uint32_t block,
                         struct buf *out)
{
    uint32_t call = 0;

    while (index >= call_events(said, call))
        index -= call_events(said, call++);
    if (index == 0) {
        add_index("content_block_start", block + call, out);
        buf_add_text(out, ",\"content_block\":");
        add_call_start(said, call, out);
        buf_add_text(out, "{}}");
        return 0;
    }
    if (index + 1 == call_events(said, call)) {
        add_index("content_block_stop", block + call, out);
        return 0;
    }
    add_index("content_block_delta", block + call, out);
    buf_add_text(out, ",\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":");
    json_quote(out, index == 1 ? span_make("", 0) : completion_fragment(said, call, index - 2));
    buf_add_byte(out, '}');
    return index > 1;
}

static uint32_t content_events(const struct completion *said)
{
    uint32_t count = 0;

    if (!said->call_count)
        return said->text.count + 2;
    for (uint32_t i = 0; i < said->call_count; i++)
        count += call_events(said, i);
    return count;
}

static uint32_t add_content(const struct completion *said, uint32_t index, struct buf *out)
{
    uint32_t thinking = said->reasoning_tokens ? THINKING_EVENTS : 0;

    if (index < thinking) {
        add_thinking(index, out);
        return 0;
    }
    if (said->call_count)
        return add_call(said, index - thinking, thinking ? 1 : 0, out);
    return add_text(said, index - thinking, thinking ? 1 : 0, out);
}

static uint32_t render(const struct answer *answer, uint32_t index, struct buf *out)
{
    const struct completion *said = &answer->said;
    uint32_t tokens = 0;

    if (index == 0) {
        open_event("message_start", out);
        buf_add_text(out, ",\"message\":");
        add_start(said, out);
        buf_add_text(out, "],\"stop_reason\":null,");
        add_usage(said, 1, out);
        buf_add_byte(out, '}');
    } else if (index == 1) {
        open_event("ping", out);
    } else if (index + 1 == answer->events) {
        open_event("message_stop", out);
    } else if (index + 2 == answer->events) {
        open_event("message_delta", out);
        buf_printf(out, ",\"delta\":{\"stop_reason\":\"%s\",\"stop_sequence\":null},",
                   stop_reason(said));
        add_usage(said, completion_usage(said), out);
    } else {
        tokens = add_content(said, index - 2, out);
    }
    if (answer->stamp) {
        buf_add_text(out, ",\"sent_ns\":");
        buf_add_u64(out, uv_hrtime());
    }
    buf_add_text(out, "}\n\n");
    return tokens;
}

/* ---- the endpoints ---- */

static void messages(const struct ask *ask, struct answer *answer)
{
    struct completion *said = &answer->said;
    uint32_t thinking;

    if (!check(ask, false, answer))
        return;
    say(ask, said);
    if (!ask->stream) {
        write_plain(said, &answer->body);
        return;
    }
    thinking = said->reasoning_tokens ? THINKING_EVENTS : 0;
    answer->stamp = ask->mock->stamp;
    answer_set_stream(answer, 2 + thinking + content_events(said) + 2, render);
}

static void count_tokens(const struct ask *ask, struct answer *answer)
{
    uint64_t bytes = peek_string_bytes(yyjson_obj_get(ask->body, "messages"));

    if (check(ask, true, answer))
        buf_printf(&answer->body, "{\"input_tokens\":%" PRIu64 "}", (bytes + 3) / 4);
}

static const struct path paths[] = {
    { .method = "POST", .path = "/v1/messages", .answer = messages },
    { .method = "POST", .path = "/v1/messages/count_tokens", .answer = count_tokens },
    { .method = NULL },
};

const struct dialect dialect_anthropic = {
    .name = "anthropic",
    .paths = paths,
    .knows_key = knows_key,
    .refuse = refuse,
};
