/* state: what this gateway remembers over a restart (`state.path`), put into the store and taken out again.
 *
 * Without that setting there is no store, and all of this does nothing. */
#ifndef OPS_STATE_H
#define OPS_STATE_H

#include "config/config_changes.h"
#include "ops/store.h"

struct gateway;
struct state;

/* Opens the store that gateway->env.config names and takes the events out of it. Gives a state, or NULL
 * with a sentence in ret_error (256 bytes). */
struct state *state_open(struct gateway *gateway, char *ret_error);
void state_close(struct state *state);

/* NULL: nothing is kept. */
struct store *state_store(struct state *state);

/* ---- changes ---- */

void state_load_changes(struct state *state, struct config_changes *ret);

/* Makes what is kept of them the same as `next`. */
void state_save_changes(struct state *state, const struct config_changes *before,
                        const struct config_changes *next);

/* ---- events ---- */

/* Puts those that are new into the store. Happens by itself once per turn; whoever needs them to be
 * covered by store_mark() calls it first. */
void state_save_events(struct state *state);

#endif
