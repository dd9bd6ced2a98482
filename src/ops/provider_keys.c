#include "ops/provider_keys.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"
#include "config/forms.h"
#include "flow/meters.h"
#include "ops/call.h"
#include "ops/change.h"
#include "policy/key_pools.h"

#include <string.h>

enum { VALUE_BYTES_MAX = 4 * LIMIT_CALL_BODY_BYTES };

/* ---- what is known of them ---- */

static void write_rest(const struct key_rest *rest, uint64_t now_ms, struct json_writer *w)
{
    char until[CLOCK_TEXT_SIZE];
    uint64_t left_ms = rest->until_ms > now_ms ? rest->until_ms - now_ms : 0;

    clock_text(clock_wall_ms() + left_ms, until);
    json_begin(w, '{');
    json_put_text(w, "state", key_fault_state(rest->why));
    json_put_text(w, "reason", key_fault_name(rest->why));
    json_put_text(w, "model", rest->model[0] ? rest->model : NULL);
    json_put_text(w, "until", until);
    json_end(w, '}');
}

/* Why it is out for all models; a key that is out for some of them alone is usable. */
static enum key_fault fault_of(const struct key *key, uint64_t now_ms)
{
    return key_rests(&key->whole, now_ms) ? key->whole.why : KEY_FINE;
}

static void write_key(const struct key *key, uint64_t now_ms, struct json_writer *w)
{
    json_begin(w, '{');
    json_put_text(w, "key", key->fingerprint[0] ? key->fingerprint : NULL);
    json_put_text(w, "state", key_fault_state(fault_of(key, now_ms)));
    json_put_u64(w, "uses", key->uses);
    json_key(w, "rests");
    json_begin(w, '[');
    if (key_rests(&key->whole, now_ms))
        write_rest(&key->whole, now_ms, w);
    for (size_t i = 0; i < KEY_RESTS_MAX; i++)
        if (key_rests(&key->models[i], now_ms))
            write_rest(&key->models[i], now_ms, w);
    json_end(w, ']');
    json_end(w, '}');
}

static void write_provider(struct gateway *gateway, const struct config_provider *provider,
                           struct json_writer *w)
{
    const struct key_pool *pool = key_pools_find(&gateway->env.key_pools, provider);

    json_begin(w, '{');
    json_put_text(w, "kind", provider->kind->name);
    json_put_bool(w, "off", provider->off);
    json_key(w, "keys");
    json_begin(w, '[');
    for (size_t i = 0; pool && i < pool->count; i++)
        write_key(&pool->keys[i], loop_now_ms(gateway->loop), w);
    json_end(w, ']');
    json_end(w, '}');
}

void provider_keys_write(struct gateway *gateway, struct json_writer *w)
{
    const struct config *config = gateway->env.config;

    json_key(w, "providers");
    json_begin(w, '{');
    for (size_t i = 0; i < config->provider_count; i++) {
        json_key(w, config->providers[i].name);
        write_provider(gateway, &config->providers[i], w);
    }
    json_end(w, '}');
}

const char *provider_keys_why_not(struct gateway *gateway, const struct config_target *target,
                                  bool *ret_passes)
{
    const struct key_pool *pool = key_pools_find(&gateway->env.key_pools, target->provider);
    uint64_t now_ms = loop_now_ms(gateway->loop);
    char text[KEY_MODEL_BYTES];
    struct span scope = key_scope(target, text);
    uint64_t free_ms = pool ? key_pool_free_ms(pool, scope, now_ms) : now_ms;

    *ret_passes = free_ms > 0;
    if (free_ms == 0)
        return "no key of its provider is accepted";
    return free_ms > now_ms ? "its provider has asked to be left alone for a while" : NULL;
}

static void count_keys(struct gateway *gateway, const struct config_provider *provider)
{
    static const enum key_fault faults[] = { KEY_FINE, KEY_SPENT, KEY_REFUSED };
    const struct key_pool *pool = key_pools_find(&gateway->env.key_pools, provider);

    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        struct span labels[] = { span_from(provider->name),
                                 span_from(key_fault_state(faults[i])) };
        uint64_t count = 0;

        for (size_t j = 0; pool && j < pool->count; j++)
            count += fault_of(&pool->keys[j], loop_now_ms(gateway->loop)) == faults[i];
        series_set(metrics_series(gateway->env.metrics, METER_KEYS, labels), count);
    }
}

void provider_keys_count(struct gateway *gateway)
{
    const struct config *config = gateway->env.config;

    for (size_t i = 0; i < config->provider_count; i++)
        count_keys(gateway, &config->providers[i]);
}

/* ---- other keys ---- */

static const struct config_provider *nearest(const struct config *config, struct span name)
{
    const struct config_provider *best = NULL;
    uint32_t distance = UINT32_MAX;

    for (size_t i = 0; i < config->provider_count; i++) {
        uint32_t other = span_distance(name, span_from(config->providers[i].name));

        if (best == NULL || other < distance) {
            best = &config->providers[i];
            distance = other;
        }
    }
    return best;
}

