#include "llm/anthropic.h"

static const struct dialect_provider provider = {
    .suffix = "/messages",
    .write_request = anthropic_write_request,
    .read_reply = anthropic_read_reply,
    .read_delta = anthropic_read_delta,
};

const struct dialect dialect_anthropic = {
    .name = "anthropic",
    .read_error = anthropic_read_error,
    .provider = &provider,
};
