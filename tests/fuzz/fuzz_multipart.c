/* Any bytes as a form, whole, in pieces of any size and byte by byte: the same parts at the same places,
 * in order and inside the body. The first byte is the size of the pieces. */
#include "base/buf.h"
#include "llm/multipart.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void feed(struct span body, size_t step, struct buf *log)
{
    struct multipart form;
    enum multipart_kind before = MULTIPART_CLOSE;
    uint64_t last = 0;

    multipart_init(&form, SPAN_OF("B"));
    for (size_t at = 0; at < body.size;) {
        struct span part = span_first(span_skip(body, at), step);
        struct multipart_event event;
        size_t taken = multipart_next(&form, part, &event);

        assert(taken > 0 && taken <= part.size);
        at += taken;
        assert(form.at == at);
        if (event.kind == MULTIPART_BAD)
            (void)buf_add_text(log, "bad");
        if (event.kind == MULTIPART_BAD)
            return;
        if (event.kind == MULTIPART_MORE)
            continue;
        assert(event.at >= last && event.at <= at);
        assert((event.kind == MULTIPART_CLOSE) == (before == MULTIPART_BEGIN));
        assert(before != MULTIPART_END);
        before = event.kind;
        last = event.at;
        (void)buf_printf(log, "%d %.*s %llu\n", (int)event.kind, SPAN_ARG(event.name),
                         (unsigned long long)event.at);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct span body = span_make((const char *)bytes + 1, size ? size - 1 : 0);
    struct span boundary;
    struct buf whole;
    struct buf pieces;

    if (size < 2 || size > 16384)
        return 0;
    if (multipart_boundary(body, &boundary))
        assert(boundary.size > 0 && boundary.size <= MULTIPART_BOUNDARY_BYTES);
    buf_init(&whole, 1 << 24);
    buf_init(&pieces, 1 << 24);
    feed(body, body.size, &whole);
    feed(body, (size_t)bytes[0] + 1, &pieces);
    assert(span_equal(buf_span(&whole), buf_span(&pieces)));
    buf_reset(&pieces);
    feed(body, 1, &pieces);
    assert(span_equal(buf_span(&whole), buf_span(&pieces)));
    buf_done(&whole);
    buf_done(&pieces);
    return 0;
}
