#include "config/config_read.h"

#include "config/values.h"

#include <assert.h>
#include <string.h>

/* ---- names ---- */

const struct node *config_node_named(const struct node *node, const char *name)
{
    while (node && !span_is(node->key, name))
        node = node->next;
    return node;
}

static void add_model_name(struct reading *reading, struct config_model *model,
                           const char *name, const struct node *node)
{
    struct map *map = &reading->config->models_by_name;
    const struct config_model *other = map_find(map, span_from(name));

    if (other == NULL)
        (void)map_put(map, span_from(name), model);
    else if (other == model)
        report_error(reading->reporter, node, "\"%s\" stands twice; remove one", name);
    else
        report_error(reading->reporter, node,
                     "\"%s\" is already a name of the model %s, line %u; remove one of them",
                     name, other->name, other->mark.line);
}

static void add_aliases(struct reading *reading, struct config_model *model,
                        const struct node *node)
{
    const struct node *aliases = node_member(node, "aliases");

    for (size_t i = 0; i < model->aliases.count; i++) {
        const struct node *alias = node_child(aliases, i);

        add_model_name(reading, model, model->aliases.items[i], alias ? alias : node);
    }
}

static void collect_names(struct reading *reading)
{
    struct config *config = reading->config;
    const struct node *models = node_member(reading->root, "models");
    const struct node *node = models ? models->first : NULL;

    for (size_t i = 0; i < config->provider_count; i++) {
        struct config_provider *provider = &config->providers[i];

        (void)map_put(&config->providers_by_name, span_from(provider->name), provider);
    }
    for (size_t i = 0; i < config->model_count; i++)
        (void)map_put(&config->models_by_name, span_from(config->models[i].name),
                      &config->models[i]);
    for (size_t i = 0; i < config->model_count; i++) {
        node = config_node_named(node, config->models[i].name);
        config->models[i].virtual = node_member(node, "tasks") != NULL;
        add_aliases(reading, &config->models[i], node);
    }
}

/* ---- references ---- */

static void report_unknown(struct reading *reading, const struct reference *reference,
                           const struct map *map, const char *noun)
{
    struct nearest nearest = nearest_to(reference->name);
    const struct map_entry *entry;
    size_t at = 0;

    while ((entry = map_next(map, &at)))
        nearest_offer(&nearest, span_make(entry->name, entry->name_size));
    report_error(reading->reporter, reference->node, "there is no %s \"%s\"%s", noun,
                 quoted(reference->name).text,
                 nearest_hint(&nearest, reference->kind == SETTING_PROVIDER
                                            ? "; name one of providers"
                                            : "; list it under models")
                     .text);
}

static void join_references(struct reading *reading)
{
    const struct reference *reference = reading->first_reference;

    for (; reference; reference = reference->next) {
        bool provider = reference->kind == SETTING_PROVIDER;
        const struct map *map =
            provider ? &reading->config->providers_by_name : &reading->config->models_by_name;
        void *thing = map_find(map, reference->name);

        if (thing)
            memcpy(reference->slot, &thing, sizeof(thing));
        else
            report_unknown(reading, reference, map, provider ? "provider" : "model");
    }
}

/* ---- providers ---- */

static void find_kind(struct reading *reading, struct config_provider *provider,
                      const struct node *node)
{
    static const struct setting row = { .name = "kind" };

    if (provider->kind || node_member(node, "kind"))
        return;
    buf_reset(&reading->problem);
    if (provider_kind_find(span_from(provider->name)) == NULL)
        report_error(reading->reporter, node,
                     "kind is missing; write openai for anything that speaks its language");
    else if (!value_read(SETTING_PROVIDER_KIND, &row, span_from(provider->name),
                         &reading->config->arena, &provider->kind, &reading->problem))
        report_error(reading->reporter, node, "%s", buf_text(&reading->problem));
}

static void find_base_url(struct reading *reading, struct config_provider *provider,
                          const struct node *node)
{
    const char *own = provider->kind->base_url;

    if (provider->base_url == NULL && !node_member(node, "base_url")) {
        provider->base_url = own;
        if (own == NULL && !provider->kind->built_in)
            report_error(
                reading->reporter, node,
                "base_url is missing; say where it is, such as http://127.0.0.1:8000/v1");
    }
    provider->deny_private = provider->base_url && own &&
                             span_starts(span_from(own), "https:") &&
                             strcmp(provider->base_url, own) == 0;
}

