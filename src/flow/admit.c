/* admit: from the head of a request to a plan.
 *
 *     AUTH: key -> caller      ADMIT: body -> chat      PLAN: model -> plan
 */
#include "base/clock.h"
#include "base/limits.h"
#include "flow/counting.h"
#include "flow/exchange_state.h"
#include "flow/request.h"
#include "flow/upload.h"
#include "llm/place.h"

#include <stdio.h>
#include <string.h>

enum { NAMES_BYTES = 256 };

/* ---- AUTH ---- */

/* The headers in which a client asks for more, or less, than the configuration says. */
static enum exchange_state read_overrides(struct exchange *ex)
{
    const char *problem = overrides_read(http_request(ex->http), &ex->arena, &ex->overrides);
    uint64_t by_ms = exchange_now_ms(ex) + ex->overrides.timeout_ms;

    if (problem)
        return refuse(ex, REFUSE_INVALID_VALUE, "%s", problem);
    if (ex->overrides.timeout_ms && !clocks_passed(&ex->clocks, CLOCK_TOTAL, by_ms))
        ex->clocks.at_ms[CLOCK_TOTAL] = by_ms;
    return EXCHANGE_ADMIT;
}

/* Clients of Google may show it in the URL, which is written down nowhere. */
static struct span key_of(struct exchange *ex, const struct http_request *request)
{
    struct span key = request_key(request);

    if (key.at || !ex->endpoint->named)
        return key;
    key = request_query(request, "key");
    return key.at ? place_decode(key, &ex->arena) : key;
}

enum exchange_state admit_auth(struct exchange *ex)
{
    const struct http_request *request = http_request(ex->http);

    ex->id = request_id(request, &ex->arena, &ex->env->random);
    if (!auth_caller(ex->config, key_of(ex, request), clock_wall_coarse_ms(),
                     http_memory(ex->http), &ex->caller)) {
        ex->caller.name = "unknown";
        return refuse(ex, REFUSE_INVALID_API_KEY,
                      "Incorrect API key provided. Send a key of this gateway as "
                      "`Authorization: Bearer KEY`, `x-api-key`, `api-key` or "
                      "`x-goog-api-key`.");
    }
    if (limiting_caller(ex) == EXCHANGE_REFUSE)
        return EXCHANGE_REFUSE;
    if (request->method != HTTP_POST)
        return refuse(ex, REFUSE_METHOD_NOT_ALLOWED, "%s is answered to POST only.",
                      ex->endpoint->path);
    if (ex->endpoint->named && ex->endpoint->stream &&
        !span_is(request_query(request, "alt"), "sse"))
        return refuse(ex, REFUSE_INVALID_VALUE,
                      "A stream is answered as server-sent events alone: ask for it with "
                      "`?alt=sse`.");
    if (read_overrides(ex) == EXCHANGE_REFUSE)
        return EXCHANGE_REFUSE;
    return slots_enter(ex);
}

/* ---- ADMIT ---- */

static bool json_media(struct span type)
{
    struct span essence = span_trim(span_cut(&type, ';'));

    return essence.size == 0 || span_is_nocase(essence, "application/json") ||
           (span_starts(essence, "application/") && span_ends(essence, "+json")) ||
           span_is_nocase(essence,
                          "text/plain"); /* curl -d, and browsers avoiding a preflight */
}

/* The body goes with the reply, the log line is written after it. */
static void keep_for_the_log(struct exchange *ex)
{
    if (ex->chat.model.size)
        ex->chat.model =
            arena_copy(&ex->arena, span_first(ex->chat.model, LIMIT_MODEL_NAME_BYTES));
    if (ex->config->log.bodies)
        ex->logged_body =
            arena_copy(&ex->arena, span_first(http_body(ex->http), LIMIT_LOGGED_BODY_BYTES));
}

static enum err read_chat(struct exchange *ex, struct span body, struct chat_problem *problem)
{
    const struct dialect *dialect = ex->endpoint->dialect;

