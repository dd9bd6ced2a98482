#include "policy/switches.h"

#include "base/mem.h"

void switches_init(struct switches *switches)
{
    map_init(&switches->by_model);
}

void switches_done(struct switches *switches)
{
    size_t at = 0;
    struct map_entry *entry;

    while ((entry = map_next(&switches->by_model, &at)) != NULL)
        mem_free(entry->thing);
    map_done(&switches->by_model);
}

struct model_switch *switches_get(struct switches *switches, const char *model)
{
    struct model_switch *s = map_find(&switches->by_model, span_from(model));

    if (s == NULL) {
        s = mem_zero(sizeof(*s));
        (void)map_put(&switches->by_model, span_from(model), s);
    }
    return s;
}

const struct config_model *switches_stand_in(const struct config *config,
                                             const struct config_model *model)
{
    if (model->fallbacks.count)
        return model->fallbacks.items[0];
    return config->fallback_model == model ? NULL : config->fallback_model;
}

struct model_switch_rule switches_rule(const struct config *config,
                                       const struct config_model *model)
{
    return (struct model_switch_rule){
        .window_ms = config->health.window,
        .min_requests = config->health.min_requests,
        .success_threshold = config->health.success_threshold,
        .recover_ms = config->health.recover,
        .slow_start_ms = config->health.slow_start,
        .automatic = config->health.auto_switch && switches_stand_in(config, model),
    };
}
