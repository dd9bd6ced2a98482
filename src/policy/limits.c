#include "policy/limits.h"

#include "base/mem.h"

void limits_init(struct limits *limits)
{
    map_init(&limits->by_caller);
    map_init(&limits->by_model);
}

static void forget(struct map *map)
{
    size_t at = 0;
    struct map_entry *entry;

    while ((entry = map_next(map, &at)) != NULL)
        mem_free(entry->thing);
    map_done(map);
}

void limits_done(struct limits *limits)
{
    forget(&limits->by_caller);
    forget(&limits->by_model);
}

static struct limit *get(struct map *map, const char *name)
{
    struct limit *limit = map_find(map, span_from(name));

    if (limit == NULL) {
        limit = mem_zero(sizeof(*limit));
        (void)map_put(map, span_from(name), limit);
    }
    return limit;
}

struct limit *limits_of_caller(struct limits *limits, const char *name)
{
    return get(&limits->by_caller, name);
}

struct limit *limits_of_model(struct limits *limits, const char *name)
{
    return get(&limits->by_model, name);
}
