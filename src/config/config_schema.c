/* A JSON Schema (draft-07) for editors, from the settings table. It is more lenient than the check in
 * two ways: any text with a $ may stand for any value, and names are not looked up. */
#include "base/json.h"
#include "config/config.h"
#include "config/settings.h"
#include "config/values.h"

#include <string.h>

/* What is expanded when it is read: "${NAME}", "file:/path". */
static const char expanded[] = "\\$|^file:";

static void write_table(struct json_writer *w, const struct setting_table *table);

static void member(struct json_writer *w, const char *key, const char *text)
{
    if (text == NULL)
        return;
    json_put_text(w, key, text);
}

static void begin_choice(struct json_writer *w, const char *type)
{
    json_begin(w, '{');
    member(w, "type", type);
}

/* One of a list of words. */
static void write_words(struct json_writer *w, const char *const *words)
{
    json_key(w, "enum");
    json_begin(w, '[');
    for (size_t i = 0; words[i]; i++)
        json_text(w, words[i]);
    json_end(w, ']');
}

static void write_kinds(struct json_writer *w)
{
    json_key(w, "enum");
    json_begin(w, '[');
    for (const struct provider_kind *kind = provider_kinds; kind->name; kind++)
        json_text(w, kind->name);
    json_end(w, ']');
}

/* Written without quotes, as the number or boolean that it is. */
static void write_plain(struct json_writer *w, enum setting_kind kind,
                        const struct setting *row)
{
    const char *plain = value_kind(kind)->plain;

    if (plain == NULL)
        return;
    begin_choice(w, plain);
    if (kind == SETTING_COUNT) {
        json_put_u64(w, "minimum", row->min);
        json_put_u64(w, "maximum", row->max);
    } else if (kind == SETTING_DURATION) {
        json_put_u64(w, "const", 0);
    } else if (strcmp(plain, "boolean") != 0) {
        json_put_u64(w, "minimum", 0);
    }
    json_end(w, '}');
}

static void write_text(struct json_writer *w, enum setting_kind kind, const struct setting *row)
{
    begin_choice(w, "string");
    if (kind == SETTING_ENUM)
        write_words(w, row->words);
    else if (kind == SETTING_PROVIDER_KIND)
        write_kinds(w);
    else
        member(w, "pattern", value_kind(kind)->pattern);
    json_end(w, '}');
}

static void write_value(struct json_writer *w, enum setting_kind kind,
                        const struct setting *row)
{
    json_key(w, "anyOf");
    json_begin(w, '[');
    write_plain(w, kind, row);
    if (value_kind(kind)->plain == NULL || value_kind(kind)->pattern)
        write_text(w, kind, row);
    begin_choice(w, "string");
    member(w, "pattern", expanded);
    json_end(w, '}');
    json_end(w, ']');
}

static void write_list(struct json_writer *w, const struct setting *row)
{
    member(w, "type", "array");
    json_put_u64(w, "minItems", row->min);
    json_put_u64(w, "maxItems", row->max);
    json_key(w, "items");
    json_begin(w, '{');
    if (row->element == SETTING_OBJECT)
        write_table(w, row->table);
    else
        write_value(w, row->element, row);
    json_end(w, '}');
}

static void write_map(struct json_writer *w, const struct setting *row)
{
    static const struct setting text = { .name = "value" };

    member(w, "type", "object");
    json_key(w, "additionalProperties");
    json_begin(w, '{');
    if (row->kind == SETTING_MAP)
        write_table(w, row->table);
    else
        write_value(w, SETTING_TEXT, &text);
    json_end(w, '}');
}

static void write_price(struct json_writer *w, const struct setting *row)
{
    json_key(w, "anyOf");
    json_begin(w, '[');
    json_begin(w, '{');
    write_value(w, SETTING_MONEY, row);
    json_end(w, '}');
    json_begin(w, '{');
    write_table(w, row->table);
    json_end(w, '}');
    json_end(w, ']');
}

static void write_setting(struct json_writer *w, const struct setting *row)
{
    member(w, "description", row->help);
    member(w, "default", row->standard);
    if (row->kind == SETTING_OBJECT)
        write_table(w, row->table);
    else if (row->kind == SETTING_LIST)
        write_list(w, row);
    else if (row->kind == SETTING_MAP || row->kind == SETTING_HEADERS)
        write_map(w, row);
    else if (row->kind == SETTING_PRICE)
        write_price(w, row);
    else if (row->kind != SETTING_FIXED)
        write_value(w, row->kind, row);
}

static void write_required(struct json_writer *w, const struct setting_table *table)
{
    json_key(w, "required");
    json_begin(w, '[');
    for (const struct setting *row = table->rows; row->name; row++)
        if (row->required)
            json_text(w, row->name);
    json_end(w, ']');
}

static void write_table(struct json_writer *w, const struct setting_table *table)
{
    member(w, "type", "object");
    json_put_bool(w, "additionalProperties", false);
    write_required(w, table);
    json_key(w, "properties");
    json_begin(w, '{');
    for (const struct setting *row = table->rows; row->name; row++) {
        if (row->kind == SETTING_LATER)
            continue;
        json_key(w, row->name);
        json_begin(w, '{');
        write_setting(w, row);
        json_end(w, '}');
    }
    json_end(w, '}');
}

void config_print_schema(struct buf *out)
{
    struct json_writer w = json_writer(out);

    json_begin(&w, '{');
    member(&w, "$schema", "http://json-schema.org/draft-07/schema#");
    member(&w, "title", "sluice.yaml");
    write_table(&w, &settings);
    json_end(&w, '}');
    (void)buf_add_byte(out, '\n');
}
