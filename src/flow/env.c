#include "flow/env.h"

#include "base/digest.h"
#include "base/limits.h"
#include "base/mem.h"
#include "flow/exchange.h"
#include "flow/meters.h"
#include "net/fetch.h"

#include <assert.h>
#include <string.h>

enum { SCRATCH_BYTES = 256 * 1024, ORIGIN_KEY_BYTES = 8 * 1024 };

void env_init(struct env *env, struct loop *loop, struct fetch_pool *fetches)
{
    *env = (struct env){ .loop = loop, .fetches = fetches };
    targets_init(&env->targets);
    switches_init(&env->switches);
    hedges_init(&env->hedges);
    ledger_init(&env->ledger);
    key_pools_init(&env->key_pools);
    models_init(&env->models);
    sides_init(&env->sides);
    limits_init(&env->limits);
    map_init(&env->origins);
    env->metrics = metrics_new(meters, METERS);
    env->events.metrics = env->metrics;
    random_bytes(&env->random, sizeof(env->random));
    list_init(&env->exchanges);
    list_init(&env->spare);
    slots_init(&env->slots);
    buf_init(&env->scratch, SCRATCH_BYTES);
}

void env_done(struct env *env)
{
    size_t at = 0;
    struct map_entry *entry;

    assert(list_empty(&env->exchanges));
    exchange_free_spare(env);
    slots_done(&env->slots);
    while ((entry = map_next(&env->origins, &at)) != NULL)
        fetch_origin_free(entry->thing);
    map_done(&env->origins);
    targets_done(&env->targets);
    switches_done(&env->switches);
    hedges_done(&env->hedges);
    ledger_done(&env->ledger);
    key_pools_done(&env->key_pools);
    models_done(&env->models);
    sides_done(&env->sides);
    limits_done(&env->limits);
    metrics_free(env->metrics);
    events_done(&env->events);
    buf_done(&env->scratch);
}

static const char *base_url(const struct env *env, const struct config_provider *provider,
                            const struct config_region *region)
{
    if (provider->kind->built_in)
        return env->demo_url;
    return region ? region->base_url : provider->base_url;
}

static enum fetch_engine_choice engine_of(const struct config_provider *provider)
{
    switch (provider->engine) {
    case ENGINE_DIRECT: return FETCH_ENGINE_DIRECT;
    case ENGINE_TRANSFER: return FETCH_ENGINE_TRANSFER;
    case ENGINE_AUTO: break;
    }
    return FETCH_ENGINE_AUTO;
}

static struct fetch_origin *add_origin(struct env *env, struct span key,
                                       struct fetch_origin_config *config, struct span address)
{
    struct fetch_origin *origin;
    struct buf url;

    buf_init(&url, ORIGIN_KEY_BYTES);
    (void)buf_add(&url, address);
    config->url = buf_text(&url);
    origin = fetch_origin_new(config);
    buf_done(&url);
    if (origin)
        (void)map_put(&env->origins, key, origin);
    return origin;
}

struct fetch_origin *env_origin(struct env *env, const struct config_provider *provider,
                                const struct config_region *region,
                                const struct endpoint *endpoint, struct span model)
{
    struct fetch_origin_config config = {
        .ca_file = provider->ca_file,
        .proxy = provider->proxy,
        .engine = engine_of(provider),
        .http2 = provider->http2,
        .deny_private = region ? region->deny_private : provider->deny_private,
    };
    const struct provider_place place = { base_url(env, provider, region),
                                          provider->api_version, model };
    struct buf *key = &env->scratch;
    struct fetch_origin *origin;
    size_t address_bytes;

    if (place.base_url == NULL)
        return NULL;
    buf_reset(key);
    if (!provider_url(provider->kind, &place, endpoint->suffix, key))
        return NULL;
    address_bytes = buf_size(key);
    (void)buf_add_byte(key, config.http2 ? '2' : '1');
    (void)buf_add_byte(key, (char)('0' + config.engine));
    (void)buf_add_byte(key, config.deny_private ? 'd' : 'a');
    (void)buf_add_text(key, config.ca_file ? config.ca_file : "");
    (void)buf_add_byte(key, '|');
    (void)buf_add_text(key, config.proxy ? config.proxy : "");
    origin = map_find(&env->origins, buf_span(key));
    if (origin || env->origins.count >= LIMIT_ORIGINS)
        return origin;
    return add_origin(env, buf_span(key), &config, span_first(buf_span(key), address_bytes));
}
