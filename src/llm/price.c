#include "llm/price.h"

static const struct price_rates *rates_for(const struct price *price, const struct usage *usage)
{
    uint64_t prompt = usage->input + usage->cached + usage->cache_write;

    return price->above.said && prompt > price->above.tokens ? &price->above.rates
                                                             : &price->rates;
}

uint64_t price_cost(const struct price *price, const struct usage *usage)
{
    const struct price_rates *rates = rates_for(price, usage);
    uint64_t for_long = usage->cache_write_long < usage->cache_write ? usage->cache_write_long
                                                                     : usage->cache_write;

    return usage->input * rates->input + usage->cached * rates->cached_input +
           (usage->cache_write - for_long) * rates->cache_write +
           for_long * rates->cache_write_long + usage->output * rates->output;
}
