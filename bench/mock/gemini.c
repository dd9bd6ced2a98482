/* Google's Gemini: POST /v1beta/models/NAME:generateContent, :streamGenerateContent?alt=sse, :countTokens,
 * :embedContent and :batchEmbedContents, and the list of models. It is strict where the real one is. */
#include "gemini.h"

#include "base/json.h"
#include "mock.h"
#include "peek.h"

#include <inttypes.h>
#include <string.h>

enum { DIMENSIONS_DEFAULT = 16, DIMENSIONS_MAX = 4096, INPUTS_MAX = 100 };

/* ---- errors ---- */

static const char *status_of(unsigned status)
{
    switch (status) {
    case 401: return "UNAUTHENTICATED";
    case 403: return "PERMISSION_DENIED";
    case 404: return "NOT_FOUND";
    case 429: return "RESOURCE_EXHAUSTED";
    case 503: return "UNAVAILABLE";
    case 504: return "DEADLINE_EXCEEDED";
    default: return status < 500 ? "INVALID_ARGUMENT" : "INTERNAL";
    }
}

static void write_error(unsigned status, struct span message, const char *reason,
                        struct answer *answer)
{
    struct json_writer w = json_writer(&answer->body);

    answer->status = status;
    json_begin(&w, '{');
    json_key(&w, "error");
    json_begin(&w, '{');
    json_put_u64(&w, "code", status);
    json_put_string(&w, "message", message);
    json_put_text(&w, "status", status_of(status));
    if (reason) {
        json_key(&w, "details");
        json_begin(&w, '[');
        json_begin(&w, '{');
        json_put_text(&w, "@type", "type.googleapis.com/google.rpc.ErrorInfo");
        json_put_text(&w, "reason", reason);
        json_put_text(&w, "domain", "googleapis.com");
        json_end(&w, '}');
        json_end(&w, ']');
    }
    json_end(&w, '}');
    json_end(&w, '}');
}

/* A wrong key is a wrong argument, as Google has it. */
static void refuse(const struct refusal *refusal, struct answer *answer)
{
    if (refusal->status == 401)
        write_error(400, SPAN_OF("API key not valid. Please pass a valid API key."),
                    "API_KEY_INVALID", answer);
    else
        write_error(refusal->status, refusal->message, NULL, answer);
}

bool gemini_refuse(unsigned status, const char *message, struct answer *answer)
{
    write_error(status, span_from(message), NULL, answer);
    return false;
}

static bool knows_key(const struct request *request, const char *key)
{
    return span_is(request_field(request, "x-goog-api-key"), key);
}

/* ---- what is said ---- */

static struct span last_text(yyjson_val *content)
{
    yyjson_arr_iter walk = yyjson_arr_iter_with(yyjson_obj_get(content, "parts"));
    struct span text = { 0 };
    yyjson_val *part;

    while ((part = yyjson_arr_iter_next(&walk)) != NULL)
        if (yyjson_obj_get(part, "text"))
            text = peek_text(part, "text");
    return text;
}

/* The user has the last word, and it is no result of a function. */
static bool asks(yyjson_val *content)
{
    yyjson_val *first = yyjson_arr_get_first(yyjson_obj_get(content, "parts"));

    return span_is(peek_text(content, "role"), "user") &&
           !yyjson_obj_get(first, "functionResponse");
}

static void call_function(struct completion *said, yyjson_val *function)
{
    yyjson_val *schema = yyjson_obj_get(function, "parametersJsonSchema");

    if (schema == NULL)
        schema = yyjson_obj_get(function, "parameters_json_schema");
    if (peek_text(function, "name").size)
        completion_call(said, peek_text(function, "name"),
                        schema ? schema : yyjson_obj_get(function, "parameters"));
}

