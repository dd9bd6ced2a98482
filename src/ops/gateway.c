#include "ops/gateway.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/resident.h"
#include "flow/exchange.h"
#include "flow/meters.h"
#include "flow/refusal.h"
#include "net/fetch.h"
#include "net/listen.h"
#include "net/tls.h"
#include "ops/alarms.h"
#include "ops/call.h"
#include "ops/change.h"
#include "ops/demo.h"
#include "ops/keeper.h"
#include "ops/offers.h"
#include "ops/probe.h"
#include "ops/recent.h"
#include "ops/rollouts.h"
#include "ops/source.h"
#include "ops/state.h"
#include "ops/trimmer.h"
#include "ops/watch.h"
#include "ops/webhook.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

enum {
    LOG_DELAY_MS = 50,
    LOG_AGAIN_MS =
        5, /* a pipe takes 64 KiB at a time, and may be read faster than in LOG_DELAY_MS */
    JANITOR_MS = 1000,
    LAST_WORDS_MS = 2000, /* for what is left to be sent after the drain */
    LAST_NEWS_MS = 1000,  /* for the webhooks, when nothing else is left */
};

/* ---- doors ---- */

static struct task *on_main_head(void *context, struct http *http)
{
    struct door *door = context;
    const struct http_request *request = http_request(http);
    const struct endpoint *endpoint = endpoint_find(request->path);

    if (endpoint && (door->planes & PLANE_MAIN) && request->method != HTTP_OPTIONS)
        return exchange_start(&door->gateway->env, http, endpoint);
    return call_start(door, http);
}

static void on_http_error(void *context, const char *peer, unsigned status, const char *code,
                          const char *message, struct buf *ret_body)
{
    struct door *door = context;
    struct llm_error error = refusal_error(refusal_find(code), message);
    char number[8];
    struct span label = { number, 3 };

    (void)snprintf(number, sizeof(number), "%03u", status % 1000);
    dialect_openai.write_error(&error, ret_body);
    series_add(metrics_series(door->gateway->env.metrics, METER_HTTP_REFUSED, &label), 1);
    LOG(LOG_INFO, "http_refused", { "peer", span_from(peer) }, { "status", label },
        { "message", span_from(message) });
}

static void configure_door(struct door *door, const struct config *config)
{
    door->http = (struct http_config){
        .header_bytes_max = config->limits.header_bytes,
        .body_bytes_max = config->limits.body_bytes,
        .header_ms = config->timeouts.client_header,
        .body_ms = config->timeouts.client_body,
        .write_ms = config->timeouts.client_write,
        .keepalive_ms = config->timeouts.keepalive,
        .on_head = on_main_head,
        .write_error = on_http_error,
        .context = door,
    };
}

static bool open_door(struct gateway *gateway, struct door *door, const char *address,
                      struct tls *tls, char *ret_error)
{
    struct listener_config listener = {
        .address = span_from(address),
        .http = &door->http,
        .tls = tls,
        .connections_max = gateway->env.config->limits.connections,
    };

    door->gateway = gateway;
    configure_door(door, gateway->env.config);
    door->listener = listener_open(gateway->loop, &listener, ret_error);
    return door->listener != NULL;
}

static bool open_doors(struct gateway *gateway, char *ret_error)
{
    const struct config *config = gateway->env.config;
    struct tls *tls = NULL;
    bool opened;

    if (config->tls.certificate) {
        tls =
            tls_new(config->tls.certificate, config->tls.key, config->tls.client_ca, ret_error);
        if (tls == NULL)
            return false;
    }
    gateway->main.planes = PLANE_MAIN;
    gateway->admin.planes = PLANE_ADMIN;
    if (config->admin.listen == NULL)
        gateway->main.planes |= PLANE_ADMIN;
    opened = open_door(gateway, &gateway->main, config->listen, tls, ret_error) &&
             (config->admin.listen == NULL ||
              open_door(gateway, &gateway->admin, config->admin.listen, NULL, ret_error));
    tls_unref(tls);
    return opened;
}

