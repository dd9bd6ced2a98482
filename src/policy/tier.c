#include "policy/tier.h"

#include "policy/balance.h"
#include "policy/sticky.h"

const char *tier_why(const struct config_model *model, const struct route_facts *facts)
{
    if (model->sticky != STICKY_NONE && sticky_identity(model->sticky, &facts->who))
        return "sticky";
    return model->balance == BALANCE_WEIGHTED ? "weight" : config_balance_names[model->balance];
}

uint32_t tier_in_flight(const struct target_state *state, uint64_t now_ms)
{
    return state->in_flight + (now_ms < state->others_until_ms ? state->others : 0);
}

/* By the weight as configured, so that nobody is sent to and fro by a health that moves a little. One
 * that is worse than after a return is out of the question until it is better. */
static void rank_by_identity(uint64_t identity, const struct route_facts *facts,
                             const struct plan_step *steps, uint32_t count,
                             struct balance_rank *ret)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct config_target *target = steps[i].target;

        ret[i].behind =
            route_health(facts->config, steps[i].state, facts->now_ms).health < HEALTH_RETURN;
        ret[i].cost = sticky_distance(identity, span_from(target->id),
                                      (uint64_t)target->weight * target->share);
    }
}

static void rank_by_balance(const struct config_model *model, const struct route_facts *facts,
                            const struct plan_step *steps, uint32_t count,
                            struct balance_rank *ret)
{
    struct balance_facts known[LIMIT_PLAN_TARGETS];

    for (uint32_t i = 0; i < count; i++) {
        const struct target_state *state = steps[i].state;

        known[i] = (struct balance_facts){
            .health = route_health(facts->config, state, facts->now_ms).health,
            .in_flight = tier_in_flight(state, facts->now_ms),
            .latency_us = latency_now(&state->latency[facts->stream], facts->now_ms),
            .wanted = latency_wanted(&state->latency[facts->stream], facts->now_ms),
            .cost = balance_cost(config_target_price(model, steps[i].target)),
        };
        known[i].weight = route_weight(steps[i].target, known[i].health);
    }
    balance_rank(model->balance, known, count, facts->random, ret);
}

/* A stable sort: what is equal stays as it was drawn. */
static void sort(struct plan_step *steps, struct balance_rank *ranks, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++) {
        struct balance_rank rank = ranks[i];
        struct plan_step step = steps[i];
        uint32_t at = i;

        for (; at > 0 && balance_before(&rank, &ranks[at - 1]); at--) {
            ranks[at] = ranks[at - 1];
            steps[at] = steps[at - 1];
        }
        ranks[at] = rank;
        steps[at] = step;
    }
}

void tier_order(const struct config_model *model, const struct route_facts *facts,
                uint32_t first, struct plan *plan)
{
    struct balance_rank ranks[LIMIT_PLAN_TARGETS];
    struct plan_step *steps = &plan->steps[first];
    uint32_t count = plan->count - first;
    uint64_t identity;

    if (count < 2)
        return;
    identity = sticky_identity(model->sticky, &facts->who);
    if (!identity && model->balance == BALANCE_WEIGHTED)
        return;
    if (identity)
        rank_by_identity(identity, facts, steps, count, ranks);
    else
        rank_by_balance(model, facts, steps, count, ranks);
    sort(steps, ranks, count);
}
