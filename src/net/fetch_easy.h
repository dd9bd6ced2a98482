/* fetch_easy: what libcurl is told: about every call of this process, and about where one goes. */
#ifndef NET_FETCH_EASY_H
#define NET_FETCH_EASY_H

#include "net/fetch_origin.h"

#include <curl/curl.h>

/* A kept connection, of either engine: closed when it rested so long, or got so old, that balancers
 * and changes of DNS want their due. */
enum { FETCH_IDLE_MS_MAX = 45 * 1000, FETCH_LIFE_MS_MAX = 600 * 1000 };

/* The functions that libcurl calls for a fetch. */
struct fetch_callbacks {
    curl_opensocket_callback open_socket;
    curl_closesocket_callback close_socket; /* gets the sockets, not the fetch */
    curl_prereq_callback connected;
    curl_write_callback header;
    curl_write_callback body;
    curl_read_callback upload;
};

/* For the life of the handle. `call` is what the callbacks get. */
void fetch_easy_init(CURL *easy, const struct fetch_callbacks *callbacks, void *call,
                     void *sockets, CURLSH *share);

/* Until another origin is set. */
void fetch_easy_set_origin(CURL *easy, const struct fetch_origin *origin);

/* Gives the URL of a place behind that of the origin, for CURLOPT_CURLU: to be freed when the handle has been
 * given another, or is not used any more. `path` begins with a slash, and is already encoded. */
CURLU *fetch_easy_url(const struct fetch_origin *origin, const char *path);

/* What a result means, where nothing better is known. `in_body`: the head was complete. */
enum fetch_failure fetch_easy_failure(CURL *easy, CURLcode result, bool in_body);

#endif
