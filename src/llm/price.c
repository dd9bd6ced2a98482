#include "llm/price.h"

uint64_t price_cost(const struct price *price, const struct usage *usage)
{
    return usage->input * price->input + usage->cached * price->cached_input +
           usage->cache_write * price->cache_write + usage->output * price->output;
}