    if (ex->ahead)
        return dialect->read_ahead(ex->ahead, body, &ex->arena, &ex->chat, problem);
    return dialect->read_chat(body, &ex->arena, &ex->chat, problem);
}

/* To read a long body in one go would keep everybody else waiting. */
static void look_ahead(struct exchange *ex)
{
    const struct dialect *dialect = ex->endpoint->dialect;
    struct span so_far = http_body(ex->http);

    if (so_far.size >= LIMIT_READ_BYTES && dialect->look_ahead)
        ex->ahead = dialect->look_ahead(ex->ahead, so_far, &ex->arena);
}

/* What the path says of the request. */
static enum err read_path(struct exchange *ex, struct chat_problem *ret_problem)
{
    struct span name;

    if (!ex->endpoint->named)
        return ERR_OK;
    if (!place_read(ex->endpoint->path, http_request(ex->http)->path, &name))
        return ERR_TYPE; /* it led here */
    name = place_decode(name, &ex->arena);
    ex->chat.stream = ex->endpoint->stream;
    ex->chat.model_in_path = true;
    ex->chat.model = span_first(name, LIMIT_MODEL_NAME_BYTES);
    return chat_check_model(name, &ex->arena, ret_problem);
}

static enum exchange_state read_body(struct exchange *ex)
{
    struct span type = http_header(http_request(ex->http), "content-type");
    struct span body = http_body(ex->http);
    struct chat_problem problem = { 0 };
    enum err err;

    ex->body_bytes = body.size;
    ex->ready_us = clock_us();
    if (!json_media(type) && !span_is_nocase(type, "application/x-www-form-urlencoded"))
        return refuse(ex, REFUSE_UNSUPPORTED_MEDIA,
                      "The body must be JSON (Content-Type: application/json).");
    err = read_chat(ex, body, &problem);
    if (err == ERR_OK)
        err = read_path(ex, &problem);
    ex->chat.stream = ex->chat.stream && !ex->endpoint->opaque;
    keep_for_the_log(ex);
    if (err) {
        enum exchange_state next =
            refuse(ex, refusal_find(problem.code), "%s", problem.message);

        ex->error.param = span_from(problem.param);
        return next;
    }
    return EXCHANGE_PLAN;
}

enum exchange_state admit_refuse_body(struct exchange *ex)
{
    switch (http_body_state(ex->http)) {
    case HTTP_BODY_TOO_LARGE:
        return refuse(ex, REFUSE_REQUEST_TOO_LARGE,
                      "The body is larger than %llu bytes (limits.body_bytes).",
                      (unsigned long long)ex->config->limits.body_bytes);
    case HTTP_BODY_TOO_SLOW:
        return refuse(ex, REFUSE_REQUEST_TIMEOUT, "The request's body did not arrive in time.");
    case HTTP_BODY_COMING:
    case HTTP_BODY_WHOLE:
    case HTTP_BODY_MALFORMED: break;
    }
    return refuse(ex, REFUSE_BAD_REQUEST, "The body's chunks are malformed.");
}

enum exchange_state admit_body(struct exchange *ex)
{
    enum http_body_state body = http_body_state(ex->http);

    if (ex->interrupted)
        return refuse(ex, REFUSE_OVERLOADED, "The gateway is shutting down.");
    if (!ex->counted && (body == HTTP_BODY_COMING || body == HTTP_BODY_WHOLE))
        return slots_wait(ex);
    if (body == HTTP_BODY_WHOLE && clocks_passed(&ex->clocks, CLOCK_TOTAL, exchange_now_ms(ex)))
        return refuse(ex, REFUSE_DEADLINE_EXCEEDED, "The request took longer than it may.");
    if (clocks_passed(&ex->clocks, CLOCK_TOTAL, exchange_now_ms(ex)))
        return refuse(ex, REFUSE_REQUEST_TIMEOUT, "The request's body did not arrive in time.");
    if (body != HTTP_BODY_COMING && body != HTTP_BODY_WHOLE)
        return admit_refuse_body(ex);
    if (ex->endpoint->form)
        return upload_admit(ex);
    if (body == HTTP_BODY_WHOLE)
        return read_body(ex);
    http_continue(ex->http);
    look_ahead(ex);
    return EXCHANGE_ADMIT;
}

