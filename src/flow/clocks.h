/* clocks: the deadlines of one exchange, each a time at which something must have happened. Each of its
 * attempts has its own three.
 *
 * Plain values: the steps set and clear them, one function says which has passed, one which is next,
 * so that an exchange needs a single alarm. Times are the loop's, in milliseconds; 0: not running. */
#ifndef FLOW_CLOCKS_H
#define FLOW_CLOCKS_H

#include <stdbool.h>
#include <stdint.h>

enum clock_name {
    CLOCK_NONE,
    CLOCK_CONNECT,    /* of an attempt: name, TCP and TLS */
    CLOCK_FIRST_BYTE, /* of an attempt: its first content event */
    CLOCK_IDLE,       /* of an attempt: its next byte */
    CLOCK_HEDGE,      /* of an attempt: another may be made beside it */
    CLOCK_TOTAL, /* of the exchange, as all that follow: the whole request, with all attempts */
    CLOCK_COMMENT, /* a sign of life for the client */
    CLOCK_BACKOFF, /* the next attempt may begin */
    CLOCK_QUEUE,   /* it has waited long enough for its turn */
    CLOCK_LINGER,  /* an upstream that has said everything may still end its answer */
    CLOCKS,
};

struct clocks {
    uint64_t at_ms[CLOCKS];
};

/* Starts one: `after_ms` from now, or not at all when 0. */
void clocks_start(struct clocks *clocks, enum clock_name name, uint64_t now_ms,
                  uint32_t after_ms);
void clocks_stop(struct clocks *clocks, enum clock_name name);

/* Stops those of an attempt. */
void clocks_stop_attempt(struct clocks *attempt);

bool clocks_passed(const struct clocks *clocks, enum clock_name name, uint64_t now_ms);

/* The one of TOTAL, CONNECT, FIRST_BYTE, IDLE that has passed, TOTAL before the others. */
enum clock_name clocks_expired(const struct clocks *exchange, const struct clocks *attempt,
                               uint64_t now_ms);

/* The earliest of all of the exchange and of its attempt; 0: none runs. */
uint64_t clocks_next(const struct clocks *exchange, const struct clocks *attempt);

#endif
