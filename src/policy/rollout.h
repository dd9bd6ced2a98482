/* rollout: hands a model over from blue to green, phase by phase, for stated reasons alone.
 *
 *                         .-- promote --.
 *             start       |             v          the last phase has met its criteria, too
 *     IDLE ---------> RUNNING: phase 1, 2 … n ---------------------------------> FINISHED
 *                      |  ^   ^             |                                       |
 *                pause |  |   '-- rollback -'  to: previous, but not from phase 1   |
 *                      v  | resume                                                  | by hand
 *                     PAUSED                                                        v
 *                      |'--------- rollback, to: zero, by hand, from phase 1 --> ROLLED_BACK
 *                      '---------- abort: the share stays as it is ------------> ABORTED
 *
 * Every `check_every` the figures of both sides are judged. Rollback comes first: green has no usable
 * target, whatever the number of requests; or enough recent requests and too many errors, or too slow
 * a mean. Then promotion: each of four criteria must be met, and what is not is a reason to hold. Too
 * few requests hold: nothing is decided on a guess. The windows begin anew with each phase.
 *
 * A paused rollout is not promoted by itself, but still watched, because green still gets its share;
 * its time goes on. A gradual one is the same machine: its phases are equal steps, each after a
 * canary test that the caller makes (ROLLOUT_TEST), and any error takes it back to zero.
 *
 * A rollout keeps the rule that it was started with, so a reload moves nobody from phase to phase.
 * Plain data: no pointers, no clock. All zero is a valid start (idle). Times are wall-clock, because
 * the state outlives the process. To make a change durable before it is in force, let the change
 * happen to a copy, write that, and assign it. */
#ifndef POLICY_ROLLOUT_H
#define POLICY_ROLLOUT_H

#include "base/buf.h"
#include "base/limits.h"
#include "config/config.h"

#include <stdbool.h>
#include <stdint.h>

enum { ROLLOUT_NAME_SIZE = 65, ROLLOUT_REASONS_MAX = 6 };

enum {
    ROLLOUT_BASE_MIN = 20,           /* so many answers of blue's make a mean to compare with */
    ROLLOUT_TEST_MS = 120000,        /* a canary test without a result is asked for again */
    ROLLOUT_GRADUAL_CHECK_MS = 1000, /* "any error" is seen within a second */
};

/* ---- the rule ---- */

struct rollout_phase {
    char name[ROLLOUT_NAME_SIZE];
    uint32_t green; /* percent */
    uint32_t at_least_ms;
};

struct rollout_promote {
    uint32_t min_requests; /* of green's */
    uint32_t window_ms;
    uint32_t max_error_rate; /* millionths */
    uint32_t
        max_latency_increase; /* millionths of blue's mean; ROLLOUT_ANY_LATENCY: not judged */
};

#define ROLLOUT_ANY_LATENCY UINT32_MAX

struct rollout_rollback {
    uint32_t window_ms;
    uint32_t min_requests; /* of green's */
    uint32_t error_rate;   /* millionths; above it */
    uint32_t latency_ms;   /* of the mean; above it; 0: any will do */
    uint32_t to;           /* enum config_rollback_to */
};

struct rollout_rule {
    uint32_t strategy; /* enum config_strategy */
    uint32_t check_every_ms;
    uint32_t phase_count;
    struct rollout_phase phases[LIMIT_ROLLOUT_PHASES]; /* of a staged one */
    uint32_t target;                                   /* of a gradual one: percent, */
    uint32_t step_ms;                                  /* reached in equal steps */
    struct rollout_promote promote;
    struct rollout_rollback rollback;
};

/* The rules that a configuration describes, whichever of them it chooses. */
void rollout_rule_staged(struct rollout_rule *rule, const struct config_rollout *config);
void rollout_rule_gradual(struct rollout_rule *rule, const struct config_rollout *config);

/* What is wrong with a rule, in words for whoever asked for it; NULL: nothing. */
const char *rollout_rule_problem(const struct rollout_rule *rule);

/* Phase 1, 2 … phase_count. */
struct rollout_phase rollout_phase(const struct rollout_rule *rule, uint32_t phase);

/* ---- the state ---- */

enum rollout_state {
    ROLLOUT_IDLE,
    ROLLOUT_RUNNING,
    ROLLOUT_PAUSED,
    ROLLOUT_FINISHED,
    ROLLOUT_ROLLED_BACK,
    ROLLOUT_ABORTED,
};

const char *rollout_state_name(enum rollout_state state); /* "rolled_back" */

struct rollout {
    enum rollout_state state;
    uint32_t phase; /* 1, 2 …; 0: before the first, or back from it */
    uint32_t green; /* percent: the split, from each verdict that changes it on */
    uint64_t started_ms;
    uint64_t phase_ms; /* when this phase began; when it ended, once it has */
    uint64_t check_ms; /* when to look again */
    uint64_t test_ms;  /* when the canary test was asked for */
    uint32_t test;     /* its number, which grows; 0: none was asked for yet */
    bool testing;      /* its result has not come yet */
    uint64_t base_us;  /* blue's last known mean; 0: none yet */
    struct rollout_rule rule;
};

static inline bool rollout_active(const struct rollout *r)
{
    return r->state == ROLLOUT_RUNNING || r->state == ROLLOUT_PAUSED;
}

/* Whether a state that was read from somewhere can be one of ours. */
bool rollout_valid(const struct rollout *r);

