#include "web.h"

#include "base/limits.h"
#include "base/mem.h"
#include "net/loop_uv.h"
#include "net/tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum {
    GUARD_MS = 10000,
    CLIENT_BYTES_MAX = 256 * 1024 * 1024,
    DATE_BYTES = sizeof("Date: Sat, 21 Nov 2026 02:34:43 GMT\r\n") - 1,
};

/* ---- the server's exchanges ---- */

static void forget(struct web_exchange *exchange)
{
    task_done(&exchange->task);
    if (exchange->web->exchange == exchange)
        exchange->web->exchange = NULL;
    mem_free(exchange);
}

/* "POST /path?query" and the body. */
static void write_echo(struct http *http, struct buf *ret)
{
    static const char *const methods[] = { "GET",    "HEAD",    "POST", "PUT",
                                           "DELETE", "OPTIONS", "OTHER" };
    const struct http_request *request = http_request(http);

    (void)buf_printf(ret, "%s %.*s", methods[request->method], SPAN_ARG(request->path));
    if (request->query.size)
        (void)buf_printf(ret, "?%.*s", SPAN_ARG(request->query));
    (void)buf_add_byte(ret, '\n');
    (void)buf_add(ret, http_body(http));
}

static void echo(struct web_exchange *exchange)
{
    struct http *http = exchange->http;
    struct buf body;

    if (!http_gone(http) && http_body_state(http) == HTTP_BODY_COMING) {
        if (!http_request(http)->expects_continue) /* that is for a test to say */
            http_continue(http);
        return;
    }
    buf_init(&body, CLIENT_BYTES_MAX);
    if (!http_gone(http)) {
        write_echo(http, &body);
        http_reply(http, 200, SPAN_OF(""), (int64_t)buf_size(&body));
        http_write(http, buf_span(&body));
    }
    buf_done(&body);
    http_end(http, true);
    forget(exchange);
}

static void run_exchange(struct task *task)
{
    struct web_exchange *exchange = LIST_OWNER(task, struct web_exchange, task);

    exchange->wakes++;
    if (exchange->web->echoes)
        echo(exchange);
}

static struct task *on_head(void *context, struct http *http)
{
    struct web *web = context;
    struct web_exchange *exchange = mem_zero(sizeof(*exchange));

    exchange->web = web;
    exchange->http = http;
    task_init(&exchange->task, web->loop, run_exchange);
    web->exchange = exchange;
    web->heads++;
    return &exchange->task;
}

static void write_error(void *context, const char *peer, unsigned status, const char *code,
                        const char *message, struct buf *ret_body)
{
    struct web *web = context;

    assert_string_equal(peer, "127.0.0.1");
    assert_true(strlen(message) > 0);
    (void)buf_printf(ret_body, "%u %s\n", status, code);
    web->errors++;
}

/* ---- life ---- */

static void on_guard(uv_timer_t *timer)
{
    struct web *web = timer->data;

    web->late = true;
}

void web_init(struct web *web)
{
    *web = (struct web){ .loop = loop_new(), .echoes = true };
    web->config = (struct http_config){
        .header_bytes_max = LIMIT_HEADER_BYTES,
        .body_bytes_max = 8 * 1024 * 1024,
        .header_ms = GUARD_MS,
        .body_ms = GUARD_MS,
        .write_ms = GUARD_MS,
        .keepalive_ms = GUARD_MS,
        .on_head = on_head,
        .write_error = write_error,
        .context = web,
    };
    web->listening = (struct listener_config){
        .address = SPAN("127.0.0.1:0"),
        .http = &web->config,
        .connections_max = 100,
    };
    (void)uv_timer_init(loop_uv(web->loop), &web->guard);
    web->guard.data = web;
    (void)uv_timer_start(&web->guard, on_guard, GUARD_MS, GUARD_MS);
}

void web_open(struct web *web)
{
    char error[256];

    web->listener = listener_open(web->loop, &web->listening, error);
    if (web->listener == NULL)
        fail_msg("%s", error);
}

void web_done(struct web *web)
{
    listener_close(web->listener);
    if (web->exchange)
        web_end(web, false);
    uv_close((uv_handle_t *)&web->guard, NULL);
    loop_free(web->loop); /* asserts that no handle is left */
}

void web_turn(struct web *web)
{
    if (web->late)
        fail_msg("waited for ten seconds");
    (void)uv_run(loop_uv(web->loop),
                 UV_RUN_NOWAIT); /* what is waited for may be so before poll() */
}

