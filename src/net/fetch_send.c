#include "net/fetch_send.h"

#include "base/limits.h"
#include "net/fetch_origin.h"
#include "net/fetch_supply.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* ---- the head ---- */

static void add_target(const struct fetch_request *request, struct buf *out)
{
    const struct fetch_origin *origin = request->origin;

    if (request->path == NULL) {
        (void)buf_add_text(out, origin->target);
        return;
    }
    assert(request->path[0] == '/' && strpbrk(request->path, " \r\n") == NULL);
    (void)buf_add_texts(out, origin->path, request->path,
                        strchr(request->path, '?') ? "" : origin->query, " HTTP/1.1\r\n", NULL);
}

static uint64_t body_size(const struct fetch_request *request)
{
    uint64_t size = request->fed ? (uint64_t)request->fed_length : 0;

    if (request->fed)
        return size;
    for (size_t i = 0; i < request->body_count; i++)
        size += request->body[i].size;
    return size;
}

static bool is_chunked(const struct fetch_request *request)
{
    return request->fed && request->fed_length == FETCH_LENGTH_UNKNOWN;
}

void fetch_send_head(const struct fetch_request *request, struct buf *out)
{
    (void)buf_add_text(out, request->get ? "GET " : "POST ");
    add_target(request, out);
    (void)buf_add_text(out, request->origin->host);
    (void)buf_add(out, request->headers);
    if (is_chunked(request)) {
        (void)buf_add_text(out, "Transfer-Encoding: chunked\r\n");
    } else if (!request->get) {
        (void)buf_add_text(out, "Content-Length: ");
        (void)buf_add_u64(out, body_size(request));
        (void)buf_append(out, "\r\n", 2);
    }
    (void)buf_append(out, "\r\n", 2);
}

/* ---- what is left ---- */

/* Empty pieces are never the one being sent. */
static void skip_empty(struct fetch_send *send)
{
    while (send->body_at < send->body_count && send->body[send->body_at].size == 0)
        send->body_at++;
}

void fetch_send_begin(struct fetch_send *send, struct span head,
                      const struct fetch_request *request, struct fetch_supply *supply)
{
    assert(head.size > 0);
    assert(request->fed == (supply != NULL));
    *send = (struct fetch_send){ .head = head, .supply = supply };
    send->chunked = is_chunked(request);
    buf_init(&send->kept, head.size);
    if (!request->get && !request->fed) {
        send->body = request->body;
        send->body_count = request->body_count;
    }
    skip_empty(send);
}

void fetch_send_done(struct fetch_send *send)
{
    buf_done(&send->kept);
    buf_done(&send->fed);
    *send = (struct fetch_send){ 0 };
}

/* The pieces of one write. */
struct batch {
    struct iovec *pieces;
    size_t count;
    size_t max;
    size_t room; /* bytes that still fit */
};

static void add_piece(struct batch *batch, struct span bytes)
{
    bytes = span_first(bytes, batch->room);
    if (bytes.size == 0 || batch->count == batch->max)
        return;
    batch->pieces[batch->count++] =
        (struct iovec){ .iov_base = (void *)(uintptr_t)bytes.at, .iov_len = bytes.size };
    batch->room -= bytes.size;
}

size_t fetch_send_next(const struct fetch_send *send, struct iovec *pieces, size_t max)
{
    struct batch batch = { .pieces = pieces, .max = max, .room = LIMIT_SEND_BYTES };
    size_t offset = send->body_offset;

    add_piece(&batch, send->head);
    add_piece(&batch, buf_span(&send->fed));
    for (size_t i = send->body_at; i < send->body_count && batch.room && batch.count < max;
         i++) {
        add_piece(&batch, span_skip(send->body[i], offset));
        offset = 0;
    }
    return batch.count;
}

void fetch_send_taken(struct fetch_send *send, size_t size)
{
    size_t of_head = size < send->head.size ? size : send->head.size;

    send->head = span_skip(send->head, of_head);
    size -= of_head;
    if (send->supply) {
        buf_consume(&send->fed, size);
        return;
    }
    while (size) {
        size_t left = send->body[send->body_at].size - send->body_offset;
        size_t part = size < left ? size : left;

        assert(send->body_at < send->body_count);
        send->body_offset += part;
        size -= part;
        if (part == left) {
            send->body_at++;
            send->body_offset = 0;
            skip_empty(send);
        }
    }
}

void fetch_send_keep(struct fetch_send *send)
{
    if (send->head.size == 0 || buf_size(&send->kept))
        return;
    (void)buf_add(&send->kept, send->head);
    send->head = buf_span(&send->kept);
}

/* The line before a chunk, with the end of the chunk before it, if there was one; behind the last one
 * what ends them all. */
static void frame_chunk(struct fetch_send *send, bool first)
{
    size_t size = buf_size(&send->fed);
    int length = snprintf(send->frame, sizeof(send->frame), "%s%zx\r\n%s", first ? "" : "\r\n",
                          size, size ? "" : "\r\n");

    send->head = span_make(send->frame, (size_t)length);
}

bool fetch_send_refill(struct fetch_send *send)
{
    bool first = send->frame[0] == 0;
    bool more;

    if (send->supply == NULL || send->ended || send->head.size || buf_size(&send->fed))
        return false;
    more = fetch_supply_move(send->supply, &send->fed);
    if (!more && send->supply->hungry)
        return false;
    send->ended = !more;
    if (send->chunked)
        frame_chunk(send, first);
    return more || send->chunked;
}

bool fetch_send_is_whole(const struct fetch_send *send)
{
    if (send->head.size)
        return false;
    return send->supply ? send->ended && buf_size(&send->fed) == 0
                        : send->body_at == send->body_count;
}
