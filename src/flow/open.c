/* open: the first target of the plan that lets us in, and the request that it gets.
 *
 *     PLAN --> OPEN --start--> AWAIT
 *               ^ |              |
 *               | +-- back-off   |   the plan was tried whole: once more from its beginning,
 *               +--- failed -----+   after a while
 */
#include "base/clock.h"
#include "flow/exchange_state.h"
#include "flow/request.h"
#include "flow/request_head.h"
#include "flow/tell.h"
#include "flow/upload.h"
#include "policy/retry.h"

#include <assert.h>
#include <string.h>

static bool is_header(const char *line, struct span name)
{
    struct span rest = span_from(line);

    return span_equal_nocase(span_cut(&rest, ':'), name);
}

/* Of which version of its language a request is: the client knows, unless the request is ours. */
static void add_kind_header(struct exchange *ex, const struct attempt *attempt, struct buf *out)
{
    const struct config_provider *provider = attempt->step->target->provider;
    const struct http_request *request = http_request(ex->http);

    if (!config_needs_header(provider))
        return;
    for (size_t i = 0; !attempt->translation.on && i < request->header_count; i++)
        if (is_header(provider->kind->header, request->headers[i].name)) {
            request_head_add(out, request->headers[i].name, request->headers[i].value);
            return;
        }
    request_head_add_kind(out, provider);
}

/* Headers of the provider's own language: all, whatever they will be called, but for those that the
 * configuration or we have set. */
static void add_native_headers(const struct http_request *request,
                               const struct config_provider *provider, struct buf *out)
{
    for (size_t i = 0; provider->kind->passes && i < request->header_count; i++) {
        struct span name = request->headers[i].name;
        struct span front = span_first(name, strlen(provider->kind->passes));

        if (span_is_nocase(front, provider->kind->passes) &&
            !is_header(provider->kind->header, name) && !config_sets_header(provider, name))
            request_head_add(out, name, request->headers[i].value);
    }
}

/* What of the client's headers an upstream may see: nothing that carries a credential, a host or
 * framing. */
static void add_client_headers(const struct http_request *request, struct buf *out)
{
    static const struct span passed[] = { SPAN("traceparent"), SPAN("tracestate"),
                                          SPAN("openai-beta"), SPAN("idempotency-key") };

    enum { PASSED = sizeof(passed) / sizeof(passed[0]) };
    struct span values[PASSED];

    request_headers(request, passed, PASSED, values);
    for (size_t i = 0; i < PASSED; i++)
        if (values[i].size)
            request_head_add(out, passed[i], values[i]);
}

static struct span accepted(const struct exchange *ex)
{
    if (ex->endpoint->opaque)
        return SPAN_OF("Accept: */*\r\n");
    return ex->chat.stream ? SPAN_OF("Accept: text/event-stream\r\n")
                           : SPAN_OF("Accept: application/json\r\n");
}

/* The lines lie in the arena. */
static struct span make_head(struct exchange *ex, const struct attempt *attempt,
                             struct span key)
{
    const struct config_provider *provider = attempt->step->target->provider;
    const struct http_request *request = http_request(ex->http);
    struct buf *out = &ex->env->scratch;

    buf_reset(out);
    if (ex->upload)
        request_head_add(out, SPAN_OF("Content-Type"), upload_content_type(ex));
    else
        (void)buf_add(out, SPAN_OF("Content-Type: application/json\r\n"));
    (void)buf_add(out, accepted(ex));
    (void)buf_add_texts(out, "x-request-id: ", ex->id, "\r\n", NULL);
    (void)request_head_add_key(out, provider, key);
    request_head_add_ours(out, provider);
    add_kind_header(ex, attempt, out);
    add_client_headers(request, out);
    add_native_headers(request, provider, out);
    assert(!out->overflowed);
    return arena_copy(&ex->arena, buf_span(out));
}

