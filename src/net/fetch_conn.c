#include "net/fetch_conn.h"

#include "base/limits.h"
#include "base/list.h"
#include "base/map.h"
#include "base/mem.h"
#include "net/fetch_dial.h"
#include "net/fetch_easy.h"
#include "net/fetch_origin.h"
#include "net/loop.h"
#include "net/loop_uv.h"

#include <assert.h>
#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    CONN_MAGIC = 0x66636f6e,
    TIDY_AT_ONCE = 32, /* closed before others get their turn */
    TIDY_KEPT = 16,    /* the last used: for whoever comes next */
    WATCH_READ = UV_READABLE | UV_DISCONNECT,
};

/* Where connections are to. Sites are as many as there are addresses in configurations: they stay. */
struct site {
    struct list resting; /* the last used first */
};

struct fetch_conns {
    struct loop *loop;
    fetch_conn_fn on_ready;
    struct task task;    /* alarmed for the one that has rested for the longest time */
    struct map sites;    /* struct site by origin->site */
    struct list resting; /* of all sites, the last used last */
    size_t resting_count;
    size_t used;
};

struct fetch_conn {
    uint32_t magic;
    struct fetch_conns *conns;
    struct site *site;
    void *user;              /* NULL: it rests */
    struct fetch_dial *dial; /* what bytes go through; NULL: through the socket */
    int fd;
    int watched; /* libuv's bits that are registered; 0: none */
    bool edge;   /* epoll tells of what comes once, not as long as it is there */
    bool ending; /* the upstream has said its last, perhaps not read yet: told until it is */
    uint64_t born_ms;
    uint64_t rested_ms;
    struct list of_site;
    struct list of_all;
    uv_poll_t poll;
};

/* ---- epoll ----
 *
 * libuv asks epoll to tell as long as there is something to read. For that the kernel keeps a socket that it has told of
 * on its list, and looks at it once more before it sleeps: 2 % of what a chunk of a stream costs. So where small
 * pieces come, each read to its end at once, it is asked to tell of each arrival instead. Who has more to
 * read than it takes at once is told as before; so is whoever pauses, as libuv then registers anew. */

static void set_edge(struct fetch_conn *conn, bool edge)
{
    struct epoll_event event = { .events =
                                     EPOLLIN | EPOLLRDHUP | (edge ? (unsigned)EPOLLET : 0),
                                 .data.fd = conn->fd };

    if (edge == conn->edge || conn->watched != WATCH_READ)
        return;
    if (epoll_ctl(uv_backend_fd(loop_uv(conn->conns->loop)), EPOLL_CTL_MOD, conn->fd, &event) ==
        0)
        conn->edge = edge;
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct fetch_conn *conn = poll->data;

    assert(conn->magic == CONN_MAGIC);
    if (status < 0)
        conn->watched = 0; /* libuv has disarmed it; a read says what is wrong */
    conn->ending = status < 0 || events & UV_DISCONNECT;
    if (conn->user)
        conn->conns->on_ready(conn->user, status < 0 || events & WATCH_READ,
                              status == 0 && events & UV_WRITABLE);
    else
        fetch_conn_close(conn);
}

void fetch_conn_watch(struct fetch_conn *conn, bool readable, bool writable)
{
    int events = (readable ? WATCH_READ : 0) | (writable ? UV_WRITABLE : 0);

    if (events == conn->watched)
        return;
    conn->watched = events;
    conn->edge = false;
    if (events)
        (void)uv_poll_start(&conn->poll, events, on_poll);
    else
        (void)uv_poll_stop(&conn->poll);
}

/* ---- life ---- */

static struct site *find_site(struct fetch_conns *conns, const struct fetch_origin *origin)
{
    struct span name = span_from(origin->site);
    struct site *site = map_find(&conns->sites, name);

    if (site)
        return site;
    site = mem_zero(sizeof(*site));
    list_init(&site->resting);
    (void)map_put(&conns->sites, name, site);
    return site;
}

static struct site *site_of(struct fetch_conns *conns, struct fetch_origin *origin)
{
    if (origin->rest_of != conns) {
        origin->rest = find_site(conns, origin);
        origin->rest_of = conns;
    }
    return origin->rest;
}

struct fetch_conn *fetch_conn_new(struct fetch_conns *conns, struct fetch_origin *origin,
                                  struct fetch_dial *dial, void *user)
{
    struct fetch_conn *conn = mem_zero(sizeof(*conn));
    int failed;

    conn->magic = CONN_MAGIC;
    conn->conns = conns;
    conn->site = site_of(conns, origin);
    conn->user = user;
    conn->born_ms = loop_now_ms(conns->loop);
    conn->dial = origin->bare ? NULL : dial;
    conn->fd = origin->bare ? fetch_dial_take_over(dial) : fetch_dial_socket(dial);
    failed = uv_poll_init_socket(loop_uv(conns->loop), &conn->poll, conn->fd);
    assert(failed == 0);
    conn->poll.data = conn;
    conns->used++;
    fetch_conn_watch(conn, true, false);
    return conn;
}

static void on_closed(uv_handle_t *handle)
{
    struct fetch_conn *conn = handle->data;

    conn->magic = 0;
    mem_free(conn);
}

static void wake_up(struct fetch_conn *conn)
{
    list_remove(&conn->of_site);
    list_remove(&conn->of_all);
    conn->conns->resting_count--;
}

/* Out of epoll and closed at once, so that the number may come again; the memory goes when libuv lets
 * go of it. */
