/* rollout_figures: what a rollout is judged on, from the ledger and the targets. */
#ifndef OPS_ROLLOUT_FIGURES_H
#define OPS_ROLLOUT_FIGURES_H

#include "policy/rollout.h"

struct config_model;
struct config_target;
struct gateway;

struct rollout_figures rollout_gather(struct gateway *gateway, const struct config_model *model,
                                      const struct rollout *r, uint64_t wall_ms);

/* A green target that could serve now; NULL: there is none. */
const struct config_target *rollout_usable_green(struct gateway *gateway,
                                                 const struct config_model *model);

#endif
