#include "policy/retry_budget.h"

enum { WHOLE = 1000000 };

/* Empties the slots of the seconds that have begun since the last look; returns that of now. */
static uint32_t slot_of(struct retry_budget *budget, uint64_t now_ms)
{
    uint64_t second = now_ms / 1000;
    uint64_t from = budget->second + 1;

    if (second > budget->second + RETRY_BUDGET_SLOTS)
        from = second - RETRY_BUDGET_SLOTS + 1;
    for (; from <= second; from++) {
        budget->requests[from % RETRY_BUDGET_SLOTS] = 0;
        budget->retries[from % RETRY_BUDGET_SLOTS] = 0;
    }
    if (second > budget->second)
        budget->second = second;
    return (uint32_t)(budget->second % RETRY_BUDGET_SLOTS);
}

static uint64_t sum(const uint32_t slots[RETRY_BUDGET_SLOTS])
{
    uint64_t total = 0;

    for (int i = 0; i < RETRY_BUDGET_SLOTS; i++)
        total += slots[i];
    return total;
}

void retry_budget_add(struct retry_budget *budget, uint64_t now_ms)
{
    budget->requests[slot_of(budget, now_ms)]++;
}

uint64_t retry_budget_left(struct retry_budget *budget, uint32_t share, uint64_t now_ms)
{
    uint64_t least = (uint64_t)RETRY_BUDGET_FLOOR * RETRY_BUDGET_SLOTS;
    uint64_t allowed;
    uint64_t taken;

    if (share == 0)
        return UINT64_MAX;
    (void)slot_of(budget, now_ms);
    allowed = sum(budget->requests) * share / WHOLE;
    allowed = allowed > least ? allowed : least;
    taken = sum(budget->retries);
    return allowed > taken ? allowed - taken : 0;
}

bool retry_budget_allows(struct retry_budget *budget, uint32_t share, uint64_t now_ms)
{
    return retry_budget_left(budget, share, now_ms) > 0;
}

void retry_budget_take(struct retry_budget *budget, uint64_t now_ms)
{
    budget->retries[slot_of(budget, now_ms)]++;
}
