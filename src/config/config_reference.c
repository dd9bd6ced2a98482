/* The reference in Markdown, from the settings table, the table of providers and that of variables. */
#include "config/config.h"
#include "config/config_environment.h"
#include "config/settings.h"
#include "config/values.h"

#include <ctype.h>
#include <string.h>

static const char introduction[] =
    "# Reference\n"
    "\n"
    "Printed by `sluice reference` from the tables that the program itself works with.\n"
    "`sluice check -c FILE` says what is wrong with a file, `sluice config -c FILE` prints it "
    "with "
    "every default,\n"
    "and [sluice.yaml](sluice.yaml) is a file to start from.\n"
    "\n"
    "## How values are written\n"
    "\n"
    "| what | how |\n"
    "|---|---|\n"
    "| duration | `500ms` `30s` `5m` `1h`; `0` means none |\n"
    "| size | `64KiB` `50MiB` `1GiB`, or bytes |\n"
    "| dollars | `8.00`, with at most six digits behind the point |\n"
    "| share | `0.2` is a fifth; with at most six digits behind the point |\n"
    "| boolean | `true` or `false`; nothing else |\n"
    "| date | `2027-01-01` (begins at 00:00 UTC) or `2027-01-01T12:00:00Z` |\n"
    "| name | visible ASCII without spaces, at most 256 characters |\n"
    "| short name | letters, digits, and any of `- _ .`, at most 64 |\n"
    "| address | `HOST:PORT`, such as `127.0.0.1:8080` or `[::]:8080` |\n"
    "| file | a path, from where the program was started when it is not a whole one |\n"
    "\n"
    "In every value `${NAME}` stands for an environment variable, which must be set; "
    "`${NAME:-default}` for one\n"
    "that may be missing or empty; `$$` for a dollar; and a value that begins with `file:/` "
    "for the "
    "content of that\n"
    "file, without the line break at its end. A value that comes out empty counts as not said. "
    "Keys are "
    "never expanded.\n"
    "\n"
    "What a limit, a clock or a number of tokens calls `0` is none. Unknown settings, settings "
    "that "
    "stand twice,\n"
    "anchors, aliases and tags are errors.\n";

static const char names[] =
    "\n## Names of models\n"
    "\n"
    "What a client asks for is, in this order: a listed name or alias; the longest listed name "
    "or "
    "alias that\n"
    "ends in a star and fits; unless `models_only`, `PROVIDER/NAME`, and then any name, for "
    "`default_provider`.\n"
    "\n"
    "| listed | a target's `model` | asked for | asked of the provider |\n"
    "|---|---|---|---|\n"
    "| `gpt-4*` | not said | `gpt-4-turbo` | `gpt-4-turbo`: the name |\n"
    "| `openai/*` | not said | `openai/gpt-4.1` | `gpt-4.1`: the name behind its first slash "
    "|\n"
    "| `fast/*` | `*-awq` | `fast/llama` | `llama-awq`: with what the star stands for |\n"
    "| `big-*` | `gpt-4.1` | `big-one` | `gpt-4.1` |\n"
    "\n"
    "One star, as the last character. Metrics, ids of targets and `GET /v1/models` know "
    "such a model by its\n"
    "name as listed; `x-sluice-model` and the access log say what was asked for. Settings that "
    "name a model cannot\n"
    "name one whose targets need to know what the star stands for.\n";

static void print_table(const struct setting_table *table, struct buf *out);

/* A link to a table. Markdown makes the anchor of a heading from its letters and digits. */
static void print_link(const struct setting_table *table, struct buf *out)
{
    (void)buf_printf(out, "[`%s`](#", table->title);
    for (const char *c = table->title; *c; c++)
        if (isalnum((unsigned char)*c) || *c == '_')
            (void)buf_add_byte(out, (char)tolower((unsigned char)*c));
    (void)buf_add_byte(out, ')');
}

/* ---- the columns of a row ---- */

static void print_words(const char *const *words, struct buf *out)
{
    for (size_t i = 0; words[i]; i++)
        (void)buf_printf(out, "%s`%s`", i ? ", " : "", words[i]);
}

static void print_bounds(const struct setting *row, struct buf *out)
{
    const struct value_kind *kind = value_kind(row->kind);

    if (row->max == 0 || kind->print_number == NULL)
        return;
    (void)buf_add_text(out, ", ");
    if (row->min) {
        kind->print_number(row->min, out);
        (void)buf_add_text(out, " to ");
    } else {
        (void)buf_add_text(out, "at most ");
    }
    kind->print_number(row->max, out);
}

