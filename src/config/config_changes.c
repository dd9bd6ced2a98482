#include "config/config_changes.h"

#include "base/buf.h"
#include "base/digest.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/mem.h"
#include "config/config_yaml.h"
#include "config/node.h"
#include "config/report.h"

#include <string.h>

/* ---- the list ---- */

static char *copy(struct span text)
{
    return text.at ? mem_copy(text.at, text.size) : NULL;
}

static void release(struct config_change *change)
{
    mem_wipe(change->value, strlen(change->value));
    mem_free(change->value);
    mem_free(change->path);
    mem_free(change->base);
}

void config_changes_done(struct config_changes *changes)
{
    for (size_t i = 0; i < changes->count; i++)
        release(&changes->items[i]);
    mem_free(changes->items);
    *changes = (struct config_changes){ 0 };
}

/* Keeps those that `stays` says, in their order. */
static void keep(struct config_changes *changes,
                 bool (*stays)(const struct config_change *, struct span), struct span context)
{
    size_t kept = 0;

    for (size_t i = 0; i < changes->count; i++) {
        if (stays(&changes->items[i], context))
            changes->items[kept++] = changes->items[i];
        else
            release(&changes->items[i]);
    }
    changes->count = kept;
}

/* Not that path, nor one inside it: `["a","b"]` is inside `["a"]`. */
static bool is_elsewhere(const struct config_change *change, struct span path)
{
    struct span own = span_from(change->path);
    struct span open = span_first(path, path.size - 1); /* without the bracket at its end */

    return !(span_equal(own, path) || (own.size > path.size && own.at[open.size] == ',' &&
                                       span_equal(span_first(own, open.size), open)));
}

static bool is_in_force(const struct config_change *change, struct span unused)
{
    (void)unused;
    return !change->over;
}

void config_changes_drop(struct config_changes *changes, struct span path)
{
    keep(changes, is_elsewhere, path);
}

void config_changes_prune(struct config_changes *changes)
{
    keep(changes, is_in_force, span_make(NULL, 0));
}

const struct config_change *config_changes_find(const struct config_changes *changes,
                                                struct span path)
{
    for (size_t i = 0; i < changes->count; i++)
        if (span_is(path, changes->items[i].path))
            return &changes->items[i];
    return NULL;
}

void config_changes_put(struct config_changes *changes, struct span path, struct span value,
                        struct span base)
{
    const struct config_change *older = config_changes_find(changes, path);
    struct config_change change = { .path = copy(path), .value = copy(value) };

    /* The older one's value never was the file's. */
    change.base = copy(older && base.at == NULL ? span_from(older->base) : base);
    config_changes_drop(changes, path);
    changes->items =
        mem_grow(changes->items, (changes->count + 1) * sizeof(struct config_change));
    changes->items[changes->count++] = change;
}

void config_changes_copy(const struct config_changes *changes, struct config_changes *ret)
{
    *ret = (struct config_changes){ 0 };
    ret->items = changes->count ? mem_alloc(changes->count * sizeof(*ret->items)) : NULL;
    for (; ret->count < changes->count; ret->count++) {
        const struct config_change *from = &changes->items[ret->count];

        ret->items[ret->count] = (struct config_change){
            .path = copy(span_from(from->path)),
            .value = copy(span_from(from->value)),
            .base = from->base ? copy(span_from(from->base)) : NULL,
            .over = from->over,
        };
    }
}

/* ---- places in the tree ---- */

/* The item of a list that goes by that name. */
static struct node *find_item(const struct node *list, struct span name)
{
    for (struct node *item = list->first; item; item = item->next) {
        const struct node *label = node_member(item, "name");

        label = label ? label : node_member(item, "provider");
        if (label && label->kind == NODE_TEXT && span_equal(node_text(label), name))
            return item;
    }
    return NULL;
}

static struct node *find_member(const struct node *map, struct span name)
{
    for (struct node *child = map->first; child; child = child->next)
        if (span_equal(child->key, name))
            return child;
    return NULL;
}

static struct node *find_child(const struct node *parent, struct span name)
{
    switch (parent->kind) {
    case NODE_LIST: return find_item(parent, name);
    case NODE_MAP: return find_member(parent, name);
    case NODE_TEXT: break;
    }
    return NULL;
}

/* What a path leads to. */
struct place {
    struct node *parent; /* the last that there is on the way */
    struct node *node;   /* NULL: not there */
    size_t missing;      /* of the path's names, behind `parent` */
};

