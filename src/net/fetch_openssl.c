#include "net/fetch_openssl.h"

#include <dlfcn.h>
#include <stddef.h>
#include <string.h>

/* POSIX lets a pointer to a function be copied out of a void *, C does not let it be cast. */
static void look_up(const char *name, void *ret_function)
{
    void *at = dlsym(RTLD_DEFAULT, name);

    memcpy(ret_function, &at, sizeof(at));
}

void fetch_openssl_init(struct fetch_openssl *openssl)
{
    look_up("SSL_set_read_ahead", (void *)&openssl->set_read_ahead);
    look_up("SSL_has_pending", (void *)&openssl->has_pending);
}

void *fetch_openssl_take(const struct fetch_openssl *openssl, CURL *easy)
{
    struct curl_tlssessioninfo *tls = NULL;

    if (openssl->set_read_ahead == NULL || openssl->has_pending == NULL ||
        curl_easy_getinfo(easy, CURLINFO_TLS_SSL_PTR, &tls) != CURLE_OK ||
        tls->backend != CURLSSLBACKEND_OPENSSL || tls->internals == NULL)
        return NULL;
    openssl->set_read_ahead(tls->internals, 1);
    return tls->internals;
}

bool fetch_openssl_holds(const struct fetch_openssl *openssl, const void *ssl)
{
    return openssl->has_pending(ssl) != 0;
}
