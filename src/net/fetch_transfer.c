/* fetch_transfer: upstream calls as libcurl transfers.
 *
 *     fetch_start -> fetch_seat_take -> [on_header]* -> [on_body]* -> on_end
 *                                           |              |
 *                                        head buf        inbox -> fetch_bytes, fetch_consume
 *
 * Handles are kept with their callbacks set and used again: only what differs between two calls is
 * set anew. When libcurl gets its turn is for fetch_shard.c. */
#include "net/fetch_transfer.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/list.h"
#include "base/mem.h"
#include "net/fetch_call.h"
#include "net/fetch_easy.h"
#include "net/fetch_shard.h"
#include "net/fetch_socket.h"

#include <assert.h>
#include <string.h>

enum {
    WHOLE_BODY_BYTES = 32 * 1024, /* up to this it leaves with the head, in one write */
    READ_BYTES = 16 * 1024,       /* libcurl's buffer, one per running call */
    SMALL_READ_BYTES = 2 * 1024,
    TIDY_AT_ONCE = 32, /* handles freed before others get their turn */
};

struct fetch_transfers {
    struct fetch_sockets *sockets;
    CURLSH *share;
    struct fetch_shards *shards;
    struct list idle; /* transfers with a configured handle, last used first */
    size_t idle_count;
};

struct transfer {
    struct fetch fetch;
    struct list link; /* in transfers->idle */
    struct fetch_transfers *transfers;
    struct fetch_seat seat;
    CURL *easy;
    uint64_t origin_number; /* what the handle is configured for; 0: nothing */
    CURLU *url;             /* of this call alone; NULL: the origin's */
    bool deny_private;
    bool http2;

    struct curl_slist *headers;
    char *header_text; /* what they point to */
    char *whole_body;  /* a small body, joined; NULL: `body` is sent piece by piece */
    const struct span *body;
    size_t body_count;
    size_t body_at;     /* the piece being sent */
    size_t body_offset; /* sent of it */

    bool address_denied;
    bool no_socket;
    unsigned sockets; /* opened for this call; 0: it goes over a kept connection */
};

/* ---- facts: what libcurl's callbacks may do ---- */

static struct transfer *transfer_of(const struct fetch *fetch)
{
    return LIST_OWNER((uintptr_t)fetch, struct transfer, fetch);
}

static struct transfer *transfer_from(void *opaque)
{
    return transfer_of(fetch_call_from(opaque));
}

static curl_socket_t on_open_socket(void *opaque, curlsocktype purpose,
                                    struct curl_sockaddr *at)
{
    struct transfer *transfer = transfer_from(opaque);
    int fd;

    (void)purpose;
    transfer->sockets++;
    if (fetch_address_denied(&at->addr, transfer->deny_private)) {
        transfer->address_denied = true;
        return CURL_SOCKET_BAD;
    }
    fd =
        fetch_socket_open(transfer->transfers->sockets, at->family, at->socktype, at->protocol);
    transfer->no_socket = fd < 0;
    transfer->seat.socket = fd;
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
    struct transfer *transfer = transfer_from(opaque);
    struct fetch *fetch = &transfer->fetch;

    (void)remote;
    (void)local;
    (void)remote_port;
    (void)local_port;
    if (fetch->phase != FETCH_CONNECT)
        return CURL_PREREQFUNC_ABORT;
    fetch->reused = transfer->sockets == 0;
    if (transfer->sockets == 1) /* of several, who knows which one it is */
        fetch_socket_keep(transfer->transfers->sockets, transfer->seat.socket);
    fetch->connected_us = clock_us();
    fetch->phase = FETCH_WAIT;
    fetch_call_wake(fetch);
    return CURL_PREREQFUNC_OK;
}

/* Whoever feeds it learns that there is room again. */
static size_t upload_supply(struct transfer *transfer, char *at, size_t room)
{
    struct fetch_supply *supply = transfer->fetch.supply;
    size_t size = fetch_supply_take(supply, at, room);

    transfer->seat.paused = transfer->seat.paused || supply->hungry;
    fetch_call_wake(&transfer->fetch);
    return supply->hungry ? CURL_READFUNC_PAUSE : size;
}

