/* Calls by the direct engine, over real sockets: the other end is played here, on the same thread. */
#include "net/fetch.h"

#include "base/buf.h"
#include "base/mem.h"
#include "net/loop.h"

#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum {
    TURNS_MAX = 200000,
    SEEN_MAX = 1024 * 1024,
    LARGE = 4 * 1024 * 1024,
    MANY = 100,
    LIVES = 50,
    PIECES = 12,
    KEPT = 16
};

#define HELLO "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

struct stage {
    struct loop *loop;
    struct fetch_pool *pool;
    struct fetch_origin *origin;
    struct task task;
    unsigned wakes;
    int listener;
};

static void run(struct task *task)
{
    LIST_OWNER(task, struct stage, task)->wakes++;
}

static struct stage *stage_open(const char *user)
{
    struct stage *stage = mem_zero(sizeof(*stage));
    struct sockaddr_in at = { .sin_family = AF_INET };
    struct fetch_origin_config config = { .engine = FETCH_ENGINE_DIRECT };
    socklen_t size = sizeof(at);
    char url[64];

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    stage->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(stage->listener, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(listen(stage->listener, 16), 0);
    assert_int_equal(getsockname(stage->listener, (struct sockaddr *)&at, &size), 0);
    (void)snprintf(url, sizeof(url), "http://%s127.0.0.1:%u/v1", user, ntohs(at.sin_port));
    config.url = url;
    stage->loop = loop_new();
    stage->pool = fetch_pool_new(stage->loop);
    stage->origin = fetch_origin_new(&config);
    task_init(&stage->task, stage->loop, run);
    return stage;
}

static void stage_close(struct stage *stage)
{
    (void)close(stage->listener);
    fetch_pool_free(stage->pool);
    fetch_origin_free(stage->origin);
    task_done(&stage->task);
    loop_free(stage->loop);
    mem_free(stage);
}

static struct fetch *ask(struct stage *stage, const struct span *body)
{
    struct fetch_request request = {
        .origin = stage->origin, .get = body == NULL, .body = body, .body_count = body != NULL
    };

