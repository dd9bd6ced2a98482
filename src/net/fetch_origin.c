#include "net/fetch_origin.h"

#include "base/buf.h"
#include "base/mem.h"

#include <assert.h>
#include <string.h>

enum { TEXT_BYTES_MAX = 64 * 1024 };

static char *copy(const char *text)
{
    return text ? mem_copy(text, strlen(text)) : NULL;
}

/* Appends a part of the URL; nothing where it has none. */
static void add_part(struct buf *out, const char *before, CURLU *url, CURLUPart part,
                     unsigned flags)
{
    char *text = NULL;

    if (curl_url_get(url, part, &text, flags) == CURLUE_OK && text)
        (void)buf_add_texts(out, before, text, NULL);
    curl_free(text);
}

static bool has(CURLU *url, CURLUPart part)
{
    char *text = NULL;
    bool there = curl_url_get(url, part, &text, 0) == CURLUE_OK;

    curl_free(text);
    return there;
}

/* Can it stand in a request as it is? libcurl knows more forms of URLs than are written here. */
static bool is_plain(const char *text)
{
    for (; *text; text++)
        if (*text <= ' ' || *text > '~')
            return false;
    return true;
}

static char *give(struct buf *out)
{
    size_t size;

    assert(!out->overflowed);
    return buf_give(out, &size);
}

/* What is written over a connection to it. False: libcurl has to write it. */
static bool write_texts(struct fetch_origin *origin)
{
    struct buf out;
    bool plain;

    buf_init(&out, TEXT_BYTES_MAX);
    add_part(&out, "", origin->url, CURLUPART_PATH, 0);
    origin->path = give(&out);
    add_part(&out, "?", origin->url, CURLUPART_QUERY, 0);
    origin->query = give(&out);
    plain = is_plain(origin->path) && is_plain(origin->query);
    (void)buf_add_texts(&out, origin->path, origin->query, " HTTP/1.1\r\n", NULL);
    origin->target = give(&out);
    if (strcmp(origin->path, "/") == 0)
        origin->path[0] = 0; /* one that stands behind it begins with a slash */
    add_part(&out, "Host: ", origin->url, CURLUPART_HOST, 0);
    add_part(&out, ":", origin->url, CURLUPART_PORT, CURLU_NO_DEFAULT_PORT);
    plain = plain && is_plain(buf_text(&out) + strlen("Host: ")) &&
            !has(origin->url, CURLUPART_USER) && !has(origin->url, CURLUPART_PASSWORD) &&
            !has(origin->url, CURLUPART_ZONEID);
    (void)buf_add_text(&out, "\r\n");
    origin->host = give(&out);
    add_part(&out, "", origin->url, CURLUPART_SCHEME, 0);
    add_part(&out, "://", origin->url, CURLUPART_HOST, 0);
    add_part(&out, ":", origin->url, CURLUPART_PORT, CURLU_DEFAULT_PORT);
    (void)buf_add_texts(&out, origin->deny_private ? " public " : " any ",
                        origin->ca_file ? origin->ca_file : "", "|",
                        origin->proxy ? origin->proxy : "", NULL);
    origin->site = give(&out);
    return plain;
}

/* A plain address behind a proxy is asked for there in full, which libcurl does; by choice the proxy
 * is told to connect, and the request goes through. */
static bool may_be_direct(const struct fetch_origin *origin,
                          const struct fetch_origin_config *config, bool clear)
{
    if (config->engine == FETCH_ENGINE_TRANSFER || config->http2)
        return false;
    return config->engine == FETCH_ENGINE_DIRECT || origin->proxy == NULL || !clear;
}

struct fetch_origin *fetch_origin_new(const struct fetch_origin_config *config)
{
    static uint64_t numbers;
    struct fetch_origin *origin;
    CURLU *url = curl_url();
    char *scheme = NULL;
    bool read = curl_url_set(url, CURLUPART_URL, config->url, 0) == CURLUE_OK &&
                curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK;
    bool clear = read && strcmp(scheme, "http") == 0;
    bool good = clear || (read && strcmp(scheme, "https") == 0);

    curl_free(scheme);
    if (!good) {
        curl_url_cleanup(url);
        return NULL;
    }
    origin = mem_zero(sizeof(*origin));
    origin->url = url;
    origin->ca_file = copy(config->ca_file);
    origin->proxy = copy(config->proxy);
    origin->http2 = config->http2;
    origin->deny_private = config->deny_private;
    origin->number = ++numbers;
    origin->bare = clear && origin->proxy == NULL;
    origin->direct = write_texts(origin) && may_be_direct(origin, config, clear);
    return origin;
}

void fetch_origin_free(struct fetch_origin *origin)
{
    if (origin == NULL)
        return;
    curl_url_cleanup(origin->url);
    mem_free(origin->ca_file);
    mem_free(origin->proxy);
    mem_free(origin->path);
    mem_free(origin->query);
    mem_free(origin->target);
    mem_free(origin->host);
    mem_free(origin->site);
    mem_free(origin);
}
