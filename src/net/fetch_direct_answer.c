#include "net/fetch_direct_answer.h"

#include "base/limits.h"

#include <assert.h>
#include <string.h>

enum { HEAD_ROOM = 1024 /* most heads fit */ };

static void broke(struct fetch_answer *answer, enum fetch_failure failure)
{
    if (answer->state == FETCH_ANSWER_BROKEN)
        return;
    answer->state = FETCH_ANSWER_BROKEN;
    answer->failure = failure;
    buf_done(&answer->line);
}

/* ---- what llhttp calls ---- */

static struct fetch_answer *answer_from(llhttp_t *llhttp)
{
    struct fetch_answer *answer = llhttp->data;

    assert(&answer->llhttp == llhttp);
    return answer;
}

/* Trailers are of no use to anybody here, but there is an end to them. */
static int on_field(llhttp_t *llhttp, const char *at, size_t size)
{
    struct fetch_answer *answer = answer_from(llhttp);

    (void)at;
    answer->trailer_bytes += size + 2; /* a colon and a space, or the end of the line */
    return answer->trailer_bytes > LIMIT_UPSTREAM_HEADER_BYTES ? -1 : 0;
}

static int on_extension(llhttp_t *llhttp, const char *at, size_t size)
{
    struct fetch_answer *answer = answer_from(llhttp);

    (void)at;
    answer->extension_bytes += (uint32_t)size; /* at most one read, far from wrapping */
    return answer->extension_bytes > LIMIT_CHUNK_EXTENSION_BYTES ? -1 : 0;
}

static int on_chunk_header(llhttp_t *llhttp)
{
    answer_from(llhttp)->extension_bytes = 0;
    return 0;
}

static void take_body(struct fetch_answer *answer, struct span part)
{
    bool fits = buf_add(answer->body, part);

    assert(fits); /* no more was read than there was room for */
    answer->body_bytes += part.size;
}

static int on_body(llhttp_t *llhttp, const char *at, size_t size)
{
    take_body(answer_from(llhttp), span_make(at, size));
    return 0;
}

static int on_message_complete(llhttp_t *llhttp)
{
    answer_from(llhttp)->state = FETCH_ANSWER_WHOLE;
    return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
    .on_header_field = on_field,
    .on_header_value = on_field,
    .on_chunk_extension_name = on_extension,
    .on_chunk_extension_value = on_extension,
    .on_chunk_header = on_chunk_header,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};

/* ---- life ---- */

void fetch_answer_init(struct fetch_answer *answer, struct fetch_head *head, struct buf *body)
{
    *answer = (struct fetch_answer){ .head = head, .body = body };
    buf_init(&answer->line, LIMIT_UPSTREAM_HEADER_BYTES);
}

void fetch_answer_done(struct fetch_answer *answer)
{
    buf_done(&answer->line);
}

/* ---- the head, line by line ---- */

/* What does not begin like HTTP/1 is told at once: it may never come to the end of a line. */
static bool begins_well(const struct fetch_answer *answer, struct span line)
{
    static const char begin[] = "HTTP/1.";
    size_t size = line.size < sizeof(begin) - 1 ? line.size : sizeof(begin) - 1;

    return answer->head->count > 0 || memcmp(line.at, begin, size) == 0;
}

