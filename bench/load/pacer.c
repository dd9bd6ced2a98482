#include "pacer.h"

#include <assert.h>
#include <math.h>

/* Above 0 and at most 1; the same in every run, so that runs compare. */
static double random_share(struct pacer *pacer)
{
    pacer->random ^= pacer->random << 13;
    pacer->random ^= pacer->random >> 7;
    pacer->random ^= pacer->random << 17;
    return ((double)(pacer->random >> 11) + 1) / (double)(UINT64_C(1) << 53);
}

void pacer_init(struct pacer *pacer, uint64_t start_ns, uint64_t rate_milli, bool poisson)
{
    assert(rate_milli > 0);
    *pacer = (struct pacer){
        .due_ns = start_ns,
        .mean_gap_ns = 1e12 / (double)rate_milli,
        .poisson = poisson,
        .random = 88172645463325252,
    };
}

uint64_t pacer_take(struct pacer *pacer)
{
    uint64_t due_ns = pacer->due_ns;
    double gap_ns = pacer->mean_gap_ns;

    if (pacer->poisson)
        gap_ns *= -log(random_share(pacer));
    pacer->fraction_ns += gap_ns;
    pacer->due_ns += (uint64_t)pacer->fraction_ns;
    pacer->fraction_ns -= floor(pacer->fraction_ns);
    return due_ns;
}
