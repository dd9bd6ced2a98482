/* Tools, the choice among them, and what is to be cached. */
#include "llm/openai_request.h"

/* OpenAI's breakpoints live for half an hour, Anthropic's for five minutes or an hour. */
static struct span cache_of_breakpoint(const struct scan_field *breakpoint)
{
    struct scan_field ttl = { .name = "ttl" };
    struct scan_result result;

    (void)scan_object(breakpoint->raw, &ttl, 1, &result);
    if (request_unsaid(&ttl) || span_is(ttl.raw, "\"5m\""))
        return SPAN_OF("{\"type\":\"ephemeral\"}");
    return SPAN_OF("{\"type\":\"ephemeral\",\"ttl\":\"1h\"}");
}

struct span request_cache(const struct scan_field *control, const struct scan_field *breakpoint)
{
    if (control->raw.at && control->kind == JSON_OBJECT)
        return control->raw;
    if (breakpoint && breakpoint->raw.at && breakpoint->kind == JSON_OBJECT)
        return cache_of_breakpoint(breakpoint);
    return (struct span){ 0 };
}

static bool wrong(struct request_reading *reading, size_t number, const char *what)
{
    const char *param = arena_printf(reading->arena, "tools[%zu]", number);

    return request_wrong(reading, param, arena_printf(reading->arena, "`%s` %s", param, what));
}

static bool read_function(struct request_reading *reading, size_t number,
                          const struct scan_field *function, struct tool *ret)
{
    enum { NAME, DESCRIPTION, PARAMETERS, STRICT, CONTROL, COUNT };
    struct scan_field fields[COUNT] = {
        [NAME] = { .name = "name" },
        [DESCRIPTION] = { .name = "description" },
        [PARAMETERS] = { .name = "parameters" },
        [STRICT] = { .name = "strict" },
        [CONTROL] = { .name = "cache_control" },
    };
    struct scan_result result;

    if (function->raw.at && function->kind == JSON_OBJECT)
        (void)scan_object(function->raw, fields, COUNT, &result);
    if (fields[NAME].raw.at == NULL || fields[NAME].kind != JSON_STRING)
        return wrong(reading, number, "must have a `function` with a `name`.");
    if (!request_unsaid(&fields[PARAMETERS]) && fields[PARAMETERS].kind != JSON_OBJECT)
        return wrong(reading, number, "must have a JSON Schema as `function.parameters`.");
    if (!request_unsaid(&fields[DESCRIPTION]) && fields[DESCRIPTION].kind != JSON_STRING)
        return wrong(reading, number, "must have a string as `function.description`.");
    ret->name = fields[NAME].raw;
    if (!request_unsaid(&fields[DESCRIPTION]))
        ret->description = fields[DESCRIPTION].raw;
    if (!request_unsaid(&fields[PARAMETERS]))
        ret->schema = fields[PARAMETERS].raw;
    ret->strict = span_is(fields[STRICT].raw, "true");
    if (ret->cache.at == NULL)
        ret->cache = request_cache(&fields[CONTROL], NULL);
    return true;
}

static bool read_tool(struct request_reading *reading, size_t number,
                      const struct scan_item *item, struct tool *ret)
{
    enum { TYPE, FUNCTION, CONTROL, COUNT };
    struct scan_field fields[COUNT] = {
        [TYPE] = { .name = "type" },
        [FUNCTION] = { .name = "function" },
        [CONTROL] = { .name = "cache_control" },
    };
    struct scan_result result;

    if (item->kind == JSON_OBJECT)
        (void)scan_object(item->raw, fields, COUNT, &result);
    if (!span_is(fields[TYPE].raw, "\"function\""))
        return wrong(reading, number, "has a `type` that cannot be translated; function can.");
    ret->cache = request_cache(&fields[CONTROL], NULL);
    return read_function(reading, number, &fields[FUNCTION], ret);
}

bool request_tools(struct request_reading *reading, const struct scan_item *value)
{
    struct tool **end = &reading->to->tools;
    struct scan_item item;
    size_t at = 0;

    if (value->kind != JSON_ARRAY)
        return request_wrong(reading, "tools", "`tools` must be an array.");
    for (size_t i = 0; scan_next(value->raw, &at, &item); i++) {
        struct tool *tool = arena_zero(reading->arena, sizeof(*tool));

        if (!read_tool(reading, i, &item, tool))
            return false;
        *end = tool;
        end = &tool->next;
    }
    return true;
}

static bool read_named(struct request_reading *reading, const struct scan_item *value)
{
    struct scan_field fields[] = { { .name = "type" }, { .name = "function" } };
    struct scan_field name = { .name = "name" };
    struct scan_result result;

    (void)scan_object(value->raw, fields, 2, &result);
    if (span_is(fields[0].raw, "\"function\"") && fields[1].raw.at &&
        fields[1].kind == JSON_OBJECT)
        (void)scan_object(fields[1].raw, &name, 1, &result);
    if (name.raw.at == NULL || name.kind != JSON_STRING)
        return request_wrong(reading, "tool_choice",
                             "`tool_choice` must be none, auto, required, or "
                             "{\"type\": \"function\", \"function\": {\"name\": NAME}}.");
    reading->to->choice = CHOICE_NAMED;
    reading->to->choice_name = name.raw;
    return true;
}

bool request_tool_choice(struct request_reading *reading, const struct scan_item *value)
{
    static const struct {
        const char *raw;
        enum tool_choice choice;
    } words[] = {
        { "\"none\"", CHOICE_NONE },
        { "\"auto\"", CHOICE_AUTO },
        { "\"required\"", CHOICE_REQUIRED },
    };

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (span_is(value->raw, words[i].raw)) {
            reading->to->choice = words[i].choice;
            return true;
        }
    if (value->kind == JSON_OBJECT)
        return read_named(reading, value);
    return request_wrong(reading, "tool_choice",
                         "`tool_choice` must be none, auto, required, or an object.");
}
