#include "ops/webhook.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/log.h"
#include "base/mem.h"
#include "config/forms.h"
#include "flow/meters.h"
#include "flow/request_head.h"
#include "net/fetch.h"
#include "ops/gateway.h"
#include "ops/state.h"
#include "policy/delivery.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum {
    ATTEMPT_MS = 10000,
    DROPPED_LOG_MS = 60000, /* between two lines about the same */
    HEAD_BYTES_MAX = 4 * 1024,
    NUMBER_SIZE = 24,
    DELIVERY_DIGITS = 32,
};

static const struct delivery_rule rule = {
    .first_ms = 1000,
    .most_ms = 300000,
    .for_ms = 3600000,
};

enum hook_state { HOOK_IDLE, HOOK_SENDING, HOOK_BACKING_OFF };

struct hook {
    struct list link;
    struct task task;
    struct webhooks *webhooks;
    char *url;
    char name[DIGEST_HEX_SIZE]; /* in the store: the URL may be a secret */
    enum hook_state state;
    uint64_t settled; /* number of the newest event that was delivered, given up or dropped */
    uint64_t due_ms;  /* of the answer, or of the next try; 0: neither */
    struct delivery delivery;
    uint64_t dropped; /* not yet in the log */
    uint64_t quiet_until_ms;

    /* the call, while SENDING */
    struct fetch_origin *origin;
    struct fetch *fetch;
    struct arena arena;
    struct span body;
};

struct webhooks {
    struct gateway *gateway;
    struct task news; /* an event was added */
    struct events_listener listener;
    struct list hooks;
    struct map settled; /* of an earlier process, by name: the number, as text */
};

static uint64_t now_ms(const struct hook *hook)
{
    return loop_now_ms(hook->webhooks->gateway->loop);
}

static struct events *events_of(const struct hook *hook)
{
    return &hook->webhooks->gateway->env.events;
}

/* ---- what is said about it ---- */

/* Without the path, which may be all that the receiver asks for. */
static struct span shown(const struct hook *hook)
{
    struct span rest;
    size_t host;

    (void)form_skip_scheme(span_from(hook->url), &rest);
    host = strcspn(rest.at, "/?");
    return span_make(hook->url, (size_t)(rest.at - hook->url) + host);
}

static void count(struct hook *hook, const char *outcome, uint64_t amount)
{
    struct span label = span_from(outcome);

    series_add(metrics_series(hook->webhooks->gateway->env.metrics, METER_WEBHOOKS, &label),
               amount);
}

static void say(const struct hook *hook, const char *event, uint64_t number, const char *why)
{
    char text[NUMBER_SIZE];

    (void)snprintf(text, sizeof(text), "%llu", (unsigned long long)number);
    LOG(LOG_WARN, event, { "webhook", shown(hook) }, { "number", span_from(text) },
        { "why", span_from(why) });
}

static void say_dropped(struct hook *hook)
{
    if (hook->dropped == 0)
        return;
    say(hook, "webhook_dropped", hook->dropped, "too many were waiting: the oldest go first");
    hook->dropped = 0;
    hook->quiet_until_ms = now_ms(hook) + DROPPED_LOG_MS;
}

/* ---- what is settled ---- */

static void settle(struct hook *hook, uint64_t id)
{
    struct store *store = state_store(hook->webhooks->gateway->state);
    char text[NUMBER_SIZE];

    hook->settled = id;
    if (store == NULL)
        return;
    (void)snprintf(text, sizeof(text), "%llu", (unsigned long long)id);
    store_put(store, STORE_WEBHOOK, span_from(hook->name), span_from(text));
}

/* What the ring does not have any more. One that is being sent is not waiting. */
static void drop_lost(struct hook *hook)
{
    uint64_t last = events_of(hook)->last;
    uint64_t before = last > LIMIT_EVENTS ? last - LIMIT_EVENTS : 0;

    if (hook->state == HOOK_SENDING || hook->settled >= before)
        return;
    hook->dropped += before - hook->settled;
    count(hook, "dropped", before - hook->settled);
    settle(hook, before);
    delivery_replaced(&hook->delivery);
    if (now_ms(hook) >= hook->quiet_until_ms)
        say_dropped(hook);
}

