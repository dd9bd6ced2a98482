#include "config/config_read.h"

#include "config/forms.h"
#include "config/values.h"

#include <assert.h>
#include <string.h>

enum { ROWS_MAX = 32 };

static bool read_setting(struct reading *reading, const struct setting *row,
                         const struct node *node, char *base);

static const char *noun(enum node_kind kind)
{
    switch (kind) {
    case NODE_TEXT: return "a single value";
    case NODE_LIST: return "a list";
    case NODE_MAP: return "a map";
    }
    return "";
}

static bool is_kind(struct reading *reading, const struct node *node, enum node_kind kind)
{
    if (node->kind == kind)
        return true;
    if (node->kind == NODE_TEXT && node->text_size == 0)
        report_error(reading->reporter, node, "has no value; remove it, or write %s",
                     noun(kind));
    else
        report_error(reading->reporter, node, "is %s; write %s", noun(node->kind), noun(kind));
    return false;
}

/* ---- one value ---- */

static void refer(struct reading *reading, enum setting_kind kind, const struct node *node,
                  void *slot)
{
    struct arena *arena = &reading->config->arena;
    struct reference *reference = arena_zero(arena, sizeof(*reference));

    reference->kind = kind;
    reference->node = node;
    reference->name = arena_copy(arena, expansion_span(&reading->text));
    reference->slot = slot;
    if (reading->last_reference)
        reading->last_reference->next = reference;
    else
        reading->first_reference = reference;
    reading->last_reference = reference;
}

/* False when nothing was said, or nothing good. A value that is brought from elsewhere may be empty:
 * then nothing was said. */
static bool read_value(struct reading *reading, enum setting_kind kind,
                       const struct setting *row, const struct node *node, void *slot)
{
    struct span text;

    if (!is_kind(reading, node, NODE_TEXT))
        return false;
    if (node->text_size == 0) {
        report_error(reading->reporter, node, "has no value; remove it, or give it one");
        return false;
    }
    if (!expand(node, reading->reporter, &reading->text))
        return false;
    text = expansion_span(&reading->text);
    if (text.size == 0)
        return false;
    if (kind == SETTING_PROVIDER || kind == SETTING_MODEL) {
        refer(reading, kind, node, slot);
        return true;
    }
    buf_reset(&reading->problem);
    if (value_read(kind, row, text, &reading->config->arena, slot, &reading->problem))
        return true;
    report_error(reading->reporter, node, "%s", buf_text(&reading->problem));
    return false;
}

/* ---- objects ---- */

static void set_default(struct reading *reading, const struct setting *row, char *base)
{
    bool fine;

    if (row->inherits)
        value_store(base + row->offset, row->width, SETTING_INHERITED);
    if (row->standard == NULL || row->kind == SETTING_FIXED)
        return;
    fine = value_read(row->kind, row, span_from(row->standard), &reading->config->arena,
                      base + row->offset, &reading->problem);
    assert(fine);
}

static void set_defaults(struct reading *reading, const struct setting_table *table, char *base)
{
    for (const struct setting *row = table->rows; row->name; row++) {
        set_default(reading, row, base);
        if (row->kind == SETTING_OBJECT)
            set_defaults(reading, row->table, base + row->offset);
    }
}

static const struct setting *row_of(struct reading *reading, const struct setting_table *table,
                                    const struct node *node)
{
    struct nearest nearest = nearest_to(node->key);

    for (const struct setting *row = table->rows; row->name; row++) {
        if (span_is(node->key, row->name))
            return row;
        if (row->kind != SETTING_LATER)
            nearest_offer(&nearest, span_from(row->name));
    }
    report_key_error(
        reading->reporter, node, "there is no such setting%s",
        nearest_hint(&nearest, "; conf/README.md lists those that there are").text);
    return NULL;
}

static bool read_object(struct reading *reading, const struct setting_table *table,
                        const struct node *node, char *base)
{
    bool said[ROWS_MAX] = { false };
    const struct setting *row;

    if (!is_kind(reading, node, NODE_MAP))
        return false;
    if (table->mark_field != SETTING_NO_FIELD)
        memcpy(base + table->mark_field, &node->mark, sizeof(node->mark));
    for (const struct node *child = node->first; child; child = child->next) {
        uint32_t errors = reading->reporter->report->errors;

        row = row_of(reading, table, child);
        assert(row == NULL || row - table->rows < ROWS_MAX);
        if (row)
            said[row - table->rows] = read_setting(reading, row, child, base) ||
                                      reading->reporter->report->errors > errors;
    }
    for (row = table->rows; row->name; row++)
        if (row->required && !said[row - table->rows])
            report_error(reading->reporter, node, "%s is missing; add it. %s", row->name,
                         row->help);
    return true;
}

