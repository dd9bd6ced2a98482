/* text: what the mock says, one token at a time, always the same for the same request.
 *
 * Numbered tokens ("tok0 tok1 naïve2 ...", some of several bytes, so that a lost, doubled or split
 * one shows) or, after "echo:", the user's own words. */
#ifndef MOCK_TEXT_H
#define MOCK_TEXT_H

#include "base/buf.h"
#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    TEXT_TOKENS_MAX = 1000000,
    TEXT_TOKEN_BYTES_MAX = 65536,
};

struct text {
    uint32_t count;       /* tokens that are said */
    uint32_t whole;       /* tokens there would be without a limit */
    uint32_t token_bytes; /* a token is filled up to this size; 0: as it is */
    bool json;            /* the text is a JSON object */
    struct buf echo;      /* the words to repeat; empty: numbered tokens */
    uint32_t *starts;     /* where in `echo` each token starts, and its end */
};

/* Numbered tokens. */
void text_init(struct text *text, uint32_t tokens, uint32_t token_bytes);

/* Borrows `words`; each word with the space before it is a token. With `json` set before, their
 * JSON escapes are repeated, not they themselves. */
void text_set_echo(struct text *text, struct span words);

void text_done(struct text *text);

/* Says at most `tokens`. */
void text_limit(struct text *text, uint64_t tokens);

void text_add_token(const struct text *text, uint32_t index, struct buf *out);
void text_add_all(const struct text *text, struct buf *out);

#endif
