#include "ops/admin_models.h"

#include "flow/refusal.h"
#include "llm/place.h"
#include "ops/call.h"
#include "ops/call_change.h"
#include "ops/change.h"
#include "ops/rollouts.h"
#include "policy/sides.h"

enum { NAME_SHOWN_BYTES = 100, WHOLE = 100 };

static const char *split_path(struct arena *arena, const struct config_model *model)
{
    return call_setting_path(arena,
                             (const char *const[]){ "models", model->name, "split", NULL });
}

/* ---- what is in force ---- */

static const struct rollout *rollout_of(struct gateway *gateway,
                                        const struct config_model *model)
{
    return sides_find(&gateway->env.sides, model->name);
}

static const char *set_by(struct gateway *gateway, const struct config_model *model)
{
    const struct rollout *rollout = rollout_of(gateway, model);
    struct arena arena;
    bool by_admin;

    if (rollout && rollout->state != ROLLOUT_IDLE)
        return "rollout";
    arena_init(&arena);
    by_admin = changes_hold(gateway->changes, split_path(&arena, model));
    arena_done(&arena);
    return by_admin ? "admin" : "configuration";
}

void admin_models_write_split(struct gateway *gateway, const struct config_model *model,
                              struct json_writer *w)
{
    uint32_t green = sides_green(model, rollout_of(gateway, model));

    if (!model->sides) {
        json_null(w);
        return;
    }
    json_begin(w, '{');
    json_put_u64(w, "blue", WHOLE - green);
    json_put_u64(w, "green", green);
    json_put_text(w, "from", set_by(gateway, model));
    json_end(w, '}');
}

/* ---- what all of these calls share ---- */

const struct config_model *admin_models_find(struct call *call, struct span name)
{
    const struct config *config = call->gateway->env.config;
    const struct config_model *model = config_model_find(config, name);
    struct span shown = span_first(name, NAME_SHOWN_BYTES);
    const char *nearest[ROUTE_NEAREST_MAX];

    if (model)
        return model;
    if (route_nearest(config, name, nearest))
        call_refuse(call, REFUSE_NOT_FOUND,
                    arena_printf(&call->arena, "There is no model `%.*s`. The nearest is `%s`.",
                                 SPAN_ARG(shown), nearest[0]));
    else
        call_refuse(call, REFUSE_NOT_FOUND, "There are no models.");
    return NULL;
}

static bool has_sides(struct call *call, const struct config_model *model)
{
    if (!model->sides)
        call_refuse(
            call, REFUSE_CONFLICT,
            arena_printf(&call->arena,
                         "`%s` has no green targets, so there is nothing to split. Give "
                         "one of its targets `environment: green`.",
                         model->name));
    return model->sides;
}

static bool may_split(struct call *call, const struct config_model *model)
{
    const struct rollout *rollout = rollout_of(call->gateway, model);

    if (!has_sides(call, model))
        return false;
    if (rollout && rollout_active(rollout)) {
        call_refuse(call, REFUSE_CONFLICT,
                    arena_printf(&call->arena,
                                 "A rollout of `%s` is %s and holds its split. End it first: "
                                 "POST /admin/models/%s/rollout/rollback, or …/abort, which "
                                 "leaves the split as it is.",
                                 model->name, rollout_state_name(rollout->state), model->name));
        return false;
    }
    return true;
}

/* ---- splits ---- */

/* The rollouts of these models are over, and so is what they have left behind. */
static void take_over(struct gateway *gateway, const char *model)
{
    rollouts_yield(gateway->rollouts, model);
}

static const char *split_text(struct arena *arena, uint32_t green)
{
    return arena_printf(arena, "blue %u %%, green %u %%", WHOLE - green, green);
}

static void add_split(struct call *call, const struct config_model *model, uint32_t green,
                      size_t at, struct change_request *request)
{
    uint32_t now = sides_green(model, rollout_of(call->gateway, model));

    request->edits[at] = (struct change_edit){
        .path = split_path(&call->arena, model),
        .value = arena_printf(&call->arena, "{\"blue\":%u,\"green\":%u}", WHOLE - green, green),
    };
    request->models[at] = (struct change_of_model){
        .model = model->name,
        .from = split_text(&call->arena, now),
        .to = split_text(&call->arena, green),
    };
}

static void start_split(struct call *call, struct change_request *request, const char *reason,
                        void (*answer)(struct call *call))
{
    request->event =
        (struct event){ .kind = EVENT_SPLIT, .reason = span_from(reason), .actor = "admin" };
    request->applied = take_over;
    call->change = change_start(call->gateway, request, &call->task);
    call->awaits = answer;
}

static void write_model_split(struct call *call, const struct config_model *model)
{
    struct json_writer w = json_writer(&call->body);

    admin_models_write_split(call->gateway, model, &w);
}

