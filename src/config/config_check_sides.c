/* Blue and green: whether the sides of a model and what is said of them fit together. */
#include "config/config_read.h"

#include "config/values.h"

#include <string.h>

enum { WHOLE = 100 };

#define MINUTES UINT32_C(60000)

static const struct config_phase standard_phases[] = {
    { .name = "initial", .green = 5, .at_least = 30 * MINUTES },
    { .name = "canary", .green = 15, .at_least = 60 * MINUTES },
    { .name = "partial", .green = 40, .at_least = 120 * MINUTES },
    { .name = "majority", .green = 70, .at_least = 240 * MINUTES },
    { .name = "full", .green = 100 },
};

/* ---- split ---- */

static void complete_split(struct config_split *split)
{
    bool no_blue = value_inherited(&split->blue, sizeof(split->blue));
    bool no_green = value_inherited(&split->green, sizeof(split->green));

    if (no_green)
        split->green = no_blue ? 0 : WHOLE - split->blue;
    if (no_blue)
        split->blue = WHOLE - split->green;
}

static void check_split(struct reading *reading, const struct config_model *model,
                        const struct node *node)
{
    const struct config_split *split = &model->split;

    if (node == NULL || node->kind != NODE_MAP)
        return; /* nothing was said, or that it is wrong */
    if (split->blue + split->green != WHOLE)
        report_error(reading->reporter, node,
                     "blue %u and green %u add up to %u; write two that add up to 100",
                     split->blue, split->green, split->blue + split->green);
    else if (split->green && !model->sides)
        report_error(reading->reporter, node,
                     "there is no green target, so green cannot get %u %%; give a target "
                     "environment: green, or write green: 0",
                     split->green);
}

/* ---- rollout ---- */

static void check_phases(struct reading *reading, const struct config_rollout *rollout,
                         const struct node *phases)
{
    const struct node *node = phases && phases->kind == NODE_LIST ? phases->first : NULL;

    for (size_t i = 0; i < rollout->phase_count; i++, node = node->next) {
        const struct config_phase *phase = &rollout->phases[i];

        while (node && node->kind != NODE_MAP)
            node = node->next; /* said */
        if (node == NULL)
            return;
        if (i && phase->green && phase->green <= rollout->phases[i - 1].green)
            report_error(reading->reporter, node_member(node, "green"),
                         "%u is not more than the %u of the phase before; write phases that "
                         "grow",
                         phase->green, rollout->phases[i - 1].green);
        for (size_t j = 0; j < i && phase->name; j++)
            if (rollout->phases[j].name && strcmp(rollout->phases[j].name, phase->name) == 0)
                report_error(reading->reporter, node_member(node, "name"),
                             "another phase is called \"%s\", line %u; rename one", phase->name,
                             rollout->phases[j].mark.line);
    }
}

static void complete_rollout(struct reading *reading, struct config_rollout *rollout)
{
    if (rollout->phases)
        return;
    rollout->phases = arena_zero(&reading->config->arena, sizeof(standard_phases));
    memcpy(rollout->phases, standard_phases, sizeof(standard_phases));
    rollout->phase_count = sizeof(standard_phases) / sizeof(standard_phases[0]);
}

static void check_rollout(struct reading *reading, const struct config_model *model,
                          const struct node *model_node)
{
    const struct node *node = node_member(model_node, "rollout");
    const struct node *steps = node_member(node, "steps");
    const struct config_rollout *rollout = &model->rollout;

    if (node == NULL || node->kind != NODE_MAP)
        return;
    if (!model->sides) {
        report_key_error(reading->reporter, node,
                         "there is no green target to roll out; give a target environment: "
                         "green, or remove this");
        return;
    }
    check_phases(reading, rollout, node_member(node, "phases"));
    if (rollout->steps > rollout->target)
        report_error(reading->reporter, steps ? steps : node_member(node, "target"),
                     "%u steps to %u %% would not grow; write at most %u steps", rollout->steps,
                     rollout->target, rollout->target);
}

/* ---- targets ---- */

/* Both sides must be able to answer; that all weights are 0 is said elsewhere. */
static void check_weights(struct reading *reading, const struct config_model *model,
                          const struct node *targets)
{
    uint64_t weight[SIDES] = { 0 };
    size_t count[SIDES] = { 0 };

    for (size_t i = 0; i < model->target_count; i++) {
        count[model->targets[i].side]++;
        weight[model->targets[i].side] += model->targets[i].weight;
    }
    for (size_t side = 0; side < SIDES; side++) {
        if (count[side] == 0)
            report_error(reading->reporter, targets,
                         "there is no %s target; leave at least one on each side, or all "
                         "on blue",
                         config_side_names[side]);
        else if (weight[side] == 0 && weight[1 - side])
            report_error(reading->reporter, targets,
                         "every %s target has weight 0 or is disabled, so none would be used; "
                         "give one a weight, or enable it",
                         config_side_names[side]);
    }
}

void config_check_sides(struct reading *reading, struct config_model *model,
                        const struct node *node)
{
    for (size_t i = 0; i < model->target_count; i++)
        model->sides = model->sides || model->targets[i].side == SIDE_GREEN;
    complete_split(&model->split);
    complete_rollout(reading, &model->rollout);
    if (node->kind != NODE_MAP || model->virtual)
        return; /* said */
    if (model->sides)
        check_weights(reading, model, node_member(node, "targets"));
    check_split(reading, model, node_member(node, "split"));
    check_rollout(reading, model, node);
    if (model->sides) /* what holds is printed even though it was not said */
        model->split.said = model->rollout.said = true;
}

/* ---- alerts ---- */

void config_check_alerts(struct reading *reading)
{
    const struct config_alerts *alerts = &reading->config->alerts;
    const struct node *node = node_member(node_member(reading->root, "alerts"), "webhooks");

    for (size_t i = 0; i < alerts->webhook_count; i++)
        for (size_t j = 0; j < i; j++)
            if (alerts->webhooks[i].url && alerts->webhooks[j].url &&
                strcmp(alerts->webhooks[i].url, alerts->webhooks[j].url) == 0)
                report_error_at(reading->reporter, alerts->webhooks[i].mark, node,
                                "this URL stands twice, first in line %u; remove one",
                                alerts->webhooks[j].mark.line);
}
