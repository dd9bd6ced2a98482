/* config_yaml: YAML in, a tree of nodes out. The only place that knows the YAML library. */
#ifndef CONFIG_CONFIG_YAML_H
#define CONFIG_CONFIG_YAML_H

#include "config/node.h"
#include "config/report.h"

/* Reads one document of plain maps, lists and texts into an empty tree; types are decided later, by
 * the settings table. Refused with a message: anchors, aliases and tags (a configuration should read as
 * it stands), keys that stand twice, a second document, too many bytes, too many levels, and whatever
 * is not YAML. */
bool config_yaml_read(struct span text, struct node_tree *tree, struct reporter *reporter);

#endif