bool gateway_apply(struct gateway *gateway, char *ret_error)
{
    const struct config *config = gateway->env.config;

    log_setup(config->log.level, config->log.text);
    configure_door(&gateway->main, config);
    listener_set_http(gateway->main.listener, &gateway->main.http, config->limits.connections);
    if (gateway->admin.listener) {
        configure_door(&gateway->admin, config);
        listener_set_http(gateway->admin.listener, &gateway->admin.http,
                          config->limits.connections);
    }
    if (!gateway_ensure_demo(gateway, ret_error))
        return false;
    key_pools_renew(&gateway->env.key_pools, config);
    probes_renew(gateway->probes);
    rollouts_renew(gateway->rollouts);
    slots_renew(&gateway->env); /* there may be more of them now */
    webhooks_renew(gateway->webhooks);
    return true;
}

bool gateway_ensure_demo(struct gateway *gateway, char *ret_error)
{
    const struct config *config = gateway->env.config;
    bool wanted = false;

    for (size_t i = 0; i < config->provider_count; i++)
        wanted = wanted || config->providers[i].kind->built_in;
    if (!wanted || gateway->demo)
        return true;
    gateway->demo = demo_open(gateway->loop, ret_error);
    if (gateway->demo == NULL)
        return false;
    (void)snprintf(gateway->demo_url, sizeof(gateway->demo_url), "http://127.0.0.1:%u/v1",
                   demo_port(gateway->demo));
    gateway->env.demo_url = gateway->demo_url;
    return true;
}

/* ---- drain ---- */

void gateway_drain(struct gateway *gateway)
{
    uint64_t now_ms = loop_now_ms(gateway->loop);

    if (gateway->env.draining) {
        gateway->drain_by_ms = now_ms; /* the second time of asking: now */
    } else {
        gateway->env.draining = true;
        gateway->drain_by_ms = now_ms + gateway->env.config->drain_seconds * 1000ul;
        listener_drain(gateway->main.listener);
        LOG(LOG_INFO, "drain", { "why", SPAN_OF("asked to stop") });
    }
    task_wake(&gateway->janitor);
}

/* No request is left: whether the webhooks have had their time as well. */
static bool news_is_out(struct gateway *gateway, uint64_t now_ms)
{
    if (gateway->news_by_ms == 0) {
        gateway->news_by_ms = now_ms + LAST_NEWS_MS;
        webhooks_hurry(gateway->webhooks);
    }
    return webhooks_settled(gateway->webhooks) || now_ms >= gateway->news_by_ms;
}

static void look_after_drain(struct gateway *gateway, uint64_t now_ms)
{
    size_t open = listener_connections(gateway->main.listener);
    bool idle = list_empty(&gateway->env.exchanges) && open == 0;

    if ((idle && news_is_out(gateway, now_ms)) ||
        (gateway->drain_over && now_ms >= gateway->drain_by_ms + LAST_WORDS_MS)) {
        loop_stop(gateway->loop);
        return;
    }
    if (now_ms >= gateway->drain_by_ms && !gateway->drain_over) {
        gateway->drain_over = true;
        exchange_stop_all(&gateway->env);
    }
    task_alarm(&gateway->janitor, now_ms + 20);
}

static void look_at_file(struct gateway *gateway)
{
    uint64_t stamp = source_stamp(gateway->env.config->file);

    if (stamp && stamp != gateway->file_stamp) {
        gateway->file_stamp = stamp;
        change_leave(change_reload(gateway, "the file has changed", NULL));
    }
}

static void run_janitor(struct task *task)
{
    struct gateway *gateway = LIST_OWNER(task, struct gateway, janitor);
    uint64_t now_ms = loop_now_ms(gateway->loop);

    if (gateway->env.draining) {
        look_after_drain(gateway, now_ms);
        return;
    }
    look_at_file(gateway);
    watch_health(gateway);
    slots_watch(&gateway->env);
    trimmer_look(gateway->trimmer);
    task_alarm(task, now_ms + JANITOR_MS);
}

static void on_signal(void *context, int number)
{
    struct gateway *gateway = context;

    if (gateway->main.listener == NULL)
        return; /* it is going already */
    if (number == SIGHUP)
        change_leave(change_reload(gateway, "SIGHUP", NULL));
    else
        gateway_drain(gateway);
}

