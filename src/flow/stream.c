/* stream: one target's answer, forwarded until its end.
 *
 *     fetch inbox --> relay (whole events) --> sink --> client
 *         ^                                      |
 *         +------- not taken: the transfer ------+  the sink is full: stop taking
 *                  pauses, TCP does the rest
 */
#include "base/clock.h"
#include "base/warmth.h"
#include "flow/exchange_state.h"
#include "flow/upload.h"

enum { LINGER_MS = 100 /* for an upstream that has said everything to end its answer */ };

/* The answer broke: what was sent stays sent, and the client is told. */
COLD static enum exchange_state broken(struct exchange *ex, struct llm_error error)
{
    bool events = ex->attempt->kind == ANSWER_STREAM;

    attempt_keep_error(ex, error);
    if (events && ex->error.sequence == 0)
        ex->error.sequence = ex->attempt->relay.events;
    if (ex->outcome != OUTCOME_CANCELLED)
        ex->outcome = OUTCOME_BROKEN;
    if (events)
        ex->usage = relay_usage(&ex->attempt->relay, ex->prompt_tokens);
    attempt_end(ex, ex->attempt,
                ex->interrupted ? ATTEMPT_CANCELLED : attempt_outcome_of(&ex->error));
    if (events)
        sink_error(ex);
    else
        sink_cut(ex);
    return EXCHANGE_SETTLE;
}

static bool over(const struct fetch *fetch)
{
    return fetch_phase(fetch) == FETCH_DONE || fetch_phase(fetch) == FETCH_FAILED;
}

APART static enum exchange_state linger(struct exchange *ex)
{
    struct fetch *fetch = ex->attempt->fetch;

    fetch_consume(fetch, fetch_bytes(fetch).size); /* nothing counts behind the end */
    if (!over(fetch) && !clocks_passed(&ex->clocks, CLOCK_LINGER, exchange_now_ms(ex)))
        return EXCHANGE_STREAM;
    attempt_end(ex, ex->attempt, ATTEMPT_OK);
    return EXCHANGE_SETTLE;
}

/* The client has everything. The upstream gets a moment to end its answer, so that the connection can
 * be used again; not one that may still be reading a long request, which goes with the reply. */
APART static enum exchange_state complete(struct exchange *ex)
{
    struct attempt *attempt = ex->attempt;

    if (attempt->relaying)
        ex->usage = relay_usage(&attempt->relay, ex->prompt_tokens);
    clocks_stop_attempt(&attempt->clocks);
    clocks_stop(&ex->clocks, CLOCK_TOTAL);
    clocks_stop(&ex->clocks, CLOCK_COMMENT);
    if (over(attempt->fetch) || !fetch_forget(attempt->fetch)) {
        attempt_end(ex, ex->attempt, ATTEMPT_OK);
        sink_end(ex);
        return EXCHANGE_SETTLE;
    }
    sink_end(ex);
    clocks_start(&ex->clocks, CLOCK_LINGER, exchange_now_ms(ex), LINGER_MS);
    return EXCHANGE_STREAM;
}

/* ---- events ---- */

COLD static enum exchange_state end_of_events(struct exchange *ex)
{
    struct attempt *attempt = ex->attempt;

    if (!attempt->relay.ended && !attempt->relay.finished)
        return broken(ex, attempt_fetch_error(ex->attempt));
    if (!attempt->relay.ended) /* it finished and forgot to say so */
        sink_bytes(ex, relay_end(&attempt->relay));
    return complete(ex);
}

/* Events that leave as they came, side by side, leave in one piece: `ready` is what there is of it. */
static void gather(struct exchange *ex, const struct relay_step *step, struct span *ready)
{
    bool goes_on = ready->size && ready->at + ready->size == step->bytes.at;

    if (step->as_came && goes_on) {
        ready->size += step->bytes.size;
        return;
    }
    sink_bytes(ex, *ready);
    *ready = step->as_came ? step->bytes : (struct span){ 0 };
    if (!step->as_came)
        sink_bytes(ex, step->bytes);
}

/* Sends whole events while there is room for one. False: what is left is no whole event. One that says that
 * it broke is the last, and shows in `step`. */
