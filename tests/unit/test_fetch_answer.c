/* Answers of upstreams as the direct engine reads them: faults 7 to 22. Every row is fed whole, byte by
 * byte and in two pieces cut at every place, and must come out the same. */
#include "net/fetch_direct_answer.h"

#include "base/buf.h"
#include "base/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { STORY_MAX = 1024 * 1024, BODY_MAX = 1024 * 1024 };

struct row {
    const char *bytes;
    const char *story; /* what tell() makes of it */
};

#define OK        "HTTP/1.1 200 OK\r\n"
#define CHUNKED   OK "Transfer-Encoding: chunked\r\n\r\n"
#define LENGTH(n) OK "Content-Length: " #n "\r\n\r\n"
#define BROKEN    "broken: protocol"
#define RESET     "broken: reset"
#define TRUNCATED "broken: truncated"

/* ---- telling what was understood ---- */

static const char *failure_name(enum fetch_failure failure)
{
    static const char *const names[] = {
        [FETCH_RESET] = "reset",
        [FETCH_TRUNCATED] = "truncated",
        [FETCH_PROTOCOL] = "protocol",
        [FETCH_HEADER_TOO_LARGE] = "header too large",
    };

    assert_in_range(failure, FETCH_RESET, FETCH_HEADER_TOO_LARGE);
    return names[failure];
}

static void tell(const struct fetch_answer *answer, const struct fetch_head *head,
                 const struct buf *body, size_t rest, struct buf *story)
{
    assert_int_equal(answer->body_bytes, buf_size(body));
    switch (answer->state) {
    case FETCH_ANSWER_HEAD: (void)buf_add_text(story, "head"); return;
    case FETCH_ANSWER_BROKEN:
        (void)buf_printf(story, "broken: %s", failure_name(answer->failure));
        return;
    case FETCH_ANSWER_BODY:
    case FETCH_ANSWER_WHOLE: break;
    }
    (void)buf_printf(story, "%u [%.*s]", head->status, SPAN_ARG(buf_span(body)));
    if (answer->state == FETCH_ANSWER_BODY)
        (void)buf_add_text(story, " coming");
    else
        (void)buf_add_text(story, answer->keep ? " keep" : " last");
    if (rest)
        (void)buf_printf(story, " +%zu", rest);
}

/* ---- feeding ---- */

/* Feeds pieces of at most `size` bytes, but the first of `first`. */
static void read_cut(struct span bytes, size_t first, size_t size, bool closed,
                     struct buf *story)
{
    struct fetch_head head;
    struct fetch_answer answer;
    struct buf body;
    size_t next = first;

    fetch_head_init(&head);
    buf_init(&body, BODY_MAX);
    fetch_answer_init(&answer, &head, &body);
    while (bytes.size) {
        struct span piece = span_first(bytes, next);
        size_t taken = fetch_answer_feed(&answer, piece);

        assert_true(taken == piece.size || answer.state == FETCH_ANSWER_WHOLE ||
                    answer.state == FETCH_ANSWER_BROKEN);
        bytes = span_skip(bytes, taken);
        next = size;
        if (answer.state == FETCH_ANSWER_WHOLE || answer.state == FETCH_ANSWER_BROKEN)
            break;
    }
    if (closed)
        fetch_answer_end(&answer);
    tell(&answer, &head, &body, bytes.size, story);
    fetch_answer_done(&answer);
    fetch_head_done(&head);
    buf_done(&body);
}

static void check_cut(const struct row *row, bool closed, size_t first, size_t size)
{
    struct buf story;

    buf_init(&story, STORY_MAX);
    read_cut(span_from(row->bytes), first, size, closed, &story);
    if (strcmp(buf_text(&story), row->story) != 0)
        fail_msg("%s\n cut at %zu, then every %zu\n is: %s\n not: %s", row->bytes, first, size,
                 buf_text(&story), row->story);
    buf_done(&story);
}

/* `closed`: behind the bytes the upstream closes. */
static void check(const struct row *rows, bool closed)
{
    for (const struct row *row = rows; row->bytes; row++) {
        size_t size = strlen(row->bytes);

        check_cut(row, closed, size + 1, 1);
        check_cut(row, closed, 1, 1);
        for (size_t at = 1; at < size; at++)
            check_cut(row, closed, at, size);
    }
}

