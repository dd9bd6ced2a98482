/* await: nothing of an answer was sent yet, so whatever goes wrong, another target may answer.
 *
 *     AWAIT --head--> error status   --judge--+
 *       |        +--> JSON, held     --whole--+--> commit --> STREAM
 *       |        +--> sound, images  --bytes--+
 *       |        +--> events, held   --content+
 *       +--- anything that went wrong --> OPEN (another target), or REFUSE
 *
 * Where a second attempt runs beside the first (hedge.c), each is looked at by itself: one that fails
 * leaves the other to go on, the first with content answers.
 */
#include "base/clock.h"
#include "flow/bill.h"
#include "flow/exchange_state.h"
#include "flow/retry_after.h"
#include "flow/upload.h"
#include "llm/scan.h"
#include "llm/scrub.h"

/* This target has failed; what now? */
static enum exchange_state failed(struct exchange *ex, struct attempt *attempt,
                                  struct llm_error error)
{
    bool stale = fetch_was_stale(attempt->fetch) && !ex->stale_retried;
    bool ours = fetch_failure(attempt->fetch) == FETCH_NO_SOCKET;
    bool other_key;

    attempt_keep_error(ex, error);
    other_key = keys_failed(ex, attempt);
    if (ex->moved_for == LLM_FINE && !stale)
        ex->moved_for = error.class;
    attempt_end(ex, attempt,
                stale || ours ? ATTEMPT_CANCELLED : attempt_outcome_of(&ex->error));
    if (ex->hedge) {
        hedge_leave(ex, attempt);
        return EXCHANGE_AWAIT;
    }
    if (ex->cancelled_in)
        return EXCHANGE_SETTLE; /* drained for a client that has left: nobody waits for more */
    if (ex->attempts >= ex->config->retry.max_attempts)
        return EXCHANGE_REFUSE;
    if (ex->upload && !upload_may_restart(ex))
        return EXCHANGE_REFUSE;
    if (stale && !ex->hedged) { /* the connection was dead, not the target: it again, at once */
        ex->stale_retried = true;
        return EXCHANGE_OPEN;
    }
    if (other_key && !ex->hedged)
        return EXCHANGE_OPEN;
    if (attempt_may_move(ex))
        ex->plan_at++;
    else if (!plan_skip_model(ex))
        return EXCHANGE_REFUSE;
    return EXCHANGE_OPEN;
}

static enum exchange_state failed_as(struct exchange *ex, struct attempt *attempt,
                                     enum refusal refusal, const char *message)
{
    return failed(ex, attempt, refusal_error(refusal, message));
}

static enum exchange_state wait_on(struct exchange *ex, struct attempt *attempt)
{
    enum clock_name expired =
        clocks_expired(&ex->clocks, &attempt->clocks, exchange_now_ms(ex));

    sink_keep_alive(ex);
    if (expired == CLOCK_NONE)
        return EXCHANGE_AWAIT;
    if (expired != CLOCK_TOTAL)
        return failed(ex, attempt, attempt_clock_error(expired));
    attempt_keep_error(ex, attempt_clock_error(expired));
    hedge_drop(ex);
    attempt_end(ex, ex->attempt, ATTEMPT_TIMEOUT);
    return ex->cancelled_in ? EXCHANGE_SETTLE : EXCHANGE_REFUSE;
}

static bool is_event_stream(struct span type)
{
    return span_is_nocase(span_trim(span_cut(&type, ';')), "text/event-stream");
}

static bool is_json(struct span type)
{
    struct span essence = span_trim(span_cut(&type, ';'));

    return span_is_nocase(essence, "application/json") || span_ends(essence, "+json");
}

/* Sound, images, plain text, events: whatever such an endpoint has. A web page is none of it. */
static bool is_opaque(const struct exchange *ex, struct span type)
{
    return ex->endpoint->opaque && !is_json(type) &&
           !span_is_nocase(span_trim(span_cut(&type, ';')), "text/html");
}

