#include "ops/figures.h"

#include "base/json.h"

enum { MILLION = 1000000 };

static struct spread_figures figures_of_spread(const struct spread *spread)
{
    if (spread->all.count == 0)
        return (struct spread_figures){ 0 };
    return (struct spread_figures){
        .count = spread->all.count,
        .mean = spread_mean(spread),
        .least = spread->all.least,
        .most = spread->all.most,
        .p50 = spread_at(spread, 500),
        .p95 = spread_at(spread, 950),
        .p99 = spread_at(spread, 990),
    };
}

void figures_of(const struct tally *tally, struct figures *ret)
{
    *ret = (struct figures){
        .requests = tally_requests(tally),
        .errors = tally_errors(tally),
        .cost_pico = tally->cost_pico,
        .estimated = tally->estimated,
        .unpriced = tally->unpriced,
        .latency = figures_of_spread(&tally->latency),
        .first = figures_of_spread(&tally->first),
    };
    for (unsigned i = 0; i < TALLY_OUTCOMES; i++)
        ret->outcomes[i] = tally->outcomes[i];
    for (unsigned i = 0; i < TALLY_TOKENS; i++)
        ret->tokens[i] = tally->tokens[i];
}

uint64_t figures_error_rate(const struct figures *figures)
{
    return figures->requests ? figures->errors * MILLION / figures->requests : 0;
}

uint64_t figures_cost_per_minute(uint64_t cost_pico, uint64_t window_ms)
{
    return cost_pico / MILLION * 60000 / window_ms;
}

uint64_t figures_all_tokens(const struct figures *figures)
{
    return tally_all_tokens(figures->tokens);
}

bool figures_priced(const struct figures *figures)
{
    return figures->unpriced == 0 || figures->unpriced < figures_all_tokens(figures);
}

/* ---- JSON ---- */

static void put(struct json_writer *w, const char *key, bool known, uint64_t value,
                unsigned decimals)
{
    json_key(w, key);
    if (known)
        json_decimal(w, value, decimals);
    else
        json_null(w);
}

void figures_write_rates(const struct figures *figures, struct json_writer *w)
{
    uint64_t rate = figures_error_rate(figures);

    put(w, "success_rate", figures->requests, MILLION - rate, 6);
    put(w, "error_rate", figures->requests, rate, 6);
}

void figures_write_spread(const char *key, const struct spread_figures *spread,
                          struct json_writer *w)
{
    json_key(w, key);
    json_begin(w, '{');
    put(w, "mean", spread->count, spread->mean, 3);
    put(w, "min", spread->count, spread->least, 3);
    put(w, "max", spread->count, spread->most, 3);
    put(w, "p50", spread->count, spread->p50, 3);
    put(w, "p95", spread->count, spread->p95, 3);
    put(w, "p99", spread->count, spread->p99, 3);
    json_end(w, '}');
}

void figures_write_tokens(const struct figures *figures, struct json_writer *w)
{
    json_key(w, "tokens");
    json_begin(w, '{');
    for (unsigned i = 0; i < TALLY_TOKENS; i++)
        json_put_u64(w, tally_token_name((enum tally_token)i), figures->tokens[i]);
    json_put_u64(w, "total", figures_all_tokens(figures));
    json_put_u64(w, "estimated", figures->estimated);
    json_put_u64(w, "unpriced", figures->unpriced);
    json_end(w, '}');
}

void figures_write_cost(const struct figures *figures, struct json_writer *w)
{
    put(w, "cost_usd", figures_priced(figures), figures->cost_pico, 12);
}

static void write_outcomes(const struct figures *figures, struct json_writer *w)
{
    json_key(w, "outcomes");
    json_begin(w, '{');
    for (unsigned i = 0; i < TALLY_OUTCOMES; i++)
        if (figures->outcomes[i])
            json_put_u64(w, tally_outcome_name((enum tally_outcome)i), figures->outcomes[i]);
    json_end(w, '}');
}

void figures_write(const struct figures *figures, struct json_writer *w)
{
    json_put_u64(w, "requests", figures->requests);
    json_put_u64(w, "errors", figures->errors);
    figures_write_rates(figures, w);
    write_outcomes(figures, w);
    figures_write_spread("latency_ms", &figures->latency, w);
    figures_write_spread("ttft_ms", &figures->first, w);
    figures_write_tokens(figures, w);
    figures_write_cost(figures, w);
}
