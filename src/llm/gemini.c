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

static const struct dialect_client client = {
    .id_prefix = "",
    .read_request = gemini_read_request,
    .write_reply = gemini_write_reply,
    .write_delta = gemini_write_delta,
    .write_estimate = gemini_write_estimate,
    .signs_calls = true,
};

/* A stream just ends. */
static void write_end(struct buf *out)
{
    (void)out;
}

const struct dialect dialect_gemini = {
    .name = "gemini",
    .ping = "\r\n", /* clients take a comment for an answer */
    .crlf = true,
    .read_chat = gemini_read_chat,
    .look_ahead = gemini_look_ahead,
    .read_ahead = gemini_read_ahead,
    .read_event = gemini_read_event,
    .read_answer = gemini_read_whole,
    .read_answer_tail = gemini_read_tail,
    .read_error = gemini_read_error,
    .write_error = gemini_write_error,
    .write_error_event = gemini_write_error_event,
    .write_end = write_end,
    .client = &client,
    .provider = &provider,
};
