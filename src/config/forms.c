#include "config/forms.h"

#include "base/digest.h"
#include "base/limits.h"

#include <string.h>

enum {
    NAME_BYTES_MAX = 64,
    TOKEN_BYTES_MAX = 128,
    HOST_BYTES_MAX = 255,
    URL_BYTES_MAX = 2048,
    PATH_BYTES_MAX = 4095,
};

bool form_is_visible(struct span text)
{
    for (size_t i = 0; i < text.size; i++)
        if (text.at[i] <= ' ' || text.at[i] > '~')
            return false;
    return true;
}

bool form_is_label(struct span text)
{
    return text.size <= LIMIT_MODEL_NAME_BYTES && form_is_visible(text);
}

bool form_is_name(struct span text)
{
    for (size_t i = 0; i < text.size; i++) {
        char c = text.at[i];

        if (!(c >= '0' && c <= '9') && !(c >= 'A' && c <= 'Z') && !(c >= 'a' && c <= 'z') &&
            c != '-' && c != '_' && c != '.')
            return false;
    }
    return text.size <= NAME_BYTES_MAX;
}

/* Control characters, line breaks of Unicode, and what is no character at all: nothing of it is seen,
 * and YAML would not give it back. */
static bool is_unseen(struct span character)
{
    static const char *const unseen[] = { "\xe2\x80\xa8", "\xe2\x80\xa9", "\xef\xbb\xbf",
                                          "\xef\xbf\xbe", "\xef\xbf\xbf", NULL };
    unsigned char first = (unsigned char)character.at[0];

    for (size_t i = 0; unseen[i]; i++)
        if (span_is(character, unseen[i]))
            return true;
    return first < ' ' || first == 0x7f ||
           (first == 0xc2 && (unsigned char)character.at[1] < 0xa0);
}

bool form_is_line(struct span text)
{
    while (text.size) {
        size_t size = span_utf8(text);

        if (size == 0 || is_unseen(span_first(text, size)))
            return false;
        text = span_skip(text, size);
    }
    return true;
}

static bool is_port(struct span text, uint64_t least)
{
    uint64_t port;

    return text.size <= 5 && span_u64(text, &port) && port >= least && port <= 65535;
}

/* A name, an IPv4 address, or an IPv6 address in brackets. */
static bool is_host(struct span text)
{
    bool address = span_starts(text, "[") && span_ends(text, "]");
    struct span inner = address ? span_make(text.at + 1, text.size - 2) : text;

    for (size_t i = 0; i < inner.size; i++) {
        char c = inner.at[i];
        bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');

        if (address ? !hex && c != ':' && c != '.' : !form_is_name(span_make(&c, 1)))
            return false;
    }
    return inner.size > 0 && text.size <= HOST_BYTES_MAX;
}

/* The host and the port, which is empty when there is none. */
static void split_authority(struct span text, struct span *ret_host, struct span *ret_port)
{
    size_t bracket = span_find(text, ']');
    size_t from = bracket == SIZE_MAX ? 0 : bracket;
    size_t colon = span_find(span_skip(text, from), ':');

    *ret_host = span_first(text, colon == SIZE_MAX ? SIZE_MAX : from + colon);
    *ret_port = colon == SIZE_MAX ? (struct span){ 0 } : span_skip(text, from + colon + 1);
}

bool form_is_address(struct span text)
{
    struct span host;
    struct span port;

    split_authority(text, &host, &port);
    return is_host(host) && is_port(port, 0);
}

static bool is_authority(struct span text)
{
    struct span host;
    struct span port;

    split_authority(text, &host, &port);
    if (port.size == 0 && host.size < text.size)
        return false; /* "host:" */
    return is_host(host) && (port.size == 0 || is_port(port, 1));
}

bool form_skip_scheme(struct span text, struct span *ret)
{
    size_t scheme = span_starts(text, "https://") ? 8 : span_starts(text, "http://") ? 7 : 0;

    *ret = span_skip(text, scheme);
    return scheme > 0;
}

bool form_is_url(struct span text)
{
    struct span rest;

    if (!form_skip_scheme(text, &rest) || text.size > URL_BYTES_MAX || !form_is_visible(text))
        return false;
    for (size_t i = 0; i < rest.size; i++)
        if (strchr("@?#\\\"<>", rest.at[i]))
            return false;
    return is_authority(span_cut(&rest, '/'));
}

bool form_is_hook(struct span text)
{
    struct span query = text;
    struct span place = span_cut(&query, '?');

    for (size_t i = 0; i < query.size; i++)
        if (strchr("#\\\"<>", query.at[i]))
            return false;
    return form_is_url(place) && text.size <= URL_BYTES_MAX && form_is_visible(text);
}

bool form_is_proxy(struct span text)
{
    struct span rest;
    size_t user;

    if (!form_skip_scheme(text, &rest) || text.size > URL_BYTES_MAX || !form_is_visible(text))
        return false;
    if (span_ends(rest, "/"))
        rest.size--;
    user = span_find(rest, '@');
    return is_authority(span_skip(rest, user == SIZE_MAX ? 0 : user + 1));
}

bool form_is_path(struct span text)
{
    return text.size <= PATH_BYTES_MAX && form_is_line(text);
}

bool form_is_hash(struct span text)
{
    struct digest digest;

    return span_starts(text, "sha256:") && digest_from_hex(span_skip(text, 7), &digest);
}

bool form_is_token(struct span text)
{
    for (size_t i = 0; i < text.size; i++) {
        char c = text.at[i];

        if (!(c >= '0' && c <= '9') && !(c >= 'A' && c <= 'Z') && !(c >= 'a' && c <= 'z') &&
            (c == 0 || !strchr("!#$%&'*+-.^_`|~", c)))
            return false;
    }
    return text.size > 0 && text.size <= TOKEN_BYTES_MAX;
}
