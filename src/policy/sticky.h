/* sticky: who stays with the same target, or on the same side of a split.
 *
 * Weighted rendezvous hashing: whoever asks and each place that could take the request are hashed
 * together into a number that looks drawn, and the weight bends it, so that each place is the
 * cheapest for its share of callers. Nothing is remembered, so every replica decides alike. When a
 * weight grows, callers move to that place and nowhere else; when it falls, they leave it and no
 * other; when a place goes, its callers alone move, and when it returns, the same ones come back.
 *
 * Pure: no clock, no state, the same on every machine of the same byte order. */
#ifndef POLICY_STICKY_H
#define POLICY_STICKY_H

#include "base/span.h"
#include "config/config.h"

#include <stdint.h>

/* Who asks, as far as the request says; empty: it does not. */
struct sticky_who {
    struct span key;     /* the name of the caller's key */
    struct span user;    /* of the body */
    struct span session; /* X-Session-Id */
};

/* What stands for the one who is to stay; 0: nobody. */
uint64_t sticky_identity(enum config_sticky sticky, const struct sticky_who *who);

/* How far that place is from them: the nearest, which is the lowest, is theirs. `weight` is above 0. */
double sticky_distance(uint64_t identity, struct span place, uint64_t weight);

/* Where they stand among all who ask that place, from 0 to `below` (> 0) - 1; always the same. */
uint32_t sticky_point(uint64_t identity, struct span place, uint32_t below);

#endif
