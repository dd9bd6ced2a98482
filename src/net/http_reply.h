/* http_reply: writes the head of a reply. Bytes into a buf; no sockets here. */
#ifndef NET_HTTP_REPLY_H
#define NET_HTTP_REPLY_H

#include "base/buf.h"
#include "base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How the client learns where the body ends. */
enum http_framing {
    HTTP_FRAMED_NONE,   /* no body at all: HEAD, 204, 304 */
    HTTP_FRAMED_LENGTH, /* Content-Length */
    HTTP_FRAMED_CHUNKED,
    HTTP_FRAMED_CLOSE, /* by the end of the connection */
};

/* The Date header, made once a second. All zero is a valid start. */
struct http_date {
    uint64_t second;
    size_t size;
    char line[64];
};

struct http_reply_head {
    unsigned status;
    struct span headers; /* whole lines with CRLF */
    int64_t length;      /* -1: unknown */
    bool head_request;   /* the reply announces a body that is not sent */
    bool http_1_0;
    bool keep; /* another request may follow on the connection */
};

/* The framing that such a reply has. HTTP_FRAMED_CLOSE leaves no room for another request. */
enum http_framing http_reply_framing(const struct http_reply_head *head);

/* Appends status line and headers, blank line included. */
void http_reply_write(struct buf *out, const struct http_reply_head *head,
                      struct http_date *date, uint64_t wall_ms);

/* "Not Found"; never NULL. */
const char *http_status_text(unsigned status);

#endif
