/* events: reads the SSE body of one answer and judges it.
 *
 *     bytes -> lines -> "data:" -> one JSON value -> error? token? stamp?
 *
 * A stream is right when each event holds one JSON value, tokens (if they are numbered) come in
 * order and each once, and it ends with [DONE] and nothing behind it. */
#ifndef LOAD_EVENTS_H
#define LOAD_EVENTS_H

#include "base/buf.h"
#include "base/span.h"
#include "tally.h"

#include <stdbool.h>
#include <stdint.h>

struct events {
    struct buf line;     /* the beginning of a line whose end has not come */
    uint64_t expected;   /* tokens, numbered from 0; 0: not looked at */
    uint64_t started_ns; /* when the request was due */
    uint64_t now_ns;     /* when the bytes came that are being read */
    struct tally *tally;
    uint64_t tokens;   /* so far */
    uint64_t last_ns;  /* when the last token came */
    uint64_t stamp_ns; /* when the last event was sent, if it says so */
    uint64_t
        asked_ns; /* when the provider had read the request, if it says so; 0: it does not */
    uint64_t token_stamp_ns; /* when the last token was sent; 0: it does not say */
    bool data_seen;          /* in the event that is being read */
    bool finished;           /* a finish_reason was seen */
    bool done;               /* [DONE] was seen */
    bool error;              /* an error event was seen */
    const char *wrong;       /* the first thing that was; NULL: nothing yet */
    uint64_t wrong_at;       /* and at which token */
};

void events_init(struct events *events);
void events_done(struct events *events);

/* For the next stream, whose request was due at `started_ns`. Borrows the tally until the
 * stream is judged. */
void events_reset(struct events *events, uint64_t expected, uint64_t started_ns,
                  struct tally *tally);

/* Takes what came at `now_ns` and counts it. */
void events_feed(struct events *events, struct span bytes, uint64_t now_ns);

/* The body has ended: what is to be said of it? OUTCOME_OK, _BROKEN or _WRONG; what is wrong is
 * in *ret_why. */
enum outcome events_judge(const struct events *events, const char **ret_why);

#endif
