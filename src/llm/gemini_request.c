/* A conversation as a request to Gemini's generateContent. The model's name is not in it: it stands in the
 * URL (llm/place.h). What this language has no word for is told to `losses`, each by the name that the
 * client knows it by. */
#include "llm/gemini.h"

enum { STOPS_MAX = 5 };

#define SEED_MAX UINT64_C(2147483647)

struct writing {
    const struct conversation *from;
    const struct gemini_model *model;
    struct span name;
    struct losses *losses;
    struct json_writer w;
};

static void put_raw(struct json_writer *w, const char *key, struct span raw)
{
    json_key(w, key);
    json_raw(w, raw);
}

static void begin(struct json_writer *w, const char *key, char bracket)
{
    json_key(w, key);
    json_begin(w, bracket);
}

/* As JSON Schema under `modern`, or in the older words under `old`. */
static void put_schema(struct writing *writing, const char *modern, const char *old,
                       struct span schema, const char *param)
{
    bool lost = false;

    if (writing->model->schemas) {
        put_raw(&writing->w, modern, schema);
        return;
    }
    json_key(&writing->w, old);
    gemini_write_schema(schema, &writing->w, &lost);
    if (lost)
        losses_hint(writing->losses, param);
}

/* ---- tools ---- */

/* Some models refuse a schema that asks for nothing. */
static bool asks_for_something(struct span schema)
{
    static const char *const idle[] = { "type",  "additionalProperties", "required", "$schema",
                                        "title", "description" };
    struct scan_item item;
    size_t at = 0;

    while (schema.at && scan_next(schema, &at, &item)) {
        bool says = !scan_key_is(item.key, "properties") || !scan_empty(&item);

        for (size_t i = 0; i < sizeof(idle) / sizeof(idle[0]); i++)
            says = says && !scan_key_is(item.key, idle[i]);
        if (says)
            return true;
    }
    return false;
}

static void write_tools(struct writing *writing)
{
    struct json_writer *w = &writing->w;

    begin(w, "tools", '[');
    json_begin(w, '{');
    begin(w, "functionDeclarations", '[');
    for (const struct tool *tool = writing->from->tools; tool; tool = tool->next) {
        json_begin(w, '{');
        put_raw(w, "name", tool->name);
        if (tool->description.at)
            put_raw(w, "description", tool->description);
        if (asks_for_something(tool->schema))
            put_schema(writing, "parametersJsonSchema", "parameters", tool->schema, "tools");
        if (tool->strict)
            losses_hint(writing->losses, "tools.strict");
        if (tool->cache.at)
            losses_hint(writing->losses, "cache_control");
        json_end(w, '}');
    }
    json_end(w, ']');
    json_end(w, '}');
    json_end(w, ']');
    if (writing->from->one_call)
        losses_hint(writing->losses, "parallel_tool_calls");
}

static void write_choice(struct writing *writing)
{
    static const char *const modes[] = {
        [CHOICE_UNSAID] = NULL,    [CHOICE_AUTO] = "AUTO", [CHOICE_NONE] = "NONE",
        [CHOICE_REQUIRED] = "ANY", [CHOICE_NAMED] = "ANY",
    };
    struct json_writer *w = &writing->w;

    if (modes[writing->from->choice] == NULL)
        return;
    begin(w, "toolConfig", '{');
    begin(w, "functionCallingConfig", '{');
    json_put_text(w, "mode", modes[writing->from->choice]);
    if (writing->from->choice == CHOICE_NAMED) {
        begin(w, "allowedFunctionNames", '[');
        json_raw(w, writing->from->choice_name);
        json_end(w, ']');
    }
    json_end(w, '}');
    json_end(w, '}');
}

/* ---- generationConfig ---- */

static uint64_t budget_of(const struct gemini_model *model, struct span effort)
{
    static const struct {
        const char *effort;
        uint64_t tokens;
    } budgets[] = {
        { "none", 0 },     { "minimal", 1024 }, { "low", 1024 },  { "medium", 8192 },
        { "high", 24576 }, { "xhigh", 24576 },  { "max", 24576 },
    };

    uint64_t tokens = 0;

    for (size_t i = 0; i < sizeof(budgets) / sizeof(budgets[0]); i++)
        if (span_is(effort, budgets[i].effort))
            tokens = budgets[i].tokens;
    return tokens < model->budget_min ? model->budget_min : tokens;
}

