/* Listening: addresses, accepting under limits, draining and closing. Fault 78. */
#include "base/limits.h"
#include "net/http_serve.h"
#include "net/listen.h"
#include "web.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define GET         "GET / HTTP/1.1\r\nHost: h\r\n\r\n"
#define ANSWER      "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nGET /\n"
#define LAST_ANSWER "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nGET /\n"
#define TOO_MANY                                                                               \
    "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 15\r\nConnection: close\r\n"          \
    "Content-Type: application/json\r\n\r\n503 overloaded\n"

static int set_up(void **state)
{
    static struct web web;

    web_init(&web);
    *state = &web;
    return 0;
}

static int tear_down(void **state)
{
    web_done(*state);
    return 0;
}

static void expect_served(struct client *client)
{
    client_say(client, GET);
    client_expect(client, ANSWER);
}

/* ---- addresses ---- */

/* Opens at `address`, or makes sure that it fails with that sentence. */
static void expect_error(struct web *web, const char *address, const char *sentence)
{
    struct listener_config config = web->listening;
    char error[256];

    config.address = span_from(address);
    assert_null(listener_open(web->loop, &config, error));
    assert_string_equal(error, sentence);
}

static void test_what_is_no_address_is_said(void **state)
{
    static const char *const wrong[] = {
        "",
        "8080",
        ":8080",
        "127.0.0.1",
        "127.0.0.1:",
        "127.0.0.1:x",
        "127.0.0.1:-1",
        "127.0.0.1:65536",
        "127.0.0:80",
        "::1:80",
        "[::1:80",
        "[]:80",
        "[127.0.0.1]:80",
        "example.com:80",
        "127.0.0.1 :80",
        "1111111111111111111111111111111111111111111111111111111111:80",
    };
    struct web *web = *state;

    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        char sentence[256];

        (void)snprintf(sentence, sizeof(sentence),
                       "%s: not an address; wanted IPV4:PORT, [IPV6]:PORT or localhost:PORT",
                       wrong[i]);
        expect_error(web, wrong[i], sentence);
    }
    web_open(web);
}

static void test_why_an_address_cannot_be_had_is_said(void **state)
{
    struct web *web = *state;
    char address[64];
    char sentence[128];

    web_open(web);
    (void)snprintf(address, sizeof(address), "127.0.0.1:%u", listener_port(web->listener));
    (void)snprintf(sentence, sizeof(sentence), "%s: address already in use", address);
    expect_error(web, address, sentence);
    expect_error(web, "203.0.113.1:80", "203.0.113.1:80: cannot assign requested address");
}

static void test_localhost_is_loopback(void **state)
{
    struct web *web = *state;
    struct client client;

    web->listening.address = SPAN_OF("localhost:0");
    web_open(web);
    assert_true(listener_port(web->listener) > 0);
    client_open(&client, web);
    expect_served(&client);
    client_close(&client);
}

static void test_an_IPv4_client_of_an_IPv6_socket_is_named_by_its_IPv4_address(void **state)
{
    struct web *web = *state;
    struct client client;

    web->listening.address = SPAN_OF("[::]:0");
    web_open(web);
    web->echoes = false;
    client_open(&client, web);
    client_say(&client, GET);
    assert_string_equal(http_request(web_http(web))->peer, "127.0.0.1");
    web_reply(web, "");
    client_close(&client);
}

static void test_two_listeners_may_share_a_port(void **state)
{
    struct web *web = *state;
    struct listener *other;
    char address[64];
    char error[256];

    web->listening.reuse_port = true;
    web_open(web);
    (void)snprintf(address, sizeof(address), "127.0.0.1:%u", listener_port(web->listener));
    web->listening.address = span_from(address);
    other = listener_open(web->loop, &web->listening, error);
    assert_non_null(other);
    assert_int_equal(listener_port(other), listener_port(web->listener));
    listener_close(other);
}

