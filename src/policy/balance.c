#include "policy/balance.h"

#include "policy/health.h"
#include "policy/route.h"

static uint64_t fastest(const struct balance_facts *facts, size_t count)
{
    uint64_t least = UINT64_MAX;

    for (size_t i = 0; i < count; i++)
        if (facts[i].latency_us && facts[i].latency_us < least)
            least = facts[i].latency_us;
    return least == UINT64_MAX ? 1 : least;
}

static double by_latency(const struct balance_facts *facts, uint64_t unknown_us)
{
    uint64_t us = facts->latency_us ? facts->latency_us : unknown_us;

    if (facts->wanted && facts->health >= HEALTH_RETURN)
        return 0;
    return (double)us * (facts->in_flight + 1.0) / (double)facts->weight;
}

void balance_rank(enum config_balance balance, const struct balance_facts *facts, size_t count,
                  uint64_t *random, struct balance_rank *ret)
{
    uint64_t unknown_us = fastest(facts, count);

    for (size_t i = 0; i < count; i++) {
        ret[i] = (struct balance_rank){ 0 };
        switch (balance) {
        case BALANCE_WEIGHTED: break;
        case BALANCE_LEAST_LATENCY: ret[i].cost = by_latency(&facts[i], unknown_us); break;
        case BALANCE_LEAST_BUSY:
            ret[i].cost = (double)facts[i].in_flight / (double)facts[i].weight;
            break;
        case BALANCE_LEAST_COST:
            ret[i].cost = (double)facts[i].cost;
            ret[i].behind = facts[i].health < HEALTH_FULL &&
                            route_random(random, HEALTH_FULL) >= facts[i].health;
            break;
        }
    }
}

bool balance_before(const struct balance_rank *a, const struct balance_rank *b)
{
    if (a->behind != b->behind)
        return b->behind;
    return a->cost < b->cost;
}

uint64_t balance_cost(const struct price *price)
{
    return 3 * price->rates.input + price->rates.output;
}