static void call_functions(struct completion *said, yyjson_val *body)
{
    yyjson_val *tool = yyjson_arr_get_first(yyjson_obj_get(body, "tools"));
    yyjson_val *functions = yyjson_obj_get(tool, "functionDeclarations");
    yyjson_val *choice =
        yyjson_obj_get(yyjson_obj_get(body, "toolConfig"), "functionCallingConfig");
    yyjson_val *allowed = yyjson_arr_get_first(yyjson_obj_get(choice, "allowedFunctionNames"));

    if (yyjson_arr_size(functions) == 0 || span_is(peek_text(choice, "mode"), "NONE"))
        return;
    for (size_t i = 0; allowed && i < yyjson_arr_size(functions); i++) {
        yyjson_val *function = yyjson_arr_get(functions, i);

        if (span_equal(peek_text(function, "name"), peek_string(allowed)))
            call_function(said, function);
    }
    if (allowed)
        return;
    call_function(said, yyjson_arr_get_first(functions));
    call_function(said, yyjson_arr_get_last(functions));
}

/* 0, or MINIMAL, is not at all. */
static bool thinks(yyjson_val *thinking)
{
    struct span level = peek_text(thinking, "thinkingLevel");

    if (level.size == 0) /* as Google's own client spells it */
        level = peek_text(thinking, "thinking_level");
    return peek_u64(thinking, "thinkingBudget", 0) > 0 ||
           (level.size && !span_is(level, "MINIMAL"));
}

static void say(const struct ask *ask, struct completion *said)
{
    yyjson_val *contents = yyjson_obj_get(ask->body, "contents");
    yyjson_val *last = yyjson_arr_get_last(contents);
    yyjson_val *config = yyjson_obj_get(ask->body, "generationConfig");

    completion_init(said, ask->model, ask->knobs, ask->number);
    completion_count_prompt(said, contents);
    said->reasoning_tokens =
        thinks(yyjson_obj_get(config, "thinkingConfig")) ? REASONING_TOKENS : 0;
    said->text.json = span_is(peek_text(config, "responseMimeType"), "application/json");
    completion_echo(said, asks(last) ? last_text(last) : span_make(NULL, 0));
    if (asks(last))
        call_functions(said, ask->body);
    completion_limit(said, peek_u64(config, "maxOutputTokens", UINT64_MAX));
}

/* Of everything up to `tokens` that could be seen; what is 0 is left out. */
static void add_usage(const struct completion *said, uint64_t tokens, struct buf *out)
{
    buf_printf(out, ",\"usageMetadata\":{\"promptTokenCount\":%" PRIu64, said->prompt_tokens);
    if (said->cached_tokens)
        buf_printf(out, ",\"cachedContentTokenCount\":%" PRIu64, said->cached_tokens);
    if (tokens)
        buf_printf(out, ",\"candidatesTokenCount\":%" PRIu64, tokens);
    if (said->reasoning_tokens)
        buf_printf(out, ",\"thoughtsTokenCount\":%" PRIu64, said->reasoning_tokens);
    buf_printf(out, ",\"totalTokenCount\":%" PRIu64 "}",
               said->prompt_tokens + tokens + said->reasoning_tokens);
}

static void add_name(const struct completion *said, struct buf *out)
{
    buf_add_text(out, ",\"modelVersion\":");
    json_quote(out, span_from(said->model));
    buf_printf(out, ",\"responseId\":\"gm%08" PRIx64 "\"}", said->number);
}

#define CANDIDATE "{\"candidates\":[{\"content\":{\"role\":\"model\",\"parts\":["
#define SIGNED    ",\"thoughtSignature\":\"" GEMINI_SIGNATURE "\""

static void close_candidate(const struct completion *said, bool ends, struct buf *out)
{
    buf_add_text(out, "]},\"index\":0");
    if (ends)
        buf_add_text(out, said->finish == FINISH_LENGTH ? ",\"finishReason\":\"MAX_TOKENS\""
                                                        : ",\"finishReason\":\"STOP\"");
    buf_add_text(out, "}]");
}

static void add_calls(const struct completion *said, struct buf *out)
{
    for (uint32_t i = 0; i < said->call_count; i++) {
        buf_add_text(out, i ? ",{\"functionCall\":{\"name\":" : "{\"functionCall\":{\"name\":");
        json_quote(out, span_from(said->calls[i].name));
        buf_add_text(out, ",\"args\":");
        buf_add(out, buf_span(&said->calls[i].arguments));
        buf_add_text(out, i ? "}}" : "}" SIGNED "}");
    }
}

