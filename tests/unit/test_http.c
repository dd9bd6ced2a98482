/* One client connection's HTTP over real sockets: the exchange's steps and facts, keep-alive, clocks,
 * pressure and the many ways to end. */
#include "base/limits.h"
#include "base/mem.h"
#include "net/http.h"
#include "net/http_serve.h"
#include "web.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#define GET                   "GET / HTTP/1.1\r\nHost: h\r\n\r\n"
#define POST                  "POST /p HTTP/1.1\r\nHost: h\r\n"
#define OK_ECHO(length, body) "HTTP/1.1 200 OK\r\nContent-Length: " length "\r\n\r\n" body
#define REFUSED(status, length, body)                                                          \
    "HTTP/1.1 " status "\r\nContent-Length: " length                                           \
    "\r\nConnection: close\r\nContent-Type: application/json\r\n\r\n" body

struct scene {
    struct web web;
    struct client client;
};

static int set_up(void **state)
{
    static struct scene scene;

    web_init(&scene.web);
    web_open(&scene.web);
    client_open(&scene.client, &scene.web);
    *state = &scene;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *scene = *state;

    client_close(&scene->client);
    web_done(&scene->web);
    return 0;
}

/* ---- requests and replies ---- */

static void test_a_request_is_answered_and_the_connection_kept(void **state)
{
    struct scene *scene = *state;

    client_say(&scene->client, GET);
    client_expect(&scene->client, OK_ECHO("6", "GET /\n"));
    client_say(&scene->client, POST "Content-Length: 3\r\n\r\nabc");
    client_expect(&scene->client, OK_ECHO("11", "POST /p\nabc"));
    assert_int_equal(listener_connections(scene->web.listener), 1);
}

static void test_a_request_may_come_byte_by_byte(void **state)
{
    static const char request[] = POST "Transfer-Encoding: chunked\r\n\r\n"
                                       "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nX-Trailer: z\r\n\r\n";
    struct scene *scene = *state;

    for (size_t i = 0; i < sizeof(request) - 1; i++) {
        client_send(&scene->client, span_make(request + i, 1));
        if (i % 7 == 0)
            web_turn(&scene->web);
    }
    client_expect(&scene->client, OK_ECHO("13", "POST /p\nabcde"));
}

static void test_pipelined_requests_are_served_one_after_the_other(void **state)
{
    struct scene *scene = *state;

    scene->web.echoes = false;
    client_say(&scene->client, "GET /1 HTTP/1.1\r\nHost: h\r\n\r\n"
                               "POST /2 HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nx" GET);
    assert_true(span_is(http_request(web_http(&scene->web))->path, "/1"));
    web_turn(&scene->web);
    assert_int_equal(scene->web.heads, 1);
    web_reply(&scene->web, "one");
    assert_true(span_is(http_request(web_http(&scene->web))->path, "/2"));
    assert_true(span_is(http_body(web_http(&scene->web)), "x"));
    web_reply(&scene->web, "two");
    (void)web_http(&scene->web);
    web_reply(&scene->web, "three");
    client_expect(&scene->client,
                  OK_ECHO("3", "one") OK_ECHO("3", "two") OK_ECHO("5", "three"));
}

static void test_what_is_read_ahead_has_a_bound(void **state)
{
    struct scene *scene = *state;
    struct buf flood;
    struct http *http;
    size_t sent = 0;
    size_t last;

    scene->web.echoes = false;
    buf_init(&flood, 8 * 1024 * 1024);
    while (buf_size(&flood) < 4 * 1024 * 1024)
        (void)buf_add_text(&flood, GET);
    do { /* until the server takes no more for some turns */
        last = sent;
        for (int turn = 0; turn < 20; turn++) {
            sent += client_push(&scene->client, span_skip(buf_span(&flood), sent));
            web_turn(&scene->web);
        }
    } while (sent != last && sent < buf_size(&flood));
    http = web_http(&scene->web);
    assert_true(buf_size(&http->ahead) >= LIMIT_PIPELINED_BYTES);
    assert_true(buf_size(&http->ahead) <= LIMIT_PIPELINED_BYTES + LIMIT_READ_BYTES);
    scene->web.echoes = true;
    web_reply(&scene->web, "");
    WEB_WAIT(&scene->web, scene->web.heads > 5000); /* and it goes on where it stopped */
    buf_done(&flood);
}

