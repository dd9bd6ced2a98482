#include "policy/rollout.h"

#include <assert.h>

#define MILLION UINT64_C(1000000)

enum { WHOLE = 100 };

/* ---- states ---- */

static void set_phase(struct rollout *r, uint32_t phase, uint64_t now_ms)
{
    assert(phase <= r->rule.phase_count);
    r->phase = phase;
    r->green = phase ? rollout_phase(&r->rule, phase).green : 0;
    r->phase_ms = now_ms;
    r->check_ms = now_ms + r->rule.check_every_ms;
    r->testing = false;
}

static bool is_last(const struct rollout *r)
{
    return r->phase == r->rule.phase_count;
}

static bool is_staged(const struct rollout *r)
{
    return r->rule.strategy == STRATEGY_STAGED;
}

/* A mean from hardly any answers is a guess, so the last good one stands in for it. */
static void keep_base(struct rollout *r, const struct rollout_figures *figures)
{
    if (figures->blue.timed >= ROLLOUT_BASE_MIN)
        r->base_us = figures->blue.mean_us;
}

static void advance(struct rollout *r, const struct rollout_figures *figures, uint64_t now_ms)
{
    keep_base(r, figures);
    if (!is_last(r)) {
        set_phase(r, r->phase + 1, now_ms);
        return;
    }
    set_phase(r, r->phase, now_ms);
    r->state = ROLLOUT_FINISHED;
}

static void retreat(struct rollout *r, bool to_zero, uint64_t now_ms)
{
    if (!to_zero && r->rule.rollback.to == ROLLBACK_TO_PREVIOUS && r->phase > 1) {
        set_phase(r, r->phase - 1, now_ms);
        return;
    }
    set_phase(r, 0, now_ms);
    r->state = ROLLOUT_ROLLED_BACK;
}

bool rollout_valid(const struct rollout *r)
{
    if (r->state == ROLLOUT_IDLE)
        return r->phase == 0 && r->green == 0 && !r->testing;
    if ((unsigned)r->state > ROLLOUT_ABORTED || rollout_rule_problem(&r->rule))
        return false;
    if (r->phase > r->rule.phase_count || (r->testing && !rollout_active(r)))
        return false;
    if (r->state == ROLLOUT_FINISHED && !is_last(r))
        return false;
    if (r->state == ROLLOUT_ROLLED_BACK && r->phase)
        return false;
    return r->green == (r->phase ? rollout_phase(&r->rule, r->phase).green : 0);
}

/* ---- judging ---- */

static struct rollout_verdict begin_verdict(const struct rollout *r,
                                            const struct rollout_figures *figures)
{
    return (struct rollout_verdict){
        .step = ROLLOUT_NOTHING,
        .from_phase = r->phase,
        .to_phase = r->phase,
        .from_green = r->green,
        .to_green = r->green,
        .figures = *figures,
    };
}

static void add_reason(struct rollout_verdict *verdict, struct rollout_reason reason)
{
    assert(verdict->reason_count < ROLLOUT_REASONS_MAX);
    verdict->reasons[verdict->reason_count++] = reason;
}

static void end_verdict(struct rollout_verdict *verdict, enum rollout_step step,
                        const struct rollout *r)
{
    verdict->step = step;
    verdict->to_phase = r->phase;
    verdict->to_green = r->green;
}

static uint64_t error_rate(const struct rollout_side *side)
{
    assert(side->errors <= side->requests);
    return side->requests ? side->errors * MILLION / side->requests : 0;
}

/* Multiplied out, so that no rounding decides. */
static bool errs_more(const struct rollout_side *side, uint32_t millionths)
{
    return side->errors * MILLION > side->requests * (uint64_t)millionths;
}

/* Adds what speaks for going back. */
static void judge_back(const struct rollout *r, const struct rollout_figures *figures,
                       struct rollout_verdict *verdict)
{
    const struct rollout_rollback *rule = &r->rule.rollback;
    const struct rollout_side *recent = &figures->recent;
    uint64_t slow_us = (uint64_t)rule->latency_ms * 1000;

    if (!figures->green_usable)
        add_reason(verdict, (struct rollout_reason){ .why = ROLLOUT_NO_TARGET });
    if (recent->requests < rule->min_requests)
        return;
    if (errs_more(recent, rule->error_rate))
        add_reason(verdict, (struct rollout_reason){ .why = ROLLOUT_ERRORS,
                                                     .is = error_rate(recent),
                                                     .limit = rule->error_rate,
                                                     .base = recent->requests });
    if (slow_us && recent->mean_us > slow_us)
        add_reason(verdict, (struct rollout_reason){
                                .why = ROLLOUT_SLOW, .is = recent->mean_us, .limit = slow_us });
}

static void judge_latency(const struct rollout *r, const struct rollout_figures *figures,
                          struct rollout_verdict *verdict)
{
    uint32_t increase = r->rule.promote.max_latency_increase;
    bool known = figures->blue.timed >= ROLLOUT_BASE_MIN;
    uint64_t base_us = known ? figures->blue.mean_us : r->base_us;
    uint64_t most_us = base_us + base_us * increase / MILLION;

