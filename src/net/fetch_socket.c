#include "net/fetch_socket.h"

#include "base/mem.h"
#include "net/loop_uv.h"

#include <assert.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    READ_BYTES = 4096,
    READS_MAX = 4096, /* of them: more than a socket buffer holds */
    SHELF = 256,      /* descriptors side by side */
};

struct watch {
    uv_poll_t poll;
    struct fetch_sockets *sockets;
    int fd;
    int want;     /* libcurl's bits; 0: kept, nobody waits */
    int watched;  /* libuv's bits that are registered; 0: none */
    bool kept;    /* a connection of ours, so that we hear of its closing */
    bool resting; /* no call is using it: not even a paused one */
    void *owner;
    fetch_ready_fn on_ready;
};

/* Those of descriptors that are neighbours. It goes with the last of them: after a peak the table of all
 * would be large and empty. */
struct shelf {
    struct watch *watches[SHELF];
    unsigned count;
};

struct fetch_sockets {
    struct loop *loop;
    struct shelf **shelves; /* NULL: nothing stands there */
    int room;
};

struct fetch_sockets *fetch_sockets_new(struct loop *loop)
{
    struct fetch_sockets *sockets = mem_zero(sizeof(*sockets));

    sockets->loop = loop;
    return sockets;
}

static struct watch *watch_of(const struct fetch_sockets *sockets, int fd)
{
    struct shelf *shelf = NULL;

    if (fd >= 0 && fd / SHELF < sockets->room)
        shelf = sockets->shelves[fd / SHELF];
    return shelf ? shelf->watches[fd % SHELF] : NULL;
}

static void make_room(struct fetch_sockets *sockets, int fd)
{
    int room = fd / SHELF + 1;

    if (room <= sockets->room)
        return;
    sockets->shelves = mem_grow(sockets->shelves, (size_t)room * sizeof(struct shelf *));
    memset(sockets->shelves + sockets->room, 0,
           (size_t)(room - sockets->room) * sizeof(struct shelf *));
    sockets->room = room;
}

static void put(struct fetch_sockets *sockets, struct watch *watch)
{
    struct shelf **shelf;

    make_room(sockets, watch->fd);
    shelf = &sockets->shelves[watch->fd / SHELF];
    if (*shelf == NULL)
        *shelf = mem_zero(sizeof(**shelf));
    (*shelf)->watches[watch->fd % SHELF] = watch;
    (*shelf)->count++;
}

static void take_out(struct fetch_sockets *sockets, int fd)
{
    struct shelf **shelf = &sockets->shelves[fd / SHELF];

    (*shelf)->watches[fd % SHELF] = NULL;
    if (--(*shelf)->count)
        return;
    mem_free(*shelf);
    *shelf = NULL;
}

static void on_closed(uv_handle_t *handle)
{
    mem_free(handle->data);
}

/* Out of the table and out of epoll at once, so that the number may come again; the memory goes when
 * libuv lets go of it. */
static void forget(struct fetch_sockets *sockets, int fd)
{
    struct watch *watch = watch_of(sockets, fd);

    if (watch == NULL)
        return;
    take_out(sockets, fd);
    watch->on_ready = NULL;
    (void)uv_poll_stop(&watch->poll);
    uv_close((uv_handle_t *)&watch->poll, on_closed);
}

void fetch_sockets_free(struct fetch_sockets *sockets)
{
    for (int fd = 0; fd < sockets->room * SHELF; fd++)
        forget(sockets, fd);
    mem_free(sockets->shelves);
    mem_free(sockets);
}

static struct watch *add_watch(struct fetch_sockets *sockets, int fd)
{
    struct watch *watch = mem_zero(sizeof(*watch));
    int failed;

    forget(sockets, fd); /* one that libcurl closed before it ever waited for it */
    failed = uv_poll_init_socket(loop_uv(sockets->loop), &watch->poll, fd);
    assert(failed == 0);
    watch->poll.data = watch;
    watch->sockets = sockets;
    watch->fd = fd;
    put(sockets, watch);
    return watch;
}

int fetch_socket_open(struct fetch_sockets *sockets, int family, int type, int protocol)
{
    int fd = socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);

    if (fd >= 0)
        (void)add_watch(sockets, fd);
    return fd;
}

void fetch_socket_close(struct fetch_sockets *sockets, int fd)
{
    forget(sockets, fd);
    (void)close(fd);
}

void fetch_socket_release(struct fetch_sockets *sockets, int fd)
{
    forget(sockets, fd);
}

