/* retry: what is tried again, and how long to wait before the same target is. */
#ifndef POLICY_RETRY_H
#define POLICY_RETRY_H

#include "config/config.h"

#include <stdint.h>

/* Does `retryable_errors` list it? */
bool retry_covers(const struct config_retry *retry, enum config_retryable error);

/* The delay before round `round` + 1 (from 0), uniform between half and the whole of
 * initial_delay x multiplier^round, at most max_delay. Moves `random` on. */
uint32_t retry_delay_ms(const struct config_retry *retry, uint32_t round, uint64_t *random);

#endif
