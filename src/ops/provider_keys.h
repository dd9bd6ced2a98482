/* provider_keys: the operator's view of the key pools. Keys come in, never out: they are shown by their
 * fingerprints. */
#ifndef OPS_PROVIDER_KEYS_H
#define OPS_PROVIDER_KEYS_H

#include "base/json.h"
#include "config/config.h"

#include <stdbool.h>

struct call;
struct gateway;

/* PUT /admin/providers/{name}/keys */
void provider_keys_put(struct call *call);

/* The member `providers` of the status. */
void provider_keys_write(struct gateway *gateway, struct json_writer *w);

/* Why a target gets no request because of the keys of its provider, and whether that passes by itself;
 * NULL: a key is free. */
const char *provider_keys_why_not(struct gateway *gateway, const struct config_target *target,
                                  bool *ret_passes);

/* How many keys are in which state, for the metrics. */
void provider_keys_count(struct gateway *gateway);

#endif
