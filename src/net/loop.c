#include "net/loop.h"

#include "base/limits.h"
#include "base/mem.h"
#include "net/loop_uv.h"
#include "net/share.h"

#include <assert.h>
#include <sys/timerfd.h>
#include <unistd.h>

/* The alarms stand in a binary heap, earliest first; heap[0] is not used, so that alarm_at == 0
 * means "not in the heap".
 *
 * A timerfd is armed for the earliest, no uv_timer: with that epoll_wait() would have a timeout, which the
 * kernel sets up before each sleep and takes down after it; of what a chunk of a stream costs, that was
 * 3 %. */
enum { ALARMS_MIN = 64 };

struct alarms {
    struct task **heap;
    size_t count;
    size_t room;
    uint64_t armed_ms; /* what the timer is set to; 0: it has rung */
};

struct watch {
    uv_signal_t handle;
    signal_fn run;
    void *context;
    struct watch *next;
};

struct loop {
    uv_loop_t uv;
    uv_check_t turn;
    uv_prepare_t sleep;
    uv_idle_t hurry; /* active while work is left for the next turn: the loop must not sleep */
    uv_poll_t timer;
    int timer_fd;
    struct list ready;
    struct list later[LOOP_PHASES];
    struct alarms alarms;
    struct share share;
    struct watch *watches;
    bool left;          /* the last turn left work for the next */
    uint64_t asleep_ms; /* since when; 0: it did not mean to sleep */
    uint64_t idle_ms;   /* slept since the last busy reading */
    uint64_t read_ns;
    uint32_t busy_per_mille;
};

uv_loop_t *loop_uv(struct loop *loop)
{
    return &loop->uv;
}

/* ---- alarms ---- */

static void place(struct alarms *alarms, size_t at, struct task *task)
{
    alarms->heap[at] = task;
    task->alarm_at = at;
}

static void sift_up(struct alarms *alarms, size_t at, struct task *task)
{
    while (at > 1 && alarms->heap[at / 2]->alarm_ms > task->alarm_ms) {
        place(alarms, at, alarms->heap[at / 2]);
        at /= 2;
    }
    place(alarms, at, task);
}

static void sift_down(struct alarms *alarms, size_t at, struct task *task)
{
    for (;;) {
        size_t child = 2 * at;

        if (child > alarms->count)
            break;
        if (child < alarms->count &&
            alarms->heap[child + 1]->alarm_ms < alarms->heap[child]->alarm_ms)
            child++;
        if (alarms->heap[child]->alarm_ms >= task->alarm_ms)
            break;
        place(alarms, at, alarms->heap[child]);
        at = child;
    }
    place(alarms, at, task);
}

static void set_room(struct alarms *alarms, size_t room)
{
    alarms->room = room;
    alarms->heap = mem_grow(alarms->heap, room * sizeof(struct task *));
}

static void alarm_remove(struct alarms *alarms, struct task *task)
{
    size_t at = task->alarm_at;
    struct task *last;

    if (at == 0)
        return;
    task->alarm_at = 0;
    last = alarms->heap[alarms->count--];
    if (last != task && at > 1 && alarms->heap[at / 2]->alarm_ms > last->alarm_ms)
        sift_up(alarms, at, last);
    else if (last != task)
        sift_down(alarms, at, last);
    if (alarms->room > ALARMS_MIN && alarms->count < alarms->room / 8)
        set_room(alarms, alarms->room / 2); /* a peak leaves nothing behind */
}

static void alarm_add(struct alarms *alarms, struct task *task)
{
    if (alarms->count + 1 >= alarms->room)
        set_room(alarms, alarms->room ? alarms->room * 2 : ALARMS_MIN);
    alarms->count++;
    sift_up(alarms, alarms->count, task);
}

static void arm_timer(struct loop *loop)
{
    struct alarms *alarms = &loop->alarms;
    uint64_t now_ms = uv_now(&loop->uv);
    uint64_t first_ms = alarms->count ? alarms->heap[1]->alarm_ms : 0;
    uint64_t wait_ms = first_ms > now_ms ? first_ms - now_ms : 0;
    struct itimerspec when = { 0 };

    if (first_ms == 0 || (alarms->armed_ms && alarms->armed_ms <= first_ms))
        return; /* nothing to wait for, or a timer that fires early enough */
    alarms->armed_ms = first_ms;
    when.it_value.tv_sec = (time_t)(wait_ms / 1000);
    when.it_value.tv_nsec =
        wait_ms ? (long)(wait_ms % 1000) * 1000000 : 1; /* 0 would be never */
    (void)timerfd_settime(loop->timer_fd, 0, &when, NULL);
}

