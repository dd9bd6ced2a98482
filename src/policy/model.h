/* model: what is remembered of each listed model, kept by its name over reloads. */
#ifndef POLICY_MODEL_H
#define POLICY_MODEL_H

#include "base/map.h"
#include "policy/route.h"

#include <stdint.h>

struct last_target {
    const char *id;
    const char *why;
};

/* The last plan that was made for it. The names are of one snapshot of the configuration: to be looked at
 * through last_plan_of() alone. (The targets themselves may have been made for one request.) */
struct last_plan {
    const struct config *config; /* not a reference */
    uint64_t generation;
    uint64_t at_ms;
    uint32_t count;
    uint32_t skipped_count;
    struct last_target steps[LIMIT_PLAN_TARGETS];
    struct last_target skipped[LIMIT_PLAN_TARGETS];
};

struct model_state {
    struct last_plan last;
};

/* All zero is an empty registry. */
struct models {
    struct map by_name;
};

void models_init(struct models *models);
void models_done(struct models *models);

/* The state of that model, new when it was not known. Lives as long as `models`. */
struct model_state *models_get(struct models *models, const char *name);

/* A plan was made, which is remembered. */
void last_plan_keep(struct last_plan *last, const struct config *config,
                    const struct plan *plan, uint64_t now_ms);

/* A target of that plan was passed over, which is remembered. */
void last_plan_leave_out(struct last_plan *last, const char *id, const char *why);

/* The last plan, if it was made from `config`, which is in force; else NULL. */
const struct last_plan *last_plan_of(const struct model_state *state,
                                     const struct config *config);

#endif
