/* admin_rollout: the calls about a model's rollout. */
#include "ops/admin_rollout.h"

#include "base/limits.h"
#include "ops/call.h"
#include "ops/rollouts.h"
#include "policy/route.h"

#include <string.h>

/* ---- what the call is about ---- */

static const struct config_model *find_model(struct call *call)
{
    const struct config *config = call->gateway->env.config;
    struct span name = call->places[0];
    const struct config_model *model = config_model_find(config, name);
    const char *nearest[ROUTE_NEAREST_MAX];
    const char *text;

    if (model)
        return model;
    text = route_nearest(config, name, nearest)
               ? arena_printf(&call->arena, "There is no model `%.*s`. The nearest is `%s`.",
                              SPAN_ARG(span_first(name, 100)), nearest[0])
               : "There are no models.";
    call_refuse(call, REFUSE_MODEL_NOT_FOUND, text);
    return NULL;
}

static void answer_state(struct call *call, const struct config_model *model)
{
    struct json_writer w = json_writer(&call->body);

    json_begin(&w, '{');
    json_put_text(&w, "model", model->name);
    json_key(&w, "rollout");
    rollouts_write(call->gateway, model, &w);
    json_end(&w, '}');
}

void admin_rollout(struct call *call)
{
    const struct config_model *model = find_model(call);

    if (model)
        answer_state(call, model);
}

/* ---- deeds ---- */

static const char actor[] = "admin";

static void refuse_deed(struct call *call, enum rollout_error error)
{
    call_refuse(call, REFUSE_CONFLICT, rollout_error_text(error));
}

/* The deed is done, or was not saved. */
static void answer_deed(struct call *call)
{
    struct rollouts *rollouts = call->gateway->rollouts;
    const struct config_model *model =
        config_model_find(call->gateway->env.config, call->places[0]);
    const char *problem;

    if (model && rollouts_busy(rollouts, model)) {
        rollouts_wait(rollouts, model, &call->wait);
        return;
    }
    call->awaits = NULL;
    problem = model ? rollouts_problem(rollouts, model) : NULL;
    if (model == NULL)
        call_refuse(call, REFUSE_MODEL_NOT_FOUND, "The model has gone with a reload.");
    else if (problem)
        call_refuse(call, REFUSE_OVERLOADED,
                    arena_printf(&call->arena, "Nothing has changed: it could not be saved: %s",
                                 problem));
    else
        answer_state(call, model);
}

static void do_deed(struct call *call, const struct config_model *model, enum rollout_deed deed,
                    const struct rollout_rule *rule)
{
    enum rollout_error error = rollouts_do(call->gateway->rollouts, model, deed, rule, actor);

    if (error) {
        call->awaits = NULL;
        refuse_deed(call, error);
        return;
    }
    call->awaits = answer_deed;
    rollouts_wait(call->gateway->rollouts, model, &call->wait);
}

/* Whether this call is next: another change of the model may be on its way. */
static bool has_turn(struct call *call, const struct config_model *model,
                     void (*again)(struct call *call))
{
    call->awaits = NULL;
    if (!rollouts_busy(call->gateway->rollouts, model))
        return true;
    call->awaits = again;
    rollouts_wait(call->gateway->rollouts, model, &call->wait);
    return false;
}

void admin_rollout_deed(struct call *call)
{
    const struct config_model *model = find_model(call);
    enum rollout_deed deed;

    call->awaits = NULL;
    if (model == NULL)
        return;
    if (!rollout_deed_read(call->places[1], &deed))
        call_refuse(call, REFUSE_NOT_FOUND,
                    "There is no such deed: pause, resume, promote, rollback or abort.");
    else if (has_turn(call, model, admin_rollout_deed))
        do_deed(call, model, deed, NULL);
}

/* ---- a new one ---- */

/* A whole number of the body in place of the configuration's. */
static bool read_number(const struct json *body, const char *name, uint32_t most,
                        uint32_t *value)
{
    const struct json *said = json_member(body, name);
    uint64_t number;

    if (said == NULL)
        return true;
    if (!json_read_u64(said, &number) || number < 1 || number > most)
        return false;
    *value = (uint32_t)number;
    return true;
}

/* What is wrong with the body; NULL: nothing. */
static const char *read_rule(const struct json *body, const struct config_model *model,
                             struct rollout_rule *ret)
{
    struct config_rollout config = model->rollout;
    const struct json *said = json_member(body, "strategy");
    struct span strategy = span_from(config_strategy_names[config.strategy]);

    if (json_kind(body) != JSON_OBJECT || (said && !json_read_string(said, &strategy)))
        return "The body has to be an object such as {\"strategy\": \"staged\"} or "
               "{\"strategy\": "
               "\"gradual\", \"target\": 50, \"steps\": 10, \"step_seconds\": 30}.";
    if (!read_number(body, "target", 100, &config.target))
        return "`target` has to be a whole number from 1 to 100.";
    if (!read_number(body, "steps", 100, &config.steps))
        return "`steps` has to be a whole number from 1 to 100.";
    if (!read_number(body, "step_seconds", 7 * 24 * 3600, &config.step_seconds))
        return "`step_seconds` has to be a whole number from 1 to 604800.";
    if (span_is(strategy, config_strategy_names[STRATEGY_STAGED]))
        rollout_rule_staged(ret, &config);
    else if (span_is(strategy, config_strategy_names[STRATEGY_GRADUAL]))
        rollout_rule_gradual(ret, &config);
    else
        return "`strategy` has to be staged or gradual.";
    return rollout_rule_problem(ret);
}

void admin_rollout_start(struct call *call)
{
    const struct config_model *model = find_model(call);
    struct json_doc *doc = NULL;
    struct rollout_rule rule;
    const char *problem = "The body is not JSON.";

    call->awaits = NULL;
    if (model == NULL)
        return;
    if (!model->sides) {
        call_refuse(call, REFUSE_CONFLICT,
                    "The model has no green targets; give one `environment: green`.");
        return;
    }
    if (!has_turn(call, model, admin_rollout_start))
        return;
    if (!json_parse(http_body(call->http), &doc))
        problem = read_rule(json_root(doc), model, &rule);
    if (problem)
        call_refuse(call, REFUSE_INVALID_VALUE, problem);
    else
        do_deed(call, model, DEED_START, &rule);
    json_free(doc);
}
