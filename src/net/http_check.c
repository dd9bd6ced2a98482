#include "net/http_check.h"

#include "base/limits.h"
#include "net/http.h"

#include <stddef.h>

static const char bad[] = "bad_request";
static const char large[] = "request_too_large";

const struct http_refusal http_refusal_syntax = { 400, bad, "This is not HTTP/1.1." };
const struct http_refusal http_refusal_line_end = {
    400, bad, "Lines of the request must end in CRLF; a CR or LF stood alone."
};
const struct http_refusal http_refusal_folded = {
    400, bad, "A header line may not begin with a space or a tab."
};
const struct http_refusal http_refusal_control = {
    400, bad, "The head of the request contains a control character."
};
const struct http_refusal http_refusal_target_long = { 414, large,
                                                       "The request target is too long." };
const struct http_refusal http_refusal_headers_large = { 431, large,
                                                         "The headers are too large." };
const struct http_refusal http_refusal_headers_many = { 431, large,
                                                        "There are too many headers." };
const struct http_refusal http_refusal_slow = {
    408, "request_timeout", "The head of the request did not arrive in time."
};
const struct http_refusal http_refusal_overloaded = {
    503, "overloaded", "There are too many connections; try again in a moment."
};

static const struct http_refusal bad_target = {
    400, bad, "The request target must be a path, made of visible ASCII characters."
};
static const struct http_refusal bad_version = {
    505, bad, "Only HTTP/1.1 and HTTP/1.0 are spoken here."
};
static const struct http_refusal bad_method = { 405, "method_not_allowed",
                                                "CONNECT and TRACE are not offered here." };
static const struct http_refusal no_host = { 400, bad,
                                             "There must be exactly one Host header." };
static const struct http_refusal bad_host = { 400, bad, "The Host header is not a host name." };
static const struct http_refusal other_host = {
    400, bad, "The request target names another host than the Host header."
};
static const struct http_refusal doubled = {
    400, bad, "A header that may be there once (such as Authorization) is there twice."
};
static const struct http_refusal bad_coding = {
    400, bad, "Transfer-Encoding must be chunked, once, in HTTP/1.1."
};
static const struct http_refusal unknown_coding = {
    501, bad, "The only transfer coding spoken here is chunked."
};
static const struct http_refusal bad_expect = {
    417, bad, "The only expectation met here is 100-continue."
};

/* ---- characters ---- */

/* What a byte may be part of, a row for each sixteen. A host has what can be seen in it but @ , / ? and
 * the backslash; a request target what can be seen but #. The letters add up: C may be part of both, @ of
 * neither. */
enum { IN_HOST = 'A' - '@', IN_TARGET = 'B' - '@' };

static const char parts[] = "@@@@@@@@@@@@@@@@"
                            "@@@@@@@@@@@@@@@@"
                            "@CCACCCCCCCCBCCB"
                            "CCCCCCCCCCCCCCCB"
                            "BCCCCCCCCCCCCCCC"
                            "CCCCCCCCCCCCBCCC"
                            "CCCCCCCCCCCCCCCC"
                            "CCCCCCCCCCCCCCC@"
                            "@@@@@@@@@@@@@@@@"
                            "@@@@@@@@@@@@@@@@"
                            "@@@@@@@@@@@@@@@@"
                            "@@@@@@@@@@@@@@@@"
                            "@@@@@@@@@@@@@@@@"
                            "@@@@@@@@@@@@@@@@"
                            "@@@@@@@@@@@@@@@@"
                            "@@@@@@@@@@@@@@@@";

/* How many bytes at the front may be part of it. */
static size_t part_size(struct span text, int part)
{
    size_t size = 0;

    while (size < text.size && parts[(unsigned char)text.at[size]] & part)
        size++;
    return size;
}

/* ---- the request line ---- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* HTTP/1.1 and HTTP/1.0 pass; other versions are told apart from what is no version at all. */
static const struct http_refusal *check_version(struct span version, struct http_line *line)
{
    struct span number = span_skip(version, 5);

    line->http_1_0 = span_is(version, "HTTP/1.0");
    if (line->http_1_0 || span_is(version, "HTTP/1.1"))
        return NULL;
    if (!span_starts(version, "HTTP/") || number.size != 3 || !is_digit(number.at[0]) ||
        number.at[1] != '.' || !is_digit(number.at[2]))
        return &http_refusal_syntax;
    return &bad_version;
}

static struct span cut_authority(struct span *target)
{
    static const char *const schemes[] = { "http://", "https://" };

    if (span_starts(*target, "/"))
        return (struct span){ NULL, 0 };
    for (size_t i = 0; i < sizeof(schemes) / sizeof(*schemes); i++) {
        struct span scheme = span_from(schemes[i]);

        if (span_equal_nocase(span_first(*target, scheme.size), scheme)) {
            struct span rest = span_skip(*target, scheme.size);
            size_t end = 0;

            while (end < rest.size && rest.at[end] != '/' && rest.at[end] != '?')
                end++;
            *target = span_skip(rest, end);
            return span_first(rest, end);
        }
    }
    return (struct span){ NULL, 0 };
}

