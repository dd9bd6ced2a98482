#include "policy/route.h"

#include "config/prices.h"
#include "policy/pattern.h"
#include "policy/tier.h"

#include <assert.h>

enum {
    WEIGHT_MAX = 1000000, /* of a target: settings_models.c */
};

static_assert((uint64_t)WEIGHT_MAX * SHARE_WHOLE * HEALTH_FULL <=
                  UINT64_MAX / LIMIT_PLAN_TARGETS,
              "the weights of a plan add up in 64 bits");

/* ---- names ---- */

/* A model that nobody listed: the targets that its provider keeps for such. */
static enum route_verdict passing_model(const struct config *config,
                                        const struct config_provider *provider,
                                        struct span name, struct arena *arena,
                                        const struct config_model **ret)
{
    struct config_model *model = arena_zero(arena, sizeof(*model));
    size_t count = provider->passing.count;
    struct config_target *targets = arena_zero(arena, count * sizeof(*targets));
    const struct config_price *listed = config_price_find(config, provider, name);

    if (provider->off)
        return ROUTE_PROVIDER_OFF;
    model->name = arena_text(arena, name);
    for (size_t i = 0; i < count; i++) {
        targets[i] = provider->passing.items[i];
        targets[i].model = model->name;
        targets[i].listed = listed;
    }
    model->targets = targets;
    model->target_count = count;
    model->passing = true;
    *ret = model;
    return ROUTE_FOUND;
}

enum route_verdict route_model(const struct config *config, struct span name,
                               struct arena *arena, const struct config_model **ret)
{
    const struct config_provider *provider;
    struct span rest = name;

    if (name.size == 0) {
        *ret = config->default_model;
        return config->default_model ? ROUTE_FOUND : ROUTE_NO_NAME;
    }
    *ret = config_model_find(config, name);
    if (*ret && (*ret)->starred)
        return ROUTE_NOT_FOUND; /* the pattern itself is no model */
    if (*ret == NULL)
        *ret = pattern_model(config, name, arena);
    if (*ret)
        return ROUTE_FOUND;
    if (config->models_only)
        return ROUTE_NOT_FOUND;
    provider = span_find(name, '/') == SIZE_MAX
                   ? NULL
                   : config_provider_find(config, span_cut(&rest, '/'));
    if (provider && rest.size)
        return passing_model(config, provider, rest, arena, ret);
    if (config->default_provider)
        return passing_model(config, config->default_provider, name, arena, ret);
    return ROUTE_NOT_FOUND;
}

const struct config_model *route_task(const struct config_model *model, struct span task)
{
    if (task.at == NULL)
        return model->tasks.by_task[model->default_task];
    for (size_t i = 0; i < TASKS; i++)
        if (span_is(task, config_task_names[i]))
            return model->tasks.by_task[i];
    return NULL;
}

static void insert_nearest(const char *candidate, uint32_t distance, const char *names[],
                           uint32_t distances[], size_t *count)
{
    size_t at = *count;

    while (at > 0 && distances[at - 1] > distance)
        at--;
    if (at >= ROUTE_NEAREST_MAX)
        return;
    if (*count < ROUTE_NEAREST_MAX)
        (*count)++;
    for (size_t i = *count - 1; i > at; i--) {
        names[i] = names[i - 1];
        distances[i] = distances[i - 1];
    }
    names[at] = candidate;
    distances[at] = distance;
}

size_t route_nearest(const struct config *config, struct span name,
                     const char *ret_names[ROUTE_NEAREST_MAX])
{
    uint32_t distances[ROUTE_NEAREST_MAX];
    size_t count = 0;

    for (size_t i = 0; i < config->model_count; i++) {
        const struct config_model *model = &config->models[i];
        uint32_t best = span_distance(name, span_from(model->name));

        for (size_t j = 0; j < model->aliases.count; j++) {
            uint32_t other = span_distance(name, span_from(model->aliases.items[j]));

            best = other < best ? other : best;
        }
        insert_nearest(model->name, best, ret_names, distances, &count);
    }
    return count;
}

/* ---- plans ---- */

