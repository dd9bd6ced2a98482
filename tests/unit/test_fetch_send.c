#include "net/fetch_send.h"
#include "net/fetch_supply.h"

#include "base/buf.h"
#include "base/limits.h"
#include "base/span.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { PIECES = 4, ROOM = 4096 };

static const struct span body[] = { SPAN(""),  SPAN("{\"a\":"), SPAN(""),
                                    SPAN("1"), SPAN("}"),       SPAN("") };

static struct fetch_origin *origin_of(const char *url)
{
    struct fetch_origin_config config = { .url = url };
    struct fetch_origin *origin = fetch_origin_new(&config);

    assert_non_null(origin);
    return origin;
}

static void check_head(const char *url, const char *path, bool get, const char *expected)
{
    struct fetch_request request = { .origin = origin_of(url), .path = path, .get = get };
    struct buf head;

    request.headers = SPAN_OF("A: b\r\nC:\r\n");
    request.body = body;
    request.body_count = sizeof(body) / sizeof(*body);
    buf_init(&head, ROOM);
    fetch_send_head(&request, &head);
    assert_string_equal(buf_text(&head), expected);
    buf_done(&head);
    fetch_origin_free(request.origin);
}

static void test_a_head_is_written_as_it_goes_out(void **state)
{
    (void)state;
    check_head("http://127.0.0.1:8000/v1/chat?a=b#c", NULL, false,
               "POST /v1/chat?a=b HTTP/1.1\r\nHost: 127.0.0.1:8000\r\nA: b\r\nC:\r\n"
               "Content-Length: 7\r\n\r\n");
    check_head("https://api.example/v1/", NULL, true,
               "GET /v1/ HTTP/1.1\r\nHost: api.example\r\nA: b\r\nC:\r\n\r\n");
    check_head("http://[::1]:80", NULL, true,
               "GET / HTTP/1.1\r\nHost: [::1]\r\nA: b\r\nC:\r\n\r\n");
    check_head("http://a.example", "/m:say?alt=sse", true,
               "GET /m:say?alt=sse HTTP/1.1\r\nHost: a.example\r\nA: b\r\nC:\r\n\r\n");
    check_head("http://a.example/v1?k=v", "/m:say", true,
               "GET /v1/m:say?k=v HTTP/1.1\r\nHost: a.example\r\nA: b\r\nC:\r\n\r\n");
}

/* Writes everything with at most `most` bytes at a time, through `room` pieces. */
static void check_writes(size_t most, size_t room)
{
    struct fetch_request request = { .body = body, .body_count = sizeof(body) / sizeof(*body) };
    struct fetch_send send;
    struct buf out;
    struct iovec pieces[PIECES];
    char head[] = "HEAD ";
    size_t count;

    buf_init(&out, ROOM);
    fetch_send_begin(&send, span_from(head), &request, NULL);
    assert_false(fetch_send_is_whole(&send));
    while ((count = fetch_send_next(&send, pieces, room)) > 0) {
        size_t left = most;
        size_t taken = 0;

        assert_true(count <= room);
        for (size_t i = 0; i < count && left; i++) {
            size_t part = pieces[i].iov_len < left ? pieces[i].iov_len : left;

            assert_true(part > 0);
            (void)buf_append(&out, pieces[i].iov_base, part);
            left -= part;
            taken += part;
        }
        fetch_send_taken(&send, taken);
        fetch_send_keep(&send);
        memset(head, 'x', sizeof(head) - 1); /* it was only lent */
    }
    assert_true(fetch_send_is_whole(&send));
    assert_string_equal(buf_text(&out), "HEAD {\"a\":1}");
    buf_done(&out);
    fetch_send_done(&send);
}

static void test_every_way_of_writing_writes_the_same(void **state)
{
    (void)state;
    for (size_t most = 1; most <= 13; most++)
        for (size_t room = 1; room <= PIECES; room++)
            check_writes(most, room);
}

