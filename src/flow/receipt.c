/* receipt: what happened, told once to everybody who learns from it: the breaker and the health of the
 * target after each attempt; metrics and the access log after each exchange. */
#include "base/clock.h"
#include "base/log.h"
#include "flow/access.h"
#include "flow/bill.h"
#include "flow/counters.h"
#include "flow/exchange_state.h"
#include "flow/meters.h"
#include "flow/switching.h"
#include "flow/tell.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* ---- attempts ---- */

static const struct {
    const char *name;
    enum breaker_result result; /* for the breaker */
    enum breaker_result health; /* for the health: being turned away is no fault, but no help */
} outcomes[] = {
    [ATTEMPT_OK] = { "ok", BREAKER_GOOD, BREAKER_GOOD },
    [ATTEMPT_CLIENT_ERROR] = { "client_error", BREAKER_UNKNOWN, BREAKER_UNKNOWN },
    [ATTEMPT_RATE_LIMIT] = { "rate_limit", BREAKER_UNKNOWN, BREAKER_BAD },
    [ATTEMPT_SERVER_ERROR] = { "server_error", BREAKER_BAD, BREAKER_BAD },
    [ATTEMPT_TIMEOUT] = { "timeout", BREAKER_BAD, BREAKER_BAD },
    [ATTEMPT_CONNECTION_ERROR] = { "connection_error", BREAKER_BAD, BREAKER_BAD },
    [ATTEMPT_TRUNCATED] = { "truncated", BREAKER_BAD, BREAKER_BAD },
    [ATTEMPT_AUTH] = { "auth", BREAKER_BAD, BREAKER_BAD },
    [ATTEMPT_CANCELLED] = { "cancelled", BREAKER_UNKNOWN, BREAKER_UNKNOWN },
};

static void log_failure(const struct exchange *ex, const struct attempt *attempt,
                        enum attempt_outcome outcome)
{
    /* An address that is denied and a redirect are tried nowhere else, but no client's mistake. */
    bool ours = span_starts(ex->error.code, "upstream_");

    if (outcome == ATTEMPT_OK || (outcome == ATTEMPT_CLIENT_ERROR && !ours) ||
        outcome == ATTEMPT_CANCELLED)
        return;
    LOG(LOG_WARN, "attempt_failed", { "id", span_from(ex->id) },
        { "target", span_from(attempt->step->target->id) },
        { "outcome", span_from(outcomes[outcome].name) }, { "code", ex->error.code },
        { "message", ex->error.message });
}

static void learn_health(struct exchange *ex, const struct attempt *attempt,
                         enum breaker_result result)
{
    struct health *health = &attempt->step->state->health;
    struct health_rule rule = route_health_rule(ex->config);
    uint64_t now_ms = exchange_now_ms(ex);

    if (result == BREAKER_UNKNOWN)
        return;
    health_attempt(health, &rule, result == BREAKER_GOOD, now_ms);
    switching_attempt(ex, attempt, result == BREAKER_GOOD);
    if (ex->streaming && ex->content_us > attempt->started_us)
        health_first(health, &rule, (uint32_t)((ex->content_us - attempt->started_us) / 1000),
                     now_ms);
}

/* Looked at by least_latency alone. Like is compared with like: streams by their first content, whole
 * answers, which take as long as what they hold, among themselves. NULL: nobody wants to know. */
static struct latency *latency_of(const struct exchange *ex, const struct attempt *attempt)
{
    const struct plan_step *step = attempt->step;

    return step->model->balance == BALANCE_LEAST_LATENCY
               ? &step->state->latency[ex->chat.stream]
               : NULL;
}

void receipt_asked(const struct exchange *ex, const struct attempt *attempt)
{
    struct latency *latency = latency_of(ex, attempt);

    if (latency)
        latency_asked(latency, exchange_now_ms(ex));
}

void receipt_content(const struct exchange *ex, const struct attempt *attempt)
{
    struct latency *latency = latency_of(ex, attempt);
    uint64_t at_us;

    if (latency == NULL)
        return;
    at_us = ex->chat.stream ? ex->content_us : fetch_first_byte_us(attempt->fetch);
    if (at_us > attempt->started_us)
        latency_answered(latency, at_us - attempt->started_us, exchange_now_ms(ex));
}

