#include "policy/hedge.h"

#include "base/mem.h"

enum { WHOLE = 1000000, READ_AGAIN = 32 /* when a 32nd has come since the last time */ };

/* ---- the budget ---- */

void hedge_request(struct hedge *hedge, const struct config_hedge *rule)
{
    hedge->spent -= rule->budget < hedge->spent ? rule->budget : hedge->spent;
}

bool hedge_allows(const struct hedge *hedge)
{
    return hedge->spent + WHOLE <= (uint64_t)HEDGE_FLOOR * WHOLE;
}

void hedge_take(struct hedge *hedge)
{
    hedge->spent += WHOLE;
    hedge->started++;
}

/* ---- the times ---- */

/* A quiet model keeps what it knows: the younger takes over only when it knows enough. */
static void turn(struct hedge_times *times, uint64_t now_ms)
{
    if (now_ms - times->since_ms < HEDGE_PERIOD_MS ||
        times->seen[times->younger].count < HEDGE_TIMES_MIN)
        return;
    times->younger ^= 1;
    times->seen[times->younger] = (struct histogram){ 0 };
    times->since_ms = now_ms;
    times->told_at = 0;
}

void hedge_took(struct hedge *hedge, enum hedge_kind kind, uint32_t took_ms, uint64_t now_ms)
{
    struct hedge_times *times = &hedge->times[kind];

    turn(times, now_ms);
    histogram_record(&times->seen[0], took_ms);
    histogram_record(&times->seen[1], took_ms);
}

static uint32_t percentile_ms(struct hedge_times *times, uint32_t percentile)
{
    const struct histogram *older = &times->seen[times->younger ^ 1];

    if (older->count < HEDGE_TIMES_MIN)
        return 0;
    if (times->told_at == 0 || (older->count - times->told_at) * READ_AGAIN > older->count) {
        times->told_at = older->count;
        /* one more: whoever took just as long is not late */
        times->told_ms = (uint32_t)histogram_at(older, percentile * 10) + 1;
    }
    return times->told_ms;
}

uint32_t hedge_after_ms(struct hedge *hedge, const struct config_hedge *rule,
                        enum hedge_kind kind)
{
    if (rule->after & CONFIG_PERCENTILE)
        return percentile_ms(&hedge->times[kind], rule->after & ~CONFIG_PERCENTILE);
    return rule->after;
}

/* ---- by model ---- */

void hedges_init(struct hedges *hedges)
{
    map_init(&hedges->by_model);
}

void hedges_done(struct hedges *hedges)
{
    size_t at = 0;
    struct map_entry *entry;

    while ((entry = map_next(&hedges->by_model, &at)) != NULL)
        mem_free(entry->thing);
    map_done(&hedges->by_model);
}

struct hedge *hedges_get(struct hedges *hedges, const char *model)
{
    struct hedge *hedge = map_find(&hedges->by_model, span_from(model));

    if (hedge == NULL) {
        hedge = mem_zero(sizeof(*hedge));
        (void)map_put(&hedges->by_model, span_from(model), hedge);
    }
    return hedge;
}
