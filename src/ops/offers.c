#include "ops/offers.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "flow/request_head.h"
#include "net/fetch.h"
#include "ops/call.h"
#include "policy/key_pools.h"
#include "policy/names.h"

#include <assert.h>
#include <string.h>

enum {
    AT_ONCE = 8,
    ANSWER_MS = 10000,
    HEAD_BYTES_MAX = 256 * 1024,
    REASON_BYTES_MAX = 1024 * 1024,
};

/* One provider. */
struct offer {
    const struct config_provider *provider;
    struct fetch *fetch; /* NULL: not asked yet, or over */
    uint64_t due_ms;
    struct buf body;
    struct json_doc *doc; /* lends the names */
    const char *problem;  /* NULL: none so far */
    struct names offered;
    struct names configured;
    struct names fresh;
    struct names gone;
};

struct offers {
    struct call *call;
    struct config *config;
    struct arena arena;
    struct offer *items;
    size_t count;
    size_t begun; /* of them; from here on they have not been asked */
};

struct offers_told {
    struct map by_provider; /* struct digest of the difference */
};

/* ---- asking ---- */

static struct span key_of(struct gateway *gateway, const struct config_provider *provider)
{
    const struct key_pool *pool = key_pools_find(&gateway->env.key_pools, provider);
    const struct key *key =
        pool ? key_pool_choose(pool, (struct span){ 0 }, false, loop_now_ms(gateway->loop))
             : NULL;

    if (pool && key == NULL)
        key = &pool->keys[0]; /* the answer will say what is wrong with it */
    return key ? secret_reveal(&key->secret) : (struct span){ 0 };
}

static struct span make_head(struct offers *offers, const struct offer *offer)
{
    const struct config_provider *provider = offer->provider;
    struct span kept;
    struct buf head;

    buf_init(&head, HEAD_BYTES_MAX);
    (void)buf_add_text(&head, "Accept: application/json\r\n");
    (void)request_head_add_key(&head, provider, key_of(offers->call->gateway, provider));
    request_head_add_kind(&head, provider);
    request_head_add_ours(&head, provider);
    assert(!head.overflowed);
    kept = arena_copy(&offers->arena, buf_span(&head));
    buf_wipe(&head);
    return kept;
}

static const struct config_region *region_of(const struct config_provider *provider)
{
    for (size_t i = 0; i < provider->regions.count; i++)
        if (provider->regions.items[i].enabled)
            return &provider->regions.items[i];
    return provider->regions.count ? &provider->regions.items[0] : NULL;
}

static void ask(struct offers *offers, struct offer *offer)
{
    const char *path = offer->provider->kind->list;
    const struct endpoint list = { .suffix = path ? path : "/models" };
    struct gateway *gateway = offers->call->gateway;
    struct fetch_request request = {
        .origin = env_origin(&gateway->env, offer->provider, region_of(offer->provider), &list,
                             (struct span){ 0 }),
        .get = true,
    };

    if (request.origin == NULL) {
        offer->problem = "its address cannot be used";
        return;
    }
    request.headers = make_head(offers, offer);
    offer->due_ms = loop_now_ms(gateway->loop) + ANSWER_MS;
    offer->fetch = fetch_start(gateway->env.fetches, &request, &offers->call->task);
}

/* ---- reading ---- */

/* A name that nobody could configure is none. */
static bool is_name(struct span name)
{
    if (name.size == 0 || name.size > LIMIT_MODEL_NAME_BYTES)
        return false;
    for (size_t i = 0; i < name.size; i++)
        if (name.at[i] <= ' ' || name.at[i] >= 0x7f)
            return false;
    return true;
}

/* {"data": [{"id": "gpt-4.1"}]}, or Gemini's {"models": [{"name": "models/gemini-2.5-flash"}]}. */
static void read_names(struct offers *offers, struct offer *offer)
{
    const struct json *root = json_root(offer->doc);
    const struct json *data = json_member(root, "data");
    const struct json *list = data ? data : json_member(root, "models");
    size_t count = json_count(list);

    if (json_kind(list) != JSON_ARRAY) {
        offer->problem = "its answer is not a list of models";
        return;
    }
    if (count > LIMIT_OFFERED_MODELS) {
        offer->problem = "its list is too long";
        return;
    }
    offer->offered.items = arena_zero(&offers->arena, (count + 1) * sizeof(struct span));
    for (size_t i = 0; i < count; i++) {
        const struct json *item = json_item(list, i);
        struct span name = { 0 };

        (void)json_read_string(json_member(item, data ? "id" : "name"), &name);
        if (!data && span_starts(name, "models/"))
            name = span_skip(name, strlen("models/"));
        if (is_name(name))
            offer->offered.items[offer->offered.count++] = name;
    }
    names_tidy(&offer->offered);
}

