#include "config/config_yaml.h"

#include "base/limits.h"

#include <assert.h>
#include <yaml.h>

/* One open map or list. */
struct level {
    struct node *node;
    struct map keys; /* of a map: names to nodes, to find one that stands twice */
    struct span key; /* read, its value not yet; at == NULL: none */
    struct config_mark key_mark;
};

struct builder {
    struct node_tree *tree;
    struct reporter *reporter;
    struct level levels[LIMIT_CONFIG_DEPTH];
    size_t depth;
    bool ended;   /* the document is complete */
    bool refused; /* what follows was not read */
};

static struct config_mark mark_of(yaml_mark_t mark)
{
    return (struct config_mark){ (uint32_t)mark.line + 1, (uint32_t)mark.column + 1 };
}

/* libyaml tells only the offset of a byte that it cannot read. */
static struct config_mark mark_of_offset(struct span text, size_t offset)
{
    struct config_mark mark = { 1, 1 };

    for (size_t i = 0; i < offset && i < text.size; i++) {
        if (text.at[i] == '\n')
            mark = (struct config_mark){ mark.line + 1, 1 };
        else if (((unsigned char)text.at[i] & 0xc0) != 0x80)
            mark.column++;
    }
    return mark;
}

static void report_syntax(struct reporter *reporter, const yaml_parser_t *parser,
                          struct span text)
{
    struct config_mark mark = mark_of(parser->problem_mark);

    if (parser->error == YAML_READER_ERROR) {
        report_error_at(reporter, mark_of_offset(text, parser->problem_offset), NULL,
                        "this is not text in UTF-8: %s", parser->problem);
        return;
    }
    if (parser->problem_mark.index < text.size && text.at[parser->problem_mark.index] == '\t')
        report_error_at(reporter, mark, NULL,
                        "a tab stands here; YAML is indented with spaces");
    else if (parser->context)
        report_error_at(reporter, mark, NULL, "this is not YAML: %s, %s", parser->context,
                        parser->problem);
    else
        report_error_at(reporter, mark, NULL, "this is not YAML: %s",
                        parser->problem ? parser->problem : "the text ends too early");
}

static struct level *innermost(struct builder *builder)
{
    return builder->depth ? &builder->levels[builder->depth - 1] : NULL;
}

/* Gives a value its place: in the innermost map or list, or as the root. */
static void place(struct builder *builder, struct node *node)
{
    struct level *level = innermost(builder);
    struct node *before;

    if (level == NULL) {
        builder->tree->root = node;
        return;
    }
    node->key_mark = level->key_mark;
    before = level->node->kind == NODE_MAP ? map_find(&level->keys, level->key) : NULL;
    if (before) {
        report_error_at(
            builder->reporter, node->key_mark, before,
            "this key stands twice; remove one (the other is in line %u, column %u)",
            before->key_mark.line, before->key_mark.column);
    } else {
        node_adopt(builder->tree, level->node, level->key, node);
        if (level->node->kind == NODE_MAP)
            (void)map_put(&level->keys, level->key, node);
    }
    level->key = (struct span){ 0 };
    level->key_mark = (struct config_mark){ 0 };
}

static bool awaits_key(const struct level *level)
{
    return level && level->node->kind == NODE_MAP && level->key.at == NULL;
}

/* Says why what follows cannot be read. */
static void refuse(struct builder *builder, yaml_mark_t at, const char *why)
{
    report_error_at(builder->reporter, mark_of(at), NULL, "%s", why);
    builder->refused = true;
}

static void open_level(struct builder *builder, enum node_kind kind, yaml_mark_t at)
{
    struct node *node;

    if (awaits_key(innermost(builder))) {
        refuse(builder, at, "a key is a plain text, not a list or map");
        return;
    }
    if (builder->depth == LIMIT_CONFIG_DEPTH) {
        refuse(builder, at, "this is nested too deeply; no setting is");
        return;
    }
    node = node_make(builder->tree, kind, mark_of(at));
    place(builder, node);
    builder->levels[builder->depth++] = (struct level){ .node = node };
}

static void close_level(struct builder *builder)
{
    assert(builder->depth > 0);
    map_done(&builder->levels[--builder->depth].keys);
}

/* The line break that ends a block text is YAML's, not the operator's. */
static struct span scalar_text(const yaml_event_t *event)
{
    struct span text =
        span_make((const char *)event->data.scalar.value, event->data.scalar.length);
    yaml_scalar_style_t style = event->data.scalar.style;

