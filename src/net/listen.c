#include "net/listen.h"

#include "base/limits.h"
#include "base/mem.h"
#include "net/http_serve.h"
#include "net/loop.h"
#include "net/loop_uv.h"
#include "net/tls.h"

#include <arpa/inet.h>
#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    BACKLOG = 1024,
    ERROR_BYTES = 256,
    FULL_PAUSE_MS = 50, /* without file descriptors: then look again */
    ALIVE_IDLE_S = 30,
    ALIVE_INTERVAL_S = 10,
    ALIVE_PROBES = 3,
};

/* Accepts by itself instead of by uv_listen(), which takes the whole backlog at once and, without
 * file descriptors, closes it. */
struct listener {
    struct http_front front;
    struct tls *tls;
    size_t connections_max;
    uv_poll_t poll;
    int fd; /* -1: accepts no more */
    uint16_t port;
    struct task task; /* accepts again after a pause */
    unsigned holds;   /* the poll handle and the front: what still has to end */
    struct job poll_closed;
};

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

/* ---- addresses ---- */

static bool parse_host(struct span host, union address *ret)
{
    char text[INET6_ADDRSTRLEN];

    if (span_is_nocase(host, "localhost"))
        host = SPAN_OF("127.0.0.1");
    if (host.size >= sizeof(text))
        return false;
    (void)snprintf(text, sizeof(text), "%.*s", SPAN_ARG(host));
    ret->v4.sin_family = AF_INET;
    if (inet_pton(AF_INET, text, &ret->v4.sin_addr) == 1)
        return true;
    if (host.size < 2 || text[0] != '[' || text[host.size - 1] != ']')
        return false;
    text[host.size - 1] = 0;
    ret->v6 = (struct sockaddr_in6){ .sin6_family = AF_INET6 };
    return inet_pton(AF_INET6, text + 1, &ret->v6.sin6_addr) == 1;
}

/* "HOST:PORT"; the host an IPv4 address, an IPv6 address in brackets, or localhost. */
static bool parse_address(struct span text, union address *ret)
{
    struct span host = text;
    uint64_t port;

    while (host.size && host.at[host.size - 1] != ':')
        host.size--;
    if (host.size == 0 || !span_u64(span_skip(text, host.size), &port) || port > UINT16_MAX)
        return false;
    host.size--;
    *ret = (union address){ 0 };
    if (!parse_host(host, ret))
        return false;
    if (ret->any.sa_family == AF_INET6)
        ret->v6.sin6_port = htons((uint16_t)port);
    else
        ret->v4.sin_port = htons((uint16_t)port);
    return true;
}

static socklen_t address_size(const union address *address)
{
    return address->any.sa_family == AF_INET6 ? sizeof(address->v6) : sizeof(address->v4);
}

static uint16_t bound_port(int fd)
{
    union address address = { 0 };
    socklen_t size = sizeof(address);

    if (getsockname(fd, &address.any, &size) != 0)
        return 0;
    return ntohs(address.any.sa_family == AF_INET6 ? address.v6.sin6_port
                                                   : address.v4.sin_port);
}

/* "127.0.0.1"; an IPv4 client of an IPv6 socket is named as what it is. */
static void peer_text(const union address *address, char text[INET6_ADDRSTRLEN])
{
    const struct in6_addr *v6 = &address->v6.sin6_addr;
    const char *done;

    if (address->any.sa_family == AF_INET)
        done = inet_ntop(AF_INET, &address->v4.sin_addr, text, INET6_ADDRSTRLEN);
    else if (IN6_IS_ADDR_V4MAPPED(v6))
        done = inet_ntop(AF_INET, v6->s6_addr + 12, text, INET6_ADDRSTRLEN);
    else
        done = inet_ntop(AF_INET6, v6, text, INET6_ADDRSTRLEN);
    assert(done != NULL);
}

/* ---- accepting ---- */

static void on_readable(uv_poll_t *poll, int status, int events);

static void pause_accepting(struct listener *listener)
{
    (void)uv_poll_stop(&listener->poll);
    task_alarm(&listener->task, loop_now_ms(listener->front.hub.loop) + FULL_PAUSE_MS);
}

static void resume_accepting(struct task *task)
{
    struct listener *listener = LIST_OWNER(task, struct listener, task);

    if (listener->fd >= 0)
        (void)uv_poll_start(&listener->poll, UV_READABLE, on_readable);
}

static void welcome(struct listener *listener, int fd, const union address *address)
{
    size_t connections = listener->front.connection_count;
    size_t max = listener->connections_max ? listener->connections_max : SIZE_MAX / 2;
    char peer[INET6_ADDRSTRLEN];
    struct http *http;

    if (connections >= max + LIMIT_REFUSALS) {
        (void)close(fd); /* those who are told are too many already */
        return;
    }
    peer_text(address, peer);
    http = http_open(&listener->front, fd, listener->tls, peer);
    if (connections >= max)
        http_turn_away(http);
}

