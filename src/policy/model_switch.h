/* model_switch: when the models that stand in for one go first, and when it comes back.
 *
 *               rate below the threshold              `recover` without a failure, and a success
 *     HOME ---------------------------------> AWAY -----------------------------> RETURNING --+
 *      ^ |                                     ^                                   |          |
 *      | |                                     +------ rate below the threshold ---+          |
 *      | |                                                                                    |
 *      | +--the same, but it may not--> ADVISED --rate fine for `recover`--+                  |
 *      +-------------------------------------------------------------------+--- slow start ---+
 *
 * What is judged is attempts at all targets of the model, over a window, once there are enough of
 * them; nothing is fine. While it is away it gets one request in a hundred, and probes: a failure of
 * either begins the wait anew. A model that has to leave again before it was fine for a whole window
 * waits twice as long the next time, up to sixteen times: one that flaps is mostly left alone.
 *
 * Plain data: no pointers, no clock. All zero is a valid start (at home). */
#ifndef POLICY_MODEL_SWITCH_H
#define POLICY_MODEL_SWITCH_H

#include "policy/window.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    SWITCH_WHOLE = 1000,    /* shares are per mille */
    SWITCH_TRIAL = 10,      /* of the requests while it is away */
    SWITCH_RETURN = 100,    /* where the slow start begins */
    SWITCH_STRIKES_MAX = 4, /* doublings of the wait */
};

enum model_switch_state { SWITCH_HOME, SWITCH_AWAY, SWITCH_RETURNING, SWITCH_ADVISED };

const char *model_switch_state_name(enum model_switch_state state); /* "away" */

struct model_switch_rule {
    uint32_t window_ms;
    uint32_t min_requests;
    uint32_t success_threshold; /* millionths */
    uint32_t recover_ms;
    uint32_t slow_start_ms; /* 0: at once */
    bool automatic;         /* false: only advise; it is off, or nobody can stand in */
};

/* What a change was decided on. */
struct model_switch_figures {
    uint32_t good;
    uint32_t bad;
};

struct model_switch {
    enum model_switch_state state;
    struct window window;                /* begun anew with each change */
    uint64_t since_ms;                   /* of the state */
    uint64_t calm_ms;                    /* since when nothing spoke against it */
    uint32_t calm_good;                  /* successes since then */
    uint32_t strikes;                    /* relapses in a row */
    uint64_t returned_ms;                /* when it last came back; 0: never */
    const char *why;                     /* the last change, a clause; NULL: there was none */
    struct model_switch_figures figures; /* of that change */
};

enum switch_fact {
    SWITCH_GOOD_ATTEMPT,
    SWITCH_BAD_ATTEMPT,
    SWITCH_BAD_TRIAL, /* of one target's breaker, while another stands: says little of the model */
    SWITCH_GOOD_PROBE,
    SWITCH_BAD_PROBE,
    SWITCH_TIME, /* has passed */
};

/* True: it has left, come back, or the advice to do so has changed: tell it. The end of a slow start is
 * none of these. */
bool model_switch_learn(struct model_switch *s, const struct model_switch_rule *rule,
                        enum switch_fact fact, uint64_t now_ms);

/* The share of the requests for which the model itself goes first. */
uint32_t model_switch_share(const struct model_switch *s, const struct model_switch_rule *rule,
                            uint64_t now_ms);

/* How long it still has to be without a failure before its next success brings it back; 0 also when it is
 * not away. */
uint64_t model_switch_wait_ms(const struct model_switch *s,
                              const struct model_switch_rule *rule, uint64_t now_ms);

/* Per mille; nothing is fine. */
uint32_t model_switch_rate(uint32_t good, uint32_t bad);

#endif
