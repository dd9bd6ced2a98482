#include "flow/translation.h"

#include "base/clock.h"
#include "flow/exchange_state.h"
#include "llm/embed.h"
#include "llm/place.h"
#include "llm/translate.h"
#include "net/fetch.h"

static const struct dialect *dialect_of(const struct exchange *ex, const struct plan_step *step)
{
    return provider_dialect(step->target->provider->kind, ex->endpoint->dialect,
                            ex->endpoint->subject);
}

/* What the model is asked for is a part of the URL. */
static const char *path_of(struct exchange *ex, const struct plan_step *step,
                           const char *suffix)
{
    struct buf *path = &ex->env->scratch;

    buf_reset(path);
    place_write(suffix, span_from(step->target->model), path);
    return arena_text(&ex->arena, buf_span(path));
}

/* Where the place of this target is kept; NULL: it is not one of the snapshot, but was made for this
 * request. */
static struct known_place *known_place(struct exchange *ex, const struct plan_step *step)
{
    const struct config *config = ex->config;
    size_t at = ((uintptr_t)step->target >> 5) + ((uintptr_t)ex->endpoint >> 5);

    if (step->model < config->models || step->model >= config->models + config->model_count)
        return NULL;
    return &ex->env->places[at % ENV_PLACES];
}

static bool is_known(const struct known_place *place, const struct exchange *ex,
                     const struct plan_step *step)
{
    return place->target == step->target && place->endpoint == ex->endpoint &&
           place->generation == ex->config->generation;
}

static void remember(struct known_place *place, const struct exchange *ex,
                     const struct plan_step *step, struct fetch_origin *origin)
{
    *place = (struct known_place){
        .generation = ex->config->generation,
        .target = step->target,
        .endpoint = ex->endpoint,
        .origin = origin,
    };
}

bool translation_place(struct exchange *ex, const struct plan_step *step,
                       struct fetch_request *ret)
{
    struct known_place *place = known_place(ex, step);
    const struct dialect *dialect;
    struct endpoint there;

    if (place && is_known(place, ex, step)) {
        ret->origin = place->origin;
        return true;
    }
    dialect = dialect_of(ex, step);
    there = *ex->endpoint;
    if (dialect != ex->endpoint->dialect)
        there.suffix =
            provider_suffix(dialect->provider, ex->endpoint->subject, ex->chat.stream);
    if (place_names_model(there.suffix)) {
        ret->path = path_of(ex, step, there.suffix);
        there.suffix = "";
    }
    ret->origin = env_origin(ex->env, step->target->provider, step->target->region, &there,
                             span_from(step->target->model));
    if (place && ret->origin && ret->path == NULL && dialect == ex->endpoint->dialect)
        remember(place, ex, step, ret->origin);
    return ret->origin != NULL;
}

/* ---- up ---- */

/* The words lie in an arena that goes with the translation. */
static void keep_problem(struct exchange *ex, const struct chat_problem *problem)
{
    enum refusal refusal = refusal_find(problem->code);
    const char *message = arena_text(&ex->arena, span_from(problem->message));

    ex->unsayable = refusal_error(refusal, message);
    if (problem->param)
        ex->unsayable.param = arena_copy(&ex->arena, span_from(problem->param));
}

static struct embed embed_of(const struct exchange *ex, const struct dialect *provider,
                             const struct plan_step *step)
{
    return (struct embed){
        .client = ex->endpoint->dialect,
        .provider = provider,
        .chat = &ex->chat,
        .model = span_from(step->target->model),
    };
}

static bool translate(struct exchange *ex, struct attempt *attempt,
                      const struct plan_step *step)
{
    struct translation *translation = &attempt->translation;
    const struct request_target target = {
        .model = span_from(step->target->model),
        .max_tokens = step->model->max_tokens,
        .kind = step->target->provider->kind,
    };
    struct arena arena;
    struct losses losses = { .drop = ex->config->drop_params, .arena = &arena };
    bool fine;

    arena_init(&arena);
    buf_init(&translation->body, translate_room(ex->chat.body.size));
    if (ex->endpoint->subject == SUBJECT_EMBEDDINGS) {
        struct embed embed = embed_of(ex, translation->dialect, step);

        fine = embed_request(&embed, &losses, &translation->body);
    } else {
        fine = translate_request(ex->endpoint->dialect, translation->dialect, &ex->chat,
                                 &target, &losses, &translation->body);
    }
    if (fine && losses.names_size)
        translation->dropped = arena_text(&ex->arena, span_from(losses.names));
    if (!fine) {
        keep_problem(ex, &losses.problem);
        buf_done(&translation->body);
        translation->on = false;
    }
    arena_done(&arena);
    return fine;
}

bool translation_request(struct exchange *ex, struct attempt *attempt,
                         const struct plan_step *step)
{
    struct translation *translation = &attempt->translation;

    translation->dialect = dialect_of(ex, step);
    translation->on = translation->dialect != ex->endpoint->dialect;
    if (ex->upload)
        return true; /* it goes up by itself */
    if (!translation->on) {
        attempt->piece_count = relay_request(&ex->chat, span_from(step->target->model),
                                             attempt_injects_usage(ex, step->target->provider),
                                             &ex->arena, attempt->pieces);
        return true;
    }
    if (!translate(ex, attempt, step))
        return false;
    attempt->pieces[0] = buf_span(&translation->body);
    attempt->piece_count = 1;
    return true;
}

void translation_forget(struct attempt *attempt)
{
    if (attempt->translation.on)
        buf_done(&attempt->translation.body);
}

/* ---- down ---- */

static struct translate_facts facts_of(struct exchange *ex, const struct attempt *attempt)
{
    return (struct translate_facts){
        .id = arena_texts(&ex->arena, ex->endpoint->dialect->client->id_prefix, ex->id, NULL),
        .model = span_from(attempt->step->target->model),
        .created_s = clock_wall_ms() / 1000,
        .input = ex->chat.body.size / 4,
        .usage = ex->chat.include_usage,
    };
}

void translation_stream(struct exchange *ex, struct attempt *attempt)
{
    struct translate_facts facts;

    relay_init(&attempt->relay, attempt->translation.dialect,
               attempt_injects_usage(ex, attempt->step->target->provider));
    attempt->relaying = true;
    if (!attempt->translation.on)
        return;
    facts = facts_of(ex, attempt);
    relay_translate(&attempt->relay, ex->endpoint->dialect, &facts);
}

void translation_answer(struct exchange *ex, struct attempt *attempt, struct span body,
                        struct buf *out, struct llm_answer *ret)
{
    struct translate_facts facts = facts_of(ex, attempt);
    struct arena arena;

    arena_init(&arena);
    if (ex->endpoint->subject == SUBJECT_EMBEDDINGS) {
        struct embed embed = embed_of(ex, attempt->translation.dialect, attempt->step);

        embed_answer(&embed, body, &arena, out, ret);
    } else {
        translate_answer(ex->endpoint->dialect, attempt->translation.dialect, &facts, body,
                         &arena, out, ret);
    }
    if (ret->failed)
        attempt_keep_error(ex, ret->error);
    if (ret->failed)
        ret->error = ex->error;
    arena_done(&arena);
}