/* ---- tests ---- */

static void test_bodies_of_every_framing(void **state)
{
    static const struct row rows[] = {
        { LENGTH(5) "hello", "200 [hello] keep" },
        { LENGTH(5) "hel", "200 [hel] coming" },
        { LENGTH(0), "200 [] keep" },
        { CHUNKED "5\r\nhello\r\n3;a=b\r\n me\r\n0\r\n\r\n", "200 [hello me] keep" },
        { CHUNKED "5\r\nhello\r\n0\r\nX-Trailer: t\r\n\r\n", "200 [hello] keep" },
        { OK "TRANSFER-ENCODING: Chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n", "200 [x] keep" },
        { OK "\r\nhello", "200 [hello] coming" },
        { "HTTP/1.1 204 No Content\r\n\r\n", "204 [] keep" },
        { "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", "304 [] keep" },
        { "HTTP/1.1 429\r\nContent-Length: 1\r\n\r\nx", "429 [x] keep" },
        { OK "Content-Length: 1\r\nConnection: close\r\n\r\nx", "200 [x] last" },
        { OK "Content-Length: 1\r\nConnection: foo, Close\r\n\r\nx", "200 [x] last" },
        { "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx", "200 [x] last" },
        { "HTTP/1.0 200 OK\r\nContent-Length: 1\r\nConnection: keep-alive\r\n\r\nx",
          "200 [x] keep" },
        { "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n"
          "1\r\nx\r\n0\r\n\r\n",
          "200 [x] last" },
        { NULL, NULL },
    };

    (void)state;
    check(rows, false);
}

/* Fault 17. */
static void test_bytes_behind_the_end_are_left(void **state)
{
    struct buf story;

    (void)state;
    buf_init(&story, STORY_MAX);
    read_cut(SPAN_OF(LENGTH(5) "hello more"), 1000, 1, false, &story);
    assert_string_equal(buf_text(&story), "200 [hello] keep +5");
    buf_reset(&story);
    read_cut(SPAN_OF(CHUNKED "1\r\nx\r\n0\r\n\r\nHTTP"), 1000, 1, false, &story);
    assert_string_equal(buf_text(&story), "200 [x] keep +4");
    buf_reset(&story);
    read_cut(SPAN_OF("HTTP/1.1 204 No Content\r\n\r\nx"), 1000, 1, false, &story);
    assert_string_equal(buf_text(&story), "204 [] keep +1");
    buf_done(&story);
}

/* Faults 7, 9, 10, 16. */
static void test_an_early_end_is_told(void **state)
{
    static const struct row rows[] = {
        { "", RESET },
        { "HT", RESET },
        { OK "Content-Le", RESET },
        { "HTTP/1.1 100 Continue\r\n\r\n", RESET },
        { LENGTH(5), TRUNCATED },
        { LENGTH(5) "hell", TRUNCATED },
        { CHUNKED, TRUNCATED },
        { CHUNKED "5\r\nhello\r\n", TRUNCATED },
        { CHUNKED "5\r\nhello\r\n0\r\n", TRUNCATED },
        { LENGTH(5) "hello", "200 [hello] keep" },
        { OK "\r\nhello", "200 [hello] last" },
        { OK "\r\n", "200 [] last" },
        { NULL, NULL },
    };

    (void)state;
    check(rows, true);
}

