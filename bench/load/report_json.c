#include "report.h"

#include "base/json.h"

enum { RATIO_DECIMALS = 4, NS_DECIMALS = 3 };

/* Nanoseconds as microseconds. */
static void write_us(struct json_writer *w, const char *key, uint64_t ns)
{
    json_put_decimal(w, key, ns, NS_DECIMALS);
}

static void write_times(struct json_writer *w, const char *key, const struct histogram *times)
{
    json_key(w, key);
    json_begin(w, '{');
    json_put_u64(w, "count", times->count);
    write_us(w, "mean", histogram_mean(times));
    write_us(w, "min", times->count ? times->least : 0);
    write_us(w, "p50", histogram_at(times, 500));
    write_us(w, "p90", histogram_at(times, 900));
    write_us(w, "p99", histogram_at(times, 990));
    write_us(w, "p99_9", histogram_at(times, 999));
    write_us(w, "max", times->count ? times->most : 0);
    json_end(w, '}');
}

static void write_outcomes(struct json_writer *w, const struct tally *tally)
{
    json_key(w, "outcomes");
    json_begin(w, '{');
    for (uint32_t i = 0; i < OUTCOME_COUNT; i++)
        json_put_u64(w, outcome_name((enum outcome)i), tally->outcomes[i]);
    json_end(w, '}');
    json_key(w, "examples");
    json_begin(w, '{');
    for (uint32_t i = OUTCOME_UNANSWERED; i < OUTCOME_LEFT; i++)
        if (tally->outcomes[i]) {
            json_put_text(w, outcome_name((enum outcome)i), tally->examples[i]);
        }
    json_end(w, '}');
}

/* null where they were not counted, with the reason beside it. */
static void write_instructions(struct json_writer *w, const struct tally *tally)
{
    static const enum figure figures[] = { FIGURE_INSTRUCTIONS_PER_REQUEST,
                                           FIGURE_INSTRUCTIONS_PER_EVENT };

    for (size_t i = 0; i < sizeof(figures) / sizeof(figures[0]); i++) {
        double figure = figure_of(figures[i], tally);

        json_key(w, figure_name(figures[i]));
        if (figure > 0)
            json_u64(w, (uint64_t)figure);
        else
            json_null(w);
    }
    json_put_text(w, "instructions_uncounted", tally->usage.uncounted);
}

static void write_usage(struct json_writer *w, const struct tally *tally)
{
    json_key(w, "usage");
    json_begin(w, '{');
    write_us(w, "cpu_us", tally->usage.cpu_ns);
    write_us(w, "cpu_us_per_request", (uint64_t)figure_of(FIGURE_CPU_PER_REQUEST, tally));
    write_us(w, "cpu_us_per_event", (uint64_t)figure_of(FIGURE_CPU_PER_EVENT, tally));
    write_instructions(w, tally);
    json_put_u64(w, "rss_begin", tally->usage.rss_begin);
    json_put_u64(w, "rss_peak", tally->usage.rss_peak);
    json_put_u64(w, "rss_end", tally->usage.rss_end);
    json_end(w, '}');
}

static void write_series(struct json_writer *w, const struct series *series)
{
    json_key(w, "series");
    json_begin(w, '[');
    for (uint32_t i = 0; i < series->count; i++) {
        json_begin(w, '{');
        json_put_u64(w, "started", series->slots[i].started);
        json_put_u64(w, "ok", series->slots[i].ok);
        json_put_u64(w, "failed", series->slots[i].failed);
        write_us(w, "slowest_us", series->slots[i].slowest_ns);
        json_end(w, '}');
    }
    json_end(w, ']');
}

static void write_tally(struct json_writer *w, const struct tally *tally)
{
    json_begin(w, '{');
    json_put_u64(w, "requests", tally_requests(tally));
    json_put_u64(w, "failed", tally_failed(tally));
    write_outcomes(w, tally);
    write_us(w, "duration_us", tally->end_ns - tally->begin_ns);
    json_put_u64(w, "connects", tally->connects);
    json_put_u64(w, "connections_peak", tally->connections_peak);
    json_put_u64(w, "bytes", tally->bytes);
    json_put_u64(w, "events", tally->events);
    json_put_u64(w, "tokens", tally->tokens);
    write_times(w, "whole_us", &tally->whole);
    write_times(w, "refused_us", &tally->refused);
    write_times(w, "first_byte_us", &tally->first);
    write_times(w, "first_token_us", &tally->ttft);
    write_times(w, "gap_us", &tally->gap);
    write_times(w, "first_token_way_us", &tally->ttft_way);
    write_times(w, "gap_way_us", &tally->gap_way);
    write_times(w, "delay_us", &tally->delay);
    write_times(w, "lag_us", &tally->lag);
    write_series(w, &tally->series);
    write_usage(w, tally);
    json_end(w, '}');
}

static void write_ratio(struct json_writer *w, double ratio)
{
    json_decimal(w, (uint64_t)(ratio * 1e4 + 0.5), RATIO_DECIMALS);
}

/* {"cpu_per_request": {"rounds": [...], "median": 1.6}, ...}, divided by the first target's. */
static void write_ratios(struct json_writer *w, const struct results *results, uint32_t target)
{
    json_key(w, "ratios");
    json_begin(w, '{');
    for (uint32_t f = 0; f < FIGURE_COUNT; f++) {
        enum figure figure = (enum figure)f;

        json_key(w, figure_name(figure));
        json_begin(w, '{');
        json_key(w, "rounds");
        json_begin(w, '[');
        for (uint64_t r = 0; r < results->options->rounds; r++)
            write_ratio(w, figure_ratio(results, figure, target, r));
        json_end(w, ']');
        json_key(w, "median");
        write_ratio(w, figure_median_ratio(results, figure, target));
        json_end(w, '}');
    }
    json_end(w, '}');
}

void report_write_json(const struct results *results, struct buf *out)
{
    const struct options *options = results->options;
    struct json_writer w = json_writer(out);

    json_begin(&w, '{');
    json_key(&w, "targets");
    json_begin(&w, '{');
    for (uint32_t t = 0; t < options->target_count; t++) {
        json_key(&w, options->targets[t].name);
        json_begin(&w, '{');
        json_key(&w, "rounds");
        json_begin(&w, '[');
        for (uint64_t r = 0; r < options->rounds; r++)
            write_tally(&w, results_round(results, t, r));
        json_end(&w, ']');
        json_key(&w, "sum");
        write_tally(&w, &results->sums[t]);
        write_ratios(&w, results, t);
        json_end(&w, '}');
    }
    json_end(&w, '}');
    json_end(&w, '}');
    buf_add_byte(out, '\n');
}
