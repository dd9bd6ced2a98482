/* fetch_transfer: the engine that leaves a call to libcurl from its request to the end of its answer:
 * all that libcurl can do, HTTP/2 and odd servers included. Internal to net/. */
#ifndef NET_FETCH_TRANSFER_H
#define NET_FETCH_TRANSFER_H

#include "net/fetch.h"

#include <curl/curl.h>

struct fetch_sockets;
struct fetch_transfers;

/* Borrows the sockets and the share. */
struct fetch_transfers *fetch_transfers_new(struct loop *loop, struct fetch_sockets *sockets,
                                            CURLSH *share);
void fetch_transfers_free(struct fetch_transfers *transfers); /* every call must be closed */

/* As fetch_pool_tidy(). */
bool fetch_transfers_tidy(struct fetch_transfers *transfers);

struct fetch *fetch_transfer_start(struct fetch_transfers *transfers,
                                   const struct fetch_request *request, struct task *task);

#endif
