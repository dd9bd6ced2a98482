#include "ops/admin.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/limits.h"
#include "net/listen.h"
#include "ops/call.h"
#include "ops/reload.h"
#include "policy/route.h"

static void write_target(struct gateway *gateway, const struct config_target *target,
                         struct json_writer *w)
{
    struct breaker_rule rule = route_breaker_rule(gateway->env.config);
    const struct target_state *state = targets_get(&gateway->env.targets, target->id);
    bool admitted = breaker_admits(&state->breaker, &rule, loop_now_ms(gateway->loop));
    bool off = target->provider->off;

    json_begin(w, '{');
    json_key(w, "id");
    json_text(w, target->id);
    json_key(w, "provider");
    json_text(w, target->provider->name);
    json_key(w, "model");
    json_text(w, target->model);
    json_key(w, "priority");
    json_u64(w, target->priority);
    json_key(w, "weight");
    json_u64(w, target->weight);
    json_key(w, "effective_weight");
    json_u64(w, off || !admitted ? 0 : target->weight);
    json_key(w, "why");
    json_text(w, off         ? "its provider has no key"
                 : !admitted ? "its circuit breaker is open"
                             : "as configured");
    json_key(w, "breaker");
    json_text(w, breaker_state_name(state->breaker.state));
    json_key(w, "in_flight");
    json_u64(w, state->in_flight);
    json_key(w, "attempts");
    json_u64(w, state->attempts);
    json_key(w, "failures");
    json_u64(w, state->failures);
    json_key(w, "last_error");
    json_text(w, state->last_error[0] ? state->last_error : NULL);
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
        json_key(w, "targets");
        json_begin(w, '[');
        for (size_t j = 0; j < model->target_count; j++)
            write_target(gateway, &model->targets[j], w);
        json_end(w, ']');
        json_end(w, '}');
    }
    json_end(w, '}');
}

void admin_status(struct call *call)
{
    struct gateway *gateway = call->gateway;
    struct json_writer w = json_writer(&call->body);

    json_begin(&w, '{');
    json_key(&w, "version");
    json_text(&w, SLUICE_VERSION);
    json_key(&w, "uptime_seconds");
    json_u64(&w, (clock_wall_ms() - gateway->started_ms) / 1000);
    json_key(&w, "config_file");
    json_text(&w, gateway->env.config->file);
    json_key(&w, "config_generation");
    json_u64(&w, gateway->env.config->generation);
    json_key(&w, "draining");
    json_bool(&w, gateway->env.draining);
    json_key(&w, "connections");
    json_u64(&w, listener_connections(gateway->main.listener));
    json_key(&w, "in_flight");
    json_u64(&w, gateway->env.in_flight);
    json_key(&w, "streams");
    json_u64(&w, gateway->env.streams);
    json_key(&w, "loop_utilisation");
    json_decimal(&w, loop_busy_per_mille(gateway->loop), 3);
    write_models(gateway, &w);
    json_end(&w, '}');
}

void admin_config(struct call *call)
{
    call->type = "application/yaml";
    config_print(call->gateway->env.config, &call->body);
}

void admin_reload(struct call *call)
{
    struct json_writer w = json_writer(&call->body);
    struct buf report;
    bool good;

    buf_init(&report, LIMIT_CALL_BODY_BYTES);
    good = reload_now(call->gateway, "admin", &report);
    call->status = good ? 200 : 422;
    json_begin(&w, '{');
    json_key(&w, "reloaded");
    json_bool(&w, good);
    json_key(&w, "generation");
    json_u64(&w, call->gateway->env.config->generation);
    json_key(&w, "errors");
    json_begin(&w, '[');
    for (struct span rest = buf_span(&report); rest.size;)
        json_string(&w, span_cut(&rest, '\n'));
    json_end(&w, ']');
    json_end(&w, '}');
    buf_done(&report);
}

void admin_drain(struct call *call)
{
    gateway_drain(call->gateway);
    (void)buf_add_text(&call->body, "{\"draining\":true}\n");
}
