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
    b->running = 0;
    b->succeeded = 0;
    b->epoch++;
}

bool breaker_admits(const struct breaker *b, const struct breaker_rule *rule, uint64_t now_ms)
{
    if (!rule->enabled || b->state == BREAKER_CLOSED)
        return true;
    if (b->state == BREAKER_OPEN && now_ms - b->opened_ms < rule->open_ms)
        return false;
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
    b->state = BREAKER_HALF_OPEN;
    b->running++; /* an early trial may run still */
    ticket.pass = BREAKER_TRIAL;
    return ticket;
}

bool breaker_admits_early(const struct breaker *b, const struct breaker_rule *rule,
                          uint64_t now_ms)
{
    if (breaker_admits(b, rule, now_ms))
        return true;
    return b->state == BREAKER_OPEN && b->running < rule->trials &&
           now_ms - b->opened_ms >= BREAKER_EARLY_MS &&
           now_ms - b->early_ms >= BREAKER_EARLY_MS;
}

struct breaker_ticket breaker_enter_early(struct breaker *b, const struct breaker_rule *rule,
                                          uint64_t now_ms)
{
    struct breaker_ticket ticket = breaker_enter(b, rule, now_ms);

    if (ticket.pass != BREAKER_REFUSED || !breaker_admits_early(b, rule, now_ms))
        return ticket;
    b->early_ms = now_ms;
    b->running++;
    ticket.pass = BREAKER_TRIAL;
    return ticket;
}

static bool leave_trial(struct breaker *b, const struct breaker_rule *rule,
                        enum breaker_result result, uint64_t now_ms)
{
    enum breaker_state before = b->state;

    assert(b->running > 0);
    b->running--;
    if (result == BREAKER_BAD)
        trip(b, now_ms);
    else if (result == BREAKER_GOOD) {
        b->succeeded++;
        b->state = b->succeeded < rule->trials ? BREAKER_HALF_OPEN : BREAKER_CLOSED;
    }
    return b->state != before;
}

bool breaker_leave(struct breaker *b, const struct breaker_rule *rule,
                   struct breaker_ticket ticket, enum breaker_result result, uint64_t now_ms)
{
    assert(ticket.pass != BREAKER_REFUSED);
    if (ticket.epoch != b->epoch)
        return false; /* a stream can outlive a trip by minutes; by then its news is old */
    if (ticket.pass == BREAKER_TRIAL)
        return b->state != BREAKER_CLOSED && leave_trial(b, rule, result, now_ms);
    if (!rule->enabled || b->state != BREAKER_CLOSED || result == BREAKER_UNKNOWN)
        return false;
    b->failures = result == BREAKER_BAD ? b->failures + 1 : 0;
    if (b->failures < rule->failures_max)
        return false;
    trip(b, now_ms);
    return true;
}
