/* fetch_socket: the sockets of upstream connections, and their place in epoll.
 *
 * A connection that libcurl keeps for later stays registered, so that its next request costs no
 * epoll_ctl; only closing takes it out. A connection that turns readable while it rests was closed by
 * the upstream, or the upstream talks out of turn. What it says must not become the answer to the next
 * request: it is thrown away and the socket shut down, so that libcurl drops the connection when it
 * looks for one to use. (libcurl 7.88 itself takes a connection with unread bytes for a good one.) */
#ifndef NET_FETCH_SOCKET_H
#define NET_FETCH_SOCKET_H

#include <stdbool.h>

struct fetch_sockets;
struct loop;
struct sockaddr;

struct fetch_sockets *fetch_sockets_new(struct loop *loop);
void fetch_sockets_free(struct fetch_sockets *sockets); /* its loop runs once more afterwards */

/* `events` as libcurl's CURL_CSELECT bits; 0: unknown, it should look itself. */
typedef void (*fetch_ready_fn)(void *owner, int fd, int events);

/* A non-blocking socket, or -1 with errno. */
int fetch_socket_open(struct fetch_sockets *sockets, int family, int type, int protocol);
void fetch_socket_close(struct fetch_sockets *sockets, int fd);

/* Forgets the socket without closing it: somebody else watches it from now on. */
void fetch_socket_release(struct fetch_sockets *sockets, int fd);

/* It is a connection now, and fetch_socket_close() will end it. Before, libcurl closes a socket
 * without telling us, when the call is cancelled or another address of the host was faster. */
void fetch_socket_keep(struct fetch_sockets *sockets, int fd);

/* The call over it is complete, and the connection waits for another. */
void fetch_socket_rest(struct fetch_sockets *sockets, int fd);

/* `want`: CURL_POLL_IN, OUT, INOUT; 0: nobody waits for it at the moment. */
void fetch_socket_watch(struct fetch_sockets *sockets, int fd, int want, void *owner,
                        fetch_ready_fn on_ready);

/* Link-local addresses (where clouds keep their metadata) are never an upstream; loopback and
 * private ones are not when `deny_private`. */
bool fetch_address_denied(const struct sockaddr *address, bool deny_private);

#endif
