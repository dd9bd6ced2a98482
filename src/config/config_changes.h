/* config_changes: what was set in a running gateway, on top of what the file says.
 *
 *     file, or environment --> nodes --+--> snapshot
 *     changes: path -> value ----------+
 *
 * A change is put into the tree before the tree is read, so it is checked as a line of the file would be,
 * and is in force, or refused, with the whole of it. It remembers what the file said in its place: once
 * the file says something else there, the change is over. Whoever edits the file wins. */
#ifndef CONFIG_CONFIG_CHANGES_H
#define CONFIG_CONFIG_CHANGES_H

#include "base/span.h"

#include <stdbool.h>
#include <stddef.h>

/* Each text is its own block; the value may be a key, so it is wiped when freed. */
struct config_change {
    char *
        path; /* JSON, a list of names: ["models","gpt-4.1","split"]; an item of a list goes by its
                  * `name`, a target without one by its `provider` */
    char *
        value; /* JSON, written by base/json.h; it means itself: ${NAME} stands for nothing in it */
    char *base; /* a digest of what the file said there; NULL: not looked at yet */
    bool over;  /* the file says something else there by now, or has no such place */
};

/* In the order in which they were made. All zero is none. */
struct config_changes {
    struct config_change *items;
    size_t count;
};

void config_changes_done(struct config_changes *changes);

/* Sets the value at that path: in place of an older change of the same path, or as a new one. base.at ==
 * NULL: it is looked at when a configuration is read with it. */
void config_changes_put(struct config_changes *changes, struct span path, struct span value,
                        struct span base);

/* Forgets the change of that path, if there is one, and those of paths inside it. */
void config_changes_drop(struct config_changes *changes, struct span path);

/* Forgets those that are over. */
void config_changes_prune(struct config_changes *changes);

/* NULL: there is none of that path. */
const struct config_change *config_changes_find(const struct config_changes *changes,
                                                struct span path);

/* Makes `ret` an independent copy. */
void config_changes_copy(const struct config_changes *changes, struct config_changes *ret);

struct node_tree;
struct reporter;

/* Puts them into the tree of a configuration, and looks at what it says in their places. For config.c. */
void config_changes_apply(struct config_changes *changes, struct node_tree *tree,
                          struct reporter *reporter);

#endif
