/* spread: how long things took, as counts of values within less than one percent.
 *
 * Log-linear: values under 64 have a bucket each; above, every power of two is cut into 64, and what
 * is read from a bucket is its middle, so that it is at most 1/128 off. The least, the most and the
 * mean are exact. Values are microseconds; what is above 71 minutes counts as that much in the
 * buckets alone.
 *
 * Plain data. All zero is a valid, empty start. Packed (spread_pack) it takes two or three bytes for
 * each bucket that holds anything. */
#ifndef POLICY_SPREAD_H
#define POLICY_SPREAD_H

#include "base/buf.h"
#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    SPREAD_BITS = 6,
    SPREAD_CUTS = 1 << SPREAD_BITS,
    SPREAD_BUCKETS = (32 - SPREAD_BITS + 1) * SPREAD_CUTS,
};

struct spread_totals {
    uint64_t count;
    uint64_t sum;
    uint64_t least; /* meaningless while count is 0 */
    uint64_t most;
};

struct spread {
    struct spread_totals all;
    uint32_t buckets[SPREAD_BUCKETS];
};

void spread_add(struct spread *spread, uint64_t us);
void spread_merge(struct spread *into, const struct spread *from);
uint64_t spread_mean(const struct spread *spread); /* 0 when empty */

/* The value that a share of `per_mille` / 1000 does not exceed: nearest rank; 0 when empty. */
uint64_t spread_at(const struct spread *spread, uint32_t per_mille);

void spread_pack(const struct spread *spread, struct buf *out);

/* Takes a packed one off the front of *rest and adds it; its buckets as well, unless `totals_only`.
 * False when it is none: then *into may have been changed. */
bool spread_unpack(struct span *rest, bool totals_only, struct spread *into);

/* ---- numbers in few bytes ---- */

/* Seven bits a byte, lowest first; small numbers take one. */
void spread_put(struct buf *out, uint64_t number);

/* False, when there is none in front, or one that spread_put() would write otherwise. */
bool spread_get(struct span *rest, uint64_t *ret);

#endif
