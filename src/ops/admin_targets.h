/* admin_targets: the targets of a model, as an operator weighs them and turns them off and on. */
#ifndef OPS_ADMIN_TARGETS_H
#define OPS_ADMIN_TARGETS_H

struct call;

/* PUT /admin/models/{model}/targets/{target} */
void admin_targets_put(struct call *call);

#endif
