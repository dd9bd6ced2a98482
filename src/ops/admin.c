#include "ops/admin.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/limits.h"
#include "flow/hedge.h"
#include "flow/limiting.h"
#include "flow/switching.h"
#include "net/listen.h"
#include "ops/admin_models.h"
#include "ops/alarms.h"
#include "ops/call.h"
#include "ops/change.h"
#include "ops/provider_keys.h"
#include "ops/recent.h"
#include "ops/rollouts.h"
#include "policy/route.h"
#include "policy/tier.h"

#include <string.h>

/* Each from 0 to 1; `health` is their product, of which no more than `slow_start` counts. */
static void write_factors(const struct health_factors *factors, struct json_writer *w)
{
    const struct window_sum *recent = &factors->recent;

    json_key(w, "factors");
    json_begin(w, '{');
    json_put_decimal(w, "errors", factors->errors, 3);
    json_put_decimal(w, "latency", factors->latency, 3);
    json_put_decimal(w, "probe", factors->probe, 3);
    json_put_decimal(w, "breaker", factors->breaker, 3);
    json_put_decimal(w, "slow_start", factors->slow_start, 3);
    json_end(w, '}');
    json_key(w, "recent");
    json_begin(w, '{');
    json_put_u64(w, "good", recent->good);
    json_put_u64(w, "bad", recent->bad);
    json_put_u64(w, "ttft_mean_ms", recent->mean_ms);
    json_put_u64(w, "ttft_smooth_ms", recent->smooth_ms);
    json_end(w, '}');
}

static void write_probe(const struct health *health, struct json_writer *w)
{
    json_key(w, "last_probe");
    if (health->probed_ms == 0) {
        json_null(w);
        return;
    }
    json_begin(w, '{');
    json_put_bool(w, "good", health->probe_failures == 0);
    json_put_u64(w, "failures_in_a_row", health->probe_failures);
    json_put_u64(w, "took_ms", health->probe_ms);
    json_end(w, '}');
}

static const char *why_weight(const struct config_target *target, const char *keys,
                              const char *health)
{
    if (!target->enabled)
        return "it is disabled";
    if (target->provider->off)
        return "its provider has no key";
    return keys ? keys : health;
}

static void write_target(struct gateway *gateway, const struct config_target *target,
                         struct json_writer *w)
{
    const struct target_state *state = targets_get(&gateway->env.targets, target->id);
    struct health_factors factors =
        route_health(gateway->env.config, state, loop_now_ms(gateway->loop));
    bool passes;
    const char *keys = provider_keys_why_not(gateway, target, &passes);

    json_begin(w, '{');
    json_put_text(w, "id", target->id);
    json_put_text(w, "provider", target->provider->name);
    json_put_text(w, "model", target->model);
    json_put_u64(w, "priority", target->priority);
    json_put_text(w, "region", target->region ? target->region->name : NULL);
    json_put_text(w, "environment", config_side_names[target->side]);
    json_put_bool(w, "enabled", target->enabled);
    json_put_u64(w, "weight", target->weight);
    json_put_decimal(w, "share", target->share, 6);
    json_put_decimal(w, "effective_weight",
                     keys ? 0 : route_shown_weight(target, factors.health), 3);
    json_put_text(w, "why", why_weight(target, keys, factors.why));
    json_put_decimal(w, "health", factors.health, 3);
    write_factors(&factors, w);
    write_probe(&state->health, w);
    json_put_text(w, "breaker", breaker_state_name(state->breaker.state));
    json_put_u64(w, "in_flight", state->in_flight);
    json_put_u64(w, "in_flight_limit", target->in_flight);
    json_put_u64(w, "waiting", state->waiting);
    json_put_u64(w, "in_flight_others",
                 tier_in_flight(state, loop_now_ms(gateway->loop)) - state->in_flight);
    json_put_u64(w, "attempts", state->attempts);
    json_put_u64(w, "failures", state->failures);
    json_put_text(w, "last_error", state->last_error[0] ? state->last_error : NULL);
    json_end(w, '}');
}

static void write_planned(const struct last_target *target, struct json_writer *w)
{
    json_begin(w, '{');
    json_put_text(w, "target", target->id);
    json_put_text(w, "why", target->why);
    json_end(w, '}');
}

/* Who would have been tried for the last request, in which order, and who not; of this configuration. */
static void write_last_plan(struct gateway *gateway, const struct config_model *model,
                            struct json_writer *w)
{
    const struct model_state *state = models_get(&gateway->env.models, model->name);
    const struct last_plan *last = last_plan_of(state, gateway->env.config);

    json_key(w, "last_plan");
    if (last == NULL) {
        json_null(w);
        return;
    }
    json_begin(w, '{');
    json_put_u64(w, "ago_ms", loop_now_ms(gateway->loop) - last->at_ms);
    json_key(w, "steps");
    json_begin(w, '[');
    for (uint32_t i = 0; i < last->count; i++)
        write_planned(&last->steps[i], w);
    json_end(w, ']');
    json_key(w, "left_out");
    json_begin(w, '[');
    for (uint32_t i = 0; i < last->skipped_count; i++)
        write_planned(&last->skipped[i], w);
    json_end(w, ']');
    json_end(w, '}');
}

