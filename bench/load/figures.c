#include "figures.h"

#include "base/mem.h"

#include <assert.h>
#include <stdlib.h>

void results_init(struct results *results, const struct options *options)
{
    results->options = options;
    results->rounds =
        mem_zero(options->target_count * options->rounds * sizeof(results->rounds[0]));
    results->sums = mem_zero(options->target_count * sizeof(results->sums[0]));
}

void results_done(struct results *results)
{
    uint64_t count = results->options->target_count * results->options->rounds;

    for (uint64_t i = 0; i < count; i++)
        series_done(&results->rounds[i].series);
    mem_free(results->rounds);
    mem_free(results->sums);
}

struct tally *results_round(const struct results *results, uint32_t target, uint64_t round)
{
    assert(target < results->options->target_count);
    assert(round < results->options->rounds);
    return &results->rounds[target * results->options->rounds + round];
}

void results_sum(struct results *results)
{
    for (uint32_t t = 0; t < results->options->target_count; t++)
        for (uint64_t r = 0; r < results->options->rounds; r++)
            tally_merge(&results->sums[t], results_round(results, t, r));
}

const char *figure_name(enum figure figure)
{
    static const char *const names[] = {
        [FIGURE_CPU_PER_REQUEST] = "cpu_per_request",
        [FIGURE_CPU_PER_EVENT] = "cpu_per_event",
        [FIGURE_INSTRUCTIONS_PER_REQUEST] = "instructions_per_request",
        [FIGURE_INSTRUCTIONS_PER_EVENT] = "instructions_per_event",
        [FIGURE_REQUESTS_PER_SECOND] = "requests_per_second",
        [FIGURE_P50] = "p50",
        [FIGURE_P99] = "p99",
    };

    return names[figure];
}

static double divide(double what, double by)
{
    return by > 0 ? what / by : 0;
}

double figure_of(enum figure figure, const struct tally *tally)
{
    double cpu_ns = (double)tally->usage.cpu_ns;
    double instructions =
        tally->usage.uncounted ? 0 : (double)tally->usage.instructions; /* all rounds or none */
    double requests = (double)tally_requests(tally);
    double seconds = (double)(tally->end_ns - tally->begin_ns) / 1e9;

    switch (figure) {
    case FIGURE_CPU_PER_REQUEST: return divide(cpu_ns, requests);
    case FIGURE_CPU_PER_EVENT: return divide(cpu_ns, (double)tally->events);
    case FIGURE_INSTRUCTIONS_PER_REQUEST: return divide(instructions, requests);
    case FIGURE_INSTRUCTIONS_PER_EVENT: return divide(instructions, (double)tally->events);
    case FIGURE_REQUESTS_PER_SECOND: return divide(requests, seconds);
    case FIGURE_P50: return (double)histogram_at(&tally->whole, 500);
    case FIGURE_P99: return (double)histogram_at(&tally->whole, 990);
    }
    return 0;
}

double figure_ratio(const struct results *results, enum figure figure, uint32_t target,
                    uint64_t round)
{
    return divide(figure_of(figure, results_round(results, target, round)),
                  figure_of(figure, results_round(results, 0, round)));
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return (x > y) - (x < y);
}

double figure_median_ratio(const struct results *results, enum figure figure, uint32_t target)
{
    uint64_t count = results->options->rounds;
    double ratios[ROUNDS_MAX];

    assert(count > 0 && count <= ROUNDS_MAX);
    for (uint64_t r = 0; r < count; r++)
        ratios[r] = figure_ratio(results, figure, target, r);
    qsort(ratios, count, sizeof(ratios[0]), compare);
    return (ratios[(count - 1) / 2] + ratios[count / 2]) / 2;
}