static void read_answer(struct offers *offers, struct offer *offer)
{
    unsigned status = fetch_status(offer->fetch);

    if (fetch_phase(offer->fetch) != FETCH_DONE)
        offer->problem = "it does not answer, or not in time";
    else if (status == 401 || status == 403)
        offer->problem = "it refuses the key";
    else if (status != 200)
        offer->problem = "it does not answer with 200";
    else if (json_parse(buf_span(&offer->body), &offer->doc))
        offer->problem = "its answer is not JSON";
    else
        read_names(offers, offer);
}

/* ---- comparing ---- */

static void find_configured(struct offers *offers, struct offer *offer)
{
    const struct config *config = offers->config;
    size_t count = 0;

    for (size_t i = 0; i < config->model_count; i++)
        count += config->models[i].target_count;
    offer->configured.items = arena_zero(&offers->arena, (count + 1) * sizeof(struct span));
    for (size_t i = 0; i < config->model_count; i++)
        for (size_t j = 0; j < config->models[i].target_count; j++)
            if (config->models[i].targets[j].provider == offer->provider)
                offer->configured.items[offer->configured.count++] =
                    span_from(config->models[i].targets[j].model);
    names_tidy(&offer->configured);
}

/* Those that are meant by their own name. */
static struct names plain(const struct names *names, struct arena *arena)
{
    struct names some = { arena_zero(arena, (names->count + 1) * sizeof(struct span)), 0 };

    for (size_t i = 0; i < names->count; i++)
        if (span_find(names->items[i], '*') == SIZE_MAX)
            some.items[some.count++] = names->items[i];
    return some;
}

static void compare(struct offers *offers, struct offer *offer)
{
    struct names named = { 0 };

    find_configured(offers, offer);
    named = plain(&offer->configured, &offers->arena);
    offer->fresh = names_missing(&offer->offered, &offer->configured, &offers->arena);
    offer->gone = names_missing(&named, &offer->offered, &offers->arena);
}

/* ---- telling ---- */

static void add_names(struct buf *out, const char *title, const struct names *names)
{
    for (size_t i = 0; i < names->count; i++)
        (void)buf_printf(out, "%s%.*s", i ? ", " : title, SPAN_ARG(names->items[i]));
}

static void tell(struct offers *offers, const struct offer *offer, struct span difference)
{
    struct span what = difference.size ? difference : SPAN_OF("what is configured");
    const char *text = arena_printf(&offers->arena, "provider %s offers %.*s",
                                    offer->provider->name, SPAN_ARG(what));
    const struct event event = {
        .kind = EVENT_MODELS_CHANGED,
        .reason = span_from(text),
        .actor = "admin",
        .figures = { { "new", offer->fresh.count, 0 }, { "gone", offer->gone.count, 0 } },
    };

    events_add(&offers->call->gateway->env.events, &event, clock_wall_ms());
    LOG(LOG_INFO, "models_changed", { "provider", span_from(offer->provider->name) },
        { "what", span_first(event.reason, LIMIT_EVENT_REASON_BYTES) });
}

/* An event, when the difference is not the one that was told last; none is what is expected at first. */
static void tell_news(struct offers *offers, const struct offer *offer)
{
    struct offers_told *told = offers->call->gateway->offers_told;
    struct span name = span_from(offer->provider->name);
    struct digest *last = map_find(&told->by_provider, name);
    struct digest digest;
    struct buf text;
    bool news;

    buf_init(&text, REASON_BYTES_MAX);
    add_names(&text, "new: ", &offer->fresh);
    if (offer->fresh.count && offer->gone.count)
        (void)buf_add_text(&text, "; ");
    add_names(&text, "gone: ", &offer->gone);
    digest_sha256(buf_span(&text), &digest);
    news = last ? !digest_equal(last, &digest) : buf_size(&text) > 0;
    if (news)
        tell(offers, offer, buf_span(&text));
    if (news)
        mem_free(
            map_put(&told->by_provider, name, mem_copy(digest.bytes, sizeof(digest.bytes))));
    buf_done(&text);
}

static void write_names(struct json_writer *w, const char *key, const struct names *names)
{
    json_key(w, key);
    json_begin(w, '[');
    for (size_t i = 0; i < names->count; i++)
        json_string(w, names->items[i]);
    json_end(w, ']');
}

