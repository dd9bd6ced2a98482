/* names: two lists of them compared: what providers offer against what is configured. */
#ifndef POLICY_NAMES_H
#define POLICY_NAMES_H

#include "base/arena.h"
#include "base/span.h"

#include <stdbool.h>
#include <stddef.h>

struct names {
    struct span *items; /* borrowed */
    size_t count;
};

/* In order, each once. */
void names_tidy(struct names *names);

/* Those of `all` that `known` does not have, in the same order; a name of `known` that holds a star has all
 * that fit it. Both are tidy. Lent from the arena. */
struct names names_missing(const struct names *all, const struct names *known,
                           struct arena *arena);

#endif
