#include "llm/anthropic.h"

#include "llm/openai.h"

static void write_end(struct buf *out)
{
    (void)buf_add_text(out, "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n");
}

static const struct dialect_client client = {
    .id_prefix = "msg_",
    .read_request = anthropic_read_request,
    .write_reply = anthropic_write_reply,
    .write_delta = anthropic_write_delta,
    .write_estimate = anthropic_write_estimate,
};

static const struct dialect_provider provider = {
    .suffix = "/messages",
    .write_request = anthropic_write_request,
    .read_reply = anthropic_read_reply,
    .read_delta = anthropic_read_delta,
};

const struct dialect dialect_anthropic = {
    .name = "anthropic",
    .id_header = "request-id",
    .usage_on_request = false,
    .read_chat = openai_read_chat, /* what the gateway acts on has the same names */
    .look_ahead = openai_look_ahead,
    .read_ahead = openai_read_ahead,
    .read_event = anthropic_read_event,
    .read_answer = anthropic_read_answer,
    .read_answer_tail = anthropic_read_answer_tail,
    .read_error = anthropic_read_error,
    .error_status = anthropic_error_status,
    .write_error = anthropic_write_error,
    .write_error_event = anthropic_write_error_event,
    .write_end = write_end,
    .client = &client,
    .provider = &provider,
};
