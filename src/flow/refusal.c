#include "flow/refusal.h"

#include <string.h>

struct row {
    const char *code;
    const char *type;
    unsigned status;
    enum llm_class class;
};

#define CLIENT "invalid_request_error"
#define SERVER "server_error"

static const struct row rows[REFUSALS] = {
    [REFUSE_INVALID_API_KEY] = { "invalid_api_key", CLIENT, 401, LLM_CLIENT_ERROR },
    [REFUSE_DUPLICATE_AUTHORIZATION] = { "bad_request", CLIENT, 400, LLM_CLIENT_ERROR },
    [REFUSE_MODEL_NOT_FOUND] = { "model_not_found", CLIENT, 404, LLM_CLIENT_ERROR },
    [REFUSE_MODEL_NOT_ALLOWED] = { "model_not_allowed", CLIENT, 403, LLM_CLIENT_ERROR },
    [REFUSE_INVALID_JSON] = { "invalid_json", CLIENT, 400, LLM_CLIENT_ERROR },
    [REFUSE_DUPLICATE_KEY] = { "duplicate_key", CLIENT, 400, LLM_CLIENT_ERROR },
    [REFUSE_INVALID_VALUE] = { "invalid_value", CLIENT, 400, LLM_CLIENT_ERROR },
    [REFUSE_UNSUPPORTED_MEDIA] = { "invalid_value", CLIENT, 415, LLM_CLIENT_ERROR },
    [REFUSE_REQUEST_TOO_LARGE] = { "request_too_large", CLIENT, 413, LLM_CLIENT_ERROR },
    [REFUSE_REQUEST_TIMEOUT] = { "request_timeout", CLIENT, 408, LLM_CLIENT_ERROR },
    [REFUSE_BAD_REQUEST] = { "bad_request", CLIENT, 400, LLM_CLIENT_ERROR },
    [REFUSE_NOT_FOUND] = { "not_found", CLIENT, 404, LLM_CLIENT_ERROR },
    [REFUSE_METHOD_NOT_ALLOWED] = { "method_not_allowed", CLIENT, 405, LLM_CLIENT_ERROR },
    [REFUSE_FORBIDDEN] = { "forbidden", CLIENT, 403, LLM_CLIENT_ERROR },
    [REFUSE_CONFLICT] = { "conflict", CLIENT, 409, LLM_CLIENT_ERROR },
    [REFUSE_RATE_LIMIT_EXCEEDED] = { "rate_limit_exceeded", "rate_limit_error", 429,
                                     LLM_RATE_LIMIT },
    [REFUSE_INSUFFICIENT_QUOTA] = { "insufficient_quota", "insufficient_quota", 429,
                                    LLM_QUOTA },
    [REFUSE_OVERLOADED] = { "overloaded", SERVER, 503, LLM_SERVER_ERROR },
    [REFUSE_NO_HEALTHY_TARGET] = { "no_healthy_target", SERVER, 503, LLM_SERVER_ERROR },
    [REFUSE_DEADLINE_EXCEEDED] = { "deadline_exceeded", SERVER, 504, LLM_TIMEOUT },
    [REFUSE_UPSTREAM_CONNECT] = { "upstream_connect", SERVER, 502, LLM_CONNECTION },
    [REFUSE_UPSTREAM_CONNECT_TIMEOUT] = { "upstream_connect_timeout", SERVER, 504,
                                          LLM_TIMEOUT },
    [REFUSE_UPSTREAM_DNS] = { "upstream_dns", SERVER, 502, LLM_CONNECTION },
    [REFUSE_UPSTREAM_TLS] = { "upstream_tls", SERVER, 502, LLM_CONNECTION },
    [REFUSE_UPSTREAM_RESET] = { "upstream_reset", SERVER, 502, LLM_CONNECTION },
    [REFUSE_UPSTREAM_TIMEOUT] = { "upstream_timeout", SERVER, 504, LLM_TIMEOUT },
    [REFUSE_UPSTREAM_TRUNCATED] = { "upstream_truncated", SERVER, 502, LLM_CONNECTION },
    [REFUSE_UPSTREAM_PROTOCOL] = { "upstream_protocol", SERVER, 502, LLM_SERVER_ERROR },
    [REFUSE_UPSTREAM_REDIRECT] = { "upstream_redirect", SERVER, 502, LLM_CLIENT_ERROR },
    [REFUSE_UPSTREAM_CONTENT_TYPE] = { "upstream_content_type", SERVER, 502, LLM_SERVER_ERROR },
    [REFUSE_UPSTREAM_HEADER_TOO_LARGE] = { "upstream_header_too_large", SERVER, 502,
                                           LLM_CLIENT_ERROR },
    [REFUSE_UPSTREAM_ADDRESS_DENIED] = { "upstream_address_denied", SERVER, 502,
                                         LLM_CLIENT_ERROR },
    [REFUSE_UPSTREAM_AUTH] = { "upstream_auth", SERVER, 502, LLM_AUTH },
    [REFUSE_UPSTREAM_ERROR] = { "upstream_error", SERVER, 502, LLM_SERVER_ERROR },
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
