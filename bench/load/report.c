#include "report.h"

#include <inttypes.h>
#include <stdio.h>

enum { TEXT_SIZE = 32, RATIO_COLUMNS = 8 };

/* "12.3 us", "4.56 ms", "1.23 s". */
static void print_ns(double ns)
{
    char text[TEXT_SIZE];

    if (ns < 1e6)
        (void)snprintf(text, sizeof(text), "%.1f us", ns / 1e3);
    else if (ns < 1e9)
        (void)snprintf(text, sizeof(text), "%.2f ms", ns / 1e6);
    else
        (void)snprintf(text, sizeof(text), "%.2f s", ns / 1e9);
    printf(" %10s", text);
}

static void print_times(const char *name, const struct histogram *times)
{
    static const uint32_t per_mille[] = { 500, 900, 990, 999 };

    if (!times->count)
        return;
    printf("  %-22s", name);
    print_ns((double)histogram_mean(times));
    for (size_t i = 0; i < sizeof(per_mille) / sizeof(per_mille[0]); i++)
        print_ns((double)histogram_at(times, per_mille[i]));
    print_ns((double)times->most);
    printf("\n");
}

static void print_failures(const struct tally *tally)
{
    for (uint32_t i = OUTCOME_UNANSWERED; i < OUTCOME_LEFT; i++)
        if (tally->outcomes[i])
            printf("  %-22s %10" PRIu64 "  first: %s\n", outcome_name((enum outcome)i),
                   tally->outcomes[i], tally->examples[i]);
}

static void print_instructions(const struct tally *tally)
{
    const char *why_not = tally->usage.uncounted;

    printf("  %-22s", "user instructions");
    if (why_not) {
        printf(" not available: %s\n", why_not);
        return;
    }
    printf(" %10.0f per request", figure_of(FIGURE_INSTRUCTIONS_PER_REQUEST, tally));
    if (tally->events)
        printf(", %.0f per event", figure_of(FIGURE_INSTRUCTIONS_PER_EVENT, tally));
    printf("\n");
}

static void print_usage(const struct target *target, const struct tally *tally)
{
    const struct usage *usage = &tally->usage;

    if (!target->pid_count)
        return;
    printf("  %-22s", "CPU per request");
    print_ns(figure_of(FIGURE_CPU_PER_REQUEST, tally));
    if (tally->events) {
        printf("     per event");
        print_ns(figure_of(FIGURE_CPU_PER_EVENT, tally));
    }
    printf("\n");
    print_instructions(tally);
    printf("  %-22s %7.2f MB begin, %.2f peak, %.2f end\n", "resident memory",
           (double)usage->rss_begin / 1e6, (double)usage->rss_peak / 1e6,
           (double)usage->rss_end / 1e6);
}

static void print_target(const struct target *target, const struct tally *tally)
{
    printf("%s: %" PRIu64 " requests, %" PRIu64 " failed, %.0f/s", target->name,
           tally_requests(tally), tally_failed(tally),
           figure_of(FIGURE_REQUESTS_PER_SECOND, tally));
    if (tally->outcomes[OUTCOME_LEFT])
        printf(", %" PRIu64 " left early", tally->outcomes[OUTCOME_LEFT]);
    if (tally->events)
        printf(", %" PRIu64 " events, %" PRIu64 " tokens", tally->events, tally->tokens);
    printf(", %" PRIu64 " connects\n", tally->connects);
    printf("  %-22s %10s %10s %10s %10s %10s %10s\n", "", "mean", "p50", "p90", "p99", "p99.9",
           "max");
    print_times("whole request", &tally->whole);
    print_times("refusal", &tally->refused);
    print_times("first byte", &tally->first);
    print_times("first token", &tally->ttft);
    print_times("between tokens", &tally->gap);
    print_times("first token, the way", &tally->ttft_way);
    print_times("gap, longer than sent", &tally->gap_way);
    print_times("token, sent to here", &tally->delay);
    print_times("our own lateness", &tally->lag);
    print_usage(target, tally);
    print_failures(tally);
    printf("\n");
}

static void print_ratios(const struct results *results, enum figure figure, uint32_t target)
{
    const struct options *options = results->options;
    uint64_t shown = options->rounds < RATIO_COLUMNS ? options->rounds : RATIO_COLUMNS;

    if (figure_median_ratio(results, figure, target) <= 0)
        return;
    printf("  %-16s %-24s", options->targets[target].name, figure_name(figure));
    for (uint64_t r = 0; r < shown; r++)
        printf(" %6.2f", figure_ratio(results, figure, target, r));
    printf("   median %6.2f\n", figure_median_ratio(results, figure, target));
}

static void print_comparison(const struct results *results)
{
    const struct options *options = results->options;

    printf("divided by %s, round by round\n", options->targets[0].name);
    for (uint32_t t = 1; t < options->target_count; t++)
        for (uint32_t f = 0; f < FIGURE_COUNT; f++)
            print_ratios(results, (enum figure)f, t);
}

void report_print(const struct results *results)
{
    const struct options *options = results->options;

    for (uint32_t t = 0; t < options->target_count; t++)
        print_target(&options->targets[t], &results->sums[t]);
    if (options->target_count > 1)
        print_comparison(results);
}
