/* config_read: from a tree of nodes to a snapshot, along the settings table.
 *
 *     text --config_yaml--> nodes --config_read--> snapshot with names --config_check--> snapshot
 *     environment --config_environment--^
 *
 * Reading fills every field: with what was said, or with its default. Names of providers and models are
 * kept aside as references, because what they name may stand further down; config_check joins them. */
#ifndef CONFIG_CONFIG_READ_H
#define CONFIG_CONFIG_READ_H

#include "base/limits.h"
#include "config/config.h"
#include "config/expand.h"
#include "config/node.h"
#include "config/report.h"
#include "config/settings.h"

/* "This field shall point to the provider, or model, of that name." */
struct reference {
    enum setting_kind kind; /* SETTING_PROVIDER or SETTING_MODEL */
    const struct node *node;
    struct span name;
    void *slot;
    struct reference *next;
};

struct reading {
    struct config *config;
    struct reporter *reporter;
    const struct node *root;           /* a map */
    struct reference *first_reference; /* in the order of the file */
    struct reference *last_reference;
    struct expansion text; /* of the value that is being read */
    struct buf problem;    /* what is wrong with it */
};

void config_read(struct reading *reading);

/* The same for another kind of file: `base` is what the table describes, all zero. */
void config_read_as(struct reading *reading, const struct setting_table *table, char *base);

/* The bytes of a file, up to CONFIG_BYTES_MAX. False: errno says why not. */
enum { CONFIG_BYTES_MAX = LIMIT_CONFIG_BYTES + 1 }; /* so that a longer one is noticed */

bool config_read_bytes(const char *path, char *bytes, size_t *ret_size);

/* Joins references, fills in what follows from other settings, and checks what no single setting can
 * know. Looks at everything, however much was wrong before. */
void config_check(struct reading *reading);

/* The item of that name, from `node` on: reading left out those whose name was wrong. */
const struct node *config_node_named(const struct node *node, const char *name);

/* The part of it about regions: those of a provider, and targets that are in several. */
void config_check_regions(struct reading *reading, struct config_provider *provider,
                          const struct node *node);
void config_expand_targets(struct reading *reading, struct config_model *model,
                           const struct node *targets);

/* The part of it about names that end in a star; what the provider of a target calls the model when
 * nothing is said; and, when all models are checked, whether some name one that cannot stand alone. */
void config_check_patterns(struct reading *reading);
const char *config_called(const struct config_model *model);
void config_check_stars(struct reading *reading, struct config_model *model,
                        const struct node *node);
void config_check_starred_references(struct reading *reading);

/* The part of it about what tokens cost: the lists, then a model. */
void config_check_price_lists(struct reading *reading);
void config_check_prices(struct reading *reading, struct config_model *model,
                         const struct node *node);

/* The part of it about who stands in for whom, of a model and of all together. */
void config_check_fallbacks(struct reading *reading, const struct config_model *model,
                            const struct node *node);
void config_check_cycles(struct reading *reading);

/* The part of it about models with tasks. */
void config_check_tasks(struct reading *reading, struct config_model *model,
                        const struct node *node);

/* And about its hedges. */
void config_check_hedge(struct reading *reading, struct config_model *model,
                        const struct node *node);

/* And those about blue and green, and about alerts. */
void config_check_sides(struct reading *reading, struct config_model *model,
                        const struct node *node);
void config_check_alerts(struct reading *reading);
/* The part of it about the limits of callers and models. */
void config_check_rates(struct reading *reading);

#endif
