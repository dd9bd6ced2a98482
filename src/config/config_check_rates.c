/* The limits of callers and models: what follows when one of them is not said. */
#include "config/config_read.h"

#include "config/values.h"

enum { BURST_SHARE = 10 /* of a minute's requests, where no burst_size is said */ };

static void complete_burst(struct config_rates *rates)
{
    if (rates->requests_per_minute && rates->burst_size == 0)
        rates->burst_size = rates->requests_per_minute < 2 * BURST_SHARE
                                ? 1
                                : rates->requests_per_minute / BURST_SHARE;
}

static void check_burst(struct reading *reading, const struct config_rates *rates,
                        const struct node *node)
{
    const struct node *burst = node_member(node, "burst_size");

    if (burst && rates->burst_size && rates->requests_per_minute == 0)
        report_warning(reading->reporter, burst,
                       "changes nothing: there is no requests_per_minute for it");
}

static void inherit(uint32_t *own, uint32_t general)
{
    if (value_inherited(own, sizeof(*own)))
        *own = general;
}

static void inherit_rates(struct config_rates *own, const struct config_rates *general)
{
    bool own_rate =
        !value_inherited(&own->requests_per_minute, sizeof(own->requests_per_minute));

    inherit(&own->burst_size, own_rate ? 0 : general->burst_size);
    inherit(&own->requests_per_minute, general->requests_per_minute);
    inherit(&own->tokens_per_minute, general->tokens_per_minute);
    inherit(&own->concurrent_requests, general->concurrent_requests);
}

static bool any_price(const struct config *config)
{
    for (size_t i = 0; i < config->model_count; i++) {
        const struct config_model *model = &config->models[i];

        for (size_t j = 0; j < model->target_count; j++)
            if (config_target_price(model, &model->targets[j])->known)
                return true;
    }
    return false;
}

static void check_budget(struct reading *reading, const struct config_client_key *key,
                         const struct node *node)
{
    if (key->rates.budget_usd_per_day && !any_price(reading->config))
        report_warning(reading->reporter, node_member(node, "budget_usd_per_day"),
                       "is never spent: no model has a cost_per_mtok");
}

static void check_keys(struct reading *reading)
{
    struct config *config = reading->config;
    const struct node *keys = node_member(reading->root, "client_keys");
    const struct node *node = keys && keys->kind == NODE_LIST ? keys->first : NULL;

    for (size_t i = 0; i < config->client_key_count; i++) {
        struct config_client_key *key = &config->client_keys[i];

        while (node && node->kind != NODE_MAP)
            node = node->next; /* said */
        inherit_rates(&key->rates, &config->rates);
        check_burst(reading, &key->rates, node);
        complete_burst(&key->rates);
        check_budget(reading, key, node);
        node = node ? node->next : NULL;
    }
}

void config_check_rates(struct reading *reading)
{
    struct config *config = reading->config;

    check_burst(reading, &config->rates, node_member(reading->root, "rate_limiting"));
    complete_burst(&config->rates);
    check_keys(reading);
    for (size_t i = 0; i < config->model_count; i++)
        complete_burst(&config->models[i].rates);
}
