/* The members of the body: each has a row. */
#include "llm/openai_request.h"

#include "llm/openai.h"

#include <string.h>

/* ---- the readers ---- */

/* The newer name is the one that counts, in whatever order they stand. */
static bool read_max_tokens(struct request_reading *reading, const struct scan_item *value,
                            const char *name, bool newer)
{
    uint64_t tokens;

    if (value->kind != JSON_NUMBER || !scan_u64(value->raw, &tokens) || tokens == 0)
        return request_wrong_kind(reading, name, "a whole number above 0");
    if (newer || reading->to->max_tokens == 0)
        reading->to->max_tokens = tokens;
    return true;
}

static bool read_max_tokens_old(struct request_reading *reading, const struct scan_item *value)
{
    return read_max_tokens(reading, value, "max_tokens", false);
}

static bool read_max_tokens_new(struct request_reading *reading, const struct scan_item *value)
{
    return read_max_tokens(reading, value, "max_completion_tokens", true);
}

static bool add_stop(struct request_reading *reading, const struct scan_item *value,
                     struct text ***end)
{
    if (value->kind != JSON_STRING)
        return request_wrong_kind(reading, "stop", "a string, or an array of strings");
    if (!scan_empty(value))
        request_add_stop(reading, value->raw, end);
    return true;
}

static bool read_stop(struct request_reading *reading, const struct scan_item *value)
{
    struct text **end = &reading->to->stops;
    struct scan_item item;
    size_t at = 0;

    if (value->kind != JSON_ARRAY)
        return add_stop(reading, value, &end);
    while (scan_next(value->raw, &at, &item))
        if (!add_stop(reading, &item, &end))
            return false;
    return true;
}

static bool read_parallel(struct request_reading *reading, const struct scan_item *value)
{
    if (value->kind != JSON_BOOL)
        return request_wrong_kind(reading, "parallel_tool_calls", "true or false");
    reading->to->one_call = span_is(value->raw, "false");
    return true;
}

static bool read_effort(struct request_reading *reading, const struct scan_item *value)
{
    static const char *const efforts[] = { "none", "minimal", "low", "medium",
                                           "high", "xhigh",   "max" };

    if (value->kind == JSON_STRING)
        reading->to->effort = scan_string(value->raw, reading->arena);
    for (size_t i = 0; i < sizeof(efforts) / sizeof(efforts[0]); i++)
        if (span_is(reading->to->effort, efforts[i]))
            return true;
    return request_wrong_kind(reading, "reasoning_effort",
                              "one of none, minimal, low, medium, high, xhigh, max");
}

static bool read_schema(struct request_reading *reading, const struct scan_field *wrapper)
{
    struct scan_field schema = { .name = "schema" };
    struct scan_result result;

    if (wrapper->raw.at && wrapper->kind == JSON_OBJECT)
        (void)scan_object(wrapper->raw, &schema, 1, &result);
    if (schema.raw.at == NULL || schema.kind != JSON_OBJECT)
        return request_wrong_kind(reading, "response_format.json_schema",
                                  "an object with a JSON Schema as `schema`");
    reading->to->format = FORMAT_SCHEMA;
    reading->to->schema = schema.raw;
    return true;
}

static bool read_format(struct request_reading *reading, const struct scan_item *value)
{
    struct scan_field fields[] = { { .name = "type" }, { .name = "json_schema" } };
    struct scan_result result;
    struct span type = { 0 };

    if (value->kind == JSON_OBJECT)
        (void)scan_object(value->raw, fields, 2, &result);
    if (fields[0].raw.at && fields[0].kind == JSON_STRING)
        type = scan_string(fields[0].raw, reading->arena);
    if (span_is(type, "text"))
        return true;
    if (span_is(type, "json_schema"))
        return read_schema(reading, &fields[1]);
    if (!span_is(type, "json_object"))
        return request_wrong_kind(reading, "response_format",
                                  "an object whose `type` is text, json_object or json_schema");
    reading->to->format = FORMAT_JSON;
    return true;
}

