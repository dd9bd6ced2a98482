#include "flow/keys.h"

#include "base/clock.h"
#include "base/log.h"
#include "flow/exchange_state.h"
#include "flow/meters.h"

static const char *const reasons[KEY_FAULTS] = {
    [KEY_FINE] = "the provider accepts it again",
    [KEY_REFUSED] = "the provider does not know it (401)",
    [KEY_FORBIDDEN] = "the provider does not let it do this",
    [KEY_SPENT] = "its quota is used up",
    [KEY_LIMITED] = "it is over its limit",
};

/* ---- choosing ---- */

/* The snapshot that this exchange was born with knows another address than the one in force. */
static void choose_own(const struct config_provider *provider, struct key_choice *ret)
{
    *ret = (struct key_choice){ 0 };
    if (provider->keys.count)
        ret->secret = secret_reveal(&provider->keys.items[0]);
}

/* What the other models may stand in for, when no attempt says it; and what the last plan says. */
static void note_left_out(struct exchange *ex, const struct plan_step *step, bool cooling)
{
    struct last_plan *last;

    if (ex->attempts == 0 && ex->left_out_for == LLM_FINE)
        ex->left_out_for = cooling ? LLM_RATE_LIMIT : LLM_AUTH;
    if (ex->model->passing)
        return;
    last = &models_get(&ex->env->models, ex->model->name)->last;
    if (last->generation == ex->config->generation)
        last_plan_leave_out(last, step->target->id,
                            cooling ? "its provider's keys are cooling"
                                    : "its provider's keys are quarantined");
}

bool keys_choose(struct exchange *ex, const struct plan_step *step, struct key_choice *ret)
{
    const struct config_provider *provider = step->target->provider;
    struct key_pool *pool = key_pools_find(&ex->env->key_pools, provider);
    /* A trial may fail: it must not be the last attempt of a request that has a better one. */
    bool may_try = ex->attempts + 1 < ex->config->retry.max_attempts;
    uint64_t now_ms = exchange_now_ms(ex);
    char text[KEY_MODEL_BYTES];
    struct span scope = key_scope(step->target, text);
    struct key *key;

    if (pool == NULL) {
        choose_own(provider, ret);
        return true;
    }
    key = key_pool_choose(pool, scope, may_try, now_ms);
    if (key == NULL) {
        note_left_out(ex, step, key_pool_free_ms(pool, scope, now_ms) > 0);
        return false;
    }
    *ret = (struct key_choice){ pool, key, secret_reveal(&key->secret) };
    return true;
}

void keys_use(struct exchange *ex, struct attempt *attempt, const struct key_choice *choice)
{
    char text[KEY_MODEL_BYTES];

    attempt->key_pool = choice->pool;
    if (choice->pool == NULL)
        return;
    attempt->key_id = choice->key->id;
    key_pool_use(choice->pool, choice->key, key_scope(attempt->step->target, text),
                 exchange_now_ms(ex));
}

uint64_t keys_free_ms(const struct exchange *ex)
{
    uint64_t now_ms = exchange_now_ms(ex);
    uint64_t soonest = 0;

    for (uint32_t i = 0; i < ex->plan_count; i++) {
        const struct key_pool *pool =
            key_pools_find(&ex->env->key_pools, ex->plan[i].target->provider);
        char text[KEY_MODEL_BYTES];
        struct span scope = key_scope(ex->plan[i].target, text);
        uint64_t free_ms = pool ? key_pool_free_ms(pool, scope, now_ms) : now_ms;

        if (free_ms && (soonest == 0 || free_ms < soonest))
            soonest = free_ms;
    }
    return soonest;
}

/* ---- learning ---- */

static enum key_fault fault_of(const struct exchange *ex, const struct attempt *attempt)
{
    switch (ex->error.class) {
    case LLM_AUTH: return fetch_status(attempt->fetch) == 401 ? KEY_REFUSED : KEY_FORBIDDEN;
    case LLM_QUOTA: return KEY_SPENT;
    case LLM_RATE_LIMIT: return KEY_LIMITED;
    case LLM_FINE:
    case LLM_SERVER_ERROR:
    case LLM_TIMEOUT:
    case LLM_CONNECTION:
    case LLM_CONTEXT_WINDOW:
    case LLM_CONTENT_FILTER:
    case LLM_NOT_FOUND:
    case LLM_CLIENT_ERROR: break;
    }
    return KEY_FINE;
}

/* A limit is reached in the course of business: that is counted and logged, but no event. */
static void tell(struct env *env, const struct plan_step *step, const struct key *key,
                 enum key_fault fault, const char *from)
{
    const char *provider = step->target->provider->name;
    const char *to = key_fault_state(fault);
    const struct event event = {
        .kind = EVENT_KEY,
        .model = step->model->name,
        .target = step->target->id,
        .provider = provider,
        .key = key->fingerprint,
        .from = from,
        .to = to,
        .reason = span_from(reasons[fault]),
        .figures = { { "uses", key->uses, 0 } },
    };
    enum log_level level = fault == KEY_LIMITED || fault == KEY_FINE ? LOG_INFO : LOG_WARN;

    if (fault != KEY_LIMITED)
        events_add(&env->events, &event, clock_wall_ms());
    LOG(level, "key", { "provider", span_from(provider) },
        { "key", span_from(key->fingerprint) }, { "state", span_from(to) },
        { "reason", event.reason }, { "target", span_from(step->target->id) });
}

/* An error in a stream says no time, and an older answer's time is not this one's. */
static uint64_t told_ms(const struct exchange *ex, const struct attempt *attempt)
{
    return attempt->kind == ANSWER_ERROR ? ex->retry_after_ms : 0;
}

static void learn(struct exchange *ex, const struct attempt *attempt, enum key_fault fault)
{
    struct span labels[] = { span_from(attempt->step->target->provider->name),
                             span_from(key_fault_name(fault)) };
    char text[KEY_MODEL_BYTES];

    series_add(metrics_series(ex->env->metrics, METER_KEY_FAULTS, labels), 1);
    if (key_pool_failed(attempt->key_pool, attempt->key_id,
                        key_scope(attempt->step->target, text), fault, told_ms(ex, attempt),
                        exchange_now_ms(ex)))
        tell(ex->env, attempt->step, key_pool_find(attempt->key_pool, attempt->key_id), fault,
             "usable");
}

bool keys_failed(struct exchange *ex, struct attempt *attempt)
{
    enum key_fault fault = fault_of(ex, attempt);
    char text[KEY_MODEL_BYTES];
    const struct key *next;

    if (fault == KEY_FINE || attempt->key_pool == NULL)
        return false;
    learn(ex, attempt, fault);
    if (!attempt_may_move(ex))
        return false;
    next = key_pool_choose(attempt->key_pool, key_scope(attempt->step->target, text), false,
                           exchange_now_ms(ex));
    /* It is free still when the limit came without a time: then another target, as ever. */
    attempt->key_to_blame = next && (fault != KEY_LIMITED || told_ms(ex, attempt));
    return attempt->key_to_blame;
}

void keys_worked(struct exchange *ex, const struct attempt *attempt)
{
    char text[KEY_MODEL_BYTES];

    if (attempt->key_pool && key_pool_worked(attempt->key_pool, attempt->key_id,
                                             key_scope(attempt->step->target, text)))
        tell(ex->env, attempt->step, key_pool_find(attempt->key_pool, attempt->key_id),
             KEY_FINE, "quarantined");
}
