#include "net/http_serve.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"
#include "net/http_check.h"

#include <assert.h>
#include <stdio.h>

enum {
    LINGER_SILENCE_MS = 2000,
    LINGER_MS = 10000,
};

static struct http *http_from(struct conn *conn)
{
    return LIST_OWNER(conn, struct http, conn);
}

static uint64_t now_ms(const struct http *http)
{
    return loop_now_ms(http->front->hub.loop);
}

/* ---- clocks: one lazily moved alarm per connection ---- */

/* `ms` 0 stops the clock. */
static void set_clock(struct http *http, uint64_t ms)
{
    http->due_ms = ms ? now_ms(http) + ms : 0;
    if (http->due_ms)
        task_alarm(&http->task, http->due_ms);
}

static void change_state(struct http *http, enum serve_state state)
{
    const struct http_config *config = http->front->config;

    assert(http->state != SERVE_CLOSED);
    http->state = state;
    switch (state) {
    case SERVE_IDLE: set_clock(http, config->keepalive_ms); break;
    case SERVE_HEAD: set_clock(http, config->header_ms); break;
    case SERVE_LINGER: set_clock(http, LINGER_SILENCE_MS); break;
    case SERVE_EXCHANGE:
    case SERVE_GONE:
    case SERVE_LEAVE:
    case SERVE_CLOSED: set_clock(http, 0); break;
    }
}

/* ---- the end ---- */

void http_serve_forget(struct http *http)
{
    shed_buf(&http->front->shed, &http->parse.body);
}

static void free_http(struct http *http)
{
    struct http_front *front = http->front;

    list_remove(&http->link);
    front->connection_count--;
    http_serve_forget(http);
    http_parse_done(&http->parse);
    buf_done(&http->ahead);
    buf_wipe(&http->memory);
    task_done(&http->task);
    conn_done(&http->conn);
    mem_free(http);
    if (front->closing && front->connection_count == 0)
        front->emptied.run(&front->emptied); /* we are in the reaper, or in its place */
}

/* The socket goes now. An exchange that runs is told and ends by itself. */
static void close_now(struct http *http)
{
    if (http->state == SERVE_EXCHANGE) {
        change_state(http, SERVE_GONE);
        task_wake(http->owner);
    } else if (http->state != SERVE_GONE && http->state != SERVE_CLOSED) {
        change_state(http, SERVE_CLOSED);
    }
    conn_close(&http->conn);
}

static void on_closed(struct conn *conn)
{
    struct http *http = http_from(conn);

    if (http->state == SERVE_CLOSED)
        free_http(http);
}

/* Everything is sent. */
static void part(struct http *http)
{
    if (!http->lingers && !conn_has_unread(&http->conn)) {
        close_now(http);
        return;
    }
    conn_shut(&http->conn);
    conn_read_start(&http->conn);
    http->linger_end_ms = now_ms(http) + LINGER_MS;
    change_state(http, SERVE_LINGER);
}

void http_serve_leave(struct http *http)
{
    if (http->state == SERVE_GONE) {
        http_serve_drop(http);
        return;
    }
    http->lingers = http->parse.state != HTTP_PARSE_BODY ||
                    http->parse.body_state != HTTP_BODY_WHOLE || buf_size(&http->ahead) > 0;
    http->owner = NULL;
    http_serve_forget(http);
    http_parse_done(&http->parse);
    buf_done(&http->ahead);
    change_state(http, SERVE_LEAVE);
    if (conn_unsent(&http->conn) == 0)
        part(http);
}

void http_serve_drop(struct http *http)
{
    http->owner = NULL;
    change_state(http, SERVE_CLOSED);
    if (http->conn.state == CONN_CLOSED) {
        free_http(http);
        return;
    }
    conn_flush(&http->conn); /* what was written so far is true */
    if (http->replied && http->framing == HTTP_FRAMED_CLOSE)
        conn_reset(&http->conn);
    else
        conn_close(&http->conn);
}

