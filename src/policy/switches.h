/* switches: the switch of each listed model, kept by its name over reloads, and what the
 * configuration says of it. */
#ifndef POLICY_SWITCHES_H
#define POLICY_SWITCHES_H

#include "base/map.h"
#include "config/config.h"
#include "policy/model_switch.h"

struct switches {
    struct map by_model;
};

void switches_init(struct switches *switches);
void switches_done(struct switches *switches);

/* That of the model of that name, new and at home when it was not known. Lives as long as `switches`. Never
 * for a model that is not listed: clients choose those names. */
struct model_switch *switches_get(struct switches *switches, const char *model);

/* The first of those that stand in for it: of `fallbacks`, else fallback_model. NULL: nobody does. */
const struct config_model *switches_stand_in(const struct config *config,
                                             const struct config_model *model);

struct model_switch_rule switches_rule(const struct config *config,
                                       const struct config_model *model);

#endif
