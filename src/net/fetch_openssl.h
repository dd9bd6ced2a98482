/* fetch_openssl: what libcurl does not offer of its TLS. Where that is OpenSSL, which libcurl then lets us
 * have (CURLINFO_TLS_SSL_PTR), the functions are looked up in the very library that it has loaded: it
 * takes nothing to build, and there is no second OpenSSL in the process. Where it is another, or the
 * functions are not to be found, nothing is known of what stands in there. */
#ifndef NET_FETCH_OPENSSL_H
#define NET_FETCH_OPENSSL_H

#include <curl/curl.h>
#include <stdbool.h>

/* SSL_set_read_ahead() and SSL_has_pending(), as they are since OpenSSL 1.1.0; NULL: not there. */
struct fetch_openssl {
    void (*set_read_ahead)(void *ssl, int yes);
    int (*has_pending)(const void *ssl);
};

void fetch_openssl_init(struct fetch_openssl *openssl);

/* Lends the SSL of a handle, from libcurl's CURLOPT_PREREQFUNCTION on and while it is connected; NULL:
 * none, or not OpenSSL's. It reads as much at once as there is from now on, not first the five bytes
 * that begin a record, then the rest of it. */
void *fetch_openssl_take(const struct fetch_openssl *openssl, CURL *easy);

/* Bytes have left the socket, where epoll saw them, and were not given to us yet. */
bool fetch_openssl_holds(const struct fetch_openssl *openssl, const void *ssl);

#endif