void fetch_socket_keep(struct fetch_sockets *sockets, int fd)
{
    struct watch *watch = watch_of(sockets, fd);

    if (watch)
        watch->kept = true;
}

static void on_poll(uv_poll_t *poll, int status, int events);

static void set_watched(struct watch *watch, int events)
{
    if (events == watch->watched)
        return;
    watch->watched = events;
    if (events)
        (void)uv_poll_start(&watch->poll, events, on_poll);
    else
        (void)uv_poll_stop(&watch->poll);
}

void fetch_socket_rest(struct fetch_sockets *sockets, int fd)
{
    struct watch *watch = watch_of(sockets, fd);

    if (watch == NULL || !watch->kept || watch->want)
        return;
    watch->resting = true;
    set_watched(watch, UV_READABLE);
}

/* Nobody asked for what stands there. What comes after the shutdown is answered by a reset. */
static void spoil(int fd)
{
    char dropped[READ_BYTES];
    ssize_t size = 1;

    (void)shutdown(fd, SHUT_RDWR);
    for (int i = 0; i < READS_MAX && size > 0; i++)
        size = recv(fd, dropped, sizeof(dropped), MSG_DONTWAIT);
}

static int events_of(int want)
{
    return (want & CURL_POLL_IN ? UV_READABLE : 0) | (want & CURL_POLL_OUT ? UV_WRITABLE : 0);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct watch *watch = poll->data;
    struct fetch_sockets *sockets = watch->sockets;
    int fd = watch->fd;
    int bits = 0;

    if (status < 0)
        watch->watched = 0; /* libuv has disarmed it; libcurl looks for itself what is wrong */
    else
        bits = (events & UV_READABLE ? CURL_CSELECT_IN : 0) |
               (events & UV_WRITABLE ? CURL_CSELECT_OUT : 0);
    if (watch->want == 0) {
        if (watch->resting)
            spoil(fd);
        set_watched(watch, 0);
        return;
    }
    watch->on_ready(watch->owner, fd, bits);
    watch = watch_of(sockets, fd); /* what stood there may be closing by now */
    if (watch && watch->want && status < 0)
        set_watched(watch, events_of(watch->want));
}

void fetch_socket_watch(struct fetch_sockets *sockets, int fd, int want, void *owner,
                        fetch_ready_fn on_ready)
{
    struct watch *watch = watch_of(sockets, fd);

    if (watch == NULL) {
        if (want == 0)
            return;
        watch = add_watch(sockets, fd); /* libcurl's own, or one that was taken out before */
    }
    if (want == 0 && !watch->kept) {
        forget(sockets, fd); /* it may be closed already */
        return;
    }
    watch->want = want;
    watch->resting = watch->resting && want == 0;
    watch->owner = owner;
    watch->on_ready = on_ready;
    if (want)
        set_watched(watch, events_of(want));
    else if (watch->watched & UV_WRITABLE)
        set_watched(watch, UV_READABLE);
}

static bool denied_v4(uint32_t address, bool deny_private)
{
    if (address >> 16 == 0xa9fe) /* 169.254.0.0/16 */
        return true;
    return deny_private && (address >> 24 == 0 || address >> 24 == 10 || address >> 24 == 127 ||
                            address >> 20 == 0xac1 || address >> 16 == 0xc0a8 ||
                            address >> 22 == 0x191 /* 100.64.0.0/10 */ || address >> 28 >= 14);
}

static bool denied_v6(const struct in6_addr *address, bool deny_private)
{
    static const struct in6_addr cloud_metadata = { { { 0xfd, 0x00, 0x0e,
                                                        0xc2, [14] = 0x02, [15] = 0x54 } } };

    if (IN6_IS_ADDR_V4MAPPED(address)) {
        uint32_t inner;

        memcpy(&inner, address->s6_addr + 12, sizeof(inner));
        return denied_v4(ntohl(inner), deny_private);
    }
    if (IN6_IS_ADDR_LINKLOCAL(address) || IN6_ARE_ADDR_EQUAL(address, &cloud_metadata))
        return true;
    return deny_private && (IN6_IS_ADDR_LOOPBACK(address) || IN6_IS_ADDR_UNSPECIFIED(address) ||
                            (address->s6_addr[0] & 0xfe) == 0xfc);
}

bool fetch_address_denied(const struct sockaddr *address, bool deny_private)
{
    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)address;

        return denied_v4(ntohl(v4->sin_addr.s_addr), deny_private);
    }
    if (address->sa_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)address;

        return denied_v6(&v6->sin6_addr, deny_private);
    }
    return true;
}
