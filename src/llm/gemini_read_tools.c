/* Functions, and the choice among them. */
#include "llm/gemini.h"
#include "llm/gemini_read.h"

struct tools {
    struct request_reading *reading;
    struct tool **end;
    size_t number; /* of the next function */
};

static bool is_string(const struct scan_field *field)
{
    return field->raw.at && field->kind == JSON_STRING;
}

static bool is_object(const struct scan_field *field)
{
    return field->raw.at && field->kind == JSON_OBJECT;
}

static bool read_function(struct tools *tools, const struct scan_item *item)
{
    enum { NAME, DESCRIPTION, SCHEMA, OLD_SCHEMA, RESPONSE, RESPONSE_SCHEMA, BEHAVIOR, COUNT };
    struct scan_field fields[COUNT] = {
        [NAME] = { .name = "name" },
        [DESCRIPTION] = { .name = "description" },
        [SCHEMA] = { .name = "parametersJsonSchema" },
        [OLD_SCHEMA] = { .name = "parameters" },
        [RESPONSE] = { .name = "response" },
        [RESPONSE_SCHEMA] = { .name = "responseJsonSchema" },
        [BEHAVIOR] = { .name = "behavior" },
    };
    struct request_reading *reading = tools->reading;
    const struct gemini_place place = { reading, arena_printf(reading->arena,
                                                              "tools.functionDeclarations[%zu]",
                                                              tools->number++) };
    struct tool *tool = arena_zero(reading->arena, sizeof(*tool));

    gemini_look(item, fields, COUNT);
    if (!is_string(&fields[NAME]))
        return gemini_wrong(&place, "must have a `name`.");
    tool->name = fields[NAME].raw;
    if (is_string(&fields[DESCRIPTION]))
        tool->description = fields[DESCRIPTION].raw;
    if (is_object(&fields[SCHEMA]))
        tool->schema = fields[SCHEMA].raw;
    else if (is_object(&fields[OLD_SCHEMA]))
        tool->schema = gemini_read_schema(fields[OLD_SCHEMA].raw, reading->arena);
    else if (fields[SCHEMA].raw.at || fields[OLD_SCHEMA].raw.at)
        return gemini_wrong(&place, "must have an object as its `parameters`.");
    for (int i = RESPONSE; i < COUNT; i++)
        if (fields[i].raw.at)
            request_peculiar(reading,
                             arena_texts(reading->arena, "tools.", fields[i].name, NULL), true);
    *tools->end = tool;
    tools->end = &tool->next;
    return true;
}

static bool read_functions(struct tools *tools, const struct scan_item *list)
{
    struct scan_item item;
    size_t at = 0;

    while (gemini_each(list, &at, &item))
        if (!read_function(tools, &item))
            return false;
    return true;
}

bool gemini_read_tools(struct request_reading *reading, const struct scan_item *value)
{
    struct tools tools = { .reading = reading, .end = &reading->to->tools };
    struct scan_item tool;
    size_t at = 0;

    while (gemini_each(value, &at, &tool)) {
        struct scan_item member;
        size_t inside = 0;

        if (tool.kind != JSON_OBJECT)
            return request_wrong_kind(reading, "tools", "an array of objects");
        while (scan_next(tool.raw, &inside, &member)) {
            if (member.kind == JSON_NULL)
                continue;
            if (gemini_key_is(member.key, "functionDeclarations")) {
                if (!read_functions(&tools, &member))
                    return false;
                continue;
            }
            request_peculiar(/* it would run at Google */
                             reading,
                             arena_texts(reading->arena, "tools.",
                                         arena_text(reading->arena,
                                                    scan_string(member.key, reading->arena)),
                                         NULL),
                             false);
        }
    }
    return true;
}

/* ---- the choice ---- */

/* One name is a choice; several can only be said where they are all that there are. */
static bool read_names(struct request_reading *reading, const struct scan_field *names)
{
    const struct scan_item list = { .kind = names->kind, .raw = names->raw };
    struct scan_item name;
    size_t count = 0;
    size_t at = 0;

    while (names->raw.at && gemini_each(&list, &at, &name)) {
        if (name.kind != JSON_STRING)
            return request_wrong_kind(reading, "toolConfig.allowedFunctionNames",
                                      "an array of strings");
        if (count++ == 0)
            reading->to->choice_name = name.raw;
    }
    if (count == 1)
        reading->to->choice = CHOICE_NAMED;
    else if (count > 1)
        request_peculiar(reading, "toolConfig.allowedFunctionNames", false);
    return true;
}

static bool read_calling(struct request_reading *reading, const struct scan_item *value)
{
    static const struct {
        const char *raw;
        enum tool_choice choice;
    } modes[] = {
        { "\"MODE_UNSPECIFIED\"", CHOICE_UNSAID },
        { "\"AUTO\"", CHOICE_AUTO },
        { "\"ANY\"", CHOICE_REQUIRED },
        { "\"NONE\"", CHOICE_NONE },
        { "\"VALIDATED\"", CHOICE_AUTO },
    };
    struct scan_field fields[] = { { .name = "mode" }, { .name = "allowedFunctionNames" } };
    bool known;

    gemini_look(value, fields, 2);
    known = fields[0].raw.at == NULL;
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        if (!span_is(fields[0].raw, modes[i].raw))
            continue;
        reading->to->choice = modes[i].choice;
        known = true;
    }
    if (!known)
        return request_wrong_kind(reading, "toolConfig.functionCallingConfig.mode",
                                  "AUTO, ANY, NONE or VALIDATED");
    if (reading->to->choice == CHOICE_REQUIRED)
        return read_names(reading, &fields[1]);
    if (fields[1].raw.at)
        request_peculiar(reading, "toolConfig.allowedFunctionNames", false);
    return true;
}

bool gemini_read_choice(struct request_reading *reading, const struct scan_item *value)
{
    struct scan_item member;
    size_t at = 0;

    if (value->kind != JSON_OBJECT)
        return request_wrong_kind(reading, "toolConfig", "an object");
    while (scan_next(value->raw, &at, &member)) {
        if (member.kind == JSON_NULL)
            continue;
        if (!gemini_key_is(member.key, "functionCallingConfig"))
            request_peculiar(
                reading,
                arena_texts(reading->arena, "toolConfig.",
                            arena_text(reading->arena, scan_string(member.key, reading->arena)),
                            NULL),
                false);
        else if (!read_calling(reading, &member))
            return false;
    }
    return true;
}
