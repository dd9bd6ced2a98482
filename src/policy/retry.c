#include "policy/retry.h"

#include "policy/route.h"

bool retry_covers(const struct config_retry *retry, enum config_retryable error)
{
    for (size_t i = 0; i < retry->errors.count; i++)
        if (retry->errors.items[i] == error)
            return true;
    return false;
}

uint32_t retry_delay_ms(const struct config_retry *retry, uint32_t round, uint64_t *random)
{
    uint64_t whole = retry->initial_delay_ms;

    for (uint32_t i = 0; i < round && whole < retry->max_delay_ms; i++)
        whole *= retry->backoff_multiplier;
    if (whole > retry->max_delay_ms)
        whole = retry->max_delay_ms;
    return (uint32_t)(whole / 2) + route_random(random, (uint32_t)(whole - whole / 2) + 1);
}
