#include "ops/watch.h"

#include "base/clock.h"
#include "base/log.h"
#include "flow/switching.h"
#include "ops/gateway.h"
#include "policy/route.h"

static void tell(struct gateway *gateway, const struct config_model *model,
                 const struct config_target *target, enum health_level from,
                 const struct health_factors *factors)
{
    const struct target_state *state = targets_get(&gateway->env.targets, target->id);
    const struct event event = {
        .kind = EVENT_HEALTH,
        .model = model->name,
        .target = target->id,
        .from = health_level_name(from),
        .to = health_level_name(state->level),
        .reason = span_from(factors->why),
        .figures = { { "health", factors->health, 3 },
                     { "good", factors->recent.good, 0 },
                     { "bad", factors->recent.bad, 0 },
                     { "ttft_smooth_ms", factors->recent.smooth_ms, 0 } },
    };

    events_add(&gateway->env.events, &event, clock_wall_ms());
    LOG(state->level == HEALTH_GOOD ? LOG_INFO : LOG_WARN, "health",
        { "target", span_from(target->id) }, { "from", span_from(event.from) },
        { "to", span_from(event.to) }, { "reason", event.reason });
}

static void watch_target(struct gateway *gateway, const struct config_model *model,
                         const struct config_target *target)
{
    struct target_state *state = targets_get(&gateway->env.targets, target->id);
    struct health_factors factors =
        route_health(gateway->env.config, state, loop_now_ms(gateway->loop));
    enum health_level before = state->level;

    state->level = health_level_next(before, factors.health);
    if (state->level != before)
        tell(gateway, model, target, before, &factors);
}

void watch_health(struct gateway *gateway)
{
    const struct config *config = gateway->env.config;

    for (size_t i = 0; i < config->model_count; i++) {
        for (size_t j = 0; j < config->models[i].target_count; j++)
            watch_target(gateway, &config->models[i], &config->models[i].targets[j]);
        switching_look(&gateway->env, &config->models[i]);
    }
}
