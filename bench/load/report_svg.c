/* One plot for each kind of time that was measured, one line for each target: which share of the
 * times was at most so long. The x axis gives each further nine the same room. */
#include "base/mem.h"
#include "plot.h"
#include "report.h"

#include <math.h>
#include <stdio.h>

struct kind {
    const char *title;
    const struct histogram *(*times)(const struct tally *tally);
};

static const struct histogram *whole(const struct tally *tally)
{
    return &tally->whole;
}

static const struct histogram *first_token(const struct tally *tally)
{
    return &tally->ttft;
}

static const struct histogram *gap(const struct tally *tally)
{
    return &tally->gap;
}

static const struct histogram *delay(const struct tally *tally)
{
    return &tally->delay;
}

static const struct kind kinds[] = {
    { "whole request", whole },
    { "first token", first_token },
    { "between tokens", gap },
    { "token, sent to here", delay },
};

enum { KIND_COUNT = sizeof(kinds) / sizeof(kinds[0]), STEPS_PER_TEN = 20 };

/* Even steps on the axis, down to the share of a single value. */
static void add_line(struct plot *plot, const char *name, const struct histogram *times)
{
    double left = 1; /* the share above */

    if (!times->count || !plot_add_line(plot, name))
        return;
    for (uint32_t i = 0; left * (double)times->count >= 1 && i < 6 * STEPS_PER_TEN; i++) {
        uint64_t rank = (uint64_t)ceil((1 - left) * (double)times->count);

        plot_add_point(plot, 1 - left, (double)histogram_rank(times, rank ? rank : 1) / 1e3);
        left *= 0.8912509381337456; /* ten to the power of -1 / STEPS_PER_TEN */
    }
    plot_add_point(plot, 1 - 1 / (double)(times->count + 1), (double)times->most / 1e3);
}

void report_write_svg(const struct results *results, struct buf *out)
{
    const struct options *options = results->options;
    struct plot *plots = mem_zero(KIND_COUNT * sizeof(*plots));
    uint32_t count = 0;

    for (size_t k = 0; k < KIND_COUNT; k++) {
        struct plot *plot = &plots[count];

        (void)snprintf(plot->title, sizeof(plot->title), "%s", kinds[k].title);
        (void)snprintf(plot->x_label, sizeof(plot->x_label), "share of all");
        (void)snprintf(plot->y_label, sizeof(plot->y_label), "at most, us");
        plot->x_scale = PLOT_NINES;
        plot->y_scale = PLOT_LOG;
        for (uint32_t t = 0; t < options->target_count; t++)
            add_line(plot, options->targets[t].name, kinds[k].times(&results->sums[t]));
        count += plot->line_count > 0;
    }
    plot_write(plots, count, out);
    for (size_t k = 0; k < KIND_COUNT; k++)
        plot_done(&plots[k]);
    mem_free(plots);
}
