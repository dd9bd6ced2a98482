#include "policy/sides.h"

#include "base/mem.h"

enum { PERCENT = SIDES_WHOLE / 100 };

/* ---- the rollouts ---- */

void sides_init(struct sides *sides)
{
    map_init(&sides->by_name);
}

void sides_done(struct sides *sides)
{
    size_t at = 0;
    struct map_entry *entry;

    while ((entry = map_next(&sides->by_name, &at)) != NULL)
        mem_free(entry->thing);
    map_done(&sides->by_name);
}

struct rollout *sides_rollout(struct sides *sides, const char *model)
{
    struct rollout *rollout = map_find(&sides->by_name, span_from(model));

    if (rollout == NULL) {
        rollout = mem_zero(sizeof(*rollout));
        (void)map_put(&sides->by_name, span_from(model), rollout);
    }
    return rollout;
}

const struct rollout *sides_find(const struct sides *sides, const char *model)
{
    return map_find(&sides->by_name, span_from(model));
}

/* ---- the share ---- */

uint32_t sides_green(const struct config_model *model, const struct rollout *rollout)
{
    return rollout && rollout->state != ROLLOUT_IDLE ? rollout->green : model->split.green;
}

/* ---- the choice ---- */

/* Where they stand, from 0 to SIDES_WHOLE - 1: green takes them from 0 on. */
static uint32_t point_of(const struct config_model *model, const struct side_facts *facts)
{
    uint64_t identity = sticky_identity(model->sticky, facts->who);

    return identity ? sticky_point(identity, span_from(model->name), SIDES_WHOLE)
                    : facts->drawn;
}

static struct side_choice choose_by(uint32_t green, const struct config_model *model,
                                    const struct side_facts *facts)
{
    bool both = green > 0 && green < 100;
    bool takes = both ? point_of(model, facts) < green * PERCENT : green > 0;

    return (struct side_choice){ .first = takes ? SIDE_GREEN : SIDE_BLUE, .other = both };
}

struct side_choice sides_choose(const struct config_model *model, const struct side_wish *wish,
                                const struct side_facts *facts)
{
    if (!model->sides)
        return (struct side_choice){ .first = SIDE_BLUE };
    switch (wish->kind) {
    case SIDE_WISH_AUTO: break;
    case SIDE_WISH_SPLIT: return choose_by(wish->green, model, facts);
    case SIDE_WISH_FORCED: return (struct side_choice){ .first = wish->side, .forced = true };
    }
    return choose_by(facts->green, model, facts);
}
