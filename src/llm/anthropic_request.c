/* A conversation as a request to Anthropic's Messages. What this language has no word for is told to
 * `losses`, each by the name that the client knows it by. */
#include "llm/anthropic.h"

#include "base/digest.h"
#include "llm/scan.h"

enum {
    MAX_TOKENS_DEFAULT = 8192, /* it must be said, and neither client nor configuration did */
    BUDGET_MIN = 1024,
};

struct writing {
    const struct conversation *from;
    const struct request_target *target;
    const struct anthropic_model *model;
    struct losses *losses;
    struct json_writer w;
    uint64_t max_tokens;
    uint64_t budget; /* of thinking, in tokens; 0: none */
    bool thinks;
};

static void put_raw(struct json_writer *w, const char *key, struct span raw)
{
    json_key(w, key);
    json_raw(w, raw);
}

/* ---- thinking ---- */

static uint64_t budget_of(struct span effort)
{
    static const struct {
        const char *effort;
        uint64_t tokens;
    } budgets[] = {
        { "minimal", BUDGET_MIN }, { "low", 2048 },    { "medium", 8192 },
        { "high", 24576 },         { "xhigh", 32768 }, { "max", 49152 },
    };

    for (size_t i = 0; i < sizeof(budgets) / sizeof(budgets[0]); i++)
        if (span_is(effort, budgets[i].effort))
            return budgets[i].tokens;
    return 0;
}

/* The budget must leave room for an answer. */
static void plan_budget(struct writing *writing)
{
    uint64_t budget =
        writing->from->budget ? writing->from->budget : budget_of(writing->from->effort);
    uint64_t said =
        writing->from->max_tokens ? writing->from->max_tokens : writing->target->max_tokens;

    if (anthropic_thinking_is_lost(writing->from)) {
        losses_hint(writing->losses, "reasoning_effort"); /* it would be refused now */
        return;
    }
    if (said && budget >= said)
        budget = said - 1;
    if (budget < BUDGET_MIN) {
        losses_add(
            writing->losses, "reasoning_effort",
            "thinking takes 1024 tokens or more, and max_tokens leaves no room for them");
        return;
    }
    writing->budget = budget;
    writing->thinks = true;
}

static void plan_thinking(struct writing *writing)
{
    struct span effort = writing->from->effort;

    if (effort.at == NULL || span_is(effort, "none"))
        return;
    if (!writing->model->thinks)
        losses_add(writing->losses, "reasoning_effort", "this model does not think");
    else if (writing->model->thinks_by_need)
        writing->thinks = true;
    else
        plan_budget(writing);
}

static void plan_max_tokens(struct writing *writing)
{
    writing->max_tokens = writing->from->max_tokens;
    if (writing->max_tokens == 0)
        writing->max_tokens = writing->target->max_tokens;
    if (writing->max_tokens == 0)
        writing->max_tokens = MAX_TOKENS_DEFAULT + writing->budget;
}

static void write_thinking(struct writing *writing)
{
    struct json_writer *w = &writing->w;

    if (!writing->thinks &&
        !(span_is(writing->from->effort, "none") && writing->model->thinks_by_need))
        return;
    json_key(w, "thinking");
    json_begin(w, '{');
    json_put_text(w, "type",
                  !writing->thinks  ? "disabled"
                  : writing->budget ? "enabled"
                                    : "adaptive");
    if (writing->budget)
        json_put_u64(w, "budget_tokens", writing->budget);
    json_end(w, '}');
}

/* ---- output ---- */

static bool wants_schema(struct writing *writing)
{
    if (writing->from->format != FORMAT_SCHEMA)
        return false;
    if (writing->model->schemas)
        return true;
    losses_add(writing->losses, "response_format",
               "this model cannot be held to a JSON Schema");
    return false;
}

