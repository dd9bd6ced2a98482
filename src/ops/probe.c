#include "ops/probe.h"

#include "base/log.h"
#include "base/mem.h"
#include "flow/switching.h"
#include "ops/gateway.h"
#include "ops/trial.h"
#include "policy/route.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum {
    PLACE_BYTES = 2 * 64 + 2, /* two short names (forms.h) and what joins them */
};

/* One for each provider, or for each of its regions; kept when it is not configured any more, as its name
 * may return. */
struct probe {
    struct task task;
    struct gateway *gateway;
    char *provider;
    char *region;    /* NULL: the provider is in one place */
    uint64_t due_ms; /* of the next one, or of the answer while a trial runs; 0: not planned */
    struct trial trial;
    bool for_load; /* it asks how busy the provider is */
};

struct probes {
    struct gateway *gateway;
    struct map by_place; /* "PROVIDER" or "PROVIDER@REGION" */
};

static bool stands_in(const struct config_target *target, const struct trial_place *place)
{
    return target->provider == place->provider && target->region == place->region;
}

/* ---- asking ---- */

static bool has_targets(const struct config *config, const struct trial_place *place)
{
    for (size_t i = 0; i < config->model_count; i++)
        for (size_t j = 0; j < config->models[i].target_count; j++)
            if (stands_in(&config->models[i].targets[j], place))
                return true;
    return false;
}

/* The first model listed that is served there, as it is called there; NULL: none that has a name of its
 * own, such as behind a name that ends in a star. */
static const char *first_model(const struct config *config, const struct trial_place *place)
{
    for (size_t i = 0; i < config->model_count; i++)
        for (size_t j = 0; j < config->models[i].target_count; j++) {
            const struct config_target *target = &config->models[i].targets[j];

            if (stands_in(target, place) && strchr(target->model, '*') == NULL)
                return target->model;
        }
    return NULL;
}

static void ask(struct probe *probe, const struct trial_place *place, uint64_t now_ms)
{
    const struct config_provider *provider = place->provider;
    struct gateway *gateway = probe->gateway;
    const char *model =
        provider->health.prompt ? first_model(gateway->env.config, place) : NULL;
    bool asked =
        model ? trial_prompt(&probe->trial, gateway, place, model, &probe->task)
              : trial_get(&probe->trial, gateway, place, provider->health.path, &probe->task);

    if (asked)
        probe->due_ms = now_ms + provider->health.timeout;
}

/* How busy is it? That is asked beside its API, at the root. */
static void ask_load(struct probe *probe, const struct trial_place *place, uint64_t now_ms)
{
    struct config_provider provider = *place->provider;
    struct config_region region = { 0 };
    struct trial_place root = { &provider, NULL };
    const char **base_url = &provider.base_url;
    struct arena arena;

    if (place->region) {
        region = *place->region;
        root.region = &region;
        base_url = &region.base_url;
    }
    arena_init(&arena);
    *base_url = arena_text(&arena, load_root(span_from(*base_url)));
    provider.health.path = provider.kind->load.path;
    provider.health.prompt = false;
    ask(probe, &root, now_ms);
    arena_done(&arena);
    probe->for_load = probe->trial.fetch != NULL;
    if (probe->trial.fetch)
        fetch_widen(probe->trial.fetch, LIMIT_LOAD_BYTES);
}

static void close_call(struct probe *probe)
{
    trial_close(&probe->trial);
    probe->for_load = false;
}

/* ---- learning ---- */

static void teach_model(struct gateway *gateway, const struct config_model *model,
                        const struct trial_place *place, bool good, uint32_t took_ms)
{
    struct health_rule rule = route_health_rule(gateway->env.config);

    for (size_t i = 0; i < model->target_count; i++) {
        const struct config_target *target = &model->targets[i];

        if (!stands_in(target, place))
            continue;
        health_probe(&targets_get(&gateway->env.targets, target->id)->health, &rule, good,
                     took_ms, loop_now_ms(gateway->loop));
        switching_probe(&gateway->env, model, target, good);
    }
}

