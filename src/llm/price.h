/* price: what usage costs, exactly.
 *
 * A price is in micro-dollars per million tokens, which is the same number as pico-dollars per token;
 * so a bill is a sum of products of integers, in pico-dollars. */
#ifndef LLM_PRICE_H
#define LLM_PRICE_H

#include "llm/chat.h"

#include <stdbool.h>
#include <stdint.h>

struct price_rates { /* micro-dollars per million tokens: $8.00 is 8000000 */
    uint64_t input;
    uint64_t output;
    uint64_t cached_input;
    uint64_t cache_write;
    uint64_t cache_write_long; /* what is kept for an hour */
};

/* Another price for all tokens of a request whose whole input, cached or not, is more than `tokens`. */
struct price_above {
    uint64_t tokens;
    struct price_rates rates;
    bool said;
};

struct price {
    struct price_rates rates;
    struct price_above above;
    bool known;
};

/* Pico-dollars (10^-12). Reasoning is billed as the output that it is part of. */
uint64_t price_cost(const struct price *price, const struct usage *usage);

#endif