static bool start(struct exchange *ex, struct attempt *attempt, const struct plan_step *step,
                  struct breaker_ticket ticket, const struct key_choice *key)
{
    const struct config_provider *provider = step->target->provider;
    struct fetch_request request = { .small_reads = ex->chat.stream };
    const struct plan_step *before = attempt->step;
    uint64_t now_ms = exchange_now_ms(ex);

    if (!translation_place(ex, step, &request))
        return false;
    *attempt = (struct attempt){ .step = step, .ticket = ticket };
    if (!translation_request(ex, attempt, step)) {
        attempt->step = before; /* this one was not asked */
        return false;
    }
    buf_init(&attempt->held, LIMIT_COMMIT_WINDOW_BYTES);
    request.headers = make_head(ex, attempt, key->secret);
    keys_use(ex, attempt, key);
    request.body = attempt->pieces;
    request.body_count = attempt->piece_count;
    if (ex->upload)
        upload_start(ex, step, &request);
    attempt->started_us = clock_us();
    attempt->started_ms = now_ms;
    if (attempt == ex->attempt)
        ex->opened_us = attempt->started_us;
    attempt->fetch = fetch_start(ex->env->fetches, &request, &ex->task);
    if (ex->attempts)
        retry_budget_take(&ex->env->retries, now_ms);
    else
        retry_budget_add(&ex->env->retries, now_ms);
    slots_target_take(ex, step);
    step->state->attempts++;
    receipt_asked(ex, attempt);
    ex->attempts++;
    clocks_start(&attempt->clocks, CLOCK_CONNECT, now_ms, provider->timeouts.connect);
    if (ex->chat.stream)
        clocks_start(&attempt->clocks, CLOCK_FIRST_BYTE, now_ms, provider->timeouts.first_byte);
    if (ex->chat.stream && ex->clocks.at_ms[CLOCK_COMMENT] == 0)
        clocks_start(&ex->clocks, CLOCK_COMMENT, now_ms, ex->config->timeouts.sse_comment);
    if (step->model->hedge.after && ex->upload == NULL)
        hedge_arm(ex, attempt);
    return true;
}

/* Nothing was asked: because of breakers, or of keys? Says so in ex->error. */
static enum exchange_state nobody_asked(struct exchange *ex, uint64_t free_ms)
{
    if (free_ms == 0)
        return refuse(ex, REFUSE_UPSTREAM_AUTH,
                      "No key of the gateway for the providers of `%s` is accepted.",
                      ex->model->name);
    if (free_ms <= exchange_now_ms(ex))
        return refuse(ex, REFUSE_NO_HEALTHY_TARGET, "No target of `%s` can be reached.",
                      ex->model->name);
    return refuse(ex, REFUSE_RATE_LIMIT_EXCEEDED,
                  "Every target of `%s` has asked to be left alone for a while.",
                  ex->model->name);
}

/* How long before the plan is tried again. While limits last, as long as the first of them does. */
static uint32_t round_delay_ms(struct exchange *ex, uint64_t free_ms)
{
    const struct config_retry *retry = &ex->config->retry;
    uint64_t now_ms = exchange_now_ms(ex);
    uint32_t delay_ms = retry_delay_ms(retry, ex->rounds, &ex->env->random);

    if (free_ms > now_ms) {
        uint32_t wait_ms = (uint32_t)(free_ms - now_ms);

        if (ex->error.class == LLM_RATE_LIMIT)
            ex->retry_after_ms = wait_ms;
        /* Whoever came meanwhile waits for the same moment: not all in the same millisecond. */
        return ex->attempts == 0    ? wait_ms + delay_ms / 8
               : wait_ms > delay_ms ? wait_ms
                                    : delay_ms;
    }
    if (ex->error.class == LLM_RATE_LIMIT && free_ms)
        return delay_ms;
    return ex->retry_after_ms > delay_ms ? ex->retry_after_ms : delay_ms;
}

/* The plan has been tried whole: once more from its beginning after a while, if that could help. */
static enum exchange_state next_round(struct exchange *ex)
{
    uint64_t now_ms = exchange_now_ms(ex);
    uint64_t free_ms = keys_free_ms(ex);
    uint32_t delay_ms;

