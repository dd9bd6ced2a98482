/* dialect: what each wire language supplies. One const struct per language; the rest of the program
 * never asks which it is.
 *
 * All functions are pure: bytes in, values or bytes out. Written bytes are valid UTF-8 with LF line
 * ends, one data line per event. */
#ifndef LLM_DIALECT_H
#define LLM_DIALECT_H

#include "base/buf.h"
#include "llm/chat.h"
#include "llm/sse.h"

struct dialect {
    const char *name; /* "openai" */

    /* Must the client's request ask for usage to get it in a stream? (stream_options) */
    bool usage_on_request;

    /* Finds what the gateway acts on; strict JSON. ERR_OK, or `ret_problem` says why not. Here as in
     * the other readers, decoded and made-up strings come from the arena. */
    enum err (*read_chat)(struct span body, struct arena *arena, struct chat *ret,
                          struct chat_problem *ret_problem);

    /* Reads one event of a stream. `committed`: content has been sent, so only usage, errors and the
     * end still matter, and everything else may be called LLM_CONTENT without being parsed. */
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

    void (*write_error)(const struct llm_error *error, struct buf *out);       /* a JSON body */
    void (*write_error_event)(const struct llm_error *error, struct buf *out); /* in a stream */

    /* What ends a good stream: appended when the upstream finished but forgot to say so. */
    void (*write_end)(struct buf *out);
};

extern const struct dialect dialect_openai;    /* chat completions, completions, embeddings */
extern const struct dialect dialect_responses; /* OpenAI's /v1/responses */

#endif
