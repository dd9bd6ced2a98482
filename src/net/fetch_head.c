#include "net/fetch_head.h"

#include "base/limits.h"

void fetch_head_init(struct fetch_head *head)
{
    *head = (struct fetch_head){ 0 };
    buf_init(&head->lines, LIMIT_UPSTREAM_HEADER_BYTES);
}

void fetch_head_done(struct fetch_head *head)
{
    buf_done(&head->lines);
}

void fetch_head_reset(struct fetch_head *head)
{
    struct buf lines = head->lines;

    buf_reset(&lines);
    *head = (struct fetch_head){ .lines = lines };
}

static bool ends_head(struct span line)
{
    return span_is(line, "\r\n");
}

static bool framed_once(struct fetch_head *head, struct span name)
{
    bool length = span_equal_nocase(name, SPAN_OF("content-length"));
    bool coding = span_equal_nocase(name, SPAN_OF("transfer-encoding"));
    bool before = head->length_seen || head->chunked_seen;

    head->length_seen = head->length_seen || length;
    head->chunked_seen = head->chunked_seen || coding;
    return !before || !(length || coding);
}

static bool trustworthy(struct fetch_head *head, struct span line)
{
    struct span text = span_first(line, line.size - 2);
    size_t colon = span_find(text, ':');

    if (span_find(text, '\r') != SIZE_MAX || span_find(text, 0) != SIZE_MAX)
        return false;
    if (text.at[0] == ' ' || text.at[0] == '\t') /* obs-fold */
        return false;
    if (head->count == 0)
        return true;
    return colon != SIZE_MAX && colon > 0 && framed_once(head, span_first(text, colon));
}

static void begin(struct fetch_head *head, struct span line)
{
    struct span rest = line;
    uint64_t status = 0;

    (void)span_cut(&rest, ' ');
    (void)span_u64(span_first(rest, 3), &status);
    head->status = (unsigned)status;
    head->count = 0;
    head->length_seen = false;
    head->chunked_seen = false;
    buf_reset(&head->lines);
}

static enum fetch_failure end(struct fetch_head *head)
{
    if (head->status >= 200) {
        head->complete = true;
        return FETCH_FINE;
    }
    if (head->status == 0)
        return FETCH_PROTOCOL; /* an empty line, and no answer before it */
    head->status = 0;          /* another answer has to begin */
    head->count = 0;
    return ++head->interim > LIMIT_UPSTREAM_INTERIM ? FETCH_PROTOCOL : FETCH_FINE;
}

enum fetch_failure fetch_head_take(struct fetch_head *head, struct span line)
{
    if (line.size == 0)
        return FETCH_FINE;
    if (ends_head(line))
        return end(head);
    if (head->count == 0 && span_starts(line, "HTTP/"))
        begin(head, line);
    if (!span_ends(line, "\r\n") || !trustworthy(head, line) || head->status < 100 ||
        head->status == 101)
        return FETCH_PROTOCOL;
    if (++head->count > LIMIT_UPSTREAM_HEADERS + 1 || !buf_add(&head->lines, line))
        return FETCH_HEADER_TOO_LARGE;
    return FETCH_FINE;
}

struct span fetch_head_value(const struct fetch_head *head, const char *name)
{
    struct span rest = buf_span(&head->lines);

    (void)span_cut(&rest, '\n'); /* the status line */
    while (rest.size) {
        struct span line = span_cut(&rest, '\n');
        struct span key = span_cut(&line, ':');

        if (line.size && line.at[line.size - 1] == '\r')
            line.size--;
        if (span_is_nocase(key, name))
            return span_trim(line);
    }
    return span_make(NULL, 0);
}
