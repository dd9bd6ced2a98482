/* sides: who of a model's two sides, blue and green, is asked, and whether the other may answer for it.
 *
 *     what the request wishes    first                         the other, when the first cannot
 *     nothing (auto)             drawn, or by who asks          if it has a share
 *     a split of its own         likewise, by that split        if it has a share of that
 *     a side                     that one                       never, nor any other model
 *
 * The share is that of the model's rollout once there is one, else that of its `split`. A model without
 * green targets has no sides: whatever is wished, it is blue.
 *
 * Pure but for the registry of rollouts, which is kept by the models' names over reloads. */
#ifndef POLICY_SIDES_H
#define POLICY_SIDES_H

#include "base/map.h"
#include "config/config.h"
#include "policy/rollout.h"
#include "policy/sticky.h"

#include <stdbool.h>
#include <stdint.h>

/* ---- the rollouts ---- */

/* All zero is an empty registry. */
struct sides {
    struct map by_name;
};

void sides_init(struct sides *sides);
void sides_done(struct sides *sides);

/* That of the model, idle when there was none. Lives as long as `sides`. */
struct rollout *sides_rollout(struct sides *sides, const char *model);

/* The same; NULL: there was none, which is as good as an idle one. */
const struct rollout *sides_find(const struct sides *sides, const char *model);

/* ---- the share ---- */

/* Of green, in percent: that of a rollout that is not idle, else the configured one. NULL is idle. */
uint32_t sides_green(const struct config_model *model, const struct rollout *rollout);

/* ---- the choice ---- */

enum side_wish_kind { SIDE_WISH_AUTO, SIDE_WISH_SPLIT, SIDE_WISH_FORCED };

/* What a request says of it. All zero: nothing. */
struct side_wish {
    enum side_wish_kind kind;
    uint32_t green;        /* of SIDE_WISH_SPLIT: percent */
    enum config_side side; /* of SIDE_WISH_FORCED */
};

struct side_choice {
    enum config_side first;
    bool forced; /* only this side, or an error */
    bool other;  /* the other side may answer for it */
};

/* What is known of who asks, and of the split in force. */
struct side_facts {
    uint32_t green; /* sides_green() */
    const struct sticky_who *who;
    uint32_t drawn; /* below SIDES_WHOLE */
};

enum { SIDES_WHOLE = 10000 };

/* Whoever `sticky` can tell is always at the same point of the whole, so a share that grows moves callers
 * to green alone, and one that falls, to blue alone. */
struct side_choice sides_choose(const struct config_model *model, const struct side_wish *wish,
                                const struct side_facts *facts);

#endif