static void check_api_version(struct reading *reading, const struct config_provider *provider,
                              const struct node *node)
{
    const struct node *version = node_member(node, "api_version");

    if (provider->api_version == NULL)
        return;
    if (provider->kind->dated_prefix == NULL)
        report_error(reading->reporter, version, "a provider of kind %s has none; remove it",
                     provider->kind->name);
    else if (!provider_knows_version(provider->kind, span_from(provider->api_version)))
        report_error(reading->reporter, version,
                     "\"%s\" is no version; write a date such as 2024-10-21 or "
                     "2025-04-01-preview, or v1, preview or latest",
                     provider->api_version);
}

static void check_keys(struct reading *reading, struct config_provider *provider,
                       const struct node *node)
{
    const struct provider_kind *kind = provider->kind;
    const struct node *keys = node_member(node, "keys");
    bool takes_keys = kind->auth != AUTH_NONE && !kind->built_in;
    bool own_place =
        provider->base_url && kind->base_url && strcmp(provider->base_url, kind->base_url) == 0;

    if (provider->keys.count && !takes_keys)
        report_error(reading->reporter, keys,
                     "a provider of kind %s takes no keys; remove them", kind->name);
    if (provider->keys.count || !takes_keys || kind->key_optional)
        return;
    if (keys)
        report_warning(reading->reporter, keys, "every key is empty, so this provider is off");
    else if (own_place)
        report_warning(reading->reporter, node, "there are no keys, so this provider is off");
    provider->off = keys || own_place;
}

/* The general clocks where the provider says nothing. */
static void inherit_timeouts(const struct config *config, struct config_provider *provider)
{
    const struct setting *row = settings_provider_timeouts.rows;
    struct config_timeouts own = provider->timeouts;

    provider->timeouts = config->timeouts;
    for (; row->name; row++) {
        const char *said = (const char *)&own + row->offset;

        if (row->inherits && !value_inherited(said, row->width))
            memcpy((char *)&provider->timeouts + row->offset, said, row->width);
    }
}

static void check_probe(struct reading *reading, struct config_provider *provider,
                        const struct node *node)
{
    const struct node *health = node_member(node, "health");

    if (value_inherited(&provider->health.interval, sizeof(provider->health.interval)))
        provider->health.interval = reading->config->health.interval;
    if (provider->health.path && provider->health.path[0] != '/')
        report_error(reading->reporter, node_member(health, "path"),
                     "begins with a slash, such as /models");
}

static void check_prompt(struct reading *reading, const struct config_provider *provider,
                         const struct node *node)
{
    const struct node *prompt = node_member(node_member(node, "health"), "prompt");

    if (!provider->health.prompt)
        return;
    if (!provider_dialect(provider->kind, &dialect_openai, SUBJECT_CONVERSATION))
        report_error(reading->reporter, prompt,
                     "%s cannot be asked what OpenAI's chat completions ask; write false",
                     provider->kind->title);
    else
        report_warning(reading->reporter, prompt,
                       "each probe of this provider is a prompt, and costs tokens");
}

static void check_engine(struct reading *reading, const struct config_provider *provider,
                         const struct node *node)
{
    if (provider->http2 && provider->engine == ENGINE_DIRECT)
        report_error(reading->reporter, node_member(node, "engine"),
                     "direct speaks HTTP/1.1 only; write transfer, or http2: false");
}

static void check_providers(struct reading *reading)
{
    struct config *config = reading->config;
    const struct node *providers = node_member(reading->root, "providers");
    const struct node *node = providers ? providers->first : NULL;

    for (size_t i = 0; i < config->provider_count; i++) {
        struct config_provider *provider = &config->providers[i];

        node = config_node_named(node, provider->name);
        inherit_timeouts(config, provider);
        check_probe(reading, provider, node);
        check_engine(reading, provider, node);
        if (node->kind != NODE_MAP)
            continue; /* said */
        find_kind(reading, provider, node);
        if (provider->kind == NULL)
            continue; /* said */
        check_prompt(reading, provider, node);
        if (!node_member(node, "regions"))
            find_base_url(reading, provider, node);
        check_api_version(reading, provider, node);
        check_keys(reading, provider, node);
        config_check_regions(reading, provider, node);
    }
}

