#include "mock.h"

#include "base/mem.h"
#include "play.h"
#include "serve.h"

#include <assert.h>
#include <string.h>

/* Bytes that the kernel did not take at once. */
struct pending {
    uv_write_t write;
    struct conn *conn;
    char bytes[];
};

static void on_closed(uv_handle_t *handle)
{
    struct conn *conn = handle->data;

    request_done(&conn->request);
    buf_done(&conn->backlog);
    answer_done(&conn->answer);
    play_done(conn);
    mem_free(conn);
}

void conn_close(struct conn *conn, bool reset)
{
    if (conn->state == CONN_CLOSED)
        return;
    conn->state = CONN_CLOSED;
    list_remove(&conn->link);
    list_remove(&conn->waiter);
    conn->mock->journal.stats.connections_open--;
    conn->mock->journal.changed = true;
    dues_drop(&conn->mock->dues, &conn->due);
    if (!reset || uv_tcp_close_reset(&conn->tcp, on_closed))
        uv_close((uv_handle_t *)&conn->tcp, on_closed);
}

static void on_shutdown(uv_shutdown_t *shutdown, int status)
{
    (void)status;
    conn_close(shutdown->data, false);
}

void conn_finish(struct conn *conn)
{
    conn->shutdown.data = conn;
    conn->play.ready = false; /* whatever the script says next: nothing more is sent */
    if (uv_shutdown(&conn->shutdown, (uv_stream_t *)&conn->tcp, on_shutdown))
        conn_close(conn, false);
}

void conn_settle(struct conn *conn, enum record_state state)
{
    struct mock *mock = conn->mock;
    struct record *record;
    struct buf line;

    if (!conn->record)
        return;
    if (conn->gone)
        state = RECORD_CANCELLED;
    if (conn->answer.said.model && conn->record >= mock->journal.epoch)
        bills_add(&mock->bills, &conn->answer.said, conn->play.tokens,
                  state == RECORD_COMPLETE);
    record = journal_settle(&mock->journal, conn->record, state, uv_hrtime());
    conn->record = 0;
    if (!record || !mock->log)
        return;
    buf_init(&line, SIZE_MAX / 2);
    record_write(record, &line);
    buf_add_byte(&line, '\n');
    (void)fwrite(buf_span(&line).at, 1, buf_size(&line), mock->log);
    (void)fflush(mock->log);
    buf_done(&line);
}

/* ---- writing ---- */

bool conn_backed_up(const struct conn *conn)
{
    return uv_stream_get_write_queue_size((const uv_stream_t *)&conn->tcp) > 0;
}

static void on_written(uv_write_t *write, int status)
{
    struct pending *pending = (struct pending *)write;
    struct conn *conn = pending->conn;

    mem_free(pending);
    if (conn->state == CONN_CLOSED)
        return;
    if (status)
        conn->gone = true;
    if (conn->play.blocked && !conn_backed_up(conn)) {
        conn->play.blocked = false;
        conn->play.ready = true;
    }
    conn_pump(conn);
}

static void write_later(struct conn *conn, struct span bytes)
{
    struct pending *pending = mem_alloc(sizeof(*pending) + bytes.size);
    uv_buf_t buf = uv_buf_init(pending->bytes, (unsigned)bytes.size);

    pending->conn = conn;
    memcpy(pending->bytes, bytes.at, bytes.size);
    if (uv_write(&pending->write, (uv_stream_t *)&conn->tcp, &buf, 1, on_written)) {
        mem_free(pending);
        conn->gone = true;
    }
}

void conn_write(struct conn *conn, struct span bytes)
{
    /* uv_buf_t is not const, but uv_try_write() only reads. */
    uv_buf_t buf = { .base = (char *)(uintptr_t)bytes.at, .len = bytes.size };
    int sent;

    if (conn->gone)
        return;
    sent = uv_try_write((uv_stream_t *)&conn->tcp, &buf, 1);
    if (sent < 0 && sent != UV_EAGAIN)
        conn->gone = true;
    else if (sent < 0)
        write_later(conn, bytes);
    else if ((size_t)sent < bytes.size)
        write_later(conn, span_skip(bytes, (size_t)sent));
}

/* ---- reading ---- */

