/* attempt: one try at one target after another, for as long as nothing of an answer was sent.
 *
 *     OPEN --start--> AWAIT --head--> error status   --judge--+
 *      ^                |        +--> JSON, held     --whole--+--> commit --> STREAM
 *      |                |        +--> events, held   --content+
 *      +--- another ----+<------------- anything that went wrong
 */
#include "base/clock.h"
#include "flow/exchange_state.h"
#include "flow/retry_after.h"
#include "llm/scan.h"
#include "llm/scrub.h"
#include "policy/retry.h"

#include <assert.h>
#include <string.h>

/* What may be tried after an error of this class. */
static const struct {
    bool other; /* another target */
    bool same;  /* the same one again, after a while */
} second_try[] = {
    [LLM_FINE] = { false, false },
    [LLM_RATE_LIMIT] = { true, true },
    [LLM_QUOTA] = { true, false },
    [LLM_SERVER_ERROR] = { true, true },
    [LLM_TIMEOUT] = { true, true },
    [LLM_CONNECTION] = { true, true },
    [LLM_AUTH] = { true, false },
    [LLM_CONTEXT_WINDOW] = { false, false },
    [LLM_CONTENT_FILTER] = { false, false },
    [LLM_NOT_FOUND] = { false, false },
    [LLM_CLIENT_ERROR] = { false, false },
};

static const struct config_timeouts *timeouts_of(const struct exchange *ex)
{
    return &ex->attempt.step->target->provider->timeouts;
}

static uint64_t now_of(const struct exchange *ex)
{
    return loop_now_ms(ex->env->loop);
}

/* ---- OPEN ---- */

static void add_header(struct exchange *ex, const char *line)
{
    struct attempt *attempt = &ex->attempt;

    if (attempt->header_count < FETCH_HEADERS_MAX)
        attempt->headers[attempt->header_count++] = line;
}

static void add_key(struct exchange *ex, const struct config_provider *provider)
{
    static const char *const formats[] = {
        [AUTH_NONE] = NULL,
        [AUTH_BEARER] = "Authorization: Bearer %.*s",
        [AUTH_X_API_KEY] = "x-api-key: %.*s",
        [AUTH_API_KEY] = "api-key: %.*s",
    };
    const char *format = formats[provider->kind->auth];
    struct span key;
    struct buf *line = &ex->env->scratch;

    if (format == NULL || provider->keys.count == 0)
        return;
    key = secret_reveal(
        &provider->keys.items[route_random(&ex->env->random, (uint32_t)provider->keys.count)]);
    buf_reset(line);
    (void)buf_add(line, span_first(span_from(format), (size_t)(strchr(format, '%') - format)));
    (void)buf_add(line, key);
    add_header(ex, arena_text(&ex->arena, buf_span(line)));
}

/* What of the client's headers an upstream may see: nothing that carries a credential, a host or
 * framing. */
static void add_client_headers(struct exchange *ex)
{
    static const char *const passed[] = { "traceparent", "tracestate", "openai-beta",
                                          "idempotency-key" };

    for (size_t i = 0; i < sizeof(passed) / sizeof(passed[0]); i++) {
        struct span value = http_header(http_request(ex->http), passed[i]);

        if (value.size)
            add_header(ex, arena_printf(&ex->arena, "%s: %.*s", passed[i], SPAN_ARG(value)));
    }
}

static void make_headers(struct exchange *ex, const struct config_provider *provider)
{
    ex->attempt.header_count = 0;
    add_header(ex, "Content-Type: application/json");
    add_header(ex, ex->chat.stream ? "Accept: text/event-stream" : "Accept: application/json");
    add_header(ex, "User-Agent: sluice/" SLUICE_VERSION);
    add_header(ex, arena_texts(&ex->arena, "x-request-id: ", ex->id, NULL));
    add_key(ex, provider);
    add_client_headers(ex);
    for (size_t i = 0; i < provider->headers.count; i++)
        add_header(ex, arena_printf(&ex->arena, "%s: %s", provider->headers.items[i].name,
                                    provider->headers.items[i].value));
}

static bool wants_usage(const struct exchange *ex, const struct config_provider *provider)
{
    return ex->chat.stream && !ex->chat.include_usage && ex->endpoint->usage_on_request &&
           provider->kind->stream_options;
}

static bool start(struct exchange *ex, const struct plan_step *step,
                  struct breaker_ticket ticket)
{
    const struct config_provider *provider = step->target->provider;
    struct fetch_origin *origin = env_origin(ex->env, provider, ex->endpoint);
    struct attempt *attempt = &ex->attempt;
    struct fetch_request request = { .origin = origin,
                                     .headers = attempt->headers,
                                     .small_reads = ex->chat.stream };
    uint64_t now_ms = now_of(ex);

