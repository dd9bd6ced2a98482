#include "flow/counters.h"

#include "flow/bill.h"
#include "flow/exchange_state.h"
#include "flow/meters.h"

/* ---- finding ---- */

/* A client may invent any number of names: only listed ones become labels. */
static struct span model_label(const struct config_model *model)
{
    return model && !model->passing ? span_from(model->name) : SPAN_OF("other");
}

static void set_labels(const struct exchange *ex, const struct plan_step *step,
                       struct counters *counters)
{
    const char *side = step ? config_side_names[step->target->side] : plan_side(ex);

    counters->labels[0] = model_label(ex->model);
    counters->labels[1] = step ? model_label(step->model) : SPAN_OF("none");
    counters->labels[2] =
        step ? span_from(step->target->provider->kind->otel) : SPAN_OF("none");
    counters->labels[3] = span_from(side ? side : "none");
}

/* Is it of the configuration itself, not made for one request? */
static bool lasts(const struct config *config, const struct config_model *model)
{
    uintptr_t first = (uintptr_t)config->models;

    return (uintptr_t)model - first < config->model_count * sizeof(*model);
}

struct counters *counters_of(struct exchange *ex, const struct plan_step *step)
{
    bool kept = step && lasts(ex->config, ex->model) && lasts(ex->config, step->model);
    size_t at = kept ? (uintptr_t)step->target / sizeof(*step->target) % COUNTERS : COUNTERS;
    struct counters *counters = &ex->env->counters[at];

    if (kept && counters->target == step->target && counters->model == ex->model &&
        counters->generation == ex->config->generation)
        return counters;
    *counters = (struct counters){ .generation = ex->config->generation, .model = ex->model };
    counters->target = kept ? step->target : NULL;
    set_labels(ex, step, counters);
    return counters;
}

/* ---- attempts ---- */

void counters_attempt(struct exchange *ex, const struct plan_step *step, const char *failure)
{
    struct series *passing = NULL;
    struct series **kept = failure ? &passing : &counters_of(ex, step)->attempts;

    if (*kept == NULL) {
        struct span labels[] = { span_from(step->target->id),
                                 span_from(failure ? failure : "ok") };

        *kept = metrics_series(ex->env->metrics, METER_ATTEMPTS, labels);
    }
    series_add(*kept, 1);
}

/* ---- exchanges ---- */

static struct series *find(struct metrics *metrics, enum meter id,
                           const struct counters *counters, struct series **kept)
{
    if (*kept == NULL)
        *kept = metrics_series(metrics, id, counters->labels);
    return *kept;
}

static void find_tokens(struct metrics *metrics, struct counters *counters, size_t type)
{
    static const char *const types[COUNTERS_TYPES] = { "input", "cached", "cache_write",
                                                       "output", "reasoning" };
    const struct span *models = counters->labels;
    struct span name = span_from(types[type]);
    struct span usage[] = { name, models[0], models[1], models[2], models[3] };
    struct span totals[] = { models[1], name };

    counters->usage[type] = metrics_series(metrics, METER_TOKEN_USAGE, usage);
    counters->tokens[type] = metrics_series(metrics, METER_TOKENS, totals);
}

static void count_tokens(const struct exchange *ex, struct counters *counters)
{
    const struct usage *usage = &ex->usage;
    const uint64_t counts[COUNTERS_TYPES] = { usage->input, usage->cached, usage->cache_write,
                                              usage->output, usage->reasoning };

    for (size_t i = 0; i < COUNTERS_TYPES; i++) {
        if (counts[i] == 0 && i != 0 && i != 3)
            continue; /* but input and output are always told */
        if (counters->usage[i] == NULL)
            find_tokens(ex->env->metrics, counters, i);
        series_observe(counters->usage[i], counts[i]);
        series_add(counters->tokens[i], counts[i]);
    }
}

static void count_times(const struct exchange *ex, struct counters *counters)
{
    struct metrics *metrics = ex->env->metrics;

    series_observe(find(metrics, METER_REQUEST_DURATION, counters, &counters->duration),
                   ex->ended_us - ex->received_us);
    if (ex->attempts)
        series_observe(meter(metrics, METER_OVERHEAD), receipt_overhead_us(ex));
    if (!ex->streaming || ex->content_us == 0)
        return;
    series_observe(find(metrics, METER_TIME_TO_FIRST_TOKEN, counters, &counters->first_token),
                   ex->content_us - ex->received_us);
    if (ex->usage.known && ex->usage.output > 1)
        series_observe(find(metrics, METER_TIME_PER_TOKEN, counters, &counters->each_token),
                       (ex->ended_us - ex->content_us) / (ex->usage.output - 1));
}

/* "200"; `text` has room for three digits. */
static struct span code_text(unsigned status, char *text)
{
    if (status < 100)
        return SPAN_OF("0");
    for (int i = 2; i >= 0; i--, status /= 10)
        text[i] = (char)('0' + status % 10);
    return span_make(text, 3);
}

static void count_request(const struct exchange *ex, struct counters *counters)
{
    char code[3];

    if (counters->requests == NULL || counters->status != ex->status) {
        struct span labels[] = { counters->labels[0], counters->labels[3],
                                 code_text(ex->status, code) };

        counters->requests = metrics_series(ex->env->metrics, METER_REQUESTS, labels);
        counters->status = ex->status;
    }
    series_add(counters->requests, 1);
}

static void count_cost(const struct exchange *ex, struct counters *counters, uint64_t cost)
{
    if (counters->cost == NULL || counters->payer != ex->caller.name) {
        struct span labels[] = { counters->labels[1], span_from(ex->caller.name) };

        counters->cost = metrics_series(ex->env->metrics, METER_COST, labels);
        counters->payer = ex->caller.name;
    }
    series_add(counters->cost, cost);
}

/* What seldom happens. */
static void count_oddities(const struct exchange *ex, const struct counters *counters,
                           struct bill bill)
{
    const struct plan_step *step = ex->attempt->step;
    struct metrics *metrics = ex->env->metrics;
    const struct span *models = counters->labels;

    if (ex->usage.known && ex->usage.estimated)
        series_add(metrics_series(metrics, METER_ESTIMATED, &models[1]), 1);
    if (ex->usage.known && !bill.known)
        series_add(metrics_series(metrics, METER_UNPRICED, &models[1]), 1);
    if (ex->outcome == OUTCOME_OK && step && step->model != ex->model) {
        struct span moves[] = { models[0], models[1],
                                ex->switched ? SPAN_OF("switch")
                                             : span_from(llm_class_name(ex->moved_for)) };

        series_add(metrics_series(metrics, METER_FALLBACKS, moves), 1);
    }
    if (ex->cancelled_in) {
        struct span phase = span_from(ex->cancelled_in);

        series_add(metrics_series(metrics, METER_CANCELLED, &phase), 1);
    }
}

void counters_exchange(struct exchange *ex, struct bill bill)
{
    struct counters *counters = counters_of(ex, ex->attempt->step);

    count_request(ex, counters);
    count_times(ex, counters);
    if (ex->usage.known)
        count_tokens(ex, counters);
    count_oddities(ex, counters, bill);
    if (bill.known)
        count_cost(ex, counters, bill.cost);
}
