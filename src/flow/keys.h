/* keys: which of its provider's keys an attempt shows, and what its end says of that key.
 *
 * A key that is refused, out of money or over its limit is not its target's fault: while the provider
 * has another, the same target is tried again with that at once, and neither breaker nor health hears
 * of it. */
#ifndef FLOW_KEYS_H
#define FLOW_KEYS_H

#include "base/span.h"
#include "policy/key_pools.h"

#include <stdbool.h>
#include <stdint.h>

struct attempt;
struct exchange;
struct plan_step;

struct key_choice {
    struct key_pool *pool; /* NULL: of an old snapshot; nothing is learnt */
    struct key *key;
    struct span secret; /* lent, until the keys are replaced; empty: none is shown */
};

/* For the next attempt at this step. False: no key of its provider may be used now. */
bool keys_choose(struct exchange *ex, const struct plan_step *step, struct key_choice *ret);

/* The attempt begins with it. */
void keys_use(struct exchange *ex, struct attempt *attempt, const struct key_choice *choice);

/* The attempt has failed with ex->error, and its fetch is still there: tells the pool. True: not the
 * target but its key is to blame, and there is another one to try at once. */
bool keys_failed(struct exchange *ex, struct attempt *attempt);

/* The attempt went well. */
void keys_worked(struct exchange *ex, const struct attempt *attempt);

/* When a key of the plan's targets will be free, loop time: now or earlier when one is; 0: never by
 * itself. */
uint64_t keys_free_ms(const struct exchange *ex);

#endif