    return fetch_start(stage->pool, &request, &stage->task);
}

/* ---- the other end ---- */

static char seen[SEEN_MAX + 1]; /* the last that it heard */

/* Runs the loop until somebody connects. */
static int accept_one(struct stage *stage)
{
    for (int turn = 0; turn < TURNS_MAX; turn++) {
        int fd = accept4(stage->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd >= 0)
            return fd;
        loop_settle(stage->loop);
    }
    fail_msg("nobody connects");
    return -1;
}

/* Runs the loop until `size` bytes have come, or the end. Returns how many. */
static size_t hear(struct stage *stage, int fd, size_t size)
{
    size_t heard = 0;

    for (int turn = 0; turn < TURNS_MAX && heard < size; turn++) {
        ssize_t part = recv(fd, seen, SEEN_MAX, 0);

        if (part == 0 || (part < 0 && errno != EAGAIN))
            return heard;
        heard += part > 0 ? (size_t)part : 0;
        if (part < 0)
            loop_settle(stage->loop);
    }
    assert_true(heard >= size);
    return heard;
}

static void hear_end(struct stage *stage, int fd)
{
    (void)hear(stage, fd, SIZE_MAX);
    (void)close(fd);
}

static void say(int fd, const char *text)
{
    size_t size = strlen(text);

    assert_int_equal(send(fd, text, size, MSG_NOSIGNAL), (ssize_t)size);
}

static void until(struct stage *stage, const struct fetch *fetch, enum fetch_phase phase)
{
    for (int turn = 0; turn < TURNS_MAX && fetch_phase(fetch) != phase; turn++)
        loop_settle(stage->loop);
    assert_int_equal(fetch_phase(fetch), phase);
}

static void answered(struct stage *stage, struct fetch *fetch, int fd)
{
    (void)hear(stage, fd, 1);
    say(fd, HELLO);
    until(stage, fetch, FETCH_DONE);
    assert_true(span_is(fetch_bytes(fetch), "hello"));
    fetch_close(fetch);
}

/* ---- tests ---- */

static void test_a_connection_is_used_again_the_last_one_first(void **state)
{
    struct stage *stage = stage_open("");
    struct fetch *first = ask(stage, NULL);
    int a = accept_one(stage);
    struct fetch *second = ask(stage, NULL);
    int b = accept_one(stage);

    (void)state;
    answered(stage, first, a);
    answered(stage, second, b);
    for (int i = 0; i < 3; i++) {
        struct fetch *third = ask(stage, NULL);

        assert_int_equal(fetch_phase(third), FETCH_WAIT);
        assert_true(fetch_connected_us(third) > 0);
        answered(stage, third, b);
    }
    first = ask(stage, NULL);
    second = ask(stage, NULL);
    answered(stage, first, b);
    answered(stage, second, a);
    stage_close(stage);
    (void)close(a);
    (void)close(b);
}

/* Fault 44. */
/* Asks over MANY connections at once, and gives their ends. */
static void ask_all(struct stage *stage, int *ret_fds)
{
    struct fetch *fetches[MANY];

    for (int i = 0; i < MANY; i++) {
        fetches[i] = ask(stage, NULL);
        ret_fds[i] = accept_one(stage);
    }
    for (int i = 0; i < MANY; i++)
        answered(stage, fetches[i], ret_fds[i]);
}

static unsigned count_closed(struct stage *stage, const int *fds)
{
    unsigned closed = 0;
    char byte;

    loop_settle(stage->loop);
    for (int i = 0; i < MANY; i++)
        closed += recv(fds[i], &byte, 1, MSG_PEEK) == 0;
    return closed;
}

static void test_what_a_peak_leaves_is_tidied_up(void **state)
{
    struct stage *stage = stage_open("");
    struct fetch *fetch;
    int fds[MANY];

    (void)state;
    ask_all(stage, fds);
    assert_false(fetch_pool_tidy(stage->pool, 60 * 1000)); /* no connection is that old */
    assert_int_equal(count_closed(stage, fds), 0);
    assert_true(fetch_pool_tidy(stage->pool, 0)); /* not all in one go */
    assert_in_range(count_closed(stage, fds), 1, MANY - KEPT - 1);
    while (fetch_pool_tidy(stage->pool, 0))
        ; /* the rest */
    assert_int_equal(count_closed(stage, fds), MANY - KEPT);
    fetch = ask(stage, NULL);
    assert_int_equal(fetch_phase(fetch), FETCH_WAIT); /* over one that was kept */
    answered(stage, fetch, fds[MANY - 1]);
    for (int i = 0; i < MANY; i++)
        (void)close(fds[i]);
    loop_settle(stage->loop);
    ask_all(stage, fds); /* all is made anew */
    for (int i = 0; i < MANY; i++)
        (void)close(fds[i]);
    stage_close(stage);
}

static void test_a_kept_connection_that_turns_readable_is_closed(void **state)
{
    static const char *const words[] = { HELLO, "x", NULL };

    (void)state;
    for (int i = 0; i < 3; i++) {
        struct stage *stage = stage_open("");
        struct fetch *fetch = ask(stage, NULL);
        int fd = accept_one(stage);

        answered(stage, fetch, fd);
        if (words[i])
            say(fd, words[i]);
        else
            (void)shutdown(fd, SHUT_WR);
        hear_end(stage, fd);
        fetch = ask(stage, NULL);
        fd = accept_one(stage);
        answered(stage, fetch, fd);
        (void)close(fd);
        stage_close(stage);
    }
}

/* Fault 17. */
static void test_a_connection_with_more_than_the_answer_is_not_kept(void **state)
{
    struct stage *stage = stage_open("");
    struct fetch *fetch = ask(stage, NULL);
    int fd = accept_one(stage);

    (void)state;
    (void)hear(stage, fd, 1);
    say(fd, HELLO HELLO);
    until(stage, fetch, FETCH_DONE);
    assert_true(span_is(fetch_bytes(fetch), "hello"));
    hear_end(stage, fd);
    fetch_close(fetch);
    stage_close(stage);
}

/* Fault 8. */
static void test_only_a_kept_connection_without_an_answer_is_stale(void **state)
{
    struct stage *stage = stage_open("");
    struct fetch *fetch = ask(stage, NULL);
    int fd = accept_one(stage);

    (void)state;
    answered(stage, fetch, fd);
    fetch = ask(stage, NULL); /* before anything is heard of the end */
    (void)hear(stage, fd, 1);
    (void)close(fd);
    until(stage, fetch, FETCH_FAILED);
    assert_int_equal(fetch_failure(fetch), FETCH_RESET);
    assert_true(fetch_was_stale(fetch));
    fetch_close(fetch);

    fetch = ask(stage, NULL);
    fd = accept_one(stage);
    (void)hear(stage, fd, 1);
    (void)close(fd);
    until(stage, fetch, FETCH_FAILED);
    assert_false(fetch_was_stale(fetch));
    fetch_close(fetch);
    stage_close(stage);
}

static void test_what_nobody_takes_is_not_read(void **state)
{
    static char part[64 * 1024];
    struct stage *stage = stage_open("");
    struct fetch *fetch = ask(stage, NULL);
    int fd = accept_one(stage);
    size_t said = 0;
    size_t taken = 0;

    (void)state;
    (void)hear(stage, fd, 1);
    say(fd, "HTTP/1.1 200 OK\r\n\r\n");
    until(stage, fetch, FETCH_BODY);
    for (ssize_t size = 1; size > 0; said += size > 0 ? (size_t)size : 0) {
        size = send(fd, part, sizeof(part), MSG_NOSIGNAL);
        loop_settle(stage->loop);
        assert_true(fetch_bytes(fetch).size <= 64 * 1024);
    }
    assert_int_equal(fetch_bytes(fetch).size, 64 * 1024);
    fetch_widen(fetch, 128 * 1024);
    loop_settle(stage->loop);
    assert_int_equal(fetch_bytes(fetch).size, 128 * 1024);
    (void)close(fd);
    while (taken < said) {
        size_t size = fetch_bytes(fetch).size;

        taken += size < 100 * 1000 ? size : 100 * 1000;
        fetch_consume(fetch, size < 100 * 1000 ? size : 100 * 1000);
        loop_settle(stage->loop);
    }
    until(stage, fetch, FETCH_DONE);
    assert_int_equal(fetch_received(fetch), said);
    assert_int_equal(fetch_bytes(fetch).size, 0);
    fetch_close(fetch);
    stage_close(stage);
}

/* However epoll is asked to tell: of each small piece once, of much as long as it is there. */
static void test_nothing_that_comes_is_overlooked(void **state)
{
    static const size_t sizes[] = { 1, 200, 16 * 1024, 60 * 1024, 3, 100 * 1024 };
    static char piece[100 * 1024];
    size_t count = sizeof(sizes) / sizeof(sizes[0]);
    struct stage *stage = stage_open("");
    unsigned dice = 1;

    (void)state;
    for (int life = 0; life < LIVES; life++) {
        struct fetch *fetch = ask(stage, NULL);
        int fd = accept_one(stage);
        size_t said = 0;

        (void)hear(stage, fd, 1);
        say(fd, "HTTP/1.1 200 OK\r\n\r\n");
        for (int i = 0; i < PIECES; i++) {
            ssize_t size;

            dice = dice * 1103515245u + 12345u;
            size = send(fd, piece, sizes[(dice >> 16) % count], MSG_NOSIGNAL);
            said += size > 0 ? (size_t)size : 0;
            if (i + 1 < PIECES && dice >> 24 & 1)
                loop_settle(stage->loop);
            if (dice >> 25 & 1)
                fetch_consume(fetch, fetch_bytes(fetch).size);
        }
        (void)close(fd); /* the last piece and the end come together */
        for (int turn = 0; turn < TURNS_MAX && fetch_phase(fetch) != FETCH_DONE; turn++) {
            fetch_consume(fetch, fetch_bytes(fetch).size);
            loop_settle(stage->loop);
        }
        assert_int_equal(fetch_phase(fetch), FETCH_DONE);
        assert_int_equal(fetch_received(fetch), said);
        fetch_close(fetch);
    }
    stage_close(stage);
}

static void test_a_large_body_goes_as_fast_as_it_is_read(void **state)
{
    struct stage *stage = stage_open("");
    char *bytes = mem_zero(LARGE);
    struct span body = span_make(bytes, LARGE);
    struct fetch *fetch = ask(stage, &body);
    int fd = accept_one(stage);

    (void)state;
    until(stage, fetch, FETCH_WAIT);
    loop_settle(stage->loop);
    assert_false(fetch_forget(fetch));
    (void)hear(stage, fd, LARGE);
    loop_settle(stage->loop);
    assert_true(fetch_forget(fetch));
    say(fd, HELLO);
    until(stage, fetch, FETCH_DONE);
    fetch_close(fetch);
    fetch = ask(stage, NULL);
    assert_int_equal(fetch_phase(fetch), FETCH_WAIT); /* it was kept */
    answered(stage, fetch, fd);
    (void)close(fd);
    mem_free(bytes);
    stage_close(stage);
}

/* Fault 43. */
static void test_an_early_answer_ends_the_call(void **state)
{
    struct stage *stage = stage_open("");
    char *bytes = mem_zero(LARGE);
    struct span body = span_make(bytes, LARGE);
    struct fetch *fetch = ask(stage, &body);
    int fd = accept_one(stage);

    (void)state;
    (void)hear(stage, fd, 1);
    say(fd, "HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n");
    until(stage, fetch, FETCH_DONE);
    assert_int_equal(fetch_status(fetch), 413);
    assert_true(fetch_forget(fetch)); /* nobody reads the body any more */
    hear_end(stage, fd);
    fetch_close(fetch);
    stage_close(stage);
    mem_free(bytes);
}

/* Fault 47. */
static void test_to_close_is_to_cancel(void **state)
{
    struct stage *stage = stage_open("");
    struct fetch *fetch = ask(stage, NULL);
    int fd = accept_one(stage);

    (void)state;
    fetch_close(fetch); /* while it connects */
    hear_end(stage, fd);
    fetch = ask(stage, NULL);
    fd = accept_one(stage);
    (void)hear(stage, fd, 1);
    fetch_close(fetch); /* while it waits */
    hear_end(stage, fd);
    fetch = ask(stage, NULL);
    fd = accept_one(stage);
    (void)hear(stage, fd, 1);
    say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel");
    until(stage, fetch, FETCH_BODY);
    fetch_close(fetch); /* in the body */
    hear_end(stage, fd);
    stage_close(stage);
}

/* It does not know what to make of a name and a password in a URL. */
static void test_what_the_direct_engine_cannot_do_libcurl_does(void **state)
{
    struct stage *stage = stage_open("user:secret@");
    struct fetch *fetch = ask(stage, NULL);
    int fd = accept_one(stage);

    (void)state;
    (void)hear(stage, fd, 1);
    assert_non_null(strstr(seen, "Authorization: Basic dXNlcjpzZWNyZXQ=\r\n"));
    say(fd, HELLO);
    until(stage, fetch, FETCH_DONE);
    fetch_close(fetch);
    (void)close(fd);
    stage_close(stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_connection_is_used_again_the_last_one_first),
        cmocka_unit_test(test_what_a_peak_leaves_is_tidied_up),
        cmocka_unit_test(test_a_kept_connection_that_turns_readable_is_closed),
        cmocka_unit_test(test_a_connection_with_more_than_the_answer_is_not_kept),
        cmocka_unit_test(test_only_a_kept_connection_without_an_answer_is_stale),
        cmocka_unit_test(test_what_nobody_takes_is_not_read),
        cmocka_unit_test(test_nothing_that_comes_is_overlooked),
        cmocka_unit_test(test_a_large_body_goes_as_fast_as_it_is_read),
        cmocka_unit_test(test_an_early_answer_ends_the_call),
        cmocka_unit_test(test_to_close_is_to_cancel),
        cmocka_unit_test(test_what_the_direct_engine_cannot_do_libcurl_does),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
