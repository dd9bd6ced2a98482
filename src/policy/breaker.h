/* breaker: stops sending to a target that keeps failing, then lets a few trial requests through
 * until enough of them have succeeded.
 *
 *     CLOSED --- failures_max in a row ---> OPEN --- after open_ms, next enter ---> HALF_OPEN
 *        ^                                    ^                                      |   |
 *        |                                    +---------- a trial fails -------------+   |
 *        +---------------------- `trials` trials have succeeded -------------------------+
 *
 * A last resort, for a request that nobody else can serve: one early trial every BREAKER_EARLY_MS while
 * it is OPEN. A failed one begins its time anew, one that succeeds is the first success of HALF_OPEN. So
 * the end of an outage is noticed within about a second, and the outage is not made worse.
 *
 * Plain data: no pointers, no clock, no locks. Time comes in as now_ms, so a test can live through
 * hours at once. Embed it by value; all zero is a valid start (closed). */
#ifndef POLICY_BREAKER_H
#define POLICY_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

enum { BREAKER_EARLY_MS = 1000 }; /* between two early trials */

enum breaker_state { BREAKER_CLOSED, BREAKER_OPEN, BREAKER_HALF_OPEN };

const char *breaker_state_name(enum breaker_state state); /* "half_open" */

/* What breaker_enter() answers. Not BREAKER_REFUSED: hand it back to breaker_leave(), once. */
enum breaker_pass { BREAKER_REFUSED, BREAKER_NORMAL, BREAKER_TRIAL };

enum breaker_result {
    BREAKER_GOOD,
    BREAKER_BAD,
    BREAKER_UNKNOWN, /* says nothing of the target: the client left, or erred itself */
};

struct breaker_rule {
    bool enabled;
    uint32_t failures_max; /* in a row; at least 1 */
    uint32_t open_ms;
    uint32_t trials; /* at once, and to succeed; at least 1 */
};

struct breaker {
    enum breaker_state state;
    uint32_t failures;  /* in a row, while closed */
    uint32_t running;   /* trials that have not left yet */
    uint32_t succeeded; /* trials that went well */
    uint32_t epoch;     /* one more with each trip: an old trial is not one of these */
    uint64_t opened_ms;
    uint64_t early_ms; /* of the last early trial */
};

/* A pass and the epoch it is of. */
struct breaker_ticket {
    enum breaker_pass pass;
    uint32_t epoch;
};

/* Would a request be let in now? Changes nothing: for planning and for the admin view. */
bool breaker_admits(const struct breaker *b, const struct breaker_rule *rule, uint64_t now_ms);

struct breaker_ticket breaker_enter(struct breaker *b, const struct breaker_rule *rule,
                                    uint64_t now_ms);

/* The same for a request that nobody else can serve. */
bool breaker_admits_early(const struct breaker *b, const struct breaker_rule *rule,
                          uint64_t now_ms);
struct breaker_ticket breaker_enter_early(struct breaker *b, const struct breaker_rule *rule,
                                          uint64_t now_ms);

/* True when this changed the state. */
bool breaker_leave(struct breaker *b, const struct breaker_rule *rule,
                   struct breaker_ticket ticket, enum breaker_result result, uint64_t now_ms);

#endif