static void check_default_provider(struct reading *reading)
{
    struct config *config = reading->config;
    const struct node *node = node_member(reading->root, "default_provider");
    bool usable = false;

    if (node == NULL)
        config->default_provider = config_provider_find(config, SPAN_OF("openai"));
    else if (config->default_provider && config->default_provider->off)
        report_warning(reading->reporter, node, "the provider %s is off",
                       config->default_provider->name);
    for (size_t i = 0; i < config->provider_count; i++)
        usable = usable || !config->providers[i].off;
    if (!usable)
        report_warning(reading->reporter, NULL,
                       "no provider is in use, so every request will be refused");
}

/* ---- models ---- */

static void complete_target(struct config *config, const struct config_model *model,
                            struct config_target *target)
{
    if (target->name == NULL)
        target->name = target->provider ? target->provider->name : "?";
    if (target->model == NULL)
        target->model = config_called(model);
    target->id = arena_printf(&config->arena, "%s:%s", model->name, target->name);
}

static void check_target(struct reading *reading, const struct config_model *model, size_t at,
                         const struct node *node)
{
    const struct config_target *target = &model->written.items[at];

    for (size_t i = 0; target->provider && i < at; i++)
        if (strcmp(model->written.items[i].name, target->name) == 0) {
            report_error(
                reading->reporter, node,
                "another target of this model is called \"%s\", line %u; give it a name "
                "of its own",
                target->name, model->written.items[i].mark.line);
            return;
        }
}

static void check_targets(struct reading *reading, struct config_model *model,
                          const struct node *node)
{
    const struct node *targets = node_member(node, "targets");
    const struct node *child = targets && targets->kind == NODE_LIST ? targets->first : NULL;
    uint64_t weight = 0;
    size_t off = 0;

    config_check_stars(reading, model, node);
    for (size_t i = 0; i < model->written.count; i++) {
        struct config_target *target = &model->written.items[i];

        while (child && child->kind != NODE_MAP)
            child = child->next; /* said */
        assert(child);
        complete_target(reading->config, model, target);
        check_target(reading, model, i, child);
        weight += target->enabled ? target->weight : 0;
        off += target->provider && target->provider->off;
        child = child->next;
    }
    if (model->written.count && weight == 0)
        report_error(reading->reporter, targets,
                     "every target has weight 0 or is disabled, so none would be used; "
                     "give one a weight, or enable it");
    if (model->written.count && off == model->written.count)
        report_warning(reading->reporter, node,
                       "every provider of this model is off, so it cannot be served");
    config_expand_targets(reading, model, targets);
}

static void check_models(struct reading *reading)
{
    struct config *config = reading->config;
    const struct node *models = node_member(reading->root, "models");
    const struct node *node = models ? models->first : NULL;

    for (size_t i = 0; i < config->model_count; i++) {
        struct config_model *model = &config->models[i];

        node = config_node_named(node, model->name);
        check_targets(reading, model, node);
        config_check_prices(reading, model, node);
        config_check_fallbacks(reading, model, node);
        config_check_hedge(reading, model, node);
        config_check_tasks(reading, model, node);
        config_check_sides(reading, model, node);
    }
    config_check_cycles(reading);
    if (config->fallback_model && config->fallback_model->virtual)
        report_error(reading->reporter, node_member(reading->root, "fallback_model"),
                     "\"%s\" is a virtual model; name one that has targets",
                     config->fallback_model->name);
    if (config->models_only && config->model_count == 0)
        report_warning(reading->reporter, node_member(reading->root, "models_only"),
                       "no models are listed, so every request will be refused");
}

/* ---- the listening side ---- */

static void check_listen(struct reading *reading)
{
    const struct config *config = reading->config;
    const char *admin = config->admin.listen;

    if (admin && strcmp(admin, config->listen) == 0 && !span_ends(span_from(admin), ":0"))
        report_error(
            reading->reporter, node_member(node_member(reading->root, "admin"), "listen"),
            "is the main listener's address; remove it to share that, or write another");
    if (config->client_key_count == 0 && !config_is_loopback(config->listen))
        report_warning(reading->reporter, node_member(reading->root, "listen"),
                       "there are no client_keys, so whoever reaches %s may call",
                       config->listen);
}