static void test_a_write_is_never_long(void **state)
{
    static char bytes[LIMIT_SEND_BYTES];
    struct span large[] = { span_make(bytes, 1), span_make(bytes, sizeof(bytes)),
                            span_make(bytes, sizeof(bytes)) };
    struct fetch_request request = { .body = large, .body_count = 3 };
    size_t expected = 4 + 1 + 2 * sizeof(bytes);
    struct iovec pieces[PIECES];
    struct fetch_send send;
    size_t count;

    (void)state;
    fetch_send_begin(&send, SPAN_OF("HEAD"), &request, NULL);
    while ((count = fetch_send_next(&send, pieces, PIECES)) > 0) {
        size_t size = 0;

        for (size_t i = 0; i < count; i++)
            size += pieces[i].iov_len;
        assert_int_equal(size, expected < LIMIT_SEND_BYTES ? expected : LIMIT_SEND_BYTES);
        fetch_send_taken(&send, size);
        expected -= size;
    }
    assert_int_equal(expected, 0);
    assert_true(fetch_send_is_whole(&send));
    fetch_send_done(&send);
}

static void test_a_get_has_no_body(void **state)
{
    struct fetch_request request = { .get = true, .body = body, .body_count = 2 };
    struct fetch_send send;

    (void)state;
    fetch_send_begin(&send, SPAN_OF("GET"), &request, NULL);
    fetch_send_taken(&send, 3);
    assert_true(fetch_send_is_whole(&send));
    fetch_send_done(&send);
}

/* Feeds `text` in pieces of `part` bytes and sends `most` bytes at a time. */
static void check_fed(int64_t length, const char *text, size_t part, size_t most,
                      const char *expected)
{
    struct fetch_request request = { .fed = true, .fed_length = length };
    struct fetch_supply *supply = fetch_supply_new();
    struct span left = span_from(text);
    struct fetch_send send;
    struct buf out;

    buf_init(&out, ROOM);
    fetch_send_begin(&send, SPAN_OF("HEAD "), &request, supply);
    while (!fetch_send_is_whole(&send)) {
        struct iovec piece;

        if (fetch_send_next(&send, &piece, 1) == 0 && !fetch_send_refill(&send)) {
            if (supply->hungry && left.size)
                fetch_supply_add(supply, span_first(left, part));
            else if (supply->hungry)
                supply->whole = true;
            left = span_skip(left, part);
            continue;
        }
        assert_int_equal(fetch_send_next(&send, &piece, 1), 1);
        piece.iov_len = piece.iov_len < most ? piece.iov_len : most;
        (void)buf_append(&out, piece.iov_base, piece.iov_len);
        fetch_send_taken(&send, piece.iov_len);
    }
    assert_false(fetch_send_refill(&send));
    assert_string_equal(buf_text(&out), expected);
    buf_done(&out);
    fetch_send_done(&send);
    fetch_supply_free(supply);
}

static void test_a_body_that_is_fed_goes_up_as_it_comes(void **state)
{
    (void)state;
    for (size_t most = 1; most < 40; most++) {
        check_fed(11, "hello world", 4, most, "HEAD hello world");
        check_fed(0, "", 4, most, "HEAD ");
        check_fed(FETCH_LENGTH_UNKNOWN, "hello world", 6, most,
                  "HEAD 6\r\nhello \r\n5\r\nworld\r\n0\r\n\r\n");
        check_fed(FETCH_LENGTH_UNKNOWN, "", 4, most, "HEAD 0\r\n\r\n");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_head_is_written_as_it_goes_out),
        cmocka_unit_test(test_every_way_of_writing_writes_the_same),
        cmocka_unit_test(test_a_write_is_never_long),
        cmocka_unit_test(test_a_get_has_no_body),
        cmocka_unit_test(test_a_body_that_is_fed_goes_up_as_it_comes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
