#include "llm/members.h"

#include <assert.h>

bool request_wrong(struct request_reading *reading, const char *param, const char *message)
{
    *reading->problem = (struct chat_problem){ "invalid_value", message, param };
    return false;
}

bool request_wrong_kind(struct request_reading *reading, const char *param, const char *right)
{
    return request_wrong(reading, param,
                         arena_printf(reading->arena, "`%s` must be %s.", param, right));
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

bool request_skip(struct request_reading *reading, const struct scan_item *value)
{
    (void)reading;
    (void)value;
    return true;
}

void request_add_stop(struct request_reading *reading, struct span raw, struct text ***end)
{
    struct text *stop = arena_zero(reading->arena, sizeof(*stop));

    stop->raw = raw;
    **end = stop;
    *end = &stop->next;
}

bool request_is_base64(struct span data)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";
    bool known[256] = { false };
    bool fine = data.size > 0;

    for (size_t i = 0; i + 1 < sizeof(alphabet); i++)
        known[(unsigned char)alphabet[i]] = true;
    for (size_t i = 0; i < data.size; i++)
        fine = fine && known[(unsigned char)data.at[i]];
    return fine;
}

struct span request_media(struct span media)
{
    return span_is_nocase(media, "image/jpg") ? SPAN_OF("image/jpeg") : media;
}

/* ---- the rows ---- */

static const struct member_row *find_row(const struct member_table *table, struct span key)
{
    for (size_t i = 0; i < table->count; i++)
        if (table->is ? table->is(key, table->rows[i].name)
                      : scan_key_is(key, table->rows[i].name))
            return &table->rows[i];
    return NULL;
}

static bool neutral(const struct member_row *row, struct span raw)
{
    for (size_t i = 0; i < MEMBER_NEUTRALS_MAX && row->neutral[i]; i++)
        if (span_is(raw, row->neutral[i]))
            return true;
    return false;
}

/* As the client knows it. */
static const char *full_name(const struct request_reading *reading,
                             const struct member_table *table, const char *name)
{
    return table->prefix ? arena_texts(reading->arena, table->prefix, name, NULL) : name;
}

static bool read_plain(struct request_reading *reading, const struct member_table *table,
                       const struct member_row *row, const struct scan_item *item)
{
    static const char *const kinds[] = {
        [JSON_NULL] = "null",       [JSON_BOOL] = "true or false", [JSON_NUMBER] = "a number",
        [JSON_STRING] = "a string", [JSON_ARRAY] = "an array",     [JSON_OBJECT] = "an object",
    };

    if (item->kind != row->kind)
        return request_wrong_kind(reading, full_name(reading, table, row->name),
                                  kinds[row->kind]);
    if (neutral(row, item->raw))
        return true;
    if (row->param == PARAMS)
        request_peculiar(reading, full_name(reading, table, row->name), row->hint);
    else
        reading->to->params[row->param] = item->raw;
    return true;
}

static bool read_member(struct request_reading *reading, const struct member_table *table,
                        const struct member_row *row, const struct scan_item *item)
{
    if (item->kind == JSON_NULL)
        return true;
    if (row == NULL) {
        const char *name = arena_text(reading->arena, scan_string(item->key, reading->arena));

        request_peculiar(reading, full_name(reading, table, name), false);
        return true;
    }
    return row->read ? row->read(reading, item) : read_plain(reading, table, row, item);
}

/* A key that has a row stands twice: which one counts would depend on the reader. */
static bool duplicate(struct request_reading *reading, const char *name)
{
    reading->problem->code = "duplicate_key";
    reading->problem->param = name;
    reading->problem->message = arena_printf(
        reading->arena, "`%s` stands more than once in the request body. Send it once.", name);
    return false;
}

bool members_read_object(struct request_reading *reading, const struct member_table *table,
                         struct span object)
{
    struct scan_item item;
    uint64_t seen = 0;
    size_t at = 0;

    assert(table->count <= 64);
    while (scan_next(object, &at, &item)) {
        const struct member_row *row = find_row(table, item.key);
        uint64_t bit = row ? UINT64_C(1) << (row - table->rows) : 0;

        if (seen & bit)
            return duplicate(reading, full_name(reading, table, row->name));
        seen |= bit;
        if (!read_member(reading, table, row, &item))
            return false;
    }
    return true;
}

bool members_read(const struct chat *chat, const struct member_table *table,
                  struct arena *arena, struct conversation *ret,
                  struct chat_problem *ret_problem)
{
    struct request_reading reading = { arena, ret, &ret->peculiar, ret_problem };

    *ret = (struct conversation){ .stream = chat->stream };
    return members_read_object(&reading, table, chat->body);
}
