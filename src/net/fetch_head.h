/* fetch_head: the head of an upstream's answer, line by line, with the checks that libcurl and llhttp
 * lack. Neither is in here: a test feeds it lines.
 *
 * What another HTTP reader might understand differently makes the whole answer worthless: two lengths,
 * a length beside chunks, folded lines, NUL, a bare CR or LF. 1xx answers are skipped, up to a number. */
#ifndef NET_FETCH_HEAD_H
#define NET_FETCH_HEAD_H

#include "base/buf.h"
#include "net/fetch.h"

#include <stdbool.h>

struct fetch_head {
    unsigned status;  /* of the block that is being read; 0: its first line is to come */
    unsigned interim; /* 1xx answers so far */
    unsigned count;   /* lines of this block */
    bool length_seen;
    bool chunked_seen;
    bool complete; /* of the final answer */
    struct buf lines;
};

void fetch_head_init(struct fetch_head *head);
void fetch_head_done(struct fetch_head *head);
void fetch_head_reset(struct fetch_head *head); /* keeps some memory */

/* Takes a line with its end. FETCH_FINE, FETCH_PROTOCOL or FETCH_HEADER_TOO_LARGE; sets `complete` with
 * the empty line of the final answer. */
enum fetch_failure fetch_head_take(struct fetch_head *head, struct span line);

/* Lends the value of a header; at == NULL when there is none. */
struct span fetch_head_value(const struct fetch_head *head, const char *name);

#endif
