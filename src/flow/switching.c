#include "flow/switching.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "flow/exchange_state.h"
#include "flow/meters.h"

#include <string.h>

static uint64_t figure_count(const struct model_switch_figures *figures)
{
    return (uint64_t)figures->good + figures->bad;
}

/* ---- telling ---- */

static void count(struct env *env, const struct config_model *model, const char *to)
{
    struct span labels[] = { span_from(model->name), span_from(to) };

    series_add(metrics_series(env->metrics, METER_SWITCHES, labels), 1);
}

/* Where its requests go first now, and where they went before. Advice names nobody when there is
 * nobody. */
static void tell(struct env *env, const struct config_model *model,
                 enum model_switch_state before)
{
    const struct model_switch *s = switches_get(&env->switches, model->name);
    const struct config_model *other = switches_stand_in(env->config, model);
    const char *others = other ? other->name : NULL;
    bool leaves = s->state == SWITCH_AWAY || s->state == SWITCH_ADVISED;
    bool advice = s->state == SWITCH_ADVISED || before == SWITCH_ADVISED;
    const struct event event = {
        .kind = advice ? EVENT_SWITCH_ADVISED : EVENT_SWITCH,
        .model = model->name,
        .from = leaves ? model->name : others,
        .to = leaves ? others : model->name,
        .reason = span_from(s->why),
        .figures = { { "success_rate", model_switch_rate(s->figures.good, s->figures.bad), 3 },
                     { "requests", figure_count(&s->figures), 0 } },
    };

    events_add(&env->events, &event, clock_wall_ms());
    LOG(leaves ? LOG_WARN : LOG_INFO, advice ? "switch_advised" : "switch",
        { "model", span_from(model->name) }, { "from", span_from(event.from) },
        { "to", span_from(event.to) }, { "reason", event.reason });
    if (!advice)
        count(env, model, event.to);
}

static void learn(struct env *env, const struct config_model *model, enum switch_fact fact)
{
    struct model_switch *s = switches_get(&env->switches, model->name);
    struct model_switch_rule rule = switches_rule(env->config, model);
    enum model_switch_state before = s->state;

    if (model_switch_learn(s, &rule, fact, loop_now_ms(env->loop)))
        tell(env, model, before);
}

/* ---- facts ---- */

/* Another target of the model has neither an open breaker nor a failed probe. */
static bool another_stands(struct env *env, const struct config_model *model,
                           const struct config_target *target)
{
    for (size_t i = 0; i < model->target_count; i++) {
        const struct config_target *other = &model->targets[i];
        const struct target_state *state = targets_get(&env->targets, other->id);

        if (strcmp(other->id, target->id) != 0 && other->weight && !other->provider->off &&
            state->breaker.state == BREAKER_CLOSED && state->health.probe_failures == 0)
            return true;
    }
    return false;
}

/* The model as it is in force: an exchange may outlive the configuration that it began with. NULL: it
 * is not there any more, or was never listed. */
static const struct config_model *in_force(const struct exchange *ex,
                                           const struct config_model *model)
{
    if (model->passing)
        return NULL;
    if (ex->config == ex->env->config)
        return model;
    return config_model_find(ex->env->config, span_from(model->name));
}

void switching_attempt(struct exchange *ex, const struct attempt *attempt, bool good)
{
    const struct plan_step *step = attempt->step;
    const struct config_model *model = in_force(ex, step->model);
    enum switch_fact fact = good ? SWITCH_GOOD_ATTEMPT : SWITCH_BAD_ATTEMPT;

    if (model == NULL || model->virtual)
        return;
    if (!good && attempt->ticket.pass == BREAKER_TRIAL &&
        another_stands(ex->env, model, step->target))
        fact = SWITCH_BAD_TRIAL;
    learn(ex->env, model, fact);
}

void switching_probe(struct env *env, const struct config_model *model,
                     const struct config_target *target, bool good)
{
    if (good || !another_stands(env, model, target))
        learn(env, model, good ? SWITCH_GOOD_PROBE : SWITCH_BAD_PROBE);
}

void switching_look(struct env *env, const struct config_model *model)
{
    if (!model->virtual)
        learn(env, model, SWITCH_TIME);
}

/* ---- asking ---- */

bool switching_stands_aside(struct env *env, const struct config_model *model)
{
    const struct model_switch *s;
    struct model_switch_rule rule;
    uint32_t share;

    if (model->passing)
        return false;
    s = switches_get(&env->switches, model->name);
    if (s->state == SWITCH_HOME)
        return false;
    rule = switches_rule(env->config, model);
    share = model_switch_share(s, &rule, loop_now_ms(env->loop));
    return share < SWITCH_WHOLE && route_random(&env->random, SWITCH_WHOLE) >= share;
}

static void write_since(const struct model_switch *s, uint64_t now_ms, struct json_writer *w)
{
    char since[CLOCK_TEXT_SIZE];

    if (s->why)
        clock_text(clock_wall_ms() - (now_ms - s->since_ms), since);
    json_put_text(w, "since", s->why ? since : NULL);
}

void switching_write(struct env *env, const struct config_model *model, struct json_writer *w)
{
    const struct model_switch *s = switches_get(&env->switches, model->name);
    const struct config_model *other = switches_stand_in(env->config, model);
    struct model_switch_rule rule = switches_rule(env->config, model);
    uint64_t now_ms = loop_now_ms(env->loop);
    struct window_sum sum = window_sum(&s->window, rule.window_ms, now_ms);

    json_begin(w, '{');
    json_put_text(w, "state", model_switch_state_name(s->state));
    write_since(s, now_ms, w);
    json_put_decimal(w, "share", model_switch_share(s, &rule, now_ms), 3);
    json_put_decimal(w, "success_rate", model_switch_rate(sum.good, sum.bad), 3);
    json_put_u64(w, "requests", (uint64_t)sum.good + sum.bad);
    json_put_text(w, "to", other ? other->name : NULL);
    json_put_text(w, "why", s->why);
    json_put_u64(w, "comes_back_in_ms", model_switch_wait_ms(s, &rule, now_ms));
    json_end(w, '}');
}