/* Reading goes on while an exchange runs, or its client could leave unnoticed; but what is read
 * ahead of the next request, or of a body that nobody has asked for, has a bound. */
static void steer_reading(struct http *http)
{
    bool held =
        (http->held || http->streamed) && buf_size(&http->parse.body) >= LIMIT_HELD_BODY_BYTES;

    if (buf_size(&http->ahead) < LIMIT_PIPELINED_BYTES && !held)
        conn_read_start(&http->conn);
    else
        conn_read_stop(&http->conn);
}

void http_serve_continue(struct http *http)
{
    if (!http->held)
        return;
    http->held = false;
    if (http->state != SERVE_EXCHANGE || http->parse.body_state != HTTP_BODY_COMING)
        return;
    set_clock(http, http->front->config->body_ms);
    steer_reading(http);
}

/* The clock of a body that is streamed runs while we wait for the client, not while it waits for us. */
void http_serve_pace(struct http *http)
{
    bool full = buf_size(&http->parse.body) >= LIMIT_HELD_BODY_BYTES;

    if (http->state != SERVE_EXCHANGE || http->parse.body_state != HTTP_BODY_COMING)
        return;
    set_clock(http, full ? 0 : http->front->config->body_ms);
    steer_reading(http);
}

void http_serve_next(struct http *http)
{
    assert(http->state == SERVE_EXCHANGE);
    http->owner = NULL;
    http->replied = false;
    http->full = false;
    http_serve_forget(http);
    http_parse_reset(&http->parse, http->front->config);
    change_state(http, SERVE_IDLE);
    if (buf_size(&http->ahead) > 0)
        task_wake(&http->task);
    steer_reading(http);
}

/* ---- refusing before there is an exchange ---- */

static void refuse(struct http *http, const struct http_refusal *refusal)
{
    const struct http_config *config = http->front->config;
    struct http_reply_head head = { .status = refusal->status };
    struct buf body;

    head.headers = refusal->status == 405
                       ? SPAN_OF("Content-Type: application/json\r\n"
                                 "Allow: GET, HEAD, POST, PUT, DELETE, OPTIONS\r\n")
                       : SPAN_OF("Content-Type: application/json\r\n");
    buf_init(&body, LIMIT_CLIENT_OUT_BYTES);
    config->write_error(config->context, http->peer, refusal->status, refusal->code,
                        refusal->message, &body);
    head.length = (int64_t)buf_size(&body);
    http_reply_write(conn_out(&http->conn), &head, &http->front->date, clock_wall_coarse_ms());
    (void)buf_add(conn_out(&http->conn), buf_span(&body));
    buf_done(&body);
    http_serve_leave(http);
}

void http_turn_away(struct http *http)
{
    if (http->state != SERVE_IDLE)
        return;
    if (conn_greets(&http->conn))
        close_now(http); /* to say it, a handshake would be needed */
    else
        refuse(http, &http_refusal_overloaded);
}

/* ---- bytes that come ---- */

static void begin_exchange(struct http *http)
{
    const struct http_config *config = http->front->config;

    http->parse.request.peer = http->peer;
    http->bytes_out = 0;
    change_state(http, SERVE_EXCHANGE);
    conn_set_bulk(&http->conn, http_parse_is_bulk(&http->parse));
    http->held = http->parse.body_state == HTTP_BODY_COMING;
    http->streamed = false;
    http->owner = config->on_head(config->context, http);
    assert(http->owner != NULL);
    task_wake(http->owner);
}

static size_t feed_head(struct http *http, struct span bytes)
{
    size_t taken;

    if (!http_parse_begun(&http->parse))
        http->parse.request.received_us = clock_us();
    taken = http_parse_feed(&http->parse, bytes);
    if (http->parse.state == HTTP_PARSE_REFUSED)
        refuse(http, http->parse.refusal);
    else if (http->parse.state == HTTP_PARSE_BODY)
        begin_exchange(http);
    else if (http->state == SERVE_IDLE && http_parse_begun(&http->parse))
        change_state(http, SERVE_HEAD);
    return taken;
}

