/* Virtual models: names that stand for other models, one for each task. */
#include "config/config_read.h"

#include "config/values.h"

const char *const config_task_names[] = {
    [TASK_SIMPLE] = "simple",
    [TASK_STANDARD] = "standard",
    [TASK_ADVANCED] = "advanced",
    [TASKS] = NULL,
};

/* What only a model with targets can have: of a virtual one nothing would come of it. */
static void check_settings(struct reading *reading, const struct node *node)
{
    static const char *const others[] = { "targets",
                                          "fallbacks",
                                          "fallback_on",
                                          "hedge",
                                          "balance",
                                          "sticky",
                                          "requests_per_minute",
                                          "tokens_per_minute",
                                          "concurrent_requests",
                                          "split",
                                          "rollout" };

    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        if (node_member(node, others[i]))
            report_key_error(reading->reporter, node_member(node, others[i]),
                             "a model with tasks has none of its own: those of the model that "
                             "a task names hold; remove it");
}

static void check_default(struct reading *reading, struct config_model *model,
                          const struct node *node)
{
    const struct node *said = node_member(node, "default_task");
    const struct node *tasks = node_member(node, "tasks");
    const char *name;

    if (value_inherited(&model->default_task, sizeof(model->default_task)))
        model->default_task = TASK_STANDARD;
    name = config_task_names[model->default_task];
    if (!node_member(tasks, name))
        report_error(reading->reporter, said ? said : tasks,
                     "the default task, %s, is not among the tasks; add it, or write another "
                     "default_task",
                     name);
}

static void check_virtual(struct reading *reading, struct config_model *model,
                          const struct node *node)
{
    const struct node *tasks = node_member(node, "tasks");

    check_settings(reading, node);
    if (tasks->kind != NODE_MAP)
        return; /* said */
    for (size_t i = 0; i < TASKS; i++)
        if (model->tasks.by_task[i] && model->tasks.by_task[i]->virtual)
            report_error(reading->reporter, node_member(tasks, config_task_names[i]),
                         "\"%s\" is a virtual model, too; name one that has targets",
                         model->tasks.by_task[i]->name);
    check_default(reading, model, node);
}

void config_check_tasks(struct reading *reading, struct config_model *model,
                        const struct node *node)
{
    const struct node *unused = node_member(node, "default_task");

    if (node->kind != NODE_MAP)
        return; /* said */
    if (model->virtual) {
        check_virtual(reading, model, node);
        return;
    }
    if (unused)
        report_key_error(reading->reporter, unused, "there are no tasks; remove it");
    if (!node_member(node, "targets"))
        report_error(reading->reporter, node,
                     "targets is missing; add it, or tasks for a virtual model");
}
