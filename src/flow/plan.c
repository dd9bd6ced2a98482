/* plan: which targets may this exchange try? The model's own come first; those of other models are
 * looked for once, when its own are used up, because which they are hangs on what went wrong. */
#include "flow/exchange_state.h"
#include "flow/switching.h"

#include <stdio.h>

enum { TASKS_BYTES = 64, SHOWN_BYTES = 64 };

static enum exchange_state no_such_task(struct exchange *ex, const char *said_in,
                                        struct span task)
{
    char allowed[TASKS_BYTES] = "";
    size_t size = 0;

    for (size_t i = 0; i < TASKS; i++)
        if (ex->model->tasks.by_task[i])
            size += (size_t)snprintf(allowed + size, sizeof(allowed) - size, "%s%s",
                                     size ? ", " : "", config_task_names[i]);
    return refuse(ex, REFUSE_INVALID_VALUE,
                  "%s does not allow \"%.*s\" for the model `%s`; allowed: %s.", said_in,
                  SPAN_ARG(span_first(task, SHOWN_BYTES)), ex->model->name, allowed);
}

enum exchange_state plan_task(struct exchange *ex)
{
    bool by_header = ex->overrides.task.at != NULL;
    struct span task = by_header ? ex->overrides.task : ex->chat.task;
    const struct config_model *meant;
    enum exchange_state next;

    if (!ex->model->virtual)
        return EXCHANGE_PLAN;
    meant = route_task(ex->model, task);
    if (meant) {
        ex->model = meant;
        return EXCHANGE_PLAN;
    }
    next = no_such_task(ex, by_header ? "The header X-Sluice-Task" : "metadata.task", task);
    if (!by_header)
        ex->error.param = SPAN_OF("metadata.task");
    return next;
}

static struct route_facts facts(const struct exchange *ex)
{
    return (struct route_facts){
        .config = ex->config,
        .dialect = ex->endpoint->dialect,
        .subject = ex->endpoint->subject,
        .targets = &ex->env->targets,
        .sides = &ex->env->sides,
        .wish = ex->overrides.side,
        .now_ms = exchange_now_ms(ex),
        .random = &ex->env->random,
        .who = { .key = span_from(ex->caller.key ? ex->caller.name : ""),
                 .user = ex->chat.user,
                 .session = ex->overrides.session },
        .stream = ex->chat.stream,
    };
}

static void keep(struct exchange *ex, const struct plan *plan)
{
    struct span steps = { (const char *)plan->steps, plan->count * sizeof(plan->steps[0]) };
    struct span skipped = { (const char *)plan->skipped,
                            plan->skipped_count * sizeof(plan->skipped[0]) };

    ex->plan = (const struct plan_step *)(const void *)arena_copy(&ex->arena, steps).at;
    ex->plan_count = plan->count;
    ex->left_out = plan->left_out;
    ex->left_out_for = plan->left_out_for;
    ex->skipped_count = plan->skipped_count;
    if (plan->skipped_count)
        ex->skipped =
            (const struct plan_skip *)(const void *)arena_copy(&ex->arena, skipped).at;
    if (!ex->model->passing)
        last_plan_keep(&models_get(&ex->env->models, ex->model->name)->last, ex->config, plan,
                       exchange_now_ms(ex));
}

/* Does it want this model and no other? A forced side is answered by that side or by an error. */
static bool wants_no_other(const struct exchange *ex)
{
    return ex->overrides.no_fallback ||
           (ex->model->sides && ex->overrides.side.kind == SIDE_WISH_FORCED);
}

/* Who wants this model and no other gets it, switched or not. */
static bool stands_aside(struct exchange *ex)
{
    return !wants_no_other(ex) && switching_stands_aside(ex->env, ex->model);
}

void plan_own(struct exchange *ex)
{
    struct route_facts now = facts(ex);
    struct plan plan;

    ex->switched = stands_aside(ex);
    if (ex->switched)
        route_plan_switched(&now, ex->model, &plan);
    else
        route_plan(&now, ex->model, &plan);
    ex->side = plan.side;
    ex->planned = true;
    keep(ex, &plan);
}

const char *plan_side(const struct exchange *ex)
{
    const struct plan_step *step = ex->attempt->step;

    if (step)
        return config_side_names[step->target->side];
    return ex->planned ? config_side_names[ex->side.first] : NULL;
}

bool plan_fallbacks(struct exchange *ex)
{
    struct route_facts now = facts(ex);
    struct plan plan = { .left_out = ex->left_out, .left_out_for = ex->left_out_for };
    enum llm_class class = ex->attempts ? ex->error.class : ex->left_out_for;

    if (ex->fallbacks_planned || wants_no_other(ex))
        return false;
    ex->fallbacks_planned = true;
    for (; plan.count < ex->plan_count; plan.count++)
        plan.steps[plan.count] = ex->plan[plan.count];
    for (; plan.skipped_count < ex->skipped_count; plan.skipped_count++)
        plan.skipped[plan.skipped_count] = ex->skipped[plan.skipped_count];
    route_fallbacks(&now, ex->model, class, &plan);
    if (plan.count == ex->plan_count && plan.left_out == ex->left_out)
        return false;
    if (ex->moved_for == LLM_FINE)
        ex->moved_for = class;
    keep(ex, &plan);
    return true;
}

void plan_last_resort(struct exchange *ex)
{
    struct route_facts now = facts(ex);
    struct plan plan;

    now.last_resort = true;
    if (ex->switched)
        route_plan_switched(&now, ex->model, &plan);
    else
        route_plan(&now, ex->model, &plan);
    ex->side = plan.side;
    if (!ex->switched && !wants_no_other(ex))
        route_fallbacks(&now, ex->model, ex->left_out_for, &plan);
    keep(ex, &plan);
}

bool plan_skip_model(struct exchange *ex)
{
    const struct config_models *others = route_fallback_on(ex->model, ex->error.class);
    const struct config_model *failed = ex->plan[ex->plan_at].model;

    if (others == NULL || others->count == 0 || wants_no_other(ex))
        return false;
    while (ex->plan_at < ex->plan_count && ex->plan[ex->plan_at].model == failed)
        ex->plan_at++;
    return true;
}