static void write_output(struct writing *writing)
{
    bool effort = writing->thinks && writing->model->thinks_by_need;
    bool schema = wants_schema(writing);
    struct json_writer *w = &writing->w;

    if (!effort && !schema)
        return;
    json_key(w, "output_config");
    json_begin(w, '{');
    if (effort)
        json_put_string(w, "effort",
                        span_is(writing->from->effort, "minimal") ? SPAN_OF("low")
                                                                  : writing->from->effort);
    if (schema) {
        json_key(w, "format");
        json_begin(w, '{');
        json_put_text(w, "type", "json_schema");
        put_raw(w, "schema", writing->from->schema);
        json_end(w, '}');
    }
    json_end(w, '}');
}

/* ---- tools ---- */

/* A schema must say that it is one of an object. */
static void write_schema(struct span raw, struct json_writer *w)
{
    struct scan_field type = { .name = "type" };
    struct scan_result result = { 0 };

    json_key(w, "input_schema");
    if (raw.at == NULL) {
        json_raw(w, SPAN_OF("{\"type\":\"object\",\"properties\":{}}"));
        return;
    }
    (void)scan_object(raw, &type, 1, &result);
    if (type.raw.at) {
        json_raw(w, raw);
        return;
    }
    json_raw(w, SPAN_OF("{\"type\":\"object\""));
    (void)buf_add_byte(w->out, result.empty ? ' ' : ',');
    (void)buf_add(w->out, span_skip(raw, result.inside));
}

static void write_tools(struct writing *writing)
{
    struct json_writer *w = &writing->w;

    json_key(w, "tools");
    json_begin(w, '[');
    for (const struct tool *tool = writing->from->tools; tool; tool = tool->next) {
        json_begin(w, '{');
        put_raw(w, "name", tool->name);
        if (tool->description.at)
            put_raw(w, "description", tool->description);
        write_schema(tool->schema, w);
        if (tool->strict && writing->model->schemas)
            json_put_bool(w, "strict", true);
        else if (tool->strict)
            losses_hint(writing->losses, "tools.strict");
        if (tool->cache.at)
            put_raw(w, "cache_control", tool->cache);
        json_end(w, '}');
    }
    json_end(w, ']');
}

static enum tool_choice choice_of(struct writing *writing)
{
    enum tool_choice choice = writing->from->choice;

    if (choice == CHOICE_UNSAID && writing->from->one_call)
        return CHOICE_AUTO;
    if (!writing->thinks || (choice != CHOICE_REQUIRED && choice != CHOICE_NAMED))
        return choice;
    losses_add(writing->losses, "tool_choice",
               "a model that thinks (reasoning_effort) cannot be made to call a tool");
    return CHOICE_AUTO;
}

static void write_choice(struct writing *writing)
{
    static const char *const types[] = {
        [CHOICE_UNSAID] = "auto",  [CHOICE_AUTO] = "auto",  [CHOICE_NONE] = "none",
        [CHOICE_REQUIRED] = "any", [CHOICE_NAMED] = "tool",
    };
    enum tool_choice choice = choice_of(writing);
    struct json_writer *w = &writing->w;

    if (choice == CHOICE_UNSAID)
        return;
    json_key(w, "tool_choice");
    json_begin(w, '{');
    json_put_text(w, "type", types[choice]);
    if (choice == CHOICE_NAMED)
        put_raw(w, "name", writing->from->choice_name);
    if (writing->from->one_call && choice != CHOICE_NONE)
        json_put_bool(w, "disable_parallel_tool_use", true);
    json_end(w, '}');
}

/* ---- sampling ---- */

/* As far as numbers are written without an exponent; others are for the provider to judge. */
static bool above_one(struct span raw)
{
    struct span whole = span_cut(&raw, '.');
    uint64_t number;

    if (!span_u64(whole, &number) || number < 1)
        return false;
    if (number > 1)
        return true;
    for (size_t i = 0; i < raw.size; i++)
        if (raw.at[i] >= '1' && raw.at[i] <= '9')
            return true;
    return false;
}

static void write_temperature(struct writing *writing)
{
    struct span raw = writing->from->params[PARAM_TEMPERATURE];

    if (raw.at == NULL)
        return;
    if (writing->thinks && !span_is(raw, "1") && !span_is(raw, "1.0")) {
        losses_add(writing->losses, "temperature",
                   "a model that thinks (reasoning_effort) takes no other than 1");
        return;
    }
    if (above_one(raw)) {
        losses_add(writing->losses, "temperature", "it goes from 0 to 1");
        raw = SPAN_OF("1");
    }
    put_raw(&writing->w, "temperature", raw);
}

