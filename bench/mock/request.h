/* request: one HTTP request as llhttp reads it, piece by piece. */
#ifndef MOCK_REQUEST_H
#define MOCK_REQUEST_H

#include "base/buf.h"
#include "base/span.h"

#include <llhttp.h>
#include <stdbool.h>
#include <stdint.h>

enum request_state {
    REQUEST_HEAD,     /* the headers are still coming */
    REQUEST_BODY,     /* the body is */
    REQUEST_COMPLETE, /* all is here */
    REQUEST_BAD,      /* this is no request, or one too large */
};

struct request {
    llhttp_t parser;
    enum request_state state;
    struct buf method;
    struct buf target; /* path and query as sent */
    struct buf fields; /* name NUL value NUL, ... in the order and case of the wire */
    struct buf body;
    bool keep_alive;
    bool old; /* HTTP/1.0: no chunks in the answer */
    bool expects_continue;
};

void request_init(struct request *request);
void request_done(struct request *request);

/* Ready for the next request on the connection. */
void request_reset(struct request *request);

/* Borrows `bytes`, gives how many of them belong to this request. */
size_t request_feed(struct request *request, struct span bytes);

/* The value of the first header `name` (any case), lent; empty when there is none. */
struct span request_field(const struct request *request, const char *name);

/* Takes the next header off *rest, which starts as the span of `fields`; false at the end. */
bool request_next_field(struct span *rest, struct span *ret_name, struct span *ret_value);

struct span request_path(const struct request *request);

/* The value of `name` in the query, as sent; empty when there is none. */
struct span request_query(const struct request *request, const char *name);

#endif
