/* map: names to things. Open addressing, grows, keeps its own copy of each name.
 *
 * For registries whose names the operator chose (targets, keys, models). Never for names that a
 * client chooses freely: the hash is not keyed. */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include "base/span.h"

#include <stddef.h>

struct map_entry {
    char *name; /* NULL: free */
    size_t name_size;
    void *thing;
};

struct map {
    struct map_entry *entries;
    size_t count;
    size_t room; /* a power of two, or 0 */
};

void map_init(struct map *map);
void map_done(struct map *map); /* the things are not freed */

/* The thing, or NULL. */
void *map_find(const struct map *map, struct span name);

/* Adds or replaces; returns what stood there before, or NULL. `thing` is not NULL. */
void *map_put(struct map *map, struct span name, void *thing);

/* Walks in no particular order: `*at` starts as 0; NULL at the end. */
struct map_entry *map_next(const struct map *map, size_t *at);

#endif