static void write_plain(const struct completion *said, struct buf *out)
{
    struct buf plain;

    buf_add_text(out, CANDIDATE);
    if (said->reasoning_tokens)
        buf_add_text(out, "{\"text\":\"Let me see.\",\"thought\":true},");
    if (said->call_count) {
        add_calls(said, out);
    } else {
        buf_init(&plain, SIZE_MAX / 2);
        text_add_all(&said->text, &plain);
        buf_add_text(out, "{\"text\":");
        json_quote(out, buf_span(&plain));
        buf_add_text(out, said->reasoning_tokens ? SIGNED "}" : "}");
        buf_done(&plain);
    }
    close_candidate(said, true, out);
    add_usage(said, completion_tokens(said), out);
    add_name(said, out);
}

/* ---- the stream: [a thought], the tokens or all calls, the end ---- */

static void add_text(const struct completion *said, uint32_t token, struct buf *out)
{
    struct buf plain;

    buf_init(&plain, SIZE_MAX / 2);
    text_add_token(&said->text, token, &plain);
    buf_add_text(out, "{\"text\":");
    json_quote(out, buf_span(&plain));
    buf_add_byte(out, '}');
    buf_done(&plain);
}

static uint32_t render(const struct answer *answer, uint32_t index, struct buf *out)
{
    const struct completion *said = &answer->said;
    uint32_t thoughts = said->reasoning_tokens ? 1 : 0;
    bool ends = index + 1 == answer->events;
    uint32_t tokens = 0; /* in this event */
    uint64_t before = completion_tokens(said);

    buf_add_text(out, "data: " CANDIDATE);
    if (index < thoughts) {
        buf_add_text(out, "{\"text\":\"Let me see.\",\"thought\":true}");
        before = 0;
    } else if (ends) {
        buf_add_text(out, thoughts ? "{\"text\":\"\"" SIGNED "}" : "{\"text\":\"\"}");
    } else if (said->call_count) {
        add_calls(said, out);
        tokens = (uint32_t)before;
    } else {
        before = index - thoughts + 1;
        add_text(said, index - thoughts, out);
        tokens = 1;
    }
    close_candidate(said, ends, out);
    add_usage(said, before, out);
    if (answer->stamp)
        buf_printf(out, ",\"sentNs\":%" PRIu64, uv_hrtime());
    add_name(said, out);
    buf_add_text(out, "\r\n\r\n");
    return tokens;
}

/* ---- embeddings ---- */

/* What a text costs; as with the real one, no answer says it. */
static uint64_t count_text(yyjson_val *request)
{
    return (last_text(yyjson_obj_get(request, "content")).size + 3) / 4;
}

/* The same for the same input, in steps of 1/256 from -1 to 1. */
static void add_values(yyjson_val *request, struct buf *out)
{
    uint64_t dimensions = peek_u64(request, "outputDimensionality", DIMENSIONS_DEFAULT);
    uint64_t hash = span_hash(last_text(yyjson_obj_get(request, "content")));

    buf_add_text(out, "{\"values\":[");
    for (uint64_t i = 0; i < dimensions && i < DIMENSIONS_MAX; i++) {
        uint64_t mixed = (hash + i) * 0x9e3779b97f4a7c15;

        buf_printf(out, "%s%.8g", i ? "," : "", ((double)(mixed >> 55) - 256.0) / 256.0);
    }
    buf_add_text(out, "]}");
}

static void embed(const struct ask *ask, struct answer *answer)
{
    if (!peek_string_bytes(yyjson_obj_get(ask->body, "content"))) {
        (void)gemini_refuse(400, "content is required", answer);
        return;
    }
    buf_add_text(&answer->body, "{\"embedding\":");
    add_values(ask->body, &answer->body);
    buf_add_byte(&answer->body, '}');
    completion_embed(&answer->said, ask->model, ask->number, count_text(ask->body));
}

