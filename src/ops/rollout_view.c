/* rollout_view: a rollout, as /admin/status and its own call show it. */
#include "base/clock.h"
#include "ops/gateway.h"
#include "ops/rollout_figures.h"
#include "ops/rollouts.h"

enum { REASON_BYTES_MAX = 4 * 1024 };

static void write_phases(const struct rollout *r, struct json_writer *w)
{
    json_key(w, "phases");
    json_begin(w, '[');
    for (uint32_t i = 1; i <= r->rule.phase_count; i++) {
        struct rollout_phase phase = rollout_phase(&r->rule, i);

        json_begin(w, '{');
        json_put_text(w, "name", phase.name);
        json_put_u64(w, "green", phase.green);
        json_put_u64(w, "at_least_seconds", phase.at_least_ms / 1000);
        json_end(w, '}');
    }
    json_end(w, ']');
}

static void write_reasons(const struct rollout_verdict *verdict, struct json_writer *w)
{
    struct buf text;

    buf_init(&text, REASON_BYTES_MAX);
    json_key(w, "reasons");
    json_begin(w, '[');
    for (uint32_t i = 0; i < verdict->reason_count; i++) {
        if (verdict->reasons[i].met)
            continue;
        buf_reset(&text);
        rollout_reason_text(&verdict->reasons[i], &text);
        json_string(w, buf_span(&text));
    }
    json_end(w, ']');
    buf_done(&text);
}

static void write_side(const char *name, const struct rollout_side *side, struct json_writer *w)
{
    json_key(w, name);
    json_begin(w, '{');
    json_put_u64(w, "requests", side->requests);
    json_put_u64(w, "errors", side->errors);
    json_put_decimal(w, "mean_ms", side->mean_us, 3);
    json_end(w, '}');
}

static void write_figures(const struct rollout_figures *figures, struct json_writer *w)
{
    json_key(w, "figures");
    json_begin(w, '{');
    write_side("green", &figures->green, w);
    write_side("blue", &figures->blue, w);
    write_side("green_recent", &figures->recent, w);
    json_put_bool(w, "green_usable", figures->green_usable);
    json_end(w, '}');
}

static void write_state(struct gateway *gateway, const struct config_model *model,
                        const struct rollout *r, struct json_writer *w)
{
    uint64_t wall_ms = clock_wall_ms();
    struct rollout_figures figures = rollout_gather(gateway, model, r, wall_ms);
    struct rollout_verdict verdict = rollout_look(r, &figures, wall_ms);
    char since[CLOCK_TEXT_SIZE];

    clock_text(r->phase_ms, since);
    json_put_text(w, "strategy", config_strategy_names[r->rule.strategy]);
    json_put_text(w, "state", rollout_state_name(r->state));
    json_put_text(w, "phase", r->phase ? rollout_phase(&r->rule, r->phase).name : NULL);
    json_put_u64(w, "phase_number", r->phase);
    write_phases(r, w);
    json_put_u64(w, "green", r->green);
    json_put_text(w, "since", since);
    json_put_u64(w, "next_check_in_ms",
                 rollout_active(r) && r->check_ms > wall_ms ? r->check_ms - wall_ms : 0);
    json_put_bool(w, "testing", r->testing);
    write_reasons(&verdict, w);
    write_figures(&figures, w);
}

void rollouts_write(struct gateway *gateway, const struct config_model *model,
                    struct json_writer *w)
{
    const struct rollout *r = sides_find(&gateway->env.sides, model->name);

    if (!model->sides || r == NULL || r->state == ROLLOUT_IDLE) {
        json_null(w);
        return;
    }
    json_begin(w, '{');
    write_state(gateway, model, r, w);
    json_end(w, '}');
}