static size_t on_upload(char *at, size_t size, size_t count, void *opaque)
{
    struct transfer *transfer = transfer_from(opaque);
    size_t room = size * count;
    size_t sent = 0;

    if (transfer->fetch.supply)
        return upload_supply(transfer, at, room);
    while (sent < room && transfer->body_at < transfer->body_count) {
        struct span left = span_skip(transfer->body[transfer->body_at], transfer->body_offset);
        struct span part = span_first(left, room - sent);

        if (part.size)
            memcpy(at + sent, part.at, part.size);
        sent += part.size;
        transfer->body_offset += part.size;
        if (part.size == left.size) {
            transfer->body_at++;
            transfer->body_offset = 0;
        }
    }
    return sent;
}

static size_t on_header(char *at, size_t size, size_t count, void *opaque)
{
    struct fetch *fetch = fetch_call_from(opaque);

    if (fetch->phase == FETCH_BODY)
        return size * count; /* a trailer: of no use to anybody here */
    if (fetch->first_byte_us == 0)
        fetch->first_byte_us = clock_us();
    fetch->failure = fetch_head_take(&fetch->head, span_make(at, size * count));
    if (fetch->head.complete && fetch->failure == FETCH_FINE) {
        fetch->phase = FETCH_BODY;
        fetch_call_wake(fetch);
    }
    return fetch->failure ? CURL_WRITEFUNC_ERROR : size * count;
}

static size_t on_body(char *at, size_t size, size_t count, void *opaque)
{
    struct transfer *transfer = transfer_from(opaque);
    struct fetch *fetch = &transfer->fetch;

    fetch_call_wake(fetch);
    if (buf_size(&fetch->inbox) && size * count > fetch_call_room(fetch)) {
        transfer->seat.paused = true;
        return CURL_WRITEFUNC_PAUSE;
    }
    fetch->received += size * count;
    (void)buf_append(&fetch->inbox, at, size * count);
    return size * count;
}

/* ---- the end of a call ---- */

static enum fetch_failure failure_of(const struct transfer *transfer, CURLcode result)
{
    const struct fetch *fetch = &transfer->fetch;

    if (fetch->failure)
        return fetch->failure; /* a callback of ours said so first */
    if (result == CURLE_OK)
        return FETCH_FINE;
    if (result == CURLE_COULDNT_CONNECT && transfer->address_denied)
        return FETCH_ADDRESS_DENIED;
    if (result == CURLE_COULDNT_CONNECT && transfer->no_socket)
        return FETCH_NO_SOCKET;
    return fetch_easy_failure(transfer->easy, result, fetch->phase == FETCH_BODY);
}

static void leave(struct transfer *transfer)
{
    fetch_seat_leave(&transfer->seat);
    if (transfer->fetch.phase == FETCH_DONE &&
        !transfer->http2) /* its peers may talk at any time */
        fetch_socket_rest(transfer->transfers->sockets, transfer->seat.socket);
}

static void on_end(struct fetch_seat *seat, CURLcode result)
{
    struct transfer *transfer = LIST_OWNER(seat, struct transfer, seat);
    struct fetch *fetch = &transfer->fetch;

    fetch->failure = failure_of(transfer, result);
    fetch->phase = fetch->failure ? FETCH_FAILED : FETCH_DONE;
    leave(transfer);
    fetch_call_wake(fetch);
}

/* ---- all calls ---- */

struct fetch_transfers *fetch_transfers_new(struct loop *loop, struct fetch_sockets *sockets,
                                            CURLSH *share)
{
    const struct fetch_shards_config config = { .shards = 16, .calls = 128, .idle_max = 128 };
    struct fetch_transfers *transfers = mem_zero(sizeof(*transfers));

    transfers->sockets = sockets;
    transfers->share = share;
    transfers->shards = fetch_shards_new(loop, sockets, &config);
    list_init(&transfers->idle);
    return transfers;
}

