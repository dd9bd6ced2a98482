/* A request's body that its exchange takes as it comes, over real sockets: what waits, and for whom. */
#include "base/limits.h"
#include "base/mem.h"
#include "net/http.h"
#include "net/loop.h"
#include "web.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define POST "POST /p HTTP/1.1\r\nHost: h\r\n"

enum { BODY_BYTES = 4 * 1024 * 1024, TURNS = 200, SILENCE_MS = 800, MANY = 8 };

struct scene {
    struct web web;
    struct client client;
};

static int set_up(void **state)
{
    static struct scene scene;

    web_init(&scene.web);
    web_open(&scene.web);
    scene.web.echoes = false;
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

/* Bytes 0 to 250, over and over. */
static char *make_body(size_t size)
{
    char *body = mem_alloc(size);

    for (size_t i = 0; i < size; i++)
        body[i] = (char)(i % 251);
    return body;
}

static struct http *begin(struct scene *scene, const char *head)
{
    struct http *http;

    client_say(&scene->client, head);
    http = web_http(&scene->web);
    http_stream_body(http);
    return http;
}

static void test_a_body_is_taken_as_it_comes(void **state)
{
    struct scene *scene = *state;
    struct http *http = begin(scene, POST "Content-Length: 4194304\r\n\r\n");
    char *body = make_body(BODY_BYTES);
    struct span rest = { body, BODY_BYTES };
    size_t taken = 0;

    while (taken < BODY_BYTES) {
        struct span part;

        rest = span_skip(rest, client_push(&scene->client, rest));
        web_turn(&scene->web);
        part = http_body(http);
        assert_in_range(part.size, 0, LIMIT_HELD_BODY_BYTES + LIMIT_READ_BYTES);
        assert_true(span_equal(part, span_make(body + taken, part.size)));
        taken += part.size;
        if (part.size)
            http_consume(http, part.size);
    }
    assert_int_equal(http_body_state(http), HTTP_BODY_WHOLE);
    mem_free(body);
    web_reply(&scene->web, "ok");
    client_expect(&scene->client, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    client_say(&scene->client, POST "Content-Length: 1\r\n\r\nx"); /* not streamed */
    WEB_WAIT(&scene->web, http_body_state(web_http(&scene->web)) == HTTP_BODY_WHOLE);
    web_reply(&scene->web, "");
}

static void test_what_is_not_taken_makes_the_client_wait(void **state)
{
    struct scene *scene = *state;
    struct http *http;
    char *body = make_body(BODY_BYTES);
    struct span rest = { body, BODY_BYTES };

    scene->web.config.body_ms = 30; /* and it is not its fault */
    http = begin(scene, POST "Content-Length: 8388608\r\n\r\n");
    for (int turn = 0; turn < TURNS || http_body(http).size < LIMIT_HELD_BODY_BYTES; turn++) {
        rest = span_skip(rest, client_push(&scene->client, rest));
        web_turn(&scene->web);
    }
    assert_in_range(http_body(http).size, LIMIT_HELD_BODY_BYTES,
                    LIMIT_HELD_BODY_BYTES + LIMIT_READ_BYTES);
    assert_int_equal(http_body_state(http), HTTP_BODY_COMING);
    while (http_body_state(http) == HTTP_BODY_COMING) { /* until it has no more: now it is */
        if (http_body(http).size)
            http_consume(http, http_body(http).size);
        rest = span_skip(rest, client_push(&scene->client, rest));
        web_turn(&scene->web);
    }
    assert_int_equal(http_body_state(http), HTTP_BODY_TOO_SLOW);
    assert_int_equal(rest.size, 0);
    mem_free(body);
    web_end(&scene->web, false);
}

/* Whoever is beside them waits for a turn of the loop, so there is little of each in one. */
static void test_large_bodies_share_a_turn(void **state)
{
    struct scene *scene = *state;
    struct web *web = &scene->web;
    struct client clients[MANY];
    struct web_exchange *each[MANY];
    char *body = make_body(BODY_BYTES);
    size_t before = SIZE_MAX;

    for (unsigned i = 0; i < MANY; i++) {
        client_open(&clients[i], web);
        client_say(&clients[i], POST "Content-Length: 4194304\r\n\r\n");
        WEB_WAIT(web, web->heads == i + 1);
        each[i] = web->exchange;
        http_continue(each[i]->http);
        (void)client_push(&clients[i], span_make(body, BODY_BYTES));
    }
    for (int turn = 0; turn < TURNS; turn++) {
        size_t come = 0;

        web_turn(web);
        for (int i = 0; i < MANY; i++)
            come += http_body(each[i]->http).size;
        if (before != SIZE_MAX)
            assert_in_range(come - before, 0, LIMIT_PIECES_PER_TURN * LIMIT_READ_BYTES);
        before = come;
    }
    for (int i = 0; i < MANY; i++) {
        assert_in_range(http_body(each[i]->http).size, LIMIT_READ_BYTES, BODY_BYTES);
        web->exchange = each[i];
        web_end(web, false);
        client_close(&clients[i]);
    }
    mem_free(body);
}

static void test_its_clock_is_that_of_each_silence(void **state)
{
    struct scene *scene = *state;
    struct http *http;
    uint64_t begun_ms;

    scene->web.config.body_ms = SILENCE_MS;
    http = begin(scene, POST "Content-Length: 4194304\r\n\r\n");
    begun_ms = loop_now_ms(scene->web.loop);
    for (uint64_t said_ms = 0;
         said_ms < 2 * SILENCE_MS;) { /* twice as long, but never silent */
        client_say(&scene->client, "x");
        said_ms = loop_now_ms(scene->web.loop) - begun_ms;
        WEB_WAIT(&scene->web,
                 loop_now_ms(scene->web.loop) - begun_ms >= said_ms + SILENCE_MS / 20);
        assert_int_equal(http_body_state(http), HTTP_BODY_COMING);
    }
    WEB_WAIT(&scene->web, http_body_state(http) == HTTP_BODY_TOO_SLOW);
    web_end(&scene->web, false);
}

static void test_the_limit_counts_what_was_taken(void **state)
{
    struct scene *scene = *state;
    struct http *http;

    scene->web.config.body_bytes_max = 10;
    http = begin(scene, POST "Transfer-Encoding: chunked\r\n\r\n");
    client_say(&scene->client, "6\r\nabcdef\r\n");
    WEB_WAIT(&scene->web, http_body(http).size == 6);
    http_consume(http, 6);
    client_say(&scene->client, "4\r\nghij\r\n");
    WEB_WAIT(&scene->web, http_body(http).size == 4);
    http_consume(http, 4);
    client_say(&scene->client, "1\r\n");
    WEB_WAIT(&scene->web, http_body_state(http) == HTTP_BODY_TOO_LARGE);
    web_end(&scene->web, false);
}

static void test_a_client_that_waits_is_told_to_go_on(void **state)
{
    struct scene *scene = *state;

    (void)begin(scene, POST "Content-Length: 1\r\nExpect: 100-continue\r\n\r\n");
    client_expect(&scene->client, "HTTP/1.1 100 Continue\r\n\r\n");
    client_say(&scene->client, "x");
    WEB_WAIT(&scene->web, http_body(web_http(&scene->web)).size == 1);
    http_consume(web_http(&scene->web), 1);
    web_reply(&scene->web, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_body_is_taken_as_it_comes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_is_not_taken_makes_the_client_wait, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_large_bodies_share_a_turn, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_its_clock_is_that_of_each_silence, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_the_limit_counts_what_was_taken, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a_client_that_waits_is_told_to_go_on, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests_name("net/http, streamed", tests, NULL, NULL);
}