    if (ex->attempts == 0)
        (void)nobody_asked(ex, free_ms);
    if (ex->attempts == 0 && ex->unsayable.status) {
        ex->error = ex->unsayable; /* no other target could be asked, and nor can this */
        return EXCHANGE_REFUSE;
    }
    delay_ms = round_delay_ms(ex, free_ms);
    if (ex->rounds >= ex->config->retry.max_attempts ||
        ex->attempts >= ex->config->retry.max_attempts || !attempt_may_repeat(ex))
        return EXCHANGE_REFUSE;
    if (ex->attempts == ex->attempts_before && free_ms <= now_ms)
        return EXCHANGE_REFUSE; /* no breaker let this round in, and others may keep them open */
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

static bool admits(const struct plan_step *step, const struct breaker_rule *rule,
                   uint64_t now_ms)
{
    const struct breaker *breaker = &step->state->breaker;

    return step->last_resort ? breaker_admits_early(breaker, rule, now_ms)
                             : breaker_admits(breaker, rule, now_ms);
}

bool attempt_start(struct exchange *ex, struct attempt *attempt, const struct plan_step *step)
{
    struct breaker_rule rule = route_breaker_rule(ex->config);
    uint64_t now_ms = exchange_now_ms(ex);
    enum breaker_state before = step->state->breaker.state;
    struct breaker_ticket ticket;
    struct key_choice key;

    if (!admits(step, &rule, now_ms) || !keys_choose(ex, step, &key) ||
        slots_target_busy(ex, (uint32_t)(step - ex->plan)))
        return false;
    ticket = step->last_resort ? breaker_enter_early(&step->state->breaker, &rule, now_ms)
                               : breaker_enter(&step->state->breaker, &rule, now_ms);
    if (ticket.pass == BREAKER_REFUSED)
        return false;
    if (step->state->breaker.state != before)
        tell_breaker(ex->env, step, before);
    if (start(ex, attempt, step, ticket, &key))
        return true;
    (void)breaker_leave(&step->state->breaker, &rule, ticket, BREAKER_UNKNOWN, now_ms);
    return false;
}

/* Starts the first of the plan that is left and lets us in. */
static bool start_next(struct exchange *ex)
{
    for (; ex->plan_at < ex->plan_count; ex->plan_at++)
        if (attempt_start(ex, ex->attempt, &ex->plan[ex->plan_at]))
            return true;
    return false;
}

/* Starts one, here or at the stand-ins. A slot that it was given and could not use goes back; what was
 * passed over before it waited gets another look then. */
static bool start_any(struct exchange *ex)
{
    bool given = ex->slot != NULL;
    bool started = start_next(ex) || (plan_fallbacks(ex) && start_next(ex));

    if (ex->slot)
        slots_target_return(ex);
    if (started || !given)
        return started;
    ex->plan_at = 0;
    return start_next(ex);
}

enum exchange_state open_step(struct exchange *ex)
{
    uint64_t now_ms = exchange_now_ms(ex);

    if (ex->interrupted)
        return refuse(ex, REFUSE_OVERLOADED, "The gateway is shutting down.");
    if (clocks_passed(&ex->clocks, CLOCK_TOTAL, now_ms))
        return refuse(ex, REFUSE_DEADLINE_EXCEEDED, "The request took longer than it may.");
    if (list_linked(&ex->turn))
        return slots_target_wait(ex);
    sink_keep_alive(ex);
    if (ex->clocks.at_ms[CLOCK_BACKOFF] && !clocks_passed(&ex->clocks, CLOCK_BACKOFF, now_ms))
        return EXCHANGE_OPEN;
    clocks_stop(&ex->clocks, CLOCK_BACKOFF);
    if (ex->attempts &&
        !retry_budget_allows(&ex->env->retries, ex->config->retry.budget, now_ms))
        return EXCHANGE_REFUSE;
    if (start_any(ex))
        return EXCHANGE_AWAIT;
    if (ex->busy && ex->attempts == 0)
        return slots_target_wait(ex);
    return next_round(ex);
}
