#include "flow/slots.h"

#include "base/clock.h"
#include "base/log.h"
#include "flow/exchange_state.h"
#include "flow/meters.h"

#include <assert.h>

static_assert(LIMIT_PLAN_TARGETS <= 64, "a bit of exchange.busy for each");

void slots_init(struct slots *slots)
{
    *slots = (struct slots){ 0 };
    list_init(&slots->waiting);
    list_init(&slots->for_targets);
}

void slots_done(struct slots *slots)
{
    assert(slots->admission.in_flight == 0 && slots->admission.waiting == 0);
    assert(list_empty(&slots->waiting));
    assert(list_empty(&slots->for_targets) && slots->for_targets_count == 0);
}

uint32_t slots_waiting(const struct slots *slots)
{
    return slots->admission.waiting + slots->for_targets_count;
}

/* The limits in force, not those that an exchange was born with: there is one queue for all. */
static struct admission_rule rule_of(const struct env *env)
{
    const struct config_limits *limits = &env->config->limits;

    return (struct admission_rule){ .in_flight = limits->in_flight,
                                    .queue = limits->queue,
                                    .wait_ms = limits->queue_wait };
}

static struct exchange *waiter(struct list *link)
{
    return LIST_OWNER(link, struct exchange, turn);
}

static void begin_turn(struct exchange *ex, struct list *queue)
{
    list_append(queue, &ex->turn);
    ex->turn_us = clock_us();
    clocks_start(&ex->clocks, CLOCK_QUEUE, exchange_now_ms(ex),
                 ex->env->config->limits.queue_wait);
}

static void end_turn(struct exchange *ex)
{
    uint64_t waited_us = clock_us() - ex->turn_us;

    list_remove(&ex->turn);
    clocks_stop(&ex->clocks, CLOCK_QUEUE);
    ex->queued_us += waited_us;
    if (ex->ready_us) /* not the gateway's own work */
        ex->ready_us += waited_us;
}

/* ---- turning away ---- */

static void tell(struct env *env, bool begins, struct span reason)
{
    const struct admission *a = &env->slots.admission;
    uint64_t lasted_ms = begins ? 0 : a->shed_ms - a->overload_ms;
    const struct event event = {
        .kind = EVENT_OVERLOAD,
        .from = begins ? "normal" : "overloaded",
        .to = begins ? "overloaded" : "normal",
        .reason = reason,
        .figures = { { "in_flight", a->in_flight, 0 },
                     { "queue_depth", slots_waiting(&env->slots), 0 },
                     { "shed", a->shed, 0 },
                     { "seconds", lasted_ms, 3 } },
    };

    events_add(&env->events, &event, clock_wall_ms());
    LOG(begins ? LOG_WARN : LOG_INFO, "overload", { "state", span_from(event.to) },
        { "reason", reason });
}

static enum exchange_state turn_away(struct exchange *ex, const char *reason,
                                     const char *message)
{
    struct admission *admission = &ex->env->slots.admission;
    uint64_t now_ms = exchange_now_ms(ex);
    struct span label = span_from(reason);

    ex->retry_after_ms = admission_retry_ms(admission, now_ms);
    series_add(metrics_series(ex->env->metrics, METER_SHED, &label), 1);
    if (admission_shed(admission, now_ms))
        tell(ex->env, true, span_from(message));
    return refuse(ex, REFUSE_OVERLOADED, "%s Try again shortly.", message);
}

static enum exchange_state turn_away_full(struct exchange *ex)
{
    return turn_away(ex, "queue_full",
                     "The gateway is serving as many requests as it may "
                     "(limits.in_flight), and as many wait (limits.queue).");
}

void slots_watch(struct env *env)
{
    if (admission_calm(&env->slots.admission, loop_now_ms(env->loop)))
        tell(env, false, SPAN_OF("nobody was turned away for a while"));
}

/* ---- the gateway's slots ---- */

enum exchange_state slots_enter(struct exchange *ex)
{
    struct slots *slots = &ex->env->slots;
    struct admission_rule rule = rule_of(ex->env);

    switch (admission_ask(&slots->admission, &rule, exchange_now_ms(ex))) {
    case ADMISSION_GO: ex->counted = true; return EXCHANGE_ADMIT;
    case ADMISSION_WAIT: begin_turn(ex, &slots->waiting); return EXCHANGE_ADMIT;
    case ADMISSION_FULL: return turn_away_full(ex);
    case ADMISSION_LATE: break;
    }
    return turn_away(ex, "expected_wait",
                     "The gateway is overloaded: the wait would be too long "
                     "(limits.queue_wait).");
}

enum exchange_state slots_wait(struct exchange *ex)
{
    uint64_t now_ms = exchange_now_ms(ex);

