/* anthropic_read: how a client's request in Anthropic's language becomes a conversation. For
 * anthropic_read*.c alone; everybody else uses dialect_anthropic. */
#ifndef LLM_ANTHROPIC_READ_H
#define LLM_ANTHROPIC_READ_H

#include "llm/members.h"

/* Each reads one member of the body and is false when that cannot be understood. */
bool anthropic_read_system(struct request_reading *reading, const struct scan_item *value);
bool anthropic_read_messages(struct request_reading *reading, const struct scan_item *value);
bool anthropic_read_tools(struct request_reading *reading, const struct scan_item *value);
bool anthropic_read_choice(struct request_reading *reading, const struct scan_item *value);
bool anthropic_read_thinking(struct request_reading *reading, const struct scan_item *value);
bool anthropic_read_output(struct request_reading *reading, const struct scan_item *value);

/* Where blocks stand. */
struct block_place {
    struct request_reading *reading;
    const char *path;  /* "messages[2].content" */
    size_t index;      /* of the next one */
    struct part **end; /* where its part goes */
    bool in_result;    /* of a tool, where no result, call or thought stands again */
};

/* Reads what stands there: a string, or an array of blocks. */
bool anthropic_read_content(struct block_place *place, const struct scan_field *content);

#endif
