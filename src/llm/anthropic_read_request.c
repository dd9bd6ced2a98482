/* The members of the body: each has a row. */
#include "llm/anthropic_read.h"

#include "llm/anthropic.h"
#include "llm/estimate.h"

/* ---- how hard to think ---- */

static bool disabled(const struct conversation *to)
{
    return span_is(to->effort, "none");
}

/* A budget as a word; what says both is believed the word. */
static struct span effort_of(uint64_t budget)
{
    if (budget < 4096)
        return SPAN_OF("low");
    return budget < 16384 ? SPAN_OF("medium") : SPAN_OF("high");
}

bool anthropic_read_thinking(struct request_reading *reading, const struct scan_item *value)
{
    struct scan_field fields[] = { { .name = "type" }, { .name = "budget_tokens" } };
    struct conversation *to = reading->to;
    struct scan_result result;
    struct span type;

    if (value->kind == JSON_OBJECT)
        (void)scan_object(value->raw, fields, 2, &result);
    type = fields[0].raw;
    if (span_is(type, "\"disabled\"")) {
        to->effort = SPAN_OF("none");
        return true;
    }
    if (span_is(type, "\"enabled\"")) {
        if (fields[1].raw.at == NULL || !scan_u64(fields[1].raw, &to->budget) ||
            to->budget == 0)
            return request_wrong_kind(reading, "thinking.budget_tokens",
                                      "a whole number above 0");
        if (to->effort.at == NULL)
            to->effort = effort_of(to->budget);
        return true;
    }
    if (!span_is(type, "\"adaptive\"") && !span_is(type, "\"between_tools\""))
        return request_wrong_kind(
            reading, "thinking",
            "an object whose `type` is enabled, adaptive, between_tools or disabled");
    if (to->effort.at == NULL)
        to->effort = SPAN_OF("high");
    return true;
}

static bool read_effort(struct request_reading *reading, const struct scan_item *value)
{
    static const char *const efforts[] = { "low", "medium", "high", "xhigh", "max" };
    struct span effort = { 0 };

    if (value->kind == JSON_STRING)
        effort = scan_string(value->raw, reading->arena);
    for (size_t i = 0; i < sizeof(efforts) / sizeof(efforts[0]); i++) {
        if (!span_is(effort, efforts[i]))
            continue;
        if (!disabled(reading->to))
            reading->to->effort = effort;
        return true;
    }
    return request_wrong_kind(reading, "output_config.effort",
                              "one of low, medium, high, xhigh, max");
}

static bool read_format(struct request_reading *reading, const struct scan_item *value)
{
    struct scan_field fields[] = { { .name = "type" }, { .name = "schema" } };
    struct scan_result result;

    if (value->kind == JSON_OBJECT)
        (void)scan_object(value->raw, fields, 2, &result);
    if (!span_is(fields[0].raw, "\"json_schema\"") || fields[1].raw.at == NULL ||
        fields[1].kind != JSON_OBJECT)
        return request_wrong_kind(
            reading, "output_config.format",
            "an object of type json_schema with a JSON Schema as `schema`");
    reading->to->format = FORMAT_SCHEMA;
    reading->to->schema = fields[1].raw;
    return true;
}

bool anthropic_read_output(struct request_reading *reading, const struct scan_item *value)
{
    struct scan_item item;
    size_t at = 0;

    if (value->kind != JSON_OBJECT)
        return request_wrong_kind(reading, "output_config", "an object");
    while (scan_next(value->raw, &at, &item)) {
        bool fine = true;

        if (item.kind == JSON_NULL)
            continue;
        if (scan_key_is(item.key, "effort"))
            fine = read_effort(reading, &item);
        else if (scan_key_is(item.key, "format"))
            fine = read_format(reading, &item);
        else
            request_peculiar(reading, "output_config", true);
        if (!fine)
            return false;
    }
    return true;
}

/* ---- the others ---- */

/* 0 is legal: it only fills the cache. The least that others can be asked for is 1. */
static bool read_max_tokens(struct request_reading *reading, const struct scan_item *value)
{
    uint64_t tokens;

    if (value->kind != JSON_NUMBER || !scan_u64(value->raw, &tokens))
        return request_wrong_kind(reading, "max_tokens", "a whole number");
    reading->to->max_tokens = tokens ? tokens : 1;
    return true;
}

