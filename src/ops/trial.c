#include "ops/trial.h"

#include "base/clock.h"
#include "base/json.h"
#include "flow/request_head.h"
#include "llm/place.h"
#include "llm/translate.h"
#include "ops/gateway.h"

#include <assert.h>

enum {
    HEAD_BYTES_MAX = 256 * 1024,
    PROMPT_BYTES_MAX = 4 * 1024,
    ANSWER_BYTES_MAX = 4 * 1024 * 1024, /* then the connection is not worth keeping */
};

/* One that is in use; without any that is usable, any. */
static struct span key_of(struct gateway *gateway, const struct config_provider *provider)
{
    struct key_pool *pool = key_pools_find(&gateway->env.key_pools, provider);
    const struct key *key =
        pool ? key_pool_choose(pool, (struct span){ 0 }, false, loop_now_ms(gateway->loop))
             : NULL;

    if (pool && key == NULL)
        key = &pool->keys[0];
    return key ? secret_reveal(&key->secret) : (struct span){ 0 };
}

static struct span make_head(struct trial *trial, struct gateway *gateway,
                             const struct config_provider *provider)
{
    struct span kept;
    struct buf head;

    buf_init(&head, HEAD_BYTES_MAX);
    (void)buf_add_text(&head, "Accept: application/json\r\n");
    if (trial->prompt)
        (void)buf_add_text(&head, "Content-Type: application/json\r\n");
    (void)request_head_add_key(&head, provider, key_of(gateway, provider));
    request_head_add_kind(&head, provider);
    request_head_add_ours(&head, provider);
    assert(!head.overflowed);
    kept = arena_copy(&trial->arena, buf_span(&head));
    buf_wipe(&head);
    return kept;
}

/* As OpenAI's language has it. */
static struct span make_prompt(struct arena *arena, struct span model)
{
    struct buf body;
    struct json_writer w = json_writer(&body);
    struct span kept;

    buf_init(&body, PROMPT_BYTES_MAX);
    json_begin(&w, '{');
    json_put_string(&w, "model", model);
    json_put_u64(&w, "max_tokens", 1);
    json_key(&w, "messages");
    json_begin(&w, '[');
    json_begin(&w, '{');
    json_put_text(&w, "role", "user");
    json_put_text(&w, "content", "ping");
    json_end(&w, '}');
    json_end(&w, ']');
    json_end(&w, '}');
    kept = arena_copy(arena, buf_span(&body));
    buf_done(&body);
    return kept;
}

/* In the provider's language. */
static struct span translated(struct arena *arena, const struct provider_kind *kind,
                              const struct dialect *dialect, struct span model)
{
    const struct request_target target = { .model = model, .kind = kind };
    struct losses losses = { .drop = true, .arena = arena };
    struct span body = make_prompt(arena, model);
    struct chat_problem problem;
    struct chat chat;
    struct buf out;

    if (dialect == &dialect_openai || dialect_openai.read_chat(body, arena, &chat, &problem))
        return body;
    buf_init(&out, translate_room(body.size));
    if (translate_request(&dialect_openai, dialect, &chat, &target, &losses, &out))
        body = arena_copy(arena, buf_span(&out));
    buf_done(&out);
    return body;
}

static void add_prompt(struct trial *trial, struct fetch_request *request,
                       const struct provider_kind *kind, const struct dialect *dialect,
                       struct span model)
{
    struct buf path;

    trial->body = translated(&trial->arena, kind, dialect, model);
    if (dialect == &dialect_openai || !place_names_model(dialect->provider->suffix))
        return;
    buf_init(&path, PROMPT_BYTES_MAX);
    place_write(dialect->provider->suffix, model, &path);
    request->path = arena_text(&trial->arena, buf_span(&path));
    buf_done(&path);
}

static bool start(struct trial *trial, struct gateway *gateway, const struct trial_place *place,
                  const struct endpoint *endpoint, const char *model, struct task *task)
{
    struct fetch_request request = {
        .origin = env_origin(&gateway->env, place->provider, place->region, endpoint,
                             model ? span_from(model) : (struct span){ 0 }),
        .get = model == NULL,
        .body = &trial->body,
        .body_count = model != NULL,
    };

    if (request.origin == NULL)
        return false;
    arena_init(&trial->arena);
    trial->prompt = model != NULL;
    request.headers = make_head(trial, gateway, place->provider);
    if (model)
        add_prompt(trial, &request, place->provider->kind, endpoint->dialect, span_from(model));
    trial->started_us = clock_us();
    trial->fetch = fetch_start(gateway->env.fetches, &request, task);
    return true;
}

bool trial_get(struct trial *trial, struct gateway *gateway, const struct trial_place *place,
               const char *path, struct task *task)
{
    const struct endpoint endpoint = { .suffix = path };

    return start(trial, gateway, place, &endpoint, NULL, task);
}

bool trial_prompt(struct trial *trial, struct gateway *gateway, const struct trial_place *place,
                  const char *model, struct task *task)
{
    struct endpoint endpoint = *endpoint_find(SPAN_OF("/v1/chat/completions"));
    const struct dialect *dialect =
        provider_dialect(place->provider->kind, endpoint.dialect, endpoint.subject);

    if (dialect && dialect != endpoint.dialect) {
        bool apart = place_names_model(dialect->provider->suffix);

        endpoint.suffix = apart ? "" : dialect->provider->suffix;
        endpoint.dialect = dialect;
    }
    return start(trial, gateway, place, &endpoint, model, task);
}

bool trial_answered(struct trial *trial, bool keep)
{
    enum fetch_phase phase = fetch_phase(trial->fetch);

    if (!keep)
        fetch_consume(trial->fetch, fetch_bytes(trial->fetch).size);
    return phase == FETCH_DONE || phase == FETCH_FAILED ||
           fetch_received(trial->fetch) > ANSWER_BYTES_MAX;
}

/* A model that cannot be had, or a key that is not accepted, would say nothing to a GET. */
bool trial_good(const struct trial *trial)
{
    unsigned status = fetch_status(trial->fetch);

    if (trial->prompt)
        return (status >= 200 && status < 300) || status == 400;
    return status && status < 500;
}

uint32_t trial_took_ms(const struct trial *trial)
{
    uint64_t first_us = fetch_first_byte_us(trial->fetch);

    return first_us > trial->started_us ? (uint32_t)((first_us - trial->started_us) / 1000) : 0;
}

void trial_close(struct trial *trial)
{
    if (trial->fetch == NULL)
        return;
    fetch_close(trial->fetch);
    trial->fetch = NULL;
    arena_done(&trial->arena);
}
