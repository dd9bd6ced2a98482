#include "request.h"

#include "base/list.h"

enum {
    TARGET_BYTES_MAX = 64 * 1024,
    FIELDS_BYTES_MAX = 1024 * 1024,
    BODY_BYTES_MAX = 256 * 1024 * 1024,
};

static struct request *request_from(llhttp_t *parser)
{
    return LIST_OWNER(parser, struct request, parser);
}

static int keep(struct buf *buf, const char *at, size_t size)
{
    return buf_append(buf, at, size) ? HPE_OK : HPE_USER;
}

static int on_method(llhttp_t *parser, const char *at, size_t size)
{
    return keep(&request_from(parser)->method, at, size);
}

static int on_target(llhttp_t *parser, const char *at, size_t size)
{
    return keep(&request_from(parser)->target, at, size);
}

static int on_field(llhttp_t *parser, const char *at, size_t size)
{
    return keep(&request_from(parser)->fields, at, size);
}

static int on_field_complete(llhttp_t *parser)
{
    return keep(&request_from(parser)->fields, "", 1);
}

static int on_headers_complete(llhttp_t *parser)
{
    struct request *request = request_from(parser);

    request->state = REQUEST_BODY;
    request->old = parser->http_major == 1 && parser->http_minor == 0;
    request->expects_continue =
        span_is_nocase(request_field(request, "expect"), "100-continue");
    return HPE_OK;
}

static int on_body(llhttp_t *parser, const char *at, size_t size)
{
    return keep(&request_from(parser)->body, at, size);
}

static int on_complete(llhttp_t *parser)
{
    struct request *request = request_from(parser);

    request->state = REQUEST_COMPLETE;
    request->keep_alive = llhttp_should_keep_alive(parser);
    return HPE_PAUSED; /* else llhttp would run on into the next pipelined request */
}

static const llhttp_settings_t settings = {
    .on_method = on_method,
    .on_url = on_target,
    .on_header_field = on_field,
    .on_header_field_complete = on_field_complete,
    .on_header_value = on_field,
    .on_header_value_complete = on_field_complete,
    .on_headers_complete = on_headers_complete,
    .on_body = on_body,
    .on_message_complete = on_complete,
};

void request_init(struct request *request)
{
    *request = (struct request){ .state = REQUEST_HEAD };
    buf_init(&request->method, 32);
    buf_init(&request->target, TARGET_BYTES_MAX);
    buf_init(&request->fields, FIELDS_BYTES_MAX);
    buf_init(&request->body, BODY_BYTES_MAX);
    llhttp_init(&request->parser, HTTP_REQUEST, &settings);
}

void request_done(struct request *request)
{
    buf_done(&request->method);
    buf_done(&request->target);
    buf_done(&request->fields);
    buf_done(&request->body);
}

void request_reset(struct request *request)
{
    buf_reset(&request->method);
    buf_reset(&request->target);
    buf_reset(&request->fields);
    buf_reset(&request->body);
    request->state = REQUEST_HEAD;
    request->expects_continue = false;
    llhttp_init(&request->parser, HTTP_REQUEST, &settings);
}

size_t request_feed(struct request *request, struct span bytes)
{
    llhttp_errno_t err = llhttp_execute(&request->parser, bytes.at, bytes.size);

    if (err == HPE_OK)
        return bytes.size;
    if (err != HPE_PAUSED && err != HPE_PAUSED_UPGRADE)
        request->state = REQUEST_BAD;
    return (size_t)(llhttp_get_error_pos(&request->parser) - bytes.at);
}

bool request_next_field(struct span *rest, struct span *ret_name, struct span *ret_value)
{
    if (!rest->size)
        return false;
    *ret_name = span_cut(rest, '\0');
    *ret_value = span_cut(rest, '\0');
    return true;
}

struct span request_field(const struct request *request, const char *name)
{
    struct span rest = buf_span(&request->fields);
    struct span field;
    struct span value;

    while (request_next_field(&rest, &field, &value))
        if (span_is_nocase(field, name))
            return value;
    return span_make(NULL, 0);
}

struct span request_path(const struct request *request)
{
    struct span rest = buf_span(&request->target);

    return span_cut(&rest, '?');
}

struct span request_query(const struct request *request, const char *name)
{
    struct span rest = buf_span(&request->target);

    (void)span_cut(&rest, '?');
    while (rest.size) {
        struct span value = span_cut(&rest, '&');

        if (span_is(span_cut(&value, '='), name))
            return value;
    }
    return span_make(NULL, 0);
}
