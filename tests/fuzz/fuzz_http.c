/* The request parser: bytes cut at places that the input chooses must mean what they mean in one
 * piece. The first byte of the input steers the cuts, the rest is what a client sends. */
#include "base/buf.h"
#include "base/span.h"
#include "net/http.h"
#include "net/http_check.h"
#include "net/http_parse.h"

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

enum { STORY_MAX = 1024 * 1024 };

static const struct http_config CONFIG = {
    .header_bytes_max = 2048,
    .body_bytes_max = 512,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* ---- what was understood, as bytes ---- */

static void tell_span(struct buf *story, struct span span)
{
    (void)buf_add_u64(story, span.size);
    (void)buf_add_byte(story, ':');
    (void)buf_add(story, span);
}

static void tell_request(struct buf *story, const struct http_parse *parse)
{
    const struct http_request *request = &parse->request;

    (void)buf_printf(story, "method %d body %d %d ", (int)request->method,
                     (int)parse->body_state, (int)request->expects_continue);
    tell_span(story, request->path);
    tell_span(story, request->query);
    for (size_t i = 0; i < request->header_count; i++) {
        tell_span(story, request->headers[i].name);
        tell_span(story, request->headers[i].value);
    }
    if (parse->body_state != HTTP_BODY_WHOLE)
        return; /* how much of a broken body was kept says nothing */
    tell_span(story, buf_span(&parse->body));
    (void)buf_add_byte(story, parse->keep ? 'k' : 'c');
}

static void tell_end(struct buf *story, const struct http_parse *parse)
{
    switch (parse->state) {
    case HTTP_PARSE_HEAD: (void)buf_add_text(story, "head"); break;
    case HTTP_PARSE_REFUSED: (void)buf_add_text(story, parse->refusal->message); break;
    case HTTP_PARSE_BODY: tell_request(story, parse); break;
    }
}

/* ---- reading ---- */

static void check(const struct http_parse *parse, struct span piece, size_t taken)
{
    bool over = parse->state == HTTP_PARSE_REFUSED ||
                (parse->state == HTTP_PARSE_BODY && parse->body_state != HTTP_BODY_COMING);

    assert(taken <= piece.size);
    assert(over || taken == piece.size || parse->state == HTTP_PARSE_BODY);
    assert(buf_size(&parse->body) <= CONFIG.body_bytes_max);
    assert(parse->state != HTTP_PARSE_REFUSED || parse->refusal->status >= 400);
}

static bool goes_on(const struct http_parse *parse)
{
    return parse->state == HTTP_PARSE_BODY && parse->body_state == HTTP_BODY_WHOLE &&
           parse->keep;
}

static void feed(struct http_parse *parse, struct span piece, struct buf *story)
{
    while (piece.size) {
        size_t taken = http_parse_feed(parse, piece);

        check(parse, piece, taken);
        piece = span_skip(piece, taken);
        if (goes_on(parse)) {
            tell_request(story, parse);
            http_parse_reset(parse, &CONFIG);
        } else if (taken == 0) {
            return;
        }
    }
}

/* Cuts by a little generator started with `seed`; 0 does not cut. */
static void read_all(struct span bytes, uint32_t seed, struct buf *story)
{
    struct http_parse parse;

    http_parse_init(&parse, &CONFIG);
    while (bytes.size) {
        size_t size = bytes.size;

        if (seed) {
            seed = seed * 1664525u + 1013904223u;
            size = 1 + (seed >> 16) % (seed >> 30 ? 7 : 61);
        }
        feed(&parse, span_first(bytes, size), story);
        bytes = span_skip(bytes, size);
    }
    tell_end(story, &parse);
    http_parse_done(&parse);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span bytes = span_make((const char *)data + 1, size - 1);
    struct buf whole;
    struct buf pieces;

    if (size == 0)
        return 0;
    buf_init(&whole, STORY_MAX);
    buf_init(&pieces, STORY_MAX);
    read_all(bytes, 0, &whole);
    read_all(bytes, data[0] + 1u, &pieces);
    assert(span_equal(buf_span(&whole), buf_span(&pieces)));
    buf_done(&whole);
    buf_done(&pieces);
    return 0;
}
