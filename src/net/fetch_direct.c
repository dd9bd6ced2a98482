/* fetch_direct: how bytes travel through a call:
 *
 *     fetch_start --+--> a kept connection --+--> send_on() --> socket
 *                   +--> on_dialled() -------+
 *
 *     socket --read_on()--> directs->bytes --fetch_answer_feed()--> head, inbox --> the owner
 *                 ^                                                         |
 *                 +----- not read while the inbox is full: resume() <-------+ takes
 *
 * A call that could not send everything yet reads all the same: an answer may come early. */
#include "net/fetch_direct.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/list.h"
#include "base/mem.h"
#include "base/warmth.h"
#include "net/fetch_call.h"
#include "net/fetch_conn.h"
#include "net/fetch_dial.h"
#include "net/fetch_direct_answer.h"
#include "net/fetch_origin.h"
#include "net/fetch_send.h"
#include "net/loop.h"

#include <assert.h>
#include <errno.h>

enum {
    PIECES_AT_ONCE = 16,          /* of a request, in one write */
    JOINED_BYTES_MAX = 16 * 1024, /* a record of TLS */
    IDLE_MAX = 64,
    READS_AT_ONCE = 4, /* of what stands in TLS, before others get their turn */
    HEAD_BYTES_MAX = 1024 * 1024,
};

struct fetch_directs {
    struct fetch_conns *conns;
    struct fetch_dials *dials;
    struct task task;   /* reads on for those who wait */
    struct list unread; /* calls that may read, and of which epoll says nothing */
    struct buf head;    /* of the request that is being sent */
    char *bytes;        /* where reads land */
    struct list idle;   /* calls that are over, with the memory of small buffers */
    unsigned idle_count;
};

struct direct {
    struct fetch fetch;
    struct list link; /* in directs->idle */
    struct fetch_directs *directs;
    struct fetch_request request; /* as it was given; borrowed */
    struct fetch_dial *dial;      /* NULL: connected, or over */
    struct fetch_conn *conn;      /* NULL: not yet, or not any more */
    struct fetch_send send;
    bool sending; /* its first piece has gone: for the others see loop_may_move() */
    bool bulk;    /* the answer comes in large pieces: likewise */
    uint64_t up;  /* tickets for that */
    uint64_t down;
    bool cut;           /* the upstream takes no more of the request */
    bool paused;        /* the inbox is full */
    struct list unread; /* in directs->unread */
    struct fetch_answer answer;
};

static struct direct *direct_of(const struct fetch *fetch)
{
    return LIST_OWNER((uintptr_t)fetch, struct direct, fetch);
}

static struct direct *direct_from(void *opaque)
{
    return direct_of(fetch_call_from(opaque));
}

/* ---- the end of a call ---- */

static void let_go(struct direct *direct, bool keep)
{
    if (direct->conn && keep)
        fetch_conn_rest(direct->conn);
    else if (direct->conn)
        fetch_conn_close(direct->conn);
    direct->conn = NULL;
    list_remove(&direct->unread);
}

COLD static void fail(struct direct *direct, enum fetch_failure failure)
{
    direct->fetch.phase = FETCH_FAILED;
    direct->fetch.failure = failure;
    let_go(direct, false);
    fetch_call_wake(&direct->fetch);
}

/* `rest`: bytes behind the answer, that nobody asked for. */
static void finish(struct direct *direct, bool rest)
{
    bool keep = direct->answer.keep && !rest && fetch_send_is_whole(&direct->send);

    direct->fetch.phase = FETCH_DONE;
    let_go(direct, keep);
    fetch_call_wake(&direct->fetch);
}

/* ---- the answer ---- */

static void watch(struct direct *direct)
{
    bool waits = direct->fetch.supply && direct->fetch.supply->hungry;
    bool sends = !direct->cut && !waits && !fetch_send_is_whole(&direct->send);

    fetch_conn_watch(direct->conn, !direct->paused, sends);
}

static void judge(struct direct *direct, bool rest)
{
    struct fetch *fetch = &direct->fetch;

    fetch->received = direct->answer.body_bytes;
    switch (direct->answer.state) {
    case FETCH_ANSWER_HEAD: return;
    case FETCH_ANSWER_BROKEN: fail(direct, direct->answer.failure); return;
    case FETCH_ANSWER_WHOLE: finish(direct, rest); return;
    case FETCH_ANSWER_BODY: break;
    }
    fetch->phase = FETCH_BODY;
    fetch_call_wake(fetch);
}

COLD static void end(struct direct *direct, bool in_peace)
{
    bool in_body = direct->answer.state == FETCH_ANSWER_BODY;

    if (in_body && !in_peace) {
        fail(direct, FETCH_TRUNCATED);
        return;
    }
    fetch_answer_end(&direct->answer);
    direct->answer.keep = false;
    judge(direct, false);
}

