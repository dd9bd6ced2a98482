/* openai_request: how a client's request in OpenAI's language becomes a conversation. For
 * openai_request*.c alone; everybody else uses dialect_openai. */
#ifndef LLM_OPENAI_REQUEST_H
#define LLM_OPENAI_REQUEST_H

#include "llm/message.h"
#include "llm/scan.h"

/* What its parts have in common. */
struct request_reading {
    struct arena *arena;
    struct conversation *to;
    struct peculiar **peculiar; /* where the next one goes */
    struct chat_problem *problem;
};

/* Always false: the request is wrong. The sentence says what, and what would be right. */
bool request_wrong(struct request_reading *reading, const char *param, const char *message);

/* Remembers that it was said, for the writer to deal with. */
void request_peculiar(struct request_reading *reading, const char *name, bool hint);

/* A value that says nothing. */
bool request_unsaid(const struct scan_field *field);

/* Each reads one member of the body and is false when that cannot be understood. */
bool request_messages(struct request_reading *reading, const struct scan_item *value);
bool request_tools(struct request_reading *reading, const struct scan_item *value);
bool request_tool_choice(struct request_reading *reading, const struct scan_item *value);

/* The cache_control of an object that has one, or what OpenAI's prompt_cache_breakpoint means by it; the latter may be NULL. */
struct span request_cache(const struct scan_field *control,
                          const struct scan_field *breakpoint);

#endif
