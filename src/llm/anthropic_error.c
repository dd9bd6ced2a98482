/* Anthropic's errors: those of a provider, in words that clients of OpenAI's language know, and those for a
 * client of its own. */
#include "llm/anthropic.h"
#include "llm/openai.h"

struct meaning {
    const char *said; /* error.type */
    enum llm_class class;
    unsigned status; /* to answer with */
    const char *type;
    const char *code; /* NULL: none */
};

static const struct meaning meanings[] = {
    { "invalid_request_error", LLM_CLIENT_ERROR, 400, "invalid_request_error", NULL },
    { "authentication_error", LLM_AUTH, 502, "server_error", "upstream_auth" },
    { "permission_error", LLM_AUTH, 502, "server_error", "upstream_auth" },
    { "billing_error", LLM_QUOTA, 429, "insufficient_quota", "insufficient_quota" },
    { "not_found_error", LLM_NOT_FOUND, 404, "invalid_request_error", "model_not_found" },
    { "conflict_error", LLM_SERVER_ERROR, 503, "server_error", NULL },
    { "request_too_large", LLM_CLIENT_ERROR, 413, "invalid_request_error",
      "request_too_large" },
    { "rate_limit_error", LLM_RATE_LIMIT, 429, "rate_limit_error", "rate_limit_exceeded" },
    { "api_error", LLM_SERVER_ERROR, 500, "server_error", NULL },
    { "timeout_error", LLM_TIMEOUT, 504, "server_error", NULL },
    { "overloaded_error", LLM_SERVER_ERROR, 503, "service_unavailable_error",
      "server_is_overloaded" },
};

/* What is said in the message alone. */
static const struct {
    const char *words;
    struct meaning meaning;
} hints[] = {
    { "prompt is too long",
      { NULL, LLM_CONTEXT_WINDOW, 400, "invalid_request_error", "context_length_exceeded" } },
    { "context limit",
      { NULL, LLM_CONTEXT_WINDOW, 400, "invalid_request_error", "context_length_exceeded" } },
    { "credit balance is too low",
      { NULL, LLM_QUOTA, 429, "insufficient_quota", "insufficient_quota" } },
};

static const struct meaning *find(const struct llm_error *error)
{
    for (size_t i = 0; i < sizeof(hints) / sizeof(hints[0]); i++)
        if (span_is(error->type, "invalid_request_error") &&
            span_find_text(error->message, hints[i].words) != SIZE_MAX)
            return &hints[i].meaning;
    for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++)
        if (span_is(error->type, meanings[i].said))
            return &meanings[i];
    return NULL;
}

void anthropic_read_error(unsigned status, struct span body, struct arena *arena,
                          struct llm_error *ret)
{
    const struct meaning *meaning;

    openai_read_error(status, body, arena, ret); /* it reads an error of any shape */
    meaning = find(ret);
    if (meaning == NULL) {
        ret->type = (struct span){ 0 }; /* whatever it is, no word of OpenAI's */
        return;
    }
    ret->class = meaning->class;
    ret->status = meaning->status;
    ret->type = span_from(meaning->type);
    ret->code = meaning->code ? span_from(meaning->code) : (struct span){ 0 };
    ret->param = (struct span){ 0 };
}

/* ---- for a client ---- */

/* By the status that would be answered in OpenAI's language. What is not listed is an api_error, or, below 500,
 * an invalid request. */
static const struct {
    unsigned status;
    unsigned answered;
    const char *type;
} types[] = {
    { 401, 401, "authentication_error" }, { 402, 402, "billing_error" },
    { 403, 403, "permission_error" },     { 404, 404, "not_found_error" },
    { 409, 409, "conflict_error" },       { 413, 413, "request_too_large" },
    { 429, 429, "rate_limit_error" },     { 503, 529, "overloaded_error" },
    { 504, 504, "timeout_error" },        { 529, 529, "overloaded_error" },
};

/* Money that is used up is a matter of its own here. */
static unsigned status_of(const struct llm_error *error)
{
    return error->class == LLM_QUOTA ? 402 : error->status;
}

unsigned anthropic_error_status(const struct llm_error *error)
{
    unsigned status = status_of(error);

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (types[i].status == status)
            return types[i].answered;
    return status;
}

static const char *type_of(const struct llm_error *error)
{
    unsigned status = status_of(error);

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (types[i].status == status)
            return types[i].type;
    return status >= 400 && status < 500 ? "invalid_request_error" : "api_error";
}

static void write_details(const struct llm_error *error, struct json_writer *w)
{
    if (error->code.at == NULL && error->param.at == NULL)
        return;
    json_key(w, "details");
    json_begin(w, '{');
    if (error->code.at)
        json_put_string(w, "error_code", error->code);
    if (error->param.at)
        json_put_string(w, "param", error->param);
    json_end(w, '}');
}

void anthropic_write_error(const struct llm_error *error, struct buf *out)
{
    struct json_writer w = json_writer(out);

    json_begin(&w, '{');
    json_put_text(&w, "type", "error");
    json_key(&w, "error");
    json_begin(&w, '{');
    json_put_text(&w, "type", type_of(error));
    json_put_string(&w, "message", error->message);
    write_details(error, &w);
    json_end(&w, '}');
    if (error->request.at)
        json_put_string(&w, "request_id", error->request);
    json_end(&w, '}');
}

void anthropic_write_error_event(const struct llm_error *error, struct buf *out)
{
    (void)buf_add_text(out, "event: error\ndata: ");
    anthropic_write_error(error, out);
    (void)buf_add_text(out, "\n\n");
}