static void teach(struct gateway *gateway, const struct trial_place *place, bool good,
                  uint32_t took_ms)
{
    const struct config *config = gateway->env.config;

    for (size_t i = 0; i < config->model_count; i++)
        teach_model(gateway, &config->models[i], place, good, took_ms);
}

static void judge(struct probe *probe, const struct trial_place *place)
{
    unsigned status = fetch_status(probe->trial.fetch);
    bool good = trial_good(&probe->trial);

    teach(probe->gateway, place, good, trial_took_ms(&probe->trial));
    if (!good)
        LOG(LOG_INFO, "probe_failed", { "provider", span_from(probe->provider) },
            { "region", span_from(probe->region) },
            { "why", !status         ? SPAN_OF("no answer")
                     : status >= 500 ? SPAN_OF("server error")
                                     : SPAN_OF("refused") });
}

/* What is in flight there, but for what is ours of it. Without an answer, the last one holds a while. */
static void teach_load(struct gateway *gateway, const struct trial_place *place,
                       uint32_t requests)
{
    const struct config *config = gateway->env.config;
    uint64_t held_ms = 3 * (uint64_t)place->provider->health.interval;

    for (size_t i = 0; i < config->model_count; i++)
        for (size_t j = 0; j < config->models[i].target_count; j++) {
            const struct config_target *target = &config->models[i].targets[j];
            struct target_state *state;

            if (!stands_in(target, place))
                continue;
            state = targets_get(&gateway->env.targets, target->id);
            state->others = requests > state->in_flight ? requests - state->in_flight : 0;
            state->others_until_ms = loop_now_ms(gateway->loop) + held_ms;
        }
}

static void judge_load(struct probe *probe, const struct trial_place *place)
{
    uint32_t requests;

    if (fetch_phase(probe->trial.fetch) == FETCH_DONE &&
        fetch_status(probe->trial.fetch) == 200 &&
        load_read(fetch_bytes(probe->trial.fetch), &place->provider->kind->load, &requests))
        teach_load(probe->gateway, place, requests);
    else
        LOG(LOG_INFO, "load_unknown", { "provider", span_from(probe->provider) },
            { "region", span_from(probe->region) });
}

/* ---- when ---- */

static uint64_t next_ms(struct gateway *gateway, const struct config_provider *provider)
{
    uint32_t interval = provider->health.interval;

    return loop_now_ms(gateway->loop) + interval - interval / 10 +
           route_random(&gateway->env.random, interval / 5 + 1);
}

static const struct config_region *region_of(const struct config_provider *provider,
                                             const char *name)
{
    for (size_t i = 0; i < provider->regions.count; i++)
        if (strcmp(provider->regions.items[i].name, name) == 0)
            return &provider->regions.items[i];
    return NULL;
}

static bool wants_load(const struct config *config, const struct trial_place *place)
{
    for (size_t i = 0; place->provider->kind->load.path && i < config->model_count; i++)
        for (size_t j = 0; j < config->models[i].target_count; j++)
            if (config->models[i].balance == BALANCE_LEAST_BUSY &&
                stands_in(&config->models[i].targets[j], place))
                return true;
    return false;
}

/* Whether it is to be probed, and then where. */
static bool wanted(const struct probe *probe, struct trial_place *ret)
{
    const struct config *config = probe->gateway->env.config;
    struct trial_place place = { config_provider_find(config, span_from(probe->provider)),
                                 NULL };

    if (place.provider == NULL || place.provider->off || place.provider->health.interval == 0 ||
        probe->gateway->env.draining)
        return false;
    if (probe->region)
        place.region = region_of(place.provider, probe->region);
    if ((probe->region && place.region == NULL) || !has_targets(config, &place))
        return false;
    *ret = place;
    return true;
}