/* The handle must not be used with it again. */
static void forget_url(struct transfer *transfer)
{
    if (transfer->url)
        curl_url_cleanup(transfer->url);
    transfer->url = NULL;
}

static void forget_request(struct transfer *transfer)
{
    mem_free(transfer->whole_body);
    mem_free(transfer->header_text);
    mem_free(transfer->headers);
    transfer->whole_body = NULL;
    transfer->header_text = NULL;
    transfer->headers = NULL;
}

static void transfer_free(struct transfer *transfer)
{
    curl_easy_cleanup(transfer->easy);
    forget_url(transfer);
    forget_request(transfer);
    fetch_call_done(&transfer->fetch);
    mem_free(transfer);
}

bool fetch_transfers_tidy(struct fetch_transfers *transfers)
{
    for (int i = 0; i < TIDY_AT_ONCE && transfers->idle_count; i++) {
        struct list *link = list_take_first(&transfers->idle);

        transfers->idle_count--;
        transfer_free(LIST_OWNER(link, struct transfer, link));
    }
    return transfers->idle_count > 0;
}

void fetch_transfers_free(struct fetch_transfers *transfers)
{
    while (fetch_transfers_tidy(transfers))
        ; /* all of them */
    fetch_shards_free(transfers->shards);
    mem_free(transfers);
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

static void configure_body(struct transfer *transfer, const struct fetch_request *request)
{
    size_t size = 0;

    for (size_t i = 0; i < request->body_count; i++)
        size += request->body[i].size;
    transfer->body = request->body;
    transfer->body_count = request->body_count;
    if (size <= WHOLE_BODY_BYTES)
        transfer->whole_body = join(request->body, request->body_count, size);
    (void)curl_easy_setopt(transfer->easy, CURLOPT_POST, 1L);
    (void)curl_easy_setopt(transfer->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)size);
    (void)curl_easy_setopt(transfer->easy, CURLOPT_POSTFIELDS, transfer->whole_body);
}

static void configure_feed(struct transfer *transfer, const struct fetch_request *request)
{
    transfer->fetch.supply = fetch_supply_new();
    (void)curl_easy_setopt(transfer->easy, CURLOPT_POST, 1L);
    (void)curl_easy_setopt(transfer->easy, CURLOPT_POSTFIELDS, NULL);
    (void)curl_easy_setopt(transfer->easy, CURLOPT_POSTFIELDSIZE_LARGE,
                           (curl_off_t)request->fed_length); /* -1: libcurl sends chunks */
}

/* libcurl wants each line by itself, without its end. */
static void list_headers(struct transfer *transfer, struct span lines)
{
    static char no_expect[] = "Expect:";
    struct span rest = lines;
    size_t count = 0;
    char *at;

    while (rest.size) {
        (void)span_cut(&rest, '\n');
        count++;
    }
    at = transfer->header_text = mem_copy(lines.at, lines.size);
    transfer->headers = mem_zero((count + 1) * sizeof(*transfer->headers));
    for (size_t i = 0; i < count; i++) {
        char *end = strstr(at, "\r\n");

        assert(end);
        *end = 0;
        transfer->headers[i].data = at;
        transfer->headers[i].next = &transfer->headers[i + 1];
        at = end + 2;
    }
    transfer->headers[count].data = no_expect;
}

static void configure_call(struct transfer *transfer, const struct fetch_request *request)
{
    list_headers(transfer, request->headers);
    (void)curl_easy_setopt(transfer->easy, CURLOPT_HTTPHEADER, transfer->headers);
    (void)curl_easy_setopt(transfer->easy, CURLOPT_BUFFERSIZE,
                           (long)(request->small_reads ? SMALL_READ_BYTES : READ_BYTES));
    if (request->get)
        (void)curl_easy_setopt(transfer->easy, CURLOPT_HTTPGET, 1L);
    else if (request->fed)
        configure_feed(transfer, request);
    else
        configure_body(transfer, request);
}

