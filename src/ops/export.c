#include "ops/export.h"

#include "base/json.h"
#include "base/log.h"
#include "config/prices.h"
#include "flow/limiting.h"
#include "flow/meters.h"
#include "net/listen.h"
#include "ops/call.h"
#include "ops/provider_keys.h"
#include "ops/webhook.h"
#include "policy/pattern.h"
#include "policy/route.h"

/* ---- health ---- */

void export_health(struct call *call)
{
    (void)buf_add_text(&call->body, "{\"status\":\"ok\"}\n");
}

static bool usable(struct gateway *gateway, const struct config_model *model)
{
    struct breaker_rule rule = route_breaker_rule(gateway->env.config);

    for (size_t i = 0; i < model->target_count; i++) {
        const struct config_target *target = &model->targets[i];
        struct target_state *state = targets_get(&gateway->env.targets, target->id);
        bool passes;

        (void)provider_keys_why_not(gateway, target, &passes);
        if (!target->provider->off && target->weight && passes &&
            breaker_admits(&state->breaker, &rule, loop_now_ms(gateway->loop)))
            return true;
    }
    return false;
}

/* Why this process should get no requests; NULL: it should. */
static const char *not_ready(struct gateway *gateway)
{
    const struct config *config = gateway->env.config;

    if (gateway->env.draining)
        return "draining";
    if (config->default_provider && !config->models_only && !config->default_provider->off)
        return NULL; /* it takes any name */
    for (size_t i = 0; i < config->model_count; i++)
        if (usable(gateway, &config->models[i]))
            return NULL;
    return "no model has a usable target";
}

void export_ready(struct call *call)
{
    const char *reason = not_ready(call->gateway);
    struct json_writer w = json_writer(&call->body);

    call->status = reason ? 503 : 200;
    json_begin(&w, '{');
    json_put_text(&w, "status", reason ? "unavailable" : "ready");
    json_key(&w, "reasons");
    json_begin(&w, '[');
    if (reason)
        json_text(&w, reason);
    json_end(&w, ']');
    json_end(&w, '}');
    (void)buf_add_byte(&call->body, '\n');
}

/* ---- metrics ---- */

static void refresh_targets(struct gateway *gateway, const struct config_model *model)
{
    struct metrics *metrics = gateway->env.metrics;

    for (size_t i = 0; i < model->target_count; i++) {
        const struct config_target *target = &model->targets[i];
        const struct target_state *state = targets_get(&gateway->env.targets, target->id);
        uint32_t health =
            route_health(gateway->env.config, state, loop_now_ms(gateway->loop)).health;
        struct span id = span_from(target->id);
        bool passes;
        bool out = provider_keys_why_not(gateway, target, &passes) || target->provider->off;

        series_set(metrics_series(metrics, METER_TARGET_WEIGHT, &id),
                   out ? 0 : route_shown_weight(target, health));
        series_set(metrics_series(metrics, METER_TARGET_HEALTH, &id), health);
        series_set(metrics_series(metrics, METER_BREAKER_STATE, &id), state->breaker.state);
    }
}

static void refresh_split(struct gateway *gateway, const struct config_model *model)
{
    const struct rollout *rollout = sides_find(&gateway->env.sides, model->name);
    uint32_t green = model->sides ? sides_green(model, rollout) : 0;
    struct span name = span_from(model->name);

    for (int side = SIDE_BLUE; side < SIDES; side++) {
        struct span labels[] = { span_from(model->name), span_from(config_side_names[side]) };

        series_set(metrics_series(gateway->env.metrics, METER_SPLIT_WEIGHT, labels),
                   side == SIDE_GREEN ? green : 100 - green);
    }
    if (model->sides)
        series_set(metrics_series(gateway->env.metrics, METER_ROLLOUT_PHASE, &name),
                   rollout ? rollout->phase : 0);
}

static void refresh_model(struct gateway *gateway, const struct config_model *model)
{
    const struct model_switch *s = switches_get(&gateway->env.switches, model->name);
    struct span name = span_from(model->name);

    refresh_targets(gateway, model);
    if (model->virtual)
        return;
    refresh_split(gateway, model);
    series_set(metrics_series(gateway->env.metrics, METER_SWITCHED, &name),
               s->state == SWITCH_AWAY);
}

static void raise_to(struct series *counter, uint64_t total)
{
    series_add(counter, total - series_value(counter));
}

