/* The rules of rollouts: from the configuration, and whether they make sense. */
#include "policy/rollout.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum { PERCENT = 100, SECOND_MS = 1000 };

static void copy_criteria(struct rollout_rule *rule, const struct config_rollout *config)
{
    rule->check_every_ms = config->check_every;
    rule->promote = (struct rollout_promote){
        .min_requests = config->promote.min_requests,
        .window_ms = config->promote.window,
        .max_error_rate = config->promote.max_error_rate,
        .max_latency_increase = config->promote.max_latency_increase,
    };
    rule->rollback = (struct rollout_rollback){
        .window_ms = config->rollback.window,
        .min_requests = config->rollback.min_requests,
        .error_rate = config->rollback.error_rate,
        .latency_ms = config->rollback.latency,
        .to = config->rollback.to,
    };
}

void rollout_rule_staged(struct rollout_rule *rule, const struct config_rollout *config)
{
    assert(config->phase_count <= LIMIT_ROLLOUT_PHASES);
    *rule = (struct rollout_rule){ .strategy = STRATEGY_STAGED };
    copy_criteria(rule, config);
    rule->phase_count = (uint32_t)config->phase_count;
    for (uint32_t i = 0; i < rule->phase_count; i++) {
        struct rollout_phase *phase = &rule->phases[i];

        (void)snprintf(phase->name, sizeof(phase->name), "%s", config->phases[i].name);
        phase->green = config->phases[i].green;
        phase->at_least_ms = config->phases[i].at_least;
    }
}

/* Its evidence is the test before each step; so no number of requests is asked for, and a single error
 * among them is too many. */
void rollout_rule_gradual(struct rollout_rule *rule, const struct config_rollout *config)
{
    *rule = (struct rollout_rule){ .strategy = STRATEGY_GRADUAL };
    copy_criteria(rule, config);
    rule->phase_count = config->steps;
    rule->target = config->target;
    rule->step_ms = config->step_seconds * SECOND_MS;
    if (rule->check_every_ms > ROLLOUT_GRADUAL_CHECK_MS)
        rule->check_every_ms = ROLLOUT_GRADUAL_CHECK_MS;
    rule->promote.min_requests = 0;
    rule->promote.max_error_rate = 0;
    rule->promote.max_latency_increase = ROLLOUT_ANY_LATENCY;
    rule->rollback.min_requests = 1;
    rule->rollback.error_rate = 0;
    rule->rollback.to = ROLLBACK_TO_ZERO;
}

struct rollout_phase rollout_phase(const struct rollout_rule *rule, uint32_t phase)
{
    struct rollout_phase step = { .at_least_ms = rule->step_ms };

    assert(phase >= 1 && phase <= rule->phase_count);
    if (rule->strategy == STRATEGY_STAGED)
        return rule->phases[phase - 1];
    (void)snprintf(step.name, sizeof(step.name), "step %u of %u", phase, rule->phase_count);
    step.green = rule->target * phase / rule->phase_count;
    return step;
}

static const char *phases_problem(const struct rollout_rule *rule)
{
    for (uint32_t i = 0; i < rule->phase_count; i++) {
        const struct rollout_phase *phase = &rule->phases[i];

        if (memchr(phase->name, 0, sizeof(phase->name)) == NULL || phase->name[0] == 0)
            return "each phase needs a name of at most 64 characters";
        if (phase->green < 1 || phase->green > PERCENT)
            return "green is from 1 to 100 in each phase";
        if (i && phase->green <= rule->phases[i - 1].green)
            return "green must grow from phase to phase";
    }
    return NULL;
}

const char *rollout_rule_problem(const struct rollout_rule *rule)
{
    bool staged = rule->strategy == STRATEGY_STAGED;

    if (!staged && rule->strategy != STRATEGY_GRADUAL)
        return "the strategy is staged or gradual";
    if (rule->check_every_ms == 0 || !rule->promote.window_ms || !rule->rollback.window_ms)
        return "check_every and the windows must be longer than nothing";
    if (rule->phase_count < 1)
        return staged ? "a staged rollout has at least one phase" : "steps is at least 1";
    if (staged && rule->phase_count > LIMIT_ROLLOUT_PHASES)
        return "a staged rollout has at most 16 phases";
    if (staged)
        return phases_problem(rule);
    if (rule->target < 1 || rule->target > PERCENT)
        return "target is from 1 to 100";
    if (rule->phase_count > rule->target)
        return "steps is at most target, so that each step grows";
    return NULL;
}
