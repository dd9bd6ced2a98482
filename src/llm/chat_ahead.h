/* chat_ahead: what was learnt of a long request body while it came; dialect.h says how.
 *
 *     chat_ahead_look() ... chat_ahead_look()      scan_long_end(&ahead->scan, ...)
 */
#ifndef LLM_CHAT_AHEAD_H
#define LLM_CHAT_AHEAD_H

#include "base/arena.h"
#include "llm/estimate.h"
#include "llm/scan_long.h"

#include <stddef.h>
#include <stdint.h>

struct chat_ahead {
    struct scan_field fields[SCAN_LONG_FIELDS_MAX];
    struct scan_long scan;
    struct estimate_count prompt;
};

/* `ahead` NULL: begins, in the arena, to look for these fields. Looks at what has come since the last time. */
struct chat_ahead *chat_ahead_look(struct chat_ahead *ahead, struct span so_far,
                                   const struct scan_field *fields, size_t count,
                                   struct arena *arena);

/* What estimate_prompt() would say of the body, which need not be looked at again. Only of one that was read
 * and found good. */
uint64_t chat_ahead_prompt(const struct chat_ahead *ahead);

#endif