/* So much of an answer is waited for: all of it, where it must be translated. */
static size_t held_max(const struct attempt *attempt)
{
    return attempt->translation.on ? LIMIT_ANSWER_TRANSLATED_BYTES : LIMIT_ANSWER_HELD_BYTES;
}

static enum exchange_state judge_head(struct exchange *ex, struct attempt *attempt)
{
    unsigned status = fetch_status(attempt->fetch);
    struct span type = fetch_header(attempt->fetch, "content-type");
    struct span coding = fetch_header(attempt->fetch, "content-encoding");

    if (status >= 300 && status < 400)
        return failed_as(ex, attempt, REFUSE_UPSTREAM_REDIRECT,
                         "The provider answered with a redirect, which is never followed.");
    if (coding.size && !span_is_nocase(coding, "identity"))
        return failed_as(ex, attempt, REFUSE_UPSTREAM_PROTOCOL,
                         "The provider compressed its answer although it was not asked to.");
    if (status >= 400)
        attempt->kind = ANSWER_ERROR;
    else if (is_opaque(ex, type))
        attempt->kind = ANSWER_BYTES;
    else if (ex->chat.stream && (is_event_stream(type) || type.size == 0))
        attempt->kind = ANSWER_STREAM;
    else if ((is_json(type) || type.size == 0) && !ex->head_sent &&
             !(attempt->translation.on && ex->chat.stream))
        attempt->kind = ANSWER_JSON;
    else
        return failed_as(ex, attempt, REFUSE_UPSTREAM_CONTENT_TYPE,
                         "The provider answered with a content type that does not fit.");
    if (attempt->kind == ANSWER_STREAM) {
        translation_stream(ex, attempt);
    } else if (attempt->kind != ANSWER_BYTES) {
        if (attempt->kind == ANSWER_JSON) /* a comment would announce a stream */
            clocks_stop(&ex->clocks, CLOCK_COMMENT);
        fetch_widen(attempt->fetch, held_max(attempt) + LIMIT_INBOX_BYTES);
    }
    return EXCHANGE_AWAIT;
}

static bool over(const struct fetch *fetch)
{
    return fetch_phase(fetch) == FETCH_DONE || fetch_phase(fetch) == FETCH_FAILED;
}

/* An error of an API is passed on as the provider wrote it, but for what looks like a credential; of
 * anything else (a web page, nothing) only what read_error made of it. */
static struct span own_words(struct exchange *ex, struct span body)
{
    struct scan_field error = { .name = "error" };
    struct scan_result result;

    if (scan_object(body, &error, 1, &result) || error.raw.at == NULL)
        return span_make(NULL, 0);
    return scrub_text(arena_copy(&ex->arena, body), &ex->arena);
}

static struct span header_of(const void *fetch, const char *name)
{
    return fetch_header(fetch, name);
}

static uint32_t wait_told(const struct fetch *fetch, struct span body)
{
    const struct retry_after_answer answer = {
        .header = header_of,
        .headers = fetch,
        .body = body,
        .limited = fetch_status(fetch) == 429,
    };

    return retry_after_read(&answer, clock_wall_ms());
}

static enum exchange_state await_error(struct exchange *ex, struct attempt *attempt)
{
    struct fetch *fetch = attempt->fetch;
    struct span body = span_first(fetch_bytes(fetch), LIMIT_UPSTREAM_ERROR_BYTES);
    struct llm_error error = { 0 };
    struct span words;
    enum exchange_state next;

    if (!over(fetch) && body.size < LIMIT_UPSTREAM_ERROR_BYTES)
        return wait_on(ex, attempt);
    attempt->translation.dialect->read_error(fetch_status(fetch), body, &ex->arena, &error);
    ex->retry_after_ms = wait_told(fetch, body);
    if (error.class == LLM_AUTH)
        return failed_as(ex, attempt, REFUSE_UPSTREAM_AUTH,
                         "The provider did not accept the gateway's key for it.");
    words = attempt->translation.on ? span_make(NULL, 0) : own_words(ex, body);
    next = failed(ex, attempt, error);
    ex->error_body = words;
    return next;
}

