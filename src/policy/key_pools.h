/* key_pools: the key pool of each provider, by its name, kept over reloads. The one place, beside the
 * snapshots themselves, where provider keys are held.
 *
 * The keys are those of the configuration until an operator replaces them by hand; that holds until the
 * configuration says other keys for this provider than it did, or another address: keys never follow a
 * provider to where nobody has said that they may go. */
#ifndef POLICY_KEY_POOLS_H
#define POLICY_KEY_POOLS_H

#include "base/map.h"
#include "config/config.h"
#include "policy/key_pool.h"

/* All zero is an empty registry. */
struct key_pools {
    struct map by_provider;
};

void key_pools_init(struct key_pools *pools);
void key_pools_done(struct key_pools *pools); /* wipes every key */

/* A configuration comes in force. */
void key_pools_renew(struct key_pools *pools, const struct config *config);

/* The pool of this provider, which lives as long as `pools`. NULL: what is held under its name is not
 * for this address, because the snapshot is not the one in force. */
struct key_pool *key_pools_find(const struct key_pools *pools,
                                const struct config_provider *provider);

/* Other keys than those of the configuration. False: as in key_pools_find(). */
bool key_pools_replace(struct key_pools *pools, const struct config_provider *provider,
                       const struct span *secrets, size_t count);

/* Are the keys other than those of the configuration? */
bool key_pools_replaced(const struct key_pools *pools, const struct config_provider *provider);

#endif