/* ---- what it judges ---- */

/* Attempts; neither those that failed by the client's own fault nor those that it gave up. */
struct rollout_side {
    uint64_t requests;
    uint64_t errors;
    uint64_t timed;   /* answers whose latency was measured */
    uint64_t mean_us; /* of those */
};

/* Each since rollout_since() of its window. */
struct rollout_figures {
    struct rollout_side green;  /* in the window of `promote` */
    struct rollout_side blue;   /* likewise */
    struct rollout_side recent; /* green, in the window of `rollback` */
    bool green_usable;          /* one of its targets could serve now */
};

/* The beginning of a window that reaches back to the beginning of the phase at most. */
uint64_t rollout_since(const struct rollout *r, uint32_t window_ms, uint64_t now_ms);

/* ---- what it says ---- */

enum rollout_step {
    ROLLOUT_NOTHING, /* there is no rollout to judge */
    ROLLOUT_HOLD,
    ROLLOUT_TEST, /* make a canary test, then rollout_tested() */
    ROLLOUT_PROMOTE,
    ROLLOUT_ROLLBACK,
    ROLLOUT_FINISH,
};

enum rollout_why {
    /* criteria; met, or a reason to hold */
    ROLLOUT_REQUESTS,   /* is, limit */
    ROLLOUT_DURATION,   /* is, limit: milliseconds */
    ROLLOUT_ERROR_RATE, /* is, limit: millionths */
    ROLLOUT_LATENCY,    /* is: microseconds; base: blue's; limit: millionths above it */
    ROLLOUT_BASE,       /* is, limit: blue's answers, too few to compare with */
    ROLLOUT_ON_PAUSE,
    ROLLOUT_AWAITS_TEST,

    /* reasons to roll back */
    ROLLOUT_NO_TARGET,
    ROLLOUT_ERRORS, /* is, limit: millionths; base: of so many requests */
    ROLLOUT_SLOW,   /* is, limit: microseconds */
    ROLLOUT_TEST_FAILED,

    ROLLOUT_BY_HAND, /* a reason for anything */
};

struct rollout_reason {
    enum rollout_why why;
    bool met; /* a criterion that does not hold it */
    uint64_t is;
    uint64_t limit;
    uint64_t base;
};

/* What was decided, on which figures. The state has changed accordingly. */
struct rollout_verdict {
    enum rollout_step step;
    uint32_t from_phase;
    uint32_t to_phase;
    uint32_t from_green;
    uint32_t to_green;
    uint32_t test; /* ROLLOUT_TEST: its number */
    uint32_t reason_count;
    struct rollout_reason reasons[ROLLOUT_REASONS_MAX];
    struct rollout_figures figures;
};

/* "too few requests: 37 of 100" */
void rollout_reason_text(const struct rollout_reason *reason, struct buf *out);

/* The reasons that decided it, one behind the other: what holds it; what all was met. */
void rollout_verdict_text(const struct rollout_verdict *verdict, struct buf *out);

/* ---- by itself ---- */

/* Is it time to look at the figures? Quick: for a timer that has many rollouts. */
bool rollout_due(const struct rollout *r, uint64_t now_ms);

/* Judges and acts. Call when it is due. */
struct rollout_verdict rollout_check(struct rollout *r, const struct rollout_figures *figures,
                                     uint64_t now_ms);

/* What a check would say now, without acting: why is it not promoted? */
struct rollout_verdict rollout_look(const struct rollout *r,
                                    const struct rollout_figures *figures, uint64_t now_ms);

/* The result of canary test number `test`. One that is not waited for any more says nothing. */
struct rollout_verdict rollout_tested(struct rollout *r, uint32_t test, bool good,
                                      const struct rollout_figures *figures, uint64_t now_ms);

/* ---- by hand ---- */

enum rollout_error {
    ROLLOUT_FINE,
    ROLLOUT_NONE,      /* there is no rollout */
    ROLLOUT_UNDER_WAY, /* there is one already */
    ROLLOUT_PAUSED_ALREADY,
    ROLLOUT_NOT_PAUSED,
    ROLLOUT_OVER, /* it has ended */
    ROLLOUT_BAD_RULE,
};

const char *rollout_error_text(enum rollout_error error); /* a sentence */

/* Anything but ROLLOUT_FINE: nothing has changed, and *ret_verdict is untouched. Figures are for the
 * record. */
enum rollout_error rollout_start(struct rollout *r, const struct rollout_rule *rule,
                                 uint64_t now_ms);
enum rollout_error rollout_pause(struct rollout *r);
enum rollout_error rollout_resume(struct rollout *r);

/* To the next phase at once, without a test; from the last one it finishes. */
enum rollout_error rollout_promote(struct rollout *r, const struct rollout_figures *figures,
                                   uint64_t now_ms, struct rollout_verdict *ret_verdict);

/* To blue 100 %, also after it has finished. */
enum rollout_error rollout_rollback(struct rollout *r, const struct rollout_figures *figures,
                                    uint64_t now_ms, struct rollout_verdict *ret_verdict);

/* Ends it where it stands: the share is the operator's from now on. */
enum rollout_error rollout_abort(struct rollout *r, uint64_t now_ms);

/* A reload changed the criteria of a rollout that runs: they hold from the next check on. Its phases
 * stay. A gradual one has its own criteria and keeps them. */
void rollout_retune(struct rollout *r, const struct rollout_rule *rule);

#endif
