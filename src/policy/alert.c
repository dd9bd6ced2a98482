#include "policy/alert.h"

#include "policy/words.h"

#include <assert.h>

static const struct {
    const char *name;
    const char *severity;
    const char *title;
    void (*print)(uint64_t value, struct buf *out);
} kinds[] = {
    [ALERT_ERROR_RATE] = { "error_rate", "critical", "error rate", words_percent },
    [ALERT_LATENCY] = { "latency_p95", "warning", "p95 latency", words_ms },
    [ALERT_COST] = { "projected_cost_usd_per_day", "warning", "projected cost a day",
                     words_dollars },
};

const char *alert_name(enum alert_kind kind)
{
    assert((unsigned)kind < ALERTS);
    return kinds[kind].name;
}

const char *alert_severity(enum alert_kind kind)
{
    assert((unsigned)kind < ALERTS);
    return kinds[kind].severity;
}

void alert_rule_of(struct alert_rule *rule, const struct config_alerts *config)
{
    rule->thresholds[ALERT_ERROR_RATE] = config->error_rate;
    rule->thresholds[ALERT_LATENCY] = (uint64_t)config->latency_p95 * 1000;
    rule->thresholds[ALERT_COST] = config->projected_cost;
}

struct alert_figures alert_figures(const struct tally *tally, uint64_t window_ms)
{
    struct alert_figures figures = { .requests = tally_requests(tally) };

    if (figures.requests)
        figures.values[ALERT_ERROR_RATE] =
            tally_errors(tally) * UINT64_C(1000000) / figures.requests;
    figures.values[ALERT_LATENCY] = spread_at(&tally->latency, 950);
    figures.values[ALERT_COST] = tally_daily_cost(tally->cost_pico, window_ms);
    return figures;
}

/* Whether it is to be in force now. */
static bool should_be_raised(const struct alert *alert, uint64_t threshold, uint64_t requests,
                             uint64_t value)
{
    if (threshold == 0 || requests == 0)
        return false;
    if (requests < ALERT_MIN_REQUESTS)
        return alert->raised;
    if (!alert->raised)
        return value > threshold;
    return value >=
           threshold / 100 * ALERT_CLEAR_PERCENT + threshold % 100 * ALERT_CLEAR_PERCENT / 100;
}

unsigned alerts_judge(struct alerts *alerts, const struct alert_rule *rule,
                      const struct alert_figures *figures, uint64_t now_ms,
                      struct alert_change ret_changes[ALERTS])
{
    unsigned changes = 0;

    for (unsigned kind = 0; kind < ALERTS; kind++) {
        struct alert *alert = &alerts->by_kind[kind];
        uint64_t threshold = rule->thresholds[kind];
        uint64_t value = figures->values[kind];
        bool raised = should_be_raised(alert, threshold, figures->requests, value);

        if (figures->requests >= ALERT_MIN_REQUESTS || figures->requests == 0)
            alert->value = value;
        if (raised == alert->raised)
            continue;
        alert->raised = raised;
        alert->since_ms = now_ms;
        ret_changes[changes++] = (struct alert_change){
            .kind = (enum alert_kind)kind,
            .raised = raised,
            .value = value,
            .threshold = threshold,
            .requests = figures->requests,
        };
    }
    return changes;
}

void alert_text(enum alert_kind kind, uint64_t value, uint64_t threshold, struct buf *out)
{
    assert((unsigned)kind < ALERTS);
    (void)buf_printf(out, "%s ", kinds[kind].title);
    kinds[kind].print(value, out);
    (void)buf_add_text(out, value > threshold ? ", above " : ", no longer above ");
    kinds[kind].print(threshold, out);
}

void alert_change_text(const struct alert_change *change, struct buf *out)
{
    void (*print)(uint64_t value, struct buf * out) = kinds[change->kind].print;

    (void)buf_printf(out, "%s ", kinds[change->kind].title);
    print(change->value, out);
    if (change->raised) {
        (void)buf_add_text(out, ", above ");
        print(change->threshold, out);
    } else if (change->threshold == 0) {
        (void)buf_add_text(out, ", no longer watched");
    } else if (change->requests == 0) {
        (void)buf_add_text(out, ", without any requests");
    } else {
        (void)buf_printf(out, ", below %d %% of ", ALERT_CLEAR_PERCENT);
        print(change->threshold, out);
    }
}
