/* tier: puts the targets of one priority, as they were drawn, into the order that the model's settings
 * `balance` and `sticky` ask for. */
#ifndef POLICY_TIER_H
#define POLICY_TIER_H

#include "policy/route.h"

/* What the first target of a model's plan is there for: "weight", "least_latency", "sticky". */
const char *tier_why(const struct config_model *model, const struct route_facts *facts);

/* Orders the steps from `first` on, which are targets of `model`. Changes nothing else. */
void tier_order(const struct config_model *model, const struct route_facts *facts,
                uint32_t first, struct plan *plan);

/* What a target's own figures and what its provider last said of itself come to: in flight, ours and
 * others'. */
uint32_t tier_in_flight(const struct target_state *state, uint64_t now_ms);

#endif
