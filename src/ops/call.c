#include "ops/call.h"

#include "base/clock.h"
#include "base/mem.h"
#include "flow/request.h"
#include "llm/place.h"
#include "ops/admin.h"
#include "ops/admin_models.h"
#include "ops/admin_rollout.h"
#include "ops/admin_settings.h"
#include "ops/admin_targets.h"
#include "ops/call_guard.h"
#include "ops/change.h"
#include "ops/dashboard.h"
#include "ops/export.h"
#include "ops/offers.h"
#include "ops/provider_keys.h"
#include "ops/report.h"

#include <assert.h>

enum { ANSWER_BYTES_MAX = 64 * 1024 * 1024 };

#define BOTH (PLANE_MAIN | PLANE_ADMIN)

const struct call_row call_rows[] = {
    { HTTP_GET, "/health", ROLE_ANYBODY, BOTH, export_health, "Liveness: the loop answers." },
    { HTTP_GET, "/ready", ROLE_ANYBODY, BOTH, export_ready,
      "Readiness: 503 with the reasons while draining or when no model has a usable target." },
    { HTTP_GET, "/metrics", ROLE_ANYBODY, BOTH, export_metrics, "Prometheus text format." },
    { HTTP_GET, "/v1/models", ROLE_CLIENT, PLANE_MAIN, export_models,
      "The models that this key may use." },
    { HTTP_GET, "/v1/models/{id}/metrics", ROLE_CLIENT, PLANE_MAIN, report_model,
      "Requests, failures, latency, tokens and cost of that model over `?window=60m` (from 1m "
      "to "
      "24h)." },
    { HTTP_GET, "/v1/models/{id}", ROLE_CLIENT, PLANE_MAIN, export_model,
      "One of them, by its id." },
    { HTTP_GET, "/v1/rate-limit", ROLE_CLIENT, PLANE_MAIN, export_rate_limit,
      "The limits of this key: what is used, what is left, when it is whole again." },
    { HTTP_GET, "/v1/config/{environment}", ROLE_OPERATOR, BOTH, admin_settings,
      "`default_model`, `rate_limit` (requests a minute of each caller without its own) and "
      "`timeout_ms`, as they are in force; `{environment}` is the configuration's." },
    { HTTP_PUT, "/v1/config/{environment}", ROLE_OPERATOR, BOTH, admin_settings_put,
      "Any of these, for the very next request: all of it, or 400 with the reason. The burst "
      "is a "
      "tenth of the rate." },
    { HTTP_GET, "/admin/status", ROLE_ADMIN, PLANE_ADMIN, admin_status,
      "Models with their switch, targets with their weights, health and breakers, limits with "
      "what is left, requests in flight, versions." },
    { HTTP_GET, "/admin/stream", ROLE_ADMIN, PLANE_ADMIN, dashboard_stream,
      "The same as server-sent events, once a second; with the events since `?since=ID`." },
    { HTTP_GET, "/dashboard", ROLE_ANYBODY, PLANE_ADMIN, dashboard_show,
      "The live page; it asks for an admin key." },
    { HTTP_GET, "/admin/events", ROLE_ADMIN, PLANE_ADMIN, admin_events,
      "Switches, breakers, health, keys and reloads, the last 1,000; `?since=ID`: those after "
      "that "
      "one." },
    { HTTP_GET, "/admin/report", ROLE_ADMIN, PLANE_ADMIN, report_call,
      "Requests, success, latency, tokens and cost, together and of each model, over "
      "`?window=60m` (from 1m to 24h), with the alerts; `&format=text` for people." },
    { HTTP_GET, "/admin/alerts", ROLE_ADMIN, PLANE_ADMIN, report_alerts,
      "The alerts that are raised." },
    { HTTP_GET, "/admin/config", ROLE_ADMIN, PLANE_ADMIN, admin_config,
      "The configuration in force as YAML, secrets as ***." },
    { HTTP_GET, "/admin/providers/models", ROLE_ADMIN, PLANE_ADMIN, offers_answer,
      "Asks the providers which models they offer now: those that are new and those that are "
      "gone, "
      "against the targets configured. An event when that is not as the last time." },
    { HTTP_GET, "/admin/models/{model}/split", ROLE_ADMIN, PLANE_ADMIN, admin_models_split,
      "Percent for blue and green, and who says so: `configuration`, `admin` or `rollout`." },
    { HTTP_PUT, "/admin/models/{model}/split", ROLE_ADMIN, PLANE_ADMIN, admin_models_put_split,
      "`{\"blue\": 90, \"green\": 10}`, 100 together: holds for the next request, until the "
      "file says another split than it did. 409 while a rollout is under way." },
    { HTTP_PUT, "/admin/models/{model}/targets/{target}", ROLE_ADMIN, PLANE_ADMIN,
      admin_targets_put,
      "`{\"weight\": 50, \"enabled\": true}`, either or both. 409 when the model, or one of "
      "its "
      "sides, would be left without a target." },
    { HTTP_POST, "/admin/deploy", ROLE_ADMIN, PLANE_ADMIN, admin_models_deploy,
      "`?weight=N`: green gets N percent of every model that has green targets, of all or of "
      "none; `&model=NAME`: of that one alone." },
    { HTTP_PUT, "/admin/providers/{name}/keys", ROLE_ADMIN, PLANE_ADMIN, provider_keys_put,
      "`{\"keys\": [...]}`: other keys for that provider from the next attempt on, until the "
      "file says other ones than it did." },
    { HTTP_GET, "/admin/models/{model}/rollout", ROLE_ADMIN, PLANE_ADMIN, admin_rollout,
      "Where its rollout stands, with the reasons for not promoting; null: there is none." },
    { HTTP_PUT, "/admin/models/{model}/rollout", ROLE_ADMIN, PLANE_ADMIN, admin_rollout_start,
      "Starts one: `{\"strategy\": \"staged\"}` or `{\"strategy\": \"gradual\", \"target\": "
      "50, "
      "\"steps\": 10, \"step_seconds\": 30}`; what is not said is as configured. 409 while one "
      "is under way." },
    { HTTP_POST, "/admin/models/{model}/rollout/{deed}", ROLE_ADMIN, PLANE_ADMIN,
      admin_rollout_deed,
      "By hand: `pause`, `resume`, `promote`, `rollback` (blue gets all of it from the next "
      "request on), `abort` (the split stays). 409 when there is none to do it to." },
    { HTTP_POST, "/admin/reload", ROLE_ADMIN, PLANE_ADMIN, admin_reload,
      "Reads the configuration file again: 200, or 422 with every error." },
    { HTTP_POST, "/admin/drain", ROLE_ADMIN, PLANE_ADMIN, admin_drain,
      "Stops accepting and ends when the running requests have." },
    { 0 },
};

