/* Regions: one provider in several places.
 *
 *     providers: cluster in us (100), eu (100), asia (80)
 *     models:    m: targets: [ { provider: cluster, weight: 70 }, { provider: other, weight: 30 } ]
 *
 *     m:cluster@us    70 x 0.357143
 *     m:cluster@eu    70 x 0.357143
 *     m:cluster@asia  70 x 0.285714
 *     m:other         30
 *
 * Weight and share stay apart, so that a target weighs as much with regions as without. */
#include "config/config_read.h"

#include "base/limits.h"

#include <string.h>

/* ---- providers ---- */

static void check_region(struct reading *reading, struct config_provider *provider, size_t at,
                         const struct node *node)
{
    struct config_region *region = &provider->regions.items[at];
    const char *own = provider->kind->base_url;

    region->deny_private = own && region->base_url && span_starts(span_from(own), "https:") &&
                           strcmp(region->base_url, own) == 0;
    for (size_t i = 0; region->name && i < at; i++) {
        const struct config_region *other = &provider->regions.items[i];

        if (other->name && strcmp(other->name, region->name) == 0)
            report_error(reading->reporter, node,
                         "another region of this provider is called \"%s\", line %u; give it a "
                         "name of its own",
                         region->name, other->mark.line);
    }
}

/* Rounded to millionths; above 0, so that a weight above 0 is never lost. */
static uint32_t share_of(uint32_t weight, uint64_t sum)
{
    uint32_t share = (uint32_t)(((uint64_t)weight * SHARE_WHOLE + sum / 2) / (sum ? sum : 1));

    return share ? share : 1;
}

static void share_weights(struct reading *reading, struct config_provider *provider,
                          const struct node *regions)
{
    size_t enabled = 0;
    uint64_t sum = 0;

    for (size_t i = 0; i < provider->regions.count; i++) {
        const struct config_region *region = &provider->regions.items[i];

        enabled += region->enabled;
        sum += region->enabled ? region->weight : 0;
    }
    for (size_t i = 0; i < provider->regions.count; i++)
        provider->regions.items[i].share = share_of(provider->regions.items[i].weight, sum);
    if (provider->regions.count && enabled == 0)
        report_error(reading->reporter, regions,
                     "no region is enabled, so the provider would be nowhere; enable one");
    else if (provider->regions.count && sum == 0)
        report_error(reading->reporter, regions,
                     "every region in use has weight 0, so none would be used; give one a "
                     "weight");
}

/* ---- targets ---- */

static size_t places(const struct config_target *target)
{
    const struct config_regions *regions = target->provider ? &target->provider->regions : NULL;
    size_t count = 0;

    for (size_t i = 0; regions && i < regions->count; i++)
        count += regions->items[i].enabled;
    return count ? count : 1; /* none of several: said */
}

/* Writes the target into as many as it has places; returns how many. */
static size_t spread_target(struct arena *arena, const struct config_target *written,
                            struct config_target *to)
{
    const struct config_regions *regions =
        written->provider ? &written->provider->regions : NULL;
    size_t count = 0;

    for (size_t i = 0; regions && i < regions->count; i++) {
        const struct config_region *region = &regions->items[i];
        struct config_target *target = &to[count];

        if (!region->enabled)
            continue;
        *target = *written;
        target->region = region;
        target->share = region->share;
        target->weight = region->weight && written->enabled ? written->weight : 0;
        target->id =
            arena_texts(arena, written->id, "@", region->name ? region->name : "?", NULL);
        count++;
    }
    if (count)
        return count;
    *to = *written;
    to->share = SHARE_WHOLE;
    to->weight = written->enabled ? written->weight : 0;
    return 1;
}

static struct config_targets spread(struct arena *arena, const struct config_targets *written)
{
    struct config_targets all = { 0 };
    size_t room = 0;

    for (size_t i = 0; i < written->count; i++)
        room += places(&written->items[i]);
    all.items = arena_zero(arena, (room ? room : 1) * sizeof(struct config_target));
    for (size_t i = 0; i < written->count; i++)
        all.count += spread_target(arena, &written->items[i], &all.items[all.count]);
    return all;
}

void config_expand_targets(struct reading *reading, struct config_model *model,
                           const struct node *targets)
{
    struct config_targets all = spread(&reading->config->arena, &model->written);

    model->targets = all.items;
    model->target_count = all.count;
    if (all.count > LIMIT_PLAN_TARGETS)
        report_error(reading->reporter, targets,
                     "with their regions these are %zu targets; write at most %d", all.count,
                     LIMIT_PLAN_TARGETS);
}

/* What a model that nobody listed will have: named after the provider, so that metrics stay few. */
static struct config_targets passing_targets(struct arena *arena,
                                             const struct config_provider *provider)
{
    struct config_target *target = arena_zero(arena, sizeof(*target));
    struct config_targets written = { target, 1 };

    target->id = arena_texts(arena, provider->name, ":*", NULL);
    target->name = provider->name;
    target->provider = provider;
    target->weight = 100;
    target->enabled = true;
    target->priority = 1;
    return spread(arena, &written);
}

void config_check_regions(struct reading *reading, struct config_provider *provider,
                          const struct node *node)
{
    const struct node *regions = node_member(node, "regions");
    const struct node *child = regions && regions->kind == NODE_LIST ? regions->first : NULL;

    if (regions && node_member(node, "base_url"))
        report_error(reading->reporter, node_member(node, "base_url"),
                     "each of the regions has a base_url; remove this one");
    if (regions && provider->kind->built_in)
        report_error(reading->reporter, regions, "a provider of kind %s has none; remove them",
                     provider->kind->name);
    for (size_t i = 0; i < provider->regions.count; i++, child = child ? child->next : NULL) {
        while (child && child->kind != NODE_MAP)
            child = child->next; /* said */
        check_region(reading, provider, i, child);
    }
    share_weights(reading, provider, regions);
    provider->passing = passing_targets(&reading->config->arena, provider);
}
