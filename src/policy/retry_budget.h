/* retry_budget: lets retries be a share of the requests, so that an outage is not amplified.
 *
 *     requests   200 200 200 200 …  the last ten seconds and the one that runs, one slot each
 *     retries    200 200  40   0 …  in all at most the share of them, but as much as the floor
 *
 * Plain data, without a clock: time comes in as now_ms. All zero is a valid start. */
#ifndef POLICY_RETRY_BUDGET_H
#define POLICY_RETRY_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

enum {
    RETRY_BUDGET_SLOTS = 11, /* ten whole seconds and the one that runs: never less than ten */
    RETRY_BUDGET_FLOOR = 10, /* a second, over the whole of that time */
};

struct retry_budget {
    uint64_t second; /* that of the newest slot */
    uint32_t requests[RETRY_BUDGET_SLOTS];
    uint32_t retries[RETRY_BUDGET_SLOTS];
};

/* A request makes its first attempt. */
void retry_budget_add(struct retry_budget *budget, uint64_t now_ms);

/* May one make another? Not when the share, in millionths, is used up. A share of 0 is no limit. */
bool retry_budget_allows(struct retry_budget *budget, uint32_t share, uint64_t now_ms);

/* How many may, before the share is used up. UINT64_MAX: no end. */
uint64_t retry_budget_left(struct retry_budget *budget, uint32_t share, uint64_t now_ms);

/* It does. */
void retry_budget_take(struct retry_budget *budget, uint64_t now_ms);

#endif
