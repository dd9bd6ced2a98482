/* listen: a listening socket, and the connections that it accepted. */
#ifndef NET_LISTEN_H
#define NET_LISTEN_H

#include "base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http_config;
struct listener;
struct loop;
struct tls;

struct listener_config {
    struct span address; /* "0.0.0.0:8080", "[::1]:0", "localhost:9090" (loopback only) */
    const struct http_config *http; /* borrowed */
    struct tls *tls;                /* NULL: clear text; takes a reference */
    size_t connections_max;         /* beyond that: 503 and close; 0: no maximum */
    bool reuse_port;
};

/* Gives a listener, or NULL with a sentence in ret_error (256 bytes): "127.0.0.1:80: permission
 * denied". */
struct listener *listener_open(struct loop *loop, const struct listener_config *config,
                               char *ret_error);

uint16_t listener_port(const struct listener *listener); /* the real one when 0 was asked for */
size_t listener_connections(const struct listener *listener);

/* New connections get the new certificate, running ones keep theirs. The configuration is for all,
 * see http.h. */
void listener_set_tls(struct listener *listener, struct tls *tls);
void listener_set_http(struct listener *listener, const struct http_config *http,
                       size_t connections_max);

/* Accepts who has connected so far and then no more; closes idle connections, and answers those
 * that have asked with Connection: close. */
void listener_drain(struct listener *listener);

/* Closes everything at once. The listener goes with the reaper, after its last connection. */
void listener_close(struct listener *listener);

#endif
