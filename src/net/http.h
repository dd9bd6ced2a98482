/* http: one client connection's HTTP/1.1, read by llhttp plus the checks that llhttp lacks.
 *
 *     idle --bytes--> head --complete--> on_head() --> body ... --> reply ... --> http_end() --+
 *      ^                |                                                                      |
 *      |                +-- malformed, too big, too slow: refused here, connection closed      |
 *      +---------------------------------------------------------------------- keep-alive -----+
 *
 * One request at a time: what a client pipelines behind it waits, unparsed and bounded. Everything
 * after on_head is a fact that the owner of the exchange asks for; its task is woken when one
 * changes. `struct http` is valid from on_head until http_end(), also when the client has gone.
 *
 * Refused here (with `write_error`'s body and a close): unparsable HTTP 400, HTTP/0.9 and 2.0 505,
 * request target 414, headers 431, an unknown transfer coding 501, no complete head in time 408,
 * CONNECT and TRACE 405, an expectation other than 100-continue 417, too many connections 503,
 * Content-Length with Transfer-Encoding, obs-fold, bare CR or LF, missing or doubled Host, two
 * Authorization headers 400. An offered upgrade (WebSocket, h2c) is declined by an answer in
 * HTTP/1.1. A reply that cannot keep the connection says so: the body was not read to its end, the
 * listener drains, or the client asked for it. */
#ifndef NET_HTTP_H
#define NET_HTTP_H

#include "base/buf.h"
#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

struct http;
struct task;

enum http_method {
    HTTP_GET,
    HTTP_HEAD,
    HTTP_POST,
    HTTP_PUT,
    HTTP_DELETE,
    HTTP_OPTIONS,
    HTTP_OTHER
};

struct http_header {
    struct span name; /* as sent; compare without regard to case */
    struct span value;
};

/* Lent until http_end(). */
struct http_request {
    enum http_method method;
    struct span path;  /* the raw path: exact, never normalised */
    struct span query; /* without the '?' */
    const struct http_header *headers;
    size_t header_count;
    uint64_t missing; /* bits by http_name_bit() that no header has: all 0 says nothing */
    uint64_t alone;   /* likewise, that at most one header has */
    uint64_t content_length; /* 0 also when chunked */
    bool has_body;
    bool expects_continue;
    uint64_t received_us; /* clock_us() at the first byte of the head */
    const char *peer;     /* "127.0.0.1" */
};

/* Of a header's name, by its size, first and last letter. Most headers that are asked for are not
 * there, and this tells so at once. */
static inline uint64_t http_name_bit(struct span name)
{
    unsigned letters =
        ((unsigned)name.at[0] & 31) * 15 + ((unsigned)name.at[name.size - 1] & 31);

    return (uint64_t)1 << ((name.size * 18 + letters) & 63);
}

/* The value of the first header called so, or the empty span with at == NULL. */
struct span http_header_find(const struct http_request *request, struct span name);

static inline struct span http_header(const struct http_request *request, const char *name)
{
    if (request->missing & http_name_bit(span_from(name)))
        return (struct span){ NULL, 0 };
    return http_header_find(request, span_from(name));
}

enum http_body_state {
    HTTP_BODY_COMING,
    HTTP_BODY_WHOLE,
    HTTP_BODY_TOO_LARGE, /* beyond http_config.body_bytes_max */
    HTTP_BODY_TOO_SLOW,
    HTTP_BODY_MALFORMED,
};

/* What the owner may set for all connections of a listener; borrowed until the listener is given
 * another or has closed. A limit that changes holds from the next request on, a clock from when it is
 * next started. 0 is none: a clock that stands still, a size that is bounded only by limits.h. */
struct http_config {
    size_t header_bytes_max;
    size_t body_bytes_max;
    uint32_t header_ms; /* first byte to complete head */
    uint32_t
        body_ms; /* http_continue() to complete body; of one that is streamed, each silence */
    uint32_t write_ms;     /* without progress of a reply that the client does not read */
    uint32_t keepalive_ms; /* idle between requests */

    /* A request's head is complete: take it. Returns the task to wake, now and with every later
     * fact. Called from libuv's callback, so it may set up an exchange but not reply yet. */
    struct task *(*on_head)(void *context, struct http *http);

    /* Writes the body of an error that is answered before on_head: status, the contract's code and
     * a sentence. Also the place to count and log it. */
    void (*write_error)(void *context, const char *peer, unsigned status, const char *code,
                        const char *message, struct buf *ret_body);
    void *context;
};

/* ---- facts ---- */

const struct http_request *http_request(const struct http *http);
enum http_body_state http_body_state(const struct http *http);

/* Lends the body received so far and not consumed, until http_end(). Only a whole body stays where it
 * is. Of one that is longer than a read (LIMIT_READ_BYTES) the owner is told as it comes, so that
 * it need not look at all of it at once. */
struct span http_body(const struct http *http);

/* What the owner remembers between the requests of one connection: empty at first, takes
 * LIMIT_MEMORY_BYTES, wiped at the end. */
struct buf *http_memory(struct http *http);

/* Nobody needs the body any more: its memory goes before the request ends. */
void http_forget_body(struct http *http);

/* The client has closed, reset, or stopped reading for too long. What is written is dropped. */
bool http_gone(const struct http *http);

/* How many bytes may be written before the client has to read: 0 when the reply piles up. The task
 * is woken when there is room again. */
size_t http_room(const struct http *http);

/* Bytes of reply handed to the socket or waiting for it, head and framing included. */
uint64_t http_bytes_out(const struct http *http);

/* ---- steps ---- */

/* The owner wants the body: sends 100 Continue when the client waits for it. Until then no more than its
 * beginning is read (LIMIT_HELD_BODY_BYTES), and no clock runs: whoever makes a client wait keeps
 * little of it in memory. A client that leaves while more than that is on its way is noticed when
 * reading goes on. */
void http_continue(struct http *http);

/* Likewise, and the owner takes the body as it comes: it is woken by every piece, and reading stops
 * while LIMIT_HELD_BODY_BYTES wait for it. */
void http_stream_body(struct http *http);

/* Takes `size` bytes off the front of a body that is streamed. */
void http_consume(struct http *http, size_t size);

enum { HTTP_LENGTH_UNKNOWN = -1 };

/* Starts the reply. `headers` are whole lines with CRLF; framing, Date and Connection are added
 * here. `length` HTTP_LENGTH_UNKNOWN means chunked (or until close, for HTTP/1.0). */
void http_reply(struct http *http, unsigned status, struct span headers, int64_t length);

/* Appends to the reply; copies. A HEAD request's reply drops it. */
void http_write(struct http *http, struct span bytes);

/* The reply is complete. Nothing of this request may be touched afterwards. `keep` false closes the
 * connection once everything is sent. */
void http_end(struct http *http, bool keep);

/* The reply cannot be completed honestly: cut the connection so that the client notices. Stands in
 * place of http_end(). */
void http_abort(struct http *http);

#endif
