/* fetch_transfer: upstream calls as libcurl transfers.
 *
 *     fetch_start -> fetch_seat_take -> [on_header]* -> [on_body]* -> on_end
 *                                           |              |
 *                                        head buf        inbox -> fetch_bytes, fetch_consume
 *
 * Handles are kept with their callbacks set and used again: only what differs between two calls is
 * set anew. When libcurl gets its turn is for fetch_shard.c. */
#include "net/fetch.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/list.h"
#include "base/mem.h"
#include "net/fetch_easy.h"
#include "net/fetch_head.h"
#include "net/fetch_shard.h"
#include "net/fetch_socket.h"
#include "net/fetch_supply.h"
#include "net/loop.h"

#include <assert.h>
#include <string.h>

enum {
    WHOLE_BODY_BYTES = 32 * 1024, /* up to this it leaves with the head, in one write */
    READ_BYTES = 16 * 1024,       /* libcurl's buffer, one per running call */
    SMALL_READ_BYTES = 2 * 1024,
    INBOX_BYTES_MAX = LIMIT_ANSWER_TRANSLATED_BYTES + LIMIT_INBOX_BYTES,
    FETCH_MAGIC = 0x66657463,
};

static_assert(INBOX_BYTES_MAX >= LIMIT_EVENT_BYTES + LIMIT_INBOX_BYTES, "an event fits");

struct fetch_pool {
    struct fetch_sockets *sockets;
    CURLSH *share; /* DNS answers and TLS sessions, for all shards */
    struct fetch_shards *shards;
    struct list idle; /* fetches with a configured handle, last used first */
    size_t idle_count;
};

struct fetch {
    uint32_t magic;
    struct list link; /* in pool->idle */
    struct fetch_pool *pool;
    struct fetch_seat seat;
    CURL *easy;
    uint64_t origin_number; /* what the handle is configured for; 0: nothing */
    CURLU *url;             /* of this call alone; NULL: the origin's */
    struct task *task;
    bool deny_private;
    bool http2;

    struct curl_slist headers[FETCH_HEADERS_MAX + 1];
    char *whole_body; /* a small body, joined; NULL: `body` is sent piece by piece */
    const struct span *body;
    size_t body_count;
    size_t body_at;              /* the piece being sent */
    size_t body_offset;          /* sent of it */
    struct fetch_supply *supply; /* of a body that is fed; NULL: it is in `body` */

    enum fetch_phase phase;
    enum fetch_failure failure;
    bool reused; /* went over a kept connection */
    bool address_denied;
    bool no_socket;
    unsigned sockets; /* opened for this call; 0: it goes over a kept connection */
    struct fetch_head head;
    struct buf inbox;
    size_t pause_at;
    uint64_t received;
    uint64_t connected_us;
    uint64_t first_byte_us;
};

/* ---- facts: what libcurl's callbacks may do ---- */

static struct fetch *fetch_from(void *opaque)
{
    struct fetch *fetch = opaque;

    assert(fetch->magic == FETCH_MAGIC);
    return fetch;
}

static void wake(struct fetch *fetch)
{
    if (fetch->task)
        task_wake(fetch->task);
}

static curl_socket_t on_open_socket(void *opaque, curlsocktype purpose,
                                    struct curl_sockaddr *at)
{
    struct fetch *fetch = fetch_from(opaque);
    int fd;

    (void)purpose;
    fetch->sockets++;
    if (fetch_address_denied(&at->addr, fetch->deny_private)) {
        fetch->address_denied = true;
        return CURL_SOCKET_BAD;
    }
    fd = fetch_socket_open(fetch->pool->sockets, at->family, at->socktype, at->protocol);
    fetch->no_socket = fd < 0;
    fetch->seat.socket = fd;
    return fd < 0 ? CURL_SOCKET_BAD : fd;
}

static int on_close_socket(void *opaque, curl_socket_t fd)
{
    fetch_socket_close(opaque, fd);
    return 0;
}

/* Called before the request is sent; a second time when a kept connection turned out to be dead and
 * libcurl wants to send it again by itself. It must not: an upstream that died after working on the
 * request would do, and bill, the work twice, unseen. Whether to try again is for flow/ to say. */
/* NOLINTNEXTLINE(readability-non-const-parameter): the type is libcurl's */
static int on_connected(void *opaque, char *remote, char *local, int remote_port,
                        int local_port)
{
    struct fetch *fetch = fetch_from(opaque);

    (void)remote;
    (void)local;
    (void)remote_port;
    (void)local_port;
    if (fetch->phase != FETCH_CONNECT)
        return CURL_PREREQFUNC_ABORT;
    fetch->reused = fetch->sockets == 0;
    if (fetch->sockets == 1) /* of several, who knows which one it is */
        fetch_socket_keep(fetch->pool->sockets, fetch->seat.socket);
    fetch->connected_us = clock_us();
    fetch->phase = FETCH_WAIT;
    wake(fetch);
    return CURL_PREREQFUNC_OK;
}

