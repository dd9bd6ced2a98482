/* answer: everything that the mock could send back to one request, if no fault comes between.
 *
 * A head and a number of events. A stream has one event for each thing it sends, written when its
 * turn comes; a plain answer has one, its body. How far it gets, in what pieces and at which pace
 * is up to play.h. */
#ifndef MOCK_ANSWER_H
#define MOCK_ANSWER_H

#include "base/buf.h"
#include "completion.h"

#include <stdbool.h>
#include <stdint.h>

struct answer;
struct step;

/* Writes event `index`, gives the tokens in it. */
typedef uint32_t answer_render_fn(const struct answer *answer, uint32_t index, struct buf *out);

struct answer {
    unsigned status;
    const char *type;  /* the media type */
    struct buf fields; /* further header lines, each with its CRLF */
    bool stream;
    bool stamp;        /* put the time of sending into each event */
    uint64_t asked_ns; /* beside it, unless 0: when the request was read */
    bool usage;        /* a stream tells its usage */
    uint32_t events;
    answer_render_fn *render;
    struct buf body;           /* the body, or what each event of a stream begins with */
    const struct step *script; /* plays it in place of the usual; NULL: the usual */
    struct completion said;
};

/* A plain answer with an empty body. */
void answer_init(struct answer *answer);
void answer_done(struct answer *answer);

/* Makes it a stream of `events` events. */
void answer_set_stream(struct answer *answer, uint32_t events, answer_render_fn *render);

/* Writes status line and headers; `chunked` says how a stream is framed, `close` what becomes of
 * the connection. */
void answer_write_head(const struct answer *answer, bool chunked, bool close, struct buf *out);

const char *answer_reason(unsigned status);

#endif
