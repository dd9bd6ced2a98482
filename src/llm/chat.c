#include "llm/chat.h"

const char *llm_class_name(enum llm_class class)
{
    static const char *const names[] = {
        [LLM_FINE] = "fine",
        [LLM_RATE_LIMIT] = "rate_limit",
        [LLM_QUOTA] = "quota",
        [LLM_SERVER_ERROR] = "server_error",
        [LLM_TIMEOUT] = "timeout",
        [LLM_CONNECTION] = "connection_error",
        [LLM_AUTH] = "auth",
        [LLM_CONTEXT_WINDOW] = "context_window",
        [LLM_CONTENT_FILTER] = "content_filter",
        [LLM_NOT_FOUND] = "not_found",
        [LLM_CLIENT_ERROR] = "client_error",
    };

    return names[class];
}