    if (increase == ROLLOUT_ANY_LATENCY)
        return;
    if (known || base_us)
        add_reason(verdict, (struct rollout_reason){ .why = ROLLOUT_LATENCY,
                                                     .met = figures->green.mean_us <= most_us,
                                                     .is = figures->green.mean_us,
                                                     .limit = increase,
                                                     .base = base_us });
    else if (r->green < WHOLE) /* at 100 there is no blue left to compare with */
        add_reason(verdict, (struct rollout_reason){ .why = ROLLOUT_BASE,
                                                     .is = figures->blue.timed,
                                                     .limit = ROLLOUT_BASE_MIN });
}

/* Adds every criterion of the way on, met or not. */
static void judge_on(const struct rollout *r, const struct rollout_figures *figures,
                     uint64_t now_ms, struct rollout_verdict *verdict)
{
    const struct rollout_promote *rule = &r->rule.promote;
    const struct rollout_side *green = &figures->green;
    uint64_t lasted_ms = now_ms > r->phase_ms ? now_ms - r->phase_ms : 0;
    uint64_t at_least_ms = rollout_phase(&r->rule, r->phase).at_least_ms;

    add_reason(verdict, (struct rollout_reason){ .why = ROLLOUT_REQUESTS,
                                                 .met = green->requests >= rule->min_requests,
                                                 .is = green->requests,
                                                 .limit = rule->min_requests });
    add_reason(verdict, (struct rollout_reason){ .why = ROLLOUT_DURATION,
                                                 .met = lasted_ms >= at_least_ms,
                                                 .is = lasted_ms,
                                                 .limit = at_least_ms });
    add_reason(verdict, (struct rollout_reason){ .why = ROLLOUT_ERROR_RATE,
                                                 .met = !errs_more(green, rule->max_error_rate),
                                                 .is = error_rate(green),
                                                 .limit = rule->max_error_rate });
    judge_latency(r, figures, verdict);
}

static bool all_met(const struct rollout_verdict *verdict)
{
    for (uint32_t i = 0; i < verdict->reason_count; i++)
        if (!verdict->reasons[i].met)
            return false;
    return true;
}

/* ---- by itself ---- */

uint64_t rollout_since(const struct rollout *r, uint32_t window_ms, uint64_t now_ms)
{
    uint64_t since_ms = now_ms > window_ms ? now_ms - window_ms : 0;

    return since_ms > r->phase_ms ? since_ms : r->phase_ms;
}

/* A clock that was set back does not stop the watching. */
bool rollout_due(const struct rollout *r, uint64_t now_ms)
{
    return rollout_active(r) &&
           (now_ms >= r->check_ms || r->check_ms - now_ms > r->rule.check_every_ms);
}

static bool waits_for_test(const struct rollout *r, uint64_t now_ms)
{
    return r->testing && now_ms >= r->test_ms && now_ms - r->test_ms < ROLLOUT_TEST_MS;
}

static void ask_for_test(struct rollout *r, struct rollout_verdict *verdict, uint64_t now_ms)
{
    r->testing = true;
    r->test++;
    r->test_ms = now_ms;
    verdict->test = r->test;
    end_verdict(verdict, ROLLOUT_TEST, r);
}

static void go_on(struct rollout *r, struct rollout_verdict *verdict, uint64_t now_ms)
{
    bool last = is_last(r);

    if (!is_staged(r) && !last) {
        ask_for_test(r, verdict, now_ms);
        return;
    }
    advance(r, &verdict->figures, now_ms);
    end_verdict(verdict, last ? ROLLOUT_FINISH : ROLLOUT_PROMOTE, r);
}

struct rollout_verdict rollout_check(struct rollout *r, const struct rollout_figures *figures,
                                     uint64_t now_ms)
{
    struct rollout_verdict verdict = begin_verdict(r, figures);

    if (!rollout_active(r))
        return verdict;
    r->check_ms = now_ms + r->rule.check_every_ms;
    judge_back(r, figures, &verdict);
    if (verdict.reason_count) {
        retreat(r, false, now_ms);
        end_verdict(&verdict, ROLLOUT_ROLLBACK, r);
        return verdict;
    }
    if (r->phase)
        judge_on(r, figures, now_ms, &verdict);
    if (waits_for_test(r, now_ms))
        add_reason(&verdict, (struct rollout_reason){ .why = ROLLOUT_AWAITS_TEST });
    if (r->state == ROLLOUT_PAUSED)
        add_reason(&verdict, (struct rollout_reason){ .why = ROLLOUT_ON_PAUSE });
    if (all_met(&verdict))
        go_on(r, &verdict, now_ms);
    else
        end_verdict(&verdict, ROLLOUT_HOLD, r);
    return verdict;
}

struct rollout_verdict rollout_look(const struct rollout *r,
                                    const struct rollout_figures *figures, uint64_t now_ms)
{
    struct rollout copy = *r;

    return rollout_check(&copy, figures, now_ms);
}

