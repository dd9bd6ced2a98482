/* http_check: what llhttp lets pass and we do not. Pure functions over a head that is complete.
 *
 * Most rules are here because somewhere a proxy and a server read the same bytes differently: what
 * two readers could understand in two ways is refused. */
#ifndef NET_HTTP_CHECK_H
#define NET_HTTP_CHECK_H

#include "base/span.h"

#include <stdbool.h>

struct http_request;

/* One row per reason; `code` is the contract's. */
struct http_refusal {
    unsigned status;
    const char *code;
    const char *message;
};

extern const struct http_refusal http_refusal_syntax;
extern const struct http_refusal http_refusal_line_end;
extern const struct http_refusal http_refusal_folded;
extern const struct http_refusal http_refusal_control;
extern const struct http_refusal http_refusal_target_long;
extern const struct http_refusal http_refusal_headers_large;
extern const struct http_refusal http_refusal_headers_many;
extern const struct http_refusal http_refusal_slow;
extern const struct http_refusal http_refusal_overloaded;

/* What the request line says. */
struct http_line {
    struct span method;
    struct span authority; /* of a target in absolute form; at == NULL otherwise */
    struct span path;
    struct span query;
    bool http_1_0;
};

/* Reads a request line without its CRLF. Returns NULL and fills *ret, or why it is refused. */
const struct http_refusal *http_check_line(struct span text, struct http_line *ret);

/* Looks at the headers of `request`, whose line said `line`. Returns NULL, or why it is refused.
 * Sets request->expects_continue. */
const struct http_refusal *http_check_headers(struct http_request *request,
                                              const struct http_line *line);

/* Why a Transfer-Encoding that llhttp did not accept is refused: 501 when it names a coding that
 * exists but is not spoken here, 400 when it is nonsense. */
const struct http_refusal *http_check_coding(const struct http_request *request);

#endif