static bool read_stops(struct request_reading *reading, const struct scan_item *value)
{
    struct text **end = &reading->to->stops;
    struct scan_item item;
    size_t at = 0;

    if (value->kind != JSON_ARRAY)
        return request_wrong_kind(reading, "stop_sequences", "an array of strings");
    while (scan_next(value->raw, &at, &item)) {
        if (item.kind != JSON_STRING)
            return request_wrong_kind(reading, "stop_sequences", "an array of strings");
        if (!scan_empty(&item))
            request_add_stop(reading, item.raw, &end);
    }
    return true;
}

static bool read_metadata(struct request_reading *reading, const struct scan_item *value)
{
    struct scan_field user = { .name = "user_id" };
    struct scan_result result;

    if (value->kind != JSON_OBJECT)
        return request_wrong_kind(reading, "metadata", "an object");
    (void)scan_object(value->raw, &user, 1, &result);
    if (!request_unsaid(&user) && user.kind == JSON_STRING)
        reading->to->user = scan_string(user.raw, reading->arena);
    return true;
}

static bool read_tier(struct request_reading *reading, const struct scan_item *value)
{
    static const char auto_tier[] = "\"auto\"";
    static const char standard[] = "\"default\"";
    struct span *tier = &reading->to->params[PARAM_SERVICE_TIER];

    if (span_is(value->raw, "\"auto\""))
        *tier = span_from(auto_tier);
    else if (span_is(value->raw, "\"standard_only\""))
        *tier = span_from(standard);
    else
        return request_wrong_kind(reading, "service_tier", "auto or standard_only");
    return true;
}

/* ---- the rows ---- */

static const struct member_row rows[] = {
    { "model", .read = request_skip },
    { "stream", .read = request_skip },
    { "messages", .read = anthropic_read_messages },
    { "system", .read = anthropic_read_system },
    { "max_tokens", .read = read_max_tokens },
    { "tools", .read = anthropic_read_tools },
    { "tool_choice", .read = anthropic_read_choice },
    { "thinking", .read = anthropic_read_thinking },
    { "output_config", .read = anthropic_read_output },
    { "stop_sequences", .read = read_stops },
    { "metadata", .read = read_metadata },
    { "service_tier", .read = read_tier },
    { "temperature", .param = PARAM_TEMPERATURE, .kind = JSON_NUMBER },
    { "top_p", .param = PARAM_TOP_P, .kind = JSON_NUMBER },
    { "top_k", .param = PARAM_TOP_K, .kind = JSON_NUMBER },
    { "cache_control", .param = PARAMS, .kind = JSON_OBJECT, .hint = true },
    { "context_management", .param = PARAMS, .kind = JSON_OBJECT, .hint = true },
    { "diagnostics", .param = PARAMS, .kind = JSON_OBJECT, .hint = true },
    { "speed", .param = PARAMS, .kind = JSON_STRING, .hint = true,
      .neutral = { "\"standard\"" } },
    { "mcp_servers", .param = PARAMS, .kind = JSON_ARRAY, .neutral = { "[]" } },
};

static bool read_conversation(const struct chat *chat, struct arena *arena,
                              struct conversation *ret, struct chat_problem *ret_problem)
{
    static const struct member_table table = { .rows = rows,
                                               .count = sizeof(rows) / sizeof(rows[0]) };

    if (!members_read(chat, &table, arena, ret, ret_problem))
        return false;
    for (const struct turn *turn = ret->turns; turn; turn = turn->next)
        if (turn->role != TURN_SYSTEM)
            return true;
    *ret_problem =
        (struct chat_problem){ "invalid_value", "`messages` must hold at least one message.",
                               "messages" };
    return false;
}

enum err anthropic_read_request(const struct chat *chat, struct arena *arena,
                                struct conversation *ret, struct chat_problem *ret_problem)
{
    if (!read_conversation(chat, arena, ret, ret_problem))
        return ERR_TYPE;
    if (ret->max_tokens)
        return ERR_OK;
    *ret_problem = (struct chat_problem){ "invalid_value",
                                          "`max_tokens` must say how long the answer may be.",
                                          "max_tokens" };
    return ERR_MISSING;
}

/* ---- how long it is ---- */

enum err anthropic_write_estimate(const struct chat *chat, struct arena *arena, struct buf *out,
                                  struct chat_problem *ret_problem)
{
    struct json_writer w = json_writer(out);
    struct conversation conversation;

    if (!read_conversation(chat, arena, &conversation, ret_problem))
        return ERR_TYPE;
    json_begin(&w, '{');
    json_put_u64(&w, "input_tokens", estimate_prompt(chat->body));
    json_end(&w, '}');
    return ERR_OK;
}
