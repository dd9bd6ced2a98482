#include "flow/refusal.h"

#include <string.h>

struct row {
    const char *code;
    unsigned status;
    const char *type;
    enum llm_class class;
};

#define CLIENT "invalid_request_error"
#define SERVER "server_error"

static const struct row rows[REFUSALS] = {
    [REFUSE_INVALID_API_KEY] = { "invalid_api_key", 401, CLIENT, LLM_CLIENT_ERROR },
    [REFUSE_DUPLICATE_AUTHORIZATION] = { "bad_request", 400, CLIENT, LLM_CLIENT_ERROR },
    [REFUSE_MODEL_NOT_FOUND] = { "model_not_found", 404, CLIENT, LLM_CLIENT_ERROR },
    [REFUSE_MODEL_NOT_ALLOWED] = { "model_not_allowed", 403, CLIENT, LLM_CLIENT_ERROR },
    [REFUSE_INVALID_JSON] = { "invalid_json", 400, CLIENT, LLM_CLIENT_ERROR },
    [REFUSE_DUPLICATE_KEY] = { "duplicate_key", 400, CLIENT, LLM_CLIENT_ERROR },
    [REFUSE_INVALID_VALUE] = { "invalid_value", 400, CLIENT, LLM_CLIENT_ERROR },
    [REFUSE_UNSUPPORTED_MEDIA] = { "invalid_value", 415, CLIENT, LLM_CLIENT_ERROR },
    [REFUSE_REQUEST_TOO_LARGE] = { "request_too_large", 413, CLIENT, LLM_CLIENT_ERROR },
    [REFUSE_REQUEST_TIMEOUT] = { "request_timeout", 408, CLIENT, LLM_CLIENT_ERROR },
    [REFUSE_BAD_REQUEST] = { "bad_request", 400, CLIENT, LLM_CLIENT_ERROR },
    [REFUSE_NOT_FOUND] = { "not_found", 404, CLIENT, LLM_CLIENT_ERROR },
    [REFUSE_METHOD_NOT_ALLOWED] = { "method_not_allowed", 405, CLIENT, LLM_CLIENT_ERROR },
    [REFUSE_OVERLOADED] = { "overloaded", 503, SERVER, LLM_SERVER_ERROR },
    [REFUSE_NO_HEALTHY_TARGET] = { "no_healthy_target", 503, SERVER, LLM_SERVER_ERROR },
    [REFUSE_DEADLINE_EXCEEDED] = { "deadline_exceeded", 504, SERVER, LLM_TIMEOUT },
    [REFUSE_UPSTREAM_CONNECT] = { "upstream_connect", 502, SERVER, LLM_CONNECTION },
    [REFUSE_UPSTREAM_CONNECT_TIMEOUT] = { "upstream_connect_timeout", 504, SERVER,
                                          LLM_TIMEOUT },
    [REFUSE_UPSTREAM_DNS] = { "upstream_dns", 502, SERVER, LLM_CONNECTION },
    [REFUSE_UPSTREAM_TLS] = { "upstream_tls", 502, SERVER, LLM_CONNECTION },
    [REFUSE_UPSTREAM_RESET] = { "upstream_reset", 502, SERVER, LLM_CONNECTION },
    [REFUSE_UPSTREAM_TIMEOUT] = { "upstream_timeout", 504, SERVER, LLM_TIMEOUT },
    [REFUSE_UPSTREAM_TRUNCATED] = { "upstream_truncated", 502, SERVER, LLM_CONNECTION },
    [REFUSE_UPSTREAM_PROTOCOL] = { "upstream_protocol", 502, SERVER, LLM_SERVER_ERROR },
    [REFUSE_UPSTREAM_REDIRECT] = { "upstream_redirect", 502, SERVER, LLM_CLIENT_ERROR },
    [REFUSE_UPSTREAM_CONTENT_TYPE] = { "upstream_content_type", 502, SERVER, LLM_SERVER_ERROR },
    [REFUSE_UPSTREAM_HEADER_TOO_LARGE] = { "upstream_header_too_large", 502, SERVER,
                                           LLM_CLIENT_ERROR },
    [REFUSE_UPSTREAM_ADDRESS_DENIED] = { "upstream_address_denied", 502, SERVER,
                                         LLM_CLIENT_ERROR },
    [REFUSE_UPSTREAM_AUTH] = { "upstream_auth", 502, SERVER, LLM_AUTH },
    [REFUSE_UPSTREAM_ERROR] = { "upstream_error", 502, SERVER, LLM_SERVER_ERROR },
};

struct llm_error refusal_error(enum refusal refusal, const char *message)
{
    const struct row *row = &rows[refusal];

    return (struct llm_error){
        .class = row->class,
        .status = row->status,
        .message = span_from(message),
        .type = span_from(row->type),
        .code = span_from(row->code),
    };
}

enum refusal refusal_find(const char *code)
{
    for (int i = 0; i < REFUSALS; i++)
        if (strcmp(rows[i].code, code) == 0)
            return (enum refusal)i;
    return REFUSE_BAD_REQUEST;
}
