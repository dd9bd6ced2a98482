#include "policy/pattern.h"

#include "config/prices.h"

#include <string.h>

static const struct config_pattern *find(const struct config_patterns *patterns,
                                         struct span name)
{
    for (size_t i = 0; i < patterns->count; i++)
        if (span_equal(span_first(name, patterns->items[i].prefix.size),
                       patterns->items[i].prefix))
            return &patterns->items[i];
    return NULL;
}

/* What the provider calls it; NULL: nothing. */
static const char *called(const char *model, const char *star, struct arena *arena)
{
    const char *at = strchr(model, '*');

    if (at == NULL)
        return model;
    if (star[0] == 0 && strlen(model) == 1)
        return NULL;
    return arena_texts(arena, arena_text(arena, span_make(model, (size_t)(at - model))), star,
                       at + 1, NULL);
}

static const struct config_model *made_for(const struct config *config,
                                           const struct config_model *model, struct span name,
                                           const char *star, struct arena *arena)
{
    struct config_model *made = arena_zero(arena, sizeof(*made));
    struct config_target *targets = arena_zero(arena, model->target_count * sizeof(*targets));

    *made = *model;
    made->asked = arena_text(arena, name);
    made->targets = targets;
    for (size_t i = 0; i < model->target_count; i++) {
        targets[i] = model->targets[i];
        targets[i].model = called(targets[i].model, star, arena);
        if (targets[i].model == NULL)
            return NULL;
        targets[i].listed =
            config_price_find(config, targets[i].provider, span_from(targets[i].model));
    }
    return made;
}

const struct config_model *pattern_model(const struct config *config, struct span name,
                                         struct arena *arena)
{
    const struct config_pattern *pattern = find(&config->patterns, name);

    if (pattern == NULL || !pattern->model->starred)
        return pattern ? pattern->model : NULL;
    return made_for(config, pattern->model, name,
                    arena_text(arena, span_skip(name, pattern->prefix.size)), arena);
}
