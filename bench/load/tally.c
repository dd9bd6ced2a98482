#include "tally.h"

#include <stdio.h>

const char *outcome_name(enum outcome outcome)
{
    static const char *const names[] = {
        [OUTCOME_OK] = "ok",           [OUTCOME_UNANSWERED] = "unanswered",
        [OUTCOME_REFUSED] = "refused", [OUTCOME_BROKEN] = "broken",
        [OUTCOME_WRONG] = "wrong",     [OUTCOME_TIMEOUT] = "timeout",
        [OUTCOME_LEFT] = "left",
    };

    return names[outcome];
}

uint64_t tally_requests(const struct tally *tally)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < OUTCOME_COUNT; i++)
        sum += tally->outcomes[i];
    return sum;
}

uint64_t tally_failed(const struct tally *tally)
{
    return tally_requests(tally) - tally->outcomes[OUTCOME_OK] - tally->outcomes[OUTCOME_LEFT];
}

void tally_count(struct tally *tally, enum outcome outcome, const char *example)
{
    if (tally->outcomes[outcome]++ == 0)
        (void)snprintf(tally->examples[outcome], TALLY_EXAMPLE_SIZE, "%s", example);
}

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

void tally_merge(struct tally *into, const struct tally *from)
{
    for (uint32_t i = 0; i < OUTCOME_COUNT; i++) {
        if (!into->outcomes[i])
            (void)snprintf(into->examples[i], TALLY_EXAMPLE_SIZE, "%s", from->examples[i]);
        into->outcomes[i] += from->outcomes[i];
    }
    into->end_ns += from->end_ns - from->begin_ns; /* a sum of rounds begins at 0 */
    into->connects += from->connects;
    into->bytes += from->bytes;
    into->events += from->events;
    into->tokens += from->tokens;
    into->connections_peak = larger(into->connections_peak, from->connections_peak);
    histogram_merge(&into->whole, &from->whole);
    histogram_merge(&into->first, &from->first);
    histogram_merge(&into->refused, &from->refused);
    histogram_merge(&into->ttft, &from->ttft);
    histogram_merge(&into->gap, &from->gap);
    histogram_merge(&into->ttft_way, &from->ttft_way);
    histogram_merge(&into->gap_way, &from->gap_way);
    histogram_merge(&into->delay, &from->delay);
    histogram_merge(&into->lag, &from->lag);
    if (!into->usage.rss_begin)
        into->usage.rss_begin = from->usage.rss_begin;
    into->usage.cpu_ns += from->usage.cpu_ns;
    into->usage.instructions += from->usage.instructions;
    if (from->usage.uncounted)
        into->usage.uncounted = from->usage.uncounted;
    into->usage.rss_peak = larger(into->usage.rss_peak, from->usage.rss_peak);
    into->usage.rss_end = from->usage.rss_end;
}
