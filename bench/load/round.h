/* round: a load on one target, from the first request to the last answer. */
#ifndef LOAD_ROUND_H
#define LOAD_ROUND_H

#include "options.h"
#include "tally.h"

#include <stdio.h>

/* What a round is to do; all of it is borrowed. */
struct round_order {
    const struct options *options;
    const struct target *target;
    uint64_t round_ms; /* 0: no limit */
    uint64_t requests; /* 0: no limit */
    const char *title; /* of the progress line; NULL: print none */
    FILE *closes;      /* see client.h */
};

/* Runs it to its end and fills the tally. False when the request cannot be made. */
bool round_run(const struct round_order *order, struct tally *tally);

#endif
