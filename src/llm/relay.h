/* relay: the same dialect on both sides. Nothing is parsed and printed again: the client's bytes go
 * up with the model's name exchanged in place, the provider's events come down as they came, and
 * usage and errors are read on the way past. With different dialects only the events are cut here;
 * llm/translate.h says what becomes of them. */
#ifndef LLM_RELAY_H
#define LLM_RELAY_H

#include "llm/chat.h"
#include "llm/dialect.h"
#include "llm/estimate.h"
#include "llm/sse.h"
#include "llm/translate.h"

/* ---- up ---- */

enum { RELAY_PIECES_MAX = 8 };

/* The request for the upstream as pieces of the client's body and a few inserted bytes: `model` in
 * place of the client's (inserted first when there is none), and stream_options.include_usage made
 * true when `want_usage`. Everything else stays byte for byte. Returns the number of pieces; inserted
 * bytes come from the arena. */
size_t relay_request(const struct chat *chat, struct span model, bool want_usage,
                     struct arena *arena, struct span pieces[RELAY_PIECES_MAX]);

/* ---- down, a stream ---- */

enum relay_verdict {
    RELAY_HOLD, /* shows life only: may wait in the commit window; after the commit, send it */
    RELAY_FORWARD, /* content: commit, send */
    RELAY_DROP,    /* nothing for the client: the usage chunk that it did not ask for */
    RELAY_FAILED, /* an error event, or one beyond LIMIT_EVENT_BYTES: `error` says what, `bytes` is
                      empty; everything behind it is dropped */
    RELAY_END,    /* the dialect's end marker: send `bytes`, then the reply is complete */
};

struct relay_step {
    enum relay_verdict verdict;
    size_t consumed;        /* bytes to drop from the front of the input */
    struct span bytes;      /* what to send, now or from the commit window; lent until the next
                           relay_next() */
    bool as_came;           /* and even longer: `bytes` are part of the input */
    struct llm_error error; /* of RELAY_FAILED alone; its words are lent until relay_done() */
};

struct relay {
    const struct dialect *dialect;
    bool withhold_usage;  /* we asked for the usage chunk, the client did not */
    bool committed;       /* a RELAY_FORWARD was returned */
    bool finished;        /* a finish reason went past */
    bool ended;           /* the end marker went past */
    bool failed;          /* a RELAY_FAILED was returned */
    uint32_t malformed;   /* events that are not of the dialect */
    uint64_t events;      /* with data, of whatever kind */
    struct estimate said; /* of the model, so far: in case that nobody counts it for us */
    struct usage usage;   /* the last one said */
    bool begun;           /* it says only what went in */
    struct sse sse;
    struct buf plain;            /* an event rewritten in plain form, or translated */
    struct arena words;          /* of the error */
    struct translate *translate; /* NULL: the dialect is the client's */
};

void relay_init(struct relay *relay, const struct dialect *dialect, bool withhold_usage);

/* Before the first event: what comes is in `dialect`, and the client speaks another. An event that
 * cannot be understood is then an error, as nothing could be said in its place. */
void relay_translate(struct relay *relay, const struct dialect *client,
                     const struct translate_facts *facts);
void relay_done(struct relay *relay);

/* The next event of `bytes`, which begin where the last step's `consumed` ended; false: no whole event
 * there. `ended`: the upstream has closed in good order, so that an event without its blank line
 * counts if it can be read; after a reset pass false, and half an event is never sent.
 *
 * A plain event leaves as it came. With `withhold_usage` only the chunk without choices is dropped:
 * the `"usage":null` that the other chunks then carry does no client harm, and taking it out would
 * mean to write every chunk anew. */
bool relay_next(struct relay *relay, struct span bytes, bool ended, struct relay_step *ret);

/* What the client is owed when the upstream has finished its answer and forgot to end it. Lent until the
 * next call. */
struct span relay_end(struct relay *relay);

/* What the answer has used so far: what its provider said last. Where it said nothing, as in a stream
 * that broke or was cancelled: what can be counted of the answer, with the estimate_prompt() of the
 * request; then it is flagged. Where it told what went in, only what came out is counted. */
struct usage relay_usage(const struct relay *relay, uint64_t prompt_tokens);

#endif