static void write_tier(struct writing *writing)
{
    struct span raw = writing->from->params[PARAM_SERVICE_TIER];

    if (raw.at == NULL || span_is(raw, "\"auto\""))
        return;
    if (span_is(raw, "\"default\""))
        json_put_text(&writing->w, "service_tier", "standard_only");
    else
        losses_hint(writing->losses, "service_tier");
}

static void write_params(struct writing *writing)
{
    static const enum param unknown[] = {
        PARAM_FREQUENCY_PENALTY, PARAM_PRESENCE_PENALTY, PARAM_SEED, PARAM_N,
        PARAM_LOGPROBS,          PARAM_TOP_LOGPROBS
    };
    const struct span *params = writing->from->params;

    write_temperature(writing);
    if (params[PARAM_TOP_P].at)
        put_raw(&writing->w, "top_p", params[PARAM_TOP_P]);
    if (params[PARAM_TOP_K].at)
        put_raw(&writing->w, "top_k", params[PARAM_TOP_K]);
    write_tier(writing);
    for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
        if (params[unknown[i]].at)
            losses_add(writing->losses, param_names[unknown[i]], NULL);
    for (const struct peculiar *it = writing->from->peculiar; it; it = it->next)
        if (it->hint)
            losses_hint(writing->losses, it->name);
        else
            losses_add(writing->losses, it->name, NULL);
}

/* A sequence of white space alone is refused. */
static bool usable_stop(struct writing *writing, struct span raw)
{
    struct span text = scan_string(raw, writing->losses->arena);

    for (size_t i = 0; i < text.size; i++)
        if (text.at[i] != ' ' && text.at[i] != '\n' && text.at[i] != '\t' && text.at[i] != '\r')
            return true;
    losses_add(writing->losses, "stop", "a sequence is more than white space");
    return false;
}

static void write_stops(struct writing *writing)
{
    struct json_writer *w = &writing->w;
    bool any = false;

    for (const struct text *stop = writing->from->stops; stop; stop = stop->next) {
        if (!usable_stop(writing, stop->raw))
            continue;
        if (!any) {
            json_key(w, "stop_sequences");
            json_begin(w, '[');
        }
        any = true;
        json_raw(w, stop->raw);
    }
    if (any)
        json_end(w, ']');
}

/* An address is nothing that a provider needs to know. */
static void write_user(struct writing *writing)
{
    struct span user = writing->from->user;
    char hex[DIGEST_HEX_SIZE];
    struct digest digest;

    if (user.size == 0)
        return;
    if (span_find(user, '@') != SIZE_MAX) {
        digest_sha256(user, &digest);
        digest_hex(&digest, hex);
        user = span_from(hex);
    }
    json_key(&writing->w, "metadata");
    json_begin(&writing->w, '{');
    json_put_string(&writing->w, "user_id", user);
    json_end(&writing->w, '}');
}

void anthropic_write_request(const struct conversation *conversation,
                             const struct request_target *target, struct losses *losses,
                             struct buf *out)
{
    struct writing writing = {
        .from = conversation,
        .target = target,
        .model = anthropic_model_find(target->model),
        .losses = losses,
        .w = json_writer(out),
    };

    losses->language = "Anthropic";
    plan_thinking(&writing);
    plan_max_tokens(&writing);
    json_begin(&writing.w, '{');
    json_put_string(&writing.w, "model", target->model);
    json_put_u64(&writing.w, "max_tokens", writing.max_tokens);
    if (conversation->stream)
        json_put_bool(&writing.w, "stream", true);
    anthropic_write_messages(conversation, losses, &writing.w);
    write_thinking(&writing);
    write_output(&writing);
    if (conversation->tools) {
        write_tools(&writing);
        write_choice(&writing);
    }
    write_params(&writing);
    write_stops(&writing);
    write_user(&writing);
    json_end(&writing.w, '}');
}
