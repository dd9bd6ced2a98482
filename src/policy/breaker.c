#include "policy/breaker.h"

#include <assert.h>

const char *breaker_state_name(enum breaker_state state)
{
    switch (state) {
    case BREAKER_CLOSED: return "closed";
    case BREAKER_OPEN: return "open";
    case BREAKER_HALF_OPEN: return "half_open";
    }
    return "unknown";
}

static void trip(struct breaker *b, uint64_t now_ms)
{
    b->state = BREAKER_OPEN;
    b->opened_ms = now_ms;
    b->failures = 0;
    b->epoch++;
}

bool breaker_admits(const struct breaker *b, const struct breaker_rule *rule, uint64_t now_ms)
{
    if (!rule->enabled || b->state == BREAKER_CLOSED)
        return true;
    if (b->state == BREAKER_OPEN)
        return now_ms - b->opened_ms >= rule->open_ms;
    return b->running < rule->trials;
}

struct breaker_ticket breaker_enter(struct breaker *b, const struct breaker_rule *rule,
                                    uint64_t now_ms)
{
    struct breaker_ticket ticket = { BREAKER_REFUSED, b->epoch };

    assert(rule->failures_max > 0 && rule->trials > 0);
    if (!breaker_admits(b, rule, now_ms))
        return ticket;
    ticket.pass = BREAKER_NORMAL;
    if (!rule->enabled || b->state == BREAKER_CLOSED)
        return ticket;
    if (b->state == BREAKER_OPEN) {
        b->state = BREAKER_HALF_OPEN;
        b->running = 0;
        b->succeeded = 0;
    }
    b->running++;
    ticket.pass = BREAKER_TRIAL;
    return ticket;
}

static bool leave_trial(struct breaker *b, const struct breaker_rule *rule,
                        enum breaker_result result, uint64_t now_ms)
{
    assert(b->running > 0);
    b->running--;
    if (result == BREAKER_BAD) {
        trip(b, now_ms);
        return true;
    }
    if (result == BREAKER_UNKNOWN || ++b->succeeded < rule->trials)
        return false;
    b->state = BREAKER_CLOSED;
    b->failures = 0;
    return true;
}

bool breaker_leave(struct breaker *b, const struct breaker_rule *rule,
                   struct breaker_ticket ticket, enum breaker_result result, uint64_t now_ms)
{
    assert(ticket.pass != BREAKER_REFUSED);
    if (ticket.epoch != b->epoch)
        return false; /* a stream can outlive a trip by minutes; by then its news is old */
    if (ticket.pass == BREAKER_TRIAL)
        return b->state == BREAKER_HALF_OPEN && leave_trial(b, rule, result, now_ms);
    if (!rule->enabled || b->state != BREAKER_CLOSED || result == BREAKER_UNKNOWN)
        return false;
    b->failures = result == BREAKER_BAD ? b->failures + 1 : 0;
    if (b->failures < rule->failures_max)
        return false;
    trip(b, now_ms);
    return true;
}