static void take(struct direct *direct, struct span bytes)
{
    if (direct->fetch.first_byte_us == 0)
        direct->fetch.first_byte_us = clock_us();
    judge(direct, fetch_answer_feed(&direct->answer, bytes) < bytes.size);
}

static bool may_read(struct direct *direct)
{
    return !direct->bulk || loop_may_move(direct->directs->task.loop, &direct->down);
}

/* Reads once. True: there may be more. */
static bool read_once(struct direct *direct)
{
    char *bytes = direct->directs->bytes;
    size_t room = fetch_call_room(&direct->fetch);
    ssize_t size;

    direct->paused = room == 0;
    if (direct->paused)
        return false;
    if (!may_read(direct))
        return true;
    size =
        fetch_conn_read(direct->conn, bytes, room < LIMIT_READ_BYTES ? room : LIMIT_READ_BYTES);
    if (size < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    direct->bulk = size >= FETCH_CONN_BULK_BYTES; /* there is more where that is from */
    if (size > 0)
        take(direct, span_make(bytes, (size_t)size));
    else
        end(direct, size == 0);
    return direct->conn != NULL;
}

static void read_later(struct direct *direct)
{
    if (!list_linked(&direct->unread))
        list_append(&direct->directs->unread, &direct->unread);
    task_wake(&direct->directs->task);
}

/* What stands in TLS is seen by nobody but a read. Of what is left in a socket epoll tells again. */
static void read_on(struct direct *direct)
{
    int reads = 0;
    bool more;

    do {
        more = read_once(direct) && fetch_conn_may_hold_bytes(direct->conn);
    } while (more && ++reads < READS_AT_ONCE);
    if (more)
        read_later(direct);
    if (direct->conn)
        watch(direct);
}

static void run(struct task *task)
{
    struct fetch_directs *directs = LIST_OWNER(task, struct fetch_directs, task);
    struct list unread;
    struct list *link;

    list_init(&unread);
    list_move_all(&unread, &directs->unread);
    while ((link = list_take_first(&unread)) != NULL)
        read_on(LIST_OWNER(link, struct direct, unread));
}

/* ---- the request ---- */

static bool may_write(struct direct *direct)
{
    return !direct->sending || loop_may_move(direct->directs->task.loop, &direct->up);
}

/* Who takes no more of the request may have answered already: that is seen by reading. */
static bool write_once(struct direct *direct)
{
    struct iovec pieces[PIECES_AT_ONCE];
    size_t count = fetch_send_next(&direct->send, pieces, PIECES_AT_ONCE);
    ssize_t size;

    if (count == 0 && fetch_send_refill(&direct->send)) {
        fetch_call_wake(&direct->fetch); /* whoever feeds it has room again */
        count = fetch_send_next(&direct->send, pieces, PIECES_AT_ONCE);
    }
    if (count == 0 || !may_write(direct))
        return false;
    direct->sending = true;
    size = fetch_conn_write(direct->conn, pieces, count);
    if (size > 0)
        fetch_send_taken(&direct->send, (size_t)size);
    else if (size < 0 && errno != EAGAIN && errno != EINTR)
        direct->cut = true;
    return size > 0;
}

static void send_on(struct direct *direct)
{
    while (!direct->cut && write_once(direct))
        ; /* loop_may_move() ends it */
    if (direct->cut && !fetch_conn_is_bare(direct->conn))
        read_later(direct);
    watch(direct);
}

/* What goes through TLS leaves in one record, if it is small. */
static void join_body(struct fetch_request *request, struct buf *head)
{
    size_t size = 0;

    for (size_t i = 0; i < request->body_count; i++)
        size += request->body[i].size;
    if (request->get || request->fed || size > JOINED_BYTES_MAX)
        return;
    for (size_t i = 0; i < request->body_count; i++)
        (void)buf_add(head, request->body[i]);
    request->body_count = 0;
}

static void begin(struct direct *direct)
{
    struct buf *head = &direct->directs->head;

    direct->fetch.phase = FETCH_WAIT;
    direct->fetch.connected_us = clock_us();
    buf_reset(head);
    fetch_send_head(&direct->request, head);
    if (!fetch_conn_is_bare(direct->conn))
        join_body(&direct->request, head);
    assert(!head->overflowed);
    fetch_send_begin(&direct->send, buf_span(head), &direct->request, direct->fetch.supply);
    send_on(direct);
    fetch_send_keep(&direct->send);
}

static void on_dialled(void *owner, enum fetch_failure failure)
{
    struct direct *direct = direct_from(owner);
    struct fetch_dial *dial = direct->dial;

    direct->dial = NULL;
    if (failure) {
        fetch_dial_close(dial);
        fail(direct, failure);
        return;
    }
    direct->conn =
        fetch_conn_new(direct->directs->conns, direct->request.origin, dial, &direct->fetch);
    begin(direct);
    fetch_call_wake(&direct->fetch);
}

static void on_ready(void *user, bool readable, bool writable)
{
    struct direct *direct = direct_from(user);

    if (writable)
        send_on(direct);
    if (readable && direct->conn)
        read_on(direct);
}

/* ---- what the owner asks ---- */

static void resume(struct fetch *fetch)
{
    struct direct *direct = direct_of(fetch);

    if (!direct->paused || direct->conn == NULL)
        return;
    direct->paused = false;
    watch(direct);
    if (fetch_conn_may_hold_bytes(direct->conn))
        read_later(direct);
}

static void fed(struct fetch *fetch)
{
    struct direct *direct = direct_of(fetch);

    if (direct->conn)
        send_on(direct);
}

static bool is_sent(const struct fetch *fetch)
{
    const struct direct *direct = direct_of(fetch);

    return direct->cut || (direct->dial == NULL && direct->conn == NULL) ||
           (direct->conn && fetch_send_is_whole(&direct->send));
}

static void direct_free(struct direct *direct)
{
    fetch_call_done(&direct->fetch);
    mem_free(direct);
}

static void close_call(struct fetch *fetch)
{
    struct direct *direct = direct_of(fetch);
    struct fetch_directs *directs = direct->directs;

    if (direct->dial)
        fetch_dial_close(direct->dial);
    direct->dial = NULL;
    let_go(direct, false);
    fetch_send_done(&direct->send);
    fetch_answer_done(&direct->answer);
    if (directs->idle_count >= IDLE_MAX) {
        direct_free(direct);
        return;
    }
    fetch_call_reset(fetch);
    direct->sending = false;
    direct->bulk = false;
    direct->up = 0;
    direct->down = 0;
    direct->cut = false;
    direct->paused = false;
    list_prepend(&directs->idle, &direct->link);
    directs->idle_count++;
}

static const struct fetch_engine engine = {
    .resume = resume,
    .fed = fed,
    .is_sent = is_sent,
    .close = close_call,
};

static struct direct *take_idle(struct fetch_directs *directs)
{
    struct direct *direct;

    if (directs->idle_count) {
        directs->idle_count--;
        return LIST_OWNER(list_take_first(&directs->idle), struct direct, link);
    }
    direct = mem_zero(sizeof(*direct));
    fetch_call_init(&direct->fetch, &engine);
    direct->directs = directs;
    return direct;
}

struct fetch *fetch_direct_start(struct fetch_directs *directs,
                                 const struct fetch_request *request, struct task *task)
{
    struct direct *direct = take_idle(directs);

    direct->fetch.task = task;
    direct->request = *request;
    direct->fetch.supply = request->fed ? fetch_supply_new() : NULL;
    fetch_answer_init(&direct->answer, &direct->fetch.head, &direct->fetch.inbox);
    direct->conn = fetch_conn_take(directs->conns, request->origin, &direct->fetch);
    direct->fetch.reused = direct->conn != NULL;
    if (direct->conn)
        begin(direct);
    else
        direct->dial =
            fetch_dial_start(directs->dials, request->origin, on_dialled, &direct->fetch);
    return &direct->fetch;
}

/* ---- all calls ---- */

struct fetch_directs *fetch_directs_new(struct loop *loop, struct fetch_sockets *sockets,
                                        CURLSH *share)
{
    struct fetch_directs *directs = mem_zero(sizeof(*directs));

    directs->conns = fetch_conns_new(loop, on_ready);
    directs->dials = fetch_dials_new(loop, sockets, share);
    directs->bytes = mem_alloc(LIMIT_READ_BYTES);
    task_init(&directs->task, loop, run);
    list_init(&directs->unread);
    list_init(&directs->idle);
    buf_init(&directs->head, HEAD_BYTES_MAX);
    return directs;
}

static void free_idle(struct fetch_directs *directs)
{
    struct list *link;

    while ((link = list_take_first(&directs->idle)) != NULL)
        direct_free(LIST_OWNER(link, struct direct, link));
    directs->idle_count = 0;
}

bool fetch_directs_tidy(struct fetch_directs *directs, uint64_t rested_ms)
{
    free_idle(directs);
    fetch_dials_tidy(directs->dials);
    return fetch_conns_tidy(directs->conns, rested_ms);
}

void fetch_directs_free(struct fetch_directs *directs)
{
    assert(list_empty(&directs->unread));
    free_idle(directs);
    fetch_conns_free(directs->conns);
    fetch_dials_free(directs->dials);
    task_done(&directs->task);
    buf_done(&directs->head);
    mem_free(directs->bytes);
    mem_free(directs);
}
