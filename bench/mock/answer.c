#include "answer.h"

#include <assert.h>
#include <string.h>

static uint32_t render_body(const struct answer *answer, uint32_t index, struct buf *out)
{
    const struct completion *said = &answer->said;

    assert(index == 0);
    buf_add(out, buf_span(&answer->body));
    return (uint32_t)(said->choices * completion_tokens(said));
}

void answer_init(struct answer *answer)
{
    *answer = (struct answer){
        .status = 200,
        .type = "application/json",
        .events = 1,
        .render = render_body,
    };
    buf_init(&answer->fields, SIZE_MAX / 2);
    buf_init(&answer->body, SIZE_MAX / 2);
}

void answer_done(struct answer *answer)
{
    buf_done(&answer->fields);
    buf_done(&answer->body);
    completion_done(&answer->said);
}

void answer_set_stream(struct answer *answer, uint32_t events, answer_render_fn *render)
{
    answer->stream = true;
    answer->type = "text/event-stream; charset=utf-8";
    answer->events = events;
    answer->render = render;
}

const char *answer_reason(unsigned status)
{
    static const struct {
        unsigned status;
        const char *reason;
    } reasons[] = {
        { 200, "OK" },
        { 301, "Moved Permanently" },
        { 302, "Found" },
        { 307, "Temporary Redirect" },
        { 308, "Permanent Redirect" },
        { 400, "Bad Request" },
        { 401, "Unauthorized" },
        { 403, "Forbidden" },
        { 404, "Not Found" },
        { 405, "Method Not Allowed" },
        { 408, "Request Timeout" },
        { 409, "Conflict" },
        { 413, "Content Too Large" },
        { 422, "Unprocessable Content" },
        { 429, "Too Many Requests" },
        { 500, "Internal Server Error" },
        { 502, "Bad Gateway" },
        { 503, "Service Unavailable" },
        { 504, "Gateway Timeout" },
        { 529, "Overloaded" },
    };

    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
        if (reasons[i].status == status)
            return reasons[i].reason;
    return "Unknown";
}

void answer_write_head(const struct answer *answer, bool chunked, bool close, struct buf *out)
{
    buf_add_text(out, "HTTP/1.1 ");
    buf_add_u64(out, answer->status);
    buf_add_byte(out, ' ');
    buf_add_text(out, answer_reason(answer->status));
    buf_add_text(out, "\r\ncontent-type: ");
    buf_add_text(out, answer->type);
    if (!answer->stream) {
        buf_add_text(out, "\r\ncontent-length: ");
        buf_add_u64(out, buf_size(&answer->body));
    } else if (chunked) {
        buf_add_text(out, "\r\ntransfer-encoding: chunked");
    }
    if (close)
        buf_add_text(out, "\r\nconnection: close");
    buf_add_text(out, "\r\n");
    buf_add(out, buf_span(&answer->fields));
    buf_add_text(out, "\r\n");
}
