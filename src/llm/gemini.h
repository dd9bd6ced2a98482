/* gemini: what the files of Google Gemini's language share. For gemini*.c alone; everybody else uses
 * dialect_gemini. */
#ifndef LLM_GEMINI_H
#define LLM_GEMINI_H

#include "base/json.h"
#include "llm/dialect.h"
#include "llm/scan.h"

#define GEMINI_LANGUAGE "gemini" /* marks its signatures */

/* ---- gemini_models.c ---- */

/* How a model is told how hard to think. */
enum gemini_thinking {
    THINKS_NOT,
    THINKS_BUDGET, /* so many tokens */
    THINKS_LEVEL,  /* a word */
};

/* What differs between the models of this provider. */
struct gemini_model {
    const char *prefix; /* of their names */
    enum gemini_thinking thinking;
    uint32_t budget_min; /* of one that cannot be told not to think at all */
    bool schemas;        /* takes JSON Schemas as they are; else a dialect of its own */
};

const struct gemini_model *gemini_model_find(struct span name);

/* The word for an effort; some models do not know all of them. */
const char *gemini_level(struct span model, struct span effort);

/* ---- gemini_schema.c ---- */

/* A JSON Schema in the words that all models know: those of OpenAPI. What it has no word for is left out,
 * and `ret_lost` is true. */
void gemini_write_schema(struct span schema, struct json_writer *w, bool *ret_lost);

/* ---- gemini_request.c ---- */

void gemini_write_request(const struct conversation *conversation,
                          const struct request_target *target, struct losses *losses,
                          struct buf *out);

/* ---- gemini_contents.c ---- */

/* The members `systemInstruction` and `contents`. */
void gemini_write_contents(const struct conversation *conversation, struct losses *losses,
                           struct json_writer *w);

/* ---- gemini_answer.c: an answer is told as it comes in pieces that are answers themselves ---- */

struct gemini_answer {
    bool broken;       /* not of the language */
    bool failed;       /* it says that something failed */
    bool empty;        /* neither a candidate, nor a word why there is none */
    struct span id;    /* raw string */
    struct span model; /* raw string */
    struct span parts; /* raw array; at == NULL: none */
    enum finish finish;
    bool garbled;        /* the model wrote something that is no call */
    struct span refusal; /* raw string: why there is no answer, or no more of it */
    struct usage usage;
};

/* Reads a usageMetadata; `ret` stays when it is none. */
void gemini_read_usage(const struct scan_field *object, struct usage *ret);

void gemini_read_answer(struct span body, struct gemini_answer *ret);

/* One of the parts: text, thinking, a call; or a signature alone, as thinking without a text. A part
 * gives two of these when a text is signed: `ret` is then the text, and `ret->next` that. False: nothing
 * that a client of another language could use. */
bool gemini_read_part(const struct scan_item *item, struct arena *arena, struct part *ret);

/* A call that comes without an id gets one that no other call has: call `index` of this answer. */
struct span gemini_call_id(const struct gemini_answer *answer, struct span bytes,
                           uint32_t index, struct arena *arena);

/* What is to be said of an answer that is garbled, and holds nothing. */
extern const struct llm_error gemini_garbled;

/* ---- gemini_signature.c ---- */

/* Is it a signature that such a client can be given? */
bool gemini_signs(struct span signature);

/* Such a signature as a JSON string: Gemini's own as it was, another's packed. */
void gemini_write_signature(struct span signature, struct buf *out);

/* Likewise thinking that only its provider can read. */
void gemini_write_redacted(struct span raw, struct buf *out);

/* What a client sends back: the signature of a part, or what makes a thought one of the redacted kind. */
void gemini_read_signature(struct span raw, struct arena *arena, struct part *io);

/* ---- gemini_read_request.c ---- */

enum err gemini_read_chat(struct span body, struct arena *arena, struct chat *ret,
                          struct chat_problem *ret_problem);
struct chat_ahead *gemini_look_ahead(struct chat_ahead *ahead, struct span so_far,
                                     struct arena *arena);
enum err gemini_read_ahead(struct chat_ahead *ahead, struct span body, struct arena *arena,
                           struct chat *ret, struct chat_problem *ret_problem);
enum err gemini_read_request(const struct chat *chat, struct arena *arena,
                             struct conversation *ret, struct chat_problem *ret_problem);
enum err gemini_write_estimate(const struct chat *chat, struct arena *arena, struct buf *out,
                               struct chat_problem *ret_problem);

/* ---- gemini_event.c ---- */

void gemini_read_event(const struct sse_event *event, bool committed, struct arena *arena,
                       struct llm_event *ret);
void gemini_read_whole(struct span body, struct arena *arena, struct llm_answer *ret);
void gemini_read_tail(struct span tail, struct usage *ret);

/* ---- gemini_write_reply.c, gemini_write_delta.c ---- */

const char *gemini_finish_word(enum finish finish);
void gemini_write_usage(const struct usage *usage, struct json_writer *w);
void gemini_write_part(const struct part *part, struct json_writer *w);
void gemini_write_reply(const struct delta_writer *writer, const struct reply *reply,
                        struct buf *out);
void gemini_write_delta(struct delta_writer *writer, const struct delta *delta,
                        struct buf *out);

/* ---- gemini_reply.c, gemini_delta.c ---- */

void gemini_read_reply(struct span body, struct arena *arena, struct reply *ret);
void gemini_read_delta(struct delta_reader *reader, const struct sse_event *event,
                       struct arena *arena, struct delta *ret);

/* ---- gemini_embed.c ---- */

void gemini_write_ask(const struct embed_ask *ask, struct losses *losses, struct buf *out);
void gemini_read_vectors(struct span body, struct arena *arena, struct embed_reply *ret);

/* ---- gemini_error.c ---- */

void gemini_read_error(unsigned status, struct span body, struct arena *arena,
                       struct llm_error *ret);
void gemini_write_error(const struct llm_error *error, struct buf *out);
void gemini_write_error_event(const struct llm_error *error, struct buf *out);

#endif