    if (origin == NULL)
        return false;
    *attempt = (struct attempt){ .step = step, .ticket = ticket };
    make_headers(ex, provider);
    request.header_count = attempt->header_count;
    request.body = attempt->pieces;
    request.body_count = relay_request(&ex->chat, span_from(step->target->model),
                                       wants_usage(ex, provider), &ex->arena, attempt->pieces);
    attempt->started_us = clock_us();
    ex->opened_us = attempt->started_us;
    attempt->fetch = fetch_start(ex->env->fetches, &request, &ex->task);
    step->state->in_flight++;
    step->state->attempts++;
    ex->attempts++;
    clocks_start(&ex->clocks, CLOCK_CONNECT, now_ms, provider->timeouts.connect);
    if (ex->chat.stream)
        clocks_start(&ex->clocks, CLOCK_FIRST_BYTE, now_ms, provider->timeouts.first_byte);
    if (ex->chat.stream && ex->clocks.at_ms[CLOCK_COMMENT] == 0)
        clocks_start(&ex->clocks, CLOCK_COMMENT, now_ms, ex->config->timeouts.sse_comment);
    return true;
}

/* The plan has been tried whole: once more from its beginning after a while, if that could help. */
static enum exchange_state next_round(struct exchange *ex)
{
    uint64_t now_ms = now_of(ex);
    uint32_t delay_ms;

    if (ex->attempts == 0)
        return refuse(ex, REFUSE_NO_HEALTHY_TARGET, "No target of `%s` can be reached.",
                      ex->model->name);
    if (ex->attempts >= ex->config->retry.max_attempts || !second_try[ex->error.class].same ||
        span_is(ex->error.code, "upstream_tls"))
        return EXCHANGE_REFUSE;
    if (ex->attempts == ex->attempts_before)
        return EXCHANGE_REFUSE; /* no breaker let this round in, and others may keep them open */
    delay_ms = retry_delay_ms(&ex->config->retry, ex->rounds, &ex->env->random);
    if (ex->retry_after_ms > delay_ms)
        delay_ms = ex->retry_after_ms;
    if (delay_ms > ex->config->retry.max_delay_ms)
        return EXCHANGE_REFUSE; /* it asks for more patience than the configuration has */
    if (clocks_passed(&ex->clocks, CLOCK_TOTAL, now_ms + delay_ms))
        return EXCHANGE_REFUSE;
    ex->rounds++;
    ex->attempts_before = ex->attempts;
    ex->plan_at = 0;
    clocks_start(&ex->clocks, CLOCK_BACKOFF, now_ms, delay_ms ? delay_ms : 1);
    return EXCHANGE_OPEN;
}

enum exchange_state attempt_open(struct exchange *ex)
{
    struct breaker_rule rule = route_breaker_rule(ex->config);
    uint64_t now_ms = now_of(ex);

    if (ex->interrupted)
        return refuse(ex, REFUSE_OVERLOADED, "The gateway is shutting down.");
    if (clocks_passed(&ex->clocks, CLOCK_TOTAL, now_ms))
        return refuse(ex, REFUSE_DEADLINE_EXCEEDED, "The request took longer than it may.");
    sink_keep_alive(ex);
    if (ex->clocks.at_ms[CLOCK_BACKOFF] && !clocks_passed(&ex->clocks, CLOCK_BACKOFF, now_ms))
        return EXCHANGE_OPEN;
    clocks_stop(&ex->clocks, CLOCK_BACKOFF);
    for (; ex->plan_at < ex->plan_count; ex->plan_at++) {
        const struct plan_step *step = &ex->plan[ex->plan_at];
        struct breaker_ticket ticket = breaker_enter(&step->state->breaker, &rule, now_ms);

        if (ticket.pass == BREAKER_REFUSED)
            continue;
        if (start(ex, step, ticket))
            return EXCHANGE_AWAIT;
        (void)breaker_leave(&step->state->breaker, &rule, ticket, BREAKER_UNKNOWN, now_ms);
    }
    return next_round(ex);
}

/* ---- the end of an attempt ---- */

void attempt_end(struct exchange *ex, enum attempt_outcome outcome)
{
    struct attempt *attempt = &ex->attempt;

    receipt_attempt(ex, outcome);
    clocks_stop_attempt(&ex->clocks);
    fetch_close(attempt->fetch);
    attempt->fetch = NULL;
    if (attempt->relaying)
        relay_done(&attempt->relay);
    attempt->relaying = false;
}

