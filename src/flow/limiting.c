#include "flow/limiting.h"

#include "base/clock.h"
#include "base/json.h"
#include "flow/exchange_state.h"
#include "flow/meters.h"

static const struct config_rates *rates_of(const struct config *config,
                                           const struct caller *caller)
{
    return caller->key ? &caller->key->rates : &config->rates;
}

/* The wall's clock is looked at where a day matters. */
static struct limit_time time_for(const struct env *env, const struct config_rates *rates)
{
    return (struct limit_time){
        .now_ms = loop_now_ms(env->loop),
        .wall_ms = rates->budget_usd_per_day ? clock_wall_coarse_ms() : 0,
    };
}

/* ---- the caller comes ---- */

/* What a client is told: "Too many requests: `team-a` may make 600 a minute. …" */
static const struct {
    const char *too_many;
    const char *may;
    const char *by;
} words[] = {
    [LIMIT_REQUESTS] = { "requests", "make", "a minute" },
    [LIMIT_TOKENS] = { "tokens", "use", "a minute" },
    [LIMIT_CONCURRENT] = { "requests at once", "have", "running" },
};

static enum exchange_state turn_away(struct exchange *ex, const struct config_rates *rates,
                                     struct limit_verdict verdict, bool by_model)
{
    const char *who = by_model ? ex->model->name : ex->caller.name;
    struct span labels[] = { span_from(ex->caller.name),
                             span_from(limit_kind_name(verdict.by)) };
    const uint32_t amounts[] = { [LIMIT_REQUESTS] = rates->requests_per_minute,
                                 [LIMIT_TOKENS] = rates->tokens_per_minute,
                                 [LIMIT_CONCURRENT] = rates->concurrent_requests };

    series_add(metrics_series(ex->env->metrics, METER_RATE_LIMITED, labels), 1);
    ex->retry_after_ms =
        verdict.wait_ms < UINT32_MAX - 1000 ? (uint32_t)verdict.wait_ms : UINT32_MAX - 1000;
    if (verdict.by == LIMIT_BUDGET)
        return refuse(ex, REFUSE_INSUFFICIENT_QUOTA,
                      "`%s` has spent its budget of this day, which ends at 00:00 UTC.", who);
    return refuse(ex, REFUSE_RATE_LIMIT_EXCEEDED,
                  "Too many %s: %s`%s` may %s %u %s. Try again in %u s.",
                  words[verdict.by].too_many, by_model ? "all callers of " : "", who,
                  words[verdict.by].may, amounts[verdict.by], words[verdict.by].by,
                  (ex->retry_after_ms + 999) / 1000);
}

/* Does this one let it in? */
static bool lets_in(struct exchange *ex, struct limit *limit, const struct config_rates *rates,
                    bool by_model)
{
    struct limit_verdict verdict;

    if (limit == NULL)
        return true;
    verdict = limit_look(limit, rates, time_for(ex->env, rates));
    if (verdict.by == LIMIT_KINDS)
        return true;
    (void)turn_away(ex, rates, verdict, by_model);
    return false;
}

enum exchange_state limiting_caller(struct exchange *ex)
{
    const struct config_rates *rates = rates_of(ex->config, &ex->caller);

    if (!limit_any(rates))
        return EXCHANGE_ADMIT;
    ex->limiting.caller = limits_of_caller(&ex->env->limits, ex->caller.name);
    return lets_in(ex, ex->limiting.caller, rates, false) ? EXCHANGE_ADMIT : EXCHANGE_REFUSE;
}

static void enter(struct exchange *ex, struct limit *limit, const struct config_rates *rates)
{
    if (limit)
        limit_enter(limit, rates, time_for(ex->env, rates));
}

enum exchange_state limiting_enter(struct exchange *ex)
{
    const struct config_rates *own = rates_of(ex->config, &ex->caller);
    const struct config_rates *shared = &ex->model->rates;
    struct limiting *limiting = &ex->limiting;

    if (limit_any(shared))
        limiting->model = limits_of_model(&ex->env->limits, ex->model->name);
    if (!lets_in(ex, limiting->caller, own, false) ||
        !lets_in(ex, limiting->model, shared, true))
        return EXCHANGE_REFUSE;
    enter(ex, limiting->caller, own);
    enter(ex, limiting->model, shared);
    limiting->inside = true;
    return EXCHANGE_OPEN;
}

/* ---- and goes ---- */

void limiting_leave(struct exchange *ex)
{
    struct limiting *limiting = &ex->limiting;

    if (!limiting->inside)
        return;
    limiting->inside = false;
    if (limiting->caller)
        limit_leave(limiting->caller, ex->attempts > 0);
    if (limiting->model)
        limit_leave(limiting->model, ex->attempts > 0);
}

static void charge(struct exchange *ex, struct limit *limit, const struct config_rates *rates,
                   uint64_t cost)
{
    const struct usage *usage = &ex->usage;
    uint64_t tokens = usage->input + usage->cached + usage->cache_write + usage->output;

    limit_charge(limit, rates, tokens, cost, time_for(ex->env, rates));
}

void limiting_charge(struct exchange *ex, uint64_t cost)
{
    if (!ex->usage.known)
        return;
    if (ex->limiting.caller)
        charge(ex, ex->limiting.caller, rates_of(ex->config, &ex->caller), cost);
    if (ex->limiting.model)
        charge(ex, ex->limiting.model, &ex->model->rates, cost);
}

/* ---- what a client sees ---- */