static void write_models(struct gateway *gateway, struct json_writer *w)
{
    const struct config *config = gateway->env.config;

    json_key(w, "models");
    json_begin(w, '{');
    for (size_t i = 0; i < config->model_count; i++) {
        const struct config_model *model = &config->models[i];

        json_key(w, model->name);
        json_begin(w, '{');
        hedge_write(&gateway->env, model, w);
        json_key(w, "targets");
        json_begin(w, '[');
        for (size_t j = 0; j < model->target_count; j++)
            write_target(gateway, &model->targets[j], w);
        json_end(w, ']');
        json_key(w, "split");
        admin_models_write_split(gateway, model, w);
        json_key(w, "switch");
        switching_write(&gateway->env, model, w);
        write_last_plan(gateway, model, w);
        if (!model->virtual)
            recent_write_model(gateway->recent, model, w);
        json_key(w, "rollout");
        rollouts_write(gateway, model, w);
        json_end(w, '}');
    }
    json_end(w, '}');
}

/* 0: none. */
static void write_limits(const struct config_limits *limits, struct json_writer *w)
{
    json_key(w, "limits");
    json_begin(w, '{');
    json_put_u64(w, "connections", limits->connections);
    json_put_u64(w, "in_flight", limits->in_flight);
    json_put_u64(w, "queue", limits->queue);
    json_put_u64(w, "queue_wait_ms", limits->queue_wait);
    json_end(w, '}');
}

void admin_write_status(struct gateway *gateway, struct buf *out)
{
    struct json_writer w = json_writer(out);

    json_begin(&w, '{');
    json_put_text(&w, "version", SLUICE_VERSION);
    json_put_u64(&w, "uptime_seconds", (clock_wall_ms() - gateway->started_ms) / 1000);
    json_put_text(&w, "config_file", gateway->env.config->file);
    json_put_text(&w, "environment", gateway->env.config->environment);
    json_put_u64(&w, "config_generation", gateway->env.config->generation);
    json_put_bool(&w, "draining", gateway->env.draining);
    json_put_u64(&w, "connections", listener_connections(gateway->main.listener));
    json_put_u64(&w, "in_flight", gateway->env.slots.admission.in_flight);
    json_put_u64(&w, "queue_depth", slots_waiting(&gateway->env.slots));
    json_put_bool(&w, "overloaded", gateway->env.slots.admission.overloaded);
    write_limits(&gateway->env.config->limits, &w);
    json_put_u64(&w, "streams", gateway->env.streams);
    json_put_decimal(&w, "loop_utilisation", loop_busy_per_mille(gateway->loop), 3);
    provider_keys_write(gateway, &w);
    recent_look(gateway->recent);
    write_models(gateway, &w);
    recent_write_total(gateway->recent, &w);
    alarms_write(gateway->alarms, &w);
    json_key(&w, "rate_limits");
    limiting_write(&gateway->env, &w);
    json_end(&w, '}');
}

void admin_status(struct call *call)
{
    admin_write_status(call->gateway, &call->body);
}

uint64_t admin_since(const struct call *call)
{
    struct span query = http_request(call->http)->query;
    uint64_t id = 0;

    while (query.size) {
        struct span pair = span_cut(&query, '&');

        if (span_starts(pair, "since="))
            (void)span_u64(span_skip(pair, strlen("since=")), &id);
    }
    return id;
}

void admin_write_events(struct gateway *gateway, uint64_t since, struct buf *out)
{
    struct json_writer w = json_writer(out);

    json_begin(&w, '{');
    events_write(&gateway->env.events, since, &w);
    json_end(&w, '}');
}

void admin_events(struct call *call)
{
    admin_write_events(call->gateway, admin_since(call), &call->body);
}

void admin_config(struct call *call)
{
    call->type = "application/yaml";
    config_print(call->gateway->env.config, &call->body);
}

static void answer_reload(struct call *call)
{
    struct json_writer w = json_writer(&call->body);
    enum change_fate fate = change_fate(call->change);

    if (fate == CHANGE_RUNNING)
        return;
    call->awaits = NULL;
    call->status = fate == CHANGE_IN_FORCE ? 200 : 422;
    json_begin(&w, '{');
    json_put_bool(&w, "reloaded", fate == CHANGE_IN_FORCE);
    json_put_u64(&w, "generation", call->gateway->env.config->generation);
    json_key(&w, "errors");
    json_begin(&w, '[');
    for (struct span rest = change_report(call->change); rest.size && fate != CHANGE_IN_FORCE;)
        json_string(&w, span_cut(&rest, '\n'));
    json_end(&w, ']');
    json_end(&w, '}');
}

void admin_reload(struct call *call)
{
    call->change = change_reload(call->gateway, "admin", &call->task);
    call->awaits = answer_reload;
}

void admin_drain(struct call *call)
{
    gateway_drain(call->gateway);
    (void)buf_add_text(&call->body, "{\"draining\":true}\n");
}
