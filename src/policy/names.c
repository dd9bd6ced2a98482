#include "policy/names.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static int in_order(const void *a, const void *b)
{
    return span_compare(*(const struct span *)a, *(const struct span *)b);
}

void names_tidy(struct names *names)
{
    size_t kept = 0;

    if (names->count)
        qsort(names->items, names->count, sizeof(names->items[0]), in_order);
    for (size_t i = 0; i < names->count; i++)
        if (kept == 0 || !span_equal(names->items[kept - 1], names->items[i]))
            names->items[kept++] = names->items[i];
    names->count = kept;
}

static bool fits(struct span pattern, struct span name)
{
    size_t star = span_find(pattern, '*');
    struct span behind;

    if (star == SIZE_MAX)
        return false;
    behind = span_skip(pattern, star + 1);
    return name.size >= pattern.size - 1 && memcmp(name.at, pattern.at, star) == 0 &&
           span_equal(span_skip(name, name.size - behind.size), behind);
}

static bool has(const struct names *known, struct span name)
{
    if (known->count &&
        bsearch(&name, known->items, known->count, sizeof(known->items[0]), in_order))
        return true;
    for (size_t i = 0; i < known->count; i++)
        if (fits(known->items[i], name))
            return true;
    return false;
}

struct names names_missing(const struct names *all, const struct names *known,
                           struct arena *arena)
{
    struct names missing = { arena_zero(arena, (all->count + 1) * sizeof(struct span)), 0 };

    for (size_t i = 0; i < all->count; i++)
        if (!has(known, all->items[i]))
            missing.items[missing.count++] = all->items[i];
    return missing;
}
