/* The scanner against yyjson: both accept the same texts, and find the same members in them. And against
 * itself, when the text comes in pieces. */
#include "base/json.h"
#include "base/limits.h"
#include "llm/scan.h"
#include "llm/scan_long.h"
#include "llm/scan_walk.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

enum { FIELD_COUNT = 4 };

static const char *const names[FIELD_COUNT] = { "model", "stream", "a", "" };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* Two exemptions: the scanner refuses numbers of more digits than the limit, and yyjson takes a 0
 * with an exponent of 19 digits for something infinite. */
static bool is_exempt(struct span text)
{
    size_t digits = 0;

    for (size_t i = 0; i < text.size; i++) {
        digits = text.at[i] >= '0' && text.at[i] <= '9' ? digits + 1 : 0;
        if (digits >= 19)
            return true;
    }
    return text.size > LIMIT_JSON_NUMBER_BYTES;
}

/* What comes in two pieces, cut anywhere, is what came in one. */
static void compare_long(struct span text, size_t cut)
{
    struct scan_field ours[FIELD_COUNT];
    struct scan_field theirs[FIELD_COUNT];
    struct scan_result our_result = { 0 };
    struct scan_result their_result = { 0 };
    struct scan_long scan;

    for (size_t i = 0; i < FIELD_COUNT; i++)
        ours[i] = theirs[i] = (struct scan_field){ .name = names[i] };
    scan_long_begin(&scan, ours, FIELD_COUNT);
    scan_long_more(&scan, span_first(text, cut));
    assert(scan_long_end(&scan, text, &our_result) ==
           scan_object(text, theirs, FIELD_COUNT, &their_result));
    assert(our_result.error_at == their_result.error_at);
    assert(our_result.inside == their_result.inside && our_result.empty == their_result.empty);
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        assert(ours[i].raw.at == theirs[i].raw.at && ours[i].raw.size == theirs[i].raw.size);
        assert(ours[i].raw.at == NULL || ours[i].kind == theirs[i].kind);
    }
}

/* Walking the raw value must meet as many items as yyjson's has. */
static void compare_walk(struct span raw, const struct json *value)
{
    struct scan_item item;
    size_t count = 0;
    size_t at = 0;

    while (scan_next(raw, &at, &item))
        count++;
    assert(count == json_count(value));
}

static size_t count_all(const struct json *value)
{
    enum json_kind kind = json_kind(value);
    size_t count = 0;

    for (size_t i = 0; (kind == JSON_OBJECT || kind == JSON_ARRAY) && i < json_count(value);
         i++) {
        struct span key;
        const struct json *item =
            kind == JSON_OBJECT ? json_member_at(value, i, &key) : json_item(value, i);

        count += 1 + count_all(item);
    }
    return count;
}

/* Walking through all of it, too. */
static void compare_deep_walk(struct span raw, const struct json *value)
{
    struct scan_walk walk = scan_walk(raw);
    struct scan_item item;
    size_t count = 0;
    size_t front = 0;
    unsigned depth;

    for (; scan_walk_next(&walk, &item, &depth); count++)
        front += depth == 1;
    assert(front == json_count(value) && count == count_all(value));
    assert(scan_walk_whole(&walk));
}

static void compare_field(const struct scan_field *field, const struct json *value,
                          struct arena *arena)
{
    struct span text;

    assert((field->raw.at != NULL) == (value != NULL));
    if (value == NULL)
        return;
    assert(field->kind == json_kind(value));
    if (json_read_string(value, &text))
        assert(span_equal(text, scan_string(field->raw, arena)));
    if (field->kind == JSON_ARRAY || field->kind == JSON_OBJECT) {
        compare_walk(field->raw, value);
        compare_deep_walk(field->raw, value);
    }
}

static void compare_object(struct span text, const struct json *root, struct arena *arena)
{
    struct scan_field fields[FIELD_COUNT];
    struct scan_result result;
    enum err err;

    for (size_t i = 0; i < FIELD_COUNT; i++)
        fields[i] = (struct scan_field){ .name = names[i] };
    err = scan_object(text, fields, FIELD_COUNT, &result);
    assert((err == ERR_TYPE) == (json_kind(root) != JSON_OBJECT));
    if (err == ERR_TYPE || err == ERR_DUPLICATE)
        return;
    assert(err == ERR_OK && result.empty == (json_count(root) == 0));
    assert(text.at[result.inside - 1] == '{');
    for (size_t i = 0; i < FIELD_COUNT; i++)
        compare_field(&fields[i], json_member(root, names[i]), arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct span text = span_make((const char *)bytes, size);
    struct json_doc *doc = NULL;
    struct scan_result result;
    struct arena arena;
    enum err theirs = json_parse(text, &doc);
    enum err ours = scan_value(text, &result);

    assert(result.error_at <= size);
    compare_long(text, size ? bytes[size / 2] * size / 255 : 0);
    compare_long(text, size / 2);
    arena_init(&arena);
    if (!is_exempt(text))
        assert((ours == ERR_OK) == (theirs == ERR_OK));
    if (ours == ERR_OK && theirs == ERR_OK)
        compare_object(text, json_root(doc), &arena);
    json_free(doc);
    arena_done(&arena);
    return 0;
}