static const struct http_refusal *check_target(struct span target, struct http_line *line)
{
    if (target.size > LIMIT_TARGET_BYTES)
        return &http_refusal_target_long;
    if (target.size == 0 || part_size(target, IN_TARGET) < target.size)
        return &bad_target;
    line->authority = cut_authority(&target);
    line->query = target;
    line->path = span_cut(&line->query, '?');
    if (line->path.size == 0 && line->authority.at) {
        line->path = SPAN_OF("/");
        return NULL;
    }
    if (span_is(target, "*"))
        return span_is(line->method, "OPTIONS") ? NULL : &bad_target;
    return span_starts(line->path, "/") ? NULL : &bad_target;
}

const struct http_refusal *http_check_line(struct span text, struct http_line *ret)
{
    struct http_line line = { 0 };
    const struct http_refusal *refusal;
    struct span target;

    line.method = span_cut(&text, ' ');
    target = span_cut(&text, ' ');
    if (text.size == 0 && span_starts(target, "/"))
        return &bad_version; /* HTTP/0.9 had none */
    refusal = check_version(text, &line);
    if (refusal)
        return refusal;
    if (span_is(line.method, "CONNECT") || span_is(line.method, "TRACE"))
        return &bad_method;
    refusal = check_target(target, &line);
    if (refusal)
        return refusal;
    *ret = line;
    return NULL;
}

/* ---- headers ---- */

static bool is_doubled(const struct http_request *request, struct span name)
{
    size_t found = 0;

    if (request->alone & http_name_bit(name))
        return false;
    for (size_t i = 0; i < request->header_count; i++)
        found += span_equal_nocase(request->headers[i].name, name);
    return found > 1;
}

static bool is_host(struct span host)
{
    return host.size > 0 && part_size(host, IN_HOST) == host.size;
}

static const struct http_refusal *check_host(const struct http_request *request,
                                             const struct http_line *line)
{
    struct span host = http_header(request, "host");

    if (is_doubled(request, SPAN_OF("host")) || (host.at == NULL && !line->http_1_0))
        return &no_host;
    if (host.at && !is_host(host))
        return &bad_host;
    if (line->authority.at == NULL)
        return NULL;
    if (!is_host(line->authority))
        return &bad_host;
    return host.at == NULL || span_equal_nocase(line->authority, host) ? NULL : &other_host;
}

const struct http_refusal *http_check_coding(const struct http_request *request)
{
    struct span codings = http_header(request, "transfer-encoding");

    while (codings.size) {
        struct span coding = span_trim(span_cut(&codings, ','));

        if (coding.size && !span_is_nocase(coding, "chunked") &&
            !span_is_nocase(coding, "identity"))
            return &unknown_coding;
    }
    return &bad_coding;
}

static const struct http_refusal *check_framing(const struct http_request *request,
                                                const struct http_line *line)
{
    struct span coding = http_header(request, "transfer-encoding");

    if (coding.at == NULL)
        return NULL;
    if (line->http_1_0 || is_doubled(request, SPAN_OF("transfer-encoding")) ||
        http_header(request, "content-length").at)
        return &bad_coding;
    return span_is_nocase(coding, "chunked") ? NULL : http_check_coding(request);
}

/* An expectation of HTTP/1.0 means nothing: that client would not understand the answer. */
static const struct http_refusal *check_expect(struct http_request *request,
                                               const struct http_line *line)
{
    struct span expect = http_header(request, "expect");

    if (expect.at == NULL || line->http_1_0)
        return NULL;
    if (!span_is_nocase(expect, "100-continue"))
        return &bad_expect;
    request->expects_continue = request->has_body;
    return NULL;
}

static const struct http_refusal *check_doubles(const struct http_request *request)
{
    static const struct span once[] = { SPAN("authorization"),  SPAN("x-api-key"),
                                        SPAN("api-key"),        SPAN("x-goog-api-key"),
                                        SPAN("content-length"), SPAN("expect"),
                                        SPAN("content-type") };

    if (request->alone == ~(uint64_t)0)
        return NULL;
    for (size_t i = 0; i < sizeof(once) / sizeof(*once); i++)
        if (is_doubled(request, once[i]))
            return &doubled;
    return NULL;
}

const struct http_refusal *http_check_headers(struct http_request *request,
                                              const struct http_line *line)
{
    const struct http_refusal *refusal = check_host(request, line);

    if (refusal == NULL)
        refusal = check_framing(request, line);
    if (refusal == NULL)
        refusal = check_doubles(request);
    if (refusal == NULL)
        refusal = check_expect(request, line);
    return refusal;
}
