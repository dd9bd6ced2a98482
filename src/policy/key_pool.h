/* key_pool: the keys of one provider, used in turn, and what is known of each.
 *
 *     usable ---401: refused, 403: forbidden---> quarantined --after KEY_QUARANTINE_MS, one trial--+
 *       | ^                                           ^                                            |
 *       | |                                           +---------------- still not -----------------+
 *       | +---------------------------------------------------------------- works -----------------+
 *       +---insufficient quota, 429 with a time---> cooling --when that is over--> usable
 *
 * A key that the provider does not know (401), or that is out of money, is out for all models. One
 * that may not do this (403), or that is over a limit, is out for that model alone, because rights and
 * limits are given by model.
 *
 * Plain data but for the secrets; time comes in as now_ms. All zero is an empty pool. */
#ifndef POLICY_KEY_POOL_H
#define POLICY_KEY_POOL_H

#include "base/digest.h"
#include "base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    KEY_QUARANTINE_MS = 5 * 60 * 1000, /* between two trials of a key that was refused */
    KEY_SPENT_MS = 5 * 60 * 1000,      /* until one without money is asked again */
    KEY_RESTS_MAX = 8,                 /* models that one key may be out for at a time */
    KEY_MODEL_BYTES = 64,              /* of a model's name, as it is kept here */
};

enum key_fault {
    KEY_FINE,
    KEY_REFUSED,   /* 401: the provider does not know it */
    KEY_FORBIDDEN, /* 403: it may not do this */
    KEY_SPENT,     /* insufficient quota */
    KEY_LIMITED,   /* 429, for the time told */
    KEY_FAULTS,
};

const char *key_fault_name(enum key_fault fault);  /* "refused" */
const char *key_fault_state(enum key_fault fault); /* "usable", "cooling" or "quarantined" */

/* Why it is out, and until when: then it is free again, or, quarantined, due for a trial. */
struct key_rest {
    enum key_fault why;          /* KEY_FINE: it is not out */
    char model[KEY_MODEL_BYTES]; /* as the provider calls it; "": all of them */
    uint64_t until_ms;
};

struct key {
    uint64_t id; /* never that of another key in this pool, also of an earlier one */
    struct secret secret;
    char fingerprint[DIGEST_FINGERPRINT_SIZE]; /* all that is ever shown of it */
    uint64_t turn;                             /* of its last use */
    uint64_t uses;
    struct key_rest whole;
    struct key_rest models[KEY_RESTS_MAX];
    bool noted; /* there was something to note in `models` once: mostly there never is */
};

struct key_pool {
    struct key *keys;
    size_t count; /* a provider that wants no key has one without a secret */
    uint64_t turn;
    uint64_t last_id;
};

void key_pool_done(struct key_pool *pool);

/* Other keys; twice the same counts once. Of a key that stays it is forgotten that it was refused or out of
 * money: somebody has just said that it is good. Its limits last. None at all make one without a secret. */
void key_pool_set(struct key_pool *pool, const struct span *secrets, size_t count);

/* The key for the next attempt at that model: the one that was used least recently; before it, when
 * `may_try`, one that is due for a trial. Without any that is free, one that is due all the same. NULL:
 * none. Changes nothing. */
struct key *key_pool_choose(const struct key_pool *pool, struct span model, bool may_try,
                            uint64_t now_ms);

/* It was chosen, and an attempt begins. */
void key_pool_use(struct key_pool *pool, struct key *key, struct span model, uint64_t now_ms);

/* The attempt failed because of its key. `for_ms`: the time told, of KEY_LIMITED. True when this is news. A
 * key that is not in the pool any more is no news. */
bool key_pool_failed(struct key_pool *pool, uint64_t id, struct span model,
                     enum key_fault fault, uint64_t for_ms, uint64_t now_ms);

/* It went well. True when that ends a quarantine. */
bool key_pool_worked(struct key_pool *pool, uint64_t id, struct span model);

/* When a key will be free for that model: now_ms when one is, 0 when all are quarantined. */
uint64_t key_pool_free_ms(const struct key_pool *pool, struct span model, uint64_t now_ms);

/* The key of that id, or NULL. */
const struct key *key_pool_find(const struct key_pool *pool, uint64_t id);

/* Is this rest one at all, now? */
bool key_rests(const struct key_rest *rest, uint64_t now_ms);

#endif
