/* pattern: the listed model that a name means because it begins like one that ends in a star. */
#ifndef POLICY_PATTERN_H
#define POLICY_PATTERN_H

#include "base/arena.h"
#include "config/config.h"

/* The model of the longest pattern that the name fits; NULL: it fits none. Where a target's model holds
 * a star this is a copy in the arena, made for that name: `asked` and its targets' `model` say what
 * it is, everything else, also the ids of its targets, what was listed. NULL, too, when nothing would be
 * left for a target to be asked for, as of "openai/". */
const struct config_model *pattern_model(const struct config *config, struct span name,
                                         struct arena *arena);

#endif
