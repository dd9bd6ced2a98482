#include "fake/fake_fetch.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"
#include "net/loop.h"

#include <assert.h>

enum { CALLS_MAX = 256, BYTES_MAX = 256 * 1024 * 1024 };

struct fetch_origin {
    char *url;
};

struct fetch {
    struct fetch_request request;
    struct task *task;
    char *url;
    struct buf sent_headers;
    struct buf sent_body;
    enum fetch_phase phase;
    enum fetch_failure failure;
    bool stale;
    unsigned status;
    struct buf headers;
    struct buf inbox;
    size_t inbox_max;
    uint64_t received;
    uint64_t connected_us;
    uint64_t first_byte_us;
    bool uploading;
    size_t feed_room;
    bool fed_whole;
    bool closed;
    bool cancelled;
};

struct fetch_pool {
    struct fetch *calls[CALLS_MAX];
    size_t count;
};

/* ---- origins and the pool ---- */

struct fetch_origin *fetch_origin_new(const struct fetch_origin_config *config)
{
    struct span url = span_from(config->url);
    struct fetch_origin *origin;

    if (!span_starts(url, "http://") && !span_starts(url, "https://"))
        return NULL;
    origin = mem_zero(sizeof(*origin));
    origin->url = mem_copy(url.at, url.size);
    return origin;
}

void fetch_origin_free(struct fetch_origin *origin)
{
    mem_free(origin->url);
    mem_free(origin);
}

struct fetch_pool *fetch_pool_new(struct loop *loop)
{
    (void)loop;
    return mem_zero(sizeof(struct fetch_pool));
}

void fake_fetch_forget(struct fetch_pool *pool)
{
    for (size_t i = 0; i < pool->count; i++) {
        struct fetch *fetch = pool->calls[i];

        assert(fetch->closed);
        buf_done(&fetch->sent_headers);
        buf_done(&fetch->sent_body);
        mem_free(fetch->url);
        mem_free(fetch);
    }
    pool->count = 0;
}

void fetch_pool_free(struct fetch_pool *pool)
{
    fake_fetch_forget(pool);
    mem_free(pool);
}

/* ---- the test's side ---- */

size_t fake_fetch_count(const struct fetch_pool *pool)
{
    return pool->count;
}

struct fetch *fake_fetch_at(const struct fetch_pool *pool, size_t at)
{
    assert(at < pool->count);
    return pool->calls[at];
}

const char *fake_fetch_url(const struct fetch *fetch)
{
    return fetch->url;
}

struct span fake_fetch_sent_body(const struct fetch *fetch)
{
    return buf_span(&fetch->sent_body);
}

struct span fake_fetch_sent_headers(const struct fetch *fetch)
{
    return buf_span(&fetch->sent_headers);
}

bool fake_fetch_is_closed(const struct fetch *fetch)
{
    return fetch->closed;
}

bool fake_fetch_is_cancelled(const struct fetch *fetch)
{
    return fetch->cancelled;
}

static bool over(const struct fetch *fetch)
{
    return fetch->phase == FETCH_DONE || fetch->phase == FETCH_FAILED;
}

static void move(struct fetch *fetch, enum fetch_phase phase)
{
    assert(!fetch->closed && !over(fetch) && phase > fetch->phase);
    fetch->phase = phase;
    task_wake(fetch->task);
}

void fake_fetch_connect(struct fetch *fetch)
{
    fetch->connected_us = clock_us();
    move(fetch, FETCH_WAIT);
}

void fake_fetch_head(struct fetch *fetch, unsigned status, const char *headers)
{
    if (fetch->phase == FETCH_CONNECT)
        fake_fetch_connect(fetch);
    fetch->status = status;
    fetch->first_byte_us = clock_us();
    (void)buf_add_text(&fetch->headers, headers);
    move(fetch, FETCH_BODY);
}

size_t fake_fetch_body(struct fetch *fetch, struct span bytes)
{
    size_t held = buf_size(&fetch->inbox);

    assert(!fetch->closed && fetch->phase == FETCH_BODY);
    bytes = span_first(bytes, held < fetch->inbox_max ? fetch->inbox_max - held : 0);
    (void)buf_add(&fetch->inbox, bytes);
    fetch->received += bytes.size;
    task_wake(fetch->task);
    return bytes.size;
}

void fake_fetch_end(struct fetch *fetch)
{
    assert(fetch->phase == FETCH_BODY);
    move(fetch, FETCH_DONE);
}

void fake_fetch_fail(struct fetch *fetch, enum fetch_failure failure)
{
    assert(failure != FETCH_FINE);
    fetch->failure = failure;
    move(fetch, FETCH_FAILED);
}

void fake_fetch_fail_stale(struct fetch *fetch)
{
    assert(fetch->phase < FETCH_BODY);
    fetch->stale = true;
    fake_fetch_fail(fetch, FETCH_RESET);
}

void fake_fetch_upload_slowly(struct fetch *fetch)
{
    fetch->uploading = true;
}

void fake_fetch_let_feed(struct fetch *fetch, size_t bytes)
{
    fetch->feed_room = bytes;
    task_wake(fetch->task);
}

int64_t fake_fetch_fed_length(const struct fetch *fetch)
{
    assert(fetch->request.fed);
    return fetch->request.fed_length;
}

bool fake_fetch_fed_whole(const struct fetch *fetch)
{
    return fetch->fed_whole;
}

/* ---- the exchange's side ---- */

