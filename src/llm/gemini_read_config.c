/* generationConfig: how the answer is to be. Each of its members has a row. */
#include "llm/gemini.h"
#include "llm/gemini_read.h"

/* Whole numbers may come as 40.0, which others refuse. */
static bool read_top_k(struct request_reading *reading, const struct scan_item *value)
{
    struct span rest = value->raw;
    struct span whole = span_cut(&rest, '.');

    if (value->kind != JSON_NUMBER)
        return request_wrong_kind(reading, "generationConfig.topK", "a number");
    for (size_t i = 0; i < rest.size; i++)
        if (rest.at[i] != '0')
            whole = value->raw;
    reading->to->params[PARAM_TOP_K] = whole;
    return true;
}

static bool read_max_tokens(struct request_reading *reading, const struct scan_item *value)
{
    if (scan_u64(value->raw, &reading->to->max_tokens))
        return true;
    return request_wrong_kind(reading, "generationConfig.maxOutputTokens", "a whole number");
}

static bool read_count(struct request_reading *reading, const struct scan_item *value)
{
    if (value->kind != JSON_NUMBER)
        return request_wrong_kind(reading, "generationConfig.candidateCount", "a number");
    if (!span_is(value->raw, "1"))
        request_peculiar(reading, "generationConfig.candidateCount", false);
    return true;
}

static bool read_stops(struct request_reading *reading, const struct scan_item *value)
{
    struct text **end = &reading->to->stops;
    struct scan_item item;
    size_t at = 0;

    while (gemini_each(value, &at, &item)) {
        if (item.kind != JSON_STRING)
            return request_wrong_kind(reading, "generationConfig.stopSequences",
                                      "an array of strings");
        if (!scan_empty(&item))
            request_add_stop(reading, item.raw, &end);
    }
    return true;
}

/* ---- the form of the answer ---- */

static bool read_media(struct request_reading *reading, const struct scan_item *value)
{
    if (span_is(value->raw, "\"application/json\"")) {
        if (reading->to->format == FORMAT_TEXT)
            reading->to->format = FORMAT_JSON;
    } else if (!span_is(value->raw, "\"text/plain\"") && !scan_empty(value)) {
        request_peculiar(reading, "generationConfig.responseMimeType", false);
    }
    return true;
}

static bool set_schema(struct request_reading *reading, const struct scan_item *value,
                       const char *name)
{
    if (value->kind != JSON_OBJECT)
        return request_wrong_kind(reading, name, "an object");
    reading->to->format = FORMAT_SCHEMA;
    reading->to->schema = value->raw;
    return true;
}

static bool read_schema(struct request_reading *reading, const struct scan_item *value)
{
    return set_schema(reading, value, "generationConfig.responseJsonSchema");
}

static bool read_old_schema(struct request_reading *reading, const struct scan_item *value)
{
    if (reading->to->format == FORMAT_SCHEMA)
        return true;
    if (!set_schema(reading, value, "generationConfig.responseSchema"))
        return false;
    reading->to->schema = gemini_read_schema(value->raw, reading->arena);
    return true;
}

/* Text is what there is. */
static bool read_modalities(struct request_reading *reading, const struct scan_item *value)
{
    struct scan_item item;
    size_t at = 0;

    while (gemini_each(value, &at, &item))
        if (!span_is_nocase(item.raw, "\"TEXT\""))
            request_peculiar(reading, "generationConfig.responseModalities", false);
    return true;
}

/* ---- how hard to think ---- */

static struct span effort_of(uint64_t budget)
{
    if (budget < 4096)
        return SPAN_OF("low");
    return budget < 16384 ? SPAN_OF("medium") : SPAN_OF("high");
}