static void answer_split(struct call *call)
{
    const struct config_model *model;

    if (!call_in_force(call))
        return;
    model = admin_models_find(call, call->places[0]); /* NULL: a reload has followed */
    if (model)
        write_model_split(call, model);
}

void admin_models_split(struct call *call)
{
    const struct config_model *model = admin_models_find(call, call->places[0]);

    if (model && has_sides(call, model))
        write_model_split(call, model);
}

static bool read_split(const struct json *body, uint64_t *ret_green)
{
    uint64_t blue;
    uint64_t green;

    if (json_kind(body) != JSON_OBJECT || json_count(body) != 2 ||
        !json_read_u64(json_member(body, "blue"), &blue) ||
        !json_read_u64(json_member(body, "green"), &green) || blue > WHOLE || green > WHOLE ||
        blue + green != WHOLE)
        return false;
    *ret_green = green;
    return true;
}

void admin_models_put_split(struct call *call)
{
    const struct config_model *model = admin_models_find(call, call->places[0]);
    struct json_doc *body = model ? call_json_body(call) : NULL;
    struct change_request request = { 0 };
    uint64_t green;

    if (body == NULL)
        return;
    if (!read_split(json_root(body), &green)) {
        call_refuse(
            call, REFUSE_INVALID_VALUE,
            "The body has to be such as {\"blue\": 90, \"green\": 10}: two whole numbers "
            "that add up to 100.");
    } else if (may_split(call, model)) {
        add_split(call, model, (uint32_t)green, 0, &request);
        start_split(call, &request, "split", answer_split);
    }
    json_free(body);
}

/* ---- a deployment: the same for many models, whole or not at all ---- */

struct deployment {
    uint64_t green;
    bool weight_said;
    struct span model; /* at == NULL: all that have green targets */
};

/* NULL, or what is wrong with the query. */
static const char *read_deployment(struct call *call, struct deployment *ret)
{
    struct span query = http_request(call->http)->query;

    *ret = (struct deployment){ 0 };
    while (query.size) {
        struct span value = span_cut(&query, '&');
        struct span name = span_cut(&value, '=');

        if (span_is(name, "weight"))
            ret->weight_said = span_u64(value, &ret->green) && ret->green <= WHOLE;
        else if (span_is(name, "model"))
            ret->model = place_decode(value, &call->arena);
        else
            return "The query may hold `weight` and `model` alone.";
    }
    return ret->weight_said ? NULL
                            : "`weight` has to be said: green's share, a whole number from 0 "
                              "to 100, as in /admin/deploy?weight=10.";
}

static bool is_meant(const struct config_model *model, const struct config_model *only)
{
    return only ? model == only : model->sides;
}

/* True, or the call has been refused. */
static bool fill_deployment(struct call *call, const struct config_model *only, uint32_t green,
                            struct change_request *request)
{
    const struct config *config = call->gateway->env.config;
    size_t count = 0;

    for (size_t i = 0; i < config->model_count; i++) {
        const struct config_model *model = &config->models[i];

        if (!is_meant(model, only))
            continue;
        if (!may_split(call, model))
            return false;
        if (count == CHANGE_EDITS_MAX) {
            call_refuse(call, REFUSE_CONFLICT,
                        arena_printf(&call->arena,
                                     "More than %d models have green targets; deploy one at a "
                                     "time with &model=NAME.",
                                     CHANGE_EDITS_MAX));
            return false;
        }
        add_split(call, model, green, count++, request);
    }
    if (count == 0)
        call_refuse(call, REFUSE_CONFLICT,
                    "No model has green targets, so there is nothing to deploy.");
    return count > 0;
}

static void answer_deployment(struct call *call)
{
    const struct config *config = call->gateway->env.config;
    struct json_writer w = json_writer(&call->body);
    const struct config_model *only = NULL;
    struct deployment deployment;

    if (!call_in_force(call))
        return;
    (void)read_deployment(call, &deployment);
    if (deployment.model.at)
        only = config_model_find(config, deployment.model);
    json_begin(&w, '{');
    json_key(&w, "models");
    json_begin(&w, '{');
    for (size_t i = 0; i < config->model_count; i++) {
        if (!is_meant(&config->models[i], only))
            continue;
        json_key(&w, config->models[i].name);
        admin_models_write_split(call->gateway, &config->models[i], &w);
    }
    json_end(&w, '}');
    json_end(&w, '}');
}

void admin_models_deploy(struct call *call)
{
    struct change_request request = { 0 };
    const struct config_model *only = NULL;
    struct deployment deployment;
    const char *wrong = read_deployment(call, &deployment);

    if (wrong) {
        call_refuse(call, REFUSE_INVALID_VALUE, wrong);
        return;
    }
    if (deployment.model.at) {
        only = admin_models_find(call, deployment.model);
        if (only == NULL)
            return;
    }
    if (fill_deployment(call, only, (uint32_t)deployment.green, &request))
        start_split(call, &request, "deploy", answer_deployment);
}
