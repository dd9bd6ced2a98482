/* fetch_send: a request on its way out: what of it is still to be written. No sockets in here.
 *
 *     fetch_send_head --> fetch_send_begin --> [ fetch_send_next --> fetch_send_taken ]* --> whole
 */
#ifndef NET_FETCH_SEND_H
#define NET_FETCH_SEND_H

#include "base/buf.h"
#include "net/fetch.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h>

/* Appends the head of a request: its line, Host, its headers, the length of its body. */
void fetch_send_head(const struct fetch_request *request, struct buf *out);

/* Zeroed: nothing to send. */
struct fetch_send {
    struct span head;        /* what is left of it */
    struct buf kept;         /* where that stands, once the lent one is gone */
    const struct span *body; /* borrowed, as the request's */
    size_t body_count;
    size_t body_at;     /* the piece being sent */
    size_t body_offset; /* sent of it */
};

/* Lends the head until fetch_send_keep(); borrows the body. */
void fetch_send_begin(struct fetch_send *send, struct span head,
                      const struct fetch_request *request);
void fetch_send_done(struct fetch_send *send);

/* Fills `pieces` with what comes next, at most `max` of them, and returns how many: 0 when all is
 * taken. */
size_t fetch_send_next(const struct fetch_send *send, struct iovec *pieces, size_t max);

/* The connection took so many bytes of what comes next. */
void fetch_send_taken(struct fetch_send *send, size_t size);

/* What is left of the head outlives the buf that it was lent in. */
void fetch_send_keep(struct fetch_send *send);

bool fetch_send_is_whole(const struct fetch_send *send);

#endif
