/* fetch: one upstream call. This header hides which engine makes it, the same for all calls to an
 * origin: a connection of our own (fetch_direct.c), or a transfer of libcurl (fetch_transfer.c).
 *
 *     CONNECT --> WAIT --> BODY --> DONE
 *        |         |        |
 *        +---------+--------+-----> FAILED (fetch_failure says how)
 *
 * The request's body is borrowed whole, or fed piece by piece while it goes up. The answer's body
 * arrives in a bounded inbox; when the owner does not take it, the transfer is paused and TCP slows the
 * upstream down. The owner's task is woken by every change. Nothing here
 * retries, times out, follows or decides: clocks and second tries belong to flow/. */
#ifndef NET_FETCH_H
#define NET_FETCH_H

#include "base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fetch;
struct fetch_origin;
struct fetch_pool;
struct loop;
struct task;

/* All connections and handles of the process. */
struct fetch_pool *fetch_pool_new(struct loop *loop);
void fetch_pool_free(struct fetch_pool *pool); /* every fetch must be closed */

/* After a peak: frees what is kept for further calls and is soon made anew, and closes connections that
 * have rested for so long, but for some. A little at a time: false when there is no more. */
bool fetch_pool_tidy(struct fetch_pool *pool, uint64_t rested_ms);

/* ---- where to: parsed once, used by many ---- */

enum fetch_engine_choice {
    FETCH_ENGINE_AUTO,   /* direct, where that can do it as libcurl would */
    FETCH_ENGINE_DIRECT, /* HTTP/1.1 only */
    FETCH_ENGINE_TRANSFER,
};

struct fetch_origin_config {
    const char
        *url; /* whole: scheme, host, port, path; from the configuration, never a client */
    const char *ca_file; /* NULL: the system's */
    const char *proxy;   /* NULL: none, whatever the environment says */
    enum fetch_engine_choice engine;
    bool http2;        /* by a transfer */
    bool deny_private; /* refuse loopback and private addresses: the name is a public one */
};

/* Gives an origin, or NULL when the URL is not one of http or https. */
struct fetch_origin *fetch_origin_new(const struct fetch_origin_config *config);
void fetch_origin_free(struct fetch_origin *origin); /* no fetch may use it */

/* ---- one call ---- */

struct fetch_request {
    struct fetch_origin *origin; /* borrowed until fetch_close() */
    const char *path;            /* behind that of the origin, with its query; NULL: nothing */
    bool get;                    /* GET without a body; else POST */
    bool small_reads;        /* the answer comes in small pieces: spend little memory on it */
    struct span headers;     /* whole lines with CRLF; borrowed until fetch_close() */
    const struct span *body; /* pieces; they and the array are borrowed until fetch_close() */
    size_t body_count;
    bool fed; /* `body` is not used: fetch_feed() gives it */
    int64_t
        fed_length; /* of all that will be fed; FETCH_LENGTH_UNKNOWN: it goes up in chunks */
};

enum { FETCH_LENGTH_UNKNOWN = -1 };

/* Gives a call in phase CONNECT. `task` is borrowed until fetch_close(). */
struct fetch *fetch_start(struct fetch_pool *pool, const struct fetch_request *request,
                          struct task *task);

enum fetch_phase {
    FETCH_CONNECT, /* name, TCP, TLS */
    FETCH_WAIT,    /* connected; the head of the answer is not here yet */
    FETCH_BODY,    /* status and headers are here; the body is coming */
    FETCH_DONE,    /* the answer is complete */
    FETCH_FAILED,
};

enum fetch_failure {
    FETCH_FINE,
    FETCH_NO_DNS,
    FETCH_NO_CONNECTION,  /* refused, unreachable */
    FETCH_NO_TLS,         /* certificate, host name, handshake */
    FETCH_ADDRESS_DENIED, /* the name led to an address that it must not lead to */
    FETCH_NO_SOCKET,      /* this process is out of file descriptors */
    FETCH_RESET,          /* closed or reset before the head was complete */
    FETCH_TRUNCATED,      /* closed or reset inside the body */
    FETCH_PROTOCOL,       /* not HTTP, or framed so that it cannot be trusted */
    FETCH_HEADER_TOO_LARGE,
};

/* ---- a body that is fed ---- */

/* How many bytes may be fed now. The task is woken when there is room again, so that an upstream that
 * reads slowly makes whoever feeds it wait. What a call that is over is fed is dropped. */
size_t fetch_feed_room(const struct fetch *fetch);

void fetch_feed(struct fetch *fetch,
                struct span bytes); /* copies; at most as much as there is room */
void fetch_feed_end(
    struct fetch *fetch); /* that was all of it: fed_length bytes, where that is known */

/* ---- what comes of it ---- */

enum fetch_phase fetch_phase(const struct fetch *fetch);
enum fetch_failure fetch_failure(const struct fetch *fetch);

/* The failed call went over a kept connection that the upstream had closed meanwhile, and not one
 * byte of an answer came: to try the same target again at once is safe. */
bool fetch_was_stale(const struct fetch *fetch);

unsigned fetch_status(const struct fetch *fetch); /* 0 before BODY */

/* Lends the value of a header of the answer; at == NULL when there is none. From BODY on. */
struct span fetch_header(const struct fetch *fetch, const char *name);

/* Lends what has arrived of the body and was not consumed, until the next call or turn. */
struct span fetch_bytes(const struct fetch *fetch);
void fetch_consume(struct fetch *fetch, size_t size);

/* Bytes of the body that have arrived, consumed or not. */
uint64_t fetch_received(const struct fetch *fetch);

/* Everything in the inbox is needed and may not be enough: let it grow up to `size` bytes, until most of
 * it was taken. */
void fetch_widen(struct fetch *fetch, size_t size);

/* The headers of the answer are not needed any more. True: neither is the request's body. */
bool fetch_forget(struct fetch *fetch);

/* When the connection stood and when the first byte of the answer came, clock_us(); 0: not yet. */
uint64_t fetch_connected_us(const struct fetch *fetch);
uint64_t fetch_first_byte_us(const struct fetch *fetch);

/* Takes the fetch. A call that still runs is cancelled: its connection is closed in this turn. */
void fetch_close(struct fetch *fetch);

#endif
