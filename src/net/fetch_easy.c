#include "net/fetch_easy.h"

#include "base/buf.h"

#include <string.h>

/* ---- every call ---- */

/* What every call of this process has in common: set once for the life of the handle. */
void fetch_easy_init(CURL *easy, const struct fetch_callbacks *callbacks, void *call,
                     void *sockets, CURLSH *share)
{
    (void)curl_easy_setopt(easy, CURLOPT_SHARE, share);
    (void)curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L); /* never wait for getaddrinfo */
    (void)curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    (void)curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    (void)curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    (void)curl_easy_setopt(easy, CURLOPT_HTTP09_ALLOWED, 0L);
    (void)curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L); /* a proxy's */
    (void)curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    (void)curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    (void)curl_easy_setopt(easy, CURLOPT_CAPATH, NULL); /* it would switch the CA cache off */
    (void)curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, 16L * 1024);
    (void)curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, 30L);
    (void)curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, 10L);
    (void)curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, (long)FETCH_IDLE_MS_MAX / 1000);
    (void)curl_easy_setopt(easy, CURLOPT_MAXLIFETIME_CONN, (long)FETCH_LIFE_MS_MAX / 1000);
    (void)curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, callbacks->open_socket);
    (void)curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, call);
    (void)curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, callbacks->close_socket);
    (void)curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, sockets);
    (void)curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, callbacks->connected);
    (void)curl_easy_setopt(easy, CURLOPT_PREREQDATA, call);
    (void)curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, callbacks->header);
    (void)curl_easy_setopt(easy, CURLOPT_HEADERDATA, call);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, callbacks->body);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEDATA, call);
    /* There is no function to rewind a body: libcurl cannot send a large one twice. For small ones
     * `connected` sees to it. */
    (void)curl_easy_setopt(easy, CURLOPT_READFUNCTION, callbacks->upload);
    (void)curl_easy_setopt(easy, CURLOPT_READDATA, call);
}

void fetch_easy_set_origin(CURL *easy, const struct fetch_origin *origin)
{
    static const char system_cas[] = "/etc/ssl/certs/ca-certificates.crt";

    (void)curl_easy_setopt(easy, CURLOPT_CURLU, origin->url);
    (void)curl_easy_setopt(easy, CURLOPT_CAINFO,
                           origin->ca_file ? origin->ca_file : system_cas);
    (void)curl_easy_setopt(easy, CURLOPT_PROXY, origin->proxy ? origin->proxy : "");
    (void)curl_easy_setopt(easy, CURLOPT_NOPROXY, origin->proxy ? "" : "*");
    (void)curl_easy_setopt(
        easy, CURLOPT_HTTP_VERSION,
        (long)(origin->http2 ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1));
}

CURLU *fetch_easy_url(const struct fetch_origin *origin, const char *path)
{
    CURLU *url = curl_url_dup(origin->url);
    const char *query = strchr(path, '?');
    size_t size = query ? (size_t)(query - path) : strlen(path);
    char *before = NULL;
    struct buf whole;

    buf_init(&whole, SIZE_MAX / 2);
    (void)curl_url_get(url, CURLUPART_PATH, &before, 0);
    if (before && strcmp(before, "/") != 0)
        (void)buf_add_text(&whole, before);
    curl_free(before);
    (void)buf_append(&whole, path, size);
    (void)curl_url_set(url, CURLUPART_PATH, buf_text(&whole), 0);
    if (query)
        (void)curl_url_set(url, CURLUPART_QUERY, query + 1, 0);
    buf_done(&whole);
    return url;
}

/* ---- how it ended ---- */

/* CURLE_TOO_LARGE of libcurl 8.6 and later; before, it called that out of memory. */
enum { RESULT_TOO_LARGE = 100 };

enum fetch_failure fetch_easy_failure(CURL *easy, CURLcode result, bool in_body)
{
    long system_error = 0;

    if (result == CURLE_COULDNT_CONNECT)
        return FETCH_NO_CONNECTION;
    if (result == CURLE_COULDNT_RESOLVE_HOST || result == CURLE_COULDNT_RESOLVE_PROXY)
        return FETCH_NO_DNS;
    if (result == CURLE_SSL_CONNECT_ERROR || result == CURLE_PEER_FAILED_VERIFICATION ||
        result == CURLE_SSL_CERTPROBLEM || result == CURLE_SSL_CACERT_BADFILE ||
        result == CURLE_SSL_ISSUER_ERROR || result == CURLE_SSL_PINNEDPUBKEYNOTMATCH)
        return FETCH_NO_TLS;
    if (result == CURLE_UNSUPPORTED_PROTOCOL || result == CURLE_WEIRD_SERVER_REPLY ||
        result == CURLE_BAD_CONTENT_ENCODING || result == CURLE_READ_ERROR ||
        result == CURLE_WRITE_ERROR)
        return FETCH_PROTOCOL;
    if (!in_body && (result == CURLE_OUT_OF_MEMORY || (int)result == RESULT_TOO_LARGE))
        return FETCH_HEADER_TOO_LARGE; /* a single line that libcurl would not hold */
    if (result == CURLE_RECV_ERROR && in_body) {
        /* Wrong chunks come under the same name as a reset; but of a reset the system knows. */
        (void)curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &system_error);
        return system_error ? FETCH_TRUNCATED : FETCH_PROTOCOL;
    }
    return in_body ? FETCH_TRUNCATED : FETCH_RESET;
}
