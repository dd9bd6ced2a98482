/* translate: different languages on both sides. What the client says becomes a conversation
 * (message.h), and that the provider's request; what the provider says becomes a reply or deltas, and
 * these the client's answer.
 *
 * A stream goes through llm/relay all the same: it cuts the events, and asks here what becomes of one. */
#ifndef LLM_TRANSLATE_H
#define LLM_TRANSLATE_H

#include "base/buf.h"
#include "llm/chat.h"
#include "llm/dialect.h"
#include "llm/message.h"
#include "llm/sse.h"

/* Can a client of the one language be served by a provider of the other? Not for the same language:
 * there is nothing to translate. */
bool translate_can(const struct dialect *client, const struct dialect *provider);

/* ---- up ---- */

/* Writes the request for the upstream into `out`, which should take translate_room() bytes. False:
 * losses->problem says why it cannot be served there. Other losses are named in it. */
bool translate_request(const struct dialect *client, const struct dialect *provider,
                       const struct chat *chat, const struct request_target *target,
                       struct losses *losses, struct buf *out);

/* More than a request of that size becomes. */
size_t translate_room(size_t body_bytes);

/* ---- down ---- */

/* What the answer does not say itself. */
struct translate_facts {
    const char *id;    /* for one that comes without */
    struct span model; /* likewise */
    uint64_t created_s;
    uint64_t
        input;  /* about so many tokens went in: for a client that is told before it is known */
    bool usage; /* a stream tells its usage at the end */
};

/* One stream between two languages. */
struct translate {
    const struct dialect *client; /* NULL: nothing is translated */
    const struct dialect *provider;
    struct delta_reader reader;
    struct delta_writer writer;
    struct buf envelope;
};

void translate_init(struct translate *translate, const struct dialect *client,
                    const struct dialect *provider, const struct translate_facts *facts);
void translate_done(struct translate *translate);

/* Reads an event and appends what the client gets for it to `out`: LLM_CONTENT, LLM_NOTHING (shows life;
 * `out` may be empty), LLM_END, LLM_FAILED or LLM_MALFORMED. Never LLM_USAGE. */
void translate_event(struct translate *translate, const struct sse_event *event,
                     struct arena *arena, struct buf *out, struct llm_event *ret);

/* The end of an answer that has finished and did not say so. */
void translate_end(struct translate *translate, const struct usage *usage, struct buf *out);

/* A whole answer; `out` is written only if it has neither failed nor is malformed. */
void translate_answer(const struct dialect *client, const struct dialect *provider,
                      const struct translate_facts *facts, struct span body,
                      struct arena *arena, struct buf *out, struct llm_answer *ret);

#endif