uint64_t route_random_bits(uint64_t *random)
{
    uint64_t x;

    *random += 0x9e3779b97f4a7c15u; /* splitmix64 */
    x = *random;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

uint32_t route_random(uint64_t *random, uint32_t below)
{
    assert(below > 0);
    return (uint32_t)(((route_random_bits(random) >> 32) * below) >> 32);
}

struct breaker_rule route_breaker_rule(const struct config *config)
{
    return (struct breaker_rule){
        .enabled = config->breaker.enabled,
        .failures_max = config->breaker.failure_threshold,
        .open_ms = config->breaker.timeout_seconds * 1000u,
        .trials = config->breaker.half_open_requests,
    };
}

struct health_rule route_health_rule(const struct config *config)
{
    return (struct health_rule){
        .window_ms = config->health.window,
        .min_requests = config->health.min_requests,
        .latency_ms = config->health.latency_threshold,
        .slow_start_ms = config->health.slow_start,
        .errors_fine = (1000000 - config->health.success_threshold) / 1000,
    };
}

struct health_factors route_health(const struct config *config,
                                   const struct target_state *state, uint64_t now_ms)
{
    struct health_rule rule = route_health_rule(config);
    struct breaker_rule breaker = route_breaker_rule(config);

    return health_factors(&state->health, &rule, &state->breaker, &breaker, now_ms);
}

static bool planned(const struct plan *plan, const struct config_target *target)
{
    for (uint32_t i = 0; i < plan->count; i++)
        if (plan->steps[i].target == target)
            return true;
    return false;
}

/* The lowest priority above `above` among the targets of that side; UINT32_MAX when there is none. */
static uint32_t next_priority(const struct config_model *model, enum config_side side,
                              uint64_t above)
{
    uint32_t next = UINT32_MAX;

    for (size_t i = 0; i < model->target_count; i++) {
        uint32_t priority = model->targets[i].priority;

        if (priority > above && priority < next && model->targets[i].side == side)
            next = priority;
    }
    return next;
}

uint64_t route_weight(const struct config_target *target, uint32_t health)
{
    return (uint64_t)target->weight * target->share * (health ? health : 1);
}

static uint64_t effective_weight(const struct plan_step *step, const struct route_facts *facts)
{
    return route_weight(step->target,
                        route_health(facts->config, step->state, facts->now_ms).health);
}

uint64_t route_shown_weight(const struct config_target *target, uint32_t health)
{
    uint64_t weight = (uint64_t)target->weight * target->share * health;

    return target->provider->off ? 0 : (weight + SHARE_WHOLE / 2) / SHARE_WHOLE;
}

/* Moves one target of [first, count) to `first`, each with the chance of its weight. */
static void draw_first(struct plan *plan, uint64_t *weights, uint32_t first, uint64_t *random)
{
    uint64_t total = 0;
    uint32_t at = first;
    uint64_t point;
    struct plan_step drawn;

    for (uint32_t i = first; i < plan->count; i++)
        total += weights[i];
    assert(total > 0);                         /* what has no weight is not in the plan */
    point = route_random_bits(random) % total; /* a few of 2^64 too many do not matter */
    while (point >= weights[at])
        point -= weights[at++];
    drawn = plan->steps[at];
    plan->steps[at] = plan->steps[first];
    plan->steps[first] = drawn;
    weights[at] = weights[first];
}

/* Puts the steps from `first` on into an order that is drawn by weight. */
static void draw_order(struct plan *plan, uint32_t first, const struct route_facts *facts)
{
    uint64_t weights[LIMIT_PLAN_TARGETS];

    if (first + 1 >= plan->count)
        return;
    for (uint32_t i = first; i < plan->count; i++)
        weights[i] = effective_weight(&plan->steps[i], facts);
    for (; first + 1 < plan->count; first++)
        draw_first(plan, weights, first, facts->random);
}

static void skip(struct plan *plan, const struct config_target *target, const char *why)
{
    if (plan->skipped_count < LIMIT_PLAN_TARGETS)
        plan->skipped[plan->skipped_count++] = (struct plan_skip){ target, why };
}

/* Why a target can be in no plan, whatever its health; NULL: it can. */
static const char *unfit(const struct config_target *target, const struct route_facts *facts)
{
    if (!target->enabled)
        return "it is disabled";
    if (target->weight == 0)
        return "its weight is 0";
    if (target->provider->off)
        return "its provider has no key";
    if (!provider_dialect(target->provider->kind, facts->dialect, facts->subject))
        return "its provider does not speak this dialect";
    return NULL;
}

/* Adds a target, or says why not. */
static void add_target(const struct config_model *model, const struct config_target *target,
                       const char *why, const struct route_facts *facts, struct plan *plan)
{
    struct breaker_rule rule = route_breaker_rule(facts->config);
    const char *problem = unfit(target, facts);
    struct target_state *state;
    bool open;

    if (problem || plan->count == LIMIT_PLAN_TARGETS) {
        skip(plan, target, problem ? problem : "the plan is full");
        return;
    }
    state = targets_get(facts->targets, target->id);
    open = !breaker_admits(&state->breaker, &rule, facts->now_ms);
    if (open &&
        !(facts->last_resort && breaker_admits_early(&state->breaker, &rule, facts->now_ms))) {
        skip(plan, target, "its circuit breaker is open");
        if (plan->left_out++ == 0)
            plan->left_out_for = state->last_class;
        return;
    }
    if (rule.enabled && state->breaker.state != BREAKER_CLOSED)
        why = open ? "last resort" : "trial";
    plan->steps[plan->count++] = (struct plan_step){ model, target, state, why, open };
}

/* The targets of one priority on one side. */
struct tier {
    enum config_side side;
    uint32_t priority;
    const char *why;
};

static void add_tier(const struct config_model *model, const struct tier *tier,
                     const struct route_facts *facts, struct plan *plan)
{
    uint32_t first = plan->count;

    for (size_t i = 0; i < model->target_count; i++) {
        const struct config_target *target = &model->targets[i];

        if (target->priority == tier->priority && target->side == tier->side &&
            !planned(plan, target))
            add_target(model, target, tier->why, facts, plan);
    }
    draw_order(plan, first, facts);
    tier_order(model, facts, first, plan);
}

static void add_side(const struct config_model *model, enum config_side side, const char *why,
                     const struct route_facts *facts, struct plan *plan)
{
    struct tier tier = { side, next_priority(model, side, 0), why };

    while (tier.priority != UINT32_MAX) {
        tier.why = tier.why ? tier.why : tier_why(model, facts);
        add_tier(model, &tier, facts, plan);
        tier.priority = next_priority(model, side, tier.priority);
        tier.why = why ? why : "next priority";
    }
}

/* Those that it may not turn to. */
static void skip_side(const struct config_model *model, enum config_side side, bool forced,
                      struct plan *plan)
{
    for (size_t i = 0; i < model->target_count; i++)
        if (model->targets[i].side == side)
            skip(plan, &model->targets[i],
                 forced ? "the request was for the other side" : "its side gets no traffic");
}

static struct side_choice choose_side(const struct config_model *model,
                                      const struct side_wish *wish,
                                      const struct route_facts *facts)
{
    struct side_facts known = { .who = &facts->who };

    if (!model->sides)
        return (struct side_choice){ .first = SIDE_BLUE };
    known.green =
        sides_green(model, facts->sides ? sides_find(facts->sides, model->name) : NULL);
    known.drawn = route_random(facts->random, SIDES_WHOLE);
    return sides_choose(model, wish, &known);
}

/* why NULL: it is the model that was asked for, and how each was chosen is worth saying. */
static void add_model(const struct config_model *model, struct side_choice side,
                      const char *why, const struct route_facts *facts, struct plan *plan)
{
    enum config_side second = side.first == SIDE_BLUE ? SIDE_GREEN : SIDE_BLUE;

    add_side(model, side.first, why, facts, plan);
    if (side.other)
        add_side(model, second, why ? why : "other side", facts, plan);
    else if (model->sides)
        skip_side(model, second, side.forced, plan);
}

static void start_plan(const struct route_facts *facts, const struct config_model *model,
                       struct plan *ret)
{
    ret->count = 0;
    ret->left_out = 0;
    ret->left_out_for = LLM_FINE;
    ret->skipped_count = 0;
    ret->side = choose_side(model, &facts->wish, facts);
}

void route_plan(const struct route_facts *facts, const struct config_model *model,
                struct plan *ret)
{
    start_plan(facts, model, ret);
    add_model(model, ret->side, NULL, facts, ret);
}

static const struct config_models *list_of(const struct config_fallback_on *on,
                                           enum llm_class class)
{
    switch (class) {
    case LLM_RATE_LIMIT:
    case LLM_QUOTA: return &on->rate_limit;
    case LLM_SERVER_ERROR: return &on->server_error;
    case LLM_TIMEOUT: return &on->timeout;
    case LLM_CONNECTION: return &on->connection_error;
    case LLM_CONTEXT_WINDOW: return &on->context_window;
    case LLM_CONTENT_FILTER: return &on->content_filter;
    case LLM_FINE:
    case LLM_AUTH:
    case LLM_NOT_FOUND:
    case LLM_CLIENT_ERROR: break;
    }
    return NULL;
}

const struct config_models *route_fallback_on(const struct config_model *model,
                                              enum llm_class class)
{
    const struct config_models *models = list_of(&model->fallback_on, class);

    return models && models->items ? models : NULL;
}

/* What the request wishes of the sides is meant for the model that it names. */
static void add_other(const struct config_model *model, const char *why,
                      const struct route_facts *facts, struct plan *plan)
{
    const struct side_wish nothing = { .kind = SIDE_WISH_AUTO };

    add_model(model, choose_side(model, &nothing, facts), why, facts, plan);
}

void route_fallbacks(const struct route_facts *facts, const struct config_model *model,
                     enum llm_class class, struct plan *plan)
{
    const struct config_models *others = route_fallback_on(model, class);
    const struct config_model *last = facts->config->fallback_model;

    others = others ? others : &model->fallbacks;
    for (size_t i = 0; i < others->count; i++)
        add_other(others->items[i], "fallback", facts, plan);
    if (last && last != model)
        add_other(last, "fallback_model", facts, plan);
}

void route_plan_switched(const struct route_facts *facts, const struct config_model *model,
                         struct plan *ret)
{
    start_plan(facts, model, ret);
    route_fallbacks(facts, model, LLM_FINE, ret);
    add_model(model, ret->side, "switched away from", facts, ret);
}
