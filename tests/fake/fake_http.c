#include "fake/fake_http.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"
#include "net/loop.h"

#include <assert.h>
#include <string.h>

enum { HEADERS_MAX = 48, REPLY_BYTES_MAX = 128 * 1024 * 1024 };

struct http {
    struct http_request request;
    struct http_header headers[HEADERS_MAX];
    char *texts[2 * HEADERS_MAX]; /* of the headers */
    char *body;
    size_t body_size;
    enum http_body_state body_state;
    struct task *task;
    bool gone;
    size_t room;
    bool continued;
    bool streamed;
    unsigned status;
    int64_t length;
    struct buf head;
    struct buf reply;
    struct buf memory;
    enum fake_http_end end;
};

/* ---- the test's side ---- */

struct http *fake_http_new(const char *path)
{
    struct http *http = mem_zero(sizeof(*http));

    http->request.method = HTTP_POST;
    http->request.path = span_from(path);
    http->request.headers = http->headers;
    http->request.received_us = clock_us();
    http->request.peer = "127.0.0.1";
    http->body_state = HTTP_BODY_WHOLE;
    http->room = SIZE_MAX;
    buf_init(&http->head, REPLY_BYTES_MAX);
    buf_init(&http->reply, REPLY_BYTES_MAX);
    buf_init(&http->memory, LIMIT_MEMORY_BYTES);
    return http;
}

static void scrub(char **text, size_t size)
{
    if (*text)
        memset(*text, '?', size);
    mem_free(*text);
    *text = NULL;
}

static void forget_request(struct http *http)
{
    for (size_t i = 0; i < 2 * HEADERS_MAX; i++)
        scrub(&http->texts[i], http->texts[i] ? strlen(http->texts[i]) : 0);
    scrub(&http->body, http->body_size);
    http->request.header_count = 0;
}

void fake_http_free(struct http *http)
{
    assert(http->end != FAKE_HTTP_RUNNING || http->task == NULL);
    forget_request(http);
    buf_done(&http->head);
    buf_done(&http->reply);
    buf_wipe(&http->memory);
    mem_free(http);
}

void fake_http_set_method(struct http *http, enum http_method method)
{
    http->request.method = method;
}

void fake_http_add_header(struct http *http, const char *name, const char *value)
{
    size_t at = http->request.header_count++;

    assert(at < HEADERS_MAX);
    http->texts[2 * at] = mem_copy(name, strlen(name));
    http->texts[2 * at + 1] = mem_copy(value, strlen(value));
    http->headers[at] = (struct http_header){ span_from(http->texts[2 * at]),
                                              span_from(http->texts[2 * at + 1]) };
}

static void wake(struct http *http)
{
    if (http->task && http->end == FAKE_HTTP_RUNNING)
        task_wake(http->task);
}

void fake_http_set_body(struct http *http, enum http_body_state state, struct span body)
{
    assert(http->end == FAKE_HTTP_RUNNING);
    mem_free(http->body);
    http->body = body.size ? mem_copy(body.at, body.size) : NULL;
    http->body_size = body.size;
    http->body_state = state;
    http->request.has_body = state != HTTP_BODY_WHOLE || body.size > 0;
    wake(http);
}

void fake_http_set_length(struct http *http, uint64_t bytes)
{
    http->request.content_length = bytes;
}

void fake_http_add_body(struct http *http, enum http_body_state state, struct span bytes)
{
    char *whole = mem_alloc(http->body_size + bytes.size + 1);

    assert(http->end == FAKE_HTTP_RUNNING);
    if (http->body_size)
        memcpy(whole, http->body, http->body_size);
    if (bytes.size)
        memcpy(whole + http->body_size, bytes.at, bytes.size);
    scrub(&http->body, http->body_size);
    http->body = whole;
    http->body_size += bytes.size;
    http->body_state = state;
    http->request.has_body = true;
    wake(http);
}

void fake_http_set_task(struct http *http, struct task *task)
{
    http->task = task;
}

void fake_http_leave(struct http *http)
{
    http->gone = true;
    wake(http);
}

void fake_http_let_read(struct http *http, size_t bytes)
{
    http->room = bytes;
    wake(http);
}

unsigned fake_http_status(const struct http *http)
{
    return http->status;
}

struct span fake_http_reply_head(const struct http *http)
{
    return buf_span(&http->head);
}