/* Whoever feeds it learns that there is room again. */
static size_t upload_supply(struct fetch *fetch, char *at, size_t room)
{
    size_t size = fetch_supply_take(fetch->supply, at, room);

    fetch->seat.paused = fetch->seat.paused || fetch->supply->hungry;
    wake(fetch);
    return fetch->supply->hungry ? CURL_READFUNC_PAUSE : size;
}

static size_t on_upload(char *at, size_t size, size_t count, void *opaque)
{
    struct fetch *fetch = fetch_from(opaque);
    size_t room = size * count;
    size_t sent = 0;

    if (fetch->supply)
        return upload_supply(fetch, at, room);
    while (sent < room && fetch->body_at < fetch->body_count) {
        struct span left = span_skip(fetch->body[fetch->body_at], fetch->body_offset);
        struct span part = span_first(left, room - sent);

        if (part.size)
            memcpy(at + sent, part.at, part.size);
        sent += part.size;
        fetch->body_offset += part.size;
        if (part.size == left.size) {
            fetch->body_at++;
            fetch->body_offset = 0;
        }
    }
    return sent;
}

static size_t on_header(char *at, size_t size, size_t count, void *opaque)
{
    struct fetch *fetch = fetch_from(opaque);

    if (fetch->phase == FETCH_BODY)
        return size * count; /* a trailer: of no use to anybody here */
    if (fetch->first_byte_us == 0)
        fetch->first_byte_us = clock_us();
    fetch->failure = fetch_head_take(&fetch->head, span_make(at, size * count));
    if (fetch->head.complete && fetch->failure == FETCH_FINE) {
        fetch->phase = FETCH_BODY;
        wake(fetch);
    }
    return fetch->failure ? CURL_WRITEFUNC_ERROR : size * count;
}

static size_t on_body(char *at, size_t size, size_t count, void *opaque)
{
    struct fetch *fetch = fetch_from(opaque);
    size_t waiting = buf_size(&fetch->inbox);

    wake(fetch);
    if (waiting && waiting + size * count > fetch->pause_at) {
        fetch->seat.paused = true;
        return CURL_WRITEFUNC_PAUSE;
    }
    fetch->received += size * count;
    (void)buf_append(&fetch->inbox, at, size * count);
    return size * count;
}

/* ---- the end of a call ---- */

static enum fetch_failure failure_of(const struct fetch *fetch, CURLcode result)
{
    if (fetch->failure)
        return fetch->failure; /* a callback of ours said so first */
    if (result == CURLE_OK)
        return FETCH_FINE;
    if (result == CURLE_COULDNT_CONNECT && fetch->address_denied)
        return FETCH_ADDRESS_DENIED;
    if (result == CURLE_COULDNT_CONNECT && fetch->no_socket)
        return FETCH_NO_SOCKET;
    return fetch_easy_failure(fetch->easy, result, fetch->phase == FETCH_BODY);
}

static void leave(struct fetch *fetch)
{
    fetch_seat_leave(&fetch->seat);
    if (fetch->phase == FETCH_DONE && !fetch->http2) /* whose peers may talk at any time */
        fetch_socket_rest(fetch->pool->sockets, fetch->seat.socket);
}

static void on_end(struct fetch_seat *seat, CURLcode result)
{
    struct fetch *fetch = fetch_from(LIST_OWNER(seat, struct fetch, seat));

    fetch->failure = failure_of(fetch, result);
    fetch->phase = fetch->failure ? FETCH_FAILED : FETCH_DONE;
    leave(fetch);
    wake(fetch);
}

/* ---- the pool ---- */

struct fetch_pool *fetch_pool_new(struct loop *loop)
{
    struct fetch_pool *pool = mem_zero(sizeof(*pool));

