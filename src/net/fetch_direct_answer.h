/* fetch_direct_answer: the answer of an upstream in HTTP/1.1, read: bytes in, head and body out. No
 * sockets and no libcurl in here: a test feeds it bytes.
 *
 *     HEAD --empty line of the final answer--> BODY --its end--> WHOLE
 *       |                                        |
 *       +---------------- unsound ---------------+--> BROKEN (failure says how)
 *
 * fetch_head reads the head, line by line, and skips 1xx answers; llhttp reads the chunks of a body that
 * has some. The result is the same for every way of cutting the same bytes. */
#ifndef NET_FETCH_DIRECT_ANSWER_H
#define NET_FETCH_DIRECT_ANSWER_H

#include "base/buf.h"
#include "base/span.h"
#include "net/fetch_head.h"

#include <llhttp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum fetch_answer_state {
    FETCH_ANSWER_HEAD,
    FETCH_ANSWER_BODY,
    FETCH_ANSWER_WHOLE,
    FETCH_ANSWER_BROKEN,
};

struct fetch_answer {
    enum fetch_answer_state state;
    enum fetch_failure failure; /* in BROKEN */
    bool keep;                  /* in WHOLE: another request may follow on the connection */
    uint64_t body_bytes;        /* so far, without chunk headers */

    /* The rest is for fetch_direct_answer.c. */
    struct fetch_head *head;    /* borrowed */
    struct buf *body;           /* borrowed */
    struct buf line;            /* of the head, as far as it has come */
    enum fetch_framing framing; /* of the body */
    uint64_t left;              /* of a body of FETCH_BODY_LENGTH */
    size_t trailer_bytes;
    uint32_t extension_bytes; /* of one chunk */
    llhttp_t llhttp;          /* of a body of FETCH_BODY_CHUNKED */
};

/* Borrows `head` and `body`, empty ones, until fetch_answer_done(); in BODY the lines of `head` may be
 * freed. */
void fetch_answer_init(struct fetch_answer *answer, struct fetch_head *head, struct buf *body);
void fetch_answer_done(struct fetch_answer *answer);

/* Reads on; returns how many bytes were taken: fewer than there are only in WHOLE and in BROKEN. `body`
 * grows by at most as many. */
size_t fetch_answer_feed(struct fetch_answer *answer, struct span bytes);

/* The upstream has closed: WHOLE where that is how the answer ends, else BROKEN. */
void fetch_answer_end(struct fetch_answer *answer);

#endif