    if ((style == YAML_LITERAL_SCALAR_STYLE || style == YAML_FOLDED_SCALAR_STYLE) &&
        span_ends(text, "\n"))
        text.size--;
    return text;
}

static void add_scalar(struct builder *builder, const yaml_event_t *event)
{
    struct level *level = innermost(builder);
    struct config_mark mark = mark_of(event->start_mark);
    struct span text = scalar_text(event);
    struct node *node;

    if (awaits_key(level)) {
        level->key = arena_copy(&builder->tree->arena, text);
        level->key_mark = mark;
        return;
    }
    node = node_make(builder->tree, NODE_TEXT, mark);
    node_set_text(builder->tree, node, text);
    place(builder, node);
}

/* The anchor and the tag of a value, where there is one. */
static void ornaments(const yaml_event_t *event, const yaml_char_t **ret_anchor,
                      const yaml_char_t **ret_tag)
{
    *ret_anchor = NULL;
    *ret_tag = NULL;
    if (event->type == YAML_SCALAR_EVENT) {
        *ret_anchor = event->data.scalar.anchor;
        *ret_tag = event->data.scalar.tag;
    } else if (event->type == YAML_SEQUENCE_START_EVENT) {
        *ret_anchor = event->data.sequence_start.anchor;
        *ret_tag = event->data.sequence_start.tag;
    } else if (event->type == YAML_MAPPING_START_EVENT) {
        *ret_anchor = event->data.mapping_start.anchor;
        *ret_tag = event->data.mapping_start.tag;
    }
}

static void refuse_ornaments(struct builder *builder, const yaml_event_t *event)
{
    const yaml_char_t *anchor;
    const yaml_char_t *tag;

    ornaments(event, &anchor, &tag);
    if (anchor || event->type == YAML_ALIAS_EVENT)
        refuse(builder, event->start_mark,
               "anchors (&) and aliases (*) are not used here; write the value out, in quotes "
               "when it begins with & or *");
    else if (tag)
        refuse(builder, event->start_mark,
               "tags (!) are not used here; write the value alone, in quotes when it begins "
               "with !");
    else if (event->type == YAML_DOCUMENT_START_EVENT && builder->ended)
        refuse(builder, event->start_mark,
               "a second document begins here; a configuration is one document");
}

static void take(struct builder *builder, const yaml_event_t *event)
{
    refuse_ornaments(builder, event);
    if (builder->refused)
        return;
    switch (event->type) {
    case YAML_SCALAR_EVENT: add_scalar(builder, event); break;
    case YAML_SEQUENCE_START_EVENT: open_level(builder, NODE_LIST, event->start_mark); break;
    case YAML_MAPPING_START_EVENT: open_level(builder, NODE_MAP, event->start_mark); break;
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT: close_level(builder); break;
    case YAML_DOCUMENT_END_EVENT: builder->ended = true; break;
    case YAML_NO_EVENT:
    case YAML_ALIAS_EVENT:
    case YAML_STREAM_START_EVENT:
    case YAML_STREAM_END_EVENT:
    case YAML_DOCUMENT_START_EVENT: break;
    }
}

static void run(struct builder *builder, yaml_parser_t *parser, struct span text)
{
    bool finished = false;

    while (!builder->refused && !finished) {
        yaml_event_t event;

        if (!yaml_parser_parse(parser, &event)) {
            report_syntax(builder->reporter, parser, text);
            builder->refused = true;
            break;
        }
        take(builder, &event);
        finished = event.type == YAML_STREAM_END_EVENT;
        yaml_event_delete(&event);
    }
    while (builder->depth)
        close_level(builder);
}

bool config_yaml_read(struct span text, struct node_tree *tree, struct reporter *reporter)
{
    struct builder builder = { .tree = tree, .reporter = reporter };
    yaml_parser_t parser;

    if (text.size > LIMIT_CONFIG_BYTES) {
        report_error(reporter, NULL, "longer than %d bytes", LIMIT_CONFIG_BYTES);
        return false;
    }
    if (span_starts(text, "\xef\xbb\xbf"))
        text = span_skip(text, 3); /* a byte order mark says nothing about UTF-8 */
    if (!yaml_parser_initialize(&parser)) {
        report_error(reporter, NULL, "out of memory");
        return false;
    }
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, (const unsigned char *)(text.size ? text.at : ""),
                                 text.size);
    run(&builder, &parser, text);
    yaml_parser_delete(&parser);
    return !builder.refused;
}