/* ---- the answer ---- */

void call_refuse(struct call *call, enum refusal refusal, const char *message)
{
    call_refuse_param(call, refusal, message, NULL);
}

void call_refuse_param(struct call *call, enum refusal refusal, const char *message,
                       const char *param)
{
    struct llm_error error = refusal_error(refusal, message);

    error.param = span_from(param);
    buf_reset(&call->body);
    call->status = error.status;
    call->type = "application/json";
    dialect_openai.write_error(&error, &call->body);
}

static void bury(struct job *grave)
{
    struct call *call = LIST_OWNER(grave, struct call, grave);

    arena_done(&call->arena);
    buf_done(&call->body);
    mem_free(call);
}

static void end(struct call *call)
{
    bool keep = http_body_state(call->http) == HTTP_BODY_WHOLE && !call->gateway->env.draining;

    change_leave(call->change);
    offers_close(call->offers);
    store_wait_no_more(&call->wait);
    http_end(call->http, keep);
    task_done(&call->task);
    loop_later(call->gateway->loop, LOOP_REAP, &call->grave);
}

static void reply_head(struct call *call, int64_t length)
{
    struct buf *head = &call->gateway->env.scratch;

    buf_reset(head);
    (void)buf_printf(head, "Content-Type: %s\r\nx-request-id: %s\r\n%s", call->type, call->id,
                     call->headers ? call->headers : "");
    http_reply(call->http, call->status, buf_span(head), length);
}

static void reply(struct call *call)
{
    if (call->streams)
        return;
    reply_head(call, (int64_t)buf_size(&call->body));
    http_write(call->http, buf_span(&call->body));
}

void call_begin_stream(struct call *call, void (*step)(struct call *call))
{
    call->streams = true;
    call->awaits = step;
    reply_head(call, HTTP_LENGTH_UNKNOWN);
    task_wake(&call->task);
}

/* ---- the row ---- */

/* The row of this request; NULL, and whether another method would have found one. */
static const struct call_row *find_row(struct call *call, bool *ret_other_method)
{
    const struct http_request *request = http_request(call->http);
    enum http_method method = request->method == HTTP_HEAD ? HTTP_GET : request->method;

    *ret_other_method = false;
    for (const struct call_row *row = call_rows; row->path; row++) {
        if (!(row->planes & call->door->planes) ||
            !call_path_fits(row->path, request->path, call->places))
            continue;
        if (row->role == ROLE_ADMIN && call->gateway->env.config->admin.keys.count == 0)
            continue; /* without an admin key there is no admin plane */
        if (row->method == method)
            return row;
        *ret_other_method = true;
    }
    return NULL;
}

