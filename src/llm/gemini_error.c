/* Google's errors: those of a provider, in words that clients of OpenAI's language know, and those for a client
 * of its own.
 *
 *     {"error": {"code": 429, "message": "…", "status": "RESOURCE_EXHAUSTED", "details": […]}}
 *
 * sometimes in an array. */
#include "llm/gemini.h"

#include "llm/openai.h"

struct meaning {
    const char *said; /* error.status, or words of the error */
    enum llm_class class;
    unsigned status; /* to answer with */
    const char *type;
    const char *code; /* NULL: none */
};

/* What says more than the status. The key is the gateway's: no client's fault. */
static const struct meaning hints[] = {
    { "API_KEY_INVALID", LLM_AUTH, 502, "server_error", "upstream_auth" },
    { "API key not valid", LLM_AUTH, 502, "server_error", "upstream_auth" },
    { "API key expired", LLM_AUTH, 502, "server_error", "upstream_auth" },
    { "exceeds the maximum number of tokens", LLM_CONTEXT_WINDOW, 400, "invalid_request_error",
      "context_length_exceeded" },
    { "PerDay", LLM_QUOTA, 429, "insufficient_quota", "insufficient_quota" },
};

static const struct meaning meanings[] = {
    { "INVALID_ARGUMENT", LLM_CLIENT_ERROR, 400, "invalid_request_error", NULL },
    { "OUT_OF_RANGE", LLM_CLIENT_ERROR, 400, "invalid_request_error", NULL },
    { "UNIMPLEMENTED", LLM_CLIENT_ERROR, 400, "invalid_request_error", NULL },
    { "FAILED_PRECONDITION", LLM_QUOTA, 429, "insufficient_quota", "insufficient_quota" },
    { "UNAUTHENTICATED", LLM_AUTH, 502, "server_error", "upstream_auth" },
    { "PERMISSION_DENIED", LLM_AUTH, 502, "server_error", "upstream_auth" },
    { "NOT_FOUND", LLM_NOT_FOUND, 404, "invalid_request_error", "model_not_found" },
    { "RESOURCE_EXHAUSTED", LLM_RATE_LIMIT, 429, "rate_limit_error", "rate_limit_exceeded" },
    { "ABORTED", LLM_SERVER_ERROR, 503, "server_error", NULL },
    { "CANCELLED", LLM_SERVER_ERROR, 503, "server_error", NULL },
    { "INTERNAL", LLM_SERVER_ERROR, 500, "server_error", NULL },
    { "UNKNOWN", LLM_SERVER_ERROR, 500, "server_error", NULL },
    { "DATA_LOSS", LLM_SERVER_ERROR, 500, "server_error", NULL },
    { "UNAVAILABLE", LLM_SERVER_ERROR, 503, "service_unavailable_error",
      "server_is_overloaded" },
    { "DEADLINE_EXCEEDED", LLM_TIMEOUT, 504, "server_error", NULL },
};

/* The object of the error; at == NULL: there is none. */
static struct span object_of(struct span body)
{
    struct scan_field error = { .name = "error" };
    struct scan_result result;
    struct scan_item item;
    size_t at = 0;

    if (scan_front(body, &item) && item.kind == JSON_ARRAY && scan_next(item.raw, &at, &item))
        body = item.raw;
    (void)scan_object(body, &error, 1, &result);
    return error.kind == JSON_OBJECT ? error.raw : (struct span){ 0 };
}

static const struct meaning *find(struct span error, struct arena *arena)
{
    struct scan_field status = { .name = "status" };
    struct scan_result result;
    struct span word = { 0 };

    for (size_t i = 0; i < sizeof(hints) / sizeof(hints[0]); i++)
        if (span_find_text(error, hints[i].said) != SIZE_MAX)
            return &hints[i];
    (void)scan_object(error, &status, 1, &result);
    if (status.raw.at && status.kind == JSON_STRING)
        word = scan_string(status.raw, arena);
    for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++)
        if (span_is(word, meanings[i].said))
            return &meanings[i];
    return NULL;
}

void gemini_read_error(unsigned status, struct span body, struct arena *arena,
                       struct llm_error *ret)
{
    struct span error = object_of(body);
    const struct meaning *meaning = error.at ? find(error, arena) : NULL;

    openai_read_error(status, body, arena, ret); /* it reads an error of any shape */
    ret->param = (struct span){ 0 };
    if (meaning == NULL) {
        ret->type = (struct span){ 0 }; /* whatever it is, no word of OpenAI's */
        return;
    }
    ret->class = meaning->class;
    ret->status = meaning->status;
    ret->type = span_from(meaning->type);
    ret->code = meaning->code ? span_from(meaning->code) : (struct span){ 0 };
}

/* ---- for a client ---- */

/* By the status that is answered. What is not listed is an INVALID_ARGUMENT below 500, else INTERNAL. */
static const char *word_of(unsigned status)
{
    static const struct {
        unsigned status;
        const char *word;
    } words[] = {
        { 401, "UNAUTHENTICATED" },   { 402, "FAILED_PRECONDITION" },
        { 403, "PERMISSION_DENIED" }, { 404, "NOT_FOUND" },
        { 405, "UNIMPLEMENTED" },     { 408, "DEADLINE_EXCEEDED" },
        { 409, "ABORTED" },           { 429, "RESOURCE_EXHAUSTED" },
        { 499, "CANCELLED" },         { 501, "UNIMPLEMENTED" },
        { 502, "UNAVAILABLE" },       { 503, "UNAVAILABLE" },
        { 504, "DEADLINE_EXCEEDED" },
    };

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (words[i].status == status)
            return words[i].word;
    return status >= 400 && status < 500 ? "INVALID_ARGUMENT" : "INTERNAL";
}

/* Where Google says more than the status: the code, and the field that is wrong. */
static void write_details(const struct llm_error *error, struct json_writer *w)
{
    if (error->code.at == NULL && error->param.at == NULL)
        return;
    json_key(w, "details");
    json_begin(w, '[');
    json_begin(w, '{');
    json_put_text(w, "@type", "type.googleapis.com/google.rpc.ErrorInfo");
    if (error->code.at)
        json_put_string(w, "reason", error->code);
    json_put_text(w, "domain", "sluice");
    if (error->param.at) {
        json_key(w, "metadata");
        json_begin(w, '{');
        json_put_string(w, "param", error->param);
        json_end(w, '}');
    }
    json_end(w, '}');
    json_end(w, ']');
}

void gemini_write_error(const struct llm_error *error, struct buf *out)
{
    struct json_writer w = json_writer(out);

    json_begin(&w, '{');
    json_key(&w, "error");
    json_begin(&w, '{');
    json_put_u64(&w, "code", error->status);
    json_put_string(&w, "message", error->message);
    json_put_text(&w, "status", word_of(error->status));
    write_details(error, &w);
    json_end(&w, '}');
    json_end(&w, '}');
}

void gemini_write_error_event(const struct llm_error *error, struct buf *out)
{
    (void)buf_add_text(out, "data: ");
    gemini_write_error(error, out);
    (void)buf_add_text(out, "\r\n\r\n");
}
