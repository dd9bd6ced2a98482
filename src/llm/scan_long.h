/* scan_long: scan_object() for a text that is long and still coming.
 *
 * To look at 32 MB takes many milliseconds, in which nobody else is served. So each piece is looked at
 * when it has come, once, while it is warm; at the end there is nothing left to do:
 *
 *     scan_long_begin()   scan_long_more() ... scan_long_more()   scan_long_end()
 *
 * It says what scan_object() says. What is wrong with a text is left to that one to find out, at the end
 * and in one go: there its exact words are made, and such texts are rare. */
#ifndef LLM_SCAN_LONG_H
#define LLM_SCAN_LONG_H

#include "base/err.h"
#include "base/span.h"
#include "llm/scan.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SCAN_LONG_FIELDS_MAX = 16 };

/* Who wants to see all that goes past; `raw` is lent for the call. */
struct scan_watch {
    /* A piece of the string that comes: whole characters, as they are spelt. */
    void (*on_piece)(struct scan_watch *watch, struct span piece);

    /* A string has ended: all of it, with its quotes. `key`: it is the name of a member. It stands in so
     * many containers. */
    void (*on_string)(struct scan_watch *watch, struct span raw, bool key, unsigned depth);

    /* The value of a member of the top level has ended. */
    void (*on_member)(struct scan_watch *watch, size_t size);
};

/* The rest is for scan_long.c. All places are offsets, as the text may move between two calls. */
struct scan_long {
    struct scan_field *fields;
    size_t count;
    size_t at;      /* all that stands in front of it is sound */
    unsigned state; /* what may stand there */
    uint64_t
        objects;    /* what is open: a bit each, 1 for an object, the innermost is the lowest */
    unsigned depth; /* how many are */
    bool in_string; /* `at` stands in one */
    bool lost;      /* something is not as it should be: scan_object() will say what */
    size_t string_at;         /* the string that is read, or was */
    size_t value_at;          /* the value of the member of the top level that is read */
    struct scan_field *field; /* that it is; NULL: nobody asked for it */
    size_t begin[SCAN_LONG_FIELDS_MAX];
    size_t end[SCAN_LONG_FIELDS_MAX]; /* 0: absent */
    size_t inside;
    bool empty;
    struct scan_watch *watch; /* set it after the beginning; NULL: nobody watches */
};

/* Borrows `fields` until the end. */
void scan_long_begin(struct scan_long *scan, struct scan_field *fields, size_t count);

/* `text` is all that has come so far: more than the last time, and the same at the front. */
void scan_long_more(struct scan_long *scan, struct span text);

/* This is the whole text. Fills the fields and `ret`, and answers as scan_object() does. */
enum err scan_long_end(struct scan_long *scan, struct span text, struct scan_result *ret);

#endif
