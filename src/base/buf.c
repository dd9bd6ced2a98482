#include "base/buf.h"

#include "base/digits.h"
#include "base/mem.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
    ROOM_MIN = 256,   /* the first block */
    ROOM_KEPT = 1024, /* an emptied buffer keeps at most this much */
};

void buf_init(struct buf *buf, size_t max)
{
    *buf = (struct buf){ .max = max };
}

void buf_done(struct buf *buf)
{
    mem_free(buf->bytes);
    buf_init(buf, buf->max);
}

void buf_wipe(struct buf *buf)
{
    if (buf->bytes)
        mem_wipe(buf->bytes, buf->room);
    buf_done(buf);
}

void buf_reset(struct buf *buf)
{
    if (buf->room > ROOM_KEPT) {
        mem_free(buf->bytes);
        buf->bytes = NULL;
        buf->room = 0;
    }
    buf->start = 0;
    buf->end = 0;
    buf->overflowed = false;
}

struct span buf_span(const struct buf *buf)
{
    return span_make(buf->bytes ? buf->bytes + buf->start : "", buf_size(buf));
}

/* Makes room for `size` more bytes behind the content: by moving it to the front when a good part of
 * the block lies idle there, else by growing, so that either pays for many appends. A block as large
 * as the maximum does not grow for this: memory is dearer than the copying. */
static void make_room(struct buf *buf, size_t size)
{
    size_t content = buf_size(buf);
    size_t room = buf->room ? buf->room : ROOM_MIN;

    assert(content + size <= buf->max);
    if (buf->bytes && buf_fits(buf, size))
        return;
    if (buf->bytes && content + size <= buf->room &&
        (buf->start >= buf->room / 4 || buf->room == buf->max)) {
        memmove(buf->bytes, buf->bytes + buf->start, content);
        buf->start = 0;
        buf->end = content;
        return;
    }
    if (buf->room)
        room *= 2;
    while (room < content + size)
        room *= 2;
    buf_grow(buf, room);
}

void buf_grow(struct buf *buf, size_t room)
{
    size_t content = buf_size(buf);

    if (room > buf->max)
        room = buf->max;
    if (buf->bytes && room <= buf->room)
        return;
    if (buf->start)
        memmove(buf->bytes, buf->bytes + buf->start, content);
    buf->bytes = mem_grow(buf->bytes, room + 1);
    buf->start = 0;
    buf->end = content;
    buf->room = room;
}

char *buf_reserve_more(struct buf *buf, size_t size)
{
    if (size > buf_left(buf)) {
        buf->overflowed = true;
        return NULL;
    }
    make_room(buf, size);
    return buf->bytes + buf->end;
}

bool buf_append_more(struct buf *buf, const void *bytes, size_t size)
{
    char *at = buf_reserve(buf, size);

    if (at == NULL)
        return false;
    memcpy(at, bytes, size);
    buf->end += size;
    return true;
}

bool buf_add_texts(struct buf *buf, const char *first, ...)
{
    va_list args;
    bool added = true;

    va_start(args, first);
    for (const char *text = first; text; text = va_arg(args, const char *))
        added = buf_add_text(buf, text) && added;
    va_end(args);
    return added;
}

bool buf_add_u64(struct buf *buf, uint64_t value)
{
    return buf_add_decimal(buf, value, 0);
}

bool buf_add_decimal(struct buf *buf, uint64_t value, unsigned decimals)
{
    char digits[DIGITS_DECIMAL_MAX];
    bool fits = buf_fits(buf, sizeof(digits));
    char *at = fits ? buf->bytes + buf->end : digits;
    char *end = decimals ? digits_put_decimal(at, value, decimals) : digits_put(at, value);

    if (!fits) /* it may be shorter */
        return buf_append(buf, digits, (size_t)(end - digits));
    buf->end += (size_t)(end - at);
    return true;
}

bool buf_add_thousandths(struct buf *buf, uint64_t value)
{
    char digits[DIGITS_DECIMAL_MAX + 3];
    char *point = digits_put(digits, value / 1000);
    char *end = digits_put(point, 1000 + value % 1000);

    *point = '.'; /* where the 1 of that thousand stood */
    return buf_append(buf, digits, (size_t)(end - digits));
}

bool buf_printf(struct buf *buf, const char *format, ...)
{
    va_list args;
    char *at;
    int size;

    va_start(args, format);
    size = vsnprintf(NULL, 0, format, args);
    va_end(args);
    assert(size >= 0);
    if (buf_reserve(buf, (size_t)size) == NULL)
        return false;
    at = buf->bytes + buf->end;
    va_start(args, format);
    (void)vsnprintf(at, (size_t)size + 1, format, args);
    va_end(args);
    buf_commit(buf, (size_t)size);
    return true;
}

const char *buf_text(struct buf *buf)
{
    make_room(buf, 0);
    buf->bytes[buf->end] = 0;
    return buf->bytes + buf->start;
}

void buf_consume(struct buf *buf, size_t size)
{
    bool overflowed = buf->overflowed;

    assert(size <= buf_size(buf));
    buf->start += size;
    if (buf->start == buf->end)
        buf_reset(buf);
    buf->overflowed = overflowed;
}

char *buf_give(struct buf *buf, size_t *ret_size)
{
    size_t size = buf_size(buf);
    char *given;

    if (buf->start == 0) {
        given = mem_grow(buf->bytes, size + 1);
        given[size] = 0;
        buf->bytes = NULL;
    } else {
        given = mem_copy(buf->bytes + buf->start, size);
    }
    buf_done(buf);
    *ret_size = size;
    return given;
}
