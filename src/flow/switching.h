/* switching: hands facts to the switch of a model (policy/model_switch.h), and tells when that has
 * changed: an event, a log line, a metric. */
#ifndef FLOW_SWITCHING_H
#define FLOW_SWITCHING_H

#include "config/config.h"

#include <stdbool.h>
#include <stdint.h>

struct attempt;
struct env;
struct exchange;
struct json_writer;

/* This attempt of the exchange has ended, well or badly. */
void switching_attempt(struct exchange *ex, const struct attempt *attempt, bool good);

/* A probe of this target's provider has ended. */
void switching_probe(struct env *env, const struct config_model *model,
                     const struct config_target *target, bool good);

/* Time has passed. To be called now and then, for models that get no traffic. */
void switching_look(struct env *env, const struct config_model *model);

/* Shall those that stand in for the model go first, this time? Moves env->random on. */
bool switching_stands_aside(struct env *env, const struct config_model *model);

/* Writes what is known of it as an object: the state, its figures and its reason. */
void switching_write(struct env *env, const struct config_model *model, struct json_writer *w);

#endif