struct http *web_http(struct web *web)
{
    WEB_WAIT(web, web->exchange);
    return web->exchange->http;
}

void web_end(struct web *web, bool keep)
{
    http_end(web_http(web), keep);
    forget(web->exchange);
}

void web_abort(struct web *web)
{
    http_abort(web_http(web));
    forget(web->exchange);
}

void web_reply(struct web *web, const char *body)
{
    struct http *http = web_http(web);

    http_reply(http, 200, SPAN_OF(""), (int64_t)strlen(body));
    http_write(http, span_from(body));
    web_end(web, true);
}

/* ---- clients ---- */

static void note_end(struct client *client, bool reset)
{
    client->ended = true;
    client->reset = reset;
    (void)uv_poll_stop(&client->poll);
}

/* To the last byte: after an error, libuv does not call again. */
static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct client *client = poll->data;
    char bytes[64 * 1024];
    ssize_t size;

    (void)status;
    (void)events;
    while ((size = recv(client->fd, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0)
        (void)buf_append(&client->in, bytes, (size_t)size);
    if (size == 0 || errno != EAGAIN)
        note_end(client, size < 0);
}

void client_listen(struct client *client, bool on)
{
    if (on)
        (void)uv_poll_start(&client->poll, UV_READABLE, on_readable);
    else
        (void)uv_poll_stop(&client->poll);
}

void client_open(struct client *client, struct web *web)
{
    struct sockaddr_in to = {
        .sin_family = AF_INET,
        .sin_port = htons(listener_port(web->listener)),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };

    *client = (struct client){ .web = web };
    buf_init(&client->in, CLIENT_BYTES_MAX);
    client->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(client->fd, (struct sockaddr *)&to, sizeof(to)), 0);
    assert_int_equal(uv_poll_init(loop_uv(web->loop), &client->poll, client->fd), 0);
    client->poll.data = client;
    client_listen(client, true);
}

static void on_client_closed(uv_handle_t *handle)
{
    struct client *client = handle->data;

    client->fd = -1;
}

void client_close(struct client *client)
{
    if (client->fd < 0)
        return;
    uv_close((uv_handle_t *)&client->poll, on_client_closed);
    (void)close(client->fd);
    buf_done(&client->in);
    WEB_WAIT(client->web, client->fd < 0);
}

void client_cut(struct client *client)
{
    struct linger now = { .l_onoff = 1 };

    (void)setsockopt(client->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    client_close(client);
}

size_t client_push(struct client *client, struct span bytes)
{
    ssize_t size = send(client->fd, bytes.at, bytes.size, MSG_DONTWAIT | MSG_NOSIGNAL);

    if (size < 0 && errno != EAGAIN)
        note_end(client, true);
    return size > 0 ? (size_t)size : 0;
}

void client_send(struct client *client, struct span bytes)
{
    while (bytes.size && !client->ended) {
        bytes = span_skip(bytes, client_push(client, bytes));
        if (bytes.size)
            web_turn(client->web);
    }
}

void client_say(struct client *client, const char *text)
{
    client_send(client, span_from(text));
}

/* The next `size` bytes without Date lines, consumed; what there is when fewer have come. */
static bool take_dateless(struct client *client, size_t size, struct buf *ret)
{
    struct span rest = buf_span(&client->in);
    size_t before = rest.size;

    while (rest.size && buf_size(ret) < size) {
        if (span_starts(rest, "Date: ")) {
            if (rest.size < DATE_BYTES)
                return false;
            assert_true(span_ends(span_first(rest, DATE_BYTES), " GMT\r\n"));
            rest = span_skip(rest, DATE_BYTES);
        } else {
            (void)buf_add(ret, span_first(rest, 1));
            rest = span_skip(rest, 1);
        }
    }
    if (buf_size(ret) < size)
        return false;
    buf_consume(&client->in, before - rest.size);
    return true;
}

void client_expect(struct client *client, const char *text)
{
    struct buf got;

    buf_init(&got, CLIENT_BYTES_MAX);
    while (!take_dateless(client, strlen(text), &got)) {
        if (client->ended)
            fail_msg("the end after \"%s\"", buf_text(&got));
        buf_reset(&got);
        web_turn(client->web);
    }
    assert_string_equal(buf_text(&got), text);
    buf_done(&got);
}

void client_expect_end(struct client *client)
{
    WEB_WAIT(client->web, client->ended);
    assert_string_equal(buf_text(&client->in), "");
}
