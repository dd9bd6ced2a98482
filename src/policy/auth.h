/* auth: who is asking, and what may they have?
 *
 * A client's key is hashed and compared with every configured hash in constant time; which of them
 * exist, are expired or are disabled cannot be told from the answer or from its timing. */
#ifndef POLICY_AUTH_H
#define POLICY_AUTH_H

#include "base/buf.h"
#include "config/config.h"

#include <stdbool.h>
#include <stdint.h>

/* A caller: a configured key, or `anonymous` where no keys are configured. */
struct caller {
    const struct config_client_key *key; /* NULL: anonymous */
    const char *name;
    char fingerprint[DIGEST_FINGERPRINT_SIZE]; /* of the key; empty for anonymous */
    bool admin;
};

/* False: no or a wrong or an expired key. `key` may be empty. `memory` (NULL: none) lives as long as the
 * client's connection, takes LIMIT_MEMORY_BYTES, and is for this function alone: mostly the next request
 * shows the same key, and need not hash it again. */
bool auth_caller(const struct config *config, struct span key, uint64_t now_wall_ms,
                 struct buf *memory, struct caller *ret);

/* Is it one of the admin keys? */
bool auth_admin(const struct config *config, struct span key);

/* May this caller use a model of that name? Patterns: exact, or with a `*` at the end. */
bool auth_allows(const struct caller *caller, struct span model);

#endif
