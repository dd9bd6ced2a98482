/* openai: what the files of OpenAI's languages share. For openai_*.c, and for languages
 * that have taken over a part of it; everybody else uses
 * dialect_openai and dialect_responses. */
#ifndef LLM_OPENAI_H
#define LLM_OPENAI_H

#include "base/json.h"
#include "llm/dialect.h"
#include "llm/scan.h"

/* ---- openai_chat.c ---- */

/* Chat completions, completions, embeddings and responses name alike what the gateway acts on. */
enum err openai_read_chat(struct span body, struct arena *arena, struct chat *ret,
                          struct chat_problem *ret_problem);
struct chat_ahead *openai_look_ahead(struct chat_ahead *ahead, struct span so_far,
                                     struct arena *arena);
enum err openai_read_ahead(struct chat_ahead *ahead, struct span body, struct arena *arena,
                           struct chat *ret, struct chat_problem *ret_problem);

/* The same for a body of which no member matters here. */
enum err openai_read_body(struct span body, struct arena *arena, struct chat *ret,
                          struct chat_problem *ret_problem);

/* ---- openai_usage.c ---- */

/* Is this field a plausible number of tokens? Then `ret` is it, else `ret` stays. */
bool openai_read_count(const struct scan_field *field, uint64_t *ret);

/* What a usage object counts, whatever it calls it. All zero at the beginning of its walk. */
enum openai_count {
    OPENAI_PROMPT,
    OPENAI_COMPLETION,
    OPENAI_TOTAL,
    OPENAI_CACHED,
    OPENAI_CACHE_WRITE,
    OPENAI_REASONING,
    OPENAI_COUNTS,
};

/* What is being walked through. */
enum openai_place {
    OPENAI_USAGE, /* the object itself */
    OPENAI_OF_PROMPT,
    OPENAI_OF_COMPLETION,
    OPENAI_ELSEWHERE,
};

struct openai_counts {
    enum openai_place place;
    uint64_t values[OPENAI_COUNTS];
    bool seen[OPENAI_COUNTS];
};

/* Takes an item of the walk; `depth` is 1 for what the usage object itself holds. */
void openai_count(struct openai_counts *counts, const struct scan_item *item, unsigned depth);

/* `ret` stays where nothing was counted. */
void openai_counted(const struct openai_counts *counts, struct usage *ret);

/* Reads a usage object in any of its spellings; `ret` stays when it is not one. */
void openai_read_usage(struct span raw, struct usage *ret);

/* Usage as Groq puts it: inside `x_groq`. `ret` stays when there is none. */
void openai_read_groq_usage(const struct scan_field *field, struct usage *ret);

/* Gives `read` every object behind such a key (with its quotes) that may be the usage in the last bytes of an
 * answer: the last one is. */
void openai_find_usage(struct span tail, const char *key,
                       void (*read)(struct span raw, struct usage *ret), struct usage *ret);

/* The usage object in the last bytes of an answer. */
void openai_read_answer_tail(struct span tail, struct usage *ret);

/* ---- openai_error.c ---- */

/* Reads an error: its object, or just a string. `status` is that of the answer it stood in. */
void openai_read_error_item(unsigned status, const struct scan_item *item, struct arena *arena,
                            struct llm_error *ret);
void openai_read_error(unsigned status, struct span body, struct arena *arena,
                       struct llm_error *ret);

/* Does this member say that something failed? (`"error": null` does not) */
bool openai_is_error(const struct scan_field *field);

/* ---- openai_write.c ---- */

/* The type to write: the error's own, or that of its class. */
struct span openai_error_type(const struct llm_error *error);
void openai_write_error(const struct llm_error *error, struct buf *out);

/* The members `message`, `param` and `code`. */
void openai_write_words(const struct llm_error *error, struct json_writer *w);

/* ---- openai_request.c ---- */

enum err openai_read_request(const struct chat *chat, struct arena *arena,
                             struct conversation *ret, struct chat_problem *ret_problem);

/* ---- openai_reply.c ---- */

void openai_write_reply(const struct delta_writer *writer, const struct reply *reply,
                        struct buf *out);

/* The usage as chat completions count it. */
void openai_write_usage(const struct usage *usage, struct buf *out);
const char *openai_finish_word(enum finish finish);

/* What stands beside the function of a call that is signed, as a further member; nothing when it is not. */
void openai_write_signature(struct span signature, struct buf *out);

/* ---- openai_delta.c ---- */

void openai_write_delta(struct delta_writer *writer, const struct delta *delta,
                        struct buf *out);

/* ---- openai_write_request.c, openai_write_messages.c ---- */

void openai_write_request(const struct conversation *conversation,
                          const struct request_target *target, struct losses *losses,
                          struct buf *out);

/* The member `messages`. */
void openai_write_messages(const struct conversation *conversation,
                           const struct provider_kind *kind, struct losses *losses,
                           struct json_writer *w);

/* ---- openai_models.c ---- */

/* What differs between OpenAI's own models. */
struct openai_model {
    const char *prefix; /* of their names */
    bool thinks;        /* and so takes an effort, but no sampling */
};

/* NULL: one that this build does not know. */
const struct openai_model *openai_model_find(struct span name);

/* ---- openai_read_reply.c ---- */

void openai_read_reply(struct span body, struct arena *arena, struct reply *ret);

enum finish openai_finish(struct span finish_reason);

/* Did the provider finish because something went wrong with it? */
bool openai_is_broken(struct span finish_reason);

/* One text of a content, which is a string, or an array of parts. */
struct openai_piece {
    bool thinking;
    struct span raw; /* string */
};

/* *at starts as 0; what says nothing is passed over. */
bool openai_next_piece(const struct scan_field *content, struct arena *arena, size_t *at,
                       struct openai_piece *ret);

/* The field that says what the model thought, of those that providers use; NULL: none does. */
const struct scan_field *openai_reasoning(const struct scan_field *reasoning_content,
                                          const struct scan_field *reasoning);

/* The arguments of a call as a raw string, from a string or an object; at == NULL: there are none. */
struct span openai_arguments(const struct scan_field *arguments, struct arena *arena);

/* A raw id for call `number` of the answer that `seed` is of. */
struct span openai_make_id(uint64_t seed, uint32_t number, struct arena *arena);

/* A string that says something. */
bool openai_says(const struct scan_field *field);

/* ---- openai_read_delta.c ---- */

void openai_read_delta(struct delta_reader *reader, const struct sse_event *event,
                       struct arena *arena, struct delta *ret);

/* ---- openai_embed.c ---- */

enum err openai_read_ask(const struct chat *chat, struct arena *arena, struct embed_ask *ret,
                         struct chat_problem *ret_problem);
void openai_write_vectors(const struct embed_ask *ask, const struct embed_reply *reply,
                          struct buf *out);

/* ---- openai_event.c ---- */

/* What in a chunk says that something failed; false when nothing does. */
bool openai_find_error(const struct sse_event *event, const struct scan_field *error,
                       const struct scan_field *object, struct scan_item *ret);

void openai_read_answer(struct span body, struct arena *arena, struct llm_answer *ret);

#endif
