#include "net/worker.h"

#include "base/mem.h"
#include "net/loop_uv.h"

#include <assert.h>

enum { STACK_BYTES = 256 * 1024 };

struct worker {
    uv_async_t back; /* from the thread to the loop */
    uv_thread_t thread;
    struct task *done;
    bool busy; /* the loop's: work was given and not yet reported back */

    /* of both, under the lock */
    uv_mutex_t lock;
    uv_cond_t news;
    work_fn work; /* NULL: none waits, none runs */
    void *context;
    bool stopping;
};

static void run(void *argument)
{
    struct worker *worker = argument;

    uv_mutex_lock(&worker->lock);
    while (worker->work || !worker->stopping) {
        work_fn work = worker->work;
        void *context = worker->context;

        if (work == NULL) {
            uv_cond_wait(&worker->news, &worker->lock);
            continue;
        }
        uv_mutex_unlock(&worker->lock);
        work(context);
        uv_mutex_lock(&worker->lock);
        worker->work = NULL;
        (void)uv_async_send(&worker->back);
    }
    uv_mutex_unlock(&worker->lock);
}

static void on_back(uv_async_t *back)
{
    struct worker *worker = back->data;

    uv_mutex_lock(&worker->lock);
    worker->busy = worker->work != NULL;
    uv_mutex_unlock(&worker->lock);
    if (!worker->busy)
        task_wake(worker->done);
}

struct worker *worker_new(struct loop *loop, struct task *done)
{
    const uv_thread_options_t options = { .flags = UV_THREAD_HAS_STACK_SIZE,
                                          .stack_size = STACK_BYTES };
    struct worker *worker = mem_zero(sizeof(*worker));
    int failed;

    worker->done = done;
    worker->back.data = worker;
    failed = uv_async_init(loop_uv(loop), &worker->back, on_back);
    uv_unref((uv_handle_t *)&worker->back);
    failed |= uv_mutex_init(&worker->lock);
    failed |= uv_cond_init(&worker->news);
    failed |= uv_thread_create_ex(&worker->thread, &options, run, worker);
    assert(failed == 0);
    return worker;
}

bool worker_idle(const struct worker *worker)
{
    return !worker->busy;
}

void worker_run(struct worker *worker, work_fn work, void *context)
{
    assert(!worker->busy);
    worker->busy = true;
    uv_mutex_lock(&worker->lock);
    worker->work = work;
    worker->context = context;
    uv_cond_signal(&worker->news);
    uv_mutex_unlock(&worker->lock);
}

static void on_closed(uv_handle_t *handle)
{
    mem_free(handle->data);
}

void worker_free(struct worker *worker)
{
    if (worker == NULL)
        return;
    uv_mutex_lock(&worker->lock);
    worker->stopping = true;
    uv_cond_signal(&worker->news);
    uv_mutex_unlock(&worker->lock);
    (void)uv_thread_join(&worker->thread);
    uv_cond_destroy(&worker->news);
    uv_mutex_destroy(&worker->lock);
    uv_close((uv_handle_t *)&worker->back, on_closed);
}
