/* gemini_read: how a client's request in Gemini's language becomes a conversation. For gemini_read*.c and
 * their neighbours alone; everybody else uses dialect_gemini.
 *
 * Names come in two spellings (functionCall, function_call), and where a list is meant its only item may
 * stand alone: Google takes both. */
#ifndef LLM_GEMINI_READ_H
#define LLM_GEMINI_READ_H

#include "llm/members.h"

/* Is it this name, in either spelling? */
bool gemini_key_is(struct span key, const char *name);

/* Fills what the object has, as scan_object() does; nothing if it is none. */
void gemini_look(const struct scan_item *object, struct scan_field *fields, size_t count);

/* The items of a list, or the only one that stands alone. */
bool gemini_each(const struct scan_item *list, size_t *at, struct scan_item *ret);

/* Each reads one member of the body and is false when that cannot be understood. */
bool gemini_read_system(struct request_reading *reading, const struct scan_item *value);
bool gemini_read_contents(struct request_reading *reading, const struct scan_item *value);
bool gemini_read_tools(struct request_reading *reading, const struct scan_item *value);
bool gemini_read_choice(struct request_reading *reading, const struct scan_item *value);
bool gemini_read_config(struct request_reading *reading, const struct scan_item *value);

/* ---- gemini_read_part.c: one thing that is said ---- */

enum {
    GEMINI_TEXT,
    GEMINI_THOUGHT,
    GEMINI_SIGNATURE,
    GEMINI_INLINE,
    GEMINI_FILE,
    GEMINI_CALL,
    GEMINI_RESPONSE,
    GEMINI_FIELDS,
};

/* Where it stands. */
struct gemini_place {
    struct request_reading *reading;
    const char *path; /* "contents[2].parts[1]" */
};

/* Always false: `what` says it of the path. */
bool gemini_wrong(const struct gemini_place *place, const char *what);

/* What stands in it. */
void gemini_look_into_part(const struct gemini_place *place, const struct scan_item *item,
                           struct scan_field fields[GEMINI_FIELDS]);

/* A text or a thought, an image or a document: the part, in the arena; NULL: nothing of the kind, or the
 * request is wrong, and then *ret_fine is false. */
struct part *gemini_read_said(const struct gemini_place *place,
                              const struct scan_field fields[GEMINI_FIELDS], bool *ret_fine);

/* ---- gemini_read_schema.c ---- */

/* A schema in OpenAPI's words as a JSON Schema. */
struct span gemini_read_schema(struct span schema, struct arena *arena);

#endif
