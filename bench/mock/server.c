#include "server.h"

#include "mock.h"
#include "play.h"

#include <arpa/inet.h>
#include <assert.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LISTEN_BACKLOG = 4096 };

/* Ten thousand streams need ten thousand descriptors. */
static void raise_limits(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit))
        return;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

static void on_connection(uv_stream_t *listener, int status)
{
    if (status == 0)
        conn_accept(listener->data);
}

static void on_turn(uv_prepare_t *turn)
{
    struct mock *mock = turn->data;

    if (!mock->journal.changed)
        return;
    mock->journal.changed = false;
    for (struct list *link = mock->waiters.next; link != &mock->waiters; link = link->next)
        play_look_again(LIST_OWNER(link, struct conn, waiter));
}

static void close_handle(uv_handle_t *handle, void *unused)
{
    (void)unused;
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

void server_stop(struct mock *mock)
{
    while (!list_empty(&mock->conns))
        conn_close(LIST_OWNER(mock->conns.next, struct conn, link), false);
    uv_walk(&mock->loop, close_handle, NULL);
}

static void on_stop(uv_signal_t *stop, int number)
{
    (void)number;
    server_stop(stop->data);
}

void server_init(struct mock *mock)
{
    static const int numbers[] = { SIGTERM, SIGINT };

    raise_limits();
    (void)signal(SIGPIPE, SIG_IGN);
    list_init(&mock->conns);
    list_init(&mock->waiters);
    journal_init(&mock->journal);
    bills_init(&mock->bills);
    buf_init(&mock->out, SIZE_MAX / 2);
    uv_loop_init(&mock->loop);
    dues_init(&mock->dues, &mock->loop);
    uv_timer_init(&mock->loop, &mock->reopen);
    mock->reopen.data = mock;
    uv_prepare_init(&mock->loop, &mock->turn);
    mock->turn.data = mock;
    uv_prepare_start(&mock->turn, on_turn);
    for (size_t i = 0; i < 2; i++) {
        uv_signal_init(&mock->loop, &mock->stops[i]);
        mock->stops[i].data = mock;
        uv_signal_start(&mock->stops[i], on_stop, numbers[i]);
    }
}

bool server_listen(struct mock *mock, uint16_t *ret_port)
{
    struct sockaddr *address = (struct sockaddr *)&mock->address;
    int size = sizeof(mock->address);

    assert(!mock->listening);
    uv_tcp_init(&mock->loop, &mock->listener);
    mock->listener.data = mock;
    if (uv_tcp_bind(&mock->listener, address, 0) ||
        uv_listen((uv_stream_t *)&mock->listener, LISTEN_BACKLOG, on_connection) ||
        uv_tcp_getsockname(&mock->listener, address, &size)) {
        uv_close((uv_handle_t *)&mock->listener, NULL);
        return false;
    }
    mock->listening = true;
    *ret_port = ntohs(mock->address.ss_family == AF_INET6
                          ? ((struct sockaddr_in6 *)&mock->address)->sin6_port
                          : ((struct sockaddr_in *)&mock->address)->sin_port);
    return true;
}

void server_run(struct mock *mock)
{
    int err;

    uv_run(&mock->loop, UV_RUN_DEFAULT);
    err = uv_loop_close(&mock->loop);
    assert(err == 0);
    for (size_t i = 0; i < BLACKHOLE_SOCKETS; i++)
        if (mock->blackhole[i] > 0)
            (void)close(mock->blackhole[i]);
    dues_done(&mock->dues);
    journal_done(&mock->journal);
    bills_done(&mock->bills);
    buf_done(&mock->out);
}

static void on_reopen(uv_timer_t *timer)
{
    server_accept(timer->data);
}

static void on_refused(uv_handle_t *listener)
{
    struct mock *mock = listener->data;

    mock->listening = false;
    if (mock->accept_wanted)
        server_accept(mock);
}

void server_refuse(struct mock *mock, uint64_t after_ms)
{
    mock->accept_wanted = false;
    if (mock->listening && !uv_is_closing((uv_handle_t *)&mock->listener))
        uv_close((uv_handle_t *)&mock->listener, on_refused);
    if (after_ms)
        uv_timer_start(&mock->reopen, on_reopen, after_ms, 0);
}

void server_accept(struct mock *mock)
{
    uint16_t port;

    mock->accept_wanted = true; /* should the listener still be closing */
    uv_timer_stop(&mock->reopen);
    if (!mock->listening)
        (void)server_listen(mock, &port);
}

uint16_t server_blackhole(struct mock *mock)
{
    struct sockaddr_in address = { .sin_family = AF_INET };
    socklen_t size = sizeof(address);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (size_t i = 0; i < BLACKHOLE_SOCKETS && !mock->blackhole_port; i++)
        mock->blackhole[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (mock->blackhole_port)
        return mock->blackhole_port;
    if (bind(mock->blackhole[0], (struct sockaddr *)&address, size) ||
        listen(mock->blackhole[0], 0) ||
        getsockname(mock->blackhole[0], (struct sockaddr *)&address, &size))
        return 0;
    for (size_t i = 1; i < BLACKHOLE_SOCKETS; i++)
        (void)connect(mock->blackhole[i], (struct sockaddr *)&address, size);
    mock->blackhole_port = ntohs(address.sin_port);
    return mock->blackhole_port;
}