static void test_accepted_sockets_inherit_their_options(void **state)
{
    struct web *web = *state;
    struct client client;
    socklen_t size = sizeof(int);
    int value = 0;
    int fd;

    web_open(web);
    web->echoes = false;
    client_open(&client, web);
    client_say(&client, GET);
    assert_int_equal(uv_fileno((uv_handle_t *)&web_http(web)->conn.tcp, &fd), 0);
    assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &value, &size), 0);
    assert_int_equal(value, 1);
    assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &value, &size), 0);
    assert_int_equal(value, 1);
    assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &value, &size), 0);
    assert_true(value <= 2 * LIMIT_CLIENT_SEND_BYTES);
    web_reply(web, "");
    client_close(&client);
}

/* ---- accepting under limits ---- */

static void test_more_clients_than_one_turn_accepts_are_served(void **state)
{
    enum { CLIENTS = LIMIT_ACCEPTS_PER_TURN + 20 };
    static struct client clients[CLIENTS];
    struct web *web = *state;

    web_open(web);
    for (int i = 0; i < CLIENTS; i++)
        client_open(&clients[i], web);
    web_turn(web);
    assert_int_equal(listener_connections(web->listener), LIMIT_ACCEPTS_PER_TURN);
    for (int i = 0; i < CLIENTS; i++)
        expect_served(&clients[i]);
    for (int i = 0; i < CLIENTS; i++)
        client_close(&clients[i]);
}

static void test_connections_beyond_the_maximum_are_told_503(void **state)
{
    struct web *web = *state;
    struct client first;
    struct client second;

    web->listening.connections_max = 1;
    web_open(web);
    client_open(&first, web);
    expect_served(&first);
    client_open(&second, web);
    client_say(&second, GET);
    client_expect(&second, TOO_MANY);
    client_expect_end(&second);
    assert_false(second.reset);
    client_close(&second);
    assert_int_equal(web->heads, 1);
    expect_served(&first);
    client_close(&first);
    WEB_WAIT(web, listener_connections(web->listener) == 0);
    client_open(&first, web);
    expect_served(&first);
    client_close(&first);
}

static void test_no_maximum_is_none(void **state)
{
    struct web *web = *state;
    struct client client;

    web->listening.connections_max = 0;
    web_open(web);
    client_open(&client, web);
    expect_served(&client);
    client_close(&client);
}

static void test_far_beyond_the_maximum_nothing_is_said(void **state)
{
    enum { CLIENTS = 1 + LIMIT_REFUSALS };
    static struct client clients[CLIENTS];
    struct web *web = *state;
    struct client last;

    web->listening.connections_max = 1;
    web_open(web);
    for (int i = 0; i < CLIENTS; i++)
        client_open(&clients[i], web);
    WEB_WAIT(web, listener_connections(web->listener) == CLIENTS);
    client_open(&last, web);
    client_expect_end(&last);
    client_close(&last);
    for (int i = 0; i < CLIENTS; i++)
        client_close(&clients[i]);
}

/* The lowest number that the next descriptor would get. */
static int next_fd(void)
{
    int fd = dup(0);

    (void)close(fd);
    return fd;
}

static void test_without_descriptors_accepting_pauses_and_recovers(void **state)
{
    struct web *web = *state;
    struct rlimit before;
    struct rlimit none;
    struct client client;
    uint64_t start_ms;
    int turns = 0;

    web_open(web);
    web_turn(web);
    client_open(&client, web);
    client_say(&client, GET);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = before;
    none.rlim_cur = (rlim_t)next_fd();
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    start_ms = loop_now_ms(web->loop);
    while (loop_now_ms(web->loop) - start_ms < 200) {
        (void)uv_run(uv_handle_get_loop((uv_handle_t *)&web->guard), UV_RUN_ONCE);
        turns++;
    }
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_true(turns < 50); /* it did not spin */
    assert_int_equal(listener_connections(web->listener), 0);
    client_expect(&client, ANSWER);
    client_close(&client);
}

/* ---- changing, draining, closing ---- */

