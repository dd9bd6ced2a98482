#include "ops/rollout_figures.h"

#include "ops/gateway.h"
#include "policy/route.h"

static struct rollout_side side_since(struct gateway *gateway, const struct config_model *model,
                                      enum config_side side, uint64_t from_ms)
{
    const struct ledger_model *page = ledger_find(&gateway->env.ledger, model->name);
    struct rollout_side ret = { 0 };
    struct tally tally = { 0 };

    if (page == NULL || !ledger_sum(page, side, from_ms, true, &tally))
        return ret;
    ret.requests = tally_requests(&tally);
    ret.errors = tally_errors(&tally);
    ret.timed = tally.latency.all.count;
    ret.mean_us = spread_mean(&tally.latency);
    return ret;
}

static bool is_usable(struct gateway *gateway, const struct config_target *target)
{
    struct breaker_rule rule = route_breaker_rule(gateway->env.config);
    const struct target_state *state = targets_get(&gateway->env.targets, target->id);

    return target->weight && target->enabled && !target->provider->off &&
           breaker_admits(&state->breaker, &rule, loop_now_ms(gateway->loop));
}

const struct config_target *rollout_usable_green(struct gateway *gateway,
                                                 const struct config_model *model)
{
    for (size_t i = 0; i < model->target_count; i++)
        if (model->targets[i].side == SIDE_GREEN && is_usable(gateway, &model->targets[i]))
            return &model->targets[i];
    return NULL;
}

struct rollout_figures rollout_gather(struct gateway *gateway, const struct config_model *model,
                                      const struct rollout *r, uint64_t wall_ms)
{
    uint64_t promote_ms = rollout_since(r, r->rule.promote.window_ms, wall_ms);
    uint64_t rollback_ms = rollout_since(r, r->rule.rollback.window_ms, wall_ms);

    return (struct rollout_figures){
        .green = side_since(gateway, model, SIDE_GREEN, promote_ms),
        .blue = side_since(gateway, model, SIDE_BLUE, promote_ms),
        .recent = side_since(gateway, model, SIDE_GREEN, rollback_ms),
        .green_usable = rollout_usable_green(gateway, model) != NULL,
    };
}
