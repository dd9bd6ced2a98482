/* The effective configuration, along the settings table, as YAML that reads back to the same. */
#include "config/config.h"
#include "config/settings.h"
#include "config/values.h"

#include <string.h>

enum { PRINTED_BYTES_MAX = 64 * 1024 * 1024 };

struct printer {
    struct buf *out;
    unsigned depth;
    bool dash; /* the next line begins an item of a list */
};

static void print_object(struct printer *printer, const struct setting_table *table,
                         const char *base);

/* Begins a line: "      - " or as many spaces. */
static void begin_line(struct printer *printer)
{
    for (unsigned i = printer->dash ? 1 : 0; i < printer->depth; i++)
        (void)buf_add_text(printer->out, "  ");
    if (printer->dash)
        (void)buf_add_text(printer->out, "- ");
    printer->dash = false;
}

static void begin_key(struct printer *printer, struct span key)
{
    begin_line(printer);
    value_print_key(key, printer->out);
    (void)buf_add_byte(printer->out, ':');
}

/* Ends what begin_key() began, or takes it back when nothing was printed since `value`. */
static void end_key(struct printer *printer, const struct printer *before, size_t start,
                    size_t value)
{
    if (printer->out->end > value)
        return;
    *printer = *before;
    printer->out->end = start;
}

static const char *pointer_at(const char *base, size_t offset)
{
    const char *pointer;

    memcpy(&pointer, base + offset, sizeof(pointer));
    return pointer;
}

static size_t count_at(const char *base, const struct setting *row)
{
    size_t count;

    memcpy(&count, base + row->count_offset, sizeof(count));
    return count;
}

/* A number without a default is not said while it is 0; nor is what would follow from another setting
 * that was not said either. */
static bool unsaid(const struct setting *row, const char *slot)
{
    if (row->inherits && value_inherited(slot, row->width))
        return true;
    return value_kind(row->kind)->print_number && row->standard == NULL && !row->inherits &&
           value_load(slot, row->width) == 0;
}

static void print_value(struct printer *printer, const struct setting *row, const char *slot)
{
    size_t start = printer->out->end;

    if (unsaid(row, slot))
        return;
    (void)buf_add_byte(printer->out, ' ');
    value_print(row->kind, row, slot, printer->out);
    if (printer->out->end == start + 1)
        printer->out->end = start;
    else
        (void)buf_add_byte(printer->out, '\n');
}

static void print_list(struct printer *printer, const struct setting *row, const char *base)
{
    const char *items = pointer_at(base, row->offset);
    size_t count = count_at(base, row);

    if (count == 0 && items)
        (void)buf_add_text(printer->out, " []\n"); /* said to be none: not the same as unsaid */
    else if (count)
        (void)buf_add_byte(printer->out, '\n');
    printer->depth++;
    for (size_t i = 0; i < count; i++) {
        printer->depth++;
        printer->dash = true;
        if (row->element == SETTING_OBJECT) {
            print_object(printer, row->table, items + i * row->width);
        } else {
            begin_line(printer);
            value_print(row->element, row, items + i * row->width, printer->out);
            (void)buf_add_byte(printer->out, '\n');
        }
        printer->depth--;
    }
    printer->depth--;
}

static void print_map(struct printer *printer, const struct setting *row, const char *base)
{
    const char *item = pointer_at(base, row->offset);
    size_t count = count_at(base, row);

    if (count)
        (void)buf_add_byte(printer->out, '\n');
    printer->depth++;
    for (size_t i = 0; i < count; i++, item += row->width) {
        begin_key(printer, span_from(pointer_at(item, (size_t)row->table->name_field)));
        (void)buf_add_byte(printer->out, '\n');
        printer->depth++;
        print_object(printer, row->table, item);
        printer->depth--;
    }
    printer->depth--;
}

/* Their values may be credentials. */
static void print_headers(struct printer *printer, const struct setting *row, const char *base)
{
    const char *items = pointer_at(base, row->offset);
    size_t count = count_at(base, row);

    if (count)
        (void)buf_add_byte(printer->out, '\n');
    printer->depth++;
    for (size_t i = 0; i < count; i++) {
        begin_key(printer, span_from(pointer_at(items + i * row->width,
                                                offsetof(struct config_header, name))));
        (void)buf_add_text(printer->out, " \"***\"\n");
    }
    printer->depth--;
}

static void print_inner(struct printer *printer, const struct setting_table *table,
                        const char *base)
{
    size_t start = printer->out->end;

    (void)buf_add_byte(printer->out, '\n');
    printer->depth++;
    print_object(printer, table, base);
    printer->depth--;
    if (printer->out->end == start + 1)
        printer->out->end = start;
}

static void print_price(struct printer *printer, const struct setting *row, const char *slot)
{
    struct price price;

    memcpy(&price, slot, sizeof(price));
    if (price.known)
        print_inner(printer, row->table, slot);
}

static void print_setting(struct printer *printer, const struct setting *row, const char *base)
{
    const char *slot = base + row->offset;

    if (row->kind == SETTING_OBJECT && row->said_offset &&
        !value_load(slot + row->said_offset, sizeof(bool)))
        return;
    if (row->kind == SETTING_OBJECT)
        print_inner(printer, row->table, slot);
    else if (row->kind == SETTING_LIST)
        print_list(printer, row, base);
    else if (row->kind == SETTING_MAP)
        print_map(printer, row, base);
    else if (row->kind == SETTING_HEADERS)
        print_headers(printer, row, base);
    else if (row->kind == SETTING_PRICE)
        print_price(printer, row, slot);
    else if (row->kind == SETTING_FIXED)
        (void)buf_printf(printer->out, " %s\n", row->standard);
    else if (row->kind != SETTING_LATER)
        print_value(printer, row, slot);
}

static void print_object(struct printer *printer, const struct setting_table *table,
                         const char *base)
{
    for (const struct setting *row = table->rows; row->name; row++) {
        struct printer before = *printer;
        size_t start = printer->out->end;
        size_t value;

        begin_key(printer, span_from(row->name));
        value = printer->out->end;
        print_setting(printer, row, base);
        end_key(printer, &before, start, value);
    }
}

void config_print(const struct config *config, struct buf *out)
{
    struct buf text; /* of its own, so that places in it stay what they are */
    struct printer printer = { .out = &text };

    buf_init(&text, PRINTED_BYTES_MAX);
    print_object(&printer, &settings, (const char *)config);
    (void)buf_add(out, buf_span(&text));
    buf_done(&text);
}