static void test_the_facts_of_a_request(void **state)
{
    struct scene *scene = *state;
    const struct http_request *request;

    scene->web.echoes = false;
    client_say(&scene->client, "PUT /a?b=c HTTP/1.1\r\nHost: h\r\nX-API-Key:  k \r\n"
                               "Content-Length: 5\r\n\r\n12");
    request = http_request(web_http(&scene->web));
    assert_int_equal(request->method, HTTP_PUT);
    assert_true(span_is(request->query, "b=c"));
    assert_true(span_is(http_header(request, "x-api-key"), "k"));
    assert_null(http_header(request, "x-api").at);
    assert_int_equal(request->content_length, 5);
    assert_true(request->has_body);
    assert_true(request->received_us > 0);
    assert_string_equal(request->peer, "127.0.0.1");
    assert_int_equal(http_body_state(web_http(&scene->web)), HTTP_BODY_COMING);
    client_say(&scene->client, "345");
    WEB_WAIT(&scene->web, http_body_state(web_http(&scene->web)) == HTTP_BODY_WHOLE);
    assert_true(span_is(http_body(web_http(&scene->web)), "12345"));
    web_reply(&scene->web, "");
}

static void test_an_unknown_length_is_sent_in_chunks(void **state)
{
    struct scene *scene = *state;
    struct http *http;

    scene->web.echoes = false;
    client_say(&scene->client, GET);
    http = web_http(&scene->web);
    http_reply(http, 200, SPAN_OF("X-Y: z\r\n"), HTTP_LENGTH_UNKNOWN);
    client_expect(&scene->client,
                  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-Y: z\r\n\r\n");
    http_write(http, SPAN_OF("hello"));
    http_write(http, SPAN_OF(""));
    http_write(http, SPAN_OF("0123456789abcdef0"));
    client_expect(&scene->client, "5\r\nhello\r\n11\r\n0123456789abcdef0\r\n");
    web_end(&scene->web, true);
    client_expect(&scene->client, "0\r\n\r\n");
    scene->web.echoes = true;
    client_say(&scene->client, GET);
    client_expect(&scene->client, OK_ECHO("6", "GET /\n"));
}

static void test_bytes_out_counts_head_and_framing(void **state)
{
    static const char text[] = "HTTP/1.1 200 OK\r\nDate: Sat, 21 Nov 2026 02:34:43 GMT\r\n"
                               "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n";
    struct scene *scene = *state;
    struct http *http;

    scene->web.echoes = false;
    client_say(&scene->client, GET);
    http = web_http(&scene->web);
    http_reply(http, 200, SPAN_OF(""), HTTP_LENGTH_UNKNOWN);
    http_write(http, SPAN_OF("x"));
    assert_int_equal(http_bytes_out(http), sizeof(text) - 1);
    web_end(&scene->web, true);
    client_say(&scene->client, GET);
    assert_int_equal(http_bytes_out(web_http(&scene->web)), 0);
    web_reply(&scene->web, "");
}

static void test_one_turn_is_one_write(void **state)
{
    struct scene *scene = *state;
    struct http *http;
    uint64_t sent;

    scene->web.echoes = false;
    client_say(&scene->client, GET);
    http = web_http(&scene->web);
    sent = conn_sent(&http->conn);
    http_reply(http, 200, SPAN_OF(""), HTTP_LENGTH_UNKNOWN);
    for (int i = 0; i < 100; i++)
        http_write(http, SPAN_OF("data: x\n\n"));
    assert_int_equal(conn_sent(&http->conn), sent); /* nothing left yet */
    web_turn(&scene->web);
    assert_int_equal(conn_sent(&http->conn), sent + http_bytes_out(http));
    assert_int_equal(http->conn.out.room, 0); /* and what it took is free again */
    web_end(&scene->web, true);
}

static void test_HEAD_and_204_have_no_body(void **state)
{
    struct scene *scene = *state;
    struct http *http;

    client_say(&scene->client, "HEAD /x HTTP/1.1\r\nHost: h\r\n\r\n");
    client_expect(&scene->client, "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n");
    scene->web.echoes = false;
    client_say(&scene->client, "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n");
    http = web_http(&scene->web);
    http_reply(http, 204, SPAN_OF("X: y\r\n"), 0);
    web_end(&scene->web, true);
    client_expect(&scene->client, "HTTP/1.1 204 No Content\r\nX: y\r\n\r\n");
    scene->web.echoes = true;
    client_say(&scene->client, GET);
    client_expect(&scene->client, OK_ECHO("6", "GET /\n"));
}

static void test_HTTP_1_0_is_answered_until_close(void **state)
{
    struct scene *scene = *state;
    struct http *http;

    scene->web.echoes = false;
    client_say(&scene->client, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    web_reply(&scene->web, "a");
    client_expect(&scene->client, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n"
                                  "Connection: keep-alive\r\n\r\na");
    client_say(&scene->client, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    http = web_http(&scene->web);
    http_reply(http, 200, SPAN_OF(""), HTTP_LENGTH_UNKNOWN);
    http_write(http, SPAN_OF("until the end"));
    web_end(&scene->web, true);
    client_expect(&scene->client, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nuntil the end");
    client_expect_end(&scene->client);
}

static void test_a_client_that_asks_for_it_is_closed(void **state)
{
    struct scene *scene = *state;

    client_say(&scene->client, "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    client_expect(&scene->client, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n"
                                  "Connection: close\r\n\r\nGET /\n");
    client_expect_end(&scene->client);
    WEB_WAIT(&scene->web, listener_connections(scene->web.listener) == 0);
}

static void test_a_large_body_arrives_and_a_large_reply_leaves(void **state)
{
    enum { SIZE = 3 * 1024 * 1024 };
    struct scene *scene = *state;
    struct buf body;
    char *bytes;

    buf_init(&body, SIZE);
    bytes = buf_reserve(&body, SIZE);
    for (size_t i = 0; i < SIZE; i++)
        bytes[i] = (char)('a' + i * 7 % 26);
    buf_commit(&body, SIZE);
    client_say(&scene->client, POST "Content-Length: 3145728\r\n\r\n");
    client_send(&scene->client, buf_span(&body));
    client_expect(&scene->client, OK_ECHO("3145736", "POST /p\n"));
    WEB_WAIT(&scene->web, buf_size(&scene->client.in) == SIZE);
    assert_memory_equal(buf_span(&scene->client.in).at, bytes, SIZE);
    buf_done(&body);
}

static void test_one_turn_reads_one_buffer_of_a_client(void **state)
{
    static char block[1024 * 1024];
    struct scene *scene = *state;
    struct http *http;

    scene->web.echoes = false;
    client_say(&scene->client, POST "Content-Length: 8388608\r\n\r\n");
    http = web_http(&scene->web);
    http_continue(http);
    while (http_body_state(http) == HTTP_BODY_COMING) {
        size_t before = http_body(http).size;
        size_t left = 8388608 - before;

        while (client_push(&scene->client, span_first(span_make(block, sizeof(block)), left)))
            ;
        web_turn(&scene->web);
        assert_true(http_body(http).size - before <= LIMIT_READ_BYTES);
    }
    web_end(&scene->web, false);
}

/* ---- Expect: 100-continue, fault 54 ---- */

static void test_100_continue_is_sent_when_the_owner_wants_the_body(void **state)
{
    struct scene *scene = *state;

    scene->web.echoes = false;
    client_say(&scene->client, POST "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n");
    assert_true(http_request(web_http(&scene->web))->expects_continue);
    http_continue(web_http(&scene->web));
    http_continue(web_http(&scene->web)); /* once is enough */
    client_expect(&scene->client, "HTTP/1.1 100 Continue\r\n\r\n");
    client_say(&scene->client, "abc");
    WEB_WAIT(&scene->web, http_body_state(web_http(&scene->web)) == HTTP_BODY_WHOLE);
    web_reply(&scene->web, "x");
    client_expect(&scene->client, OK_ECHO("1", "x"));
}

static void test_100_continue_is_not_sent_when_the_body_is_here(void **state)
{
    struct scene *scene = *state;

    scene->web.echoes = false;
    client_say(&scene->client, POST "Expect: 100-continue\r\nContent-Length: 3\r\n\r\nabc");
    http_continue(web_http(&scene->web));
    web_reply(&scene->web, "x");
    client_expect(&scene->client, OK_ECHO("1", "x"));
}

static void test_an_early_no_to_an_expectation_closes(void **state)
{
    struct scene *scene = *state;
    struct http *http;

    scene->web.echoes = false;
    client_say(&scene->client, POST "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n");
    http = web_http(&scene->web);
    http_reply(http, 401, SPAN_OF(""), 2);
    http_write(http, SPAN_OF("no"));
    web_end(&scene->web, true);
    client_expect(&scene->client, "HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n"
                                  "Connection: close\r\n\r\nno");
    client_expect_end(&scene->client);
}

/* ---- saying no ---- */

static void test_what_is_not_HTTP_is_told_so_and_closed(void **state)
{
    struct scene *scene = *state;

    client_say(&scene->client, "GET / HTTP/1.1\r\nHost: h\r\nX : y\r\n\r\n" GET);
    client_expect(&scene->client, REFUSED("400 Bad Request", "16", "400 bad_request\n"));
    client_expect_end(&scene->client);
    assert_int_equal(scene->web.heads, 0);
    assert_int_equal(scene->web.errors, 1);
}

static void test_a_refused_method_is_told_which_there_are(void **state)
{
    struct scene *scene = *state;

    client_say(&scene->client, "TRACE / HTTP/1.1\r\nHost: h\r\n\r\n");
    client_expect(&scene->client, "HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 23\r\n"
                                  "Connection: close\r\nContent-Type: application/json\r\n"
                                  "Allow: GET, HEAD, POST, PUT, DELETE, OPTIONS\r\n\r\n"
                                  "405 method_not_allowed\n");
    client_expect_end(&scene->client);
}

static void test_a_client_that_still_sends_gets_to_read_its_413(void **state)
{
    static char junk[256 * 1024];
    struct scene *scene = *state;
    struct http *http;

    scene->web.echoes = false;
    client_say(&scene->client, POST "Content-Length: 9000000\r\n\r\n");
    http = web_http(&scene->web);
    assert_int_equal(http_body_state(http), HTTP_BODY_TOO_LARGE); /* before any of it came */
    client_send(&scene->client, span_make(junk, sizeof(junk)));
    http_reply(http, 413, SPAN_OF(""), 0);
    web_end(&scene->web, true);
    for (int i = 0; i < 30; i++)
        client_send(&scene->client, span_make(junk, sizeof(junk)));
    client_expect(&scene->client, "HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n"
                                  "Connection: close\r\n\r\n");
    client_expect_end(&scene->client);
    assert_false(scene->client.reset);
    assert_int_equal(scene->web.heads, 1);
}

static void test_dropping_what_nobody_wants_has_an_end(void **state)
{
    static char junk[1024 * 1024];
    struct scene *scene = *state;
    size_t sent = 0;

    scene->web.echoes = false;
    client_say(&scene->client, "nonsense\r\n");
    client_expect(&scene->client, REFUSED("400 Bad Request", "16", "400 bad_request\n"));
    client_listen(&scene->client, false);
    while (listener_connections(scene->web.listener) > 0) {
        sent += client_push(&scene->client, span_make(junk, sizeof(junk)));
        web_turn(&scene->web);
    }
    assert_true(sent >= LIMIT_LINGER_BYTES);
    assert_true(sent < LIMIT_LINGER_BYTES + 8u * 1024 * 1024);
}

static void test_a_malformed_body_is_a_fact_of_the_exchange(void **state)
{
    struct scene *scene = *state;
    struct http *http;

    scene->web.echoes = false;
    client_say(&scene->client, POST "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nnonsense");
    http = web_http(&scene->web);
    WEB_WAIT(&scene->web, http_body_state(http) == HTTP_BODY_MALFORMED);
    http_reply(http, 400, SPAN_OF(""), 0);
    web_end(&scene->web, true);
    client_expect(&scene->client,
                  "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    client_expect_end(&scene->client);
}

/* ---- the client goes: faults 46-49 ---- */

static void test_a_client_that_closes_is_noticed_and_the_task_woken(void **state)
{
    struct scene *scene = *state;
    struct http *http;
    unsigned wakes;

    scene->web.echoes = false;
    client_say(&scene->client, GET);
    http = web_http(&scene->web);
    http_reply(http, 200, SPAN_OF(""), HTTP_LENGTH_UNKNOWN);
    client_expect(&scene->client, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    wakes = scene->web.exchange->wakes;
    client_close(&scene->client);
    WEB_WAIT(&scene->web, http_gone(http));
    WEB_WAIT(&scene->web, scene->web.exchange->wakes > wakes);
    for (int i = 0; i < 5;
         i++) /* the socket has long been closed; the exchange has not ended */
        http_write(http, SPAN_OF("into the void"));
    assert_true(span_is(http_request(http)->path, "/"));
    assert_int_equal(listener_connections(scene->web.listener), 1);
    web_end(&scene->web, true);
    WEB_WAIT(&scene->web, listener_connections(scene->web.listener) == 0);
}

static void test_a_client_that_resets_is_noticed(void **state)
{
    struct scene *scene = *state;

    scene->web.echoes = false;
    client_say(&scene->client, GET);
    (void)web_http(&scene->web);
    client_cut(&scene->client);
    WEB_WAIT(&scene->web, http_gone(web_http(&scene->web)));
    web_abort(&scene->web);
    WEB_WAIT(&scene->web, listener_connections(scene->web.listener) == 0);
}

static void test_a_client_that_closes_its_sending_side_has_gone(void **state)
{
    struct scene *scene = *state;

    scene->web.echoes = false;
    client_say(&scene->client, GET);
    (void)web_http(&scene->web);
    assert_int_equal(shutdown(scene->client.fd, SHUT_WR), 0);
    WEB_WAIT(&scene->web, http_gone(web_http(&scene->web)));
    web_end(&scene->web, false);
}

static void test_half_a_body_is_never_whole(void **state)
{
    struct scene *scene = *state;
    struct http *http;

    scene->web.echoes = false;
    client_say(&scene->client, POST "Content-Length: 3\r\n\r\nab");
    http = web_http(&scene->web);
    client_close(&scene->client);
    WEB_WAIT(&scene->web, http_gone(http));
    assert_int_equal(http_body_state(http), HTTP_BODY_COMING);
    web_end(&scene->web, false);
}

static void test_an_exchange_may_end_without_a_reply(void **state)
{
    struct scene *scene = *state;

    scene->web.echoes = false;
    client_say(&scene->client, GET);
    web_end(&scene->web, true);
    client_expect_end(&scene->client);
}

static void test_an_aborted_reply_has_no_last_chunk(void **state)
{
    struct scene *scene = *state;
    struct http *http;

    scene->web.echoes = false;
    client_say(&scene->client, GET);
    http = web_http(&scene->web);
    http_reply(http, 200, SPAN_OF(""), HTTP_LENGTH_UNKNOWN);
    http_write(http, SPAN_OF("half"));
    web_abort(&scene->web);
    client_expect(&scene->client, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                                  "4\r\nhalf\r\n");
    client_expect_end(&scene->client);
}

static void test_an_aborted_reply_until_close_is_reset(void **state)
{
    struct scene *scene = *state;
    struct http *http;

    scene->web.echoes = false;
    client_say(&scene->client, "GET / HTTP/1.0\r\n\r\n");
    http = web_http(&scene->web);
    http_reply(http, 200, SPAN_OF(""), HTTP_LENGTH_UNKNOWN);
    http_write(http, SPAN_OF("half"));
    client_expect(&scene->client, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhalf");
    web_abort(&scene->web);
    WEB_WAIT(&scene->web, scene->client.ended);
    assert_true(scene->client.reset); /* an end in order would look like the end of the body */
}

/* ---- pressure: fault 50 ---- */

/* Writes until the exchange is told to stop; returns how much that was. */
static size_t fill(struct web *web)
{
    static char block[16 * 1024];
    struct http *http = web_http(web);
    size_t size = 0;

    for (;;) {
        while (http_room(http) > 0) {
            http_write(http, span_make(block, sizeof(block)));
            size += sizeof(block);
        }
        web_turn(web); /* the flush makes room unless the client has stopped */
        if (http_room(http) == 0)
            return size;
    }
}

static void test_a_slow_reader_leaves_no_room_until_it_reads(void **state)
{
    struct scene *scene = *state;
    struct http *http;
    unsigned wakes;
    size_t size;

    scene->web.echoes = false;
    client_listen(&scene->client, false);
    client_say(&scene->client, GET);
    http = web_http(&scene->web);
    http_reply(http, 200, SPAN_OF(""), HTTP_LENGTH_UNKNOWN);
    size = fill(&scene->web);
    assert_true(conn_unsent(&http->conn) < 2 * LIMIT_CLIENT_OUT_BYTES);
    wakes = scene->web.exchange->wakes;
    client_listen(&scene->client, true);
    WEB_WAIT(&scene->web, scene->web.exchange->wakes > wakes);
    assert_true(http_room(http) > 0);
    web_end(&scene->web, true);
    WEB_WAIT(&scene->web, buf_size(&scene->client.in) > size);
}

static void test_room_that_comes_back_within_the_turn_wakes_too(void **state)
{
    static char block[LIMIT_CLIENT_OUT_BYTES];
    struct scene *scene = *state;
    struct http *http;
    unsigned wakes;

    scene->web.echoes = false;
    client_say(&scene->client, GET);
    http = web_http(&scene->web);
    http_reply(http, 200, SPAN_OF(""), HTTP_LENGTH_UNKNOWN);
    http_write(http, span_make(block, sizeof(block)));
    assert_int_equal(http_room(http), 0);
    wakes = scene->web.exchange->wakes;
    WEB_WAIT(&scene->web, scene->web.exchange->wakes > wakes);
    assert_true(http_room(http) > 0);
    web_end(&scene->web, true);
}

static void test_a_client_that_never_reads_is_cut(void **state)
{
    struct scene *scene = *state;
    struct http *http;

    scene->web.echoes = false;
    scene->web.config.write_ms = 30;
    client_listen(&scene->client, false);
    client_say(&scene->client, GET);
    http = web_http(&scene->web);
    http_reply(http, 200, SPAN_OF(""), HTTP_LENGTH_UNKNOWN);
    (void)fill(&scene->web);
    WEB_WAIT(&scene->web, http_gone(http));
    web_end(&scene->web, true);
}

static void test_a_client_that_never_reads_its_last_reply_is_cut(void **state)
{
    struct scene *scene = *state;
    struct http *http;

    scene->web.echoes = false;
    scene->web.config.write_ms = 30;
    client_listen(&scene->client, false);
    client_say(&scene->client, GET);
    http = web_http(&scene->web);
    http_reply(http, 200, SPAN_OF(""), HTTP_LENGTH_UNKNOWN);
    (void)fill(&scene->web);
    web_end(&scene->web, false);
    WEB_WAIT(&scene->web, listener_connections(scene->web.listener) == 0);
}

static void test_a_writer_that_ignores_the_room_is_cut_at_a_bound(void **state)
{
    static char block[1024 * 1024];
    struct scene *scene = *state;
    struct http *http;

    scene->web.echoes = false;
    client_listen(&scene->client, false);
    client_say(&scene->client, GET);
    http = web_http(&scene->web);
    http_reply(http, 200, SPAN_OF(""), HTTP_LENGTH_UNKNOWN);
    for (int i = 0; i < 40 && !http_gone(http); i++) {
        http_write(http, span_make(block, sizeof(block)));
        if (i % 4 == 0)
            web_turn(&scene->web);
    }
    WEB_WAIT(&scene->web, http_gone(http));
    web_end(&scene->web, true);
}

/* ---- clocks ---- */

static void test_a_slow_head_is_408(void **state)
{
    struct scene *scene = *state;

    scene->web.config.header_ms = 30;
    client_say(&scene->client,
               GET); /* the clock of a first request began with the connection */
    client_expect(&scene->client, OK_ECHO("6", "GET /\n"));
    client_say(&scene->client, "GET / HTTP/1.1\r\nHost");
    client_expect(&scene->client,
                  REFUSED("408 Request Timeout", "20", "408 request_timeout\n"));
    client_expect_end(&scene->client);
}

static void test_a_connection_without_a_request_is_closed_silently(void **state)
{
    struct scene *scene = *state;
    struct client late;

    scene->web.config.header_ms = 30;
    client_open(&late, &scene->web);
    client_expect_end(&late);
    client_close(&late);
}

static void test_a_kept_connection_is_closed_silently(void **state)
{
    struct scene *scene = *state;

    scene->web.config.keepalive_ms = 30;
    client_say(&scene->client, GET);
    client_expect(&scene->client, OK_ECHO("6", "GET /\n"));
    client_expect_end(&scene->client);
    assert_int_equal(scene->web.errors, 0);
}

static void test_a_slow_body_is_a_fact_of_the_exchange(void **state)
{
    struct scene *scene = *state;
    struct http *http;
    unsigned wakes;

    scene->web.echoes = false;
    scene->web.config.body_ms = 30;
    client_say(&scene->client, POST "Content-Length: 3\r\n\r\nab");
    http = web_http(&scene->web);
    http_continue(http);
    wakes = scene->web.exchange->wakes;
    WEB_WAIT(&scene->web, http_body_state(http) == HTTP_BODY_TOO_SLOW);
    WEB_WAIT(&scene->web, scene->web.exchange->wakes > wakes);
    http_reply(http, 408, SPAN_OF(""), 0);
    web_end(&scene->web, true);
    client_expect(&scene->client, "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n"
                                  "Connection: close\r\n\r\n");
    client_expect_end(&scene->client);
}

static void test_of_a_body_that_nobody_wants_yet_only_the_beginning_is_read(void **state)
{
    enum { BODY_BYTES = 4 * 1024 * 1024, TURNS = 200 };

    struct scene *scene = *state;
    struct span rest = { mem_zero(BODY_BYTES), BODY_BYTES };
    char *body = (char *)(uintptr_t)rest.at;
    struct http *http;

    scene->web.echoes = false;
    scene->web.config.body_ms = 30; /* no clock runs before it is wanted */
    client_say(&scene->client, POST "Content-Length: 4194304\r\n\r\n");
    http = web_http(&scene->web);
    for (int turn = 0; turn < TURNS; turn++) {
        rest = span_skip(rest, client_push(&scene->client, rest));
        web_turn(&scene->web);
    }
    assert_in_range(http_body(http).size, LIMIT_HELD_BODY_BYTES,
                    LIMIT_HELD_BODY_BYTES + LIMIT_READ_BYTES);
    assert_int_equal(http_body_state(http), HTTP_BODY_COMING);
    scene->web.config.body_ms = 10000;
    http_continue(http);
    while (rest.size) {
        rest = span_skip(rest, client_push(&scene->client, rest));
        web_turn(&scene->web);
    }
    WEB_WAIT(&scene->web, http_body_state(http) == HTTP_BODY_WHOLE);
    assert_int_equal(http_body(http).size, BODY_BYTES);
    mem_free(body);
    web_reply(&scene->web, "");
}

static void test_a_running_exchange_has_no_clock_of_http(void **state)
{
    struct scene *scene = *state;
    struct client other;

    scene->web.config.header_ms = 20;
    scene->web.config.body_ms = 20;
    scene->web.config.keepalive_ms = 20;
    scene->web.config.write_ms = 20;
    scene->web.echoes = false;
    client_say(&scene->client, GET);
    (void)web_http(&scene->web);
    for (int i = 0; i < 3; i++) { /* three times as long as any clock */
        client_open(&other, &scene->web);
        client_expect_end(&other);
        client_close(&other);
    }
    assert_false(http_gone(web_http(&scene->web)));
    web_reply(&scene->web, "late");
    client_expect(&scene->client, OK_ECHO("4", "late"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    static const struct CMUnitTest tests[] = {
        TEST(test_a_request_is_answered_and_the_connection_kept),
        TEST(test_a_request_may_come_byte_by_byte),
        TEST(test_pipelined_requests_are_served_one_after_the_other),
        TEST(test_what_is_read_ahead_has_a_bound),
        TEST(test_the_facts_of_a_request),
        TEST(test_an_unknown_length_is_sent_in_chunks),
        TEST(test_bytes_out_counts_head_and_framing),
        TEST(test_one_turn_is_one_write),
        TEST(test_HEAD_and_204_have_no_body),
        TEST(test_HTTP_1_0_is_answered_until_close),
        TEST(test_a_client_that_asks_for_it_is_closed),
        TEST(test_a_large_body_arrives_and_a_large_reply_leaves),
        TEST(test_one_turn_reads_one_buffer_of_a_client),
        TEST(test_100_continue_is_sent_when_the_owner_wants_the_body),
        TEST(test_100_continue_is_not_sent_when_the_body_is_here),
        TEST(test_an_early_no_to_an_expectation_closes),
        TEST(test_what_is_not_HTTP_is_told_so_and_closed),
        TEST(test_a_refused_method_is_told_which_there_are),
        TEST(test_a_client_that_still_sends_gets_to_read_its_413),
        TEST(test_dropping_what_nobody_wants_has_an_end),
        TEST(test_a_malformed_body_is_a_fact_of_the_exchange),
        TEST(test_a_client_that_closes_is_noticed_and_the_task_woken),
        TEST(test_a_client_that_resets_is_noticed),
        TEST(test_a_client_that_closes_its_sending_side_has_gone),
        TEST(test_half_a_body_is_never_whole),
        TEST(test_an_exchange_may_end_without_a_reply),
        TEST(test_an_aborted_reply_has_no_last_chunk),
        TEST(test_an_aborted_reply_until_close_is_reset),
        TEST(test_a_slow_reader_leaves_no_room_until_it_reads),
        TEST(test_room_that_comes_back_within_the_turn_wakes_too),
        TEST(test_a_client_that_never_reads_is_cut),
        TEST(test_a_client_that_never_reads_its_last_reply_is_cut),
        TEST(test_a_writer_that_ignores_the_room_is_cut_at_a_bound),
        TEST(test_a_slow_head_is_408),
        TEST(test_a_connection_without_a_request_is_closed_silently),
        TEST(test_a_kept_connection_is_closed_silently),
        TEST(test_a_slow_body_is_a_fact_of_the_exchange),
        TEST(test_of_a_body_that_nobody_wants_yet_only_the_beginning_is_read),
        TEST(test_a_running_exchange_has_no_clock_of_http),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