static void write_thinking(struct writing *writing)
{
    struct span effort = writing->from->effort;
    bool none = span_is(effort, "none");
    struct json_writer *w = &writing->w;

    if (effort.at == NULL || (none && writing->model->thinking == THINKS_NOT))
        return;
    if (writing->model->thinking == THINKS_NOT) {
        losses_add(writing->losses, "reasoning_effort", "this model does not think");
        return;
    }
    begin(w, "thinkingConfig", '{');
    if (writing->model->thinking == THINKS_BUDGET)
        json_put_u64(w, "thinkingBudget", budget_of(writing->model, effort));
    else
        json_put_text(w, "thinkingLevel", gemini_level(writing->name, effort));
    if (!none)
        json_put_bool(w, "includeThoughts", true);
    json_end(w, '}');
}

static void write_format(struct writing *writing)
{
    if (writing->from->format == FORMAT_TEXT)
        return;
    json_put_text(&writing->w, "responseMimeType", "application/json");
    if (writing->from->format == FORMAT_SCHEMA)
        put_schema(writing, "responseJsonSchema", "responseSchema", writing->from->schema,
                   "response_format");
}

static void write_stops(struct writing *writing)
{
    struct json_writer *w = &writing->w;
    size_t count = 0;

    if (writing->from->stops == NULL)
        return;
    begin(w, "stopSequences", '[');
    for (const struct text *stop = writing->from->stops; stop; stop = stop->next)
        if (count++ < STOPS_MAX)
            json_raw(w, stop->raw);
    json_end(w, ']');
    if (count > STOPS_MAX)
        losses_add(writing->losses, "stop", "there may be five of them");
}

static void write_seed(struct writing *writing)
{
    struct span raw = writing->from->params[PARAM_SEED];
    struct span digits = span_starts(raw, "-") ? span_skip(raw, 1) : raw;
    uint64_t seed;

    if (raw.at == NULL)
        return;
    if (scan_u64(digits, &seed) && seed <= SEED_MAX)
        put_raw(&writing->w, "seed", raw);
    else
        losses_add(writing->losses, "seed", "it is a whole number of 32 bits");
}

static void write_params(struct writing *writing)
{
    static const struct {
        enum param param;
        const char *name;
    } known[] = {
        { PARAM_TEMPERATURE, "temperature" },
        { PARAM_TOP_P, "topP" },
        { PARAM_TOP_K, "topK" },
        { PARAM_FREQUENCY_PENALTY, "frequencyPenalty" },
        { PARAM_PRESENCE_PENALTY, "presencePenalty" },
    };
    const struct span *params = writing->from->params;

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (params[known[i].param].at)
            put_raw(&writing->w, known[i].name, params[known[i].param]);
    if (writing->from->max_tokens)
        json_put_u64(&writing->w, "maxOutputTokens", writing->from->max_tokens);
}

static void write_config(struct writing *writing)
{
    begin(&writing->w, "generationConfig", '{');
    write_params(writing);
    write_seed(writing);
    write_stops(writing);
    write_format(writing);
    write_thinking(writing);
    json_end(&writing->w, '}');
}

/* What is no part of the request. */
static void tell_losses(struct writing *writing)
{
    static const enum param unknown[] = { PARAM_N, PARAM_LOGPROBS, PARAM_TOP_LOGPROBS };

    for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
        if (writing->from->params[unknown[i]].at)
            losses_add(writing->losses, param_names[unknown[i]], NULL);
    if (writing->from->params[PARAM_SERVICE_TIER].at &&
        !span_is(writing->from->params[PARAM_SERVICE_TIER], "\"auto\""))
        losses_hint(writing->losses, "service_tier");
    if (writing->from->user.size)
        losses_hint(writing->losses, "user");
    for (const struct peculiar *it = writing->from->peculiar; it; it = it->next)
        if (it->hint)
            losses_hint(writing->losses, it->name);
        else
            losses_add(writing->losses, it->name, NULL);
}

void gemini_write_request(const struct conversation *conversation,
                          const struct request_target *target, struct losses *losses,
                          struct buf *out)
{
    struct writing writing = {
        .from = conversation,
        .model = gemini_model_find(target->model),
        .name = target->model,
        .losses = losses,
        .w = json_writer(out),
    };

    losses->language = "Gemini";
    json_begin(&writing.w, '{');
    gemini_write_contents(conversation, losses, &writing.w);
    if (conversation->tools) {
        write_tools(&writing);
        write_choice(&writing);
    }
    write_config(&writing);
    tell_losses(&writing);
    json_end(&writing.w, '}');
}
