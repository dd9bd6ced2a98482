#include "llm/chat.h"

#include "base/limits.h"

static enum err wrong_name(const char *message, struct chat_problem *ret)
{
    *ret = (struct chat_problem){ "invalid_value", message, "model" };
    return ERR_TYPE;
}

enum err chat_check_model(struct span name, struct arena *arena,
                          struct chat_problem *ret_problem)
{
    if (name.size == 0)
        return wrong_name("`model` is empty; it must name a model.", ret_problem);
    if (name.size > LIMIT_MODEL_NAME_BYTES)
        return wrong_name(arena_printf(arena,
                                       "`model` is %zu bytes long; a name has at most %d.",
                                       name.size, (int)LIMIT_MODEL_NAME_BYTES),
                          ret_problem);
    if (span_find_control(name) != SIZE_MAX)
        return wrong_name("`model` holds a control character.", ret_problem);
    return ERR_OK;
}

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