/* ---- posting ---- */

static const struct config_webhook *config_of(const struct hook *hook)
{
    const struct config_alerts *alerts = &hook->webhooks->gateway->env.config->alerts;

    for (size_t i = 0; i < alerts->webhook_count; i++)
        if (strcmp(alerts->webhooks[i].url, hook->url) == 0)
            return &alerts->webhooks[i];
    return NULL;
}

static void sign(const struct hook *hook, struct span secret, struct buf *head)
{
    char digits[NUMBER_SIZE];
    char hex[DIGEST_HEX_SIZE];
    struct digest digest;
    const struct span signed_parts[] = { { digits, 0 }, SPAN("."), hook->body };
    const struct span named_parts[] = { span_from(hook->url), SPAN("\n"), hook->body };
    struct span parts[3];
    int size =
        snprintf(digits, sizeof(digits), "%llu", (unsigned long long)(clock_wall_ms() / 1000));

    memcpy(parts, signed_parts, sizeof(parts));
    parts[0].size = (size_t)size;
    digest_hmac(secret, parts, 3, &digest);
    digest_hex(&digest, hex);
    (void)buf_add_texts(head, "X-Sluice-Signature: t=", digits, ",v1=", hex, "\r\n", NULL);
    digest_hmac(secret, named_parts, 3, &digest);
    digest_hex(&digest, hex);
    hex[DELIVERY_DIGITS] = 0;
    (void)buf_add_texts(head, "X-Sluice-Delivery: ", hex, "\r\n", NULL);
}

static struct span make_head(struct hook *hook, struct span secret)
{
    struct span kept;
    struct buf head;

    buf_init(&head, HEAD_BYTES_MAX);
    (void)buf_add_text(&head, "Content-Type: application/json\r\n"
                              "User-Agent: sluice/" SLUICE_VERSION "\r\n");
    request_head_add(&head, SPAN_OF("X-Sluice-Event"), events_line_kind(hook->body));
    sign(hook, secret, &head);
    kept = arena_copy(&hook->arena, buf_span(&head));
    buf_done(&head);
    return kept;
}

static void close_call(struct hook *hook)
{
    if (hook->state != HOOK_SENDING)
        return;
    fetch_close(hook->fetch);
    fetch_origin_free(hook->origin);
    arena_done(&hook->arena);
    hook->fetch = NULL;
    hook->origin = NULL;
    hook->state = HOOK_IDLE;
}

/* The oldest that waits. One that the ring had to leave out (its line is empty) was never one. */
static void post_next(struct hook *hook)
{
    struct gateway *gateway = hook->webhooks->gateway;
    const struct config_webhook *config = config_of(hook);
    struct span line = events_line(&gateway->env.events, hook->settled + 1);
    struct fetch_origin_config place = { .url = hook->url };
    struct fetch_request request = {
        .body = &hook->body,
        .body_count = 1,
        .small_reads = true,
    };

    assert(config && hook->state != HOOK_SENDING);
    if (line.size == 0) {
        settle(hook, hook->settled + 1);
        task_wake(&hook->task);
        return;
    }
    place.ca_file = config->ca_file;
    arena_init(&hook->arena);
    hook->body = arena_copy(&hook->arena, line);
    request.headers = make_head(hook, secret_reveal(&config->secret));
    hook->origin = request.origin = fetch_origin_new(&place);
    assert(hook->origin); /* config_check has read the URL */
    hook->state = HOOK_SENDING;
    hook->due_ms = now_ms(hook) + ATTEMPT_MS;
    hook->fetch = fetch_start(gateway->env.fetches, &request, &hook->task);
}

/* ---- what came of it ---- */

/* The answer counts by its status alone; of its body only so much is read, to keep the connection. */
static bool is_over(const struct hook *hook)
{
    enum fetch_phase phase = fetch_phase(hook->fetch);

    fetch_consume(hook->fetch, fetch_bytes(hook->fetch).size);
    return phase == FETCH_DONE || phase == FETCH_FAILED || now_ms(hook) >= hook->due_ms ||
           fetch_received(hook->fetch) > LIMIT_WEBHOOK_ANSWER_BYTES;
}

