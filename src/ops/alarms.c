#include "ops/alarms.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "config/units.h"
#include "flow/ledger.h"
#include "flow/meters.h"
#include "ops/gateway.h"
#include "ops/recent.h"

#include <stdio.h>

struct model_alerts {
    char *name;
    struct alerts alerts;
};

struct alarms {
    struct gateway *gateway;
    struct task task;
    size_t at;                /* in the ledger's models: which is next */
    uint64_t due_ms;          /* when that is */
    struct map by_model;      /* struct model_alerts */
    struct alerts total;      /* of all together */
    struct alert_figures sum; /* of the models that were judged in this round */
};

static struct alerts *alerts_of(struct alarms *alarms, struct span name)
{
    struct model_alerts *model = map_find(&alarms->by_model, name);

    if (model == NULL) {
        model = mem_zero(sizeof(*model));
        model->name = mem_copy(name.at, name.size);
        (void)map_put(&alarms->by_model, name, model);
    }
    return &model->alerts;
}

/* ---- telling ---- */

/* As a value is told: a share, milliseconds, dollars. */
static const unsigned decimals[ALERTS] = {
    [ALERT_ERROR_RATE] = 6,
    [ALERT_LATENCY] = 3,
    [ALERT_COST] = 6,
};

/* `model` is NULL for what concerns all together. */
static void tell(struct alarms *alarms, const char *model, const struct alert_change *change)
{
    struct env *env = &alarms->gateway->env;
    struct buf text;
    struct event event = {
        .kind = EVENT_ALERT,
        .model = model,
        .alert = alert_name(change->kind),
        .severity = alert_severity(change->kind),
        .from = change->raised ? "cleared" : "raised",
        .to = change->raised ? "raised" : "cleared",
        .figures = { { "value", change->value, decimals[change->kind] },
                     { "threshold", change->threshold, decimals[change->kind] },
                     { "requests", change->requests, 0 } },
    };

    buf_init(&text, LIMIT_EVENT_REASON_BYTES);
    alert_change_text(change, &text);
    event.reason = buf_span(&text);
    events_add(&env->events, &event, clock_wall_ms());
    LOG(change->raised ? LOG_WARN : LOG_INFO, "alert", { "model", span_from(model) },
        { "alert", span_from(event.alert) }, { "severity", span_from(event.severity) },
        { "to", span_from(event.to) }, { "reason", event.reason });
    buf_done(&text);
}

static void judge(struct alarms *alarms, const char *model, struct alerts *alerts,
                  const struct alert_rule *rule, const struct alert_figures *figures)
{
    struct alert_change changes[ALERTS];
    unsigned count = alerts_judge(alerts, rule, figures, clock_wall_ms(), changes);

    for (unsigned i = 0; i < count; i++)
        tell(alarms, model, &changes[i]);
    for (unsigned kind = 0; kind < ALERTS; kind++) {
        struct span labels[] = { span_from(alert_name((enum alert_kind)kind)),
                                 model ? span_from(model) : SPAN_OF("all") };

        if (rule->thresholds[kind] || alerts->by_kind[kind].since_ms)
            series_set(metrics_series(alarms->gateway->env.metrics, METER_ALERTS, labels),
                       alerts->by_kind[kind].raised);
    }
}

static void judge_model(struct alarms *alarms, struct ledger_model *model)
{
    struct alert_figures figures;
    struct alert_rule rule;

    ledger_tick(model, clock_wall_ms());
    figures = recent_judged(alarms->gateway->recent, model);
    alert_rule_of(&rule, &alarms->gateway->env.config->alerts);
    rule.thresholds[ALERT_COST] = 0;
    judge(alarms, model->name, alerts_of(alarms, span_from(model->name)), &rule, &figures);
    alarms->sum.requests += figures.requests;
    alarms->sum.values[ALERT_COST] += figures.values[ALERT_COST];
}

static void judge_total(struct alarms *alarms)
{
    struct alert_rule rule;

    alert_rule_of(&rule, &alarms->gateway->env.config->alerts);
    rule.thresholds[ALERT_ERROR_RATE] = 0;
    rule.thresholds[ALERT_LATENCY] = 0;
    judge(alarms, NULL, &alarms->total, &rule, &alarms->sum);
    alarms->sum = (struct alert_figures){ 0 };
}

/* One model, or what all came to; so that a round takes ALERT_EVERY_MS and no turn of the loop long. */
static void run(struct task *task)
{
    struct alarms *alarms = LIST_OWNER(task, struct alarms, task);
    struct map *models = &alarms->gateway->env.ledger.models;
    uint64_t now_ms = loop_now_ms(task->loop);
    struct map_entry *entry;

    if (now_ms < alarms->due_ms) {
        task_alarm(task, alarms->due_ms);
        return;
    }
    entry = map_next(models, &alarms->at);
    if (entry) {
        judge_model(alarms, entry->thing);
    } else {
        alarms->at = 0;
        judge_total(alarms);
    }
    alarms->due_ms = now_ms + ALERT_EVERY_MS / (models->count + 1);
    task_alarm(task, alarms->due_ms);
}

/* ---- the alerts that are raised ---- */

struct raised {
    enum alert_kind kind;
    const char *model; /* NULL: all together */
    const struct alert *alert;
    uint64_t threshold;
};

typedef void (*raised_fn)(void *context, const struct raised *raised);

