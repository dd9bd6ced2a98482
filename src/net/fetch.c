/* fetch: which engine makes a call, and what is the same for both. */
#include "net/fetch.h"

#include "base/limits.h"
#include "base/mem.h"
#include "net/fetch_call.h"
#include "net/fetch_direct.h"
#include "net/fetch_easy.h"
#include "net/fetch_origin.h"
#include "net/fetch_socket.h"
#include "net/fetch_transfer.h"
#include "net/loop.h"

#include <assert.h>

enum {
    FETCH_MAGIC = 0x66657463,
    INBOX_BYTES_MAX = LIMIT_ANSWER_TRANSLATED_BYTES + LIMIT_INBOX_BYTES,
};

static_assert(INBOX_BYTES_MAX >= LIMIT_EVENT_BYTES + LIMIT_INBOX_BYTES, "an event fits");

struct fetch_pool {
    struct fetch_sockets *sockets;
    CURLSH *share; /* DNS answers and TLS sessions, for all handles of libcurl */
    struct fetch_transfers *transfers;
    struct fetch_directs *directs;
};

/* ---- the pool ---- */

struct fetch_pool *fetch_pool_new(struct loop *loop)
{
    struct fetch_pool *pool = mem_zero(sizeof(*pool));

    (void)curl_global_init(CURL_GLOBAL_DEFAULT);
    pool->sockets = fetch_sockets_new(loop);
    pool->share = curl_share_init();
    (void)curl_share_setopt(pool->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS);
    (void)curl_share_setopt(pool->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
    pool->transfers = fetch_transfers_new(loop, pool->sockets, pool->share);
    pool->directs = fetch_directs_new(loop, pool->sockets, pool->share);
    return pool;
}

void fetch_pool_free(struct fetch_pool *pool)
{
    fetch_directs_free(pool->directs);
    fetch_transfers_free(pool->transfers);
    (void)curl_share_cleanup(pool->share);
    fetch_sockets_free(pool->sockets);
    mem_free(pool);
    curl_global_cleanup();
}

bool fetch_pool_tidy(struct fetch_pool *pool, uint64_t rested_ms)
{
    return fetch_directs_tidy(pool->directs, rested_ms) ||
           fetch_transfers_tidy(pool->transfers);
}

/* ---- for the engines ---- */

void fetch_call_init(struct fetch *fetch, const struct fetch_engine *engine)
{
    *fetch = (struct fetch){ .magic = FETCH_MAGIC, .engine = engine };
    fetch->pause_at = LIMIT_INBOX_BYTES;
    fetch_head_init(&fetch->head);
    buf_init(&fetch->inbox, INBOX_BYTES_MAX);
}

void fetch_call_done(struct fetch *fetch)
{
    fetch_head_done(&fetch->head);
    buf_done(&fetch->inbox);
    fetch_supply_free(fetch->supply);
    fetch->magic = 0;
}

void fetch_call_reset(struct fetch *fetch)
{
    fetch_head_reset(&fetch->head);
    buf_reset(&fetch->inbox);
    fetch->task = NULL;
    fetch->phase = FETCH_CONNECT;
    fetch->failure = FETCH_FINE;
    fetch->reused = false;
    fetch->pause_at = LIMIT_INBOX_BYTES;
    fetch->received = 0;
    fetch->connected_us = 0;
    fetch->first_byte_us = 0;
    fetch_supply_free(fetch->supply);
    fetch->supply = NULL;
}

struct fetch *fetch_call_from(void *opaque)
{
    struct fetch *fetch = opaque;

    assert(fetch->magic == FETCH_MAGIC);
    return fetch;
}

void fetch_call_wake(struct fetch *fetch)
{
    if (fetch->task)
        task_wake(fetch->task);
}

bool fetch_call_is_over(const struct fetch *fetch)
{
    return fetch->phase == FETCH_DONE || fetch->phase == FETCH_FAILED;
}

size_t fetch_call_room(const struct fetch *fetch)
{
    size_t waiting = buf_size(&fetch->inbox);

    return waiting < fetch->pause_at ? fetch->pause_at - waiting : 0;
}

/* ---- one call ---- */

struct fetch *fetch_start(struct fetch_pool *pool, const struct fetch_request *request,
                          struct task *task)
{
    assert(request->headers.size == 0 || span_ends(request->headers, "\r\n"));
    if (request->origin->direct)
        return fetch_direct_start(pool->directs, request, task);
    return fetch_transfer_start(pool->transfers, request, task);
}

void fetch_close(struct fetch *fetch)
{
    fetch->engine->close(fetch);
}

/* ---- a body that is fed ---- */

size_t fetch_feed_room(const struct fetch *fetch)
{
    return fetch_call_is_over(fetch) ? LIMIT_FED_BYTES : fetch_supply_room(fetch->supply);
}

void fetch_feed(struct fetch *fetch, struct span bytes)
{
    if (fetch_call_is_over(fetch))
        return;
    fetch_supply_add(fetch->supply, bytes);
    if (fetch->supply->hungry)
        fetch->engine->fed(fetch);
}

void fetch_feed_end(struct fetch *fetch)
{
    assert(!fetch->supply->whole);
    fetch->supply->whole = true;
    if (fetch->supply->hungry && !fetch_call_is_over(fetch))
        fetch->engine->fed(fetch);
}

/* ---- what the owner asks ---- */

enum fetch_phase fetch_phase(const struct fetch *fetch)
{
    return fetch->phase;
}

enum fetch_failure fetch_failure(const struct fetch *fetch)
{
    return fetch->failure;
}

bool fetch_was_stale(const struct fetch *fetch)
{
    return fetch->failure == FETCH_RESET && fetch->reused && fetch->first_byte_us == 0;
}

unsigned fetch_status(const struct fetch *fetch)
{
    return fetch->phase == FETCH_CONNECT || fetch->phase == FETCH_WAIT ? 0 : fetch->head.status;
}

struct span fetch_header(const struct fetch *fetch, const char *name)
{
    return fetch_head_value(&fetch->head, name);
}

struct span fetch_bytes(const struct fetch *fetch)
{
    return buf_span(&fetch->inbox);
}

uint64_t fetch_received(const struct fetch *fetch)
{
    return fetch->received;
}

void fetch_consume(struct fetch *fetch, size_t size)
{
    buf_consume(&fetch->inbox, size);
    if (buf_size(&fetch->inbox) <= fetch->pause_at / 2)
        fetch->engine->resume(fetch);
    if (buf_size(&fetch->inbox) <= LIMIT_INBOX_BYTES / 2)
        fetch->pause_at = LIMIT_INBOX_BYTES;
}

void fetch_widen(struct fetch *fetch, size_t size)
{
    fetch->pause_at = size < INBOX_BYTES_MAX ? size : INBOX_BYTES_MAX;
    fetch->engine->resume(fetch);
}

bool fetch_forget(struct fetch *fetch)
{
    if (!fetch_call_is_over(fetch)) /* else its memory is for the next call */
        fetch_head_done(&fetch->head);
    return fetch->engine->is_sent(fetch);
}

uint64_t fetch_connected_us(const struct fetch *fetch)
{
    return fetch->connected_us;
}

uint64_t fetch_first_byte_us(const struct fetch *fetch)
{
    return fetch->first_byte_us;
}