/* A silence counts, too: it would have taken at least as long. */
static void learn_silence(const struct exchange *ex, const struct attempt *attempt,
                          enum attempt_outcome outcome)
{
    struct latency *latency = latency_of(ex, attempt);
    bool answered = ex->committed && attempt == ex->attempt;

    if (latency && !answered && (outcome == ATTEMPT_TIMEOUT || outcome == ATTEMPT_CANCELLED))
        latency_waited(latency, clock_us() - attempt->started_us, exchange_now_ms(ex));
}

static void learn_breaker(struct exchange *ex, const struct attempt *attempt,
                          enum breaker_result result)
{
    const struct plan_step *step = attempt->step;
    struct breaker_rule rule = route_breaker_rule(ex->config);
    struct breaker *breaker = &step->state->breaker;
    enum breaker_state before = breaker->state;
    uint64_t now_ms = exchange_now_ms(ex);

    if (!breaker_leave(breaker, &rule, attempt->ticket, result, now_ms))
        return;
    if (breaker->state == BREAKER_CLOSED)
        health_return(&step->state->health, now_ms);
    tell_breaker(ex->env, step, before);
}

void receipt_attempt(struct exchange *ex, struct attempt *attempt, enum attempt_outcome outcome)
{
    const struct plan_step *step = attempt->step;
    bool blameless = attempt->key_to_blame;
    enum breaker_result result = blameless ? BREAKER_UNKNOWN : outcomes[outcome].result;

    slots_target_free(ex->env, step->state);
    counters_attempt(ex, step, outcome == ATTEMPT_OK ? NULL : outcomes[outcome].name);
    if (attempt->relaying && attempt->relay.malformed) {
        struct span target = span_from(step->target->id);

        series_add(metrics_series(ex->env->metrics, METER_MALFORMED_EVENTS, &target),
                   attempt->relay.malformed);
    }
    if (attempt->second)
        hedge_account(ex, attempt, outcome);
    log_failure(ex, attempt, outcome);
    if (outcome == ATTEMPT_OK)
        keys_worked(ex, attempt);
    if (result == BREAKER_BAD) {
        step->state->failures++;
        step->state->last_error_ms = clock_wall_ms();
        step->state->last_class = ex->error.class;
        (void)snprintf(
            step->state->last_error, sizeof(step->state->last_error), "%.*s",
            SPAN_ARG(ex->error.code.size ? ex->error.code : SPAN_OF("upstream_error")));
    }
    learn_silence(ex, attempt, outcome);
    learn_health(ex, attempt, blameless ? BREAKER_UNKNOWN : outcomes[outcome].health);
    learn_breaker(ex, attempt, result);
    if (!blameless)
        ledger_attempt(ex, attempt, outcome);
}

/* ---- exchanges ---- */

uint64_t receipt_overhead_us(const struct exchange *ex)
{
    uint64_t before =
        ex->opened_us > ex->ready_us && ex->ready_us ? ex->opened_us - ex->ready_us : 0;
    uint64_t after = ex->committed_us > ex->content_us && ex->content_us
                         ? ex->committed_us - ex->content_us
                         : 0;

    return before + after;
}

void receipt_exchange(struct exchange *ex)
{
    struct bill bill = bill_make(ex, ex->attempt);

    counters_exchange(ex, bill);
    limiting_charge(ex, bill.cost);
    if (ex->config->log.access)
        access_log(ex, bill);
}

/* ---- SETTLE ---- */

/* The client left, and so did what was being made for it. */
static void cancel(struct exchange *ex)
{
    bill_cancelled(ex);
    attempt_end(ex, ex->attempt, ATTEMPT_CANCELLED);
}

enum exchange_state settle_step(struct exchange *ex)
{
    hedge_drop(ex);
    if (ex->attempt->fetch)
        cancel(ex);
    if (ex->http)
        sink_cut(ex);
    receipt_exchange(ex);
    slots_settle(ex);
    if (ex->streaming)
        ex->env->streams--;
    return EXCHANGE_DEAD;
}