static bool may_enter(struct call *call)
{
    const struct config *config = call->gateway->env.config;
    struct span key = request_key(http_request(call->http));

    switch (call->row->role) {
    case ROLE_ANYBODY: return true;
    case ROLE_CLIENT: return auth_caller(config, key, clock_wall_ms(), NULL, &call->caller);
    case ROLE_ADMIN: return auth_admin(config, key);
    case ROLE_OPERATOR:
        return auth_admin(config, key) ||
               (auth_caller(config, key, clock_wall_ms(), NULL, &call->caller) &&
                call->caller.admin);
    }
    return false;
}

static void answer(struct call *call)
{
    const char *problem = NULL;
    bool other_method;

    call->row = find_row(call, &other_method);
    if (call->row && call->row->role >= ROLE_ADMIN)
        problem = call_guard(http_request(call->http), call->gateway->env.config);
    if (http_request(call->http)->method == HTTP_OPTIONS) {
        call->status = 204;
        call->headers = "Allow: GET, HEAD, POST, PUT, OPTIONS\r\n";
    } else if (call->row == NULL && other_method) {
        call_refuse(call, REFUSE_METHOD_NOT_ALLOWED,
                    "This path does not answer to that method.");
    } else if (call->row == NULL) {
        call_refuse(
            call, REFUSE_NOT_FOUND,
            "There is nothing at this path. Models are at POST /v1/chat/completions, their "
            "list at GET /v1/models.");
    } else if (problem) {
        call_refuse(call, REFUSE_FORBIDDEN, problem);
    } else if (!may_enter(call)) {
        call_refuse(call, REFUSE_INVALID_API_KEY,
                    call->row->role >= ROLE_ADMIN
                        ? "This needs an admin key as `Authorization: Bearer KEY`."
                        : "Incorrect API key provided. Send a key of this gateway as "
                          "`Authorization: Bearer KEY`, `x-api-key`, `api-key` or "
                          "`x-goog-api-key`.");
    } else {
        for (int i = 0; i < CALL_PLACES_MAX; i++)
            call->places[i] = place_decode(call->places[i], &call->arena);
        call->row->answer(call);
    }
}

static void finish(struct call *call)
{
    if (call->awaits)
        return;
    reply(call);
    end(call);
}

static void run(struct task *task)
{
    struct call *call = LIST_OWNER(task, struct call, task);

    if (http_gone(call->http)) {
        end(call);
        return;
    }
    if (call->awaits) {
        call->awaits(call);
        finish(call);
        return;
    }
    switch (http_body_state(call->http)) {
    case HTTP_BODY_COMING: return;
    case HTTP_BODY_WHOLE: answer(call); break;
    case HTTP_BODY_TOO_LARGE:
        call_refuse(call, REFUSE_REQUEST_TOO_LARGE, "The body is too large.");
        break;
    case HTTP_BODY_TOO_SLOW:
        call_refuse(call, REFUSE_REQUEST_TIMEOUT, "The body did not arrive in time.");
        break;
    case HTTP_BODY_MALFORMED:
        call_refuse(call, REFUSE_BAD_REQUEST, "The body's chunks are malformed.");
        break;
    }
    finish(call);
}

struct task *call_start(struct door *door, struct http *http)
{
    struct call *call = mem_zero(sizeof(*call));

    call->gateway = door->gateway;
    call->door = door;
    call->http = http;
    call->status = 200;
    call->type = "application/json";
    call->grave.run = bury;
    arena_init(&call->arena);
    buf_init(&call->body, ANSWER_BYTES_MAX);
    call->id = request_id(http_request(http), &call->arena, &door->gateway->env.random);
    task_init(&call->task, door->gateway->loop, run);
    call->wait.task = &call->task;
    if (http_body_state(http) == HTTP_BODY_COMING)
        http_continue(http);
    task_wake(&call->task);
    return &call->task;
}

/* ---- the reference ---- */

void call_print_reference(struct buf *out)
{
    static const char *const methods[] = {
        [HTTP_GET] = "GET", [HTTP_POST] = "POST", [HTTP_PUT] = "PUT", [HTTP_DELETE] = "DELETE"
    };
    static const char *const roles[] = { [ROLE_ANYBODY] = "-",
                                         [ROLE_CLIENT] = "client",
                                         [ROLE_ADMIN] = "admin",
                                         [ROLE_OPERATOR] =
                                             "admin, or client with `admin: true`" };

    (void)buf_add_text(out, "| method and path | key | what |\n|---|---|---|\n");
    for (const struct endpoint *endpoint = endpoints; endpoint->path; endpoint++)
        (void)buf_printf(out, "| POST %s | client | Answered by a model: %s.%s |\n",
                         endpoint->path, endpoint->operation,
                         endpoint->estimate ? " Where none can be asked: an estimate, with "
                                              "`x-sluice-estimated: 1`."
                                            : "");
    for (const struct call_row *row = call_rows; row->path; row++)
        (void)buf_printf(out, "| %s %s | %s | %s |\n", methods[row->method], row->path,
                         roles[row->role], row->help);
}
