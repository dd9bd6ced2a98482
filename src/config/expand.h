/* expand: what a text of the configuration stands for.
 *
 *     ${NAME}            the environment variable; not set: an error
 *     ${NAME:-default}   the default when it is not set or empty
 *     $$                 a dollar
 *     file:/path         the content of a file, without the line break at its end
 *
 * Only values are expanded, after the YAML was read, so nothing that stands in a variable can add
 * structure; and what was put in is not expanded again. */
#ifndef CONFIG_EXPAND_H
#define CONFIG_EXPAND_H

#include "config/node.h"
#include "config/report.h"

enum { EXPANSION_BYTES_MAX = 16 * 1024 };

/* One value, in memory that can be wiped: it may be a key. */
struct expansion {
    char bytes[EXPANSION_BYTES_MAX];
    size_t size;
    bool too_long;
};

/* Puts the value of a text node into `ret`. False: reported. */
bool expand(const struct node *node, struct reporter *reporter, struct expansion *ret);

struct span expansion_span(const struct expansion *expansion);
void expansion_wipe(struct expansion *expansion);

#endif
