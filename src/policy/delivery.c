#include "policy/delivery.h"

#include <assert.h>

enum { DOUBLINGS_MAX = 31 };

static uint64_t wait_ms(const struct delivery_rule *rule, uint32_t failures)
{
    uint32_t doublings = failures - 1 < DOUBLINGS_MAX ? failures - 1 : DOUBLINGS_MAX;
    uint64_t wait = (uint64_t)rule->first_ms << doublings;

    return wait < rule->most_ms ? wait : rule->most_ms;
}

uint64_t delivery_failed(struct delivery *delivery, const struct delivery_rule *rule,
                         uint64_t now_ms)
{
    uint64_t next_ms;
    uint64_t end_ms;

    assert(now_ms > 0 && rule->first_ms > 0 && rule->most_ms >= rule->first_ms);
    if (delivery->since_ms == 0)
        delivery->since_ms = now_ms;
    delivery->failures++;
    end_ms = delivery->since_ms + rule->for_ms;
    if (now_ms >= end_ms)
        return 0;
    next_ms = now_ms + wait_ms(rule, delivery->failures);
    return next_ms < end_ms ? next_ms : end_ms;
}

void delivery_replaced(struct delivery *delivery)
{
    delivery->since_ms = 0;
}
