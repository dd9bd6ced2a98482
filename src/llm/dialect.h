/* dialect: what each wire language supplies. One const struct per language; the rest of the program
 * never asks which it is.
 *
 * All functions are pure: bytes in, values or bytes out. Written bytes are valid UTF-8, one data line per event,
 * with LF line ends unless `crlf`. */
#ifndef LLM_DIALECT_H
#define LLM_DIALECT_H

#include "base/buf.h"
#include "llm/chat.h"
#include "llm/embed.h"
#include "llm/message.h"
#include "llm/sse.h"

struct chat_ahead;
struct provider_kind;

/* What it takes for a client of this language to be served by a provider of another. */
struct dialect_client {
    const char *id_prefix; /* of an answer's id, where the gateway makes it up: "chatcmpl-" */

    /* The request as a conversation. The body has been read by read_chat() before. */
    enum err (*read_request)(const struct chat *chat, struct arena *arena,
                             struct conversation *ret, struct chat_problem *ret_problem);

    /* A whole answer; `writer` says what the answer itself does not. */
    void (*write_reply)(const struct delta_writer *writer, const struct reply *reply,
                        struct buf *out);

    /* What has come of an answer, as events; often nothing. */
    void (*write_delta)(struct delta_writer *writer, const struct delta *delta,
                        struct buf *out);

    /* The whole answer to a request that asks how many tokens a conversation is, guessed. NULL: there is no
     * such request. */
    enum err (*write_estimate)(const struct chat *chat, struct arena *arena, struct buf *out,
                               struct chat_problem *ret_problem);

    /* Calls of this language can carry a signature; else it goes before them, as that of a thought, and no
     * answer ends with one. */
    bool signs_calls;

    const struct embed_client *embed; /* NULL: it knows no embeddings */
};

/* What a target asks of a translated request beside its client. */
struct request_target {
    struct span model;   /* its name there */
    uint64_t max_tokens; /* its longest answer, as configured; 0: not said */
    const struct provider_kind
        *kind; /* llm/provider.h: what is peculiar to it; NULL: nothing */
};

/* What it takes for a provider of this language to serve a client of another. */
struct dialect_provider {
    const char *suffix; /* where it takes conversations: "/messages"; see llm/place.h */
    const char
        *stream_suffix; /* and those whose answer is to come as a stream; NULL: there too */

    /* The request; what cannot be said is told to `losses`. */
    void (*write_request)(const struct conversation *conversation,
                          const struct request_target *target, struct losses *losses,
                          struct buf *out);

    void (*read_reply)(struct span body, struct arena *arena, struct reply *ret);

    /* What one event says: a delta, and those behind it (`next`, from the arena) when it is several things
     * at once. */
    void (*read_delta)(struct delta_reader *reader, const struct sse_event *event,
                       struct arena *arena, struct delta *ret);

    const struct embed_provider *embed; /* NULL: none are given */
};

struct dialect {
    const char *name; /* "openai" */
    const char
        *id_header; /* where its clients look for the id of a request, beside x-request-id;
                              NULL: nowhere else */

    /* What shows life in a stream where nothing is to be said; NULL: a comment. */
    const char *ping;

    /* Its streams have CRLF line ends, and are relayed with them. */
    bool crlf;

    /* Must the client's request ask for usage to get it in a stream? (stream_options) */
    bool usage_on_request;

    /* Finds what the gateway acts on; strict JSON. Of a language whose URLs name the model and say whether the
     * answer is a stream, the rest of it. ERR_OK, or `ret_problem` says why not. Here as in
     * the other readers, decoded and made-up strings come from the arena. */
    enum err (*read_chat)(struct span body, struct arena *arena, struct chat *ret,
                          struct chat_problem *ret_problem);

    /* The same for a body that is long and still coming, so that it is not all looked at in one go. `so_far` is what
     * there is of it, which may have moved since the last time; `ahead` is what the last call has
     * returned, at first NULL. In the end read_ahead() stands in for read_chat(). NULL, both: not in
     * this language. */
    struct chat_ahead *(*look_ahead)(struct chat_ahead *ahead, struct span so_far,
                                     struct arena *arena);
    enum err (*read_ahead)(struct chat_ahead *ahead, struct span body, struct arena *arena,
                           struct chat *ret, struct chat_problem *ret_problem);

    /* Reads one event of a stream. `committed`: content has been sent, so only usage, errors and the
     * end still matter, and everything else may be called LLM_CONTENT without being parsed. ret->usage comes
     * in as what was said before: some say only what has changed. */
    void (*read_event)(const struct sse_event *event, bool committed, struct arena *arena,
                       struct llm_event *ret);

    /* Reads a whole JSON answer (2xx). */
    void (*read_answer)(struct span body, struct arena *arena, struct llm_answer *ret);

    /* Usage somewhere in the last bytes of a JSON answer that was too long to be held. */
    void (*read_answer_tail)(struct span tail, struct usage *ret);

    /* Reads the body of an error answer; whatever it is (HTML, nothing), a class and a message come
     * out. The message is the provider's when it is an API's, without anything that looks like a
     * credential; a web page never becomes one. */
    void (*read_error)(unsigned status, struct span body, struct arena *arena,
                       struct llm_error *ret);

    /* The status to answer with; NULL: the error's own. */
    unsigned (*error_status)(const struct llm_error *error);

    void (*write_error)(const struct llm_error *error, struct buf *out);       /* a JSON body */
    void (*write_error_event)(const struct llm_error *error, struct buf *out); /* in a stream */

    /* What ends a good stream: appended when the upstream finished but forgot to say so. */
    void (*write_end)(struct buf *out);

    const struct dialect_client *client;     /* NULL: this build does not translate for it */
    const struct dialect_provider *provider; /* NULL: nor into it */
};

extern const struct dialect dialect_openai;    /* chat completions, completions, embeddings */
extern const struct dialect dialect_responses; /* OpenAI's /v1/responses */
extern const struct dialect dialect_anthropic; /* Messages */
extern const struct dialect dialect_gemini;    /* generateContent */

#endif
