/* fetch_direct: the engine that makes a call itself, in HTTP/1.1: libcurl connects (fetch_dial.h), the
 * connection is ours and kept for others (fetch_conn.h), the request is written as it stands
 * (fetch_send.h) and the answer read by llhttp (fetch_direct_answer.h). Internal to net/. */
#ifndef NET_FETCH_DIRECT_H
#define NET_FETCH_DIRECT_H

#include "net/fetch.h"

#include <curl/curl.h>

struct fetch_directs;
struct fetch_sockets;

/* Borrows the sockets and the share. */
struct fetch_directs *fetch_directs_new(struct loop *loop, struct fetch_sockets *sockets,
                                        CURLSH *share);
void fetch_directs_free(struct fetch_directs *directs); /* every call must be closed */

/* As fetch_pool_tidy(). */
bool fetch_directs_tidy(struct fetch_directs *directs, uint64_t rested_ms);

struct fetch *fetch_direct_start(struct fetch_directs *directs,
                                 const struct fetch_request *request, struct task *task);

#endif