enum attempt_outcome attempt_outcome_of(const struct llm_error *error)
{
    if (span_is(error->code, "upstream_truncated"))
        return ATTEMPT_TRUNCATED;
    switch (error->class) {
    case LLM_FINE: return ATTEMPT_OK;
    case LLM_RATE_LIMIT: return ATTEMPT_RATE_LIMIT;
    case LLM_SERVER_ERROR: return ATTEMPT_SERVER_ERROR;
    case LLM_TIMEOUT: return ATTEMPT_TIMEOUT;
    case LLM_CONNECTION: return ATTEMPT_CONNECTION_ERROR;
    case LLM_QUOTA:
    case LLM_AUTH: return ATTEMPT_AUTH;
    case LLM_CONTEXT_WINDOW:
    case LLM_CONTENT_FILTER:
    case LLM_NOT_FOUND:
    case LLM_CLIENT_ERROR: break;
    }
    return ATTEMPT_CLIENT_ERROR;
}

struct llm_error attempt_clock_error(const struct exchange *ex, enum clock_name clock)
{
    (void)ex;
    if (clock == CLOCK_CONNECT)
        return refusal_error(REFUSE_UPSTREAM_CONNECT_TIMEOUT,
                             "No connection to the provider within timeouts.connect.");
    if (clock == CLOCK_FIRST_BYTE)
        return refusal_error(REFUSE_UPSTREAM_TIMEOUT,
                             "The provider sent nothing within timeouts.first_byte.");
    if (clock == CLOCK_IDLE)
        return refusal_error(REFUSE_UPSTREAM_TIMEOUT,
                             "The provider fell silent for timeouts.idle.");
    return refusal_error(REFUSE_DEADLINE_EXCEEDED,
                         "The request took longer than timeouts.total.");
}

struct llm_error attempt_fetch_error(const struct exchange *ex)
{
    switch (fetch_failure(ex->attempt.fetch)) {
    case FETCH_NO_DNS:
        return refusal_error(REFUSE_UPSTREAM_DNS, "The provider's host name was not found.");
    case FETCH_NO_CONNECTION:
        return refusal_error(REFUSE_UPSTREAM_CONNECT, "The provider cannot be reached.");
    case FETCH_NO_TLS:
        return refusal_error(REFUSE_UPSTREAM_TLS,
                             "No trustworthy TLS connection to the provider.");
    case FETCH_ADDRESS_DENIED:
        return refusal_error(REFUSE_UPSTREAM_ADDRESS_DENIED,
                             "The provider's name led to an address that it may not have.");
    case FETCH_NO_SOCKET:
        return refusal_error(REFUSE_OVERLOADED, "The gateway is out of file descriptors.");
    case FETCH_RESET:
        return refusal_error(REFUSE_UPSTREAM_RESET,
                             "The provider closed the connection without an answer.");
    case FETCH_PROTOCOL:
        return refusal_error(REFUSE_UPSTREAM_PROTOCOL,
                             "The provider's answer is not HTTP that can be trusted.");
    case FETCH_HEADER_TOO_LARGE:
        return refusal_error(REFUSE_UPSTREAM_HEADER_TOO_LARGE,
                             "The provider's answer has too many or too large headers.");
    case FETCH_FINE: /* a good end in the middle of an answer */
    case FETCH_TRUNCATED: break;
    }
    return refusal_error(REFUSE_UPSTREAM_TRUNCATED, "The provider's answer broke off.");
}

/* ---- AWAIT ---- */

/* The span may lie in what the attempt takes with it. */
static struct span kept(struct exchange *ex, struct span text)
{
    return text.at ? arena_copy(&ex->arena, text) : text;
}

void attempt_keep_error(struct exchange *ex, struct llm_error error)
{
    error.message = kept(ex, error.message);
    error.type = kept(ex, error.type);
    error.code = kept(ex, error.code);
    error.param = kept(ex, error.param);
    ex->error = error;
    ex->error_body = span_make(NULL, 0);
}

/* This target has failed; what now? */
static enum exchange_state failed(struct exchange *ex, struct llm_error error)
{
    bool stale = fetch_was_stale(ex->attempt.fetch) && !ex->stale_retried;
    bool ours = fetch_failure(ex->attempt.fetch) == FETCH_NO_SOCKET;

