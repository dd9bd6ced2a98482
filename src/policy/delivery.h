/* delivery: when something that has to arrive is tried again, and when no more.
 *
 *     fails -- first_ms --> fails -- twice that --> fails -- ... most_ms --> ... fails: given up
 *     |<------------------------------- for_ms ------------------------------->|
 *
 * The last try comes at the end of `for_ms`. Plain data; all zero is a valid start. */
#ifndef POLICY_DELIVERY_H
#define POLICY_DELIVERY_H

#include <stdint.h>

struct delivery_rule {
    uint32_t first_ms; /* at least 1 */
    uint32_t most_ms;  /* at least first_ms */
    uint32_t for_ms;
};

struct delivery {
    uint32_t failures; /* in a row */
    uint64_t since_ms; /* of the first of this delivery; 0: none yet */
};

/* It has failed now. When it is to be tried again; 0: never. */
uint64_t delivery_failed(struct delivery *delivery, const struct delivery_rule *rule,
                         uint64_t now_ms);

/* Something else is to be delivered to the same place, which still fails: it has its whole time, but the
 * waits are no shorter for that. */
void delivery_replaced(struct delivery *delivery);

#endif