/* Content is here: from now on this target answers, whatever happens. */
static void choose(struct exchange *ex, struct attempt *attempt)
{
    ex->content_us = clock_us();
    if (attempt->pace)
        hedge_choose(ex, attempt);
}

static enum exchange_state commit(struct exchange *ex, struct attempt *attempt)
{
    ex->committed = true;
    receipt_content(ex, attempt);
    ex->error = (struct llm_error){ 0 };
    ex->retry_after_ms = 0;
    clocks_stop(&attempt->clocks, CLOCK_FIRST_BYTE);
    clocks_stop(&attempt->clocks, CLOCK_HEDGE);
    bill_prepare(ex, attempt);
    if (fetch_forget(attempt->fetch)) { /* nobody will send it again */
        translation_forget(attempt);
        http_forget_body(ex->http);
        if (ex->upload)
            upload_forget(ex);
    }
    return EXCHANGE_STREAM;
}

static int64_t promised_length(const struct fetch *fetch)
{
    uint64_t length;

    if (!span_u64(fetch_header(fetch, "content-length"), &length) || length > INT64_MAX)
        return HTTP_LENGTH_UNKNOWN;
    return (int64_t)length;
}

/* An answer in another language. It goes to the client whole, and STREAM finds nothing left to do. */
static enum exchange_state await_translated(struct exchange *ex, struct attempt *attempt,
                                            struct span body)
{
    struct llm_answer answer = { 0 };
    struct buf out;

    buf_init(&out, LIMIT_CLIENT_OUT_MAX / 2);
    translation_answer(ex, attempt, body, &out, &answer);
    if (answer.failed || answer.malformed || out.overflowed) {
        buf_done(&out);
        if (answer.failed)
            return failed(ex, attempt, answer.error);
        return failed_as(ex, attempt, REFUSE_UPSTREAM_PROTOCOL,
                         "The provider's answer cannot be understood.");
    }
    ex->usage = answer.usage;
    choose(ex, attempt);
    sink_start_json(ex, 200, (int64_t)buf_size(&out));
    sink_bytes(ex, buf_span(&out));
    buf_done(&out);
    fetch_consume(attempt->fetch, body.size);
    return commit(ex, attempt);
}

static enum exchange_state await_json(struct exchange *ex, struct attempt *attempt)
{
    struct fetch *fetch = attempt->fetch;
    struct span body = fetch_bytes(fetch);
    struct llm_answer answer = { 0 };

    if (fetch_phase(fetch) == FETCH_FAILED)
        return failed(ex, attempt, attempt_fetch_error(attempt));
    if (fetch_phase(fetch) != FETCH_DONE && body.size <= held_max(attempt))
        return wait_on(ex, attempt);
    if (attempt->translation.on && fetch_phase(fetch) != FETCH_DONE)
        return failed_as(ex, attempt, REFUSE_UPSTREAM_PROTOCOL,
                         "The provider's answer is too long to be translated.");
    if (attempt->translation.on)
        return await_translated(ex, attempt, body);
    if (fetch_phase(fetch) != FETCH_DONE) {
        choose(ex, attempt);
        sink_start_json(ex, fetch_status(fetch), promised_length(fetch));
        return commit(ex, attempt);
    }
    ex->endpoint->dialect->read_answer(body, &ex->arena, &answer);
    if (answer.failed)
        return failed(ex, attempt, answer.error);
    if (answer.malformed)
        return failed_as(ex, attempt, REFUSE_UPSTREAM_PROTOCOL,
                         "The provider's answer is not JSON.");
    ex->usage = answer.usage;
    choose(ex, attempt);
    sink_start_json(ex, fetch_status(fetch), (int64_t)body.size);
    return commit(ex, attempt);
}

/* Such an answer cannot be judged: its first byte decides. */
static enum exchange_state await_bytes(struct exchange *ex, struct attempt *attempt)
{
    struct fetch *fetch = attempt->fetch;

