/* pacer: when requests are due in an open loop, evenly or at random. Pure: time comes in. */
#ifndef LOAD_PACER_H
#define LOAD_PACER_H

#include <stdbool.h>
#include <stdint.h>

struct pacer {
    uint64_t due_ns; /* the next request */
    double mean_gap_ns;
    double fraction_ns; /* of a nanosecond, carried on so that the rate is kept */
    bool poisson;
    uint64_t random;
};

/* `rate_milli` is the number of requests in 1000 s. */
void pacer_init(struct pacer *pacer, uint64_t start_ns, uint64_t rate_milli, bool poisson);

/* Gives the time of the next request and goes on to the one after it. */
uint64_t pacer_take(struct pacer *pacer);

#endif
