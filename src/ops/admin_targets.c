#include "ops/admin_targets.h"

#include "flow/refusal.h"
#include "ops/admin_models.h"
#include "ops/call.h"
#include "ops/call_change.h"
#include "ops/change.h"

enum { NAME_SHOWN_BYTES = 100, TARGET_WEIGHT_MAX = 1000000 };

static const char *target_path(struct arena *arena, const struct config_model *model,
                               const struct config_target *target, const char *setting)
{
    return call_setting_path(arena, (const char *const[]){ "models", model->name, "targets",
                                                           target->name, setting, NULL });
}

static const struct config_target *written_target(const struct config_model *model,
                                                  struct span name)
{
    for (size_t i = 0; i < model->written.count; i++)
        if (span_is(name, model->written.items[i].name))
            return &model->written.items[i];
    return NULL;
}

static const struct config_target *find_target(struct call *call,
                                               const struct config_model *model)
{
    const struct config_target *target = written_target(model, call->places[1]);
    struct span shown = span_first(call->places[1], NAME_SHOWN_BYTES);
    uint32_t best = UINT32_MAX;
    const char *nearest = NULL;

    for (size_t i = 0; i < model->written.count && target == NULL; i++) {
        const char *name = model->written.items[i].name;
        uint32_t distance = span_distance(call->places[1], span_from(name));

        nearest = distance < best ? name : nearest;
        best = distance < best ? distance : best;
    }
    if (nearest)
        call_refuse(call, REFUSE_NOT_FOUND,
                    arena_printf(&call->arena,
                                 "`%s` has no target `%.*s`. The nearest is `%s`.", model->name,
                                 SPAN_ARG(shown), nearest));
    else if (target == NULL)
        call_refuse(call, REFUSE_NOT_FOUND,
                    arena_printf(&call->arena, "`%s` has no targets of its own.", model->name));
    return target;
}

static void answer_target(struct call *call)
{
    struct json_writer w = json_writer(&call->body);
    const struct config_model *model;
    const struct config_target *target;

    if (!call_in_force(call))
        return;
    model = admin_models_find(call, call->places[0]);
    target = model ? find_target(call, model) : NULL;
    if (target == NULL)
        return;
    json_begin(&w, '{');
    json_put_text(&w, "target", target->name);
    json_put_text(&w, "environment", config_side_names[target->side]);
    json_put_u64(&w, "weight", target->weight);
    json_put_bool(&w, "enabled", target->enabled);
    json_end(&w, '}');
}

/* What a target is to become. */
struct target_wish {
    uint64_t weight;
    bool enabled;
    bool weight_said;
    bool enabled_said;
};

static bool read_target(const struct json *body, const struct config_target *target,
                        struct target_wish *ret)
{
    const struct json *weight = json_member(body, "weight");
    const struct json *enabled = json_member(body, "enabled");

    *ret = (struct target_wish){ .weight = target->weight, .enabled = target->enabled };
    if (json_kind(body) != JSON_OBJECT)
        return false;
    ret->weight_said = json_read_u64(weight, &ret->weight) && ret->weight <= TARGET_WEIGHT_MAX;
    ret->enabled_said = json_read_bool(enabled, &ret->enabled);
    return json_count(body) > 0 &&
           json_count(body) == (size_t)ret->weight_said + (size_t)ret->enabled_said;
}

static const char *target_text(struct arena *arena, uint64_t weight, bool enabled)
{
    return arena_printf(arena, "weight %llu, %s", (unsigned long long)weight,
                        enabled ? "enabled" : "disabled");
}

static void start_target(struct call *call, const struct config_model *model,
                         const struct config_target *target, const struct target_wish *wish)
{
    struct arena *arena = &call->arena;
    struct change_request request = {
        .event = { .kind = EVENT_TARGET,
                   .model = model->name,
                   .target = target->id,
                   .from = target_text(arena, target->weight, target->enabled),
                   .to = target_text(arena, wish->weight, wish->enabled),
                   .reason = SPAN_OF("target"),
                   .actor = "admin" },
    };
    size_t count = 0;

    if (wish->weight_said)
        request.edits[count++] = (struct change_edit){
            .path = target_path(arena, model, target, "weight"),
            .value = arena_printf(arena, "%llu", (unsigned long long)wish->weight),
        };
    if (wish->enabled_said)
        request.edits[count++] = (struct change_edit){
            .path = target_path(arena, model, target, "enabled"),
            .value = wish->enabled ? "true" : "false",
        };
    call->change = change_start(call->gateway, &request, &call->task);
    call->awaits = answer_target;
}

void admin_targets_put(struct call *call)
{
    const struct config_model *model = admin_models_find(call, call->places[0]);
    const struct config_target *target = model ? find_target(call, model) : NULL;
    struct json_doc *body = target ? call_json_body(call) : NULL;
    struct target_wish wish;

    if (body == NULL)
        return;
    if (read_target(json_root(body), target, &wish))
        start_target(call, model, target, &wish);
    else
        call_refuse(call, REFUSE_INVALID_VALUE,
                    arena_printf(&call->arena,
                                 "The body has to be such as {\"weight\": 50, \"enabled\": "
                                 "true}, either or both: a whole number from 0 to %d, and true "
                                 "or false.",
                                 TARGET_WEIGHT_MAX));
    json_free(body);
}
