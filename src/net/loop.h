/* loop: one libuv loop, and the tasks that run on it.
 *
 * Facts in, steps out. A callback of libuv, llhttp or libcurl appends bytes to a bounded inbox, sets
 * a flag and wakes a task; it decides nothing. Once per turn of the loop, when epoll's callbacks are done:
 *
 *     run every woken task, and those that they wake     a task looks at the facts, takes its next step
 *     reap                                               what died is freed; nothing can reach it
 *     flush                                              each client gets this turn's bytes at once
 *
 * A woken task runs before the loop sleeps again, so waking costs no latency. */
#ifndef NET_LOOP_H
#define NET_LOOP_H

#include "base/list.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop;

struct loop *loop_new(void);
void loop_free(struct loop *loop); /* every handle on it must be closed or closing */
void loop_run(struct loop *loop);  /* until loop_stop() */
void loop_stop(struct loop *loop);

/* Runs what is ready, without waiting for anything new, until nothing is: for taking things down. */
void loop_settle(struct loop *loop);

uint64_t loop_now_ms(const struct loop *loop); /* monotonic, as of this turn */

/* Share of the last second that the loop was busy, in per mille. */
uint32_t loop_busy_per_mille(struct loop *loop);

/* ---- tasks ---- */

struct task;
typedef void (*task_fn)(struct task *task);

/* Embed by value. It belongs to its owner; the loop only links it. */
struct task {
    struct list ready; /* linked while woken */
    struct loop *loop;
    task_fn run;
    uint64_t alarm_ms; /* 0: none */
    size_t alarm_at;   /* its place in the loop's heap of alarms */
};

void task_init(struct task *task, struct loop *loop, task_fn run);
void task_done(struct task *task); /* forgets wake-ups and alarm */

/* Runs it once, later in this turn or in the next. Waking twice is waking once. */
void task_wake(struct task *task);

/* Wakes it at `at_ms` (loop_now_ms's clock), or never when 0. Moving an alarm to a later time is
 * free: the old one still fires and the task looks at its clocks and sets the next. */
void task_alarm(struct task *task, uint64_t at_ms);

/* ---- what else happens once per turn ---- */

enum loop_phase { LOOP_REAP, LOOP_FLUSH, LOOP_PHASES };

struct job;
typedef void (*job_fn)(struct job *job);

/* Embed by value, zeroed. */
struct job {
    struct list link;
    job_fn run;
};

/* Runs job->run once when this turn (or the next, when that phase is over) gets there. Asking twice
 * is asking once. */
void loop_later(struct loop *loop, enum loop_phase phase, struct job *job);

/* Who moves many bytes does it in pieces of some ten KiB, and asks before each but the first: in one turn
 * no more of them are moved than leave it short. False: not in this turn; ask again in the next with the
 * same `ticket`, which is 0 at first and is the caller's. Sockets that are ready stay so: nothing needs to
 * be woken. */
bool loop_may_move(struct loop *loop, uint64_t *ticket);

/* ---- signals ---- */

typedef void (*signal_fn)(void *context, int number);

/* Calls `run` on the loop whenever the process gets the signal. */
void loop_on_signal(struct loop *loop, int number, signal_fn run, void *context);

#endif
