#include "ops/client.h"

#include "base/buf.h"
#include "net/fetch.h"
#include "net/loop.h"

#include <stdio.h>

enum { ERROR_BYTES = 256, KEY_LINE_BYTES = 64 * 1024 };

struct errand {
    struct task task;
    struct fetch *fetch;
    uint64_t give_up_ms;
    struct buf *body;
};

static void run(struct task *task)
{
    struct errand *errand = LIST_OWNER(task, struct errand, task);
    struct span bytes = fetch_bytes(errand->fetch);
    bool fits = buf_add(errand->body, bytes);
    enum fetch_phase phase;

    fetch_consume(errand->fetch, bytes.size);
    phase = fetch_phase(errand->fetch);
    if (!fits || phase == FETCH_DONE || phase == FETCH_FAILED ||
        loop_now_ms(task->loop) >= errand->give_up_ms)
        loop_stop(task->loop);
    else
        task_alarm(task, errand->give_up_ms);
}

static bool read_answer(const struct errand *errand, const char *url, unsigned *ret_status,
                        char *ret_error)
{
    if (fetch_phase(errand->fetch) != FETCH_DONE || errand->body->overflowed) {
        (void)snprintf(ret_error, ERROR_BYTES, "no answer from %.200s", url);
        return false;
    }
    *ret_status = fetch_status(errand->fetch);
    return true;
}

bool client_get(const char *url, const char *key, uint32_t timeout_ms, unsigned *ret_status,
                struct buf *ret_body, char *ret_error)
{
    struct loop *loop = loop_new();
    struct fetch_pool *pool = fetch_pool_new(loop);
    struct fetch_origin_config config = { .url = url };
    struct fetch_origin *origin = fetch_origin_new(&config);
    struct buf line;
    struct errand errand = { .body = ret_body };
    bool answered = false;

    buf_init(&line, KEY_LINE_BYTES);
    if (key)
        (void)buf_add_texts(&line, "Authorization: Bearer ", key, "\r\n", NULL);
    if (origin) {
        struct fetch_request request = { .origin = origin,
                                         .get = true,
                                         .headers = buf_span(&line) };

        task_init(&errand.task, loop, run);
        errand.give_up_ms = loop_now_ms(loop) + timeout_ms;
        errand.fetch = fetch_start(pool, &request, &errand.task);
        task_wake(&errand.task);
        loop_run(loop);
        answered = read_answer(&errand, url, ret_status, ret_error);
        fetch_close(errand.fetch);
        task_done(&errand.task);
    } else {
        (void)snprintf(ret_error, ERROR_BYTES, "not a URL of http or https: %.200s", url);
    }
    fetch_pool_free(pool);
    fetch_origin_free(origin);
    loop_free(loop);
    buf_wipe(&line);
    return answered;
}
