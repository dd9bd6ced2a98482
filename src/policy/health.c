#include "policy/health.h"

#include <assert.h>

/* From `errors_fine` to here the factor falls from full to the least. */
enum { ERRORS_WORST = 500 };

static uint32_t larger(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

static uint32_t smaller(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static uint32_t errors_factor(const struct window_sum *sum, const struct health_rule *rule)
{
    uint64_t seen = larger(larger(sum->good + sum->bad, rule->min_requests), 1);
    uint32_t errors = (uint32_t)(sum->bad * UINT64_C(1000) / seen);
    uint32_t fine = smaller(rule->errors_fine, ERRORS_WORST - 1);

    if (errors <= fine)
        return HEALTH_FULL;
    if (errors >= ERRORS_WORST)
        return HEALTH_LEAST;
    return larger(HEALTH_FULL * (ERRORS_WORST - errors) / (ERRORS_WORST - fine), HEALTH_LEAST);
}

static uint32_t slowness_factor(uint64_t took_ms, uint32_t threshold_ms)
{
    if (threshold_ms == 0 || took_ms <= threshold_ms)
        return HEALTH_FULL;
    return larger((uint32_t)(HEALTH_FULL * (uint64_t)threshold_ms / took_ms), HEALTH_SLOWEST);
}

static uint32_t latency_factor(const struct window_sum *sum, const struct health_rule *rule)
{
    uint64_t above;

    if (rule->latency_ms == 0 || sum->smooth_ms <= rule->latency_ms)
        return HEALTH_FULL;
    above = sum->smooth_ms - rule->latency_ms;
    if (sum->timed < rule->min_requests)
        above = above * sum->timed / rule->min_requests;
    return slowness_factor(rule->latency_ms + above, rule->latency_ms);
}

static uint32_t probe_factor(const struct health *health, const struct window_sum *sum,
                             const struct health_rule *rule)
{
    if (health->probed_ms == 0 || sum->good + sum->bad >= larger(rule->min_requests, 1))
        return HEALTH_FULL; /* live traffic knows better */
    if (health->probe_failures)
        return larger(HEALTH_FULL >> smaller(health->probe_failures, 10), HEALTH_LEAST);
    return slowness_factor(health->probe_ms, rule->latency_ms);
}

static uint32_t breaker_factor(const struct breaker *breaker, const struct breaker_rule *rule,
                               uint64_t now_ms)
{
    if (!rule->enabled || breaker->state == BREAKER_CLOSED)
        return HEALTH_FULL;
    return breaker_admits(breaker, rule, now_ms) ? HEALTH_TRIAL : 0;
}

static uint32_t slow_start_factor(const struct health *health, const struct health_rule *rule,
                                  uint64_t now_ms)
{
    const uint64_t way = HEALTH_FULL - HEALTH_RETURN;
    uint64_t since_ms = now_ms - health->lost_ms;
    uint64_t regained;

    assert(health->lost <= HEALTH_FULL);
    if (health->lost == 0 || since_ms / 2 >= rule->slow_start_ms) /* none, or long over */
        return HEALTH_FULL;
    regained = way * since_ms / rule->slow_start_ms;
    return regained >= health->lost ? HEALTH_FULL
                                    : HEALTH_FULL - health->lost + (uint32_t)regained;
}

/* What lowers it most. */
static const char *reason(const struct health_factors *f)
{
    uint32_t least = smaller(smaller(f->errors, f->latency), smaller(f->probe, f->slow_start));

    if (f->breaker == 0)
        return "its circuit breaker is open";
    if (f->breaker < HEALTH_FULL)
        return "its circuit breaker lets trials in";
    if (least == HEALTH_FULL)
        return "as configured";
    if (f->errors == least)
        return "recent attempts failed";
    if (f->latency == least)
        return "first content is slow";
    if (f->probe == least)
        return f->probe <= HEALTH_FULL / 2 ? "probes fail or are slow" : "probes are slow";
    return "slow start";
}

/* Without the breaker and the slow start: what the facts say. */
static uint32_t judge(const struct health *health, const struct health_rule *rule,
                      uint64_t now_ms, struct health_factors *ret)
{
    ret->recent = window_sum(&health->window, rule->window_ms, now_ms);
    ret->errors = errors_factor(&ret->recent, rule);
    ret->latency = latency_factor(&ret->recent, rule);
    ret->probe = probe_factor(health, &ret->recent, rule);
    return larger((uint32_t)((uint64_t)ret->errors * ret->latency * ret->probe /
                             ((uint64_t)HEALTH_FULL * HEALTH_FULL)),
                  HEALTH_LEAST);
}

struct health_factors health_factors(const struct health *health,
                                     const struct health_rule *rule,
                                     const struct breaker *breaker,
                                     const struct breaker_rule *breaker_rule, uint64_t now_ms)
{
    struct health_factors factors = { 0 };
    uint32_t deserved = judge(health, rule, now_ms, &factors);

    factors.slow_start = slow_start_factor(health, rule, now_ms);
    factors.breaker = breaker_factor(breaker, breaker_rule, now_ms);
    factors.health = smaller(deserved, factors.slow_start);
    if (factors.breaker < HEALTH_FULL)
        factors.health = smaller(factors.health, factors.breaker);
    factors.why = reason(&factors);
    return factors;
}

/* A fall counts from now on, and is regained at the pace of the slow start. As long as one has not
 * been regained, each fact says anew where the way back begins. */
static void settle(struct health *health, const struct health_rule *rule, uint64_t now_ms)
{
    struct health_factors factors;
    uint32_t deserved = judge(health, rule, now_ms, &factors);
    uint32_t regained = slow_start_factor(health, rule, now_ms);

    if (deserved >= regained) {
        health->lost = regained == HEALTH_FULL ? 0 : health->lost;
        return;
    }
    health->lost = HEALTH_FULL - deserved;
    health->lost_ms = now_ms;
}

void health_attempt(struct health *health, const struct health_rule *rule, bool good,
                    uint64_t now_ms)
{
    window_add(&health->window, rule->window_ms, now_ms, good);
    if (!good || health->lost)
        settle(health, rule, now_ms);
}

void health_first(struct health *health, const struct health_rule *rule, uint32_t first_ms,
                  uint64_t now_ms)
{
    window_add_first(&health->window, rule->window_ms, now_ms, first_ms);
    if (health->lost || (rule->latency_ms && first_ms > rule->latency_ms))
        settle(health, rule, now_ms);
}

void health_probe(struct health *health, const struct health_rule *rule, bool good,
                  uint32_t took_ms, uint64_t now_ms)
{
    health->probe_failures = good ? 0 : health->probe_failures + 1;
    if (good)
        health->probe_ms = took_ms;
    health->probed_ms = now_ms ? now_ms : 1;
    settle(health, rule, now_ms);
}

void health_return(struct health *health, uint64_t now_ms)
{
    *health = (struct health){ .lost = HEALTH_FULL - HEALTH_RETURN, .lost_ms = now_ms };
}

const char *health_level_name(enum health_level level)
{
    switch (level) {
    case HEALTH_GOOD: return "good";
    case HEALTH_DEGRADED: return "degraded";
    case HEALTH_OUT: return "out";
    }
    return "unknown";
}

enum health_level health_level_next(enum health_level level, uint32_t health)
{
    if (health == 0)
        return HEALTH_OUT;
    if (health >= 900)
        return HEALTH_GOOD;
    if (health < 500 || level == HEALTH_OUT)
        return HEALTH_DEGRADED;
    return level;
}
