/* clocks: the deadlines of one exchange, each a time at which something must have happened.
 *
 * Plain values: the steps set and clear them, one function says which has passed, one which is next,
 * so that an exchange needs a single alarm. Times are the loop's, in milliseconds; 0: not running. */
#ifndef FLOW_CLOCKS_H
#define FLOW_CLOCKS_H

#include <stdbool.h>
#include <stdint.h>

enum clock_name {
    CLOCK_NONE,
    CLOCK_CONNECT,    /* name, TCP and TLS of this attempt */
    CLOCK_FIRST_BYTE, /* this attempt's first content event */
    CLOCK_IDLE,       /* the next byte of this attempt */
    CLOCK_TOTAL,      /* the whole request, with all attempts */
    CLOCK_COMMENT,    /* a sign of life for the client */
    CLOCK_BACKOFF,    /* the next attempt may begin */
    CLOCK_LINGER,     /* an upstream that has said everything may still end its answer */
    CLOCKS,
};

struct clocks {
    uint64_t at_ms[CLOCKS];
};

/* Starts one: `after_ms` from now, or not at all when 0. */
void clocks_start(struct clocks *clocks, enum clock_name name, uint64_t now_ms,
                  uint32_t after_ms);
void clocks_stop(struct clocks *clocks, enum clock_name name);

/* Stops those that belong to an attempt. */
void clocks_stop_attempt(struct clocks *clocks);

bool clocks_passed(const struct clocks *clocks, enum clock_name name, uint64_t now_ms);

/* The one of CONNECT, FIRST_BYTE, IDLE, TOTAL that has passed, TOTAL before the others. */
enum clock_name clocks_expired(const struct clocks *clocks, uint64_t now_ms);

/* The earliest of all; 0: none runs. */
uint64_t clocks_next(const struct clocks *clocks);

#endif