/* Where it goes. The handle keeps its origin; a path of one call goes with that. */
static void configure_place(struct transfer *transfer, const struct fetch_request *request)
{
    if (transfer->origin_number != request->origin->number)
        fetch_easy_set_origin(transfer->easy, request->origin);
    transfer->origin_number = request->origin->number;
    if (request->path == NULL)
        return;
    transfer->url = fetch_easy_url(request->origin, request->path);
    (void)curl_easy_setopt(transfer->easy, CURLOPT_CURLU, transfer->url);
    transfer->origin_number = 0; /* it has another URL now */
}

/* Forgets the call but keeps the handle. */
static void reset(struct transfer *transfer)
{
    forget_url(transfer);
    fetch_call_reset(&transfer->fetch);
    forget_request(transfer);
    transfer->body = NULL;
    transfer->body_count = 0;
    transfer->body_at = 0;
    transfer->body_offset = 0;
    transfer->address_denied = false;
    transfer->no_socket = false;
    transfer->sockets = 0;
}

/* Has the request been sent to its end? An answer may come before. */
static bool was_fed(const struct fetch *fetch)
{
    return fetch->supply == NULL || fetch_supply_spent(fetch->supply);
}

static void close_call(struct fetch *fetch)
{
    struct transfer *transfer = transfer_of(fetch);
    struct fetch_transfers *transfers = transfer->transfers;

    if (transfer->seat.shard)
        leave(transfer);
    /* A handle whose transfer broke may remember that it wanted to rewind its body, and then fails the
     * next one: only those that ended well are used again. */
    if (fetch->phase != FETCH_DONE || !was_fed(fetch) ||
        transfers->idle_count >= LIMIT_IDLE_EASY_HANDLES) {
        transfer_free(transfer);
        return;
    }
    reset(transfer);
    list_prepend(&transfers->idle, &transfer->link);
    transfers->idle_count++;
}

static void resume(struct fetch *fetch)
{
    fetch_seat_resume(&transfer_of(fetch)->seat);
}

static bool is_sent(const struct fetch *fetch)
{
    const struct transfer *transfer = transfer_of(fetch);

    if (fetch->supply)
        return transfer->seat.shard == NULL || was_fed(fetch);
    return transfer->seat.shard == NULL || transfer->whole_body ||
           transfer->body_at == transfer->body_count;
}

static const struct fetch_engine engine = {
    .resume = resume,
    .fed = resume,
    .is_sent = is_sent,
    .close = close_call,
};

static const struct fetch_callbacks callbacks = {
    .open_socket = on_open_socket,
    .close_socket = on_close_socket,
    .connected = on_connected,
    .header = on_header,
    .body = on_body,
    .upload = on_upload,
};

static struct transfer *take_idle(struct fetch_transfers *transfers)
{
    struct transfer *transfer;

    if (transfers->idle_count) {
        transfers->idle_count--;
        return LIST_OWNER(list_take_first(&transfers->idle), struct transfer, link);
    }
    transfer = mem_zero(sizeof(*transfer));
    fetch_call_init(&transfer->fetch, &engine);
    transfer->transfers = transfers;
    transfer->easy = curl_easy_init();
    assert(transfer->easy != NULL);
    fetch_easy_init(transfer->easy, &callbacks, &transfer->fetch, transfers->sockets,
                    transfers->share);
    fetch_seat_init(&transfer->seat, transfer->easy, on_end);
    return transfer;
}

struct fetch *fetch_transfer_start(struct fetch_transfers *transfers,
                                   const struct fetch_request *request, struct task *task)
{
    struct transfer *transfer = take_idle(transfers);

    transfer->fetch.task = task;
    configure_place(transfer, request);
    transfer->deny_private = request->origin->deny_private;
    transfer->http2 = request->origin->http2;
    configure_call(transfer, request);
    fetch_seat_take(&transfer->seat, transfers->shards);
    return &transfer->fetch;
}