/* ---- PLAN ---- */

static enum exchange_state not_found(struct exchange *ex)
{
    const char *names[ROUTE_NEAREST_MAX];
    size_t count = route_nearest(ex->config, ex->chat.model, names);
    char list[NAMES_BYTES] = "";
    size_t size = 0;

    for (size_t i = 0; i < count && size < sizeof(list); i++)
        size += (size_t)snprintf(list + size, sizeof(list) - size, "%s`%s`", i ? ", " : "",
                                 names[i]);
    if (count == 0)
        return refuse(ex, REFUSE_MODEL_NOT_FOUND, "The model `%.*s` does not exist here.",
                      SPAN_ARG(span_first(ex->chat.model, 100)));
    return refuse(ex, REFUSE_MODEL_NOT_FOUND,
                  "The model `%.*s` does not exist here. The nearest: %s. GET /v1/models lists "
                  "all.",
                  SPAN_ARG(span_first(ex->chat.model, 100)), list);
}

/* Some paths have a model of their own for requests that name none; where it is not to be had, the
 * gateway's default stands in. */
static bool find_unnamed(struct exchange *ex)
{
    struct span own = span_from(ex->endpoint->model);

    if (ex->chat.model.size || own.size == 0 ||
        route_model(ex->config, own, &ex->arena, &ex->model) != ROUTE_FOUND)
        return false;
    ex->chat.model = own;
    return true;
}

static enum exchange_state find_model(struct exchange *ex)
{
    enum exchange_state next;

    if (find_unnamed(ex))
        return EXCHANGE_PLAN;
    switch (route_model(ex->config, ex->chat.model, &ex->arena, &ex->model)) {
    case ROUTE_FOUND: return EXCHANGE_PLAN;
    case ROUTE_NO_NAME:
        next = refuse(ex, REFUSE_INVALID_VALUE,
                      "You must provide a model parameter: this gateway has no default_model.");
        break;
    case ROUTE_PROVIDER_OFF:
        next = refuse(ex, REFUSE_NO_HEALTHY_TARGET,
                      "The provider of `%.*s` has no key in this gateway's configuration.",
                      SPAN_ARG(span_first(ex->chat.model, 100)));
        break;
    case ROUTE_NOT_FOUND:
    default: next = not_found(ex); break;
    }
    ex->error.param = SPAN_OF("model");
    return next;
}

/* By the name that was asked for or by that of the listed model. What is not listed goes by the whole
 * name alone: `beta/m` is not the `m` that a key may use. */
static bool may_use(const struct exchange *ex)
{
    return (!ex->model->passing && auth_allows(&ex->caller, span_from(ex->model->name))) ||
           auth_allows(&ex->caller, ex->chat.model);
}

enum exchange_state admit_plan(struct exchange *ex)
{
    enum exchange_state next = find_model(ex);

    if (next != EXCHANGE_PLAN)
        return next;
    if (!may_use(ex)) {
        next = refuse(ex, REFUSE_MODEL_NOT_ALLOWED, "This key may not use the model `%.*s`.",
                      SPAN_ARG(span_first(ex->chat.model, 100)));
        ex->error.param = SPAN_OF("model");
        return next;
    }
    next = plan_task(ex);
    if (next != EXCHANGE_PLAN)
        return next;
    plan_own(ex);
    if (counting_must_guess(ex))
        return counting_guess(ex);
    if (ex->plan_count == 0)
        (void)plan_fallbacks(ex);
    if (ex->plan_count == 0 && ex->left_out)
        plan_last_resort(ex);
    if (ex->plan_count)
        return limiting_enter(ex);
    if (ex->left_out)
        ex->retry_after_ms = BREAKER_EARLY_MS;
    return refuse(ex, REFUSE_NO_HEALTHY_TARGET,
                  ex->left_out ? "Every target of `%s` is failing; they are tried again soon."
                               : "No target of `%s` can serve this endpoint.",
                  ex->model->name);
}
