/* Requests that somewhere were read in two ways, and what becomes of each here: faults 53-66, 71 and
 * 77, and the corpus that told llhttp's versions apart. Every row is fed whole, byte by byte and in
 * two pieces cut at every place, and must come out the same. */
#include "base/buf.h"
#include "base/limits.h"
#include "net/http.h"
#include "net/http_check.h"
#include "net/http_parse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { BODY_MAX = 64, REQUESTS_MAX = 4 };

static const struct http_config CONFIG = {
    .header_bytes_max = LIMIT_HEADER_BYTES,
    .body_bytes_max = BODY_MAX,
};

struct row {
    const char *name;
    const char *bytes;
    const char *story; /* what tell() makes of it */
};

/* ---- telling what was understood ---- */

static void tell_request(const struct http_parse *parse, struct buf *story)
{
    const struct http_request *request = &parse->request;
    static const char *const states[] = { "coming", "whole", "too large", "too slow",
                                          "malformed" };

    (void)buf_printf(story, "%.*s", SPAN_ARG(request->path));
    if (request->query.size)
        (void)buf_printf(story, "?%.*s", SPAN_ARG(request->query));
    (void)buf_printf(story, " %s", states[parse->body_state]);
    if (parse->body_state == HTTP_BODY_WHOLE && request->has_body)
        (void)buf_printf(story, " [%.*s]", SPAN_ARG(buf_span(&parse->body)));
    if (parse->body_state == HTTP_BODY_WHOLE && !parse->keep)
        (void)buf_add_text(story, " last");
    if (request->expects_continue)
        (void)buf_add_text(story, " expects");
    (void)buf_add_text(story, ";");
}

/* Is there a next request on the connection? */
static bool goes_on(const struct http_parse *parse)
{
    return parse->state == HTTP_PARSE_BODY && parse->body_state == HTTP_BODY_WHOLE &&
           parse->keep;
}

static void tell_end(const struct http_parse *parse, struct buf *story)
{
    if (parse->state == HTTP_PARSE_REFUSED)
        (void)buf_printf(story, "%u", parse->refusal->status);
    else if (parse->state == HTTP_PARSE_BODY)
        tell_request(parse, story);
    else if (http_parse_begun(parse))
        (void)buf_add_text(story, "waits");
}

/* Feeds one piece; requests that it completes are told and make way for the next. */
static void feed(struct http_parse *parse, struct span piece, struct buf *story)
{
    while (piece.size) {
        size_t taken = http_parse_feed(parse, piece);

        piece = span_skip(piece, taken);
        if (goes_on(parse)) {
            tell_request(parse, story);
            http_parse_reset(parse, &CONFIG);
        } else if (taken == 0) {
            return;
        }
    }
}

/* Reads `bytes` in pieces: the first of `first` bytes, the others of `step`. */
static void tell(struct span bytes, size_t first, size_t step, struct buf *story)
{
    struct http_parse parse;

    http_parse_init(&parse, &CONFIG);
    feed(&parse, span_first(bytes, first), story);
    for (size_t at = first; at < bytes.size; at += step)
        feed(&parse, span_first(span_skip(bytes, at), step), story);
    tell_end(&parse, story);
    http_parse_done(&parse);
}

static void expect_pieces(const struct row *row, struct span bytes, size_t first, size_t step)
{
    struct buf story;

    buf_init(&story, 4096);
    tell(bytes, first, step, &story);
    if (!span_is(buf_span(&story), row->story))
        fail_msg("%s, first %zu, then %zu: \"%s\" instead of \"%s\"", row->name, first, step,
                 buf_text(&story), row->story);
    buf_done(&story);
}

static void expect_row(const struct row *row, struct span bytes)
{
    expect_pieces(row, bytes, bytes.size, 1);
    expect_pieces(row, bytes, 0, 1);
    for (size_t cut = 1; cut < bytes.size; cut++)
        expect_pieces(row, bytes, cut, bytes.size);
}

static void expect_rows(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        expect_row(&rows[i], span_from(rows[i].bytes));
}

