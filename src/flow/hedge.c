/* hedge: a request that waits too long is asked of a second target of its model, too.
 *
 *     first  ----- hedge.after ------------------ content? --> it answers, the other is cancelled
 *                       \
 *     second             start ------------------ content? --> likewise
 *
 * Either of them may fail: the other goes on as if it had been alone. Before the commit alone, in the
 * state AWAIT; once for a request; within the hedges' budget, the budget of retries and max_attempts.
 * The plan goes on behind the second, so that no target is asked twice. Blue does not hedge green, nor
 * green blue.
 *
 * The usage and the cost of the request are the winner's. What a provider charges for the call that was
 * cancelled, it alone knows: sluice_attempts_total counts it, and nobody guesses. */
#include "flow/hedge.h"

#include "flow/exchange_state.h"
#include "flow/meters.h"

static enum hedge_kind kind_of(const struct exchange *ex)
{
    return ex->chat.stream ? HEDGE_STREAM : HEDGE_WHOLE;
}

void hedge_arm(struct exchange *ex, struct attempt *attempt)
{
    const struct config_model *model = attempt->step->model;
    struct hedge *pace = hedges_get(&ex->env->hedges, model->name);

    attempt->pace = pace;
    if (ex->counted_by != pace) {
        ex->counted_by = pace;
        hedge_request(pace, &model->hedge);
    }
    if (!ex->hedged)
        clocks_start(&attempt->clocks, CLOCK_HEDGE, attempt->started_ms,
                     hedge_after_ms(pace, &model->hedge, kind_of(ex)));
}

/* One that is in the middle of an answer, good or bad, is not slow any more. */
static bool is_wanted(const struct exchange *ex)
{
    const struct attempt *first = ex->attempt;

    return !ex->hedged && ex->cancelled_in == NULL &&
           (first->kind == ANSWER_UNKNOWN || first->kind == ANSWER_STREAM);
}

static bool is_allowed(const struct exchange *ex)
{
    const struct config_retry *retry = &ex->config->retry;

    return ex->attempts < retry->max_attempts && hedge_allows(ex->attempt->pace) &&
           retry_budget_allows(&ex->env->retries, retry->budget, exchange_now_ms(ex));
}

void hedge_start(struct exchange *ex)
{
    const struct config_model *model = ex->attempt->step->model;
    uint32_t side = ex->attempt->step->target->side;
    struct attempt *second = NULL;

    clocks_stop(&ex->attempt->clocks, CLOCK_HEDGE);
    if (!is_wanted(ex) || !is_allowed(ex))
        return;
    for (uint32_t at = ex->plan_at + 1; at < ex->plan_count; at++) {
        const struct plan_step *step = &ex->plan[at];

        if (step->model != model || step->target->side != side)
            return;
        if (second == NULL)
            second = arena_zero(&ex->arena, sizeof(*second));
        if (!attempt_start(ex, second, step))
            continue;
        clocks_stop(&second->clocks, CLOCK_HEDGE);
        second->second = true;
        ex->hedge = second;
        ex->hedged = true;
        ex->plan_at = at;
        hedge_take(second->pace);
        return;
    }
}

void hedge_leave(struct exchange *ex, const struct attempt *attempt)
{
    if (attempt == ex->attempt)
        ex->attempt = ex->hedge;
    ex->hedge = NULL;
}

/* The health of a target that is always overtaken would never learn how slow it is. */
static void learn_from(struct exchange *ex, const struct attempt *overtaken, uint32_t took_ms)
{
    struct health_rule rule = route_health_rule(ex->config);

    if (ex->chat.stream)
        health_first(&overtaken->step->state->health, &rule, took_ms, exchange_now_ms(ex));
}

void hedge_choose(struct exchange *ex, struct attempt *attempt)
{
    uint64_t now_ms = exchange_now_ms(ex);
    struct attempt *older = ex->attempt;
    struct attempt *other = attempt == older ? ex->hedge : older;
    uint32_t took_ms = (uint32_t)(now_ms - older->started_ms);

    hedge_took(attempt->pace, kind_of(ex), took_ms, now_ms);
    if (ex->hedge == NULL)
        return;
    hedge_leave(ex, other);
    if (other == older)
        learn_from(ex, older, took_ms);
    attempt_end(ex, other, ATTEMPT_CANCELLED);
}

void hedge_drop(struct exchange *ex)
{
    struct attempt *second = ex->hedge;

    if (second == NULL)
        return;
    ex->hedge = NULL;
    attempt_end(ex, second, ATTEMPT_CANCELLED);
}

void hedge_account(struct exchange *ex, const struct attempt *attempt,
                   enum attempt_outcome outcome)
{
    bool answered = ex->content_us != 0; /* one of the two did */
    bool won = answered && attempt == ex->attempt;
    const char *end = outcome == ATTEMPT_CANCELLED ? "cancelled" : "failed";
    struct span labels[2] = { span_from(attempt->step->model->name) };

    if (answered)
        end = won ? "won" : "lost";
    attempt->pace->won += won;
    labels[1] = span_from(end);
    series_add(metrics_series(ex->env->metrics, METER_HEDGES, labels), 1);
}

/* ---- the admin view ---- */

static void write_after(struct json_writer *w, const char *name, uint32_t after_ms)
{
    json_key(w, name);
    if (after_ms)
        json_u64(w, after_ms);
    else
        json_null(w);
}

void hedge_write(struct env *env, const struct config_model *model, struct json_writer *w)
{
    const struct config_hedge *rule = &model->hedge;
    struct hedge *hedge;

    if (rule->after == 0)
        return;
    hedge = hedges_get(&env->hedges, model->name);
    json_key(w, "hedge");
    json_begin(w, '{');
    write_after(w, "stream_after_ms", hedge_after_ms(hedge, rule, HEDGE_STREAM));
    write_after(w, "answer_after_ms", hedge_after_ms(hedge, rule, HEDGE_WHOLE));
    json_put_bool(w, "in_budget", hedge_allows(hedge));
    json_put_u64(w, "started", hedge->started);
    json_put_u64(w, "won", hedge->won);
    json_end(w, '}');
}
