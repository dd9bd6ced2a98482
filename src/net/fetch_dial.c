/* fetch_dial: a handle that only connects, and what becomes of its connection.
 *
 * One that is taken over leaves libcurl at once. One that stays is alone in a connection cache of its
 * own (a CURLSH): libcurl looks through the whole cache each time that bytes go over a connection, and
 * whenever it makes a new one it sweeps the cache and drops those at which bytes wait. */
#include "net/fetch_dial.h"

#include "base/list.h"
#include "base/mem.h"
#include "net/fetch_easy.h"
#include "net/fetch_openssl.h"
#include "net/fetch_shard.h"
#include "net/fetch_socket.h"

#include <assert.h>
#include <errno.h>

enum {
    DIAL_MAGIC = 0x6469616c,
    IDLE_DIALS_MAX = 16,
    NEVER_S = 1000000000, /* so old a connection of libcurl's may be: how old one gets is for
                             fetch_conn.c */
};

struct idle {
    struct list dials;
    unsigned count;
};

struct fetch_dials {
    struct fetch_sockets *sockets;
    CURLSH *share;
    struct fetch_shards *shards;
    struct fetch_openssl openssl;
    struct idle bare; /* dials whose sockets are taken over, with a configured handle */
    struct idle kept; /* and others: libcurl loses memory when a handle changes its share */
    int taking;       /* the socket that libcurl shall let go of without closing it; -1: none */
};

struct fetch_dial {
    uint32_t magic;
    struct list link; /* in idle->dials */
    struct idle *idle;
    struct fetch_dials *dials;
    struct fetch_seat seat;
    CURL *easy;
    CURLSH *cache;          /* of one connection, at most; NULL: it is taken over */
    uint64_t origin_number; /* what the handle is configured for; 0: nothing */
    bool deny_private;
    bool through_proxy;
    bool address_denied;
    bool no_socket;
    int socket; /* the connection; -1: none yet */
    void *ssl;  /* of OpenSSL; NULL: not known what holds bytes */
    fetch_dialled_fn on_end;
    void *owner;
};

/* ---- what libcurl calls ---- */

static struct fetch_dial *dial_from(void *opaque)
{
    struct fetch_dial *dial = opaque;

    assert(dial->magic == DIAL_MAGIC);
    return dial;
}

static curl_socket_t on_open_socket(void *opaque, curlsocktype purpose,
                                    struct curl_sockaddr *at)
{
    struct fetch_dial *dial = dial_from(opaque);
    int fd;

    (void)purpose;
    if (fetch_address_denied(&at->addr, dial->deny_private)) {
        dial->address_denied = true;
        return CURL_SOCKET_BAD;
    }
    fd = fetch_socket_open(dial->dials->sockets, at->family, at->socktype, at->protocol);
    dial->no_socket = fd < 0;
    return fd < 0 ? CURL_SOCKET_BAD : fd;
}

/* A proxy may be asked over TLS of its own, with bytes of ours standing in that. */
static int on_connected(void *opaque, char *remote, char *local, int remote_port,
                        int local_port)
{
    struct fetch_dial *dial = dial_from(opaque);

    (void)remote;
    (void)local;
    (void)remote_port;
    (void)local_port;
    if (!dial->through_proxy)
        dial->ssl = fetch_openssl_take(&dial->dials->openssl, dial->easy);
    return CURL_PREREQFUNC_OK;
}

static int on_close_socket(void *opaque, curl_socket_t fd)
{
    struct fetch_dials *dials = opaque;

    if (fd == dials->taking)
        fetch_socket_release(dials->sockets, fd);
    else
        fetch_socket_close(dials->sockets, fd);
    return 0;
}

static const struct fetch_callbacks callbacks = {
    .open_socket = on_open_socket,
    .close_socket = on_close_socket,
    .connected = on_connected,
};

static enum fetch_failure failure_of(const struct fetch_dial *dial, CURLcode result)
{
    if (result == CURLE_OK)
        return FETCH_FINE;
    if (result == CURLE_COULDNT_CONNECT && dial->address_denied)
        return FETCH_ADDRESS_DENIED;
    if (result == CURLE_COULDNT_CONNECT && dial->no_socket)
        return FETCH_NO_SOCKET;
    return fetch_easy_failure(dial->easy, result, false);
}

static void on_end(struct fetch_seat *seat, CURLcode result)
{
    struct fetch_dial *dial = LIST_OWNER(seat, struct fetch_dial, seat);
    curl_socket_t fd = CURL_SOCKET_BAD;

    if (result == CURLE_OK)
        (void)curl_easy_getinfo(dial->easy, CURLINFO_ACTIVESOCKET, &fd);
    if (result == CURLE_OK && fd == CURL_SOCKET_BAD)
        result = CURLE_COULDNT_CONNECT;
    dial->socket = fd;
    dial->on_end(dial->owner, failure_of(dial, result));
}

/* ---- all of them ---- */

struct fetch_dials *fetch_dials_new(struct loop *loop, struct fetch_sockets *sockets,
                                    CURLSH *share)
{
    const struct fetch_shards_config config = { .shards = 16, .calls = 128, .idle_max = -1 };
    struct fetch_dials *dials = mem_zero(sizeof(*dials));

    dials->sockets = sockets;
    dials->share = share;
    dials->shards = fetch_shards_new(loop, sockets, &config);
    fetch_openssl_init(&dials->openssl);
    dials->taking = -1;
    list_init(&dials->bare.dials);
    list_init(&dials->kept.dials);
    return dials;
}

