/* What tokens cost: the lists of prices, those of a model, and those of its targets that have their own. */
#include "config/config_read.h"

#include "base/mem.h"
#include "config/config_yaml.h"
#include "config/prices.h"
#include "config/values.h"

#include <errno.h>
#include <string.h>

static void inherit(uint64_t *rate, uint64_t from)
{
    if (value_inherited(rate, sizeof(*rate)))
        *rate = from;
}

static void complete(struct price *price)
{
    struct price_rates *rates = &price->rates;
    struct price_rates *above = &price->above.rates;

    inherit(&rates->cached_input, rates->input);
    inherit(&rates->cache_write, rates->input);
    inherit(&rates->cache_write_long, rates->cache_write);
    inherit(&above->input, rates->input);
    inherit(&above->output, rates->output);
    inherit(&above->cached_input, rates->cached_input);
    inherit(&above->cache_write, rates->cache_write);
    inherit(&above->cache_write_long, rates->cache_write_long);
}

/* ---- lists ---- */

/* On top of what is listed already. */
static void add_list(struct config *config, const struct config_prices *prices, bool built_in)
{
    for (size_t i = 0; i < prices->count; i++) {
        complete(&prices->items[i].price);
        prices->items[i].built_in = built_in;
        (void)map_put(&config->prices_by_name, span_from(prices->items[i].name),
                      &prices->items[i]);
    }
}

static void read_list(struct reading *reading, const char *path, struct span text,
                      bool built_in)
{
    struct reporter reporter = { reading->reporter->report, path };
    struct reading *inner = mem_zero(sizeof(*inner));
    struct config_price_file file = { 0 };
    struct node_tree tree;

    node_tree_init(&tree);
    inner->config = reading->config;
    inner->reporter = &reporter;
    if (config_yaml_read(text, &tree, &reporter)) {
        if (tree.root == NULL)
            tree.root = node_make(&tree, NODE_MAP, (struct config_mark){ 1, 1 });
        inner->root = tree.root;
        config_read_as(inner, &settings_price_file, (char *)&file);
        add_list(reading->config, &file.prices, built_in);
    }
    node_tree_done(&tree);
    mem_free(inner);
}

static void read_file(struct reading *reading, const char *path)
{
    char *bytes = mem_alloc(CONFIG_BYTES_MAX);
    size_t size;

    if (config_read_bytes(path, bytes, &size))
        read_list(reading, path, span_make(bytes, size), false);
    else
        report_error(reading->reporter, node_member(reading->root, "prices_file"),
                     "cannot read %s: %s; give the path of a file", path, strerror(errno));
    mem_free(bytes);
}

void config_check_price_lists(struct reading *reading)
{
    struct config *config = reading->config;

    read_list(reading, "conf/prices.yaml",
              span_make((const char *)prices_text, prices_text_bytes), true);
    if (config->prices_file)
        read_file(reading, config->prices_file);
    add_list(config, &config->prices, false);
}

/* ---- a model ---- */

/* Whoever asks for the cheapest has to say what each costs: to guess would be dear. */
static void check_least_cost(struct reading *reading, const struct config_model *model,
                             const struct node *node)
{
    const struct node *targets = node_member(node, "targets");

    for (size_t i = 0; i < model->target_count; i++)
        if (!config_target_price(model, &model->targets[i])->known)
            report_error_at(reading->reporter, model->targets[i].mark, targets,
                            "has no price, which balance: least_cost needs; give it or its "
                            "model cost_per_mtok, or list it under prices");
}

void config_check_prices(struct reading *reading, struct config_model *model,
                         const struct node *node)
{
    complete(&model->price);
    for (size_t i = 0; i < model->target_count; i++) {
        struct config_target *target = &model->targets[i];

        complete(&target->price);
        if (target->provider && target->provider->kind && target->model)
            target->listed =
                config_price_find(reading->config, target->provider, span_from(target->model));
    }
    if (model->balance == BALANCE_LEAST_COST)
        check_least_cost(reading, model, node);
}
