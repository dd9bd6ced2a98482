#include "ops/admin_settings.h"

#include "ops/call.h"
#include "ops/change.h"

#include <string.h>

enum { RATE_MAX = 1000000000, TIMEOUT_MS_MAX = 24 * 3600 * 1000, BURST_SHARE = 10 };

/* Another environment than this one: refused, naming it. */
static bool is_here(struct call *call)
{
    const char *own = call->gateway->env.config->environment;

    if (span_is(call->places[0], own))
        return true;
    call_refuse(call, REFUSE_NOT_FOUND,
                arena_printf(&call->arena, "This is the environment `%s`, not `%.*s`.", own,
                             SPAN_ARG(span_first(call->places[0], 100))));
    return false;
}

static void write_settings(struct call *call)
{
    const struct config *config = call->gateway->env.config;
    struct json_writer w = json_writer(&call->body);

    json_begin(&w, '{');
    json_put_text(&w, "environment", config->environment);
    json_put_text(&w, "default_model",
                  config->default_model ? config->default_model->name : NULL);
    json_put_u64(&w, "rate_limit", config->rates.requests_per_minute);
    json_put_u64(&w, "timeout_ms", config->timeouts.total);
    json_put_u64(&w, "generation", config->generation);
    json_end(&w, '}');
}

void admin_settings(struct call *call)
{
    if (is_here(call))
        write_settings(call);
}

/* ---- a change ---- */

/* Who is named in the event: the caller of a client key with `admin: true`, or an admin. */
static const char *actor_of(const struct call *call)
{
    return call->caller.admin ? call->caller.name : "admin";
}

static void add_edit(struct change_request *request, size_t *count, const char *path,
                     const char *value)
{
    request->edits[(*count)++] = (struct change_edit){ path, value };
}

static const char *quote(struct call *call, struct span text)
{
    struct buf *scratch = &call->gateway->env.scratch;

    buf_reset(scratch);
    json_quote(scratch, text);
    return arena_text(&call->arena, buf_span(scratch));
}

/* 0 is none, as in the file. */
static bool read_number(const struct json *value, uint64_t most, uint64_t *ret)
{
    return json_read_u64(value, ret) && *ret <= most;
}

/* A burst of a tenth of the rate, at least one. */
static void edit_rate(struct call *call, struct change_request *request, size_t *count,
                      uint64_t rate)
{
    uint64_t burst = rate && rate < BURST_SHARE ? 1 : rate / BURST_SHARE;

    add_edit(request, count, "[\"rate_limiting\",\"requests_per_minute\"]",
             arena_printf(&call->arena, "%llu", (unsigned long long)rate));
    add_edit(request, count, "[\"rate_limiting\",\"burst_size\"]",
             arena_printf(&call->arena, "%llu", (unsigned long long)burst));
}

/* What is wrong with the member; NULL: nothing. */
static const char *read_member(struct call *call, struct span key, const struct json *value,
                               struct change_request *request, size_t *count)
{
    struct span text;
    uint64_t number;

    if (span_is(key, "default_model")) {
        if (!json_read_string(value, &text) || text.size == 0)
            return "`default_model` has to be the name of a model.";
        add_edit(request, count, "[\"default_model\"]", quote(call, text));
        return NULL;
    }
    if (span_is(key, "rate_limit")) {
        if (!read_number(value, RATE_MAX, &number))
            return "`rate_limit` has to be a whole number of requests a minute; 0: none.";
        edit_rate(call, request, count, number);
        return NULL;
    }
    if (span_is(key, "timeout_ms")) {
        if (!read_number(value, TIMEOUT_MS_MAX, &number))
            return "`timeout_ms` has to be a whole number from 0 (none) to 86400000.";
        add_edit(request, count, "[\"timeouts\",\"total\"]",
                 arena_printf(&call->arena, "\"%llums\"", (unsigned long long)number));
        return NULL;
    }
    return arena_printf(&call->arena,
                        "`%.*s` is not one of `default_model`, `rate_limit`, `timeout_ms`.",
                        SPAN_ARG(span_first(key, 100)));
}

static const char *read_body(struct call *call, const struct json *body,
                             struct change_request *request)
{
    size_t members = json_count(body);
    size_t count = 0;

    if (json_kind(body) != JSON_OBJECT || members == 0 || members > 3)
        return "The body has to be an object with `default_model`, `rate_limit` or "
               "`timeout_ms`.";
    for (size_t i = 0; i < members; i++) {
        struct span key;
        const struct json *value = json_member_at(body, i, &key);
        const char *problem = read_member(call, key, value, request, &count);

        if (problem)
            return problem;
    }
    return NULL;
}

static void answer_put(struct call *call)
{
    enum change_fate fate = change_fate(call->change);

    if (fate == CHANGE_RUNNING)
        return;
    call->awaits = NULL;
    if (fate == CHANGE_IN_FORCE)
        write_settings(call);
    else
        call_refuse(call, fate == CHANGE_REFUSED ? REFUSE_INVALID_VALUE : REFUSE_OVERLOADED,
                    arena_text(&call->arena, change_report(call->change)));
}

void admin_settings_put(struct call *call)
{
    struct span text = http_body(call->http);
    struct change_request request = { 0 };
    const char *problem = "The body is not JSON.";
    struct json_doc *doc = NULL;

    if (!is_here(call))
        return;
    if (!json_parse(text, &doc))
        problem = read_body(call, json_root(doc), &request);
    if (problem) {
        call_refuse(call, REFUSE_INVALID_VALUE, problem);
    } else {
        request.event =
            (struct event){ .kind = EVENT_CHANGE, .reason = text, .actor = actor_of(call) };
        call->change = change_start(call->gateway, &request, &call->task);
        call->awaits = answer_put;
    }
    json_free(doc);
}