static const char *failure(unsigned status)
{
    if (status == 0)
        return "no answer";
    if (status >= 300 && status < 400)
        return "the answer is a redirect, which is not followed";
    return status >= 500 ? "the answer is a server error" : "the answer is not a 2xx";
}

static void fail(struct hook *hook, uint64_t id, const char *why)
{
    hook->due_ms = delivery_failed(&hook->delivery, &rule, now_ms(hook));
    if (hook->due_ms) {
        hook->state = HOOK_BACKING_OFF;
        count(hook, "failed", 1);
        say(hook, "webhook_failed", id, why);
        return;
    }
    hook->delivery = (struct delivery){ 0 };
    count(hook, "given_up", 1);
    say(hook, "webhook_given_up", id, why);
    settle(hook, id);
}

static void finish(struct hook *hook)
{
    unsigned status = fetch_status(hook->fetch);
    uint64_t id = hook->settled + 1;

    close_call(hook);
    hook->due_ms = 0;
    if (status < 200 || status >= 300) {
        fail(hook, id, failure(status));
        return;
    }
    hook->delivery = (struct delivery){ 0 };
    count(hook, "delivered", 1);
    settle(hook, id);
    say_dropped(hook);
}

static void run(struct task *task)
{
    struct hook *hook = LIST_OWNER(task, struct hook, task);

    if (hook->state == HOOK_SENDING && is_over(hook))
        finish(hook);
    drop_lost(hook);
    if (hook->state == HOOK_BACKING_OFF && now_ms(hook) >= hook->due_ms) {
        hook->state = HOOK_IDLE;
        hook->due_ms = 0;
    }
    if (hook->state == HOOK_IDLE && hook->settled < events_of(hook)->last)
        post_next(hook);
    task_alarm(task, hook->due_ms);
}

/* ---- all of them ---- */

static void run_news(struct task *task)
{
    struct webhooks *webhooks = LIST_OWNER(task, struct webhooks, news);

    for (struct list *at = webhooks->hooks.next; at != &webhooks->hooks; at = at->next)
        task_wake(&LIST_OWNER(at, struct hook, link)->task);
}

static void release(struct hook *hook)
{
    close_call(hook);
    task_done(&hook->task);
    list_remove(&hook->link);
    mem_free(hook->url);
    mem_free(hook);
}

static struct hook *find(const struct webhooks *webhooks, const char *url)
{
    for (struct list *at = webhooks->hooks.next; at != &webhooks->hooks; at = at->next)
        if (strcmp(LIST_OWNER(at, struct hook, link)->url, url) == 0)
            return LIST_OWNER(at, struct hook, link);
    return NULL;
}

/* Where an earlier process stopped; for one that is new, the next event is the first. */
static void take_up(struct hook *hook)
{
    const char *text = map_find(&hook->webhooks->settled, span_from(hook->name));
    uint64_t last = events_of(hook)->last;
    uint64_t id;

    if (text && span_u64(span_from(text), &id) && id <= last)
        hook->settled = id;
    else
        settle(hook, last);
}

static void add(struct webhooks *webhooks, const char *url)
{
    struct hook *hook = mem_zero(sizeof(*hook));
    struct digest digest;

    hook->webhooks = webhooks;
    hook->url = mem_copy(url, strlen(url));
    digest_sha256(span_from(url), &digest);
    digest_hex(&digest, hook->name);
    task_init(&hook->task, webhooks->gateway->loop, run);
    list_append(&webhooks->hooks, &hook->link);
    take_up(hook);
    task_wake(&hook->task);
}

static void forget_settled(struct webhooks *webhooks)
{
    struct map_entry *entry;
    size_t at = 0;

    while ((entry = map_next(&webhooks->settled, &at)) != NULL)
        mem_free(entry->thing);
    map_done(&webhooks->settled);
    map_init(&webhooks->settled);
}

/* Those that an earlier process knew and this configuration does not. */
static void drop_settled(struct webhooks *webhooks)
{
    struct store *store = state_store(webhooks->gateway->state);
    struct map_entry *entry;
    size_t at = 0;

    while ((entry = map_next(&webhooks->settled, &at)) != NULL) {
        struct span name = span_make(entry->name, entry->name_size);
        bool known = false;

        for (struct list *l = webhooks->hooks.next; l != &webhooks->hooks; l = l->next)
            known = known || span_is(name, LIST_OWNER(l, struct hook, link)->name);
        if (!known)
            store_drop(store, STORE_WEBHOOK, name);
    }
    forget_settled(webhooks);
}

