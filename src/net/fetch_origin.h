/* fetch_origin: where calls go, read once: what libcurl is told of it, and what is written over a
 * connection to it. Internal to net/. */
#ifndef NET_FETCH_ORIGIN_H
#define NET_FETCH_ORIGIN_H

#include "net/fetch.h"

#include <curl/curl.h>

struct fetch_origin {
    CURLU *url;
    char *ca_file;
    char *proxy;
    uint64_t number; /* told apart by number: an address may come again */
    bool http2;
    bool deny_private;

    bool direct;  /* the engine of its calls */
    bool bare;    /* a connection to it is a socket and nothing else: no TLS, no proxy */
    char *path;   /* "/v1/chat/completions"; empty when there is none */
    char *query;  /* "?a=b", or empty */
    char *target; /* "/v1/chat/completions HTTP/1.1\r\n" */
    char *host;   /* "Host: api.example:8080\r\n" */
    char *site;   /* calls may share connections where this is the same */

    /* The one place where these rest, found once: fetch_conn.c. */
    const void *rest_of; /* whose connections; NULL: not found yet */
    void *rest;
};

#endif
