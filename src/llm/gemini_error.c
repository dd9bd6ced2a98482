/* Google's errors, in words that clients of OpenAI's language know:
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
