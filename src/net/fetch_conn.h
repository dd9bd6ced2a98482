/* fetch_conn: connections to upstreams, and those that are kept for the next request.
 *
 *     fetch_conn_new ----> USED --fetch_conn_rest--> RESTS --its time is over, it turns--> closed
 *     (a dial has ended)    ^  |                       |      readable, too many rest
 *                           |  +--fetch_conn_close--> closed
 *                           +------fetch_conn_take-----+
 *
 * The one that rested for the shortest time is taken first, so that few are kept warm. One that turns
 * readable while it rests was closed by the upstream, or the upstream talks out of turn: nothing that
 * it says may become the answer to the next request.
 *
 * A connection stays in epoll between requests: only pressure and closing take it out. */
#ifndef NET_FETCH_CONN_H
#define NET_FETCH_CONN_H

#include "net/fetch.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

struct fetch_conn;
struct fetch_conns;
struct fetch_dial;

/* Its user is told that it may read or write. */
typedef void (*fetch_conn_fn)(void *user, bool readable, bool writable);

struct fetch_conns *fetch_conns_new(struct loop *loop, fetch_conn_fn on_ready);
void fetch_conns_free(struct fetch_conns *conns); /* all must rest or be closed */

/* As fetch_pool_tidy(). */
bool fetch_conns_tidy(struct fetch_conns *conns, uint64_t rested_ms);

/* Takes the dial, which has ended well. */
struct fetch_conn *fetch_conn_new(struct fetch_conns *conns, struct fetch_origin *origin,
                                  struct fetch_dial *dial, void *user);

/* One that rests; NULL: none does. */
struct fetch_conn *fetch_conn_take(struct fetch_conns *conns, struct fetch_origin *origin,
                                   void *user);

/* Takes the connection: its request was sent whole, its answer read to the end and no further. One that
 * has more to say by now is closed. */
void fetch_conn_rest(struct fetch_conn *conn);

/* Takes the connection. */
void fetch_conn_close(struct fetch_conn *conn);

/* What to tell the user of. In the beginning: that it may read. */
void fetch_conn_watch(struct fetch_conn *conn, bool readable, bool writable);

/* Bytes go through the socket, and through nothing else. */
bool fetch_conn_is_bare(const struct fetch_conn *conn);

/* Bytes that have come stand in TLS, or may, where epoll does not see them: to be read until EAGAIN. */
bool fetch_conn_may_hold_bytes(const struct fetch_conn *conn);

/* As writev() and read(), without blocking and without signals. After a read which got FETCH_CONN_BULK_BYTES or as
 * much as there was room for, the user is told again even if nothing more comes; else when more does. */
enum { FETCH_CONN_BULK_BYTES = 16 * 1024 };

ssize_t fetch_conn_write(struct fetch_conn *conn, const struct iovec *pieces, size_t count);
ssize_t fetch_conn_read(struct fetch_conn *conn, void *bytes, size_t size);

#endif