static bool read_budget(struct request_reading *reading, const struct scan_field *field)
{
    struct conversation *to = reading->to;
    uint64_t budget;

    if (span_is(field->raw, "-1")) { /* as much as it needs */
        to->effort = SPAN_OF("medium");
        return true;
    }
    if (!scan_u64(field->raw, &budget))
        return request_wrong_kind(reading, "generationConfig.thinkingConfig.thinkingBudget",
                                  "a whole number, or -1");
    to->budget = budget;
    to->effort = budget ? effort_of(budget) : SPAN_OF("none");
    return true;
}

static bool read_level(struct request_reading *reading, const struct scan_field *field)
{
    static const char *const levels[] = { "minimal", "low", "medium", "high" };
    struct span level = { 0 };

    if (field->kind == JSON_STRING)
        level = scan_string(field->raw, reading->arena);
    for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++)
        if (span_is_nocase(level, levels[i])) {
            reading->to->effort = span_from(levels[i]);
            return true;
        }
    return span_is_nocase(level, "THINKING_LEVEL_UNSPECIFIED") ||
           request_wrong_kind(reading, "generationConfig.thinkingConfig.thinkingLevel",
                              "MINIMAL, LOW, MEDIUM or HIGH");
}

/* To ask for thoughts alone is to ask for thinking, as much as it needs. */
static bool read_thinking(struct request_reading *reading, const struct scan_item *value)
{
    struct scan_field fields[] = { { .name = "thinkingBudget" },
                                   { .name = "thinkingLevel" },
                                   { .name = "includeThoughts" } };

    if (value->kind != JSON_OBJECT)
        return request_wrong_kind(reading, "generationConfig.thinkingConfig", "an object");
    gemini_look(value, fields, 3);
    if (fields[0].raw.at && !read_budget(reading, &fields[0]))
        return false;
    if (fields[1].raw.at && !read_level(reading, &fields[1]))
        return false;
    if (reading->to->effort.at == NULL && span_is(fields[2].raw, "true"))
        reading->to->effort = SPAN_OF("medium");
    return true;
}

/* ---- the rows ---- */

static const struct member_row rows[] = {
    { "temperature", .param = PARAM_TEMPERATURE, .kind = JSON_NUMBER },
    { "topP", .param = PARAM_TOP_P, .kind = JSON_NUMBER },
    { "topK", .read = read_top_k },
    { "frequencyPenalty", .param = PARAM_FREQUENCY_PENALTY, .kind = JSON_NUMBER },
    { "presencePenalty", .param = PARAM_PRESENCE_PENALTY, .kind = JSON_NUMBER },
    { "seed", .param = PARAM_SEED, .kind = JSON_NUMBER },
    { "maxOutputTokens", .read = read_max_tokens },
    { "candidateCount", .read = read_count },
    { "stopSequences", .read = read_stops },
    { "responseMimeType", .read = read_media },
    { "responseJsonSchema", .read = read_schema },
    { "responseSchema", .read = read_old_schema },
    { "responseModalities", .read = read_modalities },
    { "thinkingConfig", .read = read_thinking },
    { "responseLogprobs", .param = PARAMS, .kind = JSON_BOOL, .neutral = { "false" } },
    { "logprobs", .param = PARAMS, .kind = JSON_NUMBER, .neutral = { "0" } },
    { "mediaResolution", .param = PARAMS, .kind = JSON_STRING, .hint = true },
    { "audioTimestamp", .param = PARAMS, .kind = JSON_BOOL, .hint = true },
    { "enableEnhancedCivicAnswers", .param = PARAMS, .kind = JSON_BOOL, .hint = true },
};

bool gemini_read_config(struct request_reading *reading, const struct scan_item *value)
{
    static const struct member_table table = {
        .rows = rows,
        .count = sizeof(rows) / sizeof(rows[0]),
        .prefix = "generationConfig.",
        .is = gemini_key_is,
    };

    if (value->kind != JSON_OBJECT)
        return request_wrong_kind(reading, "generationConfig", "an object");
    return members_read_object(reading, &table, value->raw);
}
