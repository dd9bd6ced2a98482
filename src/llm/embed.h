/* embed: embeddings that a client asks for in one language and a provider gives in another.
 *
 *     the client's request --read--> ask --write--> the provider's request
 *     the client's answer <--write-- vectors <--read--- the provider's answer
 *
 * As in message.h, texts are the JSON strings that they stood in; so are numbers, until a client wants them
 * packed. */
#ifndef LLM_EMBED_H
#define LLM_EMBED_H

#include "base/arena.h"
#include "base/buf.h"
#include "llm/chat.h"
#include "llm/message.h"

struct dialect;

struct embed_ask {
    struct span model; /* as the provider calls it */
    struct text *texts;
    size_t count;
    uint64_t bytes;         /* of all texts: what an estimate is made from */
    struct span dimensions; /* raw number; at == NULL: not said */
    bool packed;            /* the client wants float32s in base64 */
    struct peculiar *peculiar;
};

struct embed_reply {
    bool failed; /* an error in a 200: `error` is filled */
    bool malformed;
    struct text *vectors; /* raw arrays of numbers, in the order of the texts */
    size_t count;
    struct usage usage;
    struct llm_error error;
};

/* What it takes for a client of a language, and for a provider of one. */
struct embed_client {
    enum err (*read_ask)(const struct chat *chat, struct arena *arena, struct embed_ask *ret,
                         struct chat_problem *ret_problem);
    void (*write_reply)(const struct embed_ask *ask, const struct embed_reply *reply,
                        struct buf *out);
};

struct embed_provider {
    const char *suffix; /* see llm/place.h */
    void (*write_ask)(const struct embed_ask *ask, struct losses *losses, struct buf *out);
    void (*read_reply)(struct span body, struct arena *arena, struct embed_reply *ret);
};

bool embed_can(const struct dialect *client, const struct dialect *provider);

/* One request and its answer. */
struct embed {
    const struct dialect *client;
    const struct dialect *provider;
    const struct chat *chat; /* read again for the answer: its body must still be there */
    struct span model;       /* as the provider calls it */
};

/* Writes the request for the upstream. False: losses->problem says why it cannot be asked there. */
bool embed_request(const struct embed *embed, struct losses *losses, struct buf *out);

/* A whole answer; `out` is written only if it has neither failed nor is malformed. */
void embed_answer(const struct embed *embed, struct span body, struct arena *arena,
                  struct buf *out, struct llm_answer *ret);

#endif