/* As OpenAI writes it: 250ms, 1.5s, 6m0s. */
static void add_duration(struct buf *out, uint64_t ms)
{
    uint64_t seconds = ms / 1000;
    uint64_t rest = ms % 1000;

    if (seconds == 0 && rest) {
        (void)buf_add_u64(out, rest);
        (void)buf_add_text(out, "ms");
        return;
    }
    if (seconds >= 3600) {
        (void)buf_add_u64(out, seconds / 3600);
        (void)buf_add_byte(out, 'h');
    }
    if (seconds >= 60) {
        (void)buf_add_u64(out, seconds / 60 % 60);
        (void)buf_add_byte(out, 'm');
    }
    (void)buf_add_u64(out, seconds % 60);
    if (rest)
        (void)buf_add_byte(out, '.');
    for (uint64_t unit = 100; rest; rest %= unit, unit /= 10)
        (void)buf_add_byte(out, (char)('0' + rest / unit));
    (void)buf_add_byte(out, 's');
}

struct shown {
    enum limit_kind kind;
    struct span limit;
    struct span remaining;
    struct span reset;
};

static void add_lines(struct buf *head, const struct shown *lines,
                      const struct limit_figure *figure)
{
    (void)buf_add(head, lines->limit);
    (void)buf_add_u64(head, figure->limit);
    (void)buf_add(head, lines->remaining);
    (void)buf_add_u64(head, figure->remaining);
    (void)buf_add(head, lines->reset);
    add_duration(head, figure->reset_ms);
    (void)buf_add(head, SPAN_OF("\r\n"));
}

void limiting_add_headers(const struct exchange *ex, struct buf *head)
{
    static const struct shown shown[] = {
        { LIMIT_REQUESTS, SPAN("x-ratelimit-limit-requests: "),
          SPAN("\r\nx-ratelimit-remaining-requests: "),
          SPAN("\r\nx-ratelimit-reset-requests: ") },
        { LIMIT_TOKENS, SPAN("x-ratelimit-limit-tokens: "),
          SPAN("\r\nx-ratelimit-remaining-tokens: "), SPAN("\r\nx-ratelimit-reset-tokens: ") },
    };
    const struct config_rates *rates = rates_of(ex->config, &ex->caller);
    struct limit_time time = { .now_ms = exchange_now_ms(ex) };
    struct limit_figure figure;

    if (ex->limiting.caller == NULL)
        return;
    for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++)
        if (limit_figure(ex->limiting.caller, rates, shown[i].kind, time, &figure))
            add_lines(head, &shown[i], &figure);
}

/* ---- views ---- */

static void write_figure(enum limit_kind kind, const struct limit_figure *figure,
                         struct json_writer *w)
{
    unsigned decimals = kind == LIMIT_BUDGET ? 12 : 0;

    json_begin(w, '{');
    json_put_text(w, "name", kind == LIMIT_BUDGET ? "budget_usd" : limit_kind_name(kind));
    json_put_decimal(w, "limit", figure->limit, decimals);
    json_put_decimal(w, "burst", figure->burst, decimals);
    json_put_u64(w, "window_seconds", figure->window_s);
    json_put_decimal(w, "used", figure->used, decimals);
    json_put_decimal(w, "remaining", figure->remaining, decimals);
    json_put_decimal(w, "reset_seconds", figure->reset_ms, 3);
    json_end(w, '}');
}

static void write_limit(const struct env *env, const struct limit *limit,
                        const struct config_rates *rates, struct json_writer *w)
{
    struct limit_time time = time_for(env, rates);
    struct limit_figure figure;

    json_begin(w, '[');
    for (enum limit_kind kind = 0; kind < LIMIT_KINDS; kind++)
        if (limit_figure(limit, rates, kind, time, &figure))
            write_figure(kind, &figure, w);
    json_end(w, ']');
}

void limiting_write_caller(struct env *env, const struct caller *caller, struct json_writer *w)
{
    const struct limit none = { 0 };
    const struct config_rates *rates = rates_of(env->config, caller);

    write_limit(env, limit_any(rates) ? limits_of_caller(&env->limits, caller->name) : &none,
                rates, w);
}

void limiting_write_model(struct env *env, const struct config_model *model,
                          struct json_writer *w)
{
    const struct limit none = { 0 };

    write_limit(env,
                limit_any(&model->rates) ? limits_of_model(&env->limits, model->name) : &none,
                &model->rates, w);
}

static void write_keys(struct env *env, struct json_writer *w, size_t *ret_left_out)
{
    const struct config *config = env->config;
    const struct caller anonymous = { .name = "anonymous" };
    size_t count = 0;

    json_begin(w, '{');
    if (config->client_key_count == 0 && limit_any(&config->rates)) {
        json_key_span(w, span_from(anonymous.name));
        limiting_write_caller(env, &anonymous, w);
    }
    for (size_t i = 0; i < config->client_key_count; i++) {
        const struct caller caller = { .key = &config->client_keys[i],
                                       .name = config->client_keys[i].name };

        if (!limit_any(&caller.key->rates) || count++ >= LIMIT_STATUS_KEYS)
            continue;
        json_key_span(w, span_from(caller.name));
        limiting_write_caller(env, &caller, w);
    }
    json_end(w, '}');
    *ret_left_out = count > LIMIT_STATUS_KEYS ? count - LIMIT_STATUS_KEYS : 0;
}

void limiting_write(struct env *env, struct json_writer *w)
{
    const struct config *config = env->config;
    size_t left_out;

    json_begin(w, '{');
    json_key(w, "keys");
    write_keys(env, w, &left_out);
    json_put_u64(w, "keys_left_out", left_out);
    json_key(w, "models");
    json_begin(w, '{');
    for (size_t i = 0; i < config->model_count; i++) {
        if (!limit_any(&config->models[i].rates))
            continue;
        json_key_span(w, span_from(config->models[i].name));
        limiting_write_model(env, &config->models[i], w);
    }
    json_end(w, '}');
    json_end(w, '}');
}