static bool read_inner(struct reading *reading, const struct setting *row,
                       const struct node *node, char *slot)
{
    if (row->said_offset)
        value_store(slot + row->said_offset, sizeof(bool), true);
    return read_object(reading, row->table, node, slot);
}

/* ---- several values ---- */

/* Room for as many items as the node has children, and their number; NULL when there are too many. */
static char *make_items(struct reading *reading, const struct setting *row,
                        const struct node *node, char *base)
{
    size_t bytes = row->width * (node->count ? node->count : 1);
    void *items;

    if (node->count > row->max || node->count < row->min) {
        report_error(reading->reporter, node, "has %zu items; write from %llu to %llu",
                     node->count, (unsigned long long)row->min, (unsigned long long)row->max);
        return NULL;
    }
    items = arena_zero(&reading->config->arena, bytes);
    memcpy(base + row->offset, &items, sizeof(items));
    return items;
}

static void set_count(const struct setting *row, char *base, size_t count)
{
    memcpy(base + row->count_offset, &count, sizeof(count));
}

static bool read_item(struct reading *reading, const struct setting *row,
                      const struct node *node, char *slot)
{
    if (row->element != SETTING_OBJECT)
        return read_value(reading, row->element, row, node, slot);
    set_defaults(reading, row->table, slot);
    return read_object(reading, row->table, node, slot);
}

static bool read_list(struct reading *reading, const struct setting *row,
                      const struct node *node, char *base)
{
    char *items;
    size_t count = 0;

    if (!is_kind(reading, node, NODE_LIST))
        return false;
    items = make_items(reading, row, node, base);
    if (items == NULL)
        return false;
    for (const struct node *child = node->first; child; child = child->next)
        if (read_item(reading, row, child, items + count * row->width))
            set_count(row, base, ++count);
    return true;
}

/* The name of a map's item: its key, never expanded. */
static bool read_name(struct reading *reading, const struct setting *row,
                      const struct node *node, void *slot)
{
    static const struct setting any = { .name = "name" };

    if (node->key.size == 0) {
        report_key_error(reading->reporter, node, "the name is empty; give it one");
        return false;
    }
    buf_reset(&reading->problem);
    if (value_read(row->element, &any, node->key, &reading->config->arena, slot,
                   &reading->problem))
        return true;
    report_key_error(reading->reporter, node, "%s", buf_text(&reading->problem));
    return false;
}

static bool read_map(struct reading *reading, const struct setting *row,
                     const struct node *node, char *base)
{
    char *item;
    size_t count = 0;

    if (!is_kind(reading, node, NODE_MAP))
        return false;
    item = make_items(reading, row, node, base);
    if (item == NULL)
        return false;
    for (const struct node *child = node->first; child; child = child->next) {
        if (!read_name(reading, row, child, item + row->table->name_field))
            continue;
        set_defaults(reading, row->table, item);
        (void)read_object(reading, row->table, child, item);
        if (child->key_mark.line)
            memcpy(item + row->table->mark_field, &child->key_mark, sizeof(child->key_mark));
        set_count(row, base, ++count);
        item += row->width;
    }
    return true;
}

/* The gateway's own business: hop by hop, or written from other settings. */
static const char *const headers_refused[] = {
    "host",
    "content-length",
    "transfer-encoding",
    "connection",
    "keep-alive",
    "te",
    "trailer",
    "upgrade",
    "expect",
    "content-type",
    "accept",
    "accept-encoding",
    "authorization",
    "x-api-key",
    "api-key",
    "x-goog-api-key",
    NULL,
};

static bool check_header_name(struct reading *reading, const struct node *node)
{
    bool refused = false;

    for (size_t i = 0; headers_refused[i]; i++)
        refused = refused || span_is_nocase(node->key, headers_refused[i]);
    if (refused)
        report_key_error(
            reading->reporter, node, "this header is the gateway's own; remove it%s",
            span_ends(node->key, "ey") || span_is_nocase(node->key, "authorization")
                ? " (keys go under keys)"
                : "");
    else if (!form_is_token(node->key))
        report_key_error(reading->reporter, node, "\"%s\" is not the name of a header",
                         quoted(node->key).text);
    return !refused && form_is_token(node->key);
}