static struct place find_place(struct node *root, const struct json *path)
{
    struct place place = { .node = root, .missing = json_count(path) };

    while (place.missing && place.node) {
        struct span name = { 0 };

        (void)json_read_string(json_item(path, json_count(path) - place.missing), &name);
        place.parent = place.node;
        place.node = find_child(place.parent, name);
        if (place.node)
            place.missing--;
    }
    return place;
}

/* ---- what the file says ---- */

static void write_node(const struct node *node, struct buf *out)
{
    static const char kinds[] = { [NODE_TEXT] = 't', [NODE_LIST] = 'l', [NODE_MAP] = 'm' };

    (void)buf_printf(out, "%c%zu:", kinds[node->kind],
                     node->kind == NODE_TEXT ? node->text_size : node->count);
    if (node->kind == NODE_TEXT)
        (void)buf_add(out, node_text(node));
    for (const struct node *child = node->first; child; child = child->next) {
        (void)buf_printf(out, "%zu:", child->key.size);
        (void)buf_add(out, child->key);
        write_node(child, out);
    }
}

static void look_at_base(struct config_change *change, const struct node *node)
{
    char hex[DIGEST_HEX_SIZE] = "nothing";
    struct digest digest;
    struct buf text;

    if (node) {
        buf_init(&text, 2ul * LIMIT_CONFIG_BYTES);
        write_node(node, &text);
        digest_sha256(buf_span(&text), &digest);
        digest_hex(&digest, hex);
        buf_wipe(&text);
    }
    if (change->base == NULL)
        change->base = copy(span_from(hex));
    change->over = strcmp(change->base, hex) != 0;
}

/* ---- putting them in ---- */

/* The tree of the value, in nodes that stand in no file. NULL: reported. */
static struct node *read_value(const struct config_change *change, struct node_tree *tree,
                               struct reporter *reporter)
{
    struct node *root = tree->root;
    struct node *before = tree->newest;
    struct node *value = NULL;

    tree->root = NULL;
    if (config_yaml_read(span_from(change->value), tree, reporter))
        value = tree->root;
    tree->root = root;
    for (struct node *node = tree->newest; node != before; node = node->made_before) {
        node->mark = (struct config_mark){ 0 };
        node->key_mark = (struct config_mark){ 0 };
        node->literal = true;
    }
    return value;
}

/* Puts `value` where the path leads, with the maps that are missing on the way. */
static void put(struct node_tree *tree, const struct place *place, const struct json *path,
                struct node *value)
{
    struct node *parent = place->parent;
    size_t count = json_count(path);
    struct span name = { 0 };

    if (place->node) {
        node_become(place->node, value);
        return;
    }
    for (size_t i = count - place->missing; i < count; i++) {
        bool last = i + 1 == count;
        struct node *child =
            last ? value : node_make(tree, NODE_MAP, (struct config_mark){ 0 });

        (void)json_read_string(json_item(path, i), &name);
        node_adopt(tree, parent, name, child);
        parent = child;
    }
}

/* A section that the file left out can be added; a model, a provider or a target that it does not have
 * (any more) cannot. */
static bool has_place(const struct place *place, const struct node_tree *tree)
{
    size_t addable = place->parent == tree->root ? 2 : 1;

    return place->node ||
           (place->parent && place->parent->kind == NODE_MAP && place->missing <= addable);
}

static void apply_one(struct config_change *change, const struct json *path,
                      struct node_tree *tree, struct reporter *reporter)
{
    struct place place = find_place(tree->root, path);
    struct node *value;

    change->over = change->over || !has_place(&place, tree);
    if (change->over)
        return;
    value = read_value(change, tree, reporter);
    if (value)
        put(tree, &place, path, value);
}

void config_changes_apply(struct config_changes *changes, struct node_tree *tree,
                          struct reporter *reporter)
{
    struct json_doc *paths[LIMIT_CONFIG_CHANGES];

    for (size_t i = 0; i < changes->count; i++) {
        if (json_parse(span_from(changes->items[i].path), &paths[i]))
            paths[i] = NULL;
        /* all of them look before the first of them changes anything */
        look_at_base(&changes->items[i], find_place(tree->root, json_root(paths[i])).node);
    }
    for (size_t i = 0; i < changes->count; i++) {
        if (paths[i])
            apply_one(&changes->items[i], json_root(paths[i]), tree, reporter);
        json_free(paths[i]);
    }
}
