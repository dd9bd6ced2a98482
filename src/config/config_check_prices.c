/* What tokens cost: the prices of a model, and of those of its targets that have their own. */
#include "config/config_read.h"

#include "config/values.h"

static void complete(struct price *price)
{
    if (value_inherited(&price->cached_input, sizeof(price->cached_input)))
        price->cached_input = price->input;
    if (value_inherited(&price->cache_write, sizeof(price->cache_write)))
        price->cache_write = price->input;
}

/* Whoever asks for the cheapest has to say what each costs: to guess would be dear. */
static void check_least_cost(struct reading *reading, const struct config_model *model,
                             const struct node *node)
{
    const struct node *targets = node_member(node, "targets");

    for (size_t i = 0; i < model->target_count; i++)
        if (!config_target_price(model, &model->targets[i])->known)
            report_error_at(reading->reporter, model->targets[i].mark, targets,
                            "has no price, which balance: least_cost needs; give it or its "
                            "model cost_per_mtok");
}

void config_check_prices(struct reading *reading, struct config_model *model,
                         const struct node *node)
{
    complete(&model->price);
    for (size_t i = 0; i < model->target_count; i++)
        complete(&model->targets[i].price);
    if (model->balance == BALANCE_LEAST_COST)
        check_least_cost(reading, model, node);
}
