#include "llm/gemini.h"

static const struct embed_provider embed = {
    .suffix = "/models/{model}:batchEmbedContents",
    .write_ask = gemini_write_ask,
    .read_reply = gemini_read_vectors,
};

static const struct dialect_provider provider = {
    .suffix = "/models/{model}:generateContent",
    .stream_suffix = "/models/{model}:streamGenerateContent?alt=sse",
    .write_request = gemini_write_request,
    .read_reply = gemini_read_reply,
    .read_delta = gemini_read_delta,
    .embed = &embed,
};

const struct dialect dialect_gemini = {
    .name = "gemini",
    .read_error = gemini_read_error,
    .provider = &provider,
};
