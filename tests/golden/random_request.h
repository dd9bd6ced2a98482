/* random_request: requests for chat completions that are built at random, and all fine. */
#ifndef GOLDEN_RANDOM_REQUEST_H
#define GOLDEN_RANDOM_REQUEST_H

#include "base/arena.h"
#include "base/buf.h"

#include <stdint.h>

/* The same state gives the same requests. */
struct dice {
    uint64_t state; /* not 0 */
    struct arena *arena;
};

void random_request(struct dice *dice, struct buf *out);

#endif