/* Gauges are looked at when somebody looks. */
static void refresh(struct gateway *gateway)
{
    const struct config *config = gateway->env.config;
    struct metrics *metrics = gateway->env.metrics;
    size_t connections = listener_connections(gateway->main.listener);

    for (size_t i = 0; i < config->model_count; i++)
        refresh_model(gateway, &config->models[i]);
    provider_keys_count(gateway);
    series_set(meter(metrics, METER_IN_FLIGHT), gateway->env.slots.admission.in_flight);
    series_set(meter(metrics, METER_QUEUE_DEPTH), slots_waiting(&gateway->env.slots));
    if (config->retry.budget)
        series_set(meter(metrics, METER_RETRY_BUDGET_LEFT),
                   retry_budget_left(&gateway->env.retries, config->retry.budget,
                                     loop_now_ms(gateway->loop)));
    series_set(meter(metrics, METER_STREAMS), gateway->env.streams);
    webhooks_measure(gateway->webhooks);
    series_set(meter(metrics, METER_CONNECTIONS), connections);
    series_set(meter(metrics, METER_LOOP_UTILISATION), loop_busy_per_mille(gateway->loop));
    series_set(meter(metrics, METER_CONFIG_GENERATION), config->generation);
    raise_to(meter(metrics, METER_LOG_DROPPED), log_dropped());
    (void)meter(metrics, METER_CONFIG_RELOAD_FAILED); /* shown as 0 from the beginning */
}

void export_metrics(struct call *call)
{
    refresh(call->gateway);
    call->type = "text/plain; version=0.0.4; charset=utf-8";
    metrics_print(call->gateway->env.metrics, &call->body);
}

/* ---- models ---- */

static void write_rates(const struct price_rates *rates, struct json_writer *w)
{
    json_put_decimal(w, "input", rates->input, 6);
    json_put_decimal(w, "output", rates->output, 6);
    json_put_decimal(w, "cached_input", rates->cached_input, 6);
    json_put_decimal(w, "cache_write", rates->cache_write, 6);
    if (rates->cache_write_long != rates->cache_write)
        json_put_decimal(w, "cache_write_long", rates->cache_write_long, 6);
}

static void write_price(const struct price *price, struct json_writer *w)
{
    json_key(w, "pricing");
    if (!price->known) {
        json_null(w);
        return;
    }
    json_begin(w, '{');
    write_rates(&price->rates, w);
    if (price->above.said) {
        json_key(w, "above");
        json_begin(w, '{');
        json_put_u64(w, "tokens", price->above.tokens);
        write_rates(&price->above.rates, w);
        json_end(w, '}');
    }
    json_put_text(w, "unit", "usd_per_million_tokens");
    json_end(w, '}');
}

static void write_count(const char *key, uint64_t count, struct json_writer *w)
{
    json_key(w, key);
    if (count)
        json_u64(w, count);
    else
        json_null(w);
}

static void write_model(const struct gateway *gateway, const struct config_model *model,
                        struct json_writer *w)
{
    static const struct config_price nothing = { 0 };
    const struct config_price *listed = config_model_listed(model);

    listed = listed ? listed : &nothing;
    json_begin(w, '{');
    json_put_text(w, "id", model->asked ? model->asked : model->name);
    json_put_text(w, "object", "model");
    json_put_u64(w, "created", gateway->started_ms / 1000);
    json_put_text(w, "owned_by",
                  model->target_count ? model->targets[0].provider->name : "sluice");
    json_put_text(w, "description", model->description);
    write_count("context_window",
                model->context_window ? model->context_window : listed->context_window, w);
    write_count("max_output_tokens", model->max_tokens ? model->max_tokens : listed->max_tokens,
                w);
    write_price(config_model_price(model), w);
    json_end(w, '}');
}

void export_models(struct call *call)
{
    const struct config *config = call->gateway->env.config;
    struct json_writer w = json_writer(&call->body);

    json_begin(&w, '{');
    json_put_text(&w, "object", "list");
    json_key(&w, "data");
    json_begin(&w, '[');
    for (size_t i = 0; i < config->model_count; i++)
        if (auth_allows(&call->caller, span_from(config->models[i].name)))
            write_model(call->gateway, &config->models[i], &w);
    json_end(&w, ']');
    json_end(&w, '}');
}

const struct config_model *export_named_model(struct call *call)
{
    struct span name = call->places[0];
    const struct config *config = call->gateway->env.config;
    const struct config_model *model = config_model_find(config, name);

    if (model == NULL)
        model = pattern_model(config, name, &call->arena);
    if (model && (auth_allows(&call->caller, span_from(model->name)) ||
                  auth_allows(&call->caller, name)))
        return model;
    call_refuse(call, REFUSE_MODEL_NOT_FOUND,
                arena_printf(&call->arena, "The model `%.*s` is not listed here.",
                             SPAN_ARG(span_first(name, 100))));
    return NULL;
}

void export_model(struct call *call)
{
    const struct config_model *model = export_named_model(call);
    struct json_writer w = json_writer(&call->body);

    if (model)
        write_model(call->gateway, model, &w);
}

/* ---- limits ---- */

void export_rate_limit(struct call *call)
{
    struct json_writer w = json_writer(&call->body);

    json_begin(&w, '{');
    json_put_text(&w, "key", call->caller.name);
    json_key(&w, "limits");
    limiting_write_caller(&call->gateway->env, &call->caller, &w);
    json_end(&w, '}');
}
