/* values: one row for each kind of single value: how its text is read into the snapshot and written
 * again, and how it is described. */
#ifndef CONFIG_VALUES_H
#define CONFIG_VALUES_H

#include "base/arena.h"
#include "base/buf.h"
#include "config/settings.h"

struct value_kind {
    const char *title;   /* "duration" */
    const char *article; /* "a duration" */
    const char *right;   /* what would be right: "write 30s, 500ms, 5m or 1h" */
    const char *pattern; /* for the schema: of its text; NULL: any */
    const char
        *plain;  /* for the schema: the JSON type of a value without quotes; NULL: string */
    bool hidden; /* never shown: not in messages, and *** when printed */

    /* One of these three families, `read` and `print` being the general one. */
    bool (*read_number)(struct span text, uint64_t *ret);
    void (*print_number)(uint64_t value, struct buf *out);
    bool (*fits)(struct span text);
    bool (*read)(const struct setting *row, struct span text, void *slot,
                 struct buf *ret_problem);
    void (*print)(const struct setting *row, const void *slot, struct buf *out);
};

/* The row of a kind that takes one value; NULL for the others. */
const struct value_kind *value_kind(enum setting_kind kind);

/* Reads `text` as a `kind` within the bounds of `row` into `slot`. Texts are copied into the arena; a
 * secret is on the heap. False: nothing was written, and `ret_problem` got a sentence, such as
 * `"30" is not a duration; write 30s, 500ms, 5m or 1h`. */
bool value_read(enum setting_kind kind, const struct setting *row, struct span text,
                struct arena *arena, void *slot, struct buf *ret_problem);

/* Writes the value as YAML; nothing when there is none. */
void value_print(enum setting_kind kind, const struct setting *row, const void *slot,
                 struct buf *out);

/* Writes a text as YAML, in quotes where it needs them, so that it is read back as it was. */
void value_print_text(struct span text, struct buf *out);
/* The same for a key, which is never expanded. */
void value_print_key(struct span text, struct buf *out);

/* Numbers in fields of 1, 4 or 8 bytes. Storing SETTING_INHERITED sets every bit. */
void value_store(void *slot, size_t width, uint64_t value);
uint64_t value_load(const void *slot, size_t width);
bool value_inherited(const void *slot, size_t width);

#endif
