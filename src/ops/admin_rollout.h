/* admin_rollout: GET, PUT /admin/models/{model}/rollout and POST /admin/models/{model}/rollout/{deed}. What
 * they answer is in force, and on the disk where there is a state.path. */
#ifndef OPS_ADMIN_ROLLOUT_H
#define OPS_ADMIN_ROLLOUT_H

struct call;

void admin_rollout(struct call *call);
void admin_rollout_start(struct call *call);
void admin_rollout_deed(struct call *call);

#endif
