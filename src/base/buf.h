/* buf: bytes that grow at the end and are consumed at the front, up to a maximum set at init.
 *
 *       bytes
 *         |  consumed  |   content    |   spare   |
 *         0          start           end        room <= max
 *
 * Behind `room` there is one byte more, for a NUL.
 *
 * Appending beyond the maximum is refused whole and remembered: a writer may append piece by piece
 * and look at `overflowed` once, at the end. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/span.h"

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct buf {
    char *bytes;
    size_t start;
    size_t end;
    size_t room;
    size_t max;
    bool overflowed;
};

void buf_init(struct buf *buf, size_t max);
void buf_done(struct buf *buf);
void buf_wipe(struct buf *buf);  /* the same when it has held a secret */
void buf_reset(struct buf *buf); /* empty again; keeps a small block, frees a large one */

static inline size_t buf_size(const struct buf *buf)
{
    return buf->end - buf->start;
}

/* How many more bytes an append would take. */
static inline size_t buf_left(const struct buf *buf)
{
    return buf->max - buf_size(buf);
}

/* Lends the content until the next call on this buf. */
struct span buf_span(const struct buf *buf);
const char *buf_text(struct buf *buf); /* the content with a NUL behind it */

/* The block has room for it already, which is nearly always so. */
static inline bool buf_fits(const struct buf *buf, size_t size)
{
    return buf->room - buf->end >= size;
}

/* What buf_append() does where there is no room yet. */
bool buf_append_more(struct buf *buf, const void *bytes, size_t size);

/* Here, so that a text whose size the compiler knows is a move or two. */
static inline bool buf_append(struct buf *buf, const void *bytes, size_t size)
{
    if (size == 0)
        return true; /* an empty buf has no place to give, and needs none */
    if (!buf_fits(buf, size))
        return buf_append_more(buf, bytes, size);
    memcpy(buf->bytes + buf->end, bytes, size);
    buf->end += size;
    return true;
}

static inline bool buf_add(struct buf *buf, struct span bytes)
{
    return buf_append(buf, bytes.at, bytes.size);
}

static inline bool buf_add_text(struct buf *buf, const char *text)
{
    return buf_append(buf, text, strlen(text));
}

static inline bool buf_add_byte(struct buf *buf, char byte)
{
    return buf_append(buf, &byte, 1);
}

/* All the texts up to a NULL, one behind the other: for heads and keys, where printf would cost ten
 * times as much. */
bool buf_add_texts(struct buf *buf, const char *first, ...) __attribute__((sentinel));
bool buf_add_u64(struct buf *buf, uint64_t value);
/* value / 10^decimals, exactly: 1230 and 3 make 1.23. */
bool buf_add_decimal(struct buf *buf, uint64_t value, unsigned decimals);
bool buf_add_thousandths(struct buf *buf, uint64_t value); /* 12340: "12.340" */
bool buf_printf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Lends `size` writable bytes behind the content; buf_commit() makes the first of them content.
 * NULL when they would not fit. */
char *buf_reserve_more(struct buf *buf, size_t size);

static inline char *buf_reserve(struct buf *buf, size_t size)
{
    return buf->bytes && buf_fits(buf, size) ? buf->bytes + buf->end
                                             : buf_reserve_more(buf, size);
}

static inline void buf_commit(struct buf *buf, size_t size)
{
    assert(size <= buf->room - buf->end);
    buf->end += size;
}

/* Makes the block `room` bytes large if it is smaller, and not a byte larger, nor beyond the maximum: for
 * content whose final size is known. */
void buf_grow(struct buf *buf, size_t room);

/* Drops `size` bytes at the front. */
void buf_consume(struct buf *buf, size_t size);

/* Gives the content away as one block with a NUL behind it; `buf` is empty afterwards. */
char *buf_give(struct buf *buf, size_t *ret_size);

#endif
