/* config_environment: the variables that stand in for a file. */
#ifndef CONFIG_CONFIG_ENVIRONMENT_H
#define CONFIG_CONFIG_ENVIRONMENT_H

#include "config/node.h"
#include "config/report.h"

/* For the reference; those of the kinds of providers stand in provider_kinds. */
struct config_variable {
    const char *name; /* NULL ends the table */
    const char *setting;
    const char *help;
};

extern const struct config_variable config_variables[];

/* Puts what the environment says into an empty tree; what is wrong with it is reported. */
void config_environment_read(struct node_tree *tree, struct reporter *reporter);

#endif
