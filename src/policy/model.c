#include "policy/model.h"

#include "base/mem.h"

#include <string.h>

void models_init(struct models *models)
{
    map_init(&models->by_name);
}

void models_done(struct models *models)
{
    size_t at = 0;
    struct map_entry *entry;

    while ((entry = map_next(&models->by_name, &at)) != NULL)
        mem_free(entry->thing);
    map_done(&models->by_name);
}

struct model_state *models_get(struct models *models, const char *name)
{
    struct model_state *state = map_find(&models->by_name, span_from(name));

    if (state == NULL) {
        state = mem_zero(sizeof(*state));
        (void)map_put(&models->by_name, span_from(name), state);
    }
    return state;
}

void last_plan_keep(struct last_plan *last, const struct config *config,
                    const struct plan *plan, uint64_t now_ms)
{
    last->config = config;
    last->generation = config->generation;
    last->at_ms = now_ms;
    last->count = plan->count;
    last->skipped_count = plan->skipped_count;
    for (uint32_t i = 0; i < plan->count; i++)
        last->steps[i] = (struct last_target){ plan->steps[i].target->id, plan->steps[i].why };
    for (uint32_t i = 0; i < plan->skipped_count; i++)
        last->skipped[i] =
            (struct last_target){ plan->skipped[i].target->id, plan->skipped[i].why };
}

void last_plan_leave_out(struct last_plan *last, const char *id, const char *why)
{
    uint32_t at = 0;

    while (at < last->count && strcmp(last->steps[at].id, id) != 0)
        at++;
    if (at == last->count || last->skipped_count == LIMIT_PLAN_TARGETS)
        return; /* known already, or of another plan */
    last->skipped[last->skipped_count++] = (struct last_target){ last->steps[at].id, why };
    last->count--;
    for (; at < last->count; at++)
        last->steps[at] = last->steps[at + 1];
}

/* An address may come again, a generation does not. */
const struct last_plan *last_plan_of(const struct model_state *state,
                                     const struct config *config)
{
    const struct last_plan *last = &state->last;

    return last->config == config && last->generation == config->generation ? last : NULL;
}
