/* http_serve: a client connection from accept to close; http.h shows of it what one exchange needs.
 *
 *     IDLE --byte--> HEAD --sound--> EXCHANGE --http_end(), last one--> LEAVE --sent--> CLOSED
 *      ^              |                 | | |                             |               ^
 *      |              |                 | | +--client left--> GONE -------+-http_end()----+
 *      |              +----refused------+-|-------------------^           |               |
 *      +------------ http_end() ----------+                               +--> LINGER ----+
 *
 * LINGER: everything was sent but the client may still be sending; to close now would make the
 * kernel send a reset, and the client might lose our last words. Internal to net/. */
#ifndef NET_HTTP_SERVE_H
#define NET_HTTP_SERVE_H

#include "base/buf.h"
#include "base/list.h"
#include "net/conn.h"
#include "net/http.h"
#include "net/http_parse.h"
#include "net/http_reply.h"
#include "net/loop.h"
#include "net/shed.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* In order: from GONE on, nobody wants what the client sends. */
enum serve_state {
    SERVE_IDLE,     /* no byte of a request is here */
    SERVE_HEAD,     /* a head is coming */
    SERVE_EXCHANGE, /* from on_head to http_end() */
    SERVE_GONE,     /* the client left, the exchange has not ended yet */
    SERVE_LEAVE,    /* the last reply is being sent */
    SERVE_LINGER,
    SERVE_CLOSED,
};

/* What the connections of one listener share. */
struct http_front {
    struct conn_hub hub;
    const struct http_config *config;
    struct list connections;
    size_t connection_count;
    struct http_date date;
    struct shed shed; /* bodies that nobody needs any more */
    bool draining;
    bool closing;
    struct job emptied; /* runs when the last connection is gone, after http_front_close() */
};

struct http {
    struct conn conn;
    struct http_front *front;
    struct list link; /* in front->connections */
    enum serve_state state;
    struct http_parse parse;
    struct buf ahead;   /* came behind the request that is being served */
    struct task task;   /* runs when a clock may have run out, and for what is in `ahead` */
    struct task *owner; /* the exchange's */

    /* Clocks; 0: not running. */
    uint64_t due_ms;   /* of the state */
    uint64_t stall_ms; /* when the client last took something of what waits for it */
    uint64_t stall_sent;
    uint64_t linger_end_ms;

    /* The reply. */
    uint64_t bytes_out;
    uint64_t length_left; /* of a reply with Content-Length */
    uint64_t dropped;     /* bytes that came and nobody wanted */
    enum http_framing framing;
    bool replied;
    bool keep;     /* the reply promised that another request may follow */
    bool full;     /* the owner was told so and waits for room */
    bool lingers;  /* the request was not read to its end */
    bool held;     /* http_continue() was not called: of the body only its beginning is read */
    bool streamed; /* the owner takes the body as it comes */
    struct buf memory; /* the owner's, for the life of the connection */
    char peer[46];
};

/* `config` is borrowed until another is set or the last connection is closed. */
void http_front_init(struct http_front *front, struct loop *loop,
                     const struct http_config *config);
void http_front_done(struct http_front *front);

void http_front_drain(struct http_front *front);
void http_front_close(struct http_front *front);

/* Takes the accepted socket and a reference to `tls`, which may be NULL. */
struct http *http_open(struct http_front *front, int fd, struct tls *tls, const char *peer);

/* Answers 503 to whatever comes, and closes. */
void http_turn_away(struct http *http);

/* For http.c: nobody needs the body any more. */
void http_serve_forget(struct http *http);

/* For http.c: the owner wants the body. */
void http_serve_continue(struct http *http);

/* For http.c: the owner has taken some of a body that is streamed. */
void http_serve_pace(struct http *http);

/* For http.c: the exchange is over. */
void http_serve_next(struct http *http);  /* the connection may carry another request */
void http_serve_leave(struct http *http); /* it may not */
void http_serve_drop(struct http *http);  /* and is closed now */

#endif