/* llhttp reads the chunks. It is shown a head of ours: that of the answer has been read already. */
static void begin_chunks(struct fetch_answer *answer)
{
    static const char head[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    llhttp_errno_t error;

    llhttp_init(&answer->llhttp, HTTP_RESPONSE, &settings);
    answer->llhttp.data = answer;
    error = llhttp_execute(&answer->llhttp, head, sizeof(head) - 1);
    assert(error == HPE_OK);
    answer->trailer_bytes = 0; /* its header is none */
}

/* A body that is empty ends with the head. */
static void begin_body(struct fetch_answer *answer)
{
    answer->framing = fetch_head_framing(answer->head);
    answer->keep = fetch_head_keeps(answer->head);
    answer->left = answer->head->length;
    answer->state = FETCH_ANSWER_BODY;
    switch (answer->framing) {
    case FETCH_FRAMED_BADLY: broke(answer, FETCH_PROTOCOL); break;
    case FETCH_BODY_NONE: answer->state = FETCH_ANSWER_WHOLE; break;
    case FETCH_BODY_LENGTH:
        if (answer->left == 0)
            answer->state = FETCH_ANSWER_WHOLE;
        break;
    case FETCH_BODY_CHUNKED: begin_chunks(answer); break;
    case FETCH_BODY_TO_CLOSE: answer->keep = false; break;
    }
}

static void take_line(struct fetch_answer *answer, struct span line)
{
    enum fetch_failure failure = FETCH_PROTOCOL;

    if (begins_well(answer, line))
        failure = fetch_head_take(answer->head, line);
    if (failure)
        broke(answer, failure);
    else if (answer->head->complete)
        begin_body(answer);
}

static void keep_part(struct fetch_answer *answer, struct span part)
{
    if (!buf_add(&answer->line, part))
        broke(answer, FETCH_HEADER_TOO_LARGE);
    else if (!begins_well(answer, buf_span(&answer->line)))
        broke(answer, FETCH_PROTOCOL);
}

/* Takes what there is of one line. */
static size_t feed_line(struct fetch_answer *answer, struct span bytes)
{
    size_t end = span_find(bytes, '\n');
    struct span part = end == SIZE_MAX ? bytes : span_first(bytes, end + 1);

    if (buf_size(&answer->line) == 0 && end != SIZE_MAX) {
        take_line(answer, part);
        return part.size;
    }
    keep_part(answer, part);
    if (answer->state == FETCH_ANSWER_HEAD && end != SIZE_MAX) {
        take_line(answer, buf_span(&answer->line));
        buf_done(&answer->line);
    }
    return part.size;
}

/* ---- the body ---- */

static size_t feed_chunks(struct fetch_answer *answer, struct span bytes)
{
    llhttp_errno_t error;

    (void)buf_reserve(answer->body, bytes.size); /* for all of its chunks at once */
    error = llhttp_execute(&answer->llhttp, bytes.at, bytes.size);
    if (error == HPE_OK)
        return bytes.size;
    if (answer->state != FETCH_ANSWER_WHOLE)
        broke(answer, FETCH_PROTOCOL);
    return (size_t)(llhttp_get_error_pos(&answer->llhttp) - bytes.at);
}

static size_t feed_body(struct fetch_answer *answer, struct span bytes)
{
    struct span part = bytes;

    if (answer->framing == FETCH_BODY_CHUNKED)
        return feed_chunks(answer, bytes);
    if (answer->framing == FETCH_BODY_LENGTH) {
        part.size = part.size < answer->left ? part.size : (size_t)answer->left;
        answer->left -= part.size;
        if (answer->left == 0)
            answer->state = FETCH_ANSWER_WHOLE;
    }
    take_body(answer, part);
    return part.size;
}

size_t fetch_answer_feed(struct fetch_answer *answer, struct span bytes)
{
    size_t taken = 0;

    if (answer->state == FETCH_ANSWER_HEAD)
        buf_grow(&answer->head->lines, bytes.size < HEAD_ROOM ? bytes.size : HEAD_ROOM);
    while (taken < bytes.size && answer->state == FETCH_ANSWER_HEAD)
        taken += feed_line(answer, span_skip(bytes, taken));
    if (taken < bytes.size && answer->state == FETCH_ANSWER_BODY)
        taken += feed_body(answer, span_skip(bytes, taken));
    return taken;
}

void fetch_answer_end(struct fetch_answer *answer)
{
    if (answer->state == FETCH_ANSWER_HEAD)
        broke(answer, FETCH_RESET);
    if (answer->state != FETCH_ANSWER_BODY)
        return;
    if (answer->framing == FETCH_BODY_TO_CLOSE)
        answer->state = FETCH_ANSWER_WHOLE;
    else
        broke(answer, FETCH_TRUNCATED);
}