void webhooks_renew(struct webhooks *webhooks)
{
    const struct config_alerts *alerts = &webhooks->gateway->env.config->alerts;
    struct store *store = state_store(webhooks->gateway->state);

    for (struct list *at = webhooks->hooks.next, *next; at != &webhooks->hooks; at = next) {
        struct hook *hook = LIST_OWNER(at, struct hook, link);

        next = at->next;
        if (config_of(hook))
            continue;
        if (store)
            store_drop(store, STORE_WEBHOOK, span_from(hook->name));
        release(hook);
    }
    for (size_t i = 0; i < alerts->webhook_count; i++)
        if (find(webhooks, alerts->webhooks[i].url) == NULL)
            add(webhooks, alerts->webhooks[i].url);
    drop_settled(webhooks);
}

/* ---- looking ---- */

/* What the ring has lost while another was being sent waits no more, though it is dropped only then. */
static uint64_t waiting(const struct hook *hook)
{
    uint64_t all = events_of(hook)->last - hook->settled;

    return all < LIMIT_EVENTS ? all : LIMIT_EVENTS;
}

void webhooks_measure(struct webhooks *webhooks)
{
    uint64_t all = 0;

    for (struct list *at = webhooks->hooks.next; at != &webhooks->hooks; at = at->next)
        all += waiting(LIST_OWNER(at, struct hook, link));
    series_set(meter(webhooks->gateway->env.metrics, METER_WEBHOOKS_WAITING), all);
}

void webhooks_hurry(struct webhooks *webhooks)
{
    for (struct list *at = webhooks->hooks.next; at != &webhooks->hooks; at = at->next) {
        struct hook *hook = LIST_OWNER(at, struct hook, link);

        if (hook->state == HOOK_BACKING_OFF)
            hook->due_ms = now_ms(hook);
        task_wake(&hook->task);
    }
}

bool webhooks_settled(struct webhooks *webhooks)
{
    for (struct list *at = webhooks->hooks.next; at != &webhooks->hooks; at = at->next) {
        const struct hook *hook = LIST_OWNER(at, struct hook, link);

        if (waiting(hook) && (hook->state != HOOK_BACKING_OFF || hook->due_ms <= now_ms(hook)))
            return false;
    }
    return true;
}

/* ---- life ---- */

static void load(void *context, struct span name, struct span value)
{
    struct webhooks *webhooks = context;

    if (name.size == DIGEST_HEX_SIZE - 1)
        mem_free(map_put(&webhooks->settled, name, mem_copy(value.at, value.size)));
}

struct webhooks *webhooks_new(struct gateway *gateway)
{
    struct webhooks *webhooks = mem_zero(sizeof(*webhooks));
    struct store *store = state_store(gateway->state);

    webhooks->gateway = gateway;
    list_init(&webhooks->hooks);
    map_init(&webhooks->settled);
    task_init(&webhooks->news, gateway->loop, run_news);
    webhooks->listener.task = &webhooks->news;
    events_listen(&gateway->env.events, &webhooks->listener);
    if (store)
        store_load(store, STORE_WEBHOOK, load, webhooks);
    return webhooks;
}

void webhooks_free(struct webhooks *webhooks)
{
    if (webhooks == NULL)
        return;
    while (!list_empty(&webhooks->hooks)) {
        struct hook *hook = LIST_OWNER(webhooks->hooks.next, struct hook, link);

        say_dropped(hook);
        if (waiting(hook))
            say(hook, "webhook_left", waiting(hook),
                state_store(webhooks->gateway->state)
                    ? "not delivered: the next process will try"
                    : "not delivered, and lost: there is no state.path");
        release(hook);
    }
    forget_settled(webhooks);
    map_done(&webhooks->settled);
    events_listen_no_more(&webhooks->gateway->env.events, &webhooks->listener);
    task_done(&webhooks->news);
    mem_free(webhooks);
}