static void embed_batch(const struct ask *ask, struct answer *answer)
{
    yyjson_val *requests = yyjson_obj_get(ask->body, "requests");
    size_t count = yyjson_arr_size(requests);
    uint64_t tokens = 0;

    if (count == 0 || count > INPUTS_MAX) {
        (void)gemini_refuse(400, "at most 100 requests can be in one batch", answer);
        return;
    }
    for (size_t i = 0; i < count; i++)
        if (!span_starts(peek_text(yyjson_arr_get(requests, i), "model"), "models/")) {
            (void)gemini_refuse(400, "model is required", answer);
            return;
        }
    buf_add_text(&answer->body, "{\"embeddings\":[");
    for (size_t i = 0; i < count; i++) {
        if (i)
            buf_add_byte(&answer->body, ',');
        add_values(yyjson_arr_get(requests, i), &answer->body);
        tokens += count_text(yyjson_arr_get(requests, i));
    }
    buf_add_text(&answer->body, "]}");
    completion_embed(&answer->said, ask->model, ask->number, tokens);
}

/* ---- the methods ---- */

static void generate(const struct ask *ask, struct answer *answer)
{
    if (!gemini_check(ask, answer))
        return;
    say(ask, &answer->said);
    write_plain(&answer->said, &answer->body);
}

static void stream(const struct ask *ask, struct answer *answer)
{
    struct completion *said = &answer->said;
    uint32_t events = 1;

    if (!span_is(request_query(ask->request, "alt"), "sse")) {
        (void)gemini_refuse(400, "The mock streams with alt=sse alone.", answer);
        return;
    }
    if (!gemini_check(ask, answer))
        return;
    say(ask, said);
    events += said->reasoning_tokens ? 1 : 0;
    events += said->call_count ? 1 : said->text.count;
    answer->stamp = ask->mock->stamp;
    answer_set_stream(answer, events, render);
}

static void count_tokens(const struct ask *ask, struct answer *answer)
{
    uint64_t bytes = peek_string_bytes(yyjson_obj_get(ask->body, "contents"));

    if (gemini_check(ask, answer))
        buf_printf(&answer->body, "{\"totalTokens\":%" PRIu64 "}", (bytes + 3) / 4);
}

static void models(const struct ask *ask, struct answer *answer)
{
    static const struct {
        const char *verb;
        void (*answer)(const struct ask *ask, struct answer *answer);
    } methods[] = {
        { "generateContent", generate },       { "streamGenerateContent", stream },
        { "countTokens", count_tokens },       { "embedContent", embed },
        { "batchEmbedContents", embed_batch },
    };

    if (span_starts(ask->model, "missing")) {
        (void)gemini_refuse(404, "This model is not found for API version v1beta.", answer);
        return;
    }
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
        if (span_is(ask->verb, methods[i].verb)) {
            methods[i].answer(ask, answer);
            return;
        }
    (void)gemini_refuse(404, "There is no such method.", answer);
}

/* ---- the list ---- */

static void add_model(struct span name, struct buf *out)
{
    buf_add_text(out, "{\"name\":");
    buf_add_text(out, "\"models/");
    buf_add(out, name);
    buf_add_text(out, "\",\"version\":\"001\",\"inputTokenLimit\":1048576,\"outputTokenLimit\":"
                      "65536,\"supportedGenerationMethods\":[\"generateContent\","
                      "\"countTokens\"]}");
}

static void list_models(const struct ask *ask, struct answer *answer)
{
    struct span rest = span_from(ask->mock->models);
    bool any = false;

    buf_add_text(&answer->body, "{\"models\":[");
    while (rest.size) {
        if (any)
            buf_add_byte(&answer->body, ',');
        add_model(span_cut(&rest, ','), &answer->body);
        any = true;
    }
    buf_add_text(&answer->body, "]}");
}

static void nothing_here(const struct ask *ask, struct answer *answer)
{
    (void)ask;
    (void)gemini_refuse(404, "The requested URL was not found on this server.", answer);
}

static const struct path paths[] = {
    { .method = "POST", .path = "/v1beta/models/", .answer = models, .names_model = true },
    { .method = "POST", .path = "/v1/models/", .answer = models, .names_model = true },
    { .method = "GET", .path = "/v1beta/models", .answer = list_models },
    { .method = "GET", .path = "/v1beta/", .answer = nothing_here },
    { .method = "POST", .path = "/v1beta/", .answer = nothing_here },
    { .method = NULL },
};

const struct dialect dialect_gemini = {
    .name = "gemini",
    .paths = paths,
    .knows_key = knows_key,
    .refuse = refuse,
};