static void print_type(const struct setting *row, struct buf *out)
{
    if (row->kind == SETTING_ENUM)
        print_words(row->words, out);
    else if (row->kind == SETTING_FIXED)
        (void)buf_printf(out, "`%s`", row->standard);
    else if (row->kind == SETTING_OBJECT)
        (void)buf_add_text(out, "object: ");
    else if (row->kind == SETTING_MAP)
        (void)buf_add_text(out, "map of names to ");
    else if (row->kind == SETTING_PRICE)
        (void)buf_add_text(out, "dollars, or ");
    else if (row->kind == SETTING_HEADERS)
        (void)buf_add_text(out, "map of names to texts");
    else if (row->kind == SETTING_LIST &&
             (row->element == SETTING_OBJECT || row->element == SETTING_ENUM))
        (void)buf_add_text(out, "list of ");
    else if (row->kind == SETTING_LIST)
        (void)buf_printf(out, "list of %ss", value_kind(row->element)->title);
    else
        (void)buf_add_text(out, value_kind(row->kind)->title);
    if (row->table)
        print_link(row->table, out);
    if (row->kind == SETTING_LIST && row->element == SETTING_ENUM)
        print_words(row->words, out);
    else if (row->kind == SETTING_LIST)
        (void)buf_printf(out, ", at most %llu", (unsigned long long)row->max);
    else if (value_kind(row->kind))
        print_bounds(row, out);
}

static void print_default(const struct setting *row, struct buf *out)
{
    if (row->required)
        (void)buf_add_text(out, "**must be said**");
    else if (row->standard)
        (void)buf_printf(out, "`%s`", row->standard);
    else if (row->unsaid)
        (void)buf_add_text(out, row->unsaid);
}

static void print_row(const struct setting *row, struct buf *out)
{
    (void)buf_printf(out, "| `%s` | ", row->name);
    print_type(row, out);
    (void)buf_add_text(out, " | ");
    print_default(row, out);
    (void)buf_printf(out, " | %s |\n", row->help);
}

/* ---- tables ---- */

static void print_inner_tables(const struct setting_table *table, struct buf *out)
{
    for (const struct setting *row = table->rows; row->name; row++)
        if (row->table)
            print_table(row->table, out);
}

static void print_table(const struct setting_table *table, struct buf *out)
{
    (void)buf_printf(out, table == &settings ? "\n### %s\n\n" : "\n### `%s`\n\n", table->title);
    (void)buf_add_text(out, "| setting | value | default | what for |\n|---|---|---|---|\n");
    for (const struct setting *row = table->rows; row->name; row++)
        if (row->kind != SETTING_LATER)
            print_row(row, out);
    print_inner_tables(table, out);
}

static void print_later(const struct setting_table *table, struct buf *out)
{
    for (const struct setting *row = table->rows; row->name; row++) {
        if (row->kind == SETTING_LATER)
            (void)buf_printf(out, "- `%s%s%s`\n", table == &settings ? "" : table->title,
                             table == &settings ? "" : ".", row->name);
        if (row->table)
            print_later(row->table, out);
    }
}

/* ---- kinds of providers and variables ---- */

static const char *code_or_dash(const char *text, char quote[128])
{
    struct buf buf;

    if (text == NULL)
        return "";
    buf_init(&buf, 120);
    (void)buf_printf(&buf, "`%s`", text);
    memcpy(quote, buf_text(&buf), buf_size(&buf) + 1);
    buf_done(&buf);
    return quote;
}

static void print_kinds(struct buf *out)
{
    (void)buf_add_text(out, "\n## Kinds of providers\n\n"
                            "| `kind` | what | `base_url` | without a file: its key | and its "
                            "address |\n|---|---|---|---|---|\n");
    for (const struct provider_kind *kind = provider_kinds; kind->name; kind++) {
        char url[128];
        char key[128];
        char place[128];

        (void)buf_printf(out, "| `%s` | %s | %s | %s%s | %s |\n", kind->name, kind->title,
                         kind->built_in   ? "in this process"
                         : kind->base_url ? code_or_dash(kind->base_url, url)
                                          : "must be said",
                         code_or_dash(kind->key_variable, key),
                         kind->key_optional && kind->key_variable ? " (may be missing)" : "",
                         code_or_dash(kind->url_variable, place));
    }
    (void)buf_add_text(out,
                       "\nAnything else that speaks OpenAI's language is `kind: openai` with a "
                       "`base_url` of its own.\n");
}

static void print_variables(struct buf *out)
{
    (void)buf_add_text(
        out,
        "\n## Without a file: environment variables\n\n"
        "They are read when no file is given, and only then. Every provider whose key is set "
        "is "
        "there, under the\nname of its kind; `holysheep` becomes the default provider, else "
        "`openai`, else the first of the table above.\nWithout any the built-in demo "
        "answers.\n\n"
        "| variable | setting | what for |\n|---|---|---|\n");
    for (const struct config_variable *row = config_variables; row->name; row++)
        (void)buf_printf(out, "| `%s` | `%s` | %s |\n", row->name, row->setting, row->help);
}

void config_print_reference(struct buf *out)
{
    (void)buf_add_text(out, introduction);
    (void)buf_add_text(out, names);
    (void)buf_add_text(out, "\n## Settings\n");
    print_table(&settings, out);
    print_kinds(out);
    print_variables(out);
    (void)buf_add_text(out, "\n## Not yet in this build\n\nThese are refused by name, so that "
                            "nobody relies on them:\n\n");
    print_later(&settings, out);
}
