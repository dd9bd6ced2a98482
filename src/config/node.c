#include "config/node.h"

#include "base/mem.h"

#include <assert.h>

void node_tree_init(struct node_tree *tree)
{
    *tree = (struct node_tree){ 0 };
    arena_init(&tree->arena);
}

void node_tree_done(struct node_tree *tree)
{
    for (struct node *node = tree->newest; node; node = node->made_before)
        if (node->text)
            mem_wipe(node->text, node->text_size);
    arena_done(&tree->arena);
    node_tree_init(tree);
}

struct node *node_make(struct node_tree *tree, enum node_kind kind, struct config_mark mark)
{
    struct node *node = arena_zero(&tree->arena, sizeof(*node));

    node->kind = kind;
    node->mark = mark;
    node->made_before = tree->newest;
    tree->newest = node;
    return node;
}

void node_set_text(struct node_tree *tree, struct node *node, struct span text)
{
    assert(node->kind == NODE_TEXT && node->text == NULL);
    node->text = arena_zero(&tree->arena, text.size + 1);
    node->text_size = text.size;
    for (size_t i = 0; i < text.size; i++)
        node->text[i] = text.at[i];
}

void node_adopt(struct node_tree *tree, struct node *parent, struct span key,
                struct node *child)
{
    assert(parent->kind != NODE_TEXT && child->parent == NULL);
    child->parent = parent;
    child->index = parent->count++;
    if (parent->kind == NODE_MAP)
        child->key = arena_copy(&tree->arena, key);
    if (parent->last)
        parent->last->next = child;
    else
        parent->first = child;
    parent->last = child;
}

static void take_value(struct node *node, const struct node *from)
{
    node->kind = from->kind;
    node->mark = from->mark;
    node->variable = from->variable;
    node->literal = from->literal;
    node->text = from->text;
    node->text_size = from->text_size;
    node->count = from->count;
    node->first = from->first;
    node->last = from->last;
    for (struct node *child = node->first; child; child = child->next)
        child->parent = node;
}

void node_become(struct node *node, struct node *other)
{
    struct node old = *node;

    assert(other->parent == NULL);
    take_value(node, other);
    take_value(other, &old);
}

static struct node *find(const struct node *map, const char *key)
{
    if (map == NULL || map->kind != NODE_MAP)
        return NULL;
    for (struct node *child = map->first; child; child = child->next)
        if (span_is(child->key, key))
            return child;
    return NULL;
}

struct node *node_put(struct node_tree *tree, struct node *map, const char *key,
                      enum node_kind kind)
{
    struct node *child = find(map, key);

    if (child == NULL) {
        child = node_make(tree, kind, (struct config_mark){ 0 });
        child->variable = map->variable;
        child->literal = true;
        node_adopt(tree, map, span_from(key), child);
    }
    assert(child->kind == kind);
    return child;
}

struct node *node_put_text(struct node_tree *tree, struct node *map, const char *key,
                           struct span text, const char *variable)
{
    struct node *child = node_put(tree, map, key, NODE_TEXT);

    node_set_text(tree, child, text);
    child->variable = variable;
    return child;
}

struct node *node_add_text(struct node_tree *tree, struct node *list, struct span text,
                           const char *variable)
{
    struct node *child = node_make(tree, NODE_TEXT, (struct config_mark){ 0 });

    node_set_text(tree, child, text);
    child->variable = variable;
    child->literal = true;
    node_adopt(tree, list, (struct span){ 0 }, child);
    return child;
}

const struct node *node_member(const struct node *map, const char *key)
{
    return find(map, key);
}

const struct node *node_child(const struct node *parent, size_t index)
{
    const struct node *child = parent ? parent->first : NULL;

    while (child && child->index != index)
        child = child->next;
    return child;
}

struct span node_text(const struct node *node)
{
    return span_make(node->text, node->text_size);
}
