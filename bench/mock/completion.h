/* completion: what the mock has to say to one request, before any wire language: a text or some
 * tool calls, why it ends, and what it is said to have cost. Each dialect writes it in its way. */
#ifndef MOCK_COMPLETION_H
#define MOCK_COMPLETION_H

#include "knobs.h"
#include "text.h"

#include <stdbool.h>
#include <stdint.h>
#include <yyjson.h>

enum {
    CALLS_MAX = 4,
    CALL_FRAGMENT_BYTES = 8, /* so that a fragment boundary falls inside an escape */
    REASONING_TOKENS = 32,
    CHOICES_MAX = 128,
};

enum finish { FINISH_STOP, FINISH_LENGTH, FINISH_CALLS };

struct call {
    char *name;
    struct buf arguments; /* JSON text in ASCII */
};

struct completion {
    char *model;     /* as asked for, with its knobs */
    uint64_t number; /* makes the id */
    int64_t created; /* seconds since 1970 */
    uint32_t choices;
    struct text text;
    struct call calls[CALLS_MAX]; /* when there are any, there is no text */
    uint32_t call_count;
    enum finish finish;
    uint64_t prompt_tokens; /* includes cached_tokens */
    uint64_t cached_tokens;
    uint64_t written_tokens;   /* of cached_tokens: written just now, not read */
    bool written_long;         /* for an hour */
    uint64_t reasoning_tokens; /* come on top of what can be seen */
    bool aloud;                /* the reasoning is shown, as DeepSeek does */
};

void completion_init(struct completion *said, struct span model, const struct knobs *knobs,
                     uint64_t number);
void completion_done(struct completion *said);

/* The prompt costs a token for each four bytes of its strings; half of it is cached when the
 * model's name contains "cached". */
void completion_count_prompt(struct completion *said, yyjson_val *prompt);

/* Vectors for a prompt of `tokens`, in place of completion_init(): nothing is said, and that costs nothing. */
void completion_embed(struct completion *said, struct span model, uint64_t number,
                      uint64_t tokens);

/* Says the words behind "echo:" when `user` begins so. */
void completion_echo(struct completion *said, struct span user);

/* Says no more than `tokens`, and says that this is why. */
void completion_limit(struct completion *said, uint64_t tokens);

/* Calls the function `name` with arguments made up after the JSON Schema `parameters`. */
void completion_call(struct completion *said, struct span name, yyjson_val *parameters);

/* Pieces in which call `index` is streamed. */
uint32_t completion_fragments(const struct completion *said, uint32_t index);
struct span completion_fragment(const struct completion *said, uint32_t index, uint32_t piece);

/* Visible tokens of one choice. */
uint64_t completion_tokens(const struct completion *said);
/* What the usage says, of all choices and with reasoning. */
uint64_t completion_usage(const struct completion *said);

#endif
