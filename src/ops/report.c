#include "ops/report.h"

#include "base/clock.h"
#include "base/json.h"
#include "config/units.h"
#include "flow/ledger.h"
#include "ops/alarms.h"
#include "ops/call.h"
#include "ops/export.h"

#include <stdlib.h>
#include <string.h>

/* ---- what is asked for ---- */

struct wish {
    uint64_t window_ms;
    bool text;
};

static bool read_window(struct span value, uint64_t *ret)
{
    return units_read_duration(value, ret) && *ret >= REPORT_WINDOW_LEAST_MS &&
           *ret <= REPORT_WINDOW_MOST_MS;
}

/* False: what is wrong has been said. */
static bool read_wish(struct call *call, struct wish *ret)
{
    struct span query = http_request(call->http)->query;

    *ret = (struct wish){ .window_ms = REPORT_WINDOW_MS };
    while (query.size) {
        struct span value = span_cut(&query, '&');
        struct span name = span_cut(&value, '=');

        if (span_is(name, "window") && !read_window(value, &ret->window_ms)) {
            call_refuse_param(call, REFUSE_INVALID_VALUE,
                              "`window` is a duration from 1m to 24h, such as 60m.", "window");
            return false;
        }
        if (!span_is(name, "format"))
            continue;
        ret->text = span_is(value, "text");
        if (ret->text || span_is(value, "json"))
            continue;
        call_refuse_param(call, REFUSE_INVALID_VALUE, "`format` is json or text.", "format");
        return false;
    }
    return true;
}

/* ---- sums ---- */

/* A report in the making: the call's, between its turns. */
struct making {
    struct report report;
    bool text;
};

static int compare_rows(const void *a, const void *b)
{
    return strcmp(((const struct report_row *)a)->model, ((const struct report_row *)b)->model);
}

static void add_row(struct report *report, struct arena *arena, const char *model)
{
    report->rows[report->count++].model = arena_text(arena, span_from(model));
}

/* The names are copied: the configuration may change before the last turn. */
static void list_models(struct report *report, struct gateway *gateway, struct arena *arena)
{
    const struct config *config = gateway->env.config;
    const struct map *models = &gateway->env.ledger.models;
    struct map_entry *entry;
    size_t listed;
    size_t at = 0;

    report->rows =
        arena_zero(arena, (config->model_count + models->count + 1) * sizeof(*report->rows));
    for (size_t i = 0; i < config->model_count; i++)
        if (!config->models[i].virtual)
            add_row(report, arena, config->models[i].name);
    listed = report->count;
    while ((entry = map_next(models, &at)) != NULL) {
        const struct ledger_model *model = entry->thing;

        if (config_model_find(config, span_from(model->name)) == NULL)
            add_row(report, arena, model->name);
    }
    qsort(report->rows + listed, report->count - listed, sizeof(*report->rows), compare_rows);
}

static void sum_row(struct report_row *row, const struct ledger *ledger, uint64_t from_ms,
                    struct tally *sum)
{
    const struct ledger_model *model = ledger_find(ledger, row->model);
    struct tally all = { 0 };

    for (unsigned side = 0; model && side < SIDES; side++) {
        struct tally one = { 0 };

        row->known[side] = ledger_sum(model, (enum config_side)side, from_ms, false, &one);
        figures_of(&one, &row->sides[side]);
        tally_merge(&all, &one);
    }
    figures_of(&all, &row->all);
    tally_merge(sum, &all);
}

/* ---- JSON ---- */

static void write_costs(const struct figures *figures, uint64_t window_ms,
                        struct json_writer *w)
{
    json_put_decimal(w, "cost_per_minute_usd",
                     figures_cost_per_minute(figures->cost_pico, window_ms), 6);
    json_put_decimal(w, "projected_daily_cost_usd",
                     tally_daily_cost(figures->cost_pico, window_ms), 6);
}

