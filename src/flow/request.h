/* request: what every request says of itself in its headers, whoever answers it. */
#ifndef FLOW_REQUEST_H
#define FLOW_REQUEST_H

#include "base/arena.h"
#include "base/span.h"

#include <stdint.h>

struct http_request;

/* The client's x-request-id when it can stand in a log and a header as it is (visible ASCII, at most
 * LIMIT_CLIENT_REQUEST_ID_BYTES); else `req_` and 26 letters and digits. Lends from the arena; moves
 * `random` on. */
const char *request_id(const struct http_request *request, struct arena *arena,
                       uint64_t *random);

/* The key that a client shows: x-api-key, api-key, x-goog-api-key, or Authorization: Bearer; at == NULL:
 * none. */
struct span request_key(const struct http_request *request);

/* The values of several headers, in one walk: of each the first; at == NULL where there is none. */
void request_headers(const struct http_request *request, const struct span *names, size_t count,
                     struct span *ret);

/* A parameter of the query, still percent-encoded; at == NULL: it is not there. */
struct span request_query(const struct http_request *request, const char *name);

#endif
