/* scrub: takes credentials out of text that goes to people.
 *
 * Providers like to quote the key that they refuse; it is ours, and no client may see it. */
#ifndef LLM_SCRUB_H
#define LLM_SCRUB_H

#include "base/arena.h"
#include "base/span.h"

/* `text` with *** in place of whatever looks like a credential (`sk-…`, `Bearer …`, `AIza…` and their
 * like). Text without any is returned as it is; else the copy comes from the arena. */
struct span scrub_text(struct span text, struct arena *arena);

#endif
