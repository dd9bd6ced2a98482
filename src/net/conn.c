/* How bytes travel through a connection:
 *
 *     socket --on_read()--> hub->bytes ----------------------------> owner->on_bytes()
 *                              |                                         ^
 *                              +--> tls_session_read() --> hub->clear ---+
 *
 *     conn_out() --> tls->clear --tls_session_write()--> out --flush()--> socket
 *         |                                               ^      |
 *         +---- clear text -------------------------------+      +--> conn_write, when the socket
 *                                                                     is full
 */
#include "net/conn.h"

#include "base/limits.h"
#include "base/mem.h"
#include "base/warmth.h"
#include "net/loop_uv.h"
#include "net/tls.h"

#include <assert.h>
#include <errno.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CONN_MAGIC = 0x636f6e6e };

/* Bytes that libuv holds until the socket takes them. */
struct conn_write {
    uv_write_t request;
    struct buf bytes;
};

struct conn_tls {
    struct tls_session *session;
    struct buf clear;     /* written, not encrypted yet */
    struct buf waiting;   /* cipher text of a handshake whose turn has not come */
    struct list greeting; /* in hub->greeting while it waits */
    struct conn *conn;
    enum tls_state state;
};

static struct conn *conn_from(void *opaque)
{
    struct conn *conn = opaque;

    assert(conn->magic == CONN_MAGIC);
    return conn;
}

static bool is_up(const struct conn *conn)
{
    return conn->state == CONN_OPEN || conn->state == CONN_SHUT;
}

static void later(struct conn *conn)
{
    loop_later(conn->hub->loop, LOOP_FLUSH, &conn->job);
}

/* ---- reading ---- */

static void hear_tls(struct conn *conn, struct span cipher)
{
    struct conn_tls *tls = conn->tls;
    struct buf *clear = &conn->hub->clear;

    tls->state = tls_session_read(tls->session, cipher, clear, &conn->out);
    if (buf_size(&conn->out))
        later(conn);
    if (buf_size(clear))
        conn->owner->on_bytes(conn, buf_span(clear));
    buf_reset(clear);
    if (tls->state == TLS_CLOSED || tls->state == TLS_FAILED) {
        conn_flush(conn); /* the alert says why */
        if (is_up(conn))
            conn->owner->on_end(conn);
    }
}

/* A handshake step costs a millisecond, in which no stream moves: only some in each turn, and those
 * who wait come first. */
static bool may_greet(struct conn_hub *hub)
{
    loop_later(hub->loop, LOOP_REAP, &hub->end_turn);
    if (hub->greetings == LIMIT_TLS_HANDSHAKES_PER_TURN || !list_empty(&hub->greeting))
        return false;
    hub->greetings++;
    return true;
}

static void wait_to_greet(struct conn *conn, struct span cipher)
{
    struct conn_tls *tls = conn->tls;

    if (!buf_add(&tls->waiting, cipher)) {
        conn->owner->on_end(conn);
        return;
    }
    if (!list_linked(&tls->greeting))
        list_append(&conn->hub->greeting, &tls->greeting);
    conn_read_stop(conn);
}

static void hear(struct conn *conn, struct span bytes)
{
    struct conn_tls *tls = conn->tls;

    if (tls == NULL || conn->state == CONN_SHUT)
        conn->owner->on_bytes(conn, bytes);
    else if (tls_session_greets(tls->session) && !may_greet(conn->hub))
        wait_to_greet(conn, bytes);
    else
        hear_tls(conn, bytes);
}

static void greet_first(struct conn_hub *hub)
{
    struct list *link = list_take_first(&hub->greeting);
    struct conn_tls *tls = LIST_OWNER(link, struct conn_tls, greeting);
    struct buf waiting = tls->waiting;

    buf_init(&tls->waiting, waiting.max);
    conn_read_start(tls->conn);
    hear_tls(tls->conn, buf_span(&waiting));
    buf_done(&waiting);
}

/* Once per turn while there are handshakes: what this turn may still do for those who wait. */
static void end_turn(struct job *job)
{
    struct conn_hub *hub = LIST_OWNER(job, struct conn_hub, end_turn);

    while (!list_empty(&hub->greeting) && hub->greetings < LIMIT_TLS_HANDSHAKES_PER_TURN) {
        hub->greetings++;
        greet_first(hub);
    }
    hub->greetings = 0;
    if (!list_empty(&hub->greeting))
        loop_later(hub->loop, LOOP_REAP, &hub->end_turn);
}

/* One full buffer per turn and connection, and of large bodies only some in each turn, so that they do not
 * starve the others: libuv ends its loop of reads when it gets no buffer, and comes back in the next. */
