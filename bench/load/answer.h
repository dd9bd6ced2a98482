/* answer: reads one HTTP answer, with llhttp, and says how it ended. */
#ifndef LOAD_ANSWER_H
#define LOAD_ANSWER_H

#include "events.h"

#include <llhttp.h>

struct answer {
    llhttp_t parser;
    struct events events;
    struct tally *tally;
    uint64_t now_ns; /* of the last bytes */
    bool stream;     /* the request asked for one */
    bool begun;      /* a byte came */
    bool head;       /* is complete */
    bool complete;
    bool keep_alive; /* the connection may be used again */
    bool malformed;
};

void answer_init(struct answer *answer);
void answer_done(struct answer *answer);

/* For the next answer, to a request that was due at `started_ns`. Borrows the tally until it is
 * judged. */
void answer_reset(struct answer *answer, bool stream, uint64_t tokens, uint64_t started_ns,
                  struct tally *tally);

/* Takes what came at `now_ns`; then `complete` or `malformed` may be set. */
void answer_feed(struct answer *answer, struct span bytes, uint64_t now_ns);

/* The peer has closed, in order; that may be what completes the answer. */
void answer_close(struct answer *answer, uint64_t now_ns);

/* How it ended, and why in *ret_why, which is lent until the next reset. */
enum outcome answer_judge(const struct answer *answer, const char **ret_why);

#endif
