/* How bytes become a request:
 *
 *     bytes --scan_head()--> head --blank line--> read_head(): llhttp, then our checks
 *       |                                              |
 *       +--feed_body(): llhttp                       message: { llhttp, headers, text }
 *                        +--on_body()--> body (a buf)
 */
#include "net/http_parse.h"

#include "base/limits.h"
#include "base/mem.h"
#include "net/http_check.h"
#include "net/http_llhttp.h"

#include <assert.h>
#include <string.h>

enum {
    LINE_BYTES_MAX = LIMIT_TARGET_BYTES + 64, /* target, method, version */
    LINE_ENDS_MAX = 2 * (LIMIT_HEADERS + 3),  /* their CRLFs, not counted as header bytes */
    BODY_AHEAD_BYTES = 1024 * 1024,           /* believed of a Content-Length before it comes */
    BODY_ROOM_MIN = 4096,
};

/* One block: the headers' text stands behind the headers. */
struct http_message {
    llhttp_t llhttp;
    bool head_read; /* what still comes as a header is a trailer */
    struct http_header headers[];
};

static struct http_parse *parse_from(llhttp_t *llhttp)
{
    struct http_parse *parse = llhttp->data;

    assert(&parse->message->llhttp == llhttp);
    return parse;
}

/* ---- what llhttp calls ---- */

static int count_trailer(struct http_parse *parse, size_t size)
{
    parse->header_bytes += size;
    return parse->header_bytes > parse->header_bytes_max ? -1 : 0;
}

static int on_header_field(llhttp_t *llhttp, const char *at, size_t size)
{
    struct http_parse *parse = parse_from(llhttp);
    struct http_message *message = parse->message;

    if (message->head_read)
        return count_trailer(parse, size);
    assert(parse->request.header_count < parse->lines);
    message->headers[parse->request.header_count] =
        (struct http_header){ .name = { at, size }, .value = { at + size, 0 } };
    return 0;
}

static int on_header_value(llhttp_t *llhttp, const char *at, size_t size)
{
    struct http_parse *parse = parse_from(llhttp);
    struct http_message *message = parse->message;

    if (message->head_read)
        return count_trailer(parse, size);
    message->headers[parse->request.header_count].value = span_trim(span_make(at, size));
    return 0;
}

static int on_header_value_complete(llhttp_t *llhttp)
{
    struct http_parse *parse = parse_from(llhttp);
    struct http_request *request = &parse->request;
    uint64_t bit;

    if (parse->message->head_read)
        return 0;
    bit = http_name_bit(request->headers[request->header_count++].name);
    request->alone &= ~bit | request->missing;
    request->missing &= ~bit;
    return 0;
}

static int on_headers_complete(llhttp_t *llhttp)
{
    struct http_parse *parse = parse_from(llhttp);

    parse->message->head_read = true;
    parse->request.content_length = llhttp->flags & F_CHUNKED ? 0 : llhttp->content_length;
    parse->request.has_body = llhttp->flags & F_CHUNKED || llhttp->content_length > 0;
    parse->keep = llhttp->upgrade == 0;
    llhttp->upgrade = 0; /* an offered upgrade is declined by answering in HTTP/1.1 */
    return 0;
}

static int on_chunk_extension(llhttp_t *llhttp, const char *at, size_t size)
{
    struct http_parse *parse = parse_from(llhttp);

    (void)at;
    parse->extension_bytes += (uint32_t)size; /* at most one read, far from wrapping */
    return parse->extension_bytes > LIMIT_CHUNK_EXTENSION_BYTES ? -1 : 0;
}

