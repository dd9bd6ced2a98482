/* What a rollout says of itself, for people. */
#include "policy/rollout.h"

#include "policy/words.h"

const char *rollout_state_name(enum rollout_state state)
{
    switch (state) {
    case ROLLOUT_IDLE: return "idle";
    case ROLLOUT_RUNNING: return "running";
    case ROLLOUT_PAUSED: return "paused";
    case ROLLOUT_FINISHED: return "finished";
    case ROLLOUT_ROLLED_BACK: return "rolled_back";
    case ROLLOUT_ABORTED: return "aborted";
    }
    return "unknown";
}

const char *rollout_error_text(enum rollout_error error)
{
    switch (error) {
    case ROLLOUT_FINE: return "It is done.";
    case ROLLOUT_NONE: return "There is no rollout of this model; start one first.";
    case ROLLOUT_UNDER_WAY:
        return "A rollout of this model is under way; finish, roll back or abort it first.";
    case ROLLOUT_PAUSED_ALREADY: return "The rollout is paused already.";
    case ROLLOUT_NOT_PAUSED: return "The rollout is not paused.";
    case ROLLOUT_OVER: return "The rollout is over; start another one.";
    case ROLLOUT_BAD_RULE: return "The rollout's phases or steps do not make sense.";
    }
    return "unknown";
}

static void add_latency(const struct rollout_reason *reason, struct buf *out)
{
    uint64_t above = reason->is > reason->base ? reason->is - reason->base : 0;

    (void)buf_add_text(out, "mean latency: ");
    words_ms(reason->is, out);
    if (above) {
        (void)buf_add_text(out, ", ");
        words_percent(reason->base ? above * 1000000 / reason->base : 1000000, out);
        (void)buf_add_text(out, " above blue's ");
    } else {
        (void)buf_add_text(out, ", not above blue's ");
    }
    words_ms(reason->base, out);
    (void)buf_add_text(out, reason->met ? ", at most " : ", more than ");
    words_percent(reason->limit, out);
    (void)buf_add_text(out, " allowed");
}

static void add_of(const char *what, uint64_t is, uint64_t limit, struct buf *out)
{
    (void)buf_printf(out, "%s: %llu of %llu", what, (unsigned long long)is,
                     (unsigned long long)limit);
}

static void add_error_rate(const struct rollout_reason *reason, struct buf *out)
{
    (void)buf_add_text(out, "error rate: ");
    words_percent(reason->is, out);
    (void)buf_add_text(out, reason->met ? ", at most " : ", more than ");
    words_percent(reason->limit, out);
}

void rollout_reason_text(const struct rollout_reason *reason, struct buf *out)
{
    switch (reason->why) {
    case ROLLOUT_REQUESTS:
        add_of(reason->met ? "requests" : "too few requests", reason->is, reason->limit, out);
        return;
    case ROLLOUT_DURATION:
        (void)buf_add_text(out, "minimum duration: ");
        words_duration(reason->is, out);
        (void)buf_add_text(out, " of ");
        words_duration(reason->limit, out);
        return;
    case ROLLOUT_ERROR_RATE: add_error_rate(reason, out); return;
    case ROLLOUT_LATENCY: add_latency(reason, out); return;
    case ROLLOUT_BASE:
        add_of("too few answers of blue's to compare the latency with", reason->is,
               reason->limit, out);
        return;
    case ROLLOUT_ON_PAUSE: (void)buf_add_text(out, "paused"); return;
    case ROLLOUT_AWAITS_TEST:
        (void)buf_add_text(out, "the canary test has not answered yet");
        return;
    case ROLLOUT_NO_TARGET: (void)buf_add_text(out, "no green target is usable"); return;
    case ROLLOUT_ERRORS:
        add_error_rate(reason, out);
        (void)buf_printf(out, ", of %llu requests", (unsigned long long)reason->base);
        return;
    case ROLLOUT_SLOW:
        (void)buf_add_text(out, "mean latency: ");
        words_ms(reason->is, out);
        (void)buf_add_text(out, ", more than ");
        words_ms(reason->limit, out);
        return;
    case ROLLOUT_TEST_FAILED: (void)buf_add_text(out, "the canary test failed"); return;
    case ROLLOUT_BY_HAND: (void)buf_add_text(out, "by hand"); return;
    }
}

void rollout_verdict_text(const struct rollout_verdict *verdict, struct buf *out)
{
    bool first = true;

    for (uint32_t i = 0; i < verdict->reason_count; i++) {
        if (verdict->step == ROLLOUT_HOLD && verdict->reasons[i].met)
            continue;
        if (!first)
            (void)buf_add_text(out, "; ");
        rollout_reason_text(&verdict->reasons[i], out);
        first = false;
    }
}
