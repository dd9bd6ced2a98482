/* fetch_dial: a connection, made by libcurl: it resolves the name, tries the addresses (IPv6 and IPv4
 * side by side), goes through a proxy, shakes hands in TLS; then it does nothing more of itself.
 *
 *     fetch_dial_start --> on_end --+--> the socket alone, where libcurl adds nothing to it; the dial
 *            |                      |    is closed at once
 *            |                      +--> the dial, over which bytes go as long as it is open
 *            +--- at any time --> fetch_dial_close
 */
#ifndef NET_FETCH_DIAL_H
#define NET_FETCH_DIAL_H

#include "net/fetch.h"

#include <curl/curl.h>
#include <stdbool.h>
#include <sys/types.h>

struct fetch_dial;
struct fetch_dials;
struct fetch_sockets;

/* Borrows the sockets and the share. */
struct fetch_dials *fetch_dials_new(struct loop *loop, struct fetch_sockets *sockets,
                                    CURLSH *share);
void fetch_dials_free(struct fetch_dials *dials); /* every dial must be closed */
void fetch_dials_tidy(struct fetch_dials *dials); /* as fetch_pool_tidy() */

/* It is over. FETCH_FINE: there is a connection. */
typedef void (*fetch_dialled_fn)(void *owner, enum fetch_failure failure);

/* libcurl starts with its next turn. The origin is borrowed until then. */
struct fetch_dial *fetch_dial_start(struct fetch_dials *dials,
                                    const struct fetch_origin *origin, fetch_dialled_fn ended,
                                    void *owner);

/* Takes the dial; what is open is closed. */
void fetch_dial_close(struct fetch_dial *dial);

/* ---- from on_end on ---- */

int fetch_dial_socket(const struct fetch_dial *dial);

/* Takes the dial and gives its socket, for an origin that is bare. */
int fetch_dial_take_over(struct fetch_dial *dial);

/* Bytes through libcurl. Less than 0: errno says why, EAGAIN among others; 0 of a read: its end. */
ssize_t fetch_dial_write(struct fetch_dial *dial, const void *bytes, size_t size);
ssize_t fetch_dial_read(struct fetch_dial *dial, void *bytes, size_t size);

/* Bytes have come, or may have, that epoll does not see: to be read until EAGAIN. */
bool fetch_dial_may_hold_bytes(const struct fetch_dial *dial);

#endif