static void test_a_new_configuration_holds_for_the_next_request(void **state)
{
    struct web *web = *state;
    struct http_config small = web->config;
    struct client client;

    small.body_bytes_max = 2;
    web_open(web);
    client_open(&client, web);
    web->echoes = false;
    client_say(&client, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\n");
    (void)web_http(web);
    listener_set_http(web->listener, &small, 100);
    client_say(&client, "abc");
    WEB_WAIT(web, http_body_state(web_http(web)) == HTTP_BODY_WHOLE);
    web_reply(web, "");
    client_expect(&client, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    client_say(&client, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\n");
    assert_int_equal(http_body_state(web_http(web)), HTTP_BODY_TOO_LARGE);
    web_end(web, false);
    client_close(&client);
    listener_close(web->listener); /* before `small` goes */
    WEB_WAIT(web, listener_connections(web->listener) == 0);
    web_open(web);
}

static void test_draining_closes_the_idle_and_finishes_the_rest(void **state)
{
    struct web *web = *state;
    struct client idle;
    struct client busy;

    web_open(web);
    client_open(&idle, web);
    expect_served(&idle);
    client_open(&busy, web);
    web->echoes = false;
    client_say(&busy, GET);
    (void)web_http(web);
    listener_drain(web->listener);
    listener_drain(web->listener); /* twice is once */
    client_expect_end(&idle);
    WEB_WAIT(web, listener_connections(web->listener) == 1);
    web_reply(web, "GET /\n");
    client_expect(&busy, LAST_ANSWER);
    client_expect_end(&busy);
    client_close(&idle);
    client_close(&busy);
}

static void test_who_asked_before_the_drain_is_answered(void **state)
{
    struct web *web = *state;
    struct client waiting;
    struct client idle;

    web_open(web);
    client_open(&idle, web);
    expect_served(&idle);
    client_open(&waiting, web); /* in the backlog, with its request */
    client_say(&waiting, GET);
    client_say(&idle, GET);
    listener_drain(web->listener);
    client_expect(&waiting, LAST_ANSWER);
    client_expect_end(&waiting);
    client_expect(&idle, LAST_ANSWER);
    client_expect_end(&idle);
    client_close(&waiting);
    client_close(&idle);
}

static void test_a_drained_port_is_free(void **state)
{
    struct web *web = *state;
    struct listener *other;
    char address[64];
    char error[256];

    web_open(web);
    (void)snprintf(address, sizeof(address), "127.0.0.1:%u", listener_port(web->listener));
    listener_drain(web->listener);
    web->listening.address = span_from(address);
    other = listener_open(web->loop, &web->listening, error);
    assert_non_null(other);
    listener_close(other);
}

static void test_closing_tells_the_exchanges(void **state)
{
    struct web *web = *state;
    struct client client;

    web_open(web);
    web->echoes = false;
    client_open(&client, web);
    client_say(&client, GET);
    (void)web_http(web);
    listener_close(web->listener);
    assert_true(http_gone(web_http(web)));
    client_expect_end(&client);
    client_close(&client);
    web_end(web, false);
    web_open(web);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    static const struct CMUnitTest tests[] = {
        TEST(test_what_is_no_address_is_said),
        TEST(test_why_an_address_cannot_be_had_is_said),
        TEST(test_localhost_is_loopback),
        TEST(test_an_IPv4_client_of_an_IPv6_socket_is_named_by_its_IPv4_address),
        TEST(test_two_listeners_may_share_a_port),
        TEST(test_accepted_sockets_inherit_their_options),
        TEST(test_more_clients_than_one_turn_accepts_are_served),
        TEST(test_connections_beyond_the_maximum_are_told_503),
        TEST(test_no_maximum_is_none),
        TEST(test_far_beyond_the_maximum_nothing_is_said),
        TEST(test_without_descriptors_accepting_pauses_and_recovers),
        TEST(test_a_new_configuration_holds_for_the_next_request),
        TEST(test_draining_closes_the_idle_and_finishes_the_rest),
        TEST(test_who_asked_before_the_drain_is_answered),
        TEST(test_a_drained_port_is_free),
        TEST(test_closing_tells_the_exchanges),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
