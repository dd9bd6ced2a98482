/* node: the tree of a configuration, free of any YAML library: maps, lists and texts, each of which
 * knows where it was written and what it is called.
 *
 * A tree comes from a file (config_yaml.h) or is put together from the environment; what reads it
 * cannot tell the difference. Everything in it lives until node_tree_done(), which also overwrites
 * the texts, because keys may stand among them. */
#ifndef CONFIG_NODE_H
#define CONFIG_NODE_H

#include "base/arena.h"
#include "config/config.h"

enum node_kind { NODE_TEXT, NODE_LIST, NODE_MAP };

struct node {
    enum node_kind kind;
    struct config_mark mark;     /* where the value begins */
    struct config_mark key_mark; /* where its key does; line 0: it has none */
    const char *variable;        /* the environment variable that said it; NULL: the file did */
    bool literal;                /* the text means itself: no ${NAME} is looked for */
    struct span key;             /* in a map */
    size_t index;                /* in a list or map: 0, 1, 2 … */
    char *text;                  /* NODE_TEXT; a NUL stands behind it */
    size_t text_size;
    size_t count; /* of children */
    struct node *parent;
    struct node *first;
    struct node *last;
    struct node *next;
    struct node *made_before; /* all nodes of the tree, for the wiping */
};

struct node_tree {
    struct arena arena;
    struct node *newest;
    struct node *root; /* NULL: there is nothing in it */
};

void node_tree_init(struct node_tree *tree);
void node_tree_done(struct node_tree *tree);

/* Lends a node of its own; node_adopt() gives it a place. */
struct node *node_make(struct node_tree *tree, enum node_kind kind, struct config_mark mark);
void node_set_text(struct node_tree *tree, struct node *node, struct span text);

/* Hangs `child` into a list, or into a map under `key`, which is copied. */
void node_adopt(struct node_tree *tree, struct node *parent, struct span key,
                struct node *child);

/* `node` keeps its place, with the value of `other`, which hangs nowhere and gets the old one. */
void node_become(struct node *node, struct node *other);

/* For trees made by hand: the member `key` of a map, made when it is not there. */
struct node *node_put(struct node_tree *tree, struct node *map, const char *key,
                      enum node_kind kind);
struct node *node_put_text(struct node_tree *tree, struct node *map, const char *key,
                           struct span text, const char *variable);
struct node *node_add_text(struct node_tree *tree, struct node *list, struct span text,
                           const char *variable);

/* NULL when the map has no such member, or is none. */
const struct node *node_member(const struct node *map, const char *key);
/* NULL when there are fewer. */
const struct node *node_child(const struct node *parent, size_t index);

struct span node_text(const struct node *node);

#endif
