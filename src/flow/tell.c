#include "flow/tell.h"

#include "base/clock.h"
#include "base/log.h"
#include "flow/env.h"
#include "policy/route.h"

static struct span reason(const struct target_state *state)
{
    switch (state->breaker.state) {
    case BREAKER_OPEN: return span_from(state->last_error);
    case BREAKER_HALF_OPEN: return SPAN_OF("open for timeout_seconds: trials begin");
    case BREAKER_CLOSED: break;
    }
    return SPAN_OF("trials succeeded");
}

void tell_breaker(struct env *env, const struct plan_step *step, enum breaker_state before)
{
    const struct event event = {
        .kind = EVENT_BREAKER,
        .model = step->model->name,
        .target = step->target->id,
        .from = breaker_state_name(before),
        .to = breaker_state_name(step->state->breaker.state),
        .reason = reason(step->state),
        .figures = { { "attempts", step->state->attempts, 0 },
                     { "failures", step->state->failures, 0 } },
    };

    events_add(&env->events, &event, clock_wall_ms());
    LOG(LOG_WARN, "breaker", { "target", span_from(step->target->id) },
        { "state", span_from(event.to) }, { "reason", event.reason });
}
