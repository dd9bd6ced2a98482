/* refusal: every error that the gateway makes itself, as one table: the contract's code, the HTTP
 * status, OpenAI's type, and its class. Printed in the client's dialect by the sink. */
#ifndef FLOW_REFUSAL_H
#define FLOW_REFUSAL_H

#include "llm/chat.h"

enum refusal {
    REFUSE_INVALID_API_KEY,
    REFUSE_DUPLICATE_AUTHORIZATION,
    REFUSE_MODEL_NOT_FOUND,
    REFUSE_MODEL_NOT_ALLOWED,
    REFUSE_INVALID_JSON,
    REFUSE_DUPLICATE_KEY,
    REFUSE_INVALID_VALUE,
    REFUSE_UNSUPPORTED_MEDIA,
    REFUSE_REQUEST_TOO_LARGE,
    REFUSE_REQUEST_TIMEOUT,
    REFUSE_BAD_REQUEST,
    REFUSE_NOT_FOUND,
    REFUSE_METHOD_NOT_ALLOWED,
    REFUSE_CONFLICT,
    REFUSE_FORBIDDEN,
    REFUSE_RATE_LIMIT_EXCEEDED,
    REFUSE_INSUFFICIENT_QUOTA,
    REFUSE_OVERLOADED,
    REFUSE_NO_HEALTHY_TARGET,
    REFUSE_DEADLINE_EXCEEDED,
    REFUSE_UPSTREAM_CONNECT,
    REFUSE_UPSTREAM_CONNECT_TIMEOUT,
    REFUSE_UPSTREAM_DNS,
    REFUSE_UPSTREAM_TLS,
    REFUSE_UPSTREAM_RESET,
    REFUSE_UPSTREAM_TIMEOUT,
    REFUSE_UPSTREAM_TRUNCATED,
    REFUSE_UPSTREAM_PROTOCOL,
    REFUSE_UPSTREAM_REDIRECT,
    REFUSE_UPSTREAM_CONTENT_TYPE,
    REFUSE_UPSTREAM_HEADER_TOO_LARGE,
    REFUSE_UPSTREAM_ADDRESS_DENIED,
    REFUSE_UPSTREAM_AUTH,
    REFUSE_UPSTREAM_ERROR,
    REFUSALS,
};

/* The row as an error. `message` is lent for as long as the error is used. */
struct llm_error refusal_error(enum refusal refusal, const char *message);

/* The refusal of that code among those of chat_problem; REFUSE_BAD_REQUEST when there is none. */
enum refusal refusal_find(const char *code);

#endif
