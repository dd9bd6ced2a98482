/* target: what is known of each target, kept by its id over reloads. */
#ifndef POLICY_TARGET_H
#define POLICY_TARGET_H

#include "base/map.h"
#include "base/span.h"
#include "config/config.h"
#include "policy/breaker.h"
#include "policy/health.h"
#include "policy/latency.h"

#include <stdint.h>

struct target_state {
    struct breaker breaker;
    struct health health;
    enum health_level level;   /* as it was last told */
    struct latency latency[2]; /* of whole answers, and of streams; for least_latency alone */
    uint32_t in_flight;
    uint32_t waiting;         /* exchanges that wait for one of these to end */
    uint32_t others;          /* in flight there, by its provider's own account, but not ours */
    uint64_t others_until_ms; /* that is no news from then on */
    uint64_t attempts;
    uint64_t failures;
    uint64_t last_error_ms;    /* since 1970; 0: none yet */
    char last_error[64];       /* the code */
    enum llm_class last_class; /* of that error */
};

/* All zero is an empty registry. */
struct targets {
    struct map by_id;
};

void targets_init(struct targets *targets);
void targets_done(struct targets *targets);

/* The state of that target, new and healthy when it was not known. Lives as long as `targets`. */
struct target_state *targets_get(struct targets *targets, const char *id);

#endif
