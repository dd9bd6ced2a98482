/* The members of the body: each has a row, and what has none is the client's own language.
 *
 *     body --scan--> member --row--> its reader, or a plain value
 *                       +---none---> peculiar
 */
#include "llm/openai_request.h"

#include "llm/openai.h"

#include <string.h>

enum { NEUTRALS_MAX = 3 };

struct row {
    const char *name;
    bool (*read)(struct request_reading *reading, const struct scan_item *value);
    enum param param; /* without a reader: where the value goes; PARAMS: it is peculiar */
    enum json_kind kind;
    bool hint;
    const char *neutral[NEUTRALS_MAX]; /* values that are as good as none */
};

bool request_wrong(struct request_reading *reading, const char *param, const char *message)
{
    *reading->problem = (struct chat_problem){ "invalid_value", message, param };
    return false;
}

void request_peculiar(struct request_reading *reading, const char *name, bool hint)
{
    struct peculiar *peculiar = arena_zero(reading->arena, sizeof(*peculiar));

    *peculiar = (struct peculiar){ .name = name, .hint = hint };
    *reading->peculiar = peculiar;
    reading->peculiar = &peculiar->next;
}

bool request_unsaid(const struct scan_field *field)
{
    return field->raw.at == NULL || field->kind == JSON_NULL;
}

static bool wrong_kind(struct request_reading *reading, const char *param, const char *right)
{
    return request_wrong(reading, param,
                         arena_printf(reading->arena, "`%s` must be %s.", param, right));
}

/* ---- the readers ---- */

static bool skip(struct request_reading *reading, const struct scan_item *value)
{
    (void)reading;
    (void)value;
    return true; /* the gateway has read it already, or does not need to */
}

/* The newer name is the one that counts, in whatever order they stand. */
static bool read_max_tokens(struct request_reading *reading, const struct scan_item *value,
                            const char *name, bool newer)
{
    uint64_t tokens;

    if (value->kind != JSON_NUMBER || !scan_u64(value->raw, &tokens) || tokens == 0)
        return wrong_kind(reading, name, "a whole number above 0");
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
    struct text *stop;

    if (value->kind != JSON_STRING)
        return wrong_kind(reading, "stop", "a string, or an array of strings");
    if (scan_empty(value))
        return true;
    stop = arena_zero(reading->arena, sizeof(*stop));
    stop->raw = value->raw;
    **end = stop;
    *end = &stop->next;
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
        return wrong_kind(reading, "parallel_tool_calls", "true or false");
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
    return wrong_kind(reading, "reasoning_effort",
                      "one of none, minimal, low, medium, high, xhigh, max");
}

static bool read_schema(struct request_reading *reading, const struct scan_field *wrapper)
{
    struct scan_field schema = { .name = "schema" };
    struct scan_result result;

    if (wrapper->raw.at && wrapper->kind == JSON_OBJECT)
        (void)scan_object(wrapper->raw, &schema, 1, &result);
    if (schema.raw.at == NULL || schema.kind != JSON_OBJECT)
        return wrong_kind(reading, "response_format.json_schema",
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
        return wrong_kind(reading, "response_format",
                          "an object whose `type` is text, json_object or json_schema");
    reading->to->format = FORMAT_JSON;
    return true;
}

static bool read_user(struct request_reading *reading, const struct scan_item *value)
{
    if (value->kind != JSON_STRING)
        return wrong_kind(reading, "user", "a string");
    reading->to->user = scan_string(value->raw, reading->arena);
    return true;
}

static bool read_safety(struct request_reading *reading, const struct scan_item *value)
{
    if (value->kind != JSON_STRING)
        return wrong_kind(reading, "safety_identifier", "a string");
    if (reading->to->user.size == 0)
        reading->to->user = scan_string(value->raw, reading->arena);
    return true;
}

/* ---- the rows ---- */

static const struct row rows[] = {
    { "model", .read = skip },
    { "stream", .read = skip },
    { "stream_options", .read = skip },
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

static const struct row *find_row(struct span key)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (scan_key_is(key, rows[i].name))
            return &rows[i];
    return NULL;
}

static bool neutral(const struct row *row, struct span raw)
{
    for (size_t i = 0; i < NEUTRALS_MAX && row->neutral[i]; i++)
        if (span_is(raw, row->neutral[i]))
            return true;
    return false;
}

static bool read_member(struct request_reading *reading, const struct scan_item *item)
{
    static const char *const kinds[] = {
        [JSON_NULL] = "null",       [JSON_BOOL] = "true or false", [JSON_NUMBER] = "a number",
        [JSON_STRING] = "a string", [JSON_ARRAY] = "an array",     [JSON_OBJECT] = "an object",
    };
    const struct row *row = find_row(item->key);

    if (item->kind == JSON_NULL)
        return true;
    if (row == NULL) {
        request_peculiar(
            reading, arena_text(reading->arena, scan_string(item->key, reading->arena)), false);
        return true;
    }
    if (row->read)
        return row->read(reading, item);
    if (item->kind != row->kind)
        return wrong_kind(reading, row->name, kinds[row->kind]);
    if (neutral(row, item->raw))
        return true;
    if (row->param == PARAMS)
        request_peculiar(reading, row->name, row->hint);
    else
        reading->to->params[row->param] = item->raw;
    return true;
}

/* Does a key that has a row stand twice? Which one counts would depend on the reader. */
static bool seen_before(const struct row *row, uint64_t *seen)
{
    uint64_t bit = UINT64_C(1) << (row - rows);
    bool before = (*seen & bit) != 0;

    *seen |= bit;
    return before;
}

static bool check_duplicate(struct request_reading *reading, struct span key, uint64_t *seen)
{
    const struct row *row = find_row(key);

    if (row == NULL || !seen_before(row, seen))
        return true;
    reading->problem->code = "duplicate_key";
    reading->problem->param = row->name;
    reading->problem->message = arena_printf(
        reading->arena, "`%s` stands more than once in the request body. Send it once.",
        row->name);
    return false;
}

enum err openai_read_request(const struct chat *chat, struct arena *arena,
                             struct conversation *ret, struct chat_problem *ret_problem)
{
    struct request_reading reading = { arena, ret, &ret->peculiar, ret_problem };
    struct scan_item item;
    uint64_t seen = 0;
    size_t at = 0;

    *ret = (struct conversation){ .stream = chat->stream };
    while (scan_next(chat->body, &at, &item))
        if (!check_duplicate(&reading, item.key, &seen) || !read_member(&reading, &item))
            return ERR_TYPE;
    if (ret->turns)
        return ERR_OK;
    (void)request_wrong(&reading, "messages", "`messages` must hold at least one message.");
    return ERR_MISSING;
}