    (void)curl_global_init(CURL_GLOBAL_DEFAULT);
    pool->sockets = fetch_sockets_new(loop);
    list_init(&pool->idle);
    pool->share = curl_share_init();
    (void)curl_share_setopt(pool->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS);
    (void)curl_share_setopt(pool->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
    pool->shards = fetch_shards_new(loop, pool->sockets);
    return pool;
}

/* The handle must not be used with it again. */
static void forget_url(struct fetch *fetch)
{
    if (fetch->url)
        curl_url_cleanup(fetch->url);
    fetch->url = NULL;
}

static void fetch_free(struct fetch *fetch)
{
    curl_easy_cleanup(fetch->easy);
    forget_url(fetch);
    mem_free(fetch->whole_body);
    fetch_head_done(&fetch->head);
    buf_done(&fetch->inbox);
    fetch_supply_free(fetch->supply);
    mem_free(fetch);
}

void fetch_pool_free(struct fetch_pool *pool)
{
    struct list *link;

    while ((link = list_take_first(&pool->idle)) != NULL)
        fetch_free(LIST_OWNER(link, struct fetch, link));
    fetch_shards_free(pool->shards);
    (void)curl_share_cleanup(pool->share);
    fetch_sockets_free(pool->sockets);
    mem_free(pool);
    curl_global_cleanup();
}

/* ---- one call ---- */

/* One block of a small body, so that it can be sent in one write with the head. */
static char *join(const struct span *pieces, size_t count, size_t size)
{
    char *joined = mem_alloc(size + 1);
    char *at = joined;

    for (size_t i = 0; i < count; i++) {
        if (pieces[i].size)
            memcpy(at, pieces[i].at, pieces[i].size);
        at += pieces[i].size;
    }
    return joined;
}

static void configure_body(struct fetch *fetch, const struct fetch_request *request)
{
    size_t size = 0;

    for (size_t i = 0; i < request->body_count; i++)
        size += request->body[i].size;
    fetch->body = request->body;
    fetch->body_count = request->body_count;
    if (size <= WHOLE_BODY_BYTES)
        fetch->whole_body = join(request->body, request->body_count, size);
    (void)curl_easy_setopt(fetch->easy, CURLOPT_POST, 1L);
    (void)curl_easy_setopt(fetch->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)size);
    (void)curl_easy_setopt(fetch->easy, CURLOPT_POSTFIELDS, fetch->whole_body);
}

static void configure_feed(struct fetch *fetch, const struct fetch_request *request)
{
    fetch->supply = fetch_supply_new();
    (void)curl_easy_setopt(fetch->easy, CURLOPT_POST, 1L);
    (void)curl_easy_setopt(fetch->easy, CURLOPT_POSTFIELDS, NULL);
    (void)curl_easy_setopt(fetch->easy, CURLOPT_POSTFIELDSIZE_LARGE,
                           (curl_off_t)request->fed_length); /* -1: libcurl sends chunks */
}

static void configure_call(struct fetch *fetch, const struct fetch_request *request)
{
    static char no_expect[] = "Expect:";
    size_t count = 0;

    assert(request->header_count <= FETCH_HEADERS_MAX);
    for (; count < request->header_count; count++) {
        assert(strpbrk(request->headers[count], "\r\n") == NULL);
        fetch->headers[count].data = (char *)(uintptr_t)request->headers[count];
        fetch->headers[count].next = &fetch->headers[count + 1];
    }
    fetch->headers[count] = (struct curl_slist){ .data = no_expect };
    (void)curl_easy_setopt(fetch->easy, CURLOPT_HTTPHEADER, fetch->headers);
    (void)curl_easy_setopt(fetch->easy, CURLOPT_BUFFERSIZE,
                           (long)(request->small_reads ? SMALL_READ_BYTES : READ_BYTES));
    if (request->get)
        (void)curl_easy_setopt(fetch->easy, CURLOPT_HTTPGET, 1L);
    else if (request->fed)
        configure_feed(fetch, request);
    else
        configure_body(fetch, request);
}

/* Where it goes. The handle keeps its origin; a path of one call goes with that. */
static void configure_place(struct fetch *fetch, const struct fetch_request *request)
{
    if (fetch->origin_number != request->origin->number)
        fetch_easy_set_origin(fetch->easy, request->origin);
    fetch->origin_number = request->origin->number;
    if (request->path == NULL)
        return;
    fetch->url = fetch_easy_url(request->origin, request->path);
    (void)curl_easy_setopt(fetch->easy, CURLOPT_CURLU, fetch->url);
    fetch->origin_number = 0; /* it has another URL now */
}

static const struct fetch_callbacks callbacks = {
    .open_socket = on_open_socket,
    .close_socket = on_close_socket,
    .connected = on_connected,
    .header = on_header,
    .body = on_body,
    .upload = on_upload,
};

static struct fetch *take_idle(struct fetch_pool *pool)
{
    struct fetch *fetch;

    if (pool->idle_count) {
        pool->idle_count--;
        return LIST_OWNER(list_take_first(&pool->idle), struct fetch, link);
    }
    fetch = mem_zero(sizeof(*fetch));
    fetch->magic = FETCH_MAGIC;
    fetch->pool = pool;
    fetch->easy = curl_easy_init();
    assert(fetch->easy != NULL);
    fetch_head_init(&fetch->head);
    buf_init(&fetch->inbox, INBOX_BYTES_MAX);
    fetch_easy_init(fetch->easy, &callbacks, fetch, pool->sockets, pool->share);
    fetch_seat_init(&fetch->seat, fetch->easy, on_end);
    return fetch;
}

struct fetch *fetch_start(struct fetch_pool *pool, const struct fetch_request *request,
                          struct task *task)
{
    struct fetch *fetch = take_idle(pool);

