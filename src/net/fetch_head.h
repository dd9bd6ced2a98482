/* fetch_head: the head of an upstream's answer, read line by line, and what it says of the body behind
 * it. Neither libcurl nor llhttp is in here: a test feeds it lines.
 *
 * What another HTTP reader might understand differently makes the whole answer worthless: two lengths,
 * a length beside chunks, folded lines, NUL, a bare CR or LF, a name that is none. 1xx answers are
 * skipped, up to a number. */
#ifndef NET_FETCH_HEAD_H
#define NET_FETCH_HEAD_H

#include "base/buf.h"
#include "net/fetch.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Headers that are noted on the way, because nearly every answer is asked for them. */
enum fetch_known {
    FETCH_CONNECTION,
    FETCH_CONTENT_TYPE,
    FETCH_CONTENT_LENGTH,
    FETCH_CONTENT_ENCODING,
    FETCH_TRANSFER_ENCODING,
    FETCH_KNOWN,
};

struct fetch_head {
    unsigned status;  /* of the block that is being read; 0: its first line is to come */
    unsigned interim; /* 1xx answers so far */
    unsigned count;   /* lines of this block */
    bool complete;    /* of the final answer */
    bool old;         /* HTTP/1.0 */
    bool closes;      /* Connection: close */
    bool stays;       /* Connection: keep-alive */
    uint64_t length;  /* Content-Length, where there is one */
    struct buf lines;

    struct fetch_place {
        uint32_t at; /* in `lines`; 0: there is none */
        uint32_t size;
    } known[FETCH_KNOWN]; /* the value of the first of that name */
};

void fetch_head_init(struct fetch_head *head);
void fetch_head_done(struct fetch_head *head);
void fetch_head_reset(struct fetch_head *head); /* keeps some memory */

/* Takes a line with its end. FETCH_FINE, FETCH_PROTOCOL or FETCH_HEADER_TOO_LARGE; sets `complete` with
 * the empty line of the final answer. */
enum fetch_failure fetch_head_take(struct fetch_head *head, struct span line);

/* Lends the value of a header; at == NULL when there is none. */
struct span fetch_head_value(const struct fetch_head *head, const char *name);

/* ---- of a complete one ---- */

/* Where does the body end? */
enum fetch_framing {
    FETCH_FRAMED_BADLY, /* nobody can tell */
    FETCH_BODY_NONE,
    FETCH_BODY_LENGTH, /* after head->length bytes */
    FETCH_BODY_CHUNKED,
    FETCH_BODY_TO_CLOSE,
};

enum fetch_framing fetch_head_framing(const struct fetch_head *head);

/* May another request follow on the connection, as far as the head says? */
bool fetch_head_keeps(const struct fetch_head *head);

#endif