struct rollout_verdict rollout_tested(struct rollout *r, uint32_t test, bool good,
                                      const struct rollout_figures *figures, uint64_t now_ms)
{
    struct rollout_verdict verdict = begin_verdict(r, figures);

    if (!rollout_active(r) || !r->testing || test != r->test)
        return verdict;
    r->testing = false;
    if (!good) {
        add_reason(&verdict, (struct rollout_reason){ .why = ROLLOUT_TEST_FAILED });
        retreat(r, true, now_ms);
        end_verdict(&verdict, ROLLOUT_ROLLBACK, r);
        return verdict;
    }
    /* Since it was asked for, what it stands on may have changed. */
    judge_back(r, figures, &verdict);
    if (verdict.reason_count) {
        retreat(r, true, now_ms);
        end_verdict(&verdict, ROLLOUT_ROLLBACK, r);
    } else if (r->state == ROLLOUT_PAUSED) {
        add_reason(&verdict, (struct rollout_reason){ .why = ROLLOUT_ON_PAUSE });
        end_verdict(&verdict, ROLLOUT_HOLD, r);
    } else {
        if (r->phase)
            judge_on(r, figures, now_ms, &verdict);
        advance(r, figures, now_ms);
        end_verdict(&verdict, ROLLOUT_PROMOTE, r);
    }
    return verdict;
}

/* ---- by hand ---- */

static enum rollout_error needs_active(const struct rollout *r)
{
    if (r->state == ROLLOUT_IDLE)
        return ROLLOUT_NONE;
    return rollout_active(r) ? ROLLOUT_FINE : ROLLOUT_OVER;
}

enum rollout_error rollout_start(struct rollout *r, const struct rollout_rule *rule,
                                 uint64_t now_ms)
{
    uint32_t test = r->test; /* grows on, so that no result is taken for another's */

    if (rollout_active(r))
        return ROLLOUT_UNDER_WAY;
    if (rollout_rule_problem(rule))
        return ROLLOUT_BAD_RULE;
    *r = (struct rollout){
        .state = ROLLOUT_RUNNING, .started_ms = now_ms, .test = test, .rule = *rule
    };
    set_phase(r, is_staged(r) ? 1 : 0, now_ms);
    if (!is_staged(r))
        r->check_ms = now_ms; /* for the test before the first step */
    return ROLLOUT_FINE;
}

enum rollout_error rollout_pause(struct rollout *r)
{
    enum rollout_error error = needs_active(r);

    if (error)
        return error;
    if (r->state == ROLLOUT_PAUSED)
        return ROLLOUT_PAUSED_ALREADY;
    r->state = ROLLOUT_PAUSED;
    return ROLLOUT_FINE;
}

enum rollout_error rollout_resume(struct rollout *r)
{
    enum rollout_error error = needs_active(r);

    if (error)
        return error;
    if (r->state != ROLLOUT_PAUSED)
        return ROLLOUT_NOT_PAUSED;
    r->state = ROLLOUT_RUNNING;
    return ROLLOUT_FINE;
}

enum rollout_error rollout_promote(struct rollout *r, const struct rollout_figures *figures,
                                   uint64_t now_ms, struct rollout_verdict *ret_verdict)
{
    enum rollout_error error = needs_active(r);
    bool last = is_last(r);

    if (error)
        return error;
    *ret_verdict = begin_verdict(r, figures);
    add_reason(ret_verdict, (struct rollout_reason){ .why = ROLLOUT_BY_HAND });
    advance(r, figures, now_ms);
    end_verdict(ret_verdict, last ? ROLLOUT_FINISH : ROLLOUT_PROMOTE, r);
    return ROLLOUT_FINE;
}

enum rollout_error rollout_rollback(struct rollout *r, const struct rollout_figures *figures,
                                    uint64_t now_ms, struct rollout_verdict *ret_verdict)
{
    if (r->state == ROLLOUT_IDLE)
        return ROLLOUT_NONE;
    if (!rollout_active(r) && r->state != ROLLOUT_FINISHED)
        return ROLLOUT_OVER;
    *ret_verdict = begin_verdict(r, figures);
    add_reason(ret_verdict, (struct rollout_reason){ .why = ROLLOUT_BY_HAND });
    retreat(r, true, now_ms);
    end_verdict(ret_verdict, ROLLOUT_ROLLBACK, r);
    return ROLLOUT_FINE;
}

enum rollout_error rollout_abort(struct rollout *r, uint64_t now_ms)
{
    enum rollout_error error = needs_active(r);

    if (error)
        return error;
    r->state = ROLLOUT_ABORTED;
    r->phase_ms = now_ms;
    r->testing = false;
    return ROLLOUT_FINE;
}

void rollout_retune(struct rollout *r, const struct rollout_rule *rule)
{
    if (!rollout_active(r) || !is_staged(r) || rule->strategy != STRATEGY_STAGED ||
        rollout_rule_problem(rule))
        return;
    r->rule.promote = rule->promote;
    r->rule.rollback = rule->rollback;
    r->rule.check_every_ms = rule->check_every_ms;
}
