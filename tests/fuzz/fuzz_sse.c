/* Any bytes, in any two pieces and byte by byte: the same events, and what is written again reads as
 * the same event. The first byte says where the cut is. */
#include "base/buf.h"
#include "llm/sse.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* Whatever is plain or written must be read back as one plain event with the same meaning. */
static void check_form(const struct sse_event *event, struct span form)
{
    struct sse_event again;
    struct sse sse;

    sse_init(&sse);
    sse.started = true; /* a mark here would be content */
    assert(sse_next(&sse, form, false, &again));
    assert(again.consumed == form.size && again.plain && again.has_data == event->has_data);
    assert((again.type.at == NULL) == (event->type.at == NULL || !event->has_data));
    sse_done(&sse);
}

static void record(const struct sse_event *event, struct buf *log)
{
    struct buf form;

    buf_init(&form, 1 << 24);
    sse_write(event, &form);
    check_form(event, buf_span(&form));
    if (event->plain)
        check_form(event, event->raw);
    (void)buf_add(log, event->type);
    (void)buf_add_byte(log, event->has_data ? ':' : event->has_comment ? '#' : '-');
    (void)buf_add_byte(log, event->plain ? 'p' : 'o');
    (void)buf_add(log, event->data);
    (void)buf_add_byte(log, '\n');
    buf_done(&form);
}

static void feed(struct span bytes, size_t step, struct buf *log)
{
    size_t available = 0;
    size_t begin = 0;
    struct sse sse;

    sse_init(&sse);
    for (;;) {
        struct sse_event event;
        bool ended = available == bytes.size;

        if (sse_next(&sse, span_make(bytes.at + begin, available - begin), ended, &event)) {
            assert(event.consumed > 0 && event.consumed <= available - begin);
            begin += event.consumed;
            record(&event, log);
        } else if (ended) {
            break;
        } else {
            available = bytes.size - available > step ? available + step : bytes.size;
        }
    }
    sse_done(&sse);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct span stream = span_make((const char *)bytes + 1, size ? size - 1 : 0);
    struct buf whole;
    struct buf pieces;

    if (size < 2 || size > 4096)
        return 0;
    buf_init(&whole, 1 << 24);
    buf_init(&pieces, 1 << 24);
    feed(stream, stream.size, &whole);
    feed(stream, (size_t)bytes[0] + 1, &pieces);
    assert(span_equal(buf_span(&whole), buf_span(&pieces)));
    buf_reset(&pieces);
    feed(stream, 1, &pieces);
    assert(span_equal(buf_span(&whole), buf_span(&pieces)));
    buf_done(&whole);
    buf_done(&pieces);
    return 0;
}
