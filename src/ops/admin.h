/* admin: what the operator asks and does at /admin. */
#ifndef OPS_ADMIN_H
#define OPS_ADMIN_H

struct call;

void admin_status(struct call *call);
void admin_events(struct call *call);
void admin_config(struct call *call);
void admin_reload(struct call *call);
void admin_drain(struct call *call);

#endif