/* ---- the log ---- */

static void run_logger(struct task *task)
{
    struct gateway *gateway = LIST_OWNER(task, struct gateway, logger);

    if (!log_flush())
        task_alarm(task, loop_now_ms(gateway->loop) + LOG_AGAIN_MS);
}

static void on_log_pending(void *context)
{
    struct gateway *gateway = context;

    task_alarm(&gateway->logger, loop_now_ms(gateway->loop) + LOG_DELAY_MS);
}

/* ---- life ---- */

struct gateway *gateway_new(struct config *config, char *ret_error)
{
    struct gateway *gateway = mem_zero(sizeof(*gateway));
    struct span version = SPAN(SLUICE_VERSION);

    gateway->loop = loop_new();
    env_init(&gateway->env, gateway->loop, fetch_pool_new(gateway->loop));
    gateway->env.config = config;
    gateway->file_stamp = source_stamp(config->file);
    gateway->started_ms = clock_wall_ms();
    task_init(&gateway->janitor, gateway->loop, run_janitor);
    task_init(&gateway->logger, gateway->loop, run_logger);
    gateway->state = state_open(gateway, ret_error);
    if (gateway->state == NULL) {
        gateway_free(gateway);
        return NULL;
    }
    gateway->keeper = keeper_new(gateway);
    gateway->rollouts =
        rollouts_new(gateway); /* what is loaded is loaded before anything is put */
    gateway->webhooks = webhooks_new(gateway);
    gateway->offers_told = offers_told_new();
    gateway->changes = changes_new(gateway);
    key_pools_renew(&gateway->env.key_pools, gateway->env.config);
    if (!open_doors(gateway, ret_error) || !gateway_ensure_demo(gateway, ret_error)) {
        gateway_free(gateway);
        return NULL;
    }
    gateway->probes = probes_new(gateway);
    webhooks_renew(gateway->webhooks);
    gateway->recent = recent_new(gateway);
    gateway->alarms = alarms_new(gateway);
    gateway->trimmer = trimmer_new(gateway);
    rollouts_renew(gateway->rollouts);
    loop_on_signal(gateway->loop, SIGTERM, on_signal, gateway);
    loop_on_signal(gateway->loop, SIGINT, on_signal, gateway);
    loop_on_signal(gateway->loop, SIGHUP, on_signal, gateway);
    series_set(metrics_series(gateway->env.metrics, METER_BUILD_INFO, &version), 1);
    return gateway;
}

unsigned gateway_port(const struct gateway *gateway)
{
    return listener_port(gateway->main.listener);
}

void gateway_run(struct gateway *gateway)
{
    log_on_pending(on_log_pending, gateway);
    on_log_pending(gateway);
    task_alarm(&gateway->janitor, loop_now_ms(gateway->loop) + JANITOR_MS);
    resident_drop_code(); /* that of the start */
    loop_run(gateway->loop);
    log_on_pending(NULL, NULL);
    (void)log_flush();
}

static void close_door(struct door *door)
{
    if (door->listener)
        listener_close(door->listener);
    door->listener = NULL;
}

void gateway_free(struct gateway *gateway)
{
    task_done(&gateway->janitor); /* it looks at what goes now, and its alarm may be due */
    close_door(&gateway->main);
    close_door(&gateway->admin);
    probes_free(gateway->probes);
    if (gateway->demo)
        demo_close(gateway->demo);
    loop_settle(
        gateway->loop); /* whoever was in the middle of something learns that it is over */
    webhooks_free(gateway->webhooks);
    offers_told_free(gateway->offers_told);
    rollouts_free(gateway->rollouts);
    changes_free(gateway->changes);
    trimmer_free(gateway->trimmer);
    alarms_free(gateway->alarms);
    recent_free(gateway->recent);
    keeper_free(gateway->keeper);
    state_close(gateway->state);
    fetch_pool_free(gateway->env.fetches);
    config_unref(gateway->env.config);
    env_done(&gateway->env);
    task_done(&gateway->logger);
    loop_free(gateway->loop);
    mem_free(gateway);
    (void)log_flush(); /* what was said meanwhile */
}