void fetch_conn_close(struct fetch_conn *conn)
{
    if (conn->user)
        conn->conns->used--;
    else
        wake_up(conn);
    conn->user = NULL;
    (void)uv_poll_stop(&conn->poll);
    if (conn->dial)
        fetch_dial_close(conn->dial);
    else
        (void)close(conn->fd);
    conn->dial = NULL;
    conn->fd = -1;
    uv_close((uv_handle_t *)&conn->poll, on_closed);
}

/* ---- between requests ---- */

static struct fetch_conn *longest_resting(struct fetch_conns *conns)
{
    return list_empty(&conns->resting)
               ? NULL
               : LIST_OWNER(conns->resting.next, struct fetch_conn, of_all);
}

static void run(struct task *task)
{
    struct fetch_conns *conns = LIST_OWNER(task, struct fetch_conns, task);
    uint64_t now_ms = loop_now_ms(conns->loop);
    struct fetch_conn *conn;

    while ((conn = longest_resting(conns)) != NULL &&
           now_ms - conn->rested_ms >= FETCH_IDLE_MS_MAX)
        fetch_conn_close(conn);
    task_alarm(&conns->task, conn ? conn->rested_ms + FETCH_IDLE_MS_MAX : 0);
}

struct fetch_conn *fetch_conn_take(struct fetch_conns *conns, struct fetch_origin *origin,
                                   void *user)
{
    struct site *site = site_of(conns, origin);
    struct fetch_conn *conn;

    if (list_empty(&site->resting))
        return NULL;
    conn = LIST_OWNER(site->resting.next, struct fetch_conn, of_site);
    wake_up(conn);
    conn->user = user;
    conns->used++;
    return conn;
}

/* What has come and stands in TLS would be taken for the answer to the next request. Of what stands in
 * the socket epoll tells while the connection rests. */
static bool is_silent(struct fetch_conn *conn)
{
    char byte;

    return !fetch_conn_may_hold_bytes(conn) ||
           (fetch_conn_read(conn, &byte, sizeof(byte)) < 0 && errno == EAGAIN);
}

void fetch_conn_rest(struct fetch_conn *conn)
{
    struct fetch_conns *conns = conn->conns;

    conn->rested_ms = loop_now_ms(conns->loop);
    if (conn->rested_ms - conn->born_ms >= FETCH_LIFE_MS_MAX || !is_silent(conn)) {
        fetch_conn_close(conn);
        return;
    }
    fetch_conn_watch(conn, true, false);
    conn->user = NULL;
    conns->used--;
    list_prepend(&conn->site->resting, &conn->of_site);
    list_append(&conns->resting, &conn->of_all);
    if (++conns->resting_count > LIMIT_IDLE_UPSTREAM_CONNECTIONS)
        fetch_conn_close(longest_resting(conns));
    if (conns->task.alarm_ms == 0)
        task_alarm(&conns->task, conn->rested_ms + FETCH_IDLE_MS_MAX);
}

/* Those that a peak left behind are small, but each of them may be all that a page of memory holds. */
bool fetch_conns_tidy(struct fetch_conns *conns, uint64_t rested_ms)
{
    uint64_t now_ms = loop_now_ms(conns->loop);

    for (int i = 0; i < TIDY_AT_ONCE; i++) {
        struct fetch_conn *conn = longest_resting(conns);

        if (conns->resting_count <= TIDY_KEPT || now_ms - conn->rested_ms < rested_ms)
            return false;
        fetch_conn_close(conn);
    }
    return true;
}

/* ---- bytes ---- */

bool fetch_conn_is_bare(const struct fetch_conn *conn)
{
    return conn->dial == NULL;
}

bool fetch_conn_may_hold_bytes(const struct fetch_conn *conn)
{
    return conn->dial && fetch_dial_may_hold_bytes(conn->dial);
}

ssize_t fetch_conn_write(struct fetch_conn *conn, const struct iovec *pieces, size_t count)
{
    struct msghdr message = { .msg_iov = (struct iovec *)(uintptr_t)pieces,
                              .msg_iovlen = count };

    if (conn->dial)
        return fetch_dial_write(conn->dial, pieces[0].iov_base, pieces[0].iov_len);
    return sendmsg(conn->fd, &message, MSG_NOSIGNAL);
}

/* Has a read that got this taken all there was, and is that little? */
static bool is_small(size_t got, size_t room)
{
    return got < room && got < FETCH_CONN_BULK_BYTES;
}

ssize_t fetch_conn_read(struct fetch_conn *conn, void *bytes, size_t size)
{
    ssize_t got;

    if (conn->dial)
        return fetch_dial_read(conn->dial, bytes, size);
    got = recv(conn->fd, bytes, size, 0);
    if (got > 0)
        set_edge(conn, is_small((size_t)got, size) && !conn->ending);
    return got;
}

/* ---- all of them ---- */

struct fetch_conns *fetch_conns_new(struct loop *loop, fetch_conn_fn on_ready)
{
    struct fetch_conns *conns = mem_zero(sizeof(*conns));

    conns->loop = loop;
    conns->on_ready = on_ready;
    task_init(&conns->task, loop, run);
    map_init(&conns->sites);
    list_init(&conns->resting);
    return conns;
}

void fetch_conns_free(struct fetch_conns *conns)
{
    struct fetch_conn *conn;
    struct map_entry *entry;
    size_t at = 0;

    assert(conns->used == 0);
    while ((conn = longest_resting(conns)) != NULL)
        fetch_conn_close(conn);
    while ((entry = map_next(&conns->sites, &at)) != NULL)
        mem_free(entry->thing);
    map_done(&conns->sites);
    task_done(&conns->task);
    mem_free(conns);
}
