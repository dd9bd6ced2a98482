/* tally: what attempts came to: how they ended, how long they took, tokens and cost. All of it exact,
 * but for percentiles (policy/spread).
 *
 * Plain data. All zero is a valid, empty start. */
#ifndef POLICY_TALLY_H
#define POLICY_TALLY_H

#include "policy/spread.h"

/* How an attempt ended. The names are those of the metric's `outcome`. */
enum tally_outcome {
    TALLY_OK,
    TALLY_CLIENT_ERROR,
    TALLY_RATE_LIMIT,
    TALLY_SERVER_ERROR,
    TALLY_TIMEOUT,
    TALLY_CONNECTION_ERROR,
    TALLY_TRUNCATED,
    TALLY_AUTH,
    TALLY_CANCELLED,
    TALLY_OUTCOMES,
};

const char *tally_outcome_name(enum tally_outcome outcome); /* "rate_limit" */

enum tally_token {
    TALLY_INPUT,
    TALLY_CACHED,
    TALLY_CACHE_WRITE,
    TALLY_OUTPUT,
    TALLY_REASONING, /* part of the output */
    TALLY_TOKENS,
};

const char *tally_token_name(enum tally_token token); /* "cache_write" */

/* One attempt. */
struct tally_fact {
    enum tally_outcome outcome;
    uint64_t latency_us; /* to its end; counts when it was TALLY_OK */
    uint64_t first_us;   /* to the first content of a stream; 0: there was none */
    uint64_t tokens[TALLY_TOKENS];
    uint64_t cost_pico; /* 10^-12 dollars, as price_cost() gives them */
    bool estimated;     /* the tokens were: their provider did not count them for us */
    bool unpriced;      /* nobody knows what they cost */
};

struct tally {
    uint64_t outcomes[TALLY_OUTCOMES];
    uint64_t tokens[TALLY_TOKENS];
    uint64_t cost_pico; /* up to 18 million dollars */
    uint64_t estimated; /* of the tokens, as many */
    uint64_t unpriced;  /* likewise: not in the cost */
    struct spread latency;
    struct spread first;
};

void tally_add(struct tally *tally, const struct tally_fact *fact);
void tally_merge(struct tally *into, const struct tally *from);

/* All of them, but for the client's own errors and those that it gave up: what is judged. */
uint64_t tally_requests(const struct tally *tally);
uint64_t tally_errors(const struct tally *tally); /* of these */

/* Tokens in and out; `of` are those of a fact or a tally. */
uint64_t tally_all_tokens(const uint64_t of[TALLY_TOKENS]);

/* What a time like the last `window_ms` would cost a day. Micro-dollars. */
uint64_t tally_daily_cost(uint64_t cost_pico, uint64_t window_ms);

/* In few bytes; and back again, added. `totals_only` leaves out what percentiles are made of, which
 * is most of the work. False when it is not a packed tally, with nothing behind it: then *into may
 * have been changed. */
void tally_pack(const struct tally *tally, struct buf *out);
bool tally_unpack(struct span packed, bool totals_only, struct tally *into);

#endif