struct span fake_http_reply_header(const struct http *http, const char *name)
{
    struct span rest = buf_span(&http->head);

    while (rest.size) {
        struct span line = span_cut(&rest, '\n');
        struct span key = span_cut(&line, ':');

        assert(line.size && line.at[line.size - 1] == '\r');
        line.size--;
        if (span_is_nocase(key, name))
            return span_trim(line);
    }
    return span_make(NULL, 0);
}

struct span fake_http_reply_body(const struct http *http)
{
    return buf_span(&http->reply);
}

bool fake_http_continued(const struct http *http)
{
    return http->continued;
}

size_t fake_http_body_waits(const struct http *http)
{
    return http->body_size;
}

enum fake_http_end fake_http_end(const struct http *http)
{
    return http->end;
}

/* ---- the exchange's side ---- */

const struct http_request *http_request(const struct http *http)
{
    assert(http->end == FAKE_HTTP_RUNNING);
    return &http->request;
}

struct span http_header_find(const struct http_request *request, struct span name)
{
    for (size_t i = 0; i < request->header_count; i++)
        if (span_equal_nocase(request->headers[i].name, name))
            return request->headers[i].value;
    return span_make(NULL, 0);
}

enum http_body_state http_body_state(const struct http *http)
{
    assert(http->end == FAKE_HTTP_RUNNING);
    return http->body_state;
}

struct span http_body(const struct http *http)
{
    assert(http->end == FAKE_HTTP_RUNNING);
    return span_make(http->body, http->body_size);
}

struct buf *http_memory(struct http *http)
{
    assert(http->end == FAKE_HTTP_RUNNING);
    return &http->memory;
}

void http_forget_body(struct http *http)
{
    assert(http->end == FAKE_HTTP_RUNNING);
    scrub(&http->body, http->body_size); /* whoever still reads it will notice */
    http->body_size = 0;
}

bool http_gone(const struct http *http)
{
    assert(http->end == FAKE_HTTP_RUNNING);
    return http->gone;
}

size_t http_room(const struct http *http)
{
    assert(http->end == FAKE_HTTP_RUNNING);
    return http->room;
}

uint64_t http_bytes_out(const struct http *http)
{
    assert(http->end == FAKE_HTTP_RUNNING);
    return buf_size(&http->head) + buf_size(&http->reply);
}

void http_continue(struct http *http)
{
    assert(http->end == FAKE_HTTP_RUNNING && http->status == 0);
    http->continued = true;
}

void http_stream_body(struct http *http)
{
    http->streamed = true;
    http_continue(http);
}

void http_consume(struct http *http, size_t size)
{
    char *rest;

    assert(http->end == FAKE_HTTP_RUNNING && http->streamed && size <= http->body_size);
    rest = mem_copy(http->body + size, http->body_size - size);
    scrub(&http->body, http->body_size);
    http->body = rest;
    http->body_size -= size;
}

void http_reply(struct http *http, unsigned status, struct span headers, int64_t length)
{
    assert(http->end == FAKE_HTTP_RUNNING && http->status == 0);
    assert(status >= 200 && status <= 599 && span_ends(headers, "\r\n"));
    http->status = status;
    http->length = length;
    if (!http->gone)
        (void)buf_add(&http->head, headers);
}

void http_write(struct http *http, struct span bytes)
{
    assert(http->end == FAKE_HTTP_RUNNING && http->status && bytes.size);
    if (http->length != HTTP_LENGTH_UNKNOWN) {
        assert((int64_t)bytes.size <= http->length);
        http->length -= (int64_t)bytes.size;
    }
    if (http->gone)
        return;
    (void)buf_add(&http->reply, bytes);
    if (http->room != SIZE_MAX)
        http->room = http->room > bytes.size ? http->room - bytes.size : 0;
}

static void end(struct http *http, enum fake_http_end how)
{
    assert(http->end == FAKE_HTTP_RUNNING);
    http->end = how;
    forget_request(http);
}

void http_end(struct http *http, bool keep)
{
    assert(http->gone || http->status);
    assert(http->length == HTTP_LENGTH_UNKNOWN || http->length == 0);
    end(http, keep ? FAKE_HTTP_KEPT : FAKE_HTTP_CLOSED);
}

void http_abort(struct http *http)
{
    end(http, FAKE_HTTP_ABORTED);
}
