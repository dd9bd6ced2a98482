#include "llm/openai.h"

#include "base/json.h"

struct span openai_error_type(const struct llm_error *error)
{
    static const char *const types[] = {
        [LLM_FINE] = "server_error",
        [LLM_RATE_LIMIT] = "rate_limit_error",
        [LLM_QUOTA] = "insufficient_quota",
        [LLM_SERVER_ERROR] = "server_error",
        [LLM_TIMEOUT] = "server_error",
        [LLM_CONNECTION] = "server_error",
        [LLM_AUTH] = "server_error",
        [LLM_CONTEXT_WINDOW] = "invalid_request_error",
        [LLM_CONTENT_FILTER] = "invalid_request_error",
        [LLM_NOT_FOUND] = "invalid_request_error",
        [LLM_CLIENT_ERROR] = "invalid_request_error",
    };

    return error->type.at ? error->type : span_from(types[error->class]);
}

void openai_write_words(const struct llm_error *error, struct json_writer *w)
{
    json_put_string(w, "message", error->message);
    json_key(w, "param");
    if (error->param.at)
        json_string(w, error->param);
    else
        json_null(w);
    json_key(w, "code");
    if (error->code.at)
        json_string(w, error->code);
    else
        json_null(w);
}

void openai_write_error(const struct llm_error *error, struct buf *out)
{
    struct json_writer w = json_writer(out);

    json_begin(&w, '{');
    json_key(&w, "error");
    json_begin(&w, '{');
    json_put_string(&w, "type", openai_error_type(error));
    openai_write_words(error, &w);
    json_end(&w, '}');
    json_end(&w, '}');
}