static void on_timer(uv_poll_t *timer, int status, int events)
{
    struct loop *loop = timer->data;
    struct alarms *alarms = &loop->alarms;
    uint64_t now_ms = uv_now(&loop->uv);
    uint64_t rung;

    (void)status;
    (void)events;
    if (read(loop->timer_fd, &rung, sizeof(rung)) < 0)
        return; /* it was set anew meanwhile */
    alarms->armed_ms = 0;
    while (alarms->count && alarms->heap[1]->alarm_ms <= now_ms) {
        struct task *task = alarms->heap[1];

        alarm_remove(alarms, task);
        task->alarm_ms = 0;
        task_wake(task);
    }
}

/* ---- tasks ---- */

void task_init(struct task *task, struct loop *loop, task_fn run)
{
    *task = (struct task){ .loop = loop, .run = run };
}

void task_done(struct task *task)
{
    list_remove(&task->ready);
    alarm_remove(&task->loop->alarms, task);
    task->alarm_ms = 0;
}

void task_wake(struct task *task)
{
    if (!list_linked(&task->ready))
        list_append(&task->loop->ready, &task->ready);
}

void task_alarm(struct task *task, uint64_t at_ms)
{
    struct alarms *alarms = &task->loop->alarms;

    if (task->alarm_at) {
        if (at_ms && task->alarm_ms <= at_ms)
            return; /* the old alarm fires first; the task then asks again */
        alarm_remove(alarms, task);
    }
    task->alarm_ms = at_ms;
    if (at_ms)
        alarm_add(alarms, task);
}

/* ---- the turn ---- */

void loop_later(struct loop *loop, enum loop_phase phase, struct job *job)
{
    if (!list_linked(&job->link))
        list_append(&loop->later[phase], &job->link);
}

/* Jobs that these jobs ask for come in the next turn: the list is taken off first. */
static void run_jobs(struct loop *loop, enum loop_phase phase)
{
    struct list jobs;
    struct list *link;

    list_init(&jobs);
    list_move_all(&jobs, &loop->later[phase]);
    while ((link = list_take_first(&jobs)) != NULL) {
        struct job *job = LIST_OWNER(link, struct job, link);

        job->run(job);
    }
}

static void run_tasks(struct loop *loop)
{
    struct list tasks;
    struct list *link;

    list_init(&tasks);
    list_move_all(&tasks, &loop->ready);
    while ((link = list_take_first(&tasks)) != NULL) {
        struct task *task = LIST_OWNER(link, struct task, ready);

        task->run(task);
    }
}

static bool jobs_left(const struct loop *loop)
{
    for (int phase = 0; phase < LOOP_PHASES; phase++)
        if (!list_empty(&loop->later[phase]))
            return true;
    return false;
}

static bool work_left(const struct loop *loop)
{
    return !list_empty(&loop->ready) || jobs_left(loop);
}

bool loop_may_move(struct loop *loop, uint64_t *ticket)
{
    return share_take(&loop->share, ticket);
}

static void on_hurry(uv_idle_t *idle)
{
    (void)idle; /* its being active is all: libuv then polls without sleeping */
}

static void run_turn(struct loop *loop)
{
    for (int round = 0; round < LIMIT_TICK_ROUNDS; round++) {
        if (list_empty(&loop->ready))
            break;
        run_tasks(loop);
    }
    run_jobs(loop, LOOP_REAP);
    run_jobs(loop, LOOP_FLUSH);
}

/* libuv's own idle time costs a second epoll_wait in each turn that sleeps. Its clock was read when this
 * one returned, before what came was looked at. In whole milliseconds, of which as many begin while it is
 * asleep as there should; a coarse clock may be behind. */
static void note_sleep(struct loop *loop)
{
    uint64_t now_ms = uv_now(&loop->uv);

    if (loop->asleep_ms && now_ms > loop->asleep_ms)
        loop->idle_ms += now_ms - loop->asleep_ms;
    loop->asleep_ms = 0;
}

/* Everything that came has been noted. */
static void on_turn(uv_check_t *check)
{
    struct loop *loop = check->data;

    note_sleep(loop);
    share_turn(&loop->share);
    run_turn(loop);
    loop->left = work_left(loop);
}

