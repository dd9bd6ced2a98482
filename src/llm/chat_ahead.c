#include "llm/chat_ahead.h"

#include <assert.h>
#include <string.h>

struct chat_ahead *chat_ahead_look(struct chat_ahead *ahead, struct span so_far,
                                   const struct scan_field *fields, size_t count,
                                   struct arena *arena)
{
    assert(count <= SCAN_LONG_FIELDS_MAX);
    if (ahead == NULL) {
        ahead = arena_zero(arena, sizeof(*ahead));
        memcpy(ahead->fields, fields, count * sizeof(*fields));
        scan_long_begin(&ahead->scan, ahead->fields, count);
        ahead->scan.watch = estimate_watch(&ahead->prompt);
    }
    scan_long_more(&ahead->scan, so_far);
    return ahead;
}

uint64_t chat_ahead_prompt(const struct chat_ahead *ahead)
{
    return estimate_counted(&ahead->prompt);
}