/* Fault 18. */
static void test_framing_that_contradicts_itself_is_refused(void **state)
{
    static const struct row rows[] = {
        { OK "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", BROKEN },
        { OK "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n", BROKEN },
        { OK "Content-Length: 1\r\nContent-Length: 1\r\n\r\n", BROKEN },
        { OK "Content-Length: 1, 1\r\n\r\n", BROKEN },
        { OK "Content-Length: +1\r\n\r\n", BROKEN },
        { OK "Content-Length: 0x1\r\n\r\n", BROKEN },
        { OK "Content-Length: -1\r\n\r\n", BROKEN },
        { OK "Content-Length:\r\n\r\n", BROKEN },
        { OK "Content-Length: 18446744073709551616\r\n\r\n", BROKEN },
        { OK "Transfer-Encoding: gzip\r\n\r\n", BROKEN },
        { OK "Transfer-Encoding: identity\r\n\r\n", BROKEN },
        { OK "Transfer-Encoding: gzip, chunked\r\n\r\n", BROKEN },
        { OK "Transfer-Encoding: chunked, chunked\r\n\r\n", BROKEN },
        { OK "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", BROKEN },
        { OK "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n", BROKEN },
        { OK "Transfer-Encoding: xchunked\r\n\r\n", BROKEN },
        { OK "Transfer-Encoding:\r\n\r\n", BROKEN },
        { OK "Transfer-Encoding: chunked\t\r\n\r\n", BROKEN },
        { OK "Content-Length: 1\t\r\n\r\n", BROKEN },
        { OK "Transfer-Encoding: \x0b"
             "chunked\r\n\r\n",
          BROKEN },
        { CHUNKED "x\r\n", BROKEN },
        { CHUNKED "-1\r\n", BROKEN },
        { CHUNKED "0x5\r\nhello\r\n", BROKEN },
        { CHUNKED " 5\r\nhello\r\n", BROKEN },
        { CHUNKED "\r\n", BROKEN },
        { CHUNKED "fffffffffffffffff\r\n", BROKEN },
        { CHUNKED "5\nhello\n", BROKEN },
        { CHUNKED "5\r\nhelloX", BROKEN },
        { CHUNKED "5\r\nhello\r\n0\r\n\n", BROKEN },
        { NULL, NULL },
    };

    (void)state;
    check(rows, false);
}

/* Fault 19. */
static void test_what_is_not_http_is_refused(void **state)
{
    static const struct row rows[] = {
        { "<html>", BROKEN },
        { "\r\n" LENGTH(1) "x", BROKEN },
        { " HTTP/1.1 200 OK\r\n\r\n", BROKEN },
        { "http/1.1 200 OK\r\n\r\n", BROKEN },
        { "HTTP/2 200\r\n\r\n", BROKEN },
        { "HTTP/1.2 200 OK\r\n\r\n", BROKEN },
        { "HTTP/1.1 2000 OK\r\n\r\n", BROKEN },
        { "HTTP/1.1 20 OK\r\n\r\n", BROKEN },
        { "HTTP/1.1 OK\r\n\r\n", BROKEN },
        { "HTTP/1.1  200 OK\r\n\r\n", BROKEN },
        { "HTTP/1.1 099 OK\r\n\r\n", BROKEN },
        { "HTTP/1.1 200 OK\n\n", BROKEN },
        { "HTTP/1.1 200 O\rK\r\n\r\n", BROKEN },
        { OK "A: b\n\r\n", BROKEN },
        { OK "A: b\rc\r\n\r\n", BROKEN },
        { OK "A: b\r\n c\r\n\r\n", BROKEN },
        { OK "A : b\r\n\r\n", BROKEN },
        { OK ": b\r\n\r\n", BROKEN },
        { OK "A\r\n\r\n", BROKEN },
        { OK "A b: c\r\n\r\n", BROKEN },
        { OK "A: \x01\r\n\r\n", BROKEN },
        { NULL, NULL },
    };
    struct buf story;

    (void)state;
    check(rows, false);
    buf_init(&story, STORY_MAX);
    read_cut(SPAN_OF(OK "A: \0\r\n\r\n"), 1000, 1, false, &story);
    assert_string_equal(buf_text(&story), BROKEN);
    buf_done(&story);
}