static void run(struct task *task)
{
    struct probe *probe = LIST_OWNER(task, struct probe, task);
    struct trial_place place = { 0 };
    bool going_on = wanted(probe, &place);
    uint64_t now_ms = loop_now_ms(probe->gateway->loop);
    bool over = probe->trial.fetch &&
                (trial_answered(&probe->trial, probe->for_load) || now_ms >= probe->due_ms);
    bool more =
        over && going_on && !probe->for_load && wants_load(probe->gateway->env.config, &place);

    if (over && going_on)
        (probe->for_load ? judge_load : judge)(probe, &place);
    if (more) {
        close_call(probe);
        probe->due_ms = next_ms(probe->gateway, place.provider);
        ask_load(probe, &place, now_ms);
    } else if (over || !going_on) {
        close_call(probe);
        probe->due_ms = going_on ? next_ms(probe->gateway, place.provider) : 0;
    } else if (probe->trial.fetch == NULL && probe->due_ms == 0) {
        probe->due_ms = next_ms(probe->gateway, place.provider);
    } else if (probe->trial.fetch == NULL && now_ms >= probe->due_ms) {
        probe->due_ms = next_ms(probe->gateway, place.provider);
        ask(probe, &place, now_ms);
    }
    task_alarm(task, probe->due_ms);
}

/* ---- all of them ---- */

static struct probe *make(struct probes *probes, const struct config_provider *provider,
                          const struct config_region *region, struct span name)
{
    struct probe *probe = mem_zero(sizeof(*probe));

    probe->gateway = probes->gateway;
    probe->provider = mem_copy(provider->name, strlen(provider->name));
    probe->region = region ? mem_copy(region->name, strlen(region->name)) : NULL;
    task_init(&probe->task, probes->gateway->loop, run);
    (void)map_put(&probes->by_place, name, probe);
    return probe;
}

static void add(struct probes *probes, const struct config_provider *provider,
                const struct config_region *region)
{
    char text[PLACE_BYTES];
    int size = snprintf(text, sizeof(text), "%s%s%s", provider->name, region ? "@" : "",
                        region ? region->name : "");
    struct span name = span_make(text, (size_t)size);
    struct probe *probe = map_find(&probes->by_place, name);
    uint64_t latest_ms = loop_now_ms(probes->gateway->loop) + provider->health.interval +
                         provider->health.interval / 10;

    assert(name.size < sizeof(text));
    if (probe == NULL)
        probe = make(probes, provider, region, name);
    if (probe->trial.fetch == NULL && probe->due_ms > latest_ms)
        probe->due_ms = 0; /* of an interval that was longer */
    task_wake(&probe->task);
}

void probes_renew(struct probes *probes)
{
    const struct config *config = probes->gateway->env.config;
    struct map_entry *entry;
    size_t at = 0;

    while ((entry = map_next(&probes->by_place, &at)) != NULL)
        task_wake(&((struct probe *)entry->thing)->task);
    for (size_t i = 0; i < config->provider_count; i++) {
        const struct config_provider *provider = &config->providers[i];

        for (size_t j = 0; j < provider->regions.count; j++)
            add(probes, provider, &provider->regions.items[j]);
        if (provider->regions.count == 0)
            add(probes, provider, NULL);
    }
}

struct probes *probes_new(struct gateway *gateway)
{
    struct probes *probes = mem_zero(sizeof(*probes));

    probes->gateway = gateway;
    map_init(&probes->by_place);
    probes_renew(probes);
    return probes;
}

void probes_free(struct probes *probes)
{
    struct map_entry *entry;
    size_t at = 0;

    if (probes == NULL)
        return;
    while ((entry = map_next(&probes->by_place, &at)) != NULL) {
        struct probe *probe = entry->thing;

        close_call(probe);
        task_done(&probe->task);
        mem_free(probe->provider);
        mem_free(probe->region);
        mem_free(probe);
    }
    map_done(&probes->by_place);
    mem_free(probes);
}
