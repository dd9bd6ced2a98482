#include "net/http_reply.h"

#include <assert.h>
#include <stddef.h>
#include <stdio.h>
#include <time.h>

static const struct {
    unsigned status;
    const char *text;
} statuses[] = {
    { 200, "OK" },
    { 201, "Created" },
    { 202, "Accepted" },
    { 204, "No Content" },
    { 304, "Not Modified" },
    { 400, "Bad Request" },
    { 401, "Unauthorized" },
    { 402, "Payment Required" },
    { 403, "Forbidden" },
    { 404, "Not Found" },
    { 405, "Method Not Allowed" },
    { 406, "Not Acceptable" },
    { 408, "Request Timeout" },
    { 409, "Conflict" },
    { 410, "Gone" },
    { 411, "Length Required" },
    { 413, "Content Too Large" },
    { 414, "URI Too Long" },
    { 415, "Unsupported Media Type" },
    { 417, "Expectation Failed" },
    { 422, "Unprocessable Content" },
    { 424, "Failed Dependency" },
    { 429, "Too Many Requests" },
    { 431, "Request Header Fields Too Large" },
    { 499, "Client Closed Request" },
    { 500, "Internal Server Error" },
    { 501, "Not Implemented" },
    { 502, "Bad Gateway" },
    { 503, "Service Unavailable" },
    { 504, "Gateway Timeout" },
    { 505, "HTTP Version Not Supported" },
    { 529, "Overloaded" },
};

const char *http_status_text(unsigned status)
{
    for (size_t i = 0; i < sizeof(statuses) / sizeof(*statuses); i++)
        if (statuses[i].status == status)
            return statuses[i].text;
    return "Unknown";
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
        (void)snprintf(date->line, sizeof(date->line),
                       "Date: %s, %02d %s %04d %02d:%02d:%02d GMT\r\n", days[now.tm_wday],
                       now.tm_mday, months[now.tm_mon], now.tm_year + 1900, now.tm_hour,
                       now.tm_min, now.tm_sec);
        date->second = second;
    }
    return span_from(date->line);
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
    (void)buf_add(out, SPAN_OF("HTTP/1.1 "));
    (void)buf_add_u64(out, head->status);
    (void)buf_add_byte(out, ' ');
    (void)buf_add_text(out, http_status_text(head->status));
    (void)buf_add(out, SPAN_OF("\r\n"));
    (void)buf_add(out, date_line(date, wall_ms));
    write_framing(out, head);
    if (!head->keep)
        (void)buf_add(out, SPAN_OF("Connection: close\r\n"));
    else if (head->http_1_0)
        (void)buf_add(out, SPAN_OF("Connection: keep-alive\r\n"));
    (void)buf_add(out, head->headers);
    (void)buf_add(out, SPAN_OF("\r\n"));
}