    assert(list_linked(&ex->turn));
    if (clocks_passed(&ex->clocks, CLOCK_TOTAL, now_ms))
        return refuse(ex, REFUSE_DEADLINE_EXCEEDED,
                      "The request waited in the queue for longer than it may take.");
    if (clocks_passed(&ex->clocks, CLOCK_QUEUE, now_ms))
        return turn_away(ex, "queue_wait",
                         "The request waited in the queue for as long as it may "
                         "(limits.queue_wait).");
    return EXCHANGE_ADMIT;
}

void slots_renew(struct env *env)
{
    struct slots *slots = &env->slots;
    struct admission_rule rule = rule_of(env);

    while (admission_next(&slots->admission, &rule)) {
        struct exchange *ex = waiter(slots->waiting.next);

        end_turn(ex);
        ex->counted = true;
        task_wake(&ex->task);
    }
}

/* ---- those of targets ---- */

bool slots_target_busy(struct exchange *ex, uint32_t at)
{
    const struct plan_step *step = &ex->plan[at];
    uint32_t most = step->target->in_flight;
    struct span label = span_from(step->target->id);

    if (most == 0 || step->state == ex->slot ||
        (step->state->in_flight < most && step->state->waiting == 0))
        return false;
    ex->busy |= UINT64_C(1) << at;
    if (ex->left_out_for == LLM_FINE)
        ex->left_out_for = LLM_RATE_LIMIT; /* it is our own limit of its rate */
    series_add(metrics_series(ex->env->metrics, METER_TARGET_BUSY, &label), 1);
    return true;
}

void slots_target_take(struct exchange *ex, const struct plan_step *step)
{
    if (ex->slot == step->state)
        ex->slot = NULL; /* it is the attempt's now */
    else
        step->state->in_flight++;
}

/* Adds to, or takes from, the number of those who wait for each target that was full. */
static void count_for_targets(struct exchange *ex, int by)
{
    ex->env->slots.for_targets_count += (uint32_t)by;
    for (uint32_t at = 0; at < ex->plan_count; at++)
        if (ex->busy & UINT64_C(1) << at)
            ex->plan[at].state->waiting += (uint32_t)by;
}

static void end_target_turn(struct exchange *ex)
{
    count_for_targets(ex, -1);
    end_turn(ex);
    ex->busy = 0;
}

/* The step for which it waits at that target; plan_count: none. */
static uint32_t step_for(const struct exchange *ex, const struct target_state *state)
{
    uint32_t at = 0;

    while (at < ex->plan_count &&
           !(ex->busy & UINT64_C(1) << at && ex->plan[at].state == state))
        at++;
    return at;
}

void slots_target_free(struct env *env, struct target_state *state)
{
    struct list *link = env->slots.for_targets.next;

    assert(state->in_flight > 0);
    state->in_flight--;
    while (state->waiting && link != &env->slots.for_targets) {
        struct exchange *ex = waiter(link);
        uint32_t at = step_for(ex, state);

        link = link->next;
        if (at == ex->plan_count)
            continue;
        if (state->in_flight >= ex->plan[at].target->in_flight)
            return;
        end_target_turn(ex);
        state->in_flight++;
        ex->slot = state;
        ex->plan_at = at;
        task_wake(&ex->task);
    }
}

void slots_target_return(struct exchange *ex)
{
    struct target_state *state = ex->slot;

    ex->slot = NULL;
    slots_target_free(ex->env, state);
}

enum exchange_state slots_target_wait(struct exchange *ex)
{
    struct slots *slots = &ex->env->slots;
    bool begun = list_linked(&ex->turn);

    if (!begun && slots->for_targets_count >= ex->env->config->limits.queue)
        return turn_away(ex, "targets_full",
                         "Every target of the model is serving as many requests as it may "
                         "(targets[].in_flight), and as many wait (limits.queue).");
    if (!begun) {
        begin_turn(ex, &slots->for_targets);
        count_for_targets(ex, 1);
    }
    if (clocks_passed(&ex->clocks, CLOCK_QUEUE, exchange_now_ms(ex)))
        return turn_away(ex, "targets_wait",
                         "Every target of the model was full for as long as the request may "
                         "wait (limits.queue_wait).");
    return EXCHANGE_OPEN;
}

/* ---- SETTLE ---- */

void slots_settle(struct exchange *ex)
{
    struct admission *admission = &ex->env->slots.admission;

    if (ex->slot)
        slots_target_return(ex);
    if (list_linked(&ex->turn) && ex->counted) {
        end_target_turn(ex);
    } else if (list_linked(&ex->turn)) {
        end_turn(ex);
        admission_leave(admission);
    }
    if (!ex->counted)
        return;
    ex->counted = false;
    admission_free(admission, exchange_now_ms(ex));
    slots_renew(ex->env);
}