static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
    struct conn *conn = conn_from(handle->data);
    struct conn_hub *hub = conn->hub;
    bool waits =
        hub->filled == conn || (conn->bulk && !loop_may_move(hub->loop, &conn->ticket));

    (void)suggested;
    hub->filled = NULL;
    *ret = uv_buf_init(waits ? NULL : hub->bytes, waits ? 0 : LIMIT_READ_BYTES);
}

static void on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *into)
{
    struct conn *conn = conn_from(stream->data);

    if (size == 0 || size == UV_ENOBUFS)
        return;
    if (size < 0) {
        conn_read_stop(conn);
        conn->owner->on_end(conn);
        return;
    }
    if (size == LIMIT_READ_BYTES)
        conn->hub->filled = conn;
    hear(conn, span_make(into->base, (size_t)size));
}

void conn_read_stop(struct conn *conn)
{
    (void)uv_read_stop((uv_stream_t *)&conn->tcp);
}

void conn_read_start(struct conn *conn)
{
    if (is_up(conn))
        (void)uv_read_start((uv_stream_t *)&conn->tcp, on_alloc, on_read);
}

void conn_set_bulk(struct conn *conn, bool bulk)
{
    conn->bulk = bulk;
}

bool conn_has_unread(const struct conn *conn)
{
    int size = 0;

    return ioctl(conn->fd, FIONREAD, &size) == 0 && size > 0;
}

/* ---- writing ---- */

struct buf *conn_out(struct conn *conn)
{
    assert(conn->state == CONN_OPEN);
    later(conn);
    return conn->tls ? &conn->tls->clear : &conn->out;
}

size_t conn_unsent(const struct conn *conn)
{
    size_t unsent =
        buf_size(&conn->out) + uv_stream_get_write_queue_size((const uv_stream_t *)&conn->tcp);

    return conn->tls ? unsent + buf_size(&conn->tls->clear) : unsent;
}

uint64_t conn_sent(const struct conn *conn)
{
    return conn->sent - uv_stream_get_write_queue_size((const uv_stream_t *)&conn->tcp);
}

bool conn_is_stalled(const struct conn *conn)
{
    return conn->writing != NULL;
}

static void on_written(uv_write_t *request, int status)
{
    struct conn_write *done = LIST_OWNER(request, struct conn_write, request);
    struct conn *conn = conn_from(request->data);

    assert(conn->writing == done);
    conn->writing = NULL;
    buf_done(&done->bytes);
    mem_free(done);
    if (!is_up(conn))
        return; /* cancelled by the close */
    if (status < 0) {
        conn->owner->on_end(conn);
        return;
    }
    later(conn);
    conn->owner->on_sent(conn);
}

/* Hands what is left of `out` to libuv, without a copy: the buf moves. */
COLD static bool write_rest(struct conn *conn)
{
    struct conn_write *rest = mem_zero(sizeof(*rest));
    struct span bytes = buf_span(&conn->out);
    uv_buf_t piece = uv_buf_init(conn->out.bytes + conn->out.start, (unsigned)bytes.size);

    rest->bytes = conn->out;
    rest->request.data = conn;
    buf_init(&conn->out, rest->bytes.max);
    conn->sent += bytes.size;
    conn->writing = rest;
    if (uv_write(&rest->request, (uv_stream_t *)&conn->tcp, &piece, 1, on_written) == 0)
        return true;
    conn->writing = NULL;
    buf_done(&rest->bytes);
    mem_free(rest);
    return false;
}

static bool seal(struct conn *conn)
{
    struct conn_tls *tls = conn->tls;
    bool sealed;

    if (tls == NULL || buf_size(&tls->clear) == 0)
        return true;
    if (tls->state != TLS_OPEN)
        return false;
    sealed = tls_session_write(tls->session, buf_span(&tls->clear), &conn->out);
    buf_done(&tls->clear);
    return sealed;
}

/* Tries to send everything at once. False: the connection is broken. */
static bool send_now(struct conn *conn)
{
    ssize_t size;

    if (!seal(conn))
        return false;
    if (buf_size(&conn->out) == 0)
        return true;
    /* Past uv_try_write(): the same, but for a file, which is longer a way through the kernel. */
    size =
        send(conn->fd, conn->out.bytes + conn->out.start, buf_size(&conn->out), MSG_NOSIGNAL);
    if (size < 0 && errno != EAGAIN && errno != EINTR)
        return false;
    if (size > 0) {
        conn->sent += (unsigned)size;
        buf_consume(&conn->out, (size_t)size);
    }
    if (buf_size(&conn->out))
        return write_rest(conn);
    buf_done(&conn->out);
    return true;
}

