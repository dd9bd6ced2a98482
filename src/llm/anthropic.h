/* anthropic: what the files of Anthropic's language share. For anthropic*.c alone; everybody else uses
 * dialect_anthropic. */
#ifndef LLM_ANTHROPIC_H
#define LLM_ANTHROPIC_H

#include "base/json.h"
#include "llm/dialect.h"

/* ---- anthropic_models.c ---- */

/* What differs between the models of this provider. */
struct anthropic_model {
    const char *prefix;  /* of their names */
    bool thinks;         /* at all */
    bool thinks_by_need; /* told how hard; else given a budget of tokens */
    bool schemas;        /* output and calls can be held to a JSON Schema */
};

const struct anthropic_model *anthropic_model_find(struct span name);

/* ---- anthropic_request.c ---- */

void anthropic_write_request(const struct conversation *conversation,
                             const struct request_target *target, struct losses *losses,
                             struct buf *out);

/* ---- anthropic_messages.c ---- */

/* The members `system` and `messages`. */
void anthropic_write_messages(const struct conversation *conversation, struct losses *losses,
                              struct json_writer *w);

/* Has an assistant called tools, and its thinking was not kept? */
bool anthropic_thinking_is_lost(const struct conversation *conversation);

/* ---- anthropic_reply.c ---- */

/* Reads a usage object; what it does not say stays. */
void anthropic_read_usage(struct span raw, struct usage *io);
enum finish anthropic_finish(struct span stop_reason);
void anthropic_read_reply(struct span body, struct arena *arena, struct reply *ret);

/* ---- anthropic_delta.c ---- */

void anthropic_read_delta(struct delta_reader *reader, const struct sse_event *event,
                          struct arena *arena, struct delta *ret);

/* ---- anthropic_error.c ---- */

void anthropic_read_error(unsigned status, struct span body, struct arena *arena,
                          struct llm_error *ret);
unsigned anthropic_error_status(const struct llm_error *error);
void anthropic_write_error(const struct llm_error *error, struct buf *out);
void anthropic_write_error_event(const struct llm_error *error, struct buf *out);

/* ---- anthropic_event.c ---- */

void anthropic_read_event(const struct sse_event *event, bool committed, struct arena *arena,
                          struct llm_event *ret);
void anthropic_read_answer(struct span body, struct arena *arena, struct llm_answer *ret);
void anthropic_read_answer_tail(struct span tail, struct usage *ret);

/* ---- anthropic_read_request.c ---- */

enum err anthropic_read_request(const struct chat *chat, struct arena *arena,
                                struct conversation *ret, struct chat_problem *ret_problem);
enum err anthropic_write_estimate(const struct chat *chat, struct arena *arena, struct buf *out,
                                  struct chat_problem *ret_problem);

/* ---- anthropic_write_reply.c ---- */

void anthropic_write_reply(const struct delta_writer *writer, const struct reply *reply,
                           struct buf *out);

/* `called`: it holds a call, whatever the finish says. */
const char *anthropic_stop_word(enum finish finish, bool called);
void anthropic_write_usage(const struct usage *usage, struct buf *out);

/* The id of an answer; `raw` is the provider's, if it has one. */
void anthropic_write_id(struct span raw, const char *fallback, struct buf *out);

/* ---- anthropic_write_delta.c ---- */

void anthropic_write_delta(struct delta_writer *writer, const struct delta *delta,
                           struct buf *out);

#endif
