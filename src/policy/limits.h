/* limits: what each caller and each listed model has used, kept by name over reloads. */
#ifndef POLICY_LIMITS_H
#define POLICY_LIMITS_H

#include "base/map.h"
#include "policy/limit.h"

/* All zero is an empty registry. */
struct limits {
    struct map by_caller;
    struct map by_model;
};

void limits_init(struct limits *limits);
void limits_done(struct limits *limits);

/* That of the client key, or listed model, of that name; new when it was not known. Lives as long as
 * `limits`. Never for a name that a client chose. */
struct limit *limits_of_caller(struct limits *limits, const char *name);
struct limit *limits_of_model(struct limits *limits, const char *name);

#endif
