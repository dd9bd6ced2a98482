#include "net/http_reply.h"

#include <assert.h>
#include <stddef.h>
#include <stdio.h>
#include <time.h>

static const struct {
    unsigned status;
    const char *line; /* with the number */
} statuses[] = {
    { 200, "200 OK" },
    { 201, "201 Created" },
    { 202, "202 Accepted" },
    { 204, "204 No Content" },
    { 304, "304 Not Modified" },
    { 400, "400 Bad Request" },
    { 401, "401 Unauthorized" },
    { 402, "402 Payment Required" },
    { 403, "403 Forbidden" },
    { 404, "404 Not Found" },
    { 405, "405 Method Not Allowed" },
    { 406, "406 Not Acceptable" },
    { 408, "408 Request Timeout" },
    { 409, "409 Conflict" },
    { 410, "410 Gone" },
    { 411, "411 Length Required" },
    { 413, "413 Content Too Large" },
    { 414, "414 URI Too Long" },
    { 415, "415 Unsupported Media Type" },
    { 417, "417 Expectation Failed" },
    { 422, "422 Unprocessable Content" },
    { 424, "424 Failed Dependency" },
    { 429, "429 Too Many Requests" },
    { 431, "431 Request Header Fields Too Large" },
    { 499, "499 Client Closed Request" },
    { 500, "500 Internal Server Error" },
    { 501, "501 Not Implemented" },
    { 502, "502 Bad Gateway" },
    { 503, "503 Service Unavailable" },
    { 504, "504 Gateway Timeout" },
    { 505, "505 HTTP Version Not Supported" },
    { 529, "529 Overloaded" },
};

enum { NUMBER_SIZE = 4 /* "200 " */ };

static const char *status_line(unsigned status)
{
    for (size_t i = 0; i < sizeof(statuses) / sizeof(*statuses); i++)
        if (statuses[i].status == status)
            return statuses[i].line;
    return NULL;
}

const char *http_status_text(unsigned status)
{
    const char *line = status_line(status);

    return line ? line + NUMBER_SIZE : "Unknown";
}

static void write_status(struct buf *out, unsigned status)
{
    const char *line = status_line(status);

    (void)buf_add(out, SPAN_OF("HTTP/1.1 "));
    if (line) {
        (void)buf_add_text(out, line);
    } else {
        (void)buf_add_u64(out, status);
        (void)buf_add(out, SPAN_OF(" Unknown"));
    }
    (void)buf_add(out, SPAN_OF("\r\n"));
}

static struct span date_line(struct http_date *date, uint64_t wall_ms)
{
    static const char days[][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
    static const char months[][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
    uint64_t second = wall_ms / 1000u;

    if (date->second != second) {
        time_t since_1970 = (time_t)second;
        struct tm now;

        (void)gmtime_r(&since_1970, &now); /* strftime would ask the locale */
        date->size = (size_t)snprintf(date->line, sizeof(date->line),
                                      "Date: %s, %02d %s %04d %02d:%02d:%02d GMT\r\n",
                                      days[now.tm_wday], now.tm_mday, months[now.tm_mon],
                                      now.tm_year + 1900, now.tm_hour, now.tm_min, now.tm_sec);
        date->second = second;
    }
    return span_make(date->line, date->size);
}

static bool is_bodyless(unsigned status)
{
    return status < 200 || status == 204 || status == 304;
}

enum http_framing http_reply_framing(const struct http_reply_head *head)
{
    if (head->head_request || is_bodyless(head->status))
        return HTTP_FRAMED_NONE;
    if (head->length >= 0)
        return HTTP_FRAMED_LENGTH;
    return head->http_1_0 ? HTTP_FRAMED_CLOSE : HTTP_FRAMED_CHUNKED;
}

static void write_framing(struct buf *out, const struct http_reply_head *head)
{
    if (is_bodyless(head->status))
        return;
    if (head->length >= 0) {
        (void)buf_add(out, SPAN_OF("Content-Length: "));
        (void)buf_add_u64(out, (uint64_t)head->length);
        (void)buf_add(out, SPAN_OF("\r\n"));
    } else if (!head->http_1_0) {
        (void)buf_add(out, SPAN_OF("Transfer-Encoding: chunked\r\n"));
    }
}

void http_reply_write(struct buf *out, const struct http_reply_head *head,
                      struct http_date *date, uint64_t wall_ms)
{
    assert(head->status >= 200 && head->status <= 599);
    assert(head->headers.size == 0 || span_ends(head->headers, "\r\n"));
    write_status(out, head->status);
    (void)buf_add(out, date_line(date, wall_ms));
    write_framing(out, head);
    if (!head->keep)
        (void)buf_add(out, SPAN_OF("Connection: close\r\n"));
    else if (head->http_1_0)
        (void)buf_add(out, SPAN_OF("Connection: keep-alive\r\n"));
    (void)buf_add(out, head->headers);
    (void)buf_add(out, SPAN_OF("\r\n"));
}
