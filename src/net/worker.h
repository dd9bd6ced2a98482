/* worker: one thread for what may block (a database, a file), and the way back to the loop.
 *
 *     loop:   worker_run(work) ----+                       +--> task woken, worker_idle() again
 *     thread:                      +--> work(context) -----+
 *
 * One piece of work at a time: who has more collects it meanwhile. The work must not touch anything that
 * the loop touches. */
#ifndef NET_WORKER_H
#define NET_WORKER_H

#include "net/loop.h"

#include <stdbool.h>

struct worker;

typedef void (*work_fn)(void *context);

/* `done` is woken each time that a piece of work is finished. */
struct worker *worker_new(struct loop *loop, struct task *done);

bool worker_idle(const struct worker *worker);

/* Runs work(context) on the thread; the worker must be idle. */
void worker_run(struct worker *worker, work_fn work, void *context);

/* Waits for the work that runs, then ends the thread. `done` is not woken any more. */
void worker_free(struct worker *worker);

#endif