static void dial_free(struct fetch_dial *dial)
{
    curl_easy_cleanup(dial->easy);
    if (dial->cache)
        (void)curl_share_cleanup(dial->cache);
    dial->magic = 0;
    mem_free(dial);
}

static void free_idle(struct idle *idle)
{
    struct list *link;

    while ((link = list_take_first(&idle->dials)) != NULL)
        dial_free(LIST_OWNER(link, struct fetch_dial, link));
    idle->count = 0;
}

void fetch_dials_tidy(struct fetch_dials *dials)
{
    free_idle(&dials->bare);
    free_idle(&dials->kept);
    fetch_shards_tidy(dials->shards);
}

void fetch_dials_free(struct fetch_dials *dials)
{
    free_idle(&dials->bare);
    free_idle(&dials->kept);
    fetch_shards_free(dials->shards);
    mem_free(dials);
}

/* ---- one ---- */

static CURLSH *new_cache(void)
{
    CURLSH *cache = curl_share_init();

    assert(cache != NULL);
    (void)curl_share_setopt(cache, CURLSHOPT_SHARE, CURL_LOCK_DATA_CONNECT);
    return cache;
}

static struct fetch_dial *take_idle(struct fetch_dials *dials, bool bare)
{
    struct idle *idle = bare ? &dials->bare : &dials->kept;
    struct fetch_dial *dial;

    if (idle->count) {
        idle->count--;
        return LIST_OWNER(list_take_first(&idle->dials), struct fetch_dial, link);
    }
    dial = mem_zero(sizeof(*dial));
    dial->magic = DIAL_MAGIC;
    dial->dials = dials;
    dial->idle = idle;
    dial->easy = curl_easy_init();
    assert(dial->easy != NULL);
    dial->cache = bare ? NULL : new_cache();
    fetch_easy_init(dial->easy, &callbacks, dial, dials, bare ? dials->share : dial->cache);
    (void)curl_easy_setopt(dial->easy, CURLOPT_CONNECT_ONLY, 1L);
    (void)curl_easy_setopt(dial->easy, CURLOPT_FRESH_CONNECT, 1L);
    (void)curl_easy_setopt(dial->easy, CURLOPT_HTTPPROXYTUNNEL, 1L);
    (void)curl_easy_setopt(dial->easy, CURLOPT_MAXAGE_CONN, (long)NEVER_S);
    (void)curl_easy_setopt(dial->easy, CURLOPT_MAXLIFETIME_CONN, 0L);
    fetch_seat_init(&dial->seat, dial->easy, on_end);
    return dial;
}

struct fetch_dial *fetch_dial_start(struct fetch_dials *dials,
                                    const struct fetch_origin *origin, fetch_dialled_fn ended,
                                    void *owner)
{
    struct fetch_dial *dial = take_idle(dials, origin->bare);

    if (dial->origin_number != origin->number)
        fetch_easy_set_origin(dial->easy, origin);
    dial->origin_number = origin->number;
    dial->deny_private = origin->deny_private;
    dial->through_proxy = origin->proxy != NULL;
    dial->address_denied = false;
    dial->no_socket = false;
    dial->socket = -1;
    dial->ssl = NULL;
    dial->on_end = ended;
    dial->owner = owner;
    fetch_seat_take(&dial->seat, dials->shards);
    return dial;
}

void fetch_dial_close(struct fetch_dial *dial)
{
    fetch_seat_leave(&dial->seat);
    dial->owner = NULL;
    if (dial->idle->count >= IDLE_DIALS_MAX) {
        dial_free(dial);
        return;
    }
    list_prepend(&dial->idle->dials, &dial->link);
    dial->idle->count++;
}

int fetch_dial_socket(const struct fetch_dial *dial)
{
    return dial->socket;
}

int fetch_dial_take_over(struct fetch_dial *dial)
{
    struct fetch_dials *dials = dial->dials;
    int fd = dial->socket;

    dials->taking = fd;
    fetch_dial_close(dial);
    dials->taking = -1;
    return fd;
}

static ssize_t outcome(CURLcode result, size_t size)
{
    if (result == CURLE_OK)
        return (ssize_t)size;
    errno = result == CURLE_AGAIN ? EAGAIN : ECONNRESET;
    return -1;
}

ssize_t fetch_dial_write(struct fetch_dial *dial, const void *bytes, size_t size)
{
    size_t written = 0;
    CURLcode result = curl_easy_send(dial->easy, bytes, size, &written);

    return outcome(result, written);
}

ssize_t fetch_dial_read(struct fetch_dial *dial, void *bytes, size_t size)
{
    size_t got = 0;
    CURLcode result = curl_easy_recv(dial->easy, bytes, size, &got);

    return outcome(result, got);
}

bool fetch_dial_may_hold_bytes(const struct fetch_dial *dial)
{
    return dial->ssl == NULL || fetch_openssl_holds(&dial->dials->openssl, dial->ssl);
}
