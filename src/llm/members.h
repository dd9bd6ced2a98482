/* members: how a client's body becomes a conversation. Each member of the body has a row in the table of
 * its language; what has none is peculiar to the client.
 *
 *     body --scan--> member --row--> its reader, or a plain value
 *                       +---none---> peculiar
 *
 * For the files that read requests (openai_request*.c, anthropic_read*.c). */
#ifndef LLM_MEMBERS_H
#define LLM_MEMBERS_H

#include "llm/message.h"
#include "llm/scan.h"

enum { MEMBER_NEUTRALS_MAX = 3 };

/* What the readers have in common. */
struct request_reading {
    struct arena *arena;
    struct conversation *to;
    struct peculiar **peculiar; /* where the next one goes */
    struct chat_problem *problem;
};

/* At most 64 rows to a table. */
struct member_row {
    const char *name;
    /* False: it cannot be understood. NULL: a plain value. */
    bool (*read)(struct request_reading *reading, const struct scan_item *value);
    enum param param; /* without a reader: where the value goes; PARAMS: it is peculiar */
    enum json_kind kind;
    bool hint;
    const char *neutral[MEMBER_NEUTRALS_MAX]; /* values that are as good as none */
};

struct member_table {
    const struct member_row *rows;
    size_t count;
    const char *prefix; /* of the names as they are told: "generationConfig."; NULL: none */
    bool (*is)(struct span key, const char *name); /* is that its name? NULL: scan_key_is() */
};

/* Reads all members of the body into `ret`, which begins empty; false: the problem says why not. Nulls are as
 * good as missing. */
bool members_read(const struct chat *chat, const struct member_table *table,
                  struct arena *arena, struct conversation *ret,
                  struct chat_problem *ret_problem);

/* ---- for the readers ---- */

/* Reads all members of an object that stands in the body, as members_read() does those of the body. */
bool members_read_object(struct request_reading *reading, const struct member_table *table,
                         struct span object);

/* Always false: the request is wrong. The sentence says what, and what would be right. */
bool request_wrong(struct request_reading *reading, const char *param, const char *message);

/* The same, for a value of the wrong kind: "`param` must be RIGHT." */
bool request_wrong_kind(struct request_reading *reading, const char *param, const char *right);

/* Remembers that it was said, for the writer to deal with. */
void request_peculiar(struct request_reading *reading, const char *name, bool hint);

/* A value that says nothing. */
bool request_unsaid(const struct scan_field *field);

/* For what the gateway has read already, or does not need to. */
bool request_skip(struct request_reading *reading, const struct scan_item *value);

/* Appends a stop sequence to the list that ends at *end. */
void request_add_stop(struct request_reading *reading, struct span raw, struct text ***end);

/* Nothing but base64, and some of it. */
bool request_is_base64(struct span data);

/* "image/jpg" is what many write for "image/jpeg". */
struct span request_media(struct span media);

#endif
