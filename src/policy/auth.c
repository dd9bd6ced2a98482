#include "policy/auth.h"

#include "base/limits.h"

#include <string.h>

bool auth_caller(const struct config *config, struct span key, uint64_t now_wall_ms,
                 struct caller *ret)
{
    const struct config_client_key *found = NULL;
    char hex[DIGEST_HEX_SIZE];
    struct digest digest;

    if (config->client_key_count == 0) {
        *ret = (struct caller){ .name = "anonymous" };
        return true;
    }
    /* All of them, always: the time must not say which one it was. */
    digest_sha256(span_first(key, LIMIT_KEY_BYTES), &digest);
    for (size_t i = 0; i < config->client_key_count; i++) {
        const struct config_client_key *candidate = &config->client_keys[i];
        bool current = candidate->expires_ms == 0 || now_wall_ms < candidate->expires_ms;

        if (digest_equal(&candidate->hash, &digest) & current)
            found = candidate;
    }
    if (found == NULL || key.size == 0 || key.size > LIMIT_KEY_BYTES)
        return false;
    *ret = (struct caller){ .key = found, .name = found->name, .admin = found->admin };
    digest_hex(&digest, hex);
    memcpy(ret->fingerprint, hex, sizeof(ret->fingerprint) - 1);
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
