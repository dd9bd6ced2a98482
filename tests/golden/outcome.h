/* outcome: what a client gets of a provider's stream in its own or in another language, however its bytes are
 * cut. */
#ifndef GOLDEN_OUTCOME_H
#define GOLDEN_OUTCOME_H

#include "llm/relay.h"

struct outcome {
    struct buf bytes;    /* for the client, with the end that it is owed */
    struct buf verdicts; /* a letter each: Hold, Forward, Drop, faiL, End */
    struct arena words;  /* of the error */
    struct usage usage;
    struct llm_error error;
    bool finished;
    bool begun; /* nothing is known of what came out */
};

void outcome_init(struct outcome *outcome);
void outcome_done(struct outcome *outcome);

/* Feeds `bytes` up to `cut`, then the rest; or byte by byte when cut is SIZE_MAX. Blocks have exactly their
 * size, so that AddressSanitizer sees a look behind them. */
void outcome_feed(struct outcome *outcome, const struct dialect *client,
                  const struct dialect *provider, const struct translate_facts *facts,
                  struct span bytes, size_t cut);

#endif