static void check_tls(struct reading *reading)
{
    const struct config_tls *tls = &reading->config->tls;
    const struct node *node = node_member(reading->root, "tls");
    const char *missing = NULL;

    if (node == NULL || node->kind != NODE_MAP)
        return;
    if (!tls->certificate && !node_member(node, "certificate") && (tls->key || tls->client_ca))
        missing = "certificate";
    else if (!tls->key && !node_member(node, "key") && (tls->certificate || tls->client_ca))
        missing = "key";
    if (missing)
        report_error(reading->reporter, node, "%s is missing; TLS needs certificate and key",
                     missing);
}

static void check_client_keys(struct reading *reading)
{
    struct config *config = reading->config;
    const struct node *keys = node_member(reading->root, "client_keys");
    struct map names;
    struct map hashes;

    map_init(&names);
    map_init(&hashes);
    for (size_t i = 0; i < config->client_key_count; i++) {
        struct config_client_key *key = &config->client_keys[i];
        struct span hash = span_make((const char *)key->hash.bytes, sizeof(key->hash.bytes));
        const struct config_client_key *other;

        if (key->name == NULL || digest_equal(&key->hash, &(struct digest){ { 0 } }))
            continue; /* said */
        other = map_put(&names, span_from(key->name), key);
        if (other)
            report_error_at(reading->reporter, key->mark, keys,
                            "a second key is called \"%s\", like that of line %u; rename one",
                            key->name, other->mark.line);
        other = map_put(&hashes, hash, key);
        if (other)
            report_error_at(reading->reporter, key->mark, keys,
                            "\"%s\" is the same key as \"%s\"; remove one", key->name,
                            other->name);
    }
    map_done(&names);
    map_done(&hashes);
}

/* ---- retries ---- */

static void check_retry(struct reading *reading)
{
    static const uint8_t all[] = { RETRYABLE_RATE_LIMIT, RETRYABLE_SERVER_ERROR,
                                   RETRYABLE_TIMEOUT, RETRYABLE_CONNECTION };
    struct config_retry *retry = &reading->config->retry;
    const struct node *node = node_member(reading->root, "retry");
    const struct node *errors = node_member(node, "retryable_errors");

    static_assert(sizeof(all) == RETRYABLES, "every one of them");
    if (errors == NULL)
        retry->errors = (struct config_retryables){ all, sizeof(all) };
    for (size_t i = 0; i < retry->errors.count; i++)
        for (size_t j = 0; j < i; j++)
            if (retry->errors.items[i] == retry->errors.items[j])
                report_error(reading->reporter, node_child(errors, i),
                             "stands twice; remove one");
    if (retry->max_delay_ms < retry->initial_delay_ms)
        report_error(reading->reporter, node,
                     "max_delay_ms %u is less than initial_delay_ms %u; write at least that",
                     retry->max_delay_ms, retry->initial_delay_ms);
}

/* ---- numbers ---- */

/* 0 means none; but what comes from outside is bounded, so none is as much as can be configured. */
static void bound(const struct setting_table *table, const char *name, uint64_t *value)
{
    const struct setting *row = setting_find(table, name);

    assert(row);
    if (*value == 0)
        *value = row->max;
}

static void check_numbers(struct reading *reading)
{
    struct config *config = reading->config;

    bound(&settings_limits, "header_bytes", &config->limits.header_bytes);
    bound(&settings_limits, "body_bytes", &config->limits.body_bytes);
}

void config_check(struct reading *reading)
{
    buf_init(&reading->problem, 4096);
    collect_names(reading);
    config_check_patterns(reading);
    join_references(reading);
    check_providers(reading);
    check_default_provider(reading);
    config_check_price_lists(reading);
    check_models(reading);
    config_check_starred_references(reading);
    check_client_keys(reading);
    check_listen(reading);
    check_tls(reading);
    check_retry(reading);
    config_check_alerts(reading);
    check_numbers(reading);
    config_check_rates(reading);
    buf_done(&reading->problem);
}
