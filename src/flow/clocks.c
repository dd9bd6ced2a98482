#include "flow/clocks.h"

void clocks_start(struct clocks *clocks, enum clock_name name, uint64_t now_ms,
                  uint32_t after_ms)
{
    clocks->at_ms[name] = after_ms ? now_ms + after_ms : 0;
}

void clocks_stop(struct clocks *clocks, enum clock_name name)
{
    clocks->at_ms[name] = 0;
}

void clocks_stop_attempt(struct clocks *attempt)
{
    clocks_stop(attempt, CLOCK_CONNECT);
    clocks_stop(attempt, CLOCK_FIRST_BYTE);
    clocks_stop(attempt, CLOCK_IDLE);
    clocks_stop(attempt, CLOCK_HEDGE);
}

bool clocks_passed(const struct clocks *clocks, enum clock_name name, uint64_t now_ms)
{
    return clocks->at_ms[name] && clocks->at_ms[name] <= now_ms;
}

enum clock_name clocks_expired(const struct clocks *exchange, const struct clocks *attempt,
                               uint64_t now_ms)
{
    if (clocks_passed(exchange, CLOCK_TOTAL, now_ms))
        return CLOCK_TOTAL;
    for (enum clock_name name = CLOCK_CONNECT; name <= CLOCK_IDLE; name++)
        if (clocks_passed(attempt, name, now_ms))
            return name;
    return CLOCK_NONE;
}

uint64_t clocks_next(const struct clocks *exchange, const struct clocks *attempt)
{
    uint64_t next = 0;

    for (int name = CLOCK_CONNECT; name < CLOCKS; name++) {
        uint64_t at_ms = (name < CLOCK_TOTAL ? attempt : exchange)->at_ms[name];

        if (at_ms && (next == 0 || at_ms < next))
            next = at_ms;
    }
    return next;
}