/* What came up since the turn, as handles were closed, or before the first one, is done before the loop
 * sleeps; not what the turn left for the next on purpose. libuv has just read its clock. */
static void on_sleep(uv_prepare_t *prepare)
{
    struct loop *loop = prepare->data;
    bool late = !loop->left && work_left(loop);

    if (late)
        run_turn(loop);
    arm_timer(loop);
    if (work_left(loop)) {
        (void)uv_idle_start(&loop->hurry, on_hurry);
        return;
    }
    (void)uv_idle_stop(&loop->hurry);
    loop->asleep_ms = late ? uv_hrtime() / 1000000u : uv_now(&loop->uv);
}

/* ---- life ---- */

struct loop *loop_new(void)
{
    struct loop *loop = mem_zero(sizeof(*loop));
    int failed = uv_loop_init(&loop->uv);

    loop->timer_fd =
        timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC); /* uv_now()'s */
    assert(failed == 0 && loop->timer_fd >= 0);
    list_init(&loop->ready);
    for (int phase = 0; phase < LOOP_PHASES; phase++)
        list_init(&loop->later[phase]);
    (void)uv_check_init(&loop->uv, &loop->turn);
    (void)uv_prepare_init(&loop->uv, &loop->sleep);
    (void)uv_idle_init(&loop->uv, &loop->hurry);
    (void)uv_poll_init(&loop->uv, &loop->timer, loop->timer_fd);
    loop->turn.data = loop;
    loop->sleep.data = loop;
    loop->timer.data = loop;
    (void)uv_check_start(&loop->turn, on_turn);
    (void)uv_prepare_start(&loop->sleep, on_sleep);
    (void)uv_poll_start(&loop->timer, UV_READABLE, on_timer);
    return loop;
}

static void on_watch_closed(uv_handle_t *handle)
{
    mem_free(handle->data);
}

void loop_free(struct loop *loop)
{
    int failed;

    uv_close((uv_handle_t *)&loop->turn, NULL);
    uv_close((uv_handle_t *)&loop->sleep, NULL);
    uv_close((uv_handle_t *)&loop->hurry, NULL);
    uv_close((uv_handle_t *)&loop->timer, NULL);
    while (loop->watches) {
        struct watch *watch = loop->watches;

        loop->watches = watch->next;
        uv_close((uv_handle_t *)&watch->handle, on_watch_closed);
    }
    (void)uv_run(&loop->uv, UV_RUN_DEFAULT);
    while (jobs_left(loop)) /* what died in the last close callbacks */
        for (int phase = 0; phase < LOOP_PHASES; phase++)
            run_jobs(loop, (enum loop_phase)phase);
    failed = uv_loop_close(&loop->uv);
    assert(failed == 0);
    (void)close(loop->timer_fd);
    mem_free(loop->alarms.heap);
    mem_free(loop);
}

void loop_run(struct loop *loop)
{
    (void)uv_run(&loop->uv, UV_RUN_DEFAULT);
}

void loop_stop(struct loop *loop)
{
    uv_stop(&loop->uv);
}

enum { SETTLE_TURNS = 64 };

void loop_settle(struct loop *loop)
{
    int turns = 0;

    do
        (void)uv_run(&loop->uv, UV_RUN_NOWAIT);
    while (++turns < SETTLE_TURNS && (turns < 4 || work_left(loop)));
}

uint64_t loop_now_ms(const struct loop *loop)
{
    return uv_now(&loop->uv);
}

uint32_t loop_busy_per_mille(struct loop *loop)
{
    uint64_t now_ns = uv_hrtime();

    if (now_ns - loop->read_ns >= 1000000000u) {
        uint64_t idle = loop->idle_ms * 1000000000u / (now_ns - loop->read_ns);

        loop->busy_per_mille = idle > 1000u ? 0 : 1000u - (uint32_t)idle;
        loop->idle_ms = 0;
        loop->read_ns = now_ns;
    }
    return loop->busy_per_mille;
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct watch *watch = handle->data;

    watch->run(watch->context, number);
}

void loop_on_signal(struct loop *loop, int number, signal_fn run, void *context)
{
    struct watch *watch = mem_zero(sizeof(*watch));

    watch->run = run;
    watch->context = context;
    watch->next = loop->watches;
    loop->watches = watch;
    (void)uv_signal_init(&loop->uv, &watch->handle);
    watch->handle.data = watch;
    (void)uv_signal_start(&watch->handle, on_signal, number);
    uv_unref((uv_handle_t *)&watch->handle);
}
