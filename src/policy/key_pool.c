#include "policy/key_pool.h"

#include "base/mem.h"

#include <assert.h>
#include <string.h>

static const struct {
    const char *name;
    const char *state;
    bool quarantine; /* ends by a trial, not by itself */
    bool whole;      /* for all models */
} faults[KEY_FAULTS] = {
    [KEY_FINE] = { "fine", "usable", false, false },
    [KEY_REFUSED] = { "refused", "quarantined", true, true },
    [KEY_FORBIDDEN] = { "forbidden", "quarantined", true, false },
    [KEY_SPENT] = { "spent", "cooling", false, true },
    [KEY_LIMITED] = { "limited", "cooling", false, false },
};

const char *key_fault_name(enum key_fault fault)
{
    return faults[fault].name;
}

const char *key_fault_state(enum key_fault fault)
{
    return faults[fault].state;
}

/* ---- which keys there are ---- */

static void wipe(struct key *keys, size_t count)
{
    for (size_t i = 0; i < count; i++)
        secret_done(&keys[i].secret);
    mem_free(keys);
}

void key_pool_done(struct key_pool *pool)
{
    wipe(pool->keys, pool->count);
    *pool = (struct key_pool){ 0 };
}

static const struct key *find_secret(const struct key *keys, size_t count, struct span secret)
{
    for (size_t i = 0; i < count; i++)
        if (span_equal(secret_reveal(&keys[i].secret), secret))
            return &keys[i];
    return NULL;
}

static void lift_quarantine(struct key *key)
{
    key->whole = (struct key_rest){ 0 };
    for (size_t i = 0; i < KEY_RESTS_MAX; i++)
        if (faults[key->models[i].why].quarantine)
            key->models[i] = (struct key_rest){ 0 };
}

static void fill(struct key_pool *pool, struct key *key, struct span secret)
{
    const struct key *known = find_secret(pool->keys, pool->count, secret);
    struct digest digest;

    if (known) {
        *key = *known;
        lift_quarantine(key);
    } else {
        key->id = ++pool->last_id;
        key->turn = pool->turn; /* not all the next requests at once: it queues up */
    }
    secret_init(&key->secret, secret); /* the old pool wipes its own */
    digest_sha256(secret, &digest);
    if (secret.size)
        digest_fingerprint(&digest, key->fingerprint);
}

void key_pool_set(struct key_pool *pool, const struct span *secrets, size_t count)
{
    struct key *keys = mem_zero((count + 1) * sizeof(*keys));
    size_t filled = 0;

    for (size_t i = 0; i < count; i++)
        if (secrets[i].size && find_secret(keys, filled, secrets[i]) == NULL)
            fill(pool, &keys[filled++], secrets[i]);
    if (filled == 0)
        fill(pool, &keys[filled++], (struct span){ 0 });
    wipe(pool->keys, pool->count);
    pool->keys = keys;
    pool->count = filled;
}

/* ---- may it be used? ---- */

/* The beginning of a name, as it is kept. */
static struct span kept(struct span model)
{
    return span_first(model, KEY_MODEL_BYTES - 1);
}

bool key_rests(const struct key_rest *rest, uint64_t now_ms)
{
    return faults[rest->why].quarantine || (rest->why != KEY_FINE && rest->until_ms > now_ms);
}

static const struct key_rest *rest_for(const struct key *key, struct span model,
                                       uint64_t now_ms)
{
    if (key_rests(&key->whole, now_ms))
        return &key->whole;
    for (size_t i = 0; i < KEY_RESTS_MAX && key->noted; i++)
        if (key_rests(&key->models[i], now_ms) && span_is(kept(model), key->models[i].model))
            return &key->models[i];
    return NULL;
}

static bool before(const struct key *key, const struct key *best)
{
    return best == NULL || key->turn < best->turn;
}

struct key *key_pool_choose(const struct key_pool *pool, struct span model, bool may_try,
                            uint64_t now_ms)
{
    struct key *ready = NULL;
    struct key *due = NULL;

    for (size_t i = 0; i < pool->count; i++) {
        struct key *key = &pool->keys[i];
        const struct key_rest *rest = rest_for(key, model, now_ms);

        if (rest == NULL && before(key, ready))
            ready = key;
        else if (rest && rest->until_ms <= now_ms && before(key, due))
            due = key;
    }
    return due && (may_try || ready == NULL) ? due : ready;
}