static int on_chunk_header(llhttp_t *llhttp)
{
    struct http_parse *parse = parse_from(llhttp);

    if (parse->body_taken + llhttp->content_length <= buf_left(&parse->body))
        return 0;
    parse->body_state = HTTP_BODY_TOO_LARGE;
    return -1;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* How large the body's block should now be. A Content-Length is believed, but never by more than
 * BODY_AHEAD_BYTES or than as much again as has come. */
static size_t body_room(const struct http_parse *parse, size_t size)
{
    size_t least = buf_size(&parse->body) + size;
    size_t length = (size_t)parse->request.content_length;
    size_t ahead = 2 * least > BODY_AHEAD_BYTES ? 2 * least : BODY_AHEAD_BYTES;

    if (parse->body_taken)
        return least; /* it goes on as it comes */
    if (length)
        return smaller(length, ahead);
    return smaller(least > BODY_ROOM_MIN ? 2 * least : BODY_ROOM_MIN, parse->body.max);
}

static int on_body(llhttp_t *llhttp, const char *at, size_t size)
{
    struct http_parse *parse = parse_from(llhttp);
    bool fits;

    if (parse->body.room - parse->body.end < size)
        buf_grow(&parse->body, body_room(parse, size));
    fits = buf_append(&parse->body, at, size);
    assert(fits); /* the announced sizes were checked */
    return 0;
}

static int on_message_complete(llhttp_t *llhttp)
{
    struct http_parse *parse = parse_from(llhttp);

    parse->body_state = HTTP_BODY_WHOLE;
    parse->keep = parse->keep && llhttp_should_keep_alive(llhttp);
    return HPE_PAUSED; /* what follows is another request, and not read before this one is served */
}

static const llhttp_settings_t settings = {
    .on_header_field = on_header_field,
    .on_header_value = on_header_value,
    .on_header_value_complete = on_header_value_complete,
    .on_headers_complete = on_headers_complete,
    .on_chunk_extension_name = on_chunk_extension,
    .on_chunk_extension_value = on_chunk_extension,
    .on_chunk_header = on_chunk_header,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};

/* ---- life ---- */

void http_parse_init(struct http_parse *parse, const struct http_config *config)
{
    size_t header_bytes =
        config->header_bytes_max ? config->header_bytes_max : LIMIT_HEADER_BYTES_NONE;
    size_t body_bytes = config->body_bytes_max ? config->body_bytes_max : LIMIT_BODY_BYTES_NONE;

    *parse = (struct http_parse){ .header_bytes_max = header_bytes };
    buf_init(&parse->head, LINE_BYTES_MAX + header_bytes + LINE_ENDS_MAX);
    buf_init(&parse->body, body_bytes);
}

void http_parse_done(struct http_parse *parse)
{
    buf_done(&parse->head);
    buf_done(&parse->body);
    mem_free(parse->message);
    parse->message = NULL;
}

void http_parse_reset(struct http_parse *parse, const struct http_config *config)
{
    http_parse_done(parse);
    http_parse_init(parse, config);
}

bool http_parse_begun(const struct http_parse *parse)
{
    return parse->state != HTTP_PARSE_HEAD || buf_size(&parse->head) > 0;
}

bool http_parse_is_bulk(const struct http_parse *parse)
{
    return parse->body_state == HTTP_BODY_COMING &&
           (parse->request.content_length > LIMIT_READ_BYTES ||
            parse->body_taken + buf_size(&parse->body) >= LIMIT_READ_BYTES);
}

static void refuse(struct http_parse *parse, const struct http_refusal *refusal)
{
    assert(parse->state == HTTP_PARSE_HEAD);
    parse->state = HTTP_PARSE_REFUSED;
    parse->refusal = refusal;
}

/* ---- the head, byte by byte ---- */

/* How many bytes at the front may stand in a line. */
static size_t plain_size(struct span bytes)
{
    size_t size = 0;

    for (;;) {
        size_t control = span_find_control(span_skip(bytes, size));

        if (control == SIZE_MAX)
            return bytes.size;
        size += control;
        if (bytes.at[size] != '\t')
            return size;
        size++;
    }
}

/* Takes the bytes of the current line that are there; returns how many: none of a line that is too
 * long. */
static size_t scan_line(struct http_parse *parse, struct span bytes)
{
    size_t size;

    if (bytes.size && parse->line_bytes == 0 && (bytes.at[0] == ' ' || bytes.at[0] == '\t')) {
        refuse(parse, &http_refusal_folded);
        return 0;
    }
    size = plain_size(bytes);
    parse->line_bytes += (uint32_t)size;
    if (parse->lines)
        parse->header_bytes += size;
    if (parse->lines == 0 && parse->line_bytes > LINE_BYTES_MAX)
        refuse(parse, &http_refusal_target_long);
    else if (parse->header_bytes > parse->header_bytes_max)
        refuse(parse, &http_refusal_headers_large);
    return parse->state == HTTP_PARSE_HEAD ? size : 0;
}

/* Which line a CRLF ends. */
enum line_end { LINE_TEXT, LINE_LEADING, LINE_BLANK };

static enum line_end end_line(struct http_parse *parse)
{
    if (parse->line_bytes == 0)
        return parse->lines == 0 ? LINE_LEADING : LINE_BLANK;
    parse->lines++;
    parse->line_bytes = 0;
    if (parse->lines > LIMIT_HEADERS + 1)
        refuse(parse, &http_refusal_headers_many);
    return LINE_TEXT;
}

/* Takes one byte that may not stand in a line. */
static bool scan_line_end(struct http_parse *parse, char byte, enum line_end *ret_end)
{
    if (parse->after_cr && byte == '\n') {
        parse->after_cr = false;
        *ret_end = end_line(parse);
        return true;
    }
    if (!parse->after_cr && byte == '\r')
        parse->after_cr = true;
    else
        refuse(parse, parse->after_cr || byte == '\n' ? &http_refusal_line_end
                                                      : &http_refusal_control);
    return false;
}

/* Takes bytes up to the end of the head, behind an empty line in front of it, or to the first that is
 * wrong. Returns how many; *ret_end is LINE_TEXT where it stopped at neither end. */
static size_t scan_head(struct http_parse *parse, struct span bytes, enum line_end *ret_end)
{
    size_t at = 0;

    *ret_end = LINE_TEXT;
    while (at < bytes.size && parse->state == HTTP_PARSE_HEAD && *ret_end == LINE_TEXT) {
        if (!parse->after_cr)
            at += scan_line(parse, span_skip(bytes, at));
        if (at < bytes.size && parse->state == HTTP_PARSE_HEAD)
            (void)scan_line_end(parse, bytes.at[at++], ret_end);
    }
    return at;
}

/* ---- the head, complete ---- */

static enum http_method method_of(struct span name)
{
    static const struct {
        struct span name;
        enum http_method method;
    } methods[] = {
        { SPAN("POST"), HTTP_POST },     { SPAN("GET"), HTTP_GET },
        { SPAN("HEAD"), HTTP_HEAD },     { SPAN("PUT"), HTTP_PUT },
        { SPAN("DELETE"), HTTP_DELETE }, { SPAN("OPTIONS"), HTTP_OPTIONS },
    };

    for (size_t i = 0; i < sizeof(methods) / sizeof(*methods); i++)
        if (span_equal(name, methods[i].name))
            return methods[i].method;
    return HTTP_OTHER;
}

static struct span first_line(struct span head)
{
    return span_first(head, span_find(head, '\r'));
}

/* The head moves into a block of its exact size, where it stays as long as the request. */
static struct span keep_head(struct http_parse *parse, struct span head)
{
    size_t headers = parse->lines * sizeof(struct http_header);
    struct http_message *message = mem_alloc(sizeof(*message) + headers + head.size);
    char *text = (char *)message + sizeof(*message) + headers;

    memcpy(text, head.at, head.size);
    message->head_read = false;
    llhttp_init(&message->llhttp, HTTP_REQUEST, &settings);
    message->llhttp.data = parse;
    parse->message = message;
    parse->request.headers = message->headers;
    return span_make(text, head.size);
}

static const struct http_refusal *why_not(const struct http_parse *parse, llhttp_errno_t error)
{
    if (error == HPE_INVALID_TRANSFER_ENCODING)
        return http_check_coding(&parse->request);
    return &http_refusal_syntax;
}

static const struct http_refusal *read_headers(struct http_parse *parse, struct span head,
                                               const struct http_line *line)
{
    llhttp_errno_t error;

    parse->request.missing = parse->request.alone = ~(uint64_t)0;
    error = llhttp_execute(&parse->message->llhttp, head.at, head.size);
    if (error != HPE_OK && error != HPE_PAUSED)
        return why_not(parse, error);
    assert(parse->message->head_read);
    assert(parse->request.header_count == parse->lines - 1);
    return http_check_headers(&parse->request, line);
}

/* The blank line has come. */
static const struct http_refusal *read_head(struct http_parse *parse, struct span head)
{
    struct span kept = keep_head(parse, head);
    const struct http_refusal *refusal;
    struct http_line line;

    refusal = http_check_line(first_line(kept), &line);
    if (refusal == NULL)
        refusal = read_headers(parse, kept, &line);
    if (refusal)
        return refusal;
    parse->http_1_0 = line.http_1_0;
    parse->request.method = method_of(line.method);
    parse->request.path = line.path;
    parse->request.query = line.query;
    if (parse->request.content_length > buf_left(&parse->body))
        parse->body_state = HTTP_BODY_TOO_LARGE;
    parse->state = HTTP_PARSE_BODY;
    return NULL;
}

/* A head that has not come in one piece is gathered. Lends it, as far as it is here. */
static struct span gather(struct http_parse *parse, struct span bytes)
{
    if (buf_size(&parse->head) == 0)
        buf_grow(&parse->head, bytes.size);
    (void)buf_add(&parse->head, bytes);
    assert(!parse->head.overflowed);
    return buf_span(&parse->head);
}

/* What is wrong with the request line is said as soon as it is there, and before what is wrong behind
 * it, also where both have come at once. */
static void take_head(struct http_parse *parse, struct span bytes, enum line_end end,
                      bool line_is_new)
{
    bool whole = end == LINE_BLANK && buf_size(&parse->head) == 0;
    struct span head = whole ? bytes : gather(parse, bytes);
    const struct http_refusal *refusal = NULL;
    struct http_line line;

    if (end == LINE_BLANK)
        refusal = read_head(parse, head);
    else if (line_is_new)
        refusal = http_check_line(first_line(head), &line);
    if (refusal) {
        parse->state = HTTP_PARSE_REFUSED;
        parse->refusal = refusal;
    }
    if (parse->state != HTTP_PARSE_HEAD)
        buf_done(&parse->head);
}

static size_t feed_head(struct http_parse *parse, struct span bytes)
{
    size_t taken = 0;

    while (taken < bytes.size && parse->state == HTTP_PARSE_HEAD) {
        bool had_line = parse->lines > 0;
        enum line_end end;
        struct span rest = span_skip(bytes, taken);
        size_t size = scan_head(parse, rest, &end);

        taken += size;
        if (end == LINE_LEADING) /* an old habit of clients */
            buf_reset(&parse->head);
        else
            take_head(parse, span_first(rest, size), end, !had_line && parse->lines > 0);
    }
    return taken;
}

/* ---- the body ---- */

static size_t feed_body(struct http_parse *parse, struct span bytes)
{
    llhttp_t *llhttp = &parse->message->llhttp;
    llhttp_errno_t error = llhttp_execute(llhttp, bytes.at, bytes.size);

    if (error == HPE_OK)
        return bytes.size;
    if (parse->body_state == HTTP_BODY_COMING)
        parse->body_state = HTTP_BODY_MALFORMED;
    return (size_t)(llhttp_get_error_pos(llhttp) - bytes.at);
}

size_t http_parse_feed(struct http_parse *parse, struct span bytes)
{
    if (parse->state == HTTP_PARSE_HEAD)
        return feed_head(parse, bytes);
    if (parse->state == HTTP_PARSE_BODY && parse->body_state == HTTP_BODY_COMING)
        return feed_body(parse, bytes);
    return 0;
}
