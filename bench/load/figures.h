/* figures: what is worked out of a tally, and how several rounds of several targets compare. */
#ifndef LOAD_FIGURES_H
#define LOAD_FIGURES_H

#include "options.h"
#include "tally.h"

#include <stdint.h>

/* All rounds of all targets, and the sum of each target's. */
struct results {
    const struct options *options;
    struct tally *rounds; /* target after target, options->rounds of each */
    struct tally *sums;
};

void results_init(struct results *results, const struct options *options);
void results_done(struct results *results);
struct tally *results_round(const struct results *results, uint32_t target, uint64_t round);

/* Fills the sums. */
void results_sum(struct results *results);

/* What rounds are compared by. */
enum figure {
    FIGURE_CPU_PER_REQUEST, /* nanoseconds */
    FIGURE_CPU_PER_EVENT,
    FIGURE_INSTRUCTIONS_PER_REQUEST, /* in user space */
    FIGURE_INSTRUCTIONS_PER_EVENT,
    FIGURE_REQUESTS_PER_SECOND,
    FIGURE_P50, /* of the whole request, nanoseconds */
    FIGURE_P99,
};

enum { FIGURE_COUNT = FIGURE_P99 + 1 };

const char *figure_name(enum figure figure);

/* 0 when there is nothing to work it out of. */
double figure_of(enum figure figure, const struct tally *tally);

/* In round `round`, that of `target` divided by the first target's; 0 when it cannot be. */
double figure_ratio(const struct results *results, enum figure figure, uint32_t target,
                    uint64_t round);

/* The median over the rounds. */
double figure_median_ratio(const struct results *results, enum figure figure, uint32_t target);

#endif
