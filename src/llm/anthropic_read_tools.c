/* Tools, and the choice among them. */
#include "llm/anthropic_read.h"

static bool is_string(const struct scan_field *field)
{
    return field->raw.at && field->kind == JSON_STRING;
}

static bool wrong(struct request_reading *reading, size_t number, const char *what)
{
    const char *param = arena_printf(reading->arena, "tools[%zu]", number);

    return request_wrong(reading, param, arena_printf(reading->arena, "`%s` %s", param, what));
}

static void peculiar(struct request_reading *reading, struct span raw_name, bool hint)
{
    struct span name = scan_string(raw_name, reading->arena);

    request_peculiar(
        reading, arena_texts(reading->arena, "tools.", arena_text(reading->arena, name), NULL),
        hint);
}

/* A tool that runs at the client. */
static bool read_own(struct request_reading *reading, size_t number, struct span raw,
                     struct tool *ret)
{
    struct scan_item item;
    size_t at = 0;

    while (scan_next(raw, &at, &item)) {
        const struct scan_field value = { .kind = item.kind, .raw = item.raw };

        if (request_unsaid(&value) || scan_key_is(item.key, "type"))
            continue;
        if (scan_key_is(item.key, "name") && item.kind == JSON_STRING)
            ret->name = item.raw;
        else if (scan_key_is(item.key, "description") && item.kind == JSON_STRING)
            ret->description = item.raw;
        else if (scan_key_is(item.key, "input_schema") && item.kind == JSON_OBJECT)
            ret->schema = item.raw;
        else if (scan_key_is(item.key, "cache_control") && item.kind == JSON_OBJECT)
            ret->cache = item.raw;
        else if (scan_key_is(item.key, "strict") && item.kind == JSON_BOOL)
            ret->strict = span_is(item.raw, "true");
        else if (scan_key_is(item.key, "name") || scan_key_is(item.key, "description") ||
                 scan_key_is(item.key, "input_schema"))
            return wrong(reading, number,
                         "must have strings as `name` and `description`, and an object as "
                         "`input_schema`.");
        else if (!scan_empty(&item) && !span_is(item.raw, "false"))
            peculiar(reading, item.key, true); /* when to load it, examples */
    }
    return ret->name.at != NULL || wrong(reading, number, "must have a `name`.");
}

bool anthropic_read_tools(struct request_reading *reading, const struct scan_item *value)
{
    struct tool **end = &reading->to->tools;
    struct scan_item item;
    size_t at = 0;

    if (value->kind != JSON_ARRAY)
        return request_wrong(reading, "tools", "`tools` must be an array.");
    for (size_t i = 0; scan_next(value->raw, &at, &item); i++) {
        struct scan_field type = { .name = "type" };
        struct scan_result result;
        struct tool *tool;

        if (item.kind != JSON_OBJECT)
            return wrong(reading, i, "must be an object.");
        (void)scan_object(item.raw, &type, 1, &result);
        if (is_string(&type) && !span_is(type.raw, "\"custom\"")) {
            peculiar(reading, type.raw, false); /* it would run at the provider */
            continue;
        }
        tool = arena_zero(reading->arena, sizeof(*tool));
        if (!read_own(reading, i, item.raw, tool))
            return false;
        *end = tool;
        end = &tool->next;
    }
    return true;
}

bool anthropic_read_choice(struct request_reading *reading, const struct scan_item *value)
{
    static const struct {
        const char *raw;
        enum tool_choice choice;
    } words[] = {
        { "\"auto\"", CHOICE_AUTO },
        { "\"any\"", CHOICE_REQUIRED },
        { "\"none\"", CHOICE_NONE },
        { "\"tool\"", CHOICE_NAMED },
    };
    struct scan_field fields[] = { { .name = "type" },
                                   { .name = "name" },
                                   { .name = "disable_parallel_tool_use" } };
    struct conversation *to = reading->to;
    struct scan_result result;

    if (value->kind == JSON_OBJECT)
        (void)scan_object(value->raw, fields, 3, &result);
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (span_is(fields[0].raw, words[i].raw))
            to->choice = words[i].choice;
    to->one_call = span_is(fields[2].raw, "true");
    if (to->choice == CHOICE_NAMED && is_string(&fields[1]))
        to->choice_name = fields[1].raw;
    if (to->choice != CHOICE_UNSAID && (to->choice != CHOICE_NAMED || to->choice_name.at))
        return true;
    return request_wrong_kind(
        reading, "tool_choice",
        "an object whose `type` is auto, any, none, or tool with the `name` of one");
}
