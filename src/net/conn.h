/* conn: one accepted socket, in clear text or TLS; what is above cannot tell which.
 *
 *     OPEN --conn_shut()--> SHUT --conn_close()--> CLOSING --libuv, then the reaper--> CLOSED
 *       |                                            ^
 *       +--------------- conn_close() ---------------+
 *
 * Reads of all connections of a hub land in one buffer and are handed up at once. What is written in
 * one turn of the loop leaves in one write at its end. Internal to net/. */
#ifndef NET_CONN_H
#define NET_CONN_H

#include "base/buf.h"
#include "base/list.h"
#include "base/span.h"
#include "net/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

struct conn;
struct tls;

/* What connections share. */
struct conn_hub {
    struct loop *loop;
    char *bytes;          /* where reads land */
    struct conn *filled;  /* its last read filled `bytes`: it reads on in the next turn */
    struct buf clear;     /* what was just decrypted */
    struct list greeting; /* connections whose TLS handshake waits for the next turn */
    unsigned greetings;   /* steps of handshakes in this turn */
    struct job end_turn;
};

void conn_hub_init(struct conn_hub *hub, struct loop *loop);
void conn_hub_done(struct conn_hub *hub);

/* What is told to the owner. */
struct conn_owner {
    /* Bytes came; they are valid during the call. On a connection that is SHUT, as they are. */
    void (*on_bytes)(struct conn *conn, struct span bytes);

    /* The client has closed or reset, or TLS failed. The owner calls conn_close(). */
    void (*on_end)(struct conn *conn);

    /* The kernel did not take everything: the client is slower than we are. */
    void (*on_stall)(struct conn *conn);

    /* Something was sent. */
    void (*on_sent)(struct conn *conn);

    /* The socket is closed and no callback will follow. The owner calls conn_done() and may free. */
    void (*on_closed)(struct conn *conn);
};

enum conn_state { CONN_OPEN, CONN_SHUT, CONN_CLOSING, CONN_CLOSED };

struct conn_write;
struct conn_tls;

/* Embed by value. */
struct conn {
    uint32_t magic;
    enum conn_state state;
    struct conn_hub *hub;
    const struct conn_owner *owner;
    struct buf out;             /* to the socket */
    struct conn_write *writing; /* what the kernel did not take at once; NULL: nothing */
    struct conn_tls *tls;       /* NULL: clear text */
    uint64_t sent;              /* bytes that left `out` */
    bool bulk;                  /* much is coming: read in pieces, as loop_may_move() says */
    uint64_t ticket;            /* for that */
    struct job job;             /* flush, and in the end reap */
    int fd;                     /* libuv's; -1: closed */
    uv_tcp_t tcp;
};

/* Takes `fd`, and a reference to `tls`, which may be NULL. Starts to read. False: the descriptor is
 * of no use; the connection is then to be closed as any other. */
bool conn_open(struct conn *conn, struct conn_hub *hub, const struct conn_owner *owner, int fd,
               struct tls *tls);

/* Lends the buffer to append to; its content leaves at the end of the turn. */
struct buf *conn_out(struct conn *conn);

size_t conn_unsent(const struct conn *conn); /* written, and the kernel has not taken it yet */
uint64_t conn_sent(const struct conn *conn); /* what the kernel has taken since the beginning */

/* Has the kernel left something of the last flush, and has not taken it yet? */
bool conn_is_stalled(const struct conn *conn);

/* Is the TLS handshake still going on? */
bool conn_greets(const struct conn *conn);

void conn_read_stop(struct conn *conn);
void conn_read_start(struct conn *conn);

/* Is this one of many bytes? Then others come first. */
void conn_set_bulk(struct conn *conn, bool bulk);

/* Bytes of the client that wait in the kernel. */
bool conn_has_unread(const struct conn *conn);

/* Says goodbye: nothing may be written any more. Everything written must have been sent. */
void conn_shut(struct conn *conn);

void conn_close(struct conn *conn); /* unsent bytes are dropped; twice is fine */
void conn_reset(struct conn *conn); /* the same, so that the client cannot take it for an end */
void conn_flush(struct conn *conn); /* now, instead of at the end of the turn */

void conn_done(struct conn *conn);

#endif