static bool is_second(const struct config_headers *headers, struct span name)
{
    for (size_t i = 0; i < headers->count; i++)
        if (span_is_nocase(name, headers->items[i].name))
            return true;
    return false;
}

static bool read_headers(struct reading *reading, const struct setting *row,
                         const struct node *node, char *base)
{
    static const struct setting value = { .name = "value", .max = 4096 };
    struct config_headers headers = { 0 };

    if (!is_kind(reading, node, NODE_MAP) || !make_items(reading, row, node, base))
        return false;
    headers.items = *(struct config_header **)(void *)(base + row->offset);
    for (const struct node *child = node->first; child; child = child->next) {
        struct config_header *header = &headers.items[headers.count];

        if (!check_header_name(reading, child))
            continue;
        if (is_second(&headers, child->key)) {
            report_key_error(reading->reporter, child, "this header stands twice; remove one");
            continue;
        }
        header->name = arena_text(&reading->config->arena, child->key);
        if (read_value(reading, SETTING_TEXT, &value, child, &header->value))
            set_count(row, base, ++headers.count);
    }
    return true;
}

static bool read_price(struct reading *reading, const struct setting *row,
                       const struct node *node, char *base)
{
    struct price *price = (struct price *)(void *)(base + row->offset);
    const struct setting *input = setting_find(row->table, "input");

    set_defaults(reading, row->table, (char *)price);
    if (node->kind == NODE_MAP) {
        price->known = read_object(reading, row->table, node, (char *)price);
    } else if (read_value(reading, SETTING_MONEY, input, node, &price->rates.input)) {
        price->rates.output = price->rates.input;
        price->known = true;
    }
    return price->known;
}

static bool read_fixed(struct reading *reading, const struct setting *row,
                       const struct node *node)
{
    if (!is_kind(reading, node, NODE_TEXT) || !expand(node, reading->reporter, &reading->text))
        return false;
    if (span_is(expansion_span(&reading->text), row->standard))
        return true;
    report_error(reading->reporter, node,
                 "this build does not implement other values than %s yet; remove it",
                 row->standard);
    return false;
}

/* ---- any of them ---- */

static bool read_setting(struct reading *reading, const struct setting *row,
                         const struct node *node, char *base)
{
    char *slot = base + row->offset;

    switch (row->kind) {
    case SETTING_OBJECT: return read_inner(reading, row, node, slot);
    case SETTING_LIST: return read_list(reading, row, node, base);
    case SETTING_MAP: return read_map(reading, row, node, base);
    case SETTING_HEADERS: return read_headers(reading, row, node, base);
    case SETTING_PRICE: return read_price(reading, row, node, base);
    case SETTING_FIXED: return read_fixed(reading, row, node);
    case SETTING_LATER:
        report_key_error(reading->reporter, node,
                         "this build does not implement it yet; remove it");
        return false;
    case SETTING_BOOL:
    case SETTING_COUNT:
    case SETTING_DURATION:
    case SETTING_DELAY:
    case SETTING_SIZE:
    case SETTING_MONEY:
    case SETTING_SHARE:
    case SETTING_DATE:
    case SETTING_TEXT:
    case SETTING_LABEL:
    case SETTING_NAME:
    case SETTING_ADDRESS:
    case SETTING_URL:
    case SETTING_HOOK:
    case SETTING_PROXY:
    case SETTING_FILE:
    case SETTING_ENUM:
    case SETTING_HASH:
    case SETTING_SECRET:
    case SETTING_PROVIDER_KIND:
    case SETTING_PROVIDER:
    case SETTING_MODEL: return read_value(reading, row->kind, row, node, slot);
    }
    return false;
}

void config_read(struct reading *reading)
{
    config_read_as(reading, &settings, (char *)reading->config);
}

void config_read_as(struct reading *reading, const struct setting_table *table, char *base)
{
    buf_init(&reading->problem, 4096);
    set_defaults(reading, table, base);
    (void)read_object(reading, table, reading->root, base);
    buf_done(&reading->problem);
    expansion_wipe(&reading->text);
}
