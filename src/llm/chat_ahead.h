/* chat_ahead: what was learnt of a long request body while it came; dialect.h says how. */
#ifndef LLM_CHAT_AHEAD_H
#define LLM_CHAT_AHEAD_H

#include <stdint.h>

struct chat_ahead;

/* What estimate_prompt() would say of the body, which need not be looked at again. Only of one that was read
 * and found good. */
uint64_t chat_ahead_prompt(const struct chat_ahead *ahead);

#endif
