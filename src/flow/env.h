/* env: what every exchange borrows. Made once, by the composition root in ops/. */
#ifndef FLOW_ENV_H
#define FLOW_ENV_H

#include "base/buf.h"
#include "base/list.h"
#include "base/map.h"
#include "base/metrics.h"
#include "config/config.h"
#include "flow/counters.h"
#include "flow/events.h"
#include "flow/ledger.h"
#include "flow/slots.h"
#include "policy/hedge.h"
#include "policy/key_pools.h"
#include "policy/limits.h"
#include "policy/model.h"
#include "policy/retry_budget.h"
#include "policy/sides.h"
#include "policy/switches.h"
#include "policy/target.h"

#include <stdbool.h>
#include <stdint.h>

struct fetch_origin;
struct fetch_pool;
struct loop;

enum { ENV_PLACES = 64 };

/* Where a target of a snapshot is asked for an endpoint. */
struct known_place {
    uint64_t generation; /* of the snapshot: an address may come again */
    const struct config_target *target;
    const struct endpoint *endpoint;
    struct fetch_origin *origin;
};

struct env {
    struct loop *loop;
    struct fetch_pool *fetches;
    struct config *config;       /* the one in force; an exchange takes its own reference */
    const char *demo_url;        /* base URL of the built-in provider; NULL: not running */
    struct targets targets;      /* what is known of each target */
    struct switches switches;    /* and of each model */
    struct hedges hedges;        /* what is known of each model that is hedged */
    struct models models;        /* of each listed model */
    struct sides sides;          /* the rollout of each model */
    struct ledger ledger;        /* what attempts came to, over the last day */
    struct limits limits;        /* what callers and models have used */
    struct retry_budget retries; /* what all requests together may still try again */
    struct key_pools key_pools;  /* the keys of each provider, and what is known of them */
    struct map origins;          /* struct fetch_origin by everything that it depends on */
    struct known_place places[ENV_PLACES]; /* those that were asked for last */
    struct metrics *metrics;
    struct counters counters[COUNTERS + 1]; /* the last is for those that are not kept */
    struct events events;
    uint64_t random;
    struct list exchanges; /* all that live */
    struct list spare;     /* memory of some that have ended, for the next */
    unsigned spare_count;
    struct slots slots; /* who is being served, and who waits to be */
    uint32_t streams;
    bool draining;      /* answer with Connection: close */
    struct buf scratch; /* for building a head or an error; nobody keeps it over a call */
};

void env_init(struct env *env, struct loop *loop, struct fetch_pool *fetches);
void env_done(struct env *env); /* no exchange may live */

/* Where a provider's endpoint is, in that region (NULL: it has none), for a model of that name there
 * (at == NULL: for none). Lends an origin; NULL: its URL cannot be used, or there are too many. */
struct fetch_origin *env_origin(struct env *env, const struct config_provider *provider,
                                const struct config_region *region,
                                const struct endpoint *endpoint, struct span model);

#endif
