#include "base/map.h"

#include "base/mem.h"

#include <assert.h>

enum { ROOM_MIN = 16 };

void map_init(struct map *map)
{
    *map = (struct map){ 0 };
}

void map_done(struct map *map)
{
    for (size_t i = 0; i < map->room; i++)
        mem_free(map->entries[i].name);
    mem_free(map->entries);
    map_init(map);
}

/* The entry of that name, or the free one where it would go. */
static struct map_entry *slot(const struct map *map, struct span name)
{
    size_t at = span_hash(name) & (map->room - 1);

    for (;;) {
        struct map_entry *entry = &map->entries[at];

        if (entry->name == NULL || span_equal(span_make(entry->name, entry->name_size), name))
            return entry;
        at = (at + 1) & (map->room - 1);
    }
}

void *map_find(const struct map *map, struct span name)
{
    return map->room ? slot(map, name)->thing : NULL;
}

static void grow(struct map *map)
{
    struct map old = *map;

    map->room = old.room ? old.room * 2 : ROOM_MIN;
    map->entries = mem_zero(map->room * sizeof(*map->entries));
    for (size_t i = 0; i < old.room; i++) {
        struct map_entry *entry = &old.entries[i];

        if (entry->name)
            *slot(map, span_make(entry->name, entry->name_size)) = *entry;
    }
    mem_free(old.entries);
}

void *map_put(struct map *map, struct span name, void *thing)
{
    struct map_entry *entry;
    void *before;

    assert(thing != NULL);
    if (map->count * 4 >= map->room * 3)
        grow(map);
    entry = slot(map, name);
    if (entry->name == NULL) {
        entry->name = mem_copy(name.at, name.size);
        entry->name_size = name.size;
        map->count++;
    }
    before = entry->thing;
    entry->thing = thing;
    return before;
}

struct map_entry *map_next(const struct map *map, size_t *at)
{
    while (*at < map->room) {
        struct map_entry *entry = &map->entries[(*at)++];

        if (entry->name)
            return entry;
    }
    return NULL;
}
