/* settings: THE table of everything that can be configured. A setting is a row: its name, what kind of
 * value it takes, where in the snapshot the value goes, its default, its bounds and its help. From these
 * rows come reading and checking (config_read), the printed configuration (config_print), the
 * reference (config_reference) and the schema for editors (config_schema). Adding a setting is adding a
 * row. */
#ifndef CONFIG_SETTINGS_H
#define CONFIG_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum setting_kind {
    /* one value, written as a text; values.c has a row for each */
    SETTING_BOOL,
    SETTING_COUNT,    /* a whole number */
    SETTING_DURATION, /* kept in milliseconds */
    SETTING_DELAY,    /* "p95" of what was seen, or a duration; config.h says how it is kept */
    SETTING_SIZE,     /* kept in bytes */
    SETTING_MONEY,    /* dollars, kept in millionths */
    SETTING_SHARE,    /* 0.2 of something, kept in millionths */
    SETTING_DATE,     /* kept in milliseconds since 1970 */
    SETTING_TEXT,
    SETTING_LABEL, /* visible ASCII: names that others gave, such as models' */
    SETTING_NAME, /* letters, digits, "-", "_", ".": names that stand in addresses and metrics */
    SETTING_ADDRESS, /* HOST:PORT to listen on */
    SETTING_URL,     /* of an upstream; kept without a slash at the end */
    SETTING_HOOK,    /* a URL whose path and query may be a secret */
    SETTING_PROXY,   /* a URL that may hold a password */
    SETTING_FILE,    /* must be readable */
    SETTING_ENUM,
    SETTING_HASH,
    SETTING_SECRET,
    SETTING_PROVIDER_KIND, /* a row of provider_kinds */
    SETTING_PROVIDER,      /* the name of one that is configured */
    SETTING_MODEL,         /* likewise, or an alias */

    /* several values */
    SETTING_OBJECT,  /* `table` says of what */
    SETTING_LIST,    /* of `element` */
    SETTING_MAP,     /* names to objects of `table`; `element` is the kind of the names */
    SETTING_HEADERS, /* names to texts */
    SETTING_PRICE,   /* an object of `table`, or one number for both input and output */

    /* none */
    SETTING_FIXED, /* this build knows the default alone; every other value comes later */
    SETTING_LATER, /* of the contract, but not of this build: refused by name */
};

struct setting {
    const char *name; /* NULL ends a table */
    enum setting_kind kind;
    enum setting_kind element; /* of LIST: of its items; of MAP: of its names */
    size_t offset;             /* where the value goes */
    size_t width;        /* of a number: its bytes; of LIST, MAP, HEADERS: those of an item */
    size_t count_offset; /* of LIST, MAP, HEADERS: where their number goes */
    size_t said_offset;  /* of OBJECT: a bool in it, whether it was said; unsaid is unprinted */
    const char *standard; /* the default as it would be written; NULL: none */
    const char *unsaid;   /* for people: what holds then, when there is no default */
    uint64_t min;
    uint64_t max;             /* of LIST, MAP, HEADERS: how many; of TEXT: how long */
    const char *const *words; /* of ENUM, in the order of their values; ended by NULL */
    const struct setting_table *table;
    bool required;
    bool inherits; /* unsaid it holds SETTING_INHERITED until config_check fills it in */
    const char *help;
};

/* What a number with `inherits` holds meanwhile; cut to the width of the number. */
#define SETTING_INHERITED UINT64_MAX

enum { SETTING_NO_FIELD = -1 };

struct setting_table {
    const char *title; /* for the reference: "models.NAME.targets[]" */
    const struct setting *rows;
    ptrdiff_t name_field; /* where the name of a MAP's item goes */
    ptrdiff_t mark_field; /* where its place in the file goes; or SETTING_NO_FIELD */
};

extern const struct setting_table settings; /* the whole file */
extern const struct setting_table settings_limits;
extern const struct setting_table settings_timeouts;
extern const struct setting_table settings_provider_timeouts;
extern const struct setting_table settings_fallback_on;
extern const struct setting_table settings_price_file; /* of struct config_price_file */

/* The row of that name, or NULL. */
const struct setting *setting_find(const struct setting_table *table, const char *name);

#endif