/* Fault 19: what may stand in a name, and in a value, by the letter of RFC 9110. */
static void test_each_byte_has_its_place(void **state)
{
    static const char others[] = "!#$%&'*+-.^_`|~";

    (void)state;
    for (int byte = 0; byte < 256; byte++) {
        char head[] = OK "Content-Length: 0\r\nA?: b?\r\n\r\n";
        char *in_name = strchr(head, '?');
        char *in_value = strrchr(head, '?');
        bool letter = (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') ||
                      (byte >= 'a' && byte <= 'z');
        bool token = letter || (byte && strchr(others, byte));
        bool text = byte == '\t' || (byte >= ' ' && byte != 0x7f);
        struct buf story;

        buf_init(&story, STORY_MAX);
        *in_name = (char)byte;
        *in_value = 'c';
        read_cut(span_make(head, sizeof(head) - 1), 1000, 1000, false, &story);
        assert_string_equal(buf_text(&story), token || byte == ':' ? "200 [] keep" : BROKEN);
        buf_reset(&story);
        *in_name = 'a';
        *in_value = (char)byte;
        read_cut(span_make(head, sizeof(head) - 1), 1000, 1000, false, &story);
        assert_string_equal(buf_text(&story), text ? "200 [] keep" : BROKEN);
        buf_done(&story);
    }
}

/* Faults 21 and 22. */
static void test_interim_answers_are_skipped(void **state)
{
    static const struct row rows[] = {
        { "HTTP/1.1 100 Continue\r\n\r\n" LENGTH(1) "x", "200 [x] keep" },
        { "HTTP/1.1 103 Early Hints\r\nContent-Length: 9\r\nLink: </a>\r\n\r\n" LENGTH(1) "x",
          "200 [x] keep" },
        { "HTTP/1.1 100 Continue\r\n\r\n", "head" },
        { "HTTP/1.1 100 Continue\r\n" LENGTH(1) "x", BROKEN },
        { "HTTP/1.1 100 Continue\r\n\r\nA: b\r\n\r\n", BROKEN },
        { "HTTP/1.1 100 Continue\r\n\r\n\r\n" LENGTH(1) "x", BROKEN },
        { "HTTP/1.1 101 Switching Protocols\r\n\r\n", BROKEN },
        { NULL, NULL },
    };
    struct buf bytes;
    struct buf story;

    (void)state;
    check(rows, false);
    buf_init(&bytes, STORY_MAX);
    buf_init(&story, STORY_MAX);
    for (int i = 0; i < LIMIT_UPSTREAM_INTERIM; i++)
        (void)buf_add_text(&bytes, "HTTP/1.1 100 Continue\r\n\r\n");
    read_cut(buf_span(&bytes), 7, 7, false, &story);
    assert_string_equal(buf_text(&story), "head");
    buf_reset(&story);
    (void)buf_add_text(&bytes, "HTTP/1.1 100 Continue\r\n\r\n");
    read_cut(buf_span(&bytes), 7, 7, false, &story);
    assert_string_equal(buf_text(&story), BROKEN);
    buf_done(&story);
    buf_done(&bytes);
}

/* Fault 20. */
static void check_endless(const char *begin, const char *part, const char *expected)
{
    size_t sizes[] = { SIZE_MAX, 1000 };

    for (int i = 0; i < 2; i++) {
        struct buf bytes;
        struct buf story;

        buf_init(&bytes, STORY_MAX);
        buf_init(&story, STORY_MAX);
        (void)buf_add_text(&bytes, begin);
        while (buf_size(&bytes) < 2 * LIMIT_UPSTREAM_HEADER_BYTES)
            (void)buf_add_text(&bytes, part);
        read_cut(buf_span(&bytes), sizes[i], sizes[i], false, &story);
        assert_string_equal(buf_text(&story), expected);
        buf_done(&bytes);
        buf_done(&story);
    }
}

static void test_there_is_an_end_to_heads_and_trailers(void **state)
{
    (void)state;
    check_endless("HTTP/1.1 200 ", "OK", "broken: header too large");
    check_endless(OK, "A: b\r\n", "broken: header too large");
    check_endless(OK,
                  "A-long-header-with: a-value-that-is-longer-than-most-of-them-are-long-and-"
                  "even-longer-than-that-so-that-it-is-not-their-number-that-counts-but-the-"
                  "bytes-of-all-of-them-together-which-are-more-than-may-be-in-the-end-for-"
                  "they-have-to-be-more-than-sixty-four-thousand-in-two-hundred-lines-or-so-"
                  "here-we-go\r\n",
                  "broken: header too large");
    check_endless(CHUNKED "0\r\n", "A: b\r\n", BROKEN);
    check_endless(CHUNKED "1;", "a=b;", BROKEN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bodies_of_every_framing),
        cmocka_unit_test(test_bytes_behind_the_end_are_left),
        cmocka_unit_test(test_an_early_end_is_told),
        cmocka_unit_test(test_framing_that_contradicts_itself_is_refused),
        cmocka_unit_test(test_what_is_not_http_is_refused),
        cmocka_unit_test(test_each_byte_has_its_place),
        cmocka_unit_test(test_interim_answers_are_skipped),
        cmocka_unit_test(test_there_is_an_end_to_heads_and_trailers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
