/* http_parse: the bytes of one HTTP/1.1 request, read; no sockets here.
 *
 *     HEAD --blank line, sound--> BODY   (body_state: COMING -> WHOLE | TOO_LARGE | MALFORMED)
 *       |
 *       +--------- unsound -----> REFUSED
 *
 * The head is looked at as it comes, and gathered where it comes in pieces, until its blank line; then
 * it is read in one piece; so nothing in it depends on how the network cut it. The result is the same
 * for every way of feeding the same bytes. */
#ifndef NET_HTTP_PARSE_H
#define NET_HTTP_PARSE_H

#include "base/buf.h"
#include "base/span.h"
#include "net/http.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http_message;
struct http_refusal;

enum http_parse_state { HTTP_PARSE_HEAD, HTTP_PARSE_REFUSED, HTTP_PARSE_BODY };

struct http_parse {
    enum http_parse_state state;
    enum http_body_state body_state;    /* in BODY */
    const struct http_refusal *refusal; /* in REFUSED */
    struct http_request request;        /* in BODY; headers lent until http_parse_reset() */
    struct buf body;
    size_t body_taken; /* what the owner has taken off the front of it */
    bool http_1_0;
    bool keep; /* when WHOLE: the client allows another request behind this one */

    /* The rest is for http_parse.c. */
    struct buf head; /* as it came, until it is complete */
    struct http_message
        *message; /* in BODY: llhttp, the headers and their text, in one block */
    size_t header_bytes_max;
    size_t header_bytes;      /* seen so far, those of trailers included */
    uint32_t extension_bytes; /* of chunks */
    uint32_t line_bytes;      /* of the current line, CR not counted */
    uint32_t lines;           /* complete and not empty */
    bool after_cr;
};

/* `config` is looked at now and not kept. */
void http_parse_init(struct http_parse *parse, const struct http_config *config);
void http_parse_done(struct http_parse *parse);

/* Ready for the next request; frees what the last one needed. */
void http_parse_reset(struct http_parse *parse, const struct http_config *config);

/* Reads on; returns how many bytes were taken. It stops behind the head, behind the body, and for
 * good at the first thing that is wrong. */
size_t http_parse_feed(struct http_parse *parse, struct span bytes);

/* Has anything of a request come? */
bool http_parse_begun(const struct http_parse *parse);

/* Does more of a body come than one read takes? */
bool http_parse_is_bulk(const struct http_parse *parse);

#endif
