/* meters: the table of everything that is counted, and the names of its rows. A new metric is a row in
 * meters.c and a name here. */
#ifndef FLOW_METERS_H
#define FLOW_METERS_H

#include "base/metrics.h"

enum meter {
    METER_REQUEST_DURATION,
    METER_TIME_TO_FIRST_TOKEN,
    METER_TIME_PER_TOKEN,
    METER_TOKEN_USAGE,
    METER_REQUESTS,
    METER_ATTEMPTS,
    METER_FALLBACKS,
    METER_HEDGES,
    METER_CANCELLED,
    METER_OVERHEAD,
    METER_TARGET_WEIGHT,
    METER_TARGET_HEALTH,
    METER_BREAKER_STATE,
    METER_SPLIT_WEIGHT,
    METER_SWITCHED,
    METER_SWITCHES,
    METER_EVENTS,
    METER_ALERTS,
    METER_KEYS,
    METER_KEY_FAULTS,
    METER_WEBHOOKS,
    METER_WEBHOOKS_WAITING,
    METER_RATE_LIMITED,
    METER_COST,
    METER_TOKENS,
    METER_ESTIMATED,
    METER_UNPRICED,
    METER_IN_FLIGHT,
    METER_QUEUE_DEPTH,
    METER_SHED,
    METER_TARGET_BUSY,
    METER_RETRY_BUDGET_LEFT,
    METER_STREAMS,
    METER_CONNECTIONS,
    METER_MALFORMED_EVENTS,
    METER_HTTP_REFUSED,
    METER_LOOP_UTILISATION,
    METER_LOG_DROPPED,
    METER_CONFIG_GENERATION,
    METER_CONFIG_RELOAD_FAILED,
    METER_ROLLOUT_PHASE,
    METER_BUILD_INFO,
    METERS,
};

extern const struct metric meters[METERS];

/* The series of a metric without labels. */
struct series *meter(struct metrics *metrics, enum meter id);

#endif
