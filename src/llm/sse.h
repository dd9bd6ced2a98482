/* sse: cuts a byte stream into server-sent events, by the rules of the HTML standard
 * (https://html.spec.whatwg.org/multipage/server-sent-events.html), a little more forgiving at the
 * end of the stream.
 *
 * Incremental and linear: it remembers how far it has looked, so an event that arrives byte by byte
 * costs one look per byte. LF, CR and CRLF end lines, also mixed and split between reads; one leading
 * BOM is dropped; comments are events of their own, so that they can be forwarded.
 *
 *     bytes:  [ event | event | comment | half an ev ]
 *               raw                       stays until more comes */
#ifndef LLM_SSE_H
#define LLM_SSE_H

#include "base/buf.h"
#include "base/span.h"

#include <stdbool.h>
#include <stddef.h>

struct sse_event {
    size_t
        consumed; /* bytes to drop from the front: the block, and a BOM or half a CRLF before it */
    struct span raw;  /* the whole block with its blank line */
    struct span type; /* the `event` field; at == NULL: none */
    struct span data; /* data lines joined by LF; lent until the next sse_next() */
    bool has_data;    /* false: a comment, or a block that dispatches nothing */
    bool has_comment; /* without data it is a ping, and worth forwarding */
    bool whole;       /* false: the stream ended before its blank line came */
    bool plain; /* whole, LF only, and either comments alone or one data line with at most an
                         `event`: may be forwarded as it is. Anything else goes through sse_write() */
    bool plain_crlf; /* the same but for its line ends, of which some are CR or CRLF */
};

struct sse {
    size_t looked;     /* bytes behind the last cut that are known to hold no blank line */
    bool started;      /* the BOM question is settled */
    bool skip_lf;      /* the last block ended with CR: an LF that follows belongs to it */
    struct buf joined; /* the data of an event with several data lines */
};

void sse_init(struct sse *sse);
void sse_done(struct sse *sse);

/* Cuts the next event off the front of `bytes`, which begins where the last one ended. False: no
 * whole event yet. `ended`: no more will come, so that an event without its blank line counts; half
 * a CRLF may then be left. A blank line on its own is an event with nothing in it. The caller bounds
 * `bytes`. */
bool sse_next(struct sse *sse, struct span bytes, bool ended, struct sse_event *ret);

/* Writes an event in its plain form: LF, type first, one data line, valid UTF-8. The data is JSON, so
 * an LF that joined two lines may become a space; an invalid byte becomes U+FFFD. Without data: an
 * empty comment. */
void sse_write(const struct sse_event *event, struct buf *out);

#endif
