/* key_pools: the key pool of each provider, by its name, kept over reloads. The one place, beside the
 * snapshots themselves, where provider keys are held.
 *
 * The keys are those of the configuration in force. What is known of them is kept as long as the
 * provider stays at its address; keys never follow it to where nobody has said that they may go. */
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

/* What a key may be out for, as key_pool.h has `model`: the target's model as its provider calls it, and
 * the region before it, because each place has limits of its own. Written into `text` where it must. */
struct span key_scope(const struct config_target *target, char text[KEY_MODEL_BYTES]);

/* Somebody says that these keys are good: those that were refused or out of money are used again. */
void key_pools_forgive(struct key_pools *pools, const struct config_provider *provider);

#endif