static bool send_events(struct exchange *ex, struct relay_step *step)
{
    struct attempt *attempt = ex->attempt;
    bool ended = fetch_phase(attempt->fetch) == FETCH_DONE;
    struct span bytes = fetch_bytes(attempt->fetch);
    struct span rest = bytes;
    struct span ready = { 0 };
    bool whole = true;

    step->verdict = RELAY_DROP;
    while (step->verdict != RELAY_FAILED && !attempt->relay.ended &&
           sink_room(ex) > ready.size) {
        whole = relay_next(&attempt->relay, rest, ended, step);
        if (!whole)
            break;
        rest = span_skip(rest, step->consumed);
        if (step->verdict != RELAY_DROP)
            gather(ex, step, &ready);
    }
    sink_bytes(ex, ready);
    fetch_consume(attempt->fetch, bytes.size - rest.size);
    return whole;
}

static enum exchange_state relay_events(struct exchange *ex)
{
    struct attempt *attempt = ex->attempt;
    struct relay_step step;
    bool whole = send_events(ex, &step);

    if (step.verdict == RELAY_FAILED)
        return broken(ex, step.error);
    if (attempt->relay.ended)
        return complete(ex);
    if (!whole && over(attempt->fetch))
        return end_of_events(ex);
    if (!whole && fetch_bytes(attempt->fetch).size >= LIMIT_INBOX_BYTES / 2)
        fetch_widen(attempt->fetch, LIMIT_EVENT_BYTES + LIMIT_INBOX_BYTES); /* half an event */
    sink_keep_alive(ex);
    return EXCHANGE_STREAM;
}

/* ---- JSON, and whatever is passed through as it is ---- */

/* Keeps the last bytes, where the usage of a long answer stands. */
static void keep_tail(struct exchange *ex, struct span bytes)
{
    if (ex->usage.known)
        return;
    if (bytes.size > LIMIT_ANSWER_TAIL_BYTES)
        bytes = span_skip(bytes, bytes.size - LIMIT_ANSWER_TAIL_BYTES);
    if (buf_size(&ex->tail) > LIMIT_ANSWER_TAIL_BYTES)
        buf_consume(&ex->tail, buf_size(&ex->tail) - LIMIT_ANSWER_TAIL_BYTES);
    (void)buf_add(&ex->tail, bytes);
}

APART static enum exchange_state pass_bytes(struct exchange *ex)
{
    struct fetch *fetch = ex->attempt->fetch;
    size_t room;

    while ((room = sink_room(ex)) > 0) {
        struct span part = span_first(fetch_bytes(fetch), room);

        if (part.size == 0)
            break;
        if (fetch_received(fetch) > LIMIT_ANSWER_BYTES)
            return broken(ex, refusal_error(REFUSE_UPSTREAM_PROTOCOL,
                                            "The provider's answer is too long."));
        sink_bytes(ex, part);
        keep_tail(ex, part);
        fetch_consume(fetch, part.size);
    }
    if (fetch_bytes(fetch).size || !over(fetch))
        return EXCHANGE_STREAM;
    if (fetch_phase(fetch) == FETCH_FAILED)
        return broken(ex, attempt_fetch_error(ex->attempt));
    if (!ex->usage.known)
        ex->endpoint->dialect->read_answer_tail(buf_span(&ex->tail), &ex->usage);
    return complete(ex);
}

enum exchange_state stream_step(struct exchange *ex)
{
    enum exchange_state next;
    enum clock_name expired;

    if (ex->http == NULL)
        return linger(ex);
    if (ex->interrupted)
        return broken(ex, refusal_error(REFUSE_OVERLOADED, "The gateway is shutting down."));
    attempt_note_bytes(ex, ex->attempt);
    if (ex->upload && !upload_go_on(ex, ex->attempt))
        return broken(ex, ex->error);
    next = ex->attempt->kind == ANSWER_STREAM ? relay_events(ex) : pass_bytes(ex);
    if (next != EXCHANGE_STREAM || ex->http == NULL)
        return next;
    if (sink_room(ex) == 0) /* we are the ones who pause it */
        clocks_start(&ex->attempt->clocks, CLOCK_IDLE, exchange_now_ms(ex),
                     ex->attempt->step->target->provider->timeouts.idle);
    expired = clocks_expired(&ex->clocks, &ex->attempt->clocks, exchange_now_ms(ex));
    return expired == CLOCK_NONE ? next : broken(ex, attempt_clock_error(expired));
}