static void feed(struct conn *conn, struct span bytes)
{
    struct request *request = &conn->request;
    size_t eaten = request_feed(request, bytes);

    if (request->state == REQUEST_BODY && request->expects_continue) {
        request->expects_continue = false;
        conn_write(conn, SPAN_OF("HTTP/1.1 100 Continue\r\n\r\n"));
    }
    if (request->state == REQUEST_COMPLETE) {
        bytes = span_skip(bytes, eaten);
        if (buf_add(&conn->backlog, bytes))
            serve_request(conn);
        else
            conn_close(conn, true);
        return;
    }
    if (request->state == REQUEST_BODY)
        serve_early(conn);
    if (request->state == REQUEST_BAD)
        serve_bad_request(conn);
}

static void feed_backlog(struct conn *conn)
{
    struct buf backlog = conn->backlog;

    buf_init(&conn->backlog, BACKLOG_BYTES_MAX);
    feed(conn, buf_span(&backlog));
    buf_done(&backlog);
}

void conn_pump(struct conn *conn)
{
    while (conn->state != CONN_CLOSED) {
        if (conn->gone) {
            conn_settle(conn, RECORD_CANCELLED);
            conn_close(conn, false);
        } else if (conn->state == CONN_PLAYING && conn->play.ready) {
            play_run(conn);
        } else if (conn->state == CONN_READING && buf_size(&conn->backlog)) {
            feed_backlog(conn);
        } else {
            return;
        }
    }
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
    struct conn *conn = handle->data;

    (void)suggested;
    *ret = uv_buf_init(conn->mock->input, INPUT_BYTES);
}

static void on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *buf)
{
    struct conn *conn = stream->data;
    struct span bytes;

    if (size == 0)
        return;
    if (size < 0) {
        conn->gone = true;
        conn_pump(conn);
        return;
    }
    bytes = span_make(buf->base, (size_t)size);
    if (conn->state == CONN_READING)
        feed(conn, bytes);
    else if (conn->request.state == REQUEST_COMPLETE && !buf_add(&conn->backlog, bytes))
        conn->gone = true; /* a peer that pipelines this much is no client of ours */
    conn_pump(conn);
}

void conn_stop_reading(struct conn *conn)
{
    uv_read_stop((uv_stream_t *)&conn->tcp);
}

void conn_start_reading(struct conn *conn)
{
    uv_read_start((uv_stream_t *)&conn->tcp, on_alloc, on_read);
}

void conn_accept(struct mock *mock)
{
    struct conn *conn = mem_zero(sizeof(*conn));

    conn->mock = mock;
    conn->tcp.data = conn;
    conn->due.on_due = play_due;
    conn->number = ++mock->conn_count;
    request_init(&conn->request);
    buf_init(&conn->backlog, BACKLOG_BYTES_MAX);
    answer_init(&conn->answer);
    play_init(conn);
    list_append(&mock->conns, &conn->link);
    mock->journal.stats.connections_open++;
    mock->journal.stats.connections_total++;
    mock->journal.changed = true;
    uv_tcp_init(&mock->loop, &conn->tcp);
    if (uv_accept((uv_stream_t *)&mock->listener, (uv_stream_t *)&conn->tcp)) {
        conn_close(conn, false);
        return;
    }
    uv_tcp_nodelay(&conn->tcp, 1);
    conn_start_reading(conn);
}

/* ---- all connections ---- */

bool conn_end_idle(struct mock *mock, struct span how)
{
    static const struct span garbage =
        SPAN("HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison");
    struct list *link;
    struct list *after;

    if (!span_is(how, "close") && !span_is(how, "reset") && !span_is(how, "garbage"))
        return false;
    for (link = mock->conns.next; link != &mock->conns; link = after) {
        struct conn *conn = LIST_OWNER(link, struct conn, link);

        after = link->next;
        if (conn->state != CONN_READING || conn->request.state != REQUEST_HEAD)
            continue;
        if (span_is(how, "garbage"))
            conn_write(conn, garbage);
        else
            conn_close(conn, span_is(how, "reset"));
    }
    return true;
}

void conn_release(struct mock *mock)
{
    for (struct list *link = mock->conns.next; link != &mock->conns; link = link->next) {
        struct conn *conn = LIST_OWNER(link, struct conn, link);

        if (conn->state == CONN_PLAYING)
            play_release(conn);
    }
}