static void each_of(const struct alerts *alerts, const char *model,
                    const struct alert_rule *rule, raised_fn each, void *context)
{
    for (unsigned kind = 0; kind < ALERTS; kind++) {
        const struct raised raised = { (enum alert_kind)kind, model, &alerts->by_kind[kind],
                                       rule->thresholds[kind] };

        if (raised.alert->raised)
            each(context, &raised);
    }
}

static void each_raised(const struct alarms *alarms, raised_fn each, void *context)
{
    struct alert_rule rule;
    struct map_entry *entry;
    size_t at = 0;

    alert_rule_of(&rule, &alarms->gateway->env.config->alerts);
    each_of(&alarms->total, NULL, &rule, each, context);
    while ((entry = map_next(&alarms->by_model, &at)) != NULL) {
        const struct model_alerts *model = entry->thing;

        each_of(&model->alerts, model->name, &rule, each, context);
    }
}

static void write_raised(void *context, const struct raised *raised)
{
    struct json_writer *w = context;
    char since[CLOCK_TEXT_SIZE];

    clock_text(raised->alert->since_ms, since);
    json_begin(w, '{');
    json_put_text(w, "name", alert_name(raised->kind));
    json_put_text(w, "severity", alert_severity(raised->kind));
    json_put_text(w, "model", raised->model);
    json_put_decimal(w, "value", raised->alert->value, decimals[raised->kind]);
    json_put_decimal(w, "threshold", raised->threshold, decimals[raised->kind]);
    json_put_text(w, "since", since);
    json_end(w, '}');
}

void alarms_write(const struct alarms *alarms, struct json_writer *w)
{
    json_key(w, "alerts");
    json_begin(w, '[');
    each_raised(alarms, write_raised, w);
    json_end(w, ']');
}

static void print_raised(void *context, const struct raised *raised)
{
    const struct alert *alert = raised->alert;
    struct buf *out = context;
    char since[CLOCK_TEXT_SIZE];

    clock_text(alert->since_ms, since);
    (void)buf_printf(out, "  %s, %s: ", alert_severity(raised->kind),
                     raised->model ? raised->model : "all models");
    alert_text(raised->kind, alert->value, raised->threshold, out);
    (void)buf_printf(out, ", since %s\n", since);
}

void alarms_print(const struct alarms *alarms, struct buf *out)
{
    size_t before = buf_size(out);

    each_raised(alarms, print_raised, out);
    if (buf_size(out) == before)
        (void)buf_add_text(out, "  none\n");
}

/* ---- over a restart: what the events say last ---- */

/* 2026-11-21T02:34:43.123Z */
static uint64_t read_time(const struct json *time)
{
    struct span text = { 0 };
    char seconds[sizeof("2026-11-21T02:34:43Z")];
    uint64_t seconds_ms = 0;
    uint64_t rest_ms = 0;
    struct span whole;

    (void)json_read_string(time, &text);
    whole = span_cut(&text, '.');
    (void)snprintf(seconds, sizeof(seconds), "%.*sZ", SPAN_ARG(whole));
    (void)units_read_date(span_from(seconds), &seconds_ms);
    (void)span_u64(span_cut(&text, 'Z'), &rest_ms);
    return seconds_ms + rest_ms;
}

static void restore(struct alarms *alarms, const struct json *event)
{
    struct alerts *alerts = &alarms->total;
    struct span kind = { 0 };
    struct span to = { 0 };
    struct span model;

    if (json_read_string(json_member(event, "model"), &model)) {
        if (map_find(&alarms->gateway->env.ledger.models, model) == NULL)
            return; /* nobody would ever clear it */
        alerts = alerts_of(alarms, model);
    }
    (void)json_read_string(json_member(event, "alert"), &kind);
    (void)json_read_string(json_member(event, "to"), &to);
    for (unsigned i = 0; i < ALERTS; i++)
        if (span_is(kind, alert_name((enum alert_kind)i)))
            alerts->by_kind[i] =
                (struct alert){ .raised = span_is(to, "raised"),
                                .since_ms = read_time(json_member(event, "time")) };
}

/* An alert that was told in an earlier process is not told again. */
static void restore_all(struct alarms *alarms)
{
    const struct events *events = &alarms->gateway->env.events;
    uint64_t first = events->last < LIMIT_EVENTS ? 1 : events->last - LIMIT_EVENTS + 1;

    for (uint64_t id = first; id <= events->last; id++) {
        struct span line = events_line(events, id);
        struct json_doc *doc;

        if (span_find_text(line, "\"kind\":\"alert\"") == SIZE_MAX || json_parse(line, &doc))
            continue;
        restore(alarms, json_root(doc));
        json_free(doc);
    }
}

/* ---- life ---- */

struct alarms *alarms_new(struct gateway *gateway)
{
    struct alarms *alarms = mem_zero(sizeof(*alarms));

    alarms->gateway = gateway;
    map_init(&alarms->by_model);
    restore_all(alarms);
    task_init(&alarms->task, gateway->loop, run);
    task_wake(&alarms->task);
    return alarms;
}

void alarms_free(struct alarms *alarms)
{
    struct map_entry *entry;
    size_t at = 0;

    if (alarms == NULL)
        return;
    while ((entry = map_next(&alarms->by_model, &at)) != NULL) {
        struct model_alerts *model = entry->thing;

        mem_free(model->name);
        mem_free(model);
    }
    map_done(&alarms->by_model);
    task_done(&alarms->task);
    mem_free(alarms);
}