#define EXPECT(rows) expect_rows(rows, sizeof(rows) / sizeof(*(rows)))

#define HOST     "Host: h\r\n"
#define GET      "GET / HTTP/1.1\r\n" HOST
#define POST     "POST /p HTTP/1.1\r\n" HOST
#define CHUNKED  POST "Transfer-Encoding: chunked\r\n\r\n"
#define SMUGGLED "GET /admin HTTP/1.1\r\n" HOST "\r\n"

/* ---- the tables ---- */

static void test_sound_requests_are_understood(void **state)
{
    static const struct row rows[] = {
        { "plain", GET "\r\n", "/ whole;" },
        { "query", "GET /a/b?c=d?e HTTP/1.1\r\n" HOST "\r\n", "/a/b?c=d?e whole;" },
        { "pipelined, fault 53", GET "\r\n" SMUGGLED GET "\r\n",
          "/ whole;/admin whole;/ whole;" },
        { "length", POST "Content-Length: 3\r\n\r\nabc", "/p whole [abc];" },
        { "length 0", POST "Content-Length: 0\r\n\r\n", "/p whole;" },
        { "body with GET", GET "Content-Length: 3\r\n\r\nabc", "/ whole [abc];" },
        { "body and next", POST "Content-Length: 3\r\n\r\nabc" GET "\r\n",
          "/p whole [abc];/ whole;" },
        { "half a body", POST "Content-Length: 3\r\n\r\nab", "/p coming;" },
        { "half a head", "GET / HTTP/1.1\r\nHost: h\r\n", "waits" },
        { "chunked, fault 55", CHUNKED "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n" GET "\r\n",
          "/p whole [abcde];/ whole;" },
        { "CHUNKED", POST "transfer-encoding: CHUNKED\r\n\r\n1\r\na\r\n0\r\n\r\n",
          "/p whole [a];" },
        { "chunk extension", CHUNKED "3;a=b;c=\"d\"\r\nabc\r\n0\r\n\r\n", "/p whole [abc];" },
        { "trailer is dropped", CHUNKED "1\r\na\r\n0\r\nX-T: u\r\n\r\n" GET "\r\n",
          "/p whole [a];/ whole;" },
        { "empty lines in front", "\r\n\r\n" GET "\r\n", "/ whole;" },
        { "HTTP/1.0", "GET / HTTP/1.0\r\n\r\n", "/ whole last;" },
        { "HTTP/1.0 kept", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" GET "\r\n",
          "/ whole;/ whole;" },
        { "close", GET "Connection: close\r\n\r\n" SMUGGLED, "/ whole last;" },
        { "values are trimmed", POST "Content-Length:   3   \r\nX:\t y\t \r\n\r\nabc",
          "/p whole [abc];" },
        { "other bytes in values", GET "X: \xc3\xa4\tb\r\n\r\n", "/ whole;" },
        { "OPTIONS *, fault 62", "OPTIONS * HTTP/1.1\r\n" HOST "\r\n", "* whole;" },
        { "odd paths stay raw, fault 63", "GET //a/../%2e%00;b\\ HTTP/1.1\r\n" HOST "\r\n",
          "//a/../%2e%00;b\\ whole;" },
        { "unknown headers, fault 71",
          GET "Connection: authorization\r\nX-Forwarded-For: 1\r\n\r\n", "/ whole;" },
    };

    (void)state;
    EXPECT(rows);
}