static void write_row(const struct report_row *row, uint64_t window_ms, struct json_writer *w)
{
    json_key_span(w, span_from(row->model));
    json_begin(w, '{');
    figures_write(&row->all, w);
    write_costs(&row->all, window_ms, w);
    json_key(w, "environments");
    json_begin(w, '{');
    for (unsigned side = 0; side < SIDES; side++) {
        if (!row->known[side])
            continue;
        json_key(w, config_side_names[side]);
        json_begin(w, '{');
        figures_write(&row->sides[side], w);
        write_costs(&row->sides[side], window_ms, w);
        json_end(w, '}');
    }
    json_end(w, '}');
    json_end(w, '}');
}

void report_write(const struct report *report, struct json_writer *w)
{
    json_put_u64(w, "window_seconds", report->window_ms / 1000);
    json_key(w, "total");
    json_begin(w, '{');
    figures_write(&report->total, w);
    write_costs(&report->total, report->window_ms, w);
    json_end(w, '}');
    json_key(w, "models");
    json_begin(w, '{');
    for (size_t i = 0; i < report->count; i++)
        write_row(&report->rows[i], report->window_ms, w);
    json_end(w, '}');
}

/* ---- the calls ---- */

static void finish(struct call *call, struct making *making)
{
    struct json_writer w = json_writer(&call->body);

    figures_of(&making->report.sum, &making->report.total);
    if (making->text) {
        call->type = "text/plain; charset=utf-8";
        report_print(&making->report, &call->body);
        (void)buf_add_text(&call->body, "\nAlerts:\n");
        alarms_print(call->gateway->alarms, &call->body);
        return;
    }
    json_begin(&w, '{');
    report_write(&making->report, &w);
    alarms_write(call->gateway->alarms, &w);
    json_end(&w, '}');
}

static void go_on(struct call *call)
{
    struct making *making = call->making;
    struct report *report = &making->report;

    if (report->at < report->count) {
        sum_row(&report->rows[report->at++], &call->gateway->env.ledger, report->from_ms,
                &report->sum);
        task_alarm(&call->task, loop_now_ms(call->gateway->loop) + 1);
        return;
    }
    call->awaits = NULL;
    finish(call, making);
}

void report_call(struct call *call)
{
    struct making *making;
    struct wish wish;

    if (!read_wish(call, &wish))
        return;
    making = arena_zero(&call->arena, sizeof(*making));
    making->text = wish.text;
    making->report.window_ms = wish.window_ms;
    making->report.from_ms = clock_wall_ms() - wish.window_ms;
    list_models(&making->report, call->gateway, &call->arena);
    call->making = making;
    call->awaits = go_on;
    task_wake(&call->task);
}

void report_model(struct call *call)
{
    const struct config_model *model = export_named_model(call);
    struct json_writer w = json_writer(&call->body);
    struct report_row row = { 0 };
    struct tally sum = { 0 };
    struct wish wish;

    if (model == NULL || !read_wish(call, &wish))
        return;
    row.model = model->name;
    sum_row(&row, &call->gateway->env.ledger, clock_wall_ms() - wish.window_ms, &sum);
    json_begin(&w, '{');
    json_put_text(&w, "model", model->name);
    json_put_u64(&w, "window_seconds", wish.window_ms / 1000);
    json_put_u64(&w, "total_requests", row.all.requests);
    json_put_u64(&w, "failed_requests", row.all.errors);
    figures_write_rates(&row.all, &w);
    figures_write_spread("latency_ms", &row.all.latency, &w);
    figures_write_spread("ttft_ms", &row.all.first, &w);
    figures_write_tokens(&row.all, &w);
    figures_write_cost(&row.all, &w);
    json_end(&w, '}');
}

void report_alerts(struct call *call)
{
    struct json_writer w = json_writer(&call->body);

    json_begin(&w, '{');
    alarms_write(call->gateway->alarms, &w);
    json_end(&w, '}');
}
