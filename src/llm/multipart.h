/* multipart: reads a multipart/form-data body (RFC 7578) as it comes, in whatever pieces.
 *
 *     --B CRLF headers CRLF CRLF  bytes of the part  CRLF --B CRLF ... CRLF --B-- and what follows
 *                                 ^                  ^                 ^
 *                               BEGIN (name)       CLOSE              END
 *
 * Nothing of the parts is kept or copied: what is told is where they stand, counted in bytes from
 * the body's beginning, and how they are called. So a file of any size costs the same few hundred
 * bytes, and what goes on to somebody else goes on as it came. What two readers could understand in
 * two ways (bare LF, folded headers, two names, a boundary with something behind it) is malformed. */
#ifndef LLM_MULTIPART_H
#define LLM_MULTIPART_H

#include "base/limits.h"
#include "base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MULTIPART_BOUNDARY_BYTES = 70 }; /* as RFC 2046 has it */

enum multipart_kind {
    MULTIPART_MORE,  /* nothing can be said before there are more bytes */
    MULTIPART_BEGIN, /* a part named `name` has its first byte at `at` */
    MULTIPART_CLOSE, /* it ended before `at` */
    MULTIPART_END,   /* the form is complete; what follows means nothing */
    MULTIPART_BAD,   /* it is no form: said again for everything that follows */
};

struct multipart_event {
    enum multipart_kind kind;
    struct span name; /* lent until the next call; cut off at LIMIT_FORM_NAME_BYTES */
    uint64_t at;
};

/* For multipart.c. */
enum multipart_state {
    MULTIPART_IN_DATA,     /* of a part, or in front of the first */
    MULTIPART_IN_BOUNDARY, /* behind "--B": what kind is it? */
    MULTIPART_IN_HEADER,
    MULTIPART_BEHIND,
    MULTIPART_LOST,
};

struct multipart {
    enum multipart_state state;
    uint64_t at;    /* bytes read */
    uint64_t first; /* where the first boundary stands, once a part has begun */
    uint64_t begun; /* where the data of this part begin */
    char boundary[MULTIPART_BOUNDARY_BYTES + 5]; /* CRLF and "--" in front of it */
    size_t boundary_size;
    size_t matched;                     /* of it */
    char line[LIMIT_FORM_HEADER_BYTES]; /* a header, or what stands behind a boundary */
    size_t line_size;
    size_t header_bytes; /* of this part */
    char name[LIMIT_FORM_NAME_BYTES];
    size_t name_size; /* of the name, however long */
    bool named;
    bool in_part; /* else: in front of the first */
    uint32_t parts;
};

/* Is this Content-Type a form's, with a boundary that can be looked for? Then `ret` lends it. */
bool multipart_boundary(struct span content_type, struct span *ret);

void multipart_init(struct multipart *form, struct span boundary);

/* Reads on until there is something to say; returns how many bytes it took, which is all of them
 * with MULTIPART_MORE, END and BAD. */
size_t multipart_next(struct multipart *form, struct span bytes, struct multipart_event *ret);

#endif