static size_t feed_body(struct http *http, struct span bytes)
{
    size_t taken = http_parse_feed(&http->parse, bytes);

    conn_set_bulk(&http->conn, http_parse_is_bulk(&http->parse));
    if (http->parse.body_state != HTTP_BODY_COMING) {
        set_clock(http, 0);
        task_wake(http->owner);
    } else if (http->streamed) {
        task_wake(http->owner);
        http_serve_pace(http);
    } else if (http->held) {
        steer_reading(http);
    } else if (buf_size(&http->parse.body) >= LIMIT_READ_BYTES) {
        task_wake(http->owner); /* it may read ahead */
    }
    return taken;
}

/* Reads on in the request that is coming; what it does not take is behind that request. */
static size_t feed(struct http *http, struct span bytes)
{
    size_t taken = 0;

    while (taken < bytes.size) {
        struct span rest = span_skip(bytes, taken);

        if (http->state == SERVE_IDLE || http->state == SERVE_HEAD)
            taken += feed_head(http, rest);
        else if (http->state == SERVE_EXCHANGE && http->parse.body_state == HTTP_BODY_COMING)
            taken += feed_body(http, rest);
        else if (http->state == SERVE_EXCHANGE && http->parse.body_state == HTTP_BODY_WHOLE)
            break;
        else
            return bytes.size; /* refused, or about to be: nobody wants the rest */
    }
    return taken;
}

static void feed_ahead(struct http *http)
{
    size_t taken = feed(http, buf_span(&http->ahead));

    if (buf_size(&http->ahead) > 0) /* a refusal has emptied it */
        buf_consume(&http->ahead, taken);
    if (buf_size(&http->ahead) == 0)
        buf_done(&http->ahead);
    if (http->state <= SERVE_EXCHANGE)
        steer_reading(http);
}

static void drop_bytes(struct http *http, size_t size)
{
    uint64_t linger_ms = now_ms(http) + LINGER_SILENCE_MS;

    http->dropped += size;
    if (http->dropped > LIMIT_LINGER_BYTES)
        close_now(http);
    else if (http->state == SERVE_LINGER)
        http->due_ms = linger_ms < http->linger_end_ms ? linger_ms : http->linger_end_ms;
}

static void on_bytes(struct conn *conn, struct span bytes)
{
    struct http *http = http_from(conn);

    if (http->state > SERVE_EXCHANGE) {
        drop_bytes(http, bytes.size);
        return;
    }
    if (buf_size(&http->ahead) == 0)
        bytes = span_skip(bytes, feed(http, bytes));
    if (bytes.size == 0)
        return;
    (void)buf_add(&http->ahead, bytes);
    assert(!http->ahead.overflowed);
    steer_reading(http);
}

/* A client that closes its sending side while its request is served has gone: LLM clients never
 * half-close, and an answer that nobody reads costs money. */
static void on_end(struct conn *conn)
{
    close_now(http_from(conn));
}

/* ---- bytes that go ---- */

static void on_stall(struct conn *conn)
{
    struct http *http = http_from(conn);
    uint32_t write_ms = http->front->config->write_ms;

    http->stall_ms = now_ms(http);
    http->stall_sent = conn_sent(conn);
    if (write_ms)
        task_alarm(&http->task, http->stall_ms + write_ms);
}

static void on_sent(struct conn *conn)
{
    struct http *http = http_from(conn);

    if (http->state == SERVE_LEAVE && conn_unsent(conn) == 0)
        part(http);
    if (http->state == SERVE_EXCHANGE && http->full && http_room(http) > 0) {
        http->full = false;
        task_wake(http->owner);
    }
}

static const struct conn_owner events = {
    .on_bytes = on_bytes,
    .on_end = on_end,
    .on_stall = on_stall,
    .on_sent = on_sent,
    .on_closed = on_closed,
};