    fetch->task = task;
    fetch->pause_at = LIMIT_INBOX_BYTES;
    configure_place(fetch, request);
    fetch->deny_private = request->origin->deny_private;
    fetch->http2 = request->origin->http2;
    configure_call(fetch, request);
    fetch_seat_take(&fetch->seat, pool->shards);
    return fetch;
}

/* Forgets the call but keeps the handle. */
static void reset(struct fetch *fetch)
{
    fetch_head_reset(&fetch->head);
    buf_reset(&fetch->inbox);
    forget_url(fetch);
    mem_free(fetch->whole_body);
    fetch->whole_body = NULL;
    fetch->task = NULL;
    fetch->body = NULL;
    fetch->body_count = 0;
    fetch->body_at = 0;
    fetch->body_offset = 0;
    fetch_supply_free(fetch->supply);
    fetch->supply = NULL;
    fetch->phase = FETCH_CONNECT;
    fetch->failure = FETCH_FINE;
    fetch->reused = false;
    fetch->address_denied = false;
    fetch->no_socket = false;
    fetch->sockets = 0;
    fetch->received = 0;
    fetch->connected_us = 0;
    fetch->first_byte_us = 0;
}

/* Has the request been sent to its end? An answer may come before. */
static bool is_sent(const struct fetch *fetch)
{
    return fetch->supply == NULL || fetch_supply_spent(fetch->supply);
}

void fetch_close(struct fetch *fetch)
{
    struct fetch_pool *pool = fetch->pool;

    if (fetch->seat.shard)
        leave(fetch);
    /* A handle whose transfer broke may remember that it wanted to rewind its body, and then fails the
     * next one: only those that ended well are used again. */
    if (fetch->phase != FETCH_DONE || !is_sent(fetch) ||
        pool->idle_count >= LIMIT_IDLE_EASY_HANDLES) {
        fetch_free(fetch);
        return;
    }
    reset(fetch);
    list_prepend(&pool->idle, &fetch->link);
    pool->idle_count++;
}

/* ---- a body that is fed ---- */

size_t fetch_feed_room(const struct fetch *fetch)
{
    return fetch->seat.shard ? fetch_supply_room(fetch->supply) : LIMIT_FED_BYTES;
}

void fetch_feed(struct fetch *fetch, struct span bytes)
{
    if (fetch->seat.shard == NULL)
        return;
    fetch_supply_add(fetch->supply, bytes);
    if (fetch->supply->hungry)
        fetch_seat_resume(&fetch->seat);
}

void fetch_feed_end(struct fetch *fetch)
{
    assert(!fetch->supply->whole);
    fetch->supply->whole = true;
    if (fetch->supply->hungry)
        fetch_seat_resume(&fetch->seat);
}

/* ---- what the owner asks ---- */

enum fetch_phase fetch_phase(const struct fetch *fetch)
{
    return fetch->phase;
}

enum fetch_failure fetch_failure(const struct fetch *fetch)
{
    return fetch->failure;
}

bool fetch_was_stale(const struct fetch *fetch)
{
    return fetch->failure == FETCH_RESET && fetch->reused && fetch->first_byte_us == 0;
}

unsigned fetch_status(const struct fetch *fetch)
{
    return fetch->phase == FETCH_CONNECT || fetch->phase == FETCH_WAIT ? 0 : fetch->head.status;
}

struct span fetch_header(const struct fetch *fetch, const char *name)
{
    return fetch_head_value(&fetch->head, name);
}

struct span fetch_bytes(const struct fetch *fetch)
{
    return buf_span(&fetch->inbox);
}

uint64_t fetch_received(const struct fetch *fetch)
{
    return fetch->received;
}

void fetch_consume(struct fetch *fetch, size_t size)
{
    buf_consume(&fetch->inbox, size);
    if (buf_size(&fetch->inbox) <= fetch->pause_at / 2)
        fetch_seat_resume(&fetch->seat);
    if (buf_size(&fetch->inbox) == 0)
        fetch->pause_at = LIMIT_INBOX_BYTES;
}

void fetch_widen(struct fetch *fetch, size_t size)
{
    fetch->pause_at = size < INBOX_BYTES_MAX ? size : INBOX_BYTES_MAX;
    fetch_seat_resume(&fetch->seat);
}

bool fetch_forget(struct fetch *fetch)
{
    fetch_head_done(&fetch->head);
    if (fetch->supply)
        return fetch->seat.shard == NULL || fetch_supply_spent(fetch->supply);
    return fetch->seat.shard == NULL || fetch->whole_body ||
           fetch->body_at == fetch->body_count;
}

uint64_t fetch_connected_us(const struct fetch *fetch)
{
    return fetch->connected_us;
}

uint64_t fetch_first_byte_us(const struct fetch *fetch)
{
    return fetch->first_byte_us;
}