static void write_offer(const struct offer *offer, struct json_writer *w)
{
    json_key(w, offer->provider->name);
    json_begin(w, '{');
    json_put_text(w, "problem", offer->problem);
    json_put_u64(w, "offered", offer->offered.count);
    json_put_u64(w, "configured", offer->configured.count);
    write_names(w, "new", &offer->fresh);
    write_names(w, "gone", &offer->gone);
    json_end(w, '}');
}

static void write_answer(struct offers *offers)
{
    struct json_writer w = json_writer(&offers->call->body);
    bool differs = false;
    bool whole = true;

    json_begin(&w, '{');
    json_key(&w, "providers");
    json_begin(&w, '{');
    for (size_t i = 0; i < offers->count; i++) {
        struct offer *offer = &offers->items[i];

        if (offer->problem == NULL) {
            compare(offers, offer);
            tell_news(offers, offer);
        }
        differs = differs || offer->fresh.count || offer->gone.count;
        whole = whole && offer->problem == NULL;
        write_offer(offer, &w);
    }
    json_end(&w, '}');
    json_put_bool(&w, "differs", differs);
    json_put_bool(&w, "complete", whole);
    json_end(&w, '}');
}

/* ---- steps ---- */

static void look(struct offers *offers, struct offer *offer, uint64_t now_ms)
{
    struct span bytes = fetch_bytes(offer->fetch);
    enum fetch_phase phase;

    if (!buf_add(&offer->body, bytes))
        offer->problem = "its answer is too long";
    fetch_consume(offer->fetch, bytes.size);
    phase = fetch_phase(offer->fetch);
    if (phase != FETCH_DONE && phase != FETCH_FAILED && now_ms < offer->due_ms &&
        offer->problem == NULL)
        return;
    if (offer->problem == NULL)
        read_answer(offers, offer);
    fetch_close(offer->fetch);
    offer->fetch = NULL;
}

static void step(struct call *call)
{
    struct offers *offers = call->offers;
    uint64_t now_ms = loop_now_ms(call->gateway->loop);
    uint64_t due_ms = 0;
    size_t running = 0;

    for (size_t i = 0; i < offers->begun; i++) {
        struct offer *offer = &offers->items[i];

        if (offer->fetch)
            look(offers, offer, now_ms);
        if (offer->fetch == NULL)
            continue;
        running++;
        due_ms = due_ms && due_ms < offer->due_ms ? due_ms : offer->due_ms;
    }
    for (; running < AT_ONCE && offers->begun < offers->count; offers->begun++) {
        ask(offers, &offers->items[offers->begun]);
        running += offers->items[offers->begun].fetch != NULL;
        due_ms = due_ms ? due_ms : offers->items[offers->begun].due_ms;
    }
    task_alarm(&call->task, due_ms);
    if (running)
        return;
    call->awaits = NULL;
    write_answer(offers);
}

void offers_answer(struct call *call)
{
    struct offers *offers = mem_zero(sizeof(*offers));
    const struct config *config = call->gateway->env.config;

    call->offers = offers;
    call->awaits = step;
    offers->call = call;
    offers->config = config_ref(call->gateway->env.config);
    arena_init(&offers->arena);
    offers->items =
        arena_zero(&offers->arena, (config->provider_count + 1) * sizeof(struct offer));
    for (size_t i = 0; i < config->provider_count; i++) {
        struct offer *offer = &offers->items[offers->count];

        if (config->providers[i].off)
            continue;
        offer->provider = &config->providers[i];
        buf_init(&offer->body, LIMIT_OFFER_BYTES);
        offers->count++;
    }
    step(call);
}

void offers_close(struct offers *offers)
{
    if (offers == NULL)
        return;
    for (size_t i = 0; i < offers->count; i++) {
        if (offers->items[i].fetch)
            fetch_close(offers->items[i].fetch);
        json_free(offers->items[i].doc);
        buf_done(&offers->items[i].body);
    }
    config_unref(offers->config);
    arena_done(&offers->arena);
    mem_free(offers);
}

/* ---- what was told ---- */

struct offers_told *offers_told_new(void)
{
    struct offers_told *told = mem_zero(sizeof(*told));

    map_init(&told->by_provider);
    return told;
}

void offers_told_free(struct offers_told *told)
{
    struct map_entry *entry;
    size_t at = 0;

    if (told == NULL)
        return;
    while ((entry = map_next(&told->by_provider, &at)) != NULL)
        mem_free(entry->thing);
    map_done(&told->by_provider);
    mem_free(told);
}
