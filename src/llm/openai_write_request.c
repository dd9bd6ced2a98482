/* A conversation as a request for chat completions. Providers that speak this language differ in what
 * they take: their rows in llm/provider.c say how. */
#include "llm/openai.h"
#include "llm/provider.h"

enum { STOPS_MAX = 4 };

struct writing {
    const struct conversation *from;
    const struct request_target *target;
    const struct provider_kind *kind; /* NULL: nothing is peculiar to it */
    const struct openai_model *model; /* NULL: not one of OpenAI's own, or unknown */
    struct losses *losses;
    struct json_writer w;
};

static void put_raw(struct json_writer *w, const char *key, struct span raw)
{
    json_key(w, key);
    json_raw(w, raw);
}

/* ---- how long, how hard ---- */

/* More than the model can say would be refused. */
static void write_max_tokens(struct writing *writing)
{
    uint64_t tokens = writing->from->max_tokens;
    uint64_t most = writing->target->max_tokens;

    if (tokens == 0)
        return;
    json_put_u64(&writing->w,
                 writing->kind && writing->kind->old_max_tokens ? "max_tokens"
                                                                : "max_completion_tokens",
                 most && tokens > most ? most : tokens);
}

static void write_effort(struct writing *writing)
{
    struct span effort = writing->from->effort;

    if (effort.at == NULL)
        return;
    if (writing->model && !writing->model->thinks) {
        if (!span_is(effort, "none"))
            losses_hint(writing->losses, "reasoning_effort"); /* it answers all the same */
        return;
    }
    if (writing->kind && writing->kind->thinking_switch && span_is(effort, "none")) {
        json_key(&writing->w, "thinking");
        json_begin(&writing->w, '{');
        json_put_text(&writing->w, "type", "disabled");
        json_end(&writing->w, '}');
        return;
    }
    json_put_string(&writing->w, "reasoning_effort", effort);
}

static void write_stream(struct writing *writing)
{
    struct json_writer *w = &writing->w;

    if (!writing->from->stream)
        return;
    json_put_bool(w, "stream", true);
    if (writing->kind && !writing->kind->stream_options)
        return;
    json_key(w, "stream_options");
    json_begin(w, '{');
    json_put_bool(w, "include_usage", true);
    json_end(w, '}');
}

/* ---- tools ---- */

static void write_tool(struct writing *writing, const struct tool *tool)
{
    struct json_writer *w = &writing->w;

    if (tool->cache.at)
        losses_hint(writing->losses, "cache_control");
    json_begin(w, '{');
    json_put_text(w, "type", "function");
    json_key(w, "function");
    json_begin(w, '{');
    put_raw(w, "name", tool->name);
    if (tool->description.at)
        put_raw(w, "description", tool->description);
    if (tool->schema.at)
        put_raw(w, "parameters", tool->schema);
    if (tool->strict)
        json_put_bool(w, "strict", true);
    json_end(w, '}');
    json_end(w, '}');
}

static void write_choice(struct writing *writing)
{
    static const char *const words[] = {
        [CHOICE_UNSAID] = NULL,         [CHOICE_AUTO] = "auto", [CHOICE_NONE] = "none",
        [CHOICE_REQUIRED] = "required", [CHOICE_NAMED] = NULL,
    };
    enum tool_choice choice = writing->from->choice;
    struct json_writer *w = &writing->w;

    if (words[choice])
        json_put_text(w, "tool_choice", words[choice]);
    if (choice != CHOICE_NAMED)
        return;
    json_key(w, "tool_choice");
    json_begin(w, '{');
    json_put_text(w, "type", "function");
    json_key(w, "function");
    json_begin(w, '{');
    put_raw(w, "name", writing->from->choice_name);
    json_end(w, '}');
    json_end(w, '}');
}

/* Several providers refuse an empty list, and what is said of tools where there are none. */
static void write_tools(struct writing *writing)
{
    struct json_writer *w = &writing->w;

    if (writing->from->tools == NULL)
        return;
    json_key(w, "tools");
    json_begin(w, '[');
    for (const struct tool *tool = writing->from->tools; tool; tool = tool->next)
        write_tool(writing, tool);
    json_end(w, ']');
    write_choice(writing);
    if (writing->from->one_call)
        json_put_bool(w, "parallel_tool_calls", false);
}

/* ---- the form of the answer ---- */

static void write_format(struct writing *writing)
{
    struct json_writer *w = &writing->w;

    if (writing->from->format == FORMAT_TEXT)
        return;
    json_key(w, "response_format");
    json_begin(w, '{');
    if (writing->from->format == FORMAT_JSON) {
        json_put_text(w, "type", "json_object");
    } else {
        json_put_text(w, "type", "json_schema");
        json_key(w, "json_schema");
        json_begin(w, '{');
        json_put_text(w, "name", "structured_output"); /* one is asked for */
        put_raw(w, "schema", writing->from->schema);
        json_end(w, '}');
    }
    json_end(w, '}');
}

static void write_stops(struct writing *writing)
{
    struct json_writer *w = &writing->w;
    size_t count = 0;

    if (writing->from->stops == NULL)
        return;
    json_key(w, "stop");
    json_begin(w, '[');
    for (const struct text *stop = writing->from->stops; stop; stop = stop->next)
        if (count++ < STOPS_MAX)
            json_raw(w, stop->raw);
    json_end(w, ']');
    if (count > STOPS_MAX)
        losses_add(writing->losses, "stop", "there are four sequences at most");
}

/* ---- the rest ---- */

/* A model that thinks takes no other than the usual ones. */
static bool is_fixed(const struct writing *writing, enum param param)
{
    bool thinks = writing->model && writing->model->thinks;

    return thinks && (param == PARAM_TEMPERATURE || param == PARAM_TOP_P);
}

static bool is_one(struct span raw)
{
    return span_is(raw, "1") || span_is(raw, "1.0");
}

static void write_params(struct writing *writing)
{
    bool top_k = writing->kind && writing->kind->top_k;

    for (int param = 0; param < PARAMS; param++) {
        struct span raw = writing->from->params[param];

        if (raw.at == NULL || (is_fixed(writing, (enum param)param) && is_one(raw)))
            continue;
        if (is_fixed(writing, (enum param)param))
            losses_add(writing->losses, param_names[param],
                       "a model that thinks takes no other than 1");
        else if (param == PARAM_TOP_K && !top_k)
            losses_add(writing->losses, param_names[param], NULL);
        else
            put_raw(&writing->w, param_names[param], raw);
    }
    for (const struct peculiar *it = writing->from->peculiar; it; it = it->next)
        if (it->hint)
            losses_hint(writing->losses, it->name);
        else
            losses_add(writing->losses, it->name, NULL);
}

void openai_write_request(const struct conversation *conversation,
                          const struct request_target *target, struct losses *losses,
                          struct buf *out)
{
    const struct provider_kind *kind = target->kind;
    struct writing writing = {
        .from = conversation,
        .target = target,
        .kind = kind,
        .model = kind && kind->own_models ? openai_model_find(target->model) : NULL,
        .losses = losses,
        .w = json_writer(out),
    };
    struct json_writer *w = &writing.w;

    losses->language = kind ? kind->title : "this provider";
    json_begin(w, '{');
    json_put_string(w, "model", target->model);
    write_max_tokens(&writing);
    write_stream(&writing);
    openai_write_messages(conversation, kind, losses, w);
    write_tools(&writing);
    write_effort(&writing);
    write_format(&writing);
    write_stops(&writing);
    write_params(&writing);
    if (conversation->user.size)
        json_put_string(w, "user", conversation->user);
    json_end(w, '}');
}