static bool read_user(struct request_reading *reading, const struct scan_item *value)
{
    if (value->kind != JSON_STRING)
        return request_wrong_kind(reading, "user", "a string");
    reading->to->user = scan_string(value->raw, reading->arena);
    return true;
}

static bool read_safety(struct request_reading *reading, const struct scan_item *value)
{
    if (value->kind != JSON_STRING)
        return request_wrong_kind(reading, "safety_identifier", "a string");
    if (reading->to->user.size == 0)
        reading->to->user = scan_string(value->raw, reading->arena);
    return true;
}

/* ---- the rows ---- */

static const struct member_row rows[] = {
    { "model", .read = request_skip },
    { "stream", .read = request_skip },
    { "stream_options", .read = request_skip },
    { "messages", .read = request_messages },
    { "tools", .read = request_tools },
    { "tool_choice", .read = request_tool_choice },
    { "parallel_tool_calls", .read = read_parallel },
    { "max_tokens", .read = read_max_tokens_old },
    { "max_completion_tokens", .read = read_max_tokens_new },
    { "stop", .read = read_stop },
    { "reasoning_effort", .read = read_effort },
    { "response_format", .read = read_format },
    { "user", .read = read_user },
    { "safety_identifier", .read = read_safety },
    { "temperature", .param = PARAM_TEMPERATURE, .kind = JSON_NUMBER },
    { "top_p", .param = PARAM_TOP_P, .kind = JSON_NUMBER },
    { "top_k", .param = PARAM_TOP_K, .kind = JSON_NUMBER },
    { "frequency_penalty", .param = PARAM_FREQUENCY_PENALTY, .kind = JSON_NUMBER,
      .neutral = { "0", "0.0" } },
    { "presence_penalty", .param = PARAM_PRESENCE_PENALTY, .kind = JSON_NUMBER,
      .neutral = { "0", "0.0" } },
    { "seed", .param = PARAM_SEED, .kind = JSON_NUMBER },
    { "n", .param = PARAM_N, .kind = JSON_NUMBER, .neutral = { "1" } },
    { "logprobs", .param = PARAM_LOGPROBS, .kind = JSON_BOOL, .neutral = { "false" } },
    { "top_logprobs", .param = PARAM_TOP_LOGPROBS, .kind = JSON_NUMBER, .neutral = { "0" } },
    { "service_tier", .param = PARAM_SERVICE_TIER, .kind = JSON_STRING },
    { "logit_bias", .param = PARAMS, .kind = JSON_OBJECT, .neutral = { "{}" } },
    { "modalities", .param = PARAMS, .kind = JSON_ARRAY, .neutral = { "[\"text\"]", "[]" } },
    { "functions", .param = PARAMS, .kind = JSON_ARRAY, .neutral = { "[]" } },
    { "metadata", .param = PARAMS, .kind = JSON_OBJECT, .hint = true, .neutral = { "{}" } },
    { "store", .param = PARAMS, .kind = JSON_BOOL, .hint = true, .neutral = { "false" } },
    { "prompt_cache_key", .param = PARAMS, .kind = JSON_STRING, .hint = true },
    { "prompt_cache_retention", .param = PARAMS, .kind = JSON_STRING, .hint = true },
    { "prompt_cache_options", .param = PARAMS, .kind = JSON_OBJECT, .hint = true },
};

enum err openai_read_request(const struct chat *chat, struct arena *arena,
                             struct conversation *ret, struct chat_problem *ret_problem)
{
    static const struct member_table table = { .rows = rows,
                                               .count = sizeof(rows) / sizeof(rows[0]) };

    if (!members_read(chat, &table, arena, ret, ret_problem))
        return ERR_TYPE;
    if (ret->turns)
        return ERR_OK;
    *ret_problem =
        (struct chat_problem){ "invalid_value", "`messages` must hold at least one message.",
                               "messages" };
    return ERR_MISSING;
}
