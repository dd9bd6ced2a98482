/* route: which model does a name mean, and which of its targets are tried, in which order?
 *
 * Changes nothing and asks nobody: the states of the targets come in, a plan comes out. Randomness
 * comes in as a number, so a test decides it. */
#ifndef POLICY_ROUTE_H
#define POLICY_ROUTE_H

#include "base/arena.h"
#include "base/limits.h"
#include "config/config.h"
#include "policy/sides.h"
#include "policy/sticky.h"
#include "policy/target.h"

#include <stdbool.h>
#include <stdint.h>

/* ---- names ---- */

enum route_verdict {
    ROUTE_FOUND,
    ROUTE_NO_NAME, /* none given, and no default_model */
    ROUTE_NOT_FOUND,
    ROUTE_PROVIDER_OFF, /* the provider is configured but has no key */
};

/* Contract 4, Names: a listed model or alias; then the longest listed pattern that fits (pattern.h); then
 * provider/name; then default_provider. A model that is not listed is made in the arena. An empty name
 * asks for default_model. */
enum route_verdict route_model(const struct config *config, struct span name,
                               struct arena *arena, const struct config_model **ret);

/* The model that a virtual one means for that task, or for its default when task.at is NULL. NULL: it
 * has no such task. */
const struct config_model *route_task(const struct config_model *model, struct span task);

/* The listed names nearest to `name`, best first, for "did you mean". Returns how many. */
enum { ROUTE_NEAREST_MAX = 3 };

size_t route_nearest(const struct config *config, struct span name,
                     const char *ret_names[ROUTE_NEAREST_MAX]);

/* ---- plans ---- */

struct plan_step {
    const struct config_model *model;
    const struct config_target *target;
    struct target_state *state;
    const char *why; /* "weight", "next priority", "fallback": for the log and the admin view */
    bool last_resort; /* may be tried though its breaker is open */
};

/* A target of the model that is not in its plan. */
struct plan_skip {
    const struct config_target *target;
    const char *why; /* a clause: "its weight is 0" */
};

struct plan {
    struct plan_step steps[LIMIT_PLAN_TARGETS];
    uint32_t count;
    uint32_t left_out;           /* targets whose breaker is open */
    enum llm_class left_out_for; /* how the first of them failed last */
    struct plan_skip skipped[LIMIT_PLAN_TARGETS];
    uint32_t skipped_count;
    struct side_choice side; /* of the model that was asked for */
};

/* What a plan is made from. */
struct route_facts {
    const struct config *config;
    const struct dialect *dialect;
    enum subject subject; /* of what is asked */
    struct targets *targets;
    const struct sides *sides; /* NULL: no model has a rollout */
    struct side_wish wish;     /* of the model that is asked for; others are asked as usual */
    uint64_t now_ms;
    uint64_t *random; /* a state that the draw moves on */
    struct sticky_who who;
    bool stream;
    bool last_resort; /* nobody can serve the request: now with those that may be tried early */
};

/* Orders the model's own targets: those of the chosen side, then those of the other where it may answer
 * for it; of each, within a priority as its `sticky` and `balance` say, else drawn by weight x share x
 * health; then the next priority. Targets of providers that are off, of weight 0, disabled, or that can
 * be asked in no language are not in it. */
void route_plan(const struct route_facts *facts, const struct config_model *model,
                struct plan *ret);

/* The other way round: those that stand in for the model whatever went wrong, then its own targets. */
void route_plan_switched(const struct route_facts *facts, const struct config_model *model,
                         struct plan *ret);

/* The models that `fallback_on` names for such an error; NULL: it says nothing of it. */
const struct config_models *route_fallback_on(const struct config_model *model,
                                              enum llm_class class);

/* Adds what may stand in for them after such an error: the models that fallback_on names for it, else
 * the fallbacks of the model, in their order; then fallback_model. */
void route_fallbacks(const struct route_facts *facts, const struct config_model *model,
                     enum llm_class class, struct plan *plan);

/* The rule of a snapshot's circuit_breaker section. */
struct breaker_rule route_breaker_rule(const struct config *config);

/* That of its health section. */
struct health_rule route_health_rule(const struct config *config);

/* The health of a target now, and where it comes from. */
struct health_factors route_health(const struct config *config,
                                   const struct target_state *state, uint64_t now_ms);

/* Weight x share x health of a target as people are shown it, in thousandths. */
uint64_t route_shown_weight(const struct config_target *target, uint32_t health);

/* Weight x share x health, in some unit. Above 0 for whoever is in a plan: nobody is left over. */
uint64_t route_weight(const struct config_target *target, uint32_t health);

/* Moves a random state on and gives a number below `below` (> 0). */
uint32_t route_random(uint64_t *random, uint32_t below);

/* The same without a bound. */
uint64_t route_random_bits(uint64_t *random);

#endif