/* Another provider than one that can be given keys: says why. */
static const struct config_provider *find_provider(struct call *call)
{
    const struct config *config = call->gateway->env.config;
    struct span name = call->places[0];
    const struct config_provider *provider = config_provider_find(config, name);
    const struct config_provider *other = nearest(config, name);
    const char *text = "There are no providers.";

    if (provider == NULL) {
        if (other)
            text =
                arena_printf(&call->arena, "There is no provider `%.*s`. The nearest is `%s`.",
                             SPAN_ARG(span_first(name, 100)), other->name);
        call_refuse(call, REFUSE_NOT_FOUND, text);
    } else if (provider->kind->auth == AUTH_NONE) {
        call_refuse(call, REFUSE_INVALID_VALUE,
                    arena_printf(&call->arena, "A provider of kind %s takes no keys.",
                                 provider->kind->name));
    } else {
        return provider;
    }
    return NULL;
}

/* What is wrong with the body; NULL: nothing, and ret_keys holds `ret_count` of them. Never says what a
 * key was. */
static const char *read_keys(const struct json *body, struct arena *arena,
                             struct span ret_keys[LIMIT_PROVIDER_KEYS], size_t *ret_count)
{
    const struct json *keys = json_member(body, "keys");
    size_t count = json_count(keys);

    if (json_kind(body) != JSON_OBJECT || json_kind(keys) != JSON_ARRAY ||
        json_count(body) != 1)
        return "The body has to be {\"keys\": [\"...\"]} and nothing else.";
    if (count == 0 || count > LIMIT_PROVIDER_KEYS)
        return arena_printf(arena, "`keys` has to hold 1 to %d keys, not %zu.",
                            LIMIT_PROVIDER_KEYS, count);
    for (size_t i = 0; i < count; i++)
        if (!json_read_string(json_item(keys, i), &ret_keys[i]) || ret_keys[i].size == 0 ||
            ret_keys[i].size > LIMIT_PROVIDER_KEY_BYTES || !form_is_visible(ret_keys[i]))
            return arena_printf(arena,
                                "`keys[%zu]` has to be a string of 1 to %d visible ASCII "
                                "characters.",
                                i, LIMIT_PROVIDER_KEY_BYTES);
    *ret_count = count;
    return NULL;
}

/* The path of the setting, and its new value. */
static const char *path_of(const struct config_provider *provider, struct arena *arena)
{
    return arena_printf(arena, "[\"providers\",\"%s\",\"keys\"]", provider->name);
}

static void write_keys(const struct span *keys, size_t count, struct buf *out)
{
    struct json_writer w = json_writer(out);

    json_begin(&w, '[');
    for (size_t i = 0; i < count; i++)
        json_string(&w, keys[i]);
    json_end(&w, ']');
}

static void answer(struct call *call)
{
    struct gateway *gateway = call->gateway;
    const struct config_provider *provider =
        config_provider_find(gateway->env.config, call->places[0]);
    struct json_writer w = json_writer(&call->body);

    switch (change_fate(call->change)) {
    case CHANGE_RUNNING: return;
    case CHANGE_IN_FORCE:
        if (provider == NULL)
            break; /* a reload has followed, without it */
        key_pools_forgive(&gateway->env.key_pools, provider);
        write_provider(gateway, provider, &w);
        break;
    case CHANGE_REFUSED:
        call_refuse(call, REFUSE_INVALID_VALUE,
                    arena_text(&call->arena, change_report(call->change)));
        break;
    case CHANGE_NOT_SAVED:
        call_refuse(call, REFUSE_OVERLOADED, "The keys could not be saved; the old ones stay.");
        break;
    }
    call->awaits = NULL;
}

static void replace(struct call *call, const struct config_provider *provider,
                    const struct json *body)
{
    struct span keys[LIMIT_PROVIDER_KEYS];
    size_t count = 0;
    const char *wrong = read_keys(body, &call->arena, keys, &count);
    struct buf value;

    if (wrong) {
        call_refuse_param(call, REFUSE_INVALID_VALUE, wrong, "keys");
        return;
    }
    buf_init(&value, VALUE_BYTES_MAX);
    write_keys(keys, count, &value);
    call->change =
        change_start(call->gateway,
                     &(struct change_request){
                         .edits = { { path_of(provider, &call->arena), buf_text(&value) } },
                         .event = { .kind = EVENT_KEYS_REPLACED,
                                    .provider = provider->name,
                                    .reason = SPAN_OF("keys replaced"),
                                    .actor = "admin" } },
                     &call->task);
    call->awaits = answer;
    mem_wipe((char *)(uintptr_t)buf_span(&value).at, buf_size(&value));
    buf_done(&value);
}

void provider_keys_put(struct call *call)
{
    const struct config_provider *provider = find_provider(call);
    struct span text = http_body(call->http);
    struct json_doc *body = NULL;

    if (provider == NULL)
        return;
    if (text.size > LIMIT_CALL_BODY_BYTES) {
        call_refuse(call, REFUSE_REQUEST_TOO_LARGE, "The body is too large.");
    } else if (json_parse(text, &body)) {
        call_refuse(call, REFUSE_INVALID_JSON, "The body is not JSON.");
    } else {
        replace(call, provider, json_root(body));
        json_free(body);
    }
}
