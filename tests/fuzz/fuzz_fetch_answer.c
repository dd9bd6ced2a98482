/* The answer of an upstream: bytes cut at places that the input chooses must mean what they mean in one
 * piece. The first byte of the input steers the cuts and the end, the rest is what an upstream sends. */
#include "net/fetch_direct_answer.h"

#include "base/buf.h"
#include "base/span.h"

#include <assert.h>
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
