/* admin_models: what an operator does to a listed model: its split, a deployment. Each is a change
 * of settings (change.h), so it is durable and in force when it is answered, and the next request that
 * starts follows it. */
#ifndef OPS_ADMIN_MODELS_H
#define OPS_ADMIN_MODELS_H

#include "base/json.h"
#include "config/config.h"

struct call;
struct gateway;

/* GET and PUT /admin/models/{model}/split. A rollout that is under way refuses it; one that is over ends
 * for good, and the split is the operator's again. */
void admin_models_split(struct call *call);
void admin_models_put_split(struct call *call);

/* POST /admin/deploy?weight=N[&model=M] */
void admin_models_deploy(struct call *call);

/* The model of that name or alias; NULL: the call has been refused, with the nearest name. */
const struct config_model *admin_models_find(struct call *call, struct span name);

/* The value of the member `split` in the status: null without green targets. */
void admin_models_write_split(struct gateway *gateway, const struct config_model *model,
                              struct json_writer *w);

#endif
