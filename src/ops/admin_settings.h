/* admin_settings: GET, PUT /v1/config/{environment}: the few settings that a pipeline changes, whole or not
 * at all. */
#ifndef OPS_ADMIN_SETTINGS_H
#define OPS_ADMIN_SETTINGS_H

struct call;

void admin_settings(struct call *call);
void admin_settings_put(struct call *call);

#endif
