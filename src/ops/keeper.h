/* keeper: puts the pages of the ledger (flow/ledger.h) into the store, so that a kill -9 loses at most
 * the last 5 seconds of them.
 *
 * A page that has changed is written when KEEPER_WAIT_MS have passed, with all that came meanwhile, and one
 * in each turn of the loop, because a busy one takes a millisecond.
 *
 * Without a store it does nothing. */
#ifndef OPS_KEEPER_H
#define OPS_KEEPER_H

enum { KEEPER_WAIT_MS = 4000 }; /* the rest is for the disk */

struct gateway;
struct keeper;

/* Takes out of gateway->state what was put there by an earlier process. Call it before anything is put. */
struct keeper *keeper_new(struct gateway *gateway);

/* Writes what is left. NULL is fine. */
void keeper_free(struct keeper *keeper);

#endif