    attempt_keep_error(ex, error);
    if (ex->moved_for == LLM_FINE && !stale)
        ex->moved_for = error.class;
    buf_reset(&ex->held);
    attempt_end(ex, stale || ours ? ATTEMPT_CANCELLED : attempt_outcome_of(&ex->error));
    if (ex->cancelled_in)
        return EXCHANGE_SETTLE; /* drained for a client that has left: nobody waits for more */
    if (ex->attempts >= ex->config->retry.max_attempts || !second_try[ex->error.class].other)
        return EXCHANGE_REFUSE;
    if (stale)
        ex->stale_retried =
            true; /* the connection was dead, not the target: it again, at once */
    else
        ex->plan_at++;
    return EXCHANGE_OPEN;
}

static enum exchange_state failed_as(struct exchange *ex, enum refusal refusal,
                                     const char *message)
{
    return failed(ex, refusal_error(refusal, message));
}

void attempt_note_bytes(struct exchange *ex)
{
    struct attempt *attempt = &ex->attempt;
    uint64_t received = fetch_received(attempt->fetch);

    if (!attempt->connected && fetch_phase(attempt->fetch) != FETCH_CONNECT) {
        attempt->connected = true;
        clocks_stop(&ex->clocks, CLOCK_CONNECT);
    }
    if (received == attempt->received && ex->clocks.at_ms[CLOCK_IDLE])
        return;
    attempt->received = received;
    if (fetch_status(attempt->fetch))
        clocks_start(&ex->clocks, CLOCK_IDLE, now_of(ex), timeouts_of(ex)->idle);
}

static enum exchange_state wait_on(struct exchange *ex)
{
    enum clock_name expired = clocks_expired(&ex->clocks, now_of(ex));

    sink_keep_alive(ex);
    if (expired == CLOCK_NONE)
        return EXCHANGE_AWAIT;
    if (expired != CLOCK_TOTAL)
        return failed(ex, attempt_clock_error(ex, expired));
    attempt_keep_error(ex, attempt_clock_error(ex, expired));
    attempt_end(ex, ATTEMPT_TIMEOUT);
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

static enum exchange_state judge_head(struct exchange *ex)
{
    struct attempt *attempt = &ex->attempt;
    unsigned status = fetch_status(attempt->fetch);
    struct span type = fetch_header(attempt->fetch, "content-type");
    struct span coding = fetch_header(attempt->fetch, "content-encoding");

