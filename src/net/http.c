/* What one exchange sees and does of its connection; the rest is in http_serve.c. */
#include "net/http.h"

#include "base/clock.h"
#include "base/limits.h"
#include "net/http_serve.h"

#include <assert.h>
#include <stdio.h>

enum { HEAD_BYTES = 256 }; /* status line, Date, framing */

/* ---- facts ---- */

struct span http_header_find(const struct http_request *request, struct span name)
{
    for (size_t i = 0; i < request->header_count; i++)
        if (request->headers[i].name.size == name.size &&
            span_equal_nocase(request->headers[i].name, name))
            return request->headers[i].value;
    return (struct span){ NULL, 0 };
}

const struct http_request *http_request(const struct http *http)
{
    assert(http->state == SERVE_EXCHANGE || http->state == SERVE_GONE);
    return &http->parse.request;
}

enum http_body_state http_body_state(const struct http *http)
{
    return http->parse.body_state;
}

struct span http_body(const struct http *http)
{
    return buf_span(&http->parse.body);
}

struct buf *http_memory(struct http *http)
{
    return &http->memory;
}

void http_forget_body(struct http *http)
{
    http_serve_forget(http);
}

bool http_gone(const struct http *http)
{
    return http->state == SERVE_GONE;
}

size_t http_room(const struct http *http)
{
    size_t unsent = conn_unsent(&http->conn);

    return unsent < LIMIT_CLIENT_OUT_BYTES ? LIMIT_CLIENT_OUT_BYTES - unsent : 0;
}

uint64_t http_bytes_out(const struct http *http)
{
    return http->bytes_out;
}

/* ---- steps ---- */

void http_continue(struct http *http)
{
    bool waits = http->parse.request.expects_continue && !http->replied &&
                 http->parse.body_state == HTTP_BODY_COMING && buf_size(&http->parse.body) == 0;

    if (waits && http->state == SERVE_EXCHANGE)
        (void)buf_add(conn_out(&http->conn), SPAN_OF("HTTP/1.1 100 Continue\r\n\r\n"));
    http->parse.request.expects_continue = false;
    http_serve_continue(http);
}

void http_stream_body(struct http *http)
{
    http->streamed = true;
    http_continue(http);
}

void http_consume(struct http *http, size_t size)
{
    assert(http->streamed);
    buf_consume(&http->parse.body, size);
    http->parse.body_taken += size;
    http_serve_pace(http);
}

/* What the client sends behind a request that was not read to its end is not another request. */
static bool may_keep(const struct http *http)
{
    return http->parse.body_state == HTTP_BODY_WHOLE && http->parse.keep &&
           !http->front->draining;
}

void http_reply(struct http *http, unsigned status, struct span headers, int64_t length)
{
    struct http_reply_head head = {
        .status = status,
        .headers = headers,
        .length = length,
        .head_request = http->parse.request.method == HTTP_HEAD,
        .http_1_0 = http->parse.http_1_0,
    };
    struct buf *out;
    size_t before;

    assert(http->state == SERVE_EXCHANGE || http->state == SERVE_GONE);
    assert(!http->replied);
    http->replied = true;
    http->framing = http_reply_framing(&head);
    http->length_left = length > 0 ? (uint64_t)length : 0;
    http->keep = may_keep(http) && http->framing != HTTP_FRAMED_CLOSE;
    if (http->state == SERVE_GONE)
        return;
    head.keep = http->keep;
    out = conn_out(&http->conn);
    before = buf_size(out);
    if (http->length_left <= LIMIT_CLIENT_OUT_BYTES)
        buf_grow(out, before + HEAD_BYTES + headers.size + (size_t)http->length_left);
    http_reply_write(out, &head, &http->front->date, clock_wall_coarse_ms());
    http->bytes_out += buf_size(out) - before;
}

static void write_chunk(struct buf *out, struct span bytes)
{
    char size[2 * sizeof(bytes.size)];
    size_t at = sizeof(size);

    for (size_t left = bytes.size; left; left >>= 4)
        size[--at] = "0123456789abcdef"[left & 15];
    (void)buf_reserve(out, sizeof(size) + bytes.size + 4); /* for all of it at once */
    (void)buf_append(out, size + at, sizeof(size) - at);
    (void)buf_add(out, SPAN_OF("\r\n"));
    (void)buf_add(out, bytes);
    (void)buf_add(out, SPAN_OF("\r\n"));
}

void http_write(struct http *http, struct span bytes)
{
    struct buf *out;
    size_t before;

    assert(http->replied);
    if (http->framing == HTTP_FRAMED_LENGTH) {
        assert(bytes.size <= http->length_left);
        http->length_left -= bytes.size;
    }
    if (http->state == SERVE_GONE || http->framing == HTTP_FRAMED_NONE || bytes.size == 0)
        return;
    out = conn_out(&http->conn);
    before = buf_size(out);
    if (http->framing == HTTP_FRAMED_CHUNKED)
        write_chunk(out, bytes);
    else
        (void)buf_add(out, bytes);
    http->bytes_out += buf_size(out) - before;
    http->full = http_room(http) == 0;
}

static void end_body(struct http *http)
{
    if (http->framing == HTTP_FRAMED_LENGTH)
        assert(http->length_left == 0);
    if (http->framing == HTTP_FRAMED_CHUNKED) {
        (void)buf_add(conn_out(&http->conn), SPAN_OF("0\r\n\r\n"));
        http->bytes_out += 5;
    }
}

void http_end(struct http *http, bool keep)
{
    if (http->state == SERVE_GONE) {
        http_serve_drop(http);
        return;
    }
    assert(http->state == SERVE_EXCHANGE);
    if (http->replied)
        end_body(http);
    if (keep && http->replied && http->keep && !http->front->draining)
        http_serve_next(http);
    else
        http_serve_leave(http);
}

void http_abort(struct http *http)
{
    assert(http->state == SERVE_EXCHANGE || http->state == SERVE_GONE);
    http_serve_drop(http);
}
