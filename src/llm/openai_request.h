/* openai_request: how a client's request in OpenAI's language becomes a conversation. For
 * openai_request*.c alone; everybody else uses dialect_openai. */
#ifndef LLM_OPENAI_REQUEST_H
#define LLM_OPENAI_REQUEST_H

#include "llm/members.h"

/* Each reads one member of the body and is false when that cannot be understood. */
bool request_messages(struct request_reading *reading, const struct scan_item *value);
bool request_tools(struct request_reading *reading, const struct scan_item *value);
bool request_tool_choice(struct request_reading *reading, const struct scan_item *value);

/* The cache_control of an object that has one, or what OpenAI's prompt_cache_breakpoint means by it; the latter may be NULL. */
struct span request_cache(const struct scan_field *control,
                          const struct scan_field *breakpoint);

#endif
