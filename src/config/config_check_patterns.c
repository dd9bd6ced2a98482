/* Patterns: names and aliases that end in a star.
 *
 *     listed      a target's model    asked for         asked of the provider
 *     gpt-4*      not said            gpt-4-turbo       gpt-4-turbo
 *     openai/ *   not said            openai/gpt-4.1    gpt-4.1
 *     fast/ *     *-awq               fast/llama        llama-awq
 *     big-*       gpt-4.1             big-one           gpt-4.1
 *
 * (Without the spaces, which keep C from seeing comments.) A model is starred when a target of it needs
 * to know what the star stands for. Such a model cannot be had by a name without a star, nor by another
 * setting that names it. */
#include "config/config_read.h"

#include <assert.h>
#include <string.h>

static bool has_star(const char *text)
{
    return strchr(text, '*') != NULL;
}

const char *config_called(const struct config_model *model)
{
    const char *slash = has_star(model->name) ? strchr(model->name, '/') : NULL;

    return slash ? slash + 1 : model->name;
}

/* ---- names ---- */

/* `at` is the value that says the name, or, for the name of a model, its key. */
static void add_pattern(struct reading *reading, const struct config_model *model,
                        const char *name, const struct node *at, bool key)
{
    struct config_patterns *patterns = &reading->config->patterns;
    struct span prefix = span_first(span_from(name), strlen(name) - 1);
    size_t i = patterns->count;

    if (strchr(name, '*') != name + prefix.size) {
        (key ? report_key_error : report_error)(
            reading->reporter, at,
            "\"%s\" has a star that is not its end; one star is understood, as the last "
            "character, such as openai/*",
            name);
        return;
    }
    for (; i > 0 && patterns->items[i - 1].prefix.size < prefix.size; i--)
        patterns->items[i] = patterns->items[i - 1];
    patterns->items[i] = (struct config_pattern){ prefix, model };
    patterns->count++;
}

static void add_patterns(struct reading *reading, const struct config_model *model,
                         const struct node *node)
{
    const struct node *aliases = node_member(node, "aliases");

    if (has_star(model->name))
        add_pattern(reading, model, model->name, node, true);
    for (size_t i = 0; i < model->aliases.count; i++)
        if (has_star(model->aliases.items[i]))
            add_pattern(reading, model, model->aliases.items[i], node_child(aliases, i), false);
}

void config_check_patterns(struct reading *reading)
{
    struct config *config = reading->config;
    const struct node *models = node_member(reading->root, "models");
    const struct node *node = models ? models->first : NULL;
    size_t most = 0;

    for (size_t i = 0; i < config->model_count; i++)
        most += 1 + config->models[i].aliases.count;
    config->patterns.items =
        arena_zero(&config->arena, (most + 1) * sizeof(struct config_pattern));
    for (size_t i = 0; i < config->model_count; i++) {
        node = config_node_named(node, config->models[i].name);
        add_patterns(reading, &config->models[i], node);
    }
}

/* ---- targets ---- */

static void check_said_star(struct reading *reading, const struct config_model *model,
                            const char *called, const struct node *node)
{
    if (!has_star(called))
        return;
    if (!has_star(model->name))
        report_error(reading->reporter, node,
                     "the name %s has no star that the one of \"%s\" could stand for; write a "
                     "name without",
                     model->name, called);
    else if (strchr(called, '*') != strrchr(called, '*'))
        report_error(reading->reporter, node, "\"%s\" has more than one star; write one",
                     called);
}

/* Where nothing is said the target goes by the model's name, which an alias does not have. */
static void check_alias(struct reading *reading, const struct config_model *model,
                        const char *alias, bool said, const struct node *node)
{
    const struct config_model other = { .name = alias };

    if (!has_star(alias))
        report_error(reading->reporter, node,
                     "\"%s\" has no star, so nothing says what that of the targets stands for; "
                     "list it as a model of its own",
                     alias);
    else if (!said && strcmp(config_called(&other), config_called(model)) != 0)
        report_error(reading->reporter, node,
                     "a target that says no `model` would make \"%s\" of it; list it as a "
                     "model of its own",
                     config_called(model));
}

void config_check_stars(struct reading *reading, struct config_model *model,
                        const struct node *node)
{
    const struct node *aliases = node_member(node, "aliases");
    const struct node *targets = node_member(node, "targets");
    const struct node *child = targets && targets->kind == NODE_LIST ? targets->first : NULL;
    bool said = true;

    for (size_t i = 0; i < model->written.count; i++, child = child->next) {
        const struct config_target *target = &model->written.items[i];

        while (child && child->kind != NODE_MAP)
            child = child->next; /* said */
        assert(child);
        if (target->model)
            check_said_star(reading, model, target->model, node_member(child, "model"));
        said = said && target->model;
        model->starred =
            model->starred || has_star(target->model ? target->model : model->name);
    }
    for (size_t i = 0; model->starred && i < model->aliases.count; i++)
        check_alias(reading, model, model->aliases.items[i], said, node_child(aliases, i));
}

/* ---- references ---- */

void config_check_starred_references(struct reading *reading)
{
    const struct reference *reference = reading->first_reference;

    for (; reference; reference = reference->next) {
        const struct config_model *model = NULL;

        if (reference->kind == SETTING_MODEL)
            model = map_find(&reading->config->models_by_name, reference->name);
        if (model && model->starred)
            report_error(reading->reporter, reference->node,
                         "\"%s\" stands for many models; list the one that is meant, and name "
                         "that",
                         quoted(reference->name).text);
    }
}