    if (status >= 300 && status < 400)
        return failed_as(ex, REFUSE_UPSTREAM_REDIRECT,
                         "The provider answered with a redirect, which is never followed.");
    if (coding.size && !span_is_nocase(coding, "identity"))
        return failed_as(ex, REFUSE_UPSTREAM_PROTOCOL,
                         "The provider compressed its answer although it was not asked to.");
    if (status >= 400)
        attempt->kind = ANSWER_ERROR;
    else if (ex->chat.stream && (is_event_stream(type) || type.size == 0))
        attempt->kind = ANSWER_STREAM;
    else if ((is_json(type) || type.size == 0) && !ex->head_sent)
        attempt->kind = ANSWER_JSON;
    else
        return failed_as(ex, REFUSE_UPSTREAM_CONTENT_TYPE,
                         "The provider answered with a content type that does not fit.");
    if (attempt->kind == ANSWER_STREAM) {
        bool injected = wants_usage(ex, attempt->step->target->provider);

        relay_init(&attempt->relay, ex->endpoint->dialect, injected);
        attempt->relaying = true;
    } else {
        if (attempt->kind == ANSWER_JSON) /* a comment would announce a stream */
            clocks_stop(&ex->clocks, CLOCK_COMMENT);
        fetch_widen(attempt->fetch, LIMIT_ANSWER_HELD_BYTES + LIMIT_INBOX_BYTES);
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

static enum exchange_state await_error(struct exchange *ex)
{
    struct fetch *fetch = ex->attempt.fetch;
    struct span body = span_first(fetch_bytes(fetch), LIMIT_UPSTREAM_ERROR_BYTES);
    struct llm_error error = { 0 };
    struct span words;
    enum exchange_state next;

    if (!over(fetch) && body.size < LIMIT_UPSTREAM_ERROR_BYTES)
        return wait_on(ex);
    ex->endpoint->dialect->read_error(fetch_status(fetch), body, &ex->arena, &error);
    ex->retry_after_ms = retry_after_read(fetch_header(fetch, "retry-after-ms"),
                                          fetch_header(fetch, "retry-after"), clock_wall_ms());
    if (error.class == LLM_AUTH)
        return failed_as(ex, REFUSE_UPSTREAM_AUTH,
                         "The provider did not accept the gateway's key for it.");
    words = own_words(ex, body);
    next = failed(ex, error);
    ex->error_body = words;
    return next;
}

/* Content is here: from now on this target answers, whatever happens. */
static enum exchange_state commit(struct exchange *ex)
{
    ex->committed = true;
    ex->content_us = ex->content_us ? ex->content_us : clock_us();
    ex->error = (struct llm_error){ 0 };
    ex->retry_after_ms = 0;
    clocks_stop(&ex->clocks, CLOCK_FIRST_BYTE);
    if (fetch_forget(ex->attempt.fetch)) /* nobody will send it again */
        http_forget_body(ex->http);
    return EXCHANGE_STREAM;
}

static int64_t promised_length(const struct fetch *fetch)
{
    uint64_t length;

    if (!span_u64(fetch_header(fetch, "content-length"), &length) || length > INT64_MAX)
        return HTTP_LENGTH_UNKNOWN;
    return (int64_t)length;
}

static enum exchange_state await_json(struct exchange *ex)
{
    struct fetch *fetch = ex->attempt.fetch;
    struct span body = fetch_bytes(fetch);
    struct llm_answer answer = { 0 };

    if (fetch_phase(fetch) == FETCH_FAILED)
        return failed(ex, attempt_fetch_error(ex));
    if (fetch_phase(fetch) != FETCH_DONE && body.size <= LIMIT_ANSWER_HELD_BYTES)
        return wait_on(ex);
    if (fetch_phase(fetch) != FETCH_DONE) {
        sink_start_json(ex, fetch_status(fetch), promised_length(fetch));
        return commit(ex);
    }
    ex->endpoint->dialect->read_answer(body, &ex->arena, &answer);
    if (answer.failed)
        return failed(ex, answer.error);
    if (answer.malformed)
        return failed_as(ex, REFUSE_UPSTREAM_PROTOCOL, "The provider's answer is not JSON.");
    ex->usage = answer.usage;
    ex->content_us = clock_us();
    sink_start_json(ex, fetch_status(fetch), (int64_t)body.size);
    return commit(ex);
}

static enum exchange_state await_stream(struct exchange *ex)
{
    struct attempt *attempt = &ex->attempt;
    struct relay_step step;

    while (relay_next(&attempt->relay, fetch_bytes(attempt->fetch),
                      fetch_phase(attempt->fetch) == FETCH_DONE, &step)) {
        bool content = step.verdict == RELAY_FORWARD || step.verdict == RELAY_END;

        if (step.verdict == RELAY_FAILED)
            return failed(ex, step.error);
        if (step.verdict != RELAY_DROP && !buf_add(&ex->held, step.bytes))
            content = true; /* the window is full: it has to be this target */
        if (content) {
            ex->content_us = clock_us();
            sink_start_stream(ex);
            sink_bytes(ex, buf_span(&ex->held));
            if (ex->held.overflowed)
                sink_bytes(ex, step.bytes);
            buf_done(&ex->held);
            fetch_consume(attempt->fetch, step.consumed);
            return commit(ex);
        }
        fetch_consume(attempt->fetch, step.consumed);
    }
    if (over(attempt->fetch))
        return failed(ex, attempt_fetch_error(ex));
    if (fetch_bytes(attempt->fetch).size) /* half an event, which may need more room */
        fetch_widen(attempt->fetch, LIMIT_EVENT_BYTES + LIMIT_INBOX_BYTES);
    return wait_on(ex);
}

enum exchange_state attempt_await(struct exchange *ex)
{
    struct attempt *attempt = &ex->attempt;
    enum exchange_state next = EXCHANGE_AWAIT;

    if (ex->interrupted) {
        attempt_end(ex, ATTEMPT_CANCELLED);
        return refuse(ex, REFUSE_OVERLOADED, "The gateway is shutting down.");
    }
    attempt_note_bytes(ex);
    if (fetch_status(attempt->fetch) == 0 || fetch_failure(attempt->fetch) == FETCH_PROTOCOL) {
        if (fetch_phase(attempt->fetch) == FETCH_FAILED)
            return failed(ex, attempt_fetch_error(ex));
        return wait_on(ex);
    }
    if (attempt->kind == ANSWER_UNKNOWN)
        next = judge_head(ex);
    if (next != EXCHANGE_AWAIT)
        return next;
    switch (attempt->kind) {
    case ANSWER_ERROR: return await_error(ex);
    case ANSWER_JSON: return await_json(ex);
    case ANSWER_STREAM: return await_stream(ex);
    case ANSWER_UNKNOWN: break;
    }
    return EXCHANGE_AWAIT;
}
