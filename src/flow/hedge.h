/* hedge: what is known of the hedges of a model, for the admin view. The hedges themselves: hedge.c. */
#ifndef FLOW_HEDGE_H
#define FLOW_HEDGE_H

#include "base/json.h"
#include "config/config.h"

struct env;

/* Writes the member `hedge`, where the model has one. */
void hedge_write(struct env *env, const struct config_model *model, struct json_writer *w);

#endif
