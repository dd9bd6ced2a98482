/* fetch_send: a request on its way out: what of it is still to be written. No sockets in here.
 *
 *     fetch_send_head --> fetch_send_begin --> [ fetch_send_next --> fetch_send_taken ]* --> whole
 *                                                        ^               |
 *                                                        +--- _refill <--+  of a body that is fed
 */
#ifndef NET_FETCH_SEND_H
#define NET_FETCH_SEND_H

#include "base/buf.h"
#include "net/fetch.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h>

struct fetch_supply;

/* Appends the head of a request: its line, Host, its headers, the length of its body. */
void fetch_send_head(const struct fetch_request *request, struct buf *out);

enum { FETCH_SEND_FRAME_BYTES = 24 };

/* Zeroed: nothing to send. */
struct fetch_send {
    struct span head;        /* what is left of it, or later of the frame of a chunk */
    struct buf kept;         /* where that stands, once the lent one is gone */
    const struct span *body; /* borrowed, as the request's */
    size_t body_count;
    size_t body_at;     /* the piece being sent */
    size_t body_offset; /* sent of it */

    struct fetch_supply *supply; /* borrowed, of a body that is fed; NULL: it is in `body` */
    struct buf fed;              /* what was moved out of it */
    bool chunked;                /* its length is not known */
    bool ended;                  /* nothing more comes out of it */
    char frame[FETCH_SEND_FRAME_BYTES];
};

/* Lends the head until fetch_send_keep(); borrows the body, or the supply of one that is fed. */
void fetch_send_begin(struct fetch_send *send, struct span head,
                      const struct fetch_request *request, struct fetch_supply *supply);
void fetch_send_done(struct fetch_send *send);

/* Fills `pieces` with what comes next, at most `max` of them and LIMIT_SEND_BYTES, and returns how many:
 * 0 when all is taken. */
size_t fetch_send_next(const struct fetch_send *send, struct iovec *pieces, size_t max);

/* The connection took so many bytes of what comes next. */
void fetch_send_taken(struct fetch_send *send, size_t size);

/* What is left of the head outlives the buf that it was lent in. */
void fetch_send_keep(struct fetch_send *send);

/* When all is taken: looks for more in the supply. False: nothing has come, or nothing will. */
bool fetch_send_refill(struct fetch_send *send);

bool fetch_send_is_whole(const struct fetch_send *send);

#endif