/* Returns false when there is nobody to accept, or no descriptor to do it with. */
static bool accept_one(struct listener *listener)
{
    union address address = { 0 };
    socklen_t size = sizeof(address);
    int fd = accept4(listener->fd, &address.any, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd >= 0) {
        welcome(listener, fd, &address);
        return true;
    }
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
        pause_accepting(listener);
    return errno == ECONNABORTED || errno == EINTR;
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct listener *listener = poll->data;

    (void)status; /* accept4() says what is wrong */
    (void)events;
    for (int i = 0; i < LIMIT_ACCEPTS_PER_TURN; i++)
        if (!accept_one(listener))
            return;
}

/* ---- opening ---- */

static void set_option(int fd, int level, int name, int value)
{
    (void)setsockopt(fd, level, name, &value, sizeof(value));
}

/* Accepted sockets inherit these, which saves four calls for each. */
static void set_inherited(int fd)
{
    set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    set_option(fd, SOL_SOCKET, SO_SNDBUF, LIMIT_CLIENT_SEND_BYTES);
    set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, ALIVE_IDLE_S);
    set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, ALIVE_INTERVAL_S);
    set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, ALIVE_PROBES);
}

/* A listening socket, or -1 with errno. */
static int open_socket(const union address *address, bool reuse_port)
{
    int fd = socket(address->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int error;

    if (fd < 0)
        return -1;
    set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (reuse_port)
        set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    if (address->any.sa_family == AF_INET6)
        set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0); /* [::] is everything, as elsewhere */
    set_inherited(fd);
    if (bind(fd, &address->any, address_size(address)) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    error = errno;
    (void)close(fd);
    errno = error;
    return -1;
}

static void explain(struct span address, char *ret_error)
{
    char reason[96];

    (void)snprintf(reason, sizeof(reason), "%s", strerror(errno));
    reason[0] = (char)tolower((unsigned char)reason[0]);
    (void)snprintf(ret_error, ERROR_BYTES, "%.*s: %s", SPAN_ARG(span_first(address, 100)),
                   reason);
}

static void run_poll_closed(struct job *job);
static void run_emptied(struct job *job);

struct listener *listener_open(struct loop *loop, const struct listener_config *config,
                               char *ret_error)
{
    struct listener *listener;
    union address address;
    int fd;

    if (!parse_address(config->address, &address)) {
        (void)snprintf(ret_error, ERROR_BYTES,
                       "%.*s: not an address; wanted IPV4:PORT, [IPV6]:PORT or localhost:PORT",
                       SPAN_ARG(span_first(config->address, 100)));
        return NULL;
    }
    fd = open_socket(&address, config->reuse_port);
    if (fd < 0) {
        explain(config->address, ret_error);
        return NULL;
    }
    (void)signal(SIGPIPE,
                 SIG_IGN); /* a client that has gone is found out by write()'s answer */
    listener = mem_zero(sizeof(*listener));
    listener->fd = fd;
    listener->port = bound_port(fd);
    listener->holds = 2;
    listener->tls = config->tls ? tls_ref(config->tls) : NULL;
    listener->connections_max = config->connections_max;
    listener->poll_closed.run = run_poll_closed;
    http_front_init(&listener->front, loop, config->http);
    listener->front.emptied.run = run_emptied;
    task_init(&listener->task, loop, resume_accepting);
    (void)uv_poll_init(loop_uv(loop), &listener->poll, fd);
    listener->poll.data = listener;
    (void)uv_poll_start(&listener->poll, UV_READABLE, on_readable);
    return listener;
}

/* ---- in use ---- */

uint16_t listener_port(const struct listener *listener)
{
    return listener->port;
}

size_t listener_connections(const struct listener *listener)
{
    return listener->front.connection_count;
}

void listener_set_tls(struct listener *listener, struct tls *tls)
{
    struct tls *old = listener->tls;

    listener->tls = tls ? tls_ref(tls) : NULL;
    tls_unref(old);
}

void listener_set_http(struct listener *listener, const struct http_config *http,
                       size_t connections_max)
{
    listener->front.config = http;
    listener->connections_max = connections_max;
}

/* ---- closing ---- */

static void release(struct listener *listener)
{
    assert(listener->holds > 0);
    if (--listener->holds > 0)
        return;
    task_done(&listener->task);
    http_front_done(&listener->front);
    tls_unref(listener->tls);
    mem_free(listener);
}

static void run_emptied(struct job *job)
{
    release(LIST_OWNER(job, struct listener, front.emptied));
}

static void run_poll_closed(struct job *job)
{
    release(LIST_OWNER(job, struct listener, poll_closed));
}

static void on_poll_closed(uv_handle_t *handle)
{
    struct listener *listener = handle->data;

    loop_later(listener->front.hub.loop, LOOP_REAP, &listener->poll_closed);
}

static void stop_accepting(struct listener *listener)
{
    if (listener->fd < 0)
        return;
    uv_close((uv_handle_t *)&listener->poll, on_poll_closed);
    (void)close(listener->fd);
    listener->fd = -1;
}

void listener_drain(struct listener *listener)
{
    /* Who is in the backlog has connected: to close now would reset them. */
    for (int i = 0; i < BACKLOG && listener->fd >= 0; i++)
        if (!accept_one(listener))
            break;
    stop_accepting(listener);
    http_front_drain(&listener->front);
}

void listener_close(struct listener *listener)
{
    stop_accepting(listener);
    http_front_close(&listener->front);
}