static bool overflowed(const struct conn *conn)
{
    return conn->out.overflowed || (conn->tls && conn->tls->clear.overflowed);
}

void conn_flush(struct conn *conn)
{
    bool broken = overflowed(conn);

    if (conn->state != CONN_OPEN || (conn->writing && !broken))
        return; /* on_written() comes back */
    if (broken || !send_now(conn)) {
        conn->owner->on_end(conn);
        return;
    }
    if (conn->writing)
        conn->owner->on_stall(conn);
    conn->owner->on_sent(conn);
}

static void run_flush(struct job *job)
{
    conn_flush(LIST_OWNER(job, struct conn, job));
}

/* ---- life ---- */

void conn_hub_init(struct conn_hub *hub, struct loop *loop)
{
    *hub = (struct conn_hub){ .loop = loop, .end_turn.run = end_turn };
    hub->bytes = mem_alloc(LIMIT_READ_BYTES);
    buf_init(&hub->clear, (size_t)2 * LIMIT_READ_BYTES);
    list_init(&hub->greeting);
}

void conn_hub_done(struct conn_hub *hub)
{
    assert(list_empty(&hub->greeting));
    list_remove(&hub->end_turn.link);
    buf_done(&hub->clear);
    mem_free(hub->bytes);
    hub->bytes = NULL;
}

static struct conn_tls *new_tls(struct conn *conn, struct tls *tls)
{
    struct conn_tls *side = mem_zero(sizeof(*side));

    side->conn = conn;
    side->session = tls_session_new(tls);
    buf_init(&side->clear, LIMIT_CLIENT_OUT_MAX);
    buf_init(&side->waiting, LIMIT_READ_BYTES);
    return side;
}

static void free_tls(struct conn_tls *side)
{
    if (side == NULL)
        return;
    list_remove(&side->greeting);
    tls_session_free(side->session);
    buf_done(&side->clear);
    buf_done(&side->waiting);
    mem_free(side);
}

bool conn_open(struct conn *conn, struct conn_hub *hub, const struct conn_owner *owner, int fd,
               struct tls *tls)
{
    *conn = (struct conn){ .magic = CONN_MAGIC, .hub = hub, .owner = owner, .fd = -1 };
    conn->job.run = run_flush;
    buf_init(&conn->out, LIMIT_CLIENT_OUT_MAX + LIMIT_READ_BYTES);
    (void)uv_tcp_init(loop_uv(hub->loop), &conn->tcp); /* fails only where it makes a socket */
    conn->tcp.data = conn;
    if (tls)
        conn->tls = new_tls(conn, tls);
    if (uv_tcp_open(&conn->tcp, fd) != 0) {
        (void)close(fd);
        return false;
    }
    conn->fd = fd;
    conn_read_start(conn);
    return true;
}

bool conn_greets(const struct conn *conn)
{
    return conn->tls && tls_session_greets(conn->tls->session);
}

void conn_shut(struct conn *conn)
{
    assert(conn->state == CONN_OPEN);
    assert(conn_unsent(conn) == 0);
    if (conn->tls && conn->tls->state == TLS_OPEN) {
        tls_session_close(conn->tls->session, &conn->out);
        (void)send_now(conn);
    }
    conn->state = CONN_SHUT;
    (void)shutdown(conn->fd, SHUT_WR);
}

static void run_reap(struct job *job)
{
    struct conn *conn = LIST_OWNER(job, struct conn, job);

    conn->state = CONN_CLOSED;
    conn->owner->on_closed(conn);
}

static void on_closed(uv_handle_t *handle)
{
    struct conn *conn = conn_from(handle->data);

    list_remove(&conn->job.link);
    conn->job.run = run_reap;
    loop_later(conn->hub->loop, LOOP_REAP, &conn->job);
}

static bool begin_close(struct conn *conn)
{
    if (!is_up(conn))
        return false;
    conn->state = CONN_CLOSING;
    conn->fd = -1;
    if (conn->hub->filled == conn)
        conn->hub->filled = NULL;
    if (conn->tls)
        list_remove(&conn->tls->greeting);
    return true;
}

void conn_close(struct conn *conn)
{
    if (begin_close(conn))
        uv_close((uv_handle_t *)&conn->tcp, on_closed);
}

void conn_reset(struct conn *conn)
{
    if (begin_close(conn) && uv_tcp_close_reset(&conn->tcp, on_closed) != 0)
        uv_close((uv_handle_t *)&conn->tcp, on_closed);
}

void conn_done(struct conn *conn)
{
    assert(conn->state == CONN_CLOSED);
    assert(conn->writing == NULL);
    buf_done(&conn->out);
    free_tls(conn->tls);
    conn->tls = NULL;
    conn->magic = 0;
}