/* A trial runs: the next one is not due before its time. */
static void put_off(struct key_rest *rest, uint64_t now_ms)
{
    if (faults[rest->why].quarantine && rest->until_ms <= now_ms)
        rest->until_ms = now_ms + KEY_QUARANTINE_MS;
}

void key_pool_use(struct key_pool *pool, struct key *key, struct span model, uint64_t now_ms)
{
    assert(key >= pool->keys && key < pool->keys + pool->count);
    key->turn = ++pool->turn;
    key->uses++;
    put_off(&key->whole, now_ms);
    for (size_t i = 0; i < KEY_RESTS_MAX && key->noted; i++)
        if (span_is(kept(model), key->models[i].model))
            put_off(&key->models[i], now_ms);
}

uint64_t key_pool_free_ms(const struct key_pool *pool, struct span model, uint64_t now_ms)
{
    uint64_t soonest = 0;

    for (size_t i = 0; i < pool->count; i++) {
        const struct key_rest *rest = rest_for(&pool->keys[i], model, now_ms);

        if (rest == NULL || rest->until_ms <= now_ms)
            return now_ms;
        if (!faults[rest->why].quarantine && (soonest == 0 || rest->until_ms < soonest))
            soonest = rest->until_ms;
    }
    return soonest;
}

/* ---- learning ---- */

const struct key *key_pool_find(const struct key_pool *pool, uint64_t id)
{
    for (size_t i = 0; i < pool->count; i++)
        if (pool->keys[i].id == id)
            return &pool->keys[i];
    return NULL;
}

/* Where it is noted that the key is out for the model: where it was, else where it is missed least. */
static struct key_rest *place_for(struct key *key, struct span model)
{
    struct key_rest *best = &key->models[0];

    for (size_t i = 0; i < KEY_RESTS_MAX; i++) {
        struct key_rest *rest = &key->models[i];

        if (rest->why != KEY_FINE && span_is(kept(model), rest->model))
            return rest;
        if (rest->until_ms < best->until_ms)
            best = rest;
    }
    key->noted = true;
    *best = (struct key_rest){ 0 };
    memcpy(best->model, model.at, kept(model).size);
    return best;
}

static uint64_t time_for(enum key_fault fault, uint64_t for_ms)
{
    if (faults[fault].quarantine)
        return KEY_QUARANTINE_MS;
    return fault == KEY_SPENT ? KEY_SPENT_MS : for_ms;
}

bool key_pool_failed(struct key_pool *pool, uint64_t id, struct span model,
                     enum key_fault fault, uint64_t for_ms, uint64_t now_ms)
{
    const struct key *found = key_pool_find(pool, id);
    uint64_t until_ms = now_ms + time_for(fault, for_ms);
    struct key_rest *rest;
    struct key *key;
    bool news;

    if (found == NULL || until_ms == now_ms)
        return false;
    key = &pool->keys[found - pool->keys];
    rest = faults[fault].whole ? &key->whole : place_for(key, model);
    news = rest->why != fault || !key_rests(rest, now_ms);
    if (rest->why != fault || rest->until_ms < until_ms)
        rest->until_ms = until_ms;
    rest->why = fault;
    return news;
}

bool key_pool_worked(struct key_pool *pool, uint64_t id, struct span model)
{
    const struct key *found = key_pool_find(pool, id);
    bool ended = false;
    struct key *key;

    if (found == NULL)
        return false;
    key = &pool->keys[found - pool->keys];
    if (faults[key->whole.why].quarantine) {
        key->whole = (struct key_rest){ 0 };
        ended = true;
    }
    for (size_t i = 0; i < KEY_RESTS_MAX && key->noted; i++)
        if (faults[key->models[i].why].quarantine &&
            span_is(kept(model), key->models[i].model)) {
            key->models[i] = (struct key_rest){ 0 };
            ended = true;
        }
    return ended;
}