/* ---- what the alarm wakes ---- */

static void expire(struct http *http)
{
    http->due_ms = 0;
    switch (http->state) {
    case SERVE_HEAD: refuse(http, &http_refusal_slow); break;
    case SERVE_EXCHANGE:
        http->parse.body_state = HTTP_BODY_TOO_SLOW;
        task_wake(http->owner);
        break;
    case SERVE_IDLE:
    case SERVE_LINGER: close_now(http); break;
    case SERVE_GONE:
    case SERVE_LEAVE:
    case SERVE_CLOSED: break;
    }
}

/* A client that does not read for too long is a client that has gone. */
static void check_stall(struct http *http)
{
    uint64_t sent = conn_sent(&http->conn);
    uint32_t write_ms = http->front->config->write_ms;

    if (write_ms == 0 || !conn_is_stalled(&http->conn))
        return;
    if (sent != http->stall_sent) {
        http->stall_sent = sent;
        http->stall_ms = now_ms(http);
    }
    if (now_ms(http) - http->stall_ms >= write_ms)
        close_now(http);
    else
        task_alarm(&http->task, http->stall_ms + write_ms);
}

static void run_task(struct task *task)
{
    struct http *http = LIST_OWNER(task, struct http, task);

    if (http->state == SERVE_IDLE && buf_size(&http->ahead) > 0)
        feed_ahead(http);
    if (http->due_ms && now_ms(http) >= http->due_ms)
        expire(http);
    if (http->state == SERVE_CLOSED || http->state == SERVE_GONE)
        return;
    if (http->due_ms)
        task_alarm(&http->task, http->due_ms);
    check_stall(http);
}

/* ---- life ---- */

void http_front_init(struct http_front *front, struct loop *loop,
                     const struct http_config *config)
{
    *front = (struct http_front){ .config = config };
    conn_hub_init(&front->hub, loop);
    shed_init(&front->shed, loop);
    list_init(&front->connections);
}

void http_front_done(struct http_front *front)
{
    assert(front->connection_count == 0);
    list_remove(&front->emptied.link);
    shed_done(&front->shed);
    conn_hub_done(&front->hub);
}

struct http *http_open(struct http_front *front, int fd, struct tls *tls, const char *peer)
{
    struct http *http = mem_zero(sizeof(*http));

    http->front = front;
    (void)snprintf(http->peer, sizeof(http->peer), "%s", peer);
    task_init(&http->task, front->hub.loop, run_task);
    http_parse_init(&http->parse, front->config);
    buf_init(&http->ahead, LIMIT_PIPELINED_BYTES + 2 * LIMIT_READ_BYTES);
    buf_init(&http->memory, LIMIT_MEMORY_BYTES);
    list_append(&front->connections, &http->link);
    front->connection_count++;
    if (conn_open(&http->conn, &front->hub, &events, fd, tls))
        set_clock(http, front->config->header_ms); /* also bounds the TLS handshake */
    else
        close_now(http);
    return http;
}

/* Every connection of the front in turn; `visit` may close it but does not free it. */
static void each_connection(struct http_front *front, void (*visit)(struct http *http))
{
    struct list *link = front->connections.next;

    while (link != &front->connections) {
        struct http *http = LIST_OWNER(link, struct http, link);

        link = link->next;
        visit(http);
    }
}

static void close_if_idle(struct http *http)
{
    if (http->state == SERVE_IDLE && buf_size(&http->ahead) == 0 &&
        !conn_has_unread(&http->conn))
        close_now(http);
}

void http_front_drain(struct http_front *front)
{
    front->draining = true;
    each_connection(front, close_if_idle);
}

void http_front_close(struct http_front *front)
{
    front->draining = true;
    front->closing = true;
    each_connection(front, close_now);
    if (front->connection_count == 0)
        loop_later(front->hub.loop, LOOP_REAP, &front->emptied);
}