static void join_body(const struct fetch_request *request, struct buf *ret)
{
    buf_reset(ret);
    for (size_t i = 0; i < request->body_count; i++)
        (void)buf_add(ret, request->body[i]);
}

struct fetch *fetch_start(struct fetch_pool *pool, const struct fetch_request *request,
                          struct task *task)
{
    struct fetch *fetch = mem_zero(sizeof(*fetch));

    assert(pool->count < CALLS_MAX);
    fetch->request = *request;
    fetch->task = task;
    buf_init(&fetch->sent_headers, BYTES_MAX);
    (void)buf_add_texts(&fetch->sent_headers, request->origin->url,
                        request->path ? request->path : "", NULL);
    fetch->url = mem_copy(buf_text(&fetch->sent_headers), buf_size(&fetch->sent_headers));
    buf_reset(&fetch->sent_headers);
    buf_init(&fetch->sent_body, BYTES_MAX);
    buf_init(&fetch->headers, BYTES_MAX);
    buf_init(&fetch->inbox, BYTES_MAX);
    fetch->inbox_max = LIMIT_INBOX_BYTES;
    fetch->feed_room = SIZE_MAX;
    for (struct span rest = request->headers; rest.size;) {
        struct span line = span_cut(&rest, '\n');

        assert(line.size > 1 && span_find(line, '\r') == line.size - 1);
        (void)buf_printf(&fetch->sent_headers, "%.*s\n",
                         SPAN_ARG(span_first(line, line.size - 1)));
    }
    if (!request->fed)
        join_body(request, &fetch->sent_body);
    pool->calls[pool->count++] = fetch;
    return fetch;
}

size_t fetch_feed_room(const struct fetch *fetch)
{
    assert(!fetch->closed && fetch->request.fed);
    return fetch->feed_room;
}

void fetch_feed(struct fetch *fetch, struct span bytes)
{
    assert(!fetch->closed && fetch->request.fed && !fetch->fed_whole && bytes.size);
    assert(bytes.size <= fetch->feed_room);
    if (fetch->feed_room != SIZE_MAX)
        fetch->feed_room -= bytes.size;
    (void)buf_add(&fetch->sent_body, bytes);
    if (fetch->request.fed_length != FETCH_LENGTH_UNKNOWN)
        assert(buf_size(&fetch->sent_body) <= (size_t)fetch->request.fed_length);
}

void fetch_feed_end(struct fetch *fetch)
{
    assert(!fetch->closed && fetch->request.fed && !fetch->fed_whole);
    fetch->fed_whole = true;
    if (fetch->request.fed_length != FETCH_LENGTH_UNKNOWN)
        assert(buf_size(&fetch->sent_body) == (size_t)fetch->request.fed_length);
}

enum fetch_phase fetch_phase(const struct fetch *fetch)
{
    assert(!fetch->closed);
    return fetch->phase;
}

enum fetch_failure fetch_failure(const struct fetch *fetch)
{
    assert(!fetch->closed);
    return fetch->failure;
}

bool fetch_was_stale(const struct fetch *fetch)
{
    assert(!fetch->closed);
    return fetch->stale;
}

unsigned fetch_status(const struct fetch *fetch)
{
    assert(!fetch->closed);
    return fetch->status;
}

struct span fetch_header(const struct fetch *fetch, const char *name)
{
    struct span rest = buf_span(&fetch->headers);

    assert(!fetch->closed);
    while (rest.size) {
        struct span line = span_cut(&rest, '\n');
        struct span key = span_cut(&line, ':');

        if (span_is_nocase(key, name))
            return span_trim(line);
    }
    return span_make(NULL, 0);
}

struct span fetch_bytes(const struct fetch *fetch)
{
    assert(!fetch->closed);
    return buf_span(&fetch->inbox);
}

void fetch_consume(struct fetch *fetch, size_t size)
{
    assert(!fetch->closed && size <= buf_size(&fetch->inbox));
    buf_consume(&fetch->inbox, size);
    if (buf_size(&fetch->inbox) == 0)
        fetch->inbox_max = LIMIT_INBOX_BYTES;
}

uint64_t fetch_received(const struct fetch *fetch)
{
    assert(!fetch->closed);
    return fetch->received;
}

void fetch_widen(struct fetch *fetch, size_t size)
{
    assert(!fetch->closed);
    fetch->inbox_max = size;
}

bool fetch_forget(struct fetch *fetch)
{
    assert(!fetch->closed);
    buf_done(&fetch->headers);
    if (fetch->request.fed && !over(fetch))
        return fetch->fed_whole;
    return !fetch->uploading;
}

uint64_t fetch_connected_us(const struct fetch *fetch)
{
    assert(!fetch->closed);
    return fetch->connected_us;
}

uint64_t fetch_first_byte_us(const struct fetch *fetch)
{
    assert(!fetch->closed);
    return fetch->first_byte_us;
}

/* Whatever was lent to a call that is still sending must be there until now. */
static void check_lent(struct fetch *fetch)
{
    struct buf now;

    buf_init(&now, BYTES_MAX);
    join_body(&fetch->request, &now);
    assert(span_equal(buf_span(&now), buf_span(&fetch->sent_body)));
    buf_done(&now);
}

void fetch_close(struct fetch *fetch)
{
    assert(!fetch->closed);
    if (fetch->uploading)
        check_lent(fetch);
    fetch->cancelled = !over(fetch);
    fetch->closed = true;
    buf_done(&fetch->inbox); /* so that a span kept too long is found */
    buf_done(&fetch->headers);
}