static void test_bodies_that_two_servers_would_cut_differently_are_refused(void **state)
{
    static const struct row rows[] = {
        { "CL and TE, fault 56",
          POST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400" },
        { "TE and CL", POST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
          "400" },
        { "two lengths, fault 57", POST "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
          "400" },
        { "twice the same length", POST "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
          "400" },
        { "list of lengths", POST "Content-Length: 3, 3\r\n\r\nabc", "400" },
        { "signed length", POST "Content-Length: +3\r\n\r\nabc", "400" },
        { "negative length", POST "Content-Length: -3\r\n\r\nabc", "400" },
        { "spaced length", POST "Content-Length: 3 3\r\n\r\nabc", "400" },
        { "hex length", POST "Content-Length: 0x3\r\n\r\nabc", "400" },
        { "empty length", POST "Content-Length:\r\n\r\n", "400" },
        { "2^64", POST "Content-Length: 18446744073709551616\r\n\r\n", "400" },
        { "identity, fault 58", POST "Transfer-Encoding: identity\r\n\r\n", "400" },
        { "chunked twice", POST "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", "400" },
        { "two TE headers",
          POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
          "400" },
        { "empty TE", POST "Transfer-Encoding:\r\n\r\n", "400" },
        { "chunked, identity", POST "Transfer-Encoding: chunked, identity\r\n\r\n", "400" },
        { "xchunked", POST "Transfer-Encoding: xchunked\r\n\r\n", "501" },
        { "gzip", POST "Transfer-Encoding: gzip\r\n\r\n", "501" },
        { "gzip, chunked", POST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "501" },
        { "VT chunked", POST "Transfer-Encoding: \vchunked\r\n\r\n0\r\n\r\n", "400" },
        { "FF chunked", POST "Transfer-Encoding: \fchunked\r\n\r\n0\r\n\r\n", "400" },
        { "TE in 1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
          "400" },
    };

    (void)state;
    EXPECT(rows);
}

static void test_chunks_that_two_servers_would_cut_differently_are_malformed(void **state)
{
    static const struct row rows[] = {
        { "no CRLF behind the data", CHUNKED "3\r\nabcd\r\n0\r\n\r\n", "/p malformed;" },
        { "bare LF behind the size", CHUNKED "3\nabc\r\n0\r\n\r\n", "/p malformed;" },
        { "space behind the size", CHUNKED "3 \r\nabc\r\n0\r\n\r\n", "/p malformed;" },
        { "hex prefix", CHUNKED "0x3\r\nabc\r\n0\r\n\r\n", "/p malformed;" },
        { "signed size", CHUNKED "+3\r\nabc\r\n0\r\n\r\n", "/p malformed;" },
        { "no size", CHUNKED "\r\nabc\r\n0\r\n\r\n", "/p malformed;" },
        { "size overflow", CHUNKED "10000000000000003\r\nabc\r\n0\r\n\r\n", "/p malformed;" },
        { "LF in an extension", CHUNKED "3;a\nb\r\nabc\r\n0\r\n\r\n", "/p malformed;" },
        { "length in the trailer", CHUNKED "0\r\nContent-Length: 3\r\n\r\n", "/p malformed;" },
        { "bare LF in the trailer", CHUNKED "0\r\nX: y\n\r\n", "/p malformed;" },
        { "space before the trailer's colon", CHUNKED "0\r\nX : y\r\n\r\n", "/p malformed;" },
    };

    (void)state;
    EXPECT(rows);
}

static void test_lines_that_two_servers_would_end_differently_are_refused(void **state)
{
    static const struct row rows[] = {
        { "bare LF, fault 59", "GET / HTTP/1.1\nHost: h\n\n", "400" },
        { "bare LF between headers", "GET / HTTP/1.1\r\nHost: h\nX: y\r\n\r\n", "400" },
        { "bare LF at the end", GET "\n", "400" },
        { "bare CR in a value, CVE-2023-30589", POST "X: \rTransfer-Encoding: chunked\r\n\r\n",
          "400" },
        { "CR CR LF", GET "X: y\r\r\n\r\n", "400" },
        { "CRLF CR X, CVE-2025-23167", GET "\r\nX", "/ whole;waits" },
        { "CR X as the end", GET "\rX: y\r\n\r\n", "400" },
        { "folded, CVE-2024-27982", POST "X: y\r\n z\r\n\r\n", "400" },
        { "folded TE", POST "Transfer-Encoding:\r\n chunked\r\n\r\n", "400" },
        { "folded by a tab", POST "X: y\r\n\tz\r\n\r\n", "400" },
        { "space before the first header", "GET / HTTP/1.1\r\n Host: h\r\n\r\n", "400" },
        { "space before the request line", " GET / HTTP/1.1\r\n" HOST "\r\n", "400" },
        { "space before the colon", GET "X : y\r\n\r\n", "400" },
        { "no colon", GET "X\r\n\r\n", "400" },
        { "empty name", GET ": y\r\n\r\n", "400" },
        { "name is no token", GET "X(: y\r\n\r\n", "400" },
        { "control byte in a value",
          GET "X: a\x01"
              "b\r\n\r\n",
          "400" },
        { "DEL in a value", GET "X: a\x7f\r\n\r\n", "400" },
        { "TLS on a clear port, fault 76", "\x16\x03\x01\x02", "400" },
    };

    (void)state;
    EXPECT(rows);
}

static void test_targets_hosts_and_versions_are_checked(void **state)
{
    static const struct row rows[] = {
        { "no Host, fault 60", "GET / HTTP/1.1\r\nX: y\r\n\r\n", "400" },
        { "two Hosts", GET HOST "\r\n", "400" },
        { "empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", "400" },
        { "list of Hosts", "GET / HTTP/1.1\r\nHost: a,b\r\n\r\n", "400" },
        { "Host with user", "GET / HTTP/1.1\r\nHost: u@h\r\n\r\n", "400" },
        { "Host with space", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", "400" },
        { "Host with path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "400" },
        { "own authority, fault 61", "GET http://H/x?y HTTP/1.1\r\n" HOST "\r\n",
          "/x?y whole;" },
        { "own authority, no path", "GET https://h HTTP/1.1\r\n" HOST "\r\n", "/ whole;" },
        { "other authority", "GET http://other/x HTTP/1.1\r\n" HOST "\r\n", "400" },
        { "authority with user", "GET http://u@h/x HTTP/1.1\r\n" HOST "\r\n", "400" },
        { "other scheme", "GET ftp://h/x HTTP/1.1\r\n" HOST "\r\n", "400" },
        { "CONNECT, fault 62", "CONNECT h:443 HTTP/1.1\r\n" HOST "\r\n", "405" },
        { "TRACE", "TRACE / HTTP/1.1\r\n" HOST "\r\n", "405" },
        { "GET *", "GET * HTTP/1.1\r\n" HOST "\r\n", "400" },
        { "no slash", "GET x HTTP/1.1\r\n" HOST "\r\n", "400" },
        { "fragment", "GET /#a HTTP/1.1\r\n" HOST "\r\n", "400" },
        { "8-bit path", "GET /\xc3\xa4 HTTP/1.1\r\n" HOST "\r\n", "400" },
        { "tab in the line", "GET\t/ HTTP/1.1\r\n" HOST "\r\n", "400" },
        { "two spaces", "GET  / HTTP/1.1\r\n" HOST "\r\n", "400" },
        { "trailing space", "GET / HTTP/1.1 \r\n" HOST "\r\n", "400" },
        { "HTTP/0.9, fault 64", "GET /\r\n", "505" },
        { "HTTP/1.2", "GET / HTTP/1.2\r\n" HOST "\r\n", "505" },
        { "HTTP/2.0", "GET / HTTP/2.0\r\n" HOST "\r\n", "505" },
        { "HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "505" },
        { "RTSP", "DESCRIBE /a RTSP/1.0\r\n\r\n", "400" },
        { "ICE", "SOURCE /a ICE/1.0\r\n\r\n", "400" },
        { "RTSP's method", "DESCRIBE /a HTTP/1.1\r\n" HOST "\r\n", "400" },
        { "no HTTP at all", "hello there\r\n", "400" },
        { "unknown method", "BREW / HTTP/1.1\r\n" HOST "\r\n", "400" },
        { "lower case", "get / HTTP/1.1\r\n" HOST "\r\n", "400" },
    };

    (void)state;
    EXPECT(rows);
}

static void test_offers_and_expectations(void **state)
{
    static const struct row rows[] = {
        { "expects, fault 54", POST "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n",
          "/p coming expects;" },
        { "expects other things", POST "Expect: miracles\r\nContent-Length: 3\r\n\r\nabc",
          "417" },
        { "1.0 cannot expect",
          "POST /p HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\na",
          "/p whole [a] last;" },
        { "expects without a body", GET "Expect: 100-continue\r\n\r\n", "/ whole;" },
        { "websocket, fault 77",
          GET "Upgrade: websocket\r\nConnection: upgrade\r\n\r\n" SMUGGLED, "/ whole last;" },
        { "h2c with a body",
          POST "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: "
               "a\r\nContent-Length: 3\r\n\r\nabc" SMUGGLED,
          "/p whole [abc] last;" },
        { "upgrade without the connection's word", GET "Upgrade: h2c\r\n\r\n" GET "\r\n",
          "/ whole;/ whole;" },
        { "two authorizations, fault 71", GET "Authorization: a\r\nauthorization: b\r\n\r\n",
          "400" },
        { "two API keys", GET "X-API-Key: a\r\nx-api-key: b\r\n\r\n", "400" },
        { "two content types", GET "Content-Type: a\r\ncontent-type: b\r\n\r\n", "400" },
    };

    (void)state;
    EXPECT(rows);
}

/* ---- limits: each is reached, and one less passes ---- */

static void add_many(struct buf *bytes, const char *text, size_t count)
{
    while (count--)
        (void)buf_add_text(bytes, text);
}

/* `head`, then `filler` so many times, then `tail`: comes out as `story`. Fed whole, in uneven
 * pieces, and byte by byte; every cut would take minutes here. */
static void expect_filled(const char *head, const char *filler, size_t count, const char *tail,
                          const char *story)
{
    struct row row = { .name = head, .story = story };
    struct buf bytes;

    buf_init(&bytes, 1024 * 1024);
    add_many(&bytes, head, 1);
    add_many(&bytes, filler, count);
    add_many(&bytes, tail, 1);
    expect_pieces(&row, buf_span(&bytes), buf_size(&bytes), 1);
    expect_pieces(&row, buf_span(&bytes), 0, 1);
    expect_pieces(&row, buf_span(&bytes), 5, 977);
    buf_done(&bytes);
}

static void test_a_long_target_is_414(void **state)
{
    static const char tail[] = " HTTP/1.1\r\n" HOST "\r\n";

    (void)state;
    expect_filled("POST /", "a", LIMIT_TARGET_BYTES, tail, "414");
    expect_filled("POST /?", "a", 20 * LIMIT_TARGET_BYTES, "", "414"); /* without its end */
    expect_filled("CONNECT /", "a", LIMIT_TARGET_BYTES - 1, tail, "405");
}

static void test_many_or_large_headers_are_431(void **state)
{
    (void)state;
    expect_filled(GET, "X: y\r\n", LIMIT_HEADERS - 1, "\r\n", "/ whole;");
    expect_filled(GET, "X: y\r\n", LIMIT_HEADERS, "\r\n", "431");
    expect_filled("GET / HTTP/1.1\r\nHost:h\r\nX:", "y", LIMIT_HEADER_BYTES - 8, "\r\n\r\n",
                  "/ whole;");
    expect_filled("GET / HTTP/1.1\r\nHost:h\r\nX:", "y", LIMIT_HEADER_BYTES - 7, "\r\n\r\n",
                  "431");
    expect_filled(GET "X: ", "y", 10 * LIMIT_HEADER_BYTES, "", "431");
}

static void test_a_body_beyond_its_maximum_is_known_early(void **state)
{
    static const struct row rows[] = {
        { "most",
          CHUNKED "40\r\n0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\r\n0"
                  "\r\n\r\n",
          "/p whole [0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef];" },
        { "by length", POST "Content-Length: 65\r\n\r\n", "/p too large;" },
        { "by chunk", CHUNKED "41\r\n", "/p too large;" },
        { "by chunks", CHUNKED "3\r\nabc\r\n3e\r\n", "/p too large;" },
        { "by one great chunk", CHUNKED "ffffffffffffffff\r\n", "/p too large;" },
    };

    (void)state;
    EXPECT(rows);
}

static void test_extensions_and_trailers_have_limits(void **state)
{
    (void)state;
    expect_filled(CHUNKED "1;", "a", LIMIT_CHUNK_EXTENSION_BYTES, "\r\nx\r\n0\r\n\r\n",
                  "/p whole [x];");
    expect_filled(CHUNKED "1;", "a", LIMIT_CHUNK_EXTENSION_BYTES + 1, "\r\nx\r\n0\r\n\r\n",
                  "/p malformed;");
    expect_filled(CHUNKED, "1;aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\nx\r\n", 40,
                  "0\r\n\r\n", "/p malformed;");
    expect_filled(CHUNKED "0\r\nX: ", "a", LIMIT_HEADER_BYTES, "\r\n\r\n", "/p malformed;");
    expect_filled(CHUNKED "0\r\n", "X: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n", 1100, "\r\n",
                  "/p malformed;");
}

/* Is a request whose `format` takes the byte `c` understood? */
static bool is_sound(const char *before, char c, const char *after)
{
    struct http_parse parse;
    struct buf bytes;
    bool sound;

    buf_init(&bytes, 256);
    (void)buf_add_text(&bytes, before);
    (void)buf_add_byte(&bytes, c);
    (void)buf_add_text(&bytes, after);
    http_parse_init(&parse, &CONFIG);
    (void)http_parse_feed(&parse, buf_span(&bytes));
    sound = parse.state == HTTP_PARSE_BODY;
    http_parse_done(&parse);
    buf_done(&bytes);
    return sound;
}

static void test_every_byte_of_a_name_of_a_host_and_of_a_value(void **state)
{
    (void)state;
    for (int c = 0; c < 256; c++) {
        bool letter =
            (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        bool seen = c > ' ' && c < 0x7f;
        bool token = letter || (seen && strchr("!#$%&'*+-.^_`|~", c));
        bool target = seen && c != '#' && c != '?';
        bool host = letter || (seen && !strchr("@,/?\\", c));

        if (c != ':') /* which ends the name */
            assert_int_equal(is_sound(GET "x", (char)c, "y: z\r\n\r\n"), token);
        if (c != ' ' && c != '\t') /* which are not part of the value */
            assert_int_equal(is_sound("GET / HTTP/1.1\r\nHost: a", (char)c, "\r\n\r\n"), host);
        if (c != ' ' && c != '?')
            assert_int_equal(is_sound("GET /a", (char)c, "b HTTP/1.1\r\n" HOST "\r\n"), target);
        assert_int_equal(is_sound(GET "x: y", (char)c, "z\r\n\r\n"),
                         c == '\t' || (c >= ' ' && c != 0x7f));
    }
}

static void test_a_header_has_a_name_and_a_colon(void **state)
{
    static const struct row rows[] = {
        { "no name", GET ": x\r\n\r\n", "400" },
        { "no colon", GET "name\r\n\r\n", "400" },
        { "a space before the colon", GET "name : x\r\n\r\n", "400" },
        { "no value", GET "name:\r\n\r\n", "/ whole;" },
        { "a value of spaces", GET "name: \t \r\n\r\n", "/ whole;" },
        { "the line is wrong, and what is behind it", "GET * HTTP/1.1\r\n a\x01: b\r\n",
          "400" },
        { "an old version, and a header that is wrong", "GET / HTTP/2.0\r\n\x01", "505" },
    };

    (void)state;
    EXPECT(rows);
}

static void test_a_NUL_is_refused(void **state)
{
    static const char in_value[] = GET "X: a\0b\r\n\r\n";
    static const char in_name[] = GET "X\0: a\r\n\r\n";
    static const char in_line[] = "GET /\0 HTTP/1.1\r\n" HOST "\r\n";
    static const struct row row = { .name = "NUL", .story = "400" };

    (void)state;
    expect_row(&row, span_make(in_value, sizeof(in_value) - 1));
    expect_row(&row, span_make(in_name, sizeof(in_name) - 1));
    expect_row(&row, span_make(in_line, sizeof(in_line) - 1));
}

static void test_no_limit_is_still_a_bound(void **state)
{
    static const struct http_config config = { 0 };
    struct http_parse parse;
    size_t taken = 0;

    (void)state;
    http_parse_init(&parse, &config);
    (void)http_parse_feed(&parse, SPAN_OF(GET "X: "));
    while (parse.state == HTTP_PARSE_HEAD)
        taken += http_parse_feed(&parse, SPAN_OF("yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy"));
    assert_int_equal(parse.refusal->status, 431);
    assert_in_range(taken, LIMIT_HEADER_BYTES, LIMIT_HEADER_BYTES_NONE);
    http_parse_reset(&parse, &config);
    (void)http_parse_feed(&parse, SPAN_OF(POST "Content-Length: 1073741824\r\n\r\n"));
    assert_int_equal(parse.body_state, HTTP_BODY_COMING);
    http_parse_reset(&parse, &config);
    (void)http_parse_feed(&parse, SPAN_OF(POST "Content-Length: 1073741825\r\n\r\n"));
    assert_int_equal(parse.body_state, HTTP_BODY_TOO_LARGE);
    http_parse_done(&parse);
}

/* ---- memory ---- */

static void test_a_length_alone_reserves_little(void **state)
{
    static const struct http_config config = { .header_bytes_max = 1024,
                                               .body_bytes_max = 50u << 20 };
    struct http_parse parse;

    (void)state;
    http_parse_init(&parse, &config);
    (void)http_parse_feed(&parse, SPAN_OF(POST "Content-Length: 50000000\r\n\r\n"));
    assert_int_equal(parse.body.room, 0);
    (void)http_parse_feed(&parse, SPAN_OF("a"));
    assert_true(parse.body.room <= 1024 * 1024);
    http_parse_done(&parse);
}

static void test_a_body_of_known_length_is_reserved_exactly(void **state)
{
    static const struct http_config config = { .header_bytes_max = 1024,
                                               .body_bytes_max = 50u << 20 };
    static char part[50000];
    struct http_parse parse;

    (void)state;
    memset(part, 'x', sizeof(part));
    http_parse_init(&parse, &config);
    (void)http_parse_feed(&parse, SPAN_OF(POST "Content-Length: 3000000\r\n\r\n"));
    for (int i = 0; i < 60; i++)
        assert_int_equal(http_parse_feed(&parse, span_make(part, sizeof(part))), sizeof(part));
    assert_int_equal(parse.body_state, HTTP_BODY_WHOLE);
    assert_int_equal(buf_size(&parse.body), 3000000);
    assert_int_equal(parse.body.room, 3000000);
    http_parse_done(&parse);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sound_requests_are_understood),
        cmocka_unit_test(test_bodies_that_two_servers_would_cut_differently_are_refused),
        cmocka_unit_test(test_chunks_that_two_servers_would_cut_differently_are_malformed),
        cmocka_unit_test(test_lines_that_two_servers_would_end_differently_are_refused),
        cmocka_unit_test(test_targets_hosts_and_versions_are_checked),
        cmocka_unit_test(test_offers_and_expectations),
        cmocka_unit_test(test_a_long_target_is_414),
        cmocka_unit_test(test_many_or_large_headers_are_431),
        cmocka_unit_test(test_a_body_beyond_its_maximum_is_known_early),
        cmocka_unit_test(test_extensions_and_trailers_have_limits),
        cmocka_unit_test(test_every_byte_of_a_name_of_a_host_and_of_a_value),
        cmocka_unit_test(test_a_header_has_a_name_and_a_colon),
        cmocka_unit_test(test_a_NUL_is_refused),
        cmocka_unit_test(test_no_limit_is_still_a_bound),
        cmocka_unit_test(test_a_length_alone_reserves_little),
        cmocka_unit_test(test_a_body_of_known_length_is_reserved_exactly),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
