#include "policy/key_pools.h"

#include "base/mem.h"

#include <stdio.h>
#include <string.h>

struct entry {
    struct key_pool pool;
    const struct config_provider
        *provider;            /* of the snapshot in force: a quick way to know it */
    struct digest configured; /* the keys that the configuration says */
    struct digest place;      /* where they may be sent */
};

static void add_part(struct buf *parts, struct span part)
{
    (void)buf_add_u64(parts, part.size);
    (void)buf_add_byte(parts, ':');
    (void)buf_add(parts, part);
}

static struct digest digest_of_keys(const struct config_provider *provider)
{
    struct digest digests[2] = { { { 0 } } };

    for (size_t i = 0; i < provider->keys.count; i++) {
        digest_sha256(secret_reveal(&provider->keys.items[i]), &digests[1]);
        digest_sha256(span_make((const char *)digests, sizeof(digests)), &digests[0]);
    }
    return digests[0];
}

enum { PLACE_BYTES_MAX = 64 * 1024 };

static struct digest digest_of_place(const struct config_provider *provider)
{
    struct digest digest;
    struct buf parts;

    buf_init(&parts, PLACE_BYTES_MAX);
    add_part(&parts, span_from(provider->kind->name));
    add_part(&parts, span_from(provider->base_url));
    for (size_t i = 0; i < provider->regions.count; i++)
        add_part(&parts, span_from(provider->regions.items[i].base_url));
    add_part(&parts, span_from(provider->proxy));
    digest_sha256(buf_span(&parts), &digest);
    buf_done(&parts);
    return digest;
}

void key_pools_init(struct key_pools *pools)
{
    map_init(&pools->by_provider);
}

void key_pools_done(struct key_pools *pools)
{
    struct map_entry *named;
    size_t at = 0;

    while ((named = map_next(&pools->by_provider, &at)) != NULL) {
        key_pool_done(&((struct entry *)named->thing)->pool);
        mem_free(named->thing);
    }
    map_done(&pools->by_provider);
}

static void fill(struct entry *entry, const struct config_provider *provider)
{
    struct span *secrets = mem_zero((provider->keys.count + 1) * sizeof(*secrets));

    for (size_t i = 0; i < provider->keys.count; i++)
        secrets[i] = secret_reveal(&provider->keys.items[i]);
    key_pool_set(&entry->pool, secrets, provider->keys.count);
    mem_free(secrets);
}

static void renew(struct key_pools *pools, const struct config_provider *provider)
{
    struct entry *entry = map_find(&pools->by_provider, span_from(provider->name));
    struct digest configured = digest_of_keys(provider);
    struct digest place = digest_of_place(provider);

    if (entry == NULL) {
        entry = mem_zero(sizeof(*entry));
        (void)map_put(&pools->by_provider, span_from(provider->name), entry);
    } else if (!digest_equal(&entry->place, &place)) {
        uint64_t last_id = entry->pool.last_id; /* an attempt may still run with one of these */

        key_pool_done(&entry->pool);
        entry->pool.last_id = last_id;
    }
    entry->provider = provider;
    if (entry->pool.count == 0 || !digest_equal(&entry->configured, &configured))
        fill(entry, provider);
    entry->configured = configured;
    entry->place = place;
}

void key_pools_renew(struct key_pools *pools, const struct config *config)
{
    struct map_entry *named;
    size_t at = 0;

    while ((named = map_next(&pools->by_provider, &at)) != NULL)
        ((struct entry *)named->thing)->provider = NULL;
    for (size_t i = 0; i < config->provider_count; i++)
        renew(pools, &config->providers[i]);
    at = 0;
    while ((named = map_next(&pools->by_provider, &at)) != NULL) {
        struct entry *entry = named->thing;
        uint64_t last_id = entry->pool.last_id;

        if (entry->provider)
            continue;
        key_pool_done(&entry->pool);
        entry->pool.last_id = last_id;
    }
}

static struct entry *find(const struct key_pools *pools, const struct config_provider *provider)
{
    struct entry *entry = map_find(&pools->by_provider, span_from(provider->name));
    struct digest place;

    if (entry == NULL || entry->provider == NULL)
        return NULL;
    if (entry->provider == provider)
        return entry;
    place = digest_of_place(provider);
    return digest_equal(&entry->place, &place) ? entry : NULL;
}

struct key_pool *key_pools_find(const struct key_pools *pools,
                                const struct config_provider *provider)
{
    struct entry *entry = find(pools, provider);

    return entry ? &entry->pool : NULL;
}

struct span key_scope(const struct config_target *target, char text[KEY_MODEL_BYTES])
{
    int size;

    if (target->region == NULL)
        return span_from(target->model);
    size = snprintf(text, KEY_MODEL_BYTES, "%s@%s", target->region->name, target->model);
    return span_make(text, size < KEY_MODEL_BYTES ? (size_t)size : KEY_MODEL_BYTES - 1);
}

void key_pools_forgive(struct key_pools *pools, const struct config_provider *provider)
{
    struct entry *entry = find(pools, provider);

    if (entry)
        fill(entry, provider);
}
