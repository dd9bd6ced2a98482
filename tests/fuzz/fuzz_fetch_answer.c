/* The answer of an upstream: bytes cut at places that the input chooses must mean what they mean in one
 * piece, and a head that is accepted must be one to llhttp, too, which must see the same body behind it. The
 * first byte of the input steers the cuts and the end, the rest is what an upstream sends. */
#include "net/fetch_direct_answer.h"

#include "base/buf.h"
#include "base/span.h"

#include <assert.h>
#include <llhttp.h>
#include <stddef.h>
#include <stdint.h>

enum { STORY_MAX = 1024 * 1024, INPUT_MAX = 32 * 1024 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void tell(struct buf *story, const struct fetch_answer *answer,
                 const struct fetch_head *head, const struct buf *body, size_t rest)
{
    (void)buf_printf(story, "%d %d ", (int)answer->state, (int)answer->failure);
    if (answer->state == FETCH_ANSWER_HEAD || answer->state == FETCH_ANSWER_BROKEN)
        return; /* how much of a broken body was kept says nothing */
    (void)buf_printf(story, "%u %d %zu ", head->status, (int)answer->keep, rest);
    (void)buf_add(story, fetch_head_value(head, "content-type"));
    (void)buf_add_byte(story, ' ');
    (void)buf_add(story, buf_span(body));
}

static bool is_over(const struct fetch_answer *answer)
{
    return answer->state == FETCH_ANSWER_WHOLE || answer->state == FETCH_ANSWER_BROKEN;
}

struct opinion {
    bool asked;
    enum fetch_framing framing;
    bool keeps;
};

static int on_headers_complete(llhttp_t *llhttp)
{
    struct opinion *opinion = llhttp->data;
    bool none = llhttp->status_code == 204 || llhttp->status_code == 304;

    opinion->asked = true;
    opinion->keeps = llhttp_should_keep_alive(llhttp);
    opinion->framing = none                               ? FETCH_BODY_NONE
                       : llhttp->flags & F_CHUNKED        ? FETCH_BODY_CHUNKED
                       : llhttp->flags & F_CONTENT_LENGTH ? FETCH_BODY_LENGTH
                                                          : FETCH_BODY_TO_CLOSE;
    return HPE_PAUSED;
}

/* We see no reason in HTTP/1.0 and chunks to keep a connection, nor in Proxy-Connection anything. */
static bool may_differ(const struct fetch_head *head, enum fetch_framing framing)
{
    return framing == FETCH_BODY_TO_CLOSE || (head->old && framing == FETCH_BODY_CHUNKED) ||
           fetch_head_value(head, "proxy-connection").at;
}

static void compare(const struct fetch_head *head)
{
    static const llhttp_settings_t settings = { .on_headers_complete = on_headers_complete };
    enum fetch_framing framing = fetch_head_framing(head);
    struct span lines = buf_span(&head->lines);
    struct opinion other = { 0 };
    llhttp_errno_t error;
    llhttp_t llhttp;

    if (framing == FETCH_FRAMED_BADLY)
        return;
    llhttp_init(&llhttp, HTTP_RESPONSE, &settings);
    llhttp.data = &other;
    error = llhttp_execute(&llhttp, lines.at, lines.size);
    if (error == HPE_OK)
        error = llhttp_execute(&llhttp, "\r\n", 2);
    assert(error == HPE_PAUSED && other.asked);
    assert(other.framing == framing && llhttp.status_code == head->status);
    assert(framing != FETCH_BODY_LENGTH || llhttp.content_length == head->length);
    assert(other.keeps == fetch_head_keeps(head) || may_differ(head, framing));
}

/* Cuts by a little generator started with `seed`; 0 does not cut. */
static void read_all(struct span bytes, uint32_t seed, bool closed, struct buf *story)
{
    struct fetch_head head;
    struct fetch_answer answer;
    struct buf body;

    fetch_head_init(&head);
    buf_init(&body, INPUT_MAX);
    fetch_answer_init(&answer, &head, &body);
    while (bytes.size && !is_over(&answer)) {
        size_t size = bytes.size;
        size_t taken;

        if (seed) {
            seed = seed * 1664525u + 1013904223u;
            size = 1 + (seed >> 16) % (seed >> 30 ? 7 : 61);
        }
        taken = fetch_answer_feed(&answer, span_first(bytes, size));
        assert(taken == span_first(bytes, size).size || is_over(&answer));
        assert(answer.body_bytes == buf_size(&body));
        bytes = span_skip(bytes, taken);
    }
    if (closed)
        fetch_answer_end(&answer);
    assert(!closed || is_over(&answer));
    tell(story, &answer, &head, &body, bytes.size);
    if (head.complete)
        compare(&head);
    fetch_answer_done(&answer);
    fetch_head_done(&head);
    buf_done(&body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span bytes = span_make((const char *)data + 1, size - 1);
    struct buf whole;
    struct buf pieces;
    bool closed;

    if (size == 0 || size > INPUT_MAX)
        return 0;
    closed = data[0] & 1;
    buf_init(&whole, STORY_MAX);
    buf_init(&pieces, STORY_MAX);
    read_all(bytes, 0, closed, &whole);
    read_all(bytes, data[0] + 1u, closed, &pieces);
    assert(span_equal(buf_span(&whole), buf_span(&pieces)));
    buf_done(&whole);
    buf_done(&pieces);
    return 0;
}
