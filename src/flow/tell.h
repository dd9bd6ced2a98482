/* tell: what happened to a target, as an event and as a line of the log. */
#ifndef FLOW_TELL_H
#define FLOW_TELL_H

#include "policy/breaker.h"

struct env;
struct plan_step;

/* Its breaker was in another state before. */
void tell_breaker(struct env *env, const struct plan_step *step, enum breaker_state before);

#endif
