#include "policy/auth.h"

#include "base/limits.h"

#include <string.h>

/* What is remembered: the digest of a key, and the key. A proxy may bring many clients over one
 * connection, so that the comparison must not say where two keys differ. */
static void hash_key(struct span key, struct buf *memory, struct digest *ret)
{
    struct span known = memory ? buf_span(memory) : (struct span){ 0 };

    if (known.size > DIGEST_BYTES && secret_bytes_equal(span_skip(known, DIGEST_BYTES), key)) {
        memcpy(ret->bytes, known.at, DIGEST_BYTES);
        return;
    }
    digest_sha256(key, ret);
    if (memory == NULL || key.size == 0)
        return;
    buf_wipe(memory);
    buf_grow(memory, DIGEST_BYTES + key.size);
    (void)buf_append(memory, ret->bytes, DIGEST_BYTES);
    (void)buf_add(memory, key);
}

bool auth_caller(const struct config *config, struct span key, uint64_t now_wall_ms,
                 struct buf *memory, struct caller *ret)
{
    const struct config_client_key *found = NULL;
    struct digest digest;

    if (config->client_key_count == 0) {
        *ret = (struct caller){ .name = "anonymous" };
        return true;
    }
    /* All of them, always: the time must not say which one it was. */
    hash_key(span_first(key, LIMIT_KEY_BYTES), memory, &digest);
    for (size_t i = 0; i < config->client_key_count; i++) {
        const struct config_client_key *candidate = &config->client_keys[i];
        bool current = candidate->expires_ms == 0 || now_wall_ms < candidate->expires_ms;

        if (digest_equal(&candidate->hash, &digest) & current)
            found = candidate;
    }
    if (found == NULL || key.size == 0 || key.size > LIMIT_KEY_BYTES)
        return false;
    *ret = (struct caller){ .key = found, .name = found->name, .admin = found->admin };
    digest_fingerprint(&digest, ret->fingerprint);
    return true;
}

bool auth_admin(const struct config *config, struct span key)
{
    struct digest given;
    bool found = false;

    digest_sha256(span_first(key, LIMIT_KEY_BYTES), &given);
    for (size_t i = 0; i < config->admin.keys.count; i++) {
        struct digest wanted;

        digest_sha256(secret_reveal(&config->admin.keys.items[i]), &wanted);
        found |= digest_equal(&given, &wanted) & (config->admin.keys.items[i].size > 0);
    }
    return found && key.size && key.size <= LIMIT_KEY_BYTES;
}

static bool matches(const char *pattern, struct span name)
{
    size_t size = strlen(pattern);

    if (size && pattern[size - 1] == '*')
        return span_equal(span_first(name, size - 1), span_make(pattern, size - 1));
    return span_is(name, pattern);
}

bool auth_allows(const struct caller *caller, struct span model)
{
    const struct config_strings *patterns = caller->key ? &caller->key->models : NULL;

    if (patterns == NULL || patterns->count == 0)
        return true;
    for (size_t i = 0; i < patterns->count; i++)
        if (matches(patterns->items[i], model))
            return true;
    return false;
}
