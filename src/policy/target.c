#include "policy/target.h"

#include "base/mem.h"

void targets_init(struct targets *targets)
{
    map_init(&targets->by_id);
}

void targets_done(struct targets *targets)
{
    size_t at = 0;
    struct map_entry *entry;

    while ((entry = map_next(&targets->by_id, &at)) != NULL)
        mem_free(entry->thing);
    map_done(&targets->by_id);
}

struct target_state *targets_get(struct targets *targets, const char *id)
{
    struct target_state *state = map_find(&targets->by_id, span_from(id));

    if (state == NULL) {
        state = mem_zero(sizeof(*state));
        (void)map_put(&targets->by_id, span_from(id), state);
    }
    return state;
}
