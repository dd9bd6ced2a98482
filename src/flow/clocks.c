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

void clocks_stop_attempt(struct clocks *clocks)
{
    clocks_stop(clocks, CLOCK_CONNECT);
    clocks_stop(clocks, CLOCK_FIRST_BYTE);
    clocks_stop(clocks, CLOCK_IDLE);
}

bool clocks_passed(const struct clocks *clocks, enum clock_name name, uint64_t now_ms)
{
    return clocks->at_ms[name] && clocks->at_ms[name] <= now_ms;
}

enum clock_name clocks_expired(const struct clocks *clocks, uint64_t now_ms)
{
    static const enum clock_name order[] = { CLOCK_TOTAL, CLOCK_CONNECT, CLOCK_FIRST_BYTE,
                                             CLOCK_IDLE };

    for (unsigned i = 0; i < sizeof(order) / sizeof(order[0]); i++)
        if (clocks_passed(clocks, order[i], now_ms))
            return order[i];
    return CLOCK_NONE;
}

uint64_t clocks_next(const struct clocks *clocks)
{
    uint64_t next = 0;

    for (int name = 0; name < CLOCKS; name++)
        if (clocks->at_ms[name] && (next == 0 || clocks->at_ms[name] < next))
            next = clocks->at_ms[name];
    return next;
}