    if (fetch_phase(fetch) == FETCH_FAILED)
        return failed(ex, attempt, attempt_fetch_error(attempt));
    if (fetch_bytes(fetch).size == 0 && fetch_phase(fetch) != FETCH_DONE)
        return wait_on(ex, attempt);
    choose(ex, attempt);
    sink_start_bytes(ex, fetch_status(fetch), fetch_header(fetch, "content-type"),
                     promised_length(fetch));
    return commit(ex, attempt);
}

static enum exchange_state await_stream(struct exchange *ex, struct attempt *attempt)
{
    struct relay_step step;

    while (relay_next(&attempt->relay, fetch_bytes(attempt->fetch),
                      fetch_phase(attempt->fetch) == FETCH_DONE, &step)) {
        bool content = step.verdict == RELAY_FORWARD || step.verdict == RELAY_END;

        if (step.verdict == RELAY_FAILED)
            return failed(ex, attempt, step.error);
        if (step.verdict != RELAY_DROP && !buf_add(&attempt->held, step.bytes))
            content = true; /* the window is full: it has to be this target */
        if (content) {
            choose(ex, attempt);
            sink_start_stream(ex);
            sink_bytes(ex, buf_span(&attempt->held));
            if (attempt->held.overflowed)
                sink_bytes(ex, step.bytes);
            buf_done(&attempt->held);
            fetch_consume(attempt->fetch, step.consumed);
            return commit(ex, attempt);
        }
        fetch_consume(attempt->fetch, step.consumed);
    }
    if (over(attempt->fetch))
        return failed(ex, attempt, attempt_fetch_error(attempt));
    if (fetch_bytes(attempt->fetch).size >= LIMIT_INBOX_BYTES / 2) /* half an event */
        fetch_widen(attempt->fetch, LIMIT_EVENT_BYTES + LIMIT_INBOX_BYTES);
    return wait_on(ex, attempt);
}

/* What has come of this attempt since the last time? */
static enum exchange_state look_at(struct exchange *ex, struct attempt *attempt)
{
    enum exchange_state next = EXCHANGE_AWAIT;

    attempt_note_bytes(ex, attempt);
    if (ex->upload && !upload_go_on(ex, attempt)) {
        attempt_end(ex, attempt, ATTEMPT_CANCELLED);
        return EXCHANGE_REFUSE;
    }
    if (fetch_status(attempt->fetch) == 0 || fetch_failure(attempt->fetch) == FETCH_PROTOCOL) {
        if (fetch_phase(attempt->fetch) == FETCH_FAILED)
            return failed(ex, attempt, attempt_fetch_error(attempt));
        return wait_on(ex, attempt);
    }
    if (attempt->kind == ANSWER_UNKNOWN)
        next = judge_head(ex, attempt);
    if (next != EXCHANGE_AWAIT)
        return next;
    switch (attempt->kind) {
    case ANSWER_ERROR: return await_error(ex, attempt);
    case ANSWER_JSON: return await_json(ex, attempt);
    case ANSWER_STREAM: return await_stream(ex, attempt);
    case ANSWER_BYTES: return await_bytes(ex, attempt);
    case ANSWER_UNKNOWN: break;
    }
    return EXCHANGE_AWAIT;
}

enum exchange_state await_step(struct exchange *ex)
{
    struct attempt *hedge;
    enum exchange_state next;

    if (ex->interrupted || ex->cancelled_in)
        hedge_drop(ex);
    if (ex->interrupted) {
        attempt_end(ex, ex->attempt, ATTEMPT_CANCELLED);
        return refuse(ex, REFUSE_OVERLOADED, "The gateway is shutting down.");
    }
    hedge = ex->hedge;
    next = look_at(ex, ex->attempt);
    if (hedge && next == EXCHANGE_AWAIT)
        next = look_at(ex, hedge); /* which may be alone by now */
    if (next == EXCHANGE_AWAIT &&
        clocks_passed(&ex->attempt->clocks, CLOCK_HEDGE, exchange_now_ms(ex)))
        hedge_start(ex);
    return next;
}
