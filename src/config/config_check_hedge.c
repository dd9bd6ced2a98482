#include "config/config_read.h"

#include "config/values.h"

enum { HEDGE_BUDGET = 50000 /* millionths, where nothing is said */ };

/* With one target nothing comes of it, but it does no harm, and the other may be off only here. */
void config_check_hedge(struct reading *reading, struct config_model *model,
                        const struct node *node)
{
    size_t usable = 0;

    if (model->hedge.after == 0)
        return;
    if (value_inherited(&model->hedge.budget, sizeof(model->hedge.budget)))
        model->hedge.budget = HEDGE_BUDGET;
    for (size_t i = 0; i < model->target_count; i++) {
        const struct config_target *target = &model->targets[i];

        usable += target->weight && target->provider && !target->provider->off;
    }
    if (usable < 2)
        report_warning(reading->reporter, node_member(node, "hedge"),
                       "there is no second target in use to ask; add one, or remove it");
}
