#include "fake/fake_loop.h"

#include "base/mem.h"

#include <assert.h>

enum {
    TASKS_MAX = 64,
    RUNS_MAX = 1000,         /* of tasks in one settling: more is a task that wakes itself */
    ALARMS_OF_ONE_MS = 1000, /* likewise: an alarm that is set to the past */
};

struct loop {
    uint64_t now_ms;
    struct task *tasks[TASKS_MAX];
    size_t task_count;
    struct list ready;
    struct list jobs[LOOP_PHASES];
};

struct loop *loop_new(void)
{
    struct loop *loop = mem_zero(sizeof(*loop));

    loop->now_ms = FAKE_LOOP_START_MS;
    list_init(&loop->ready);
    for (int phase = 0; phase < LOOP_PHASES; phase++)
        list_init(&loop->jobs[phase]);
    return loop;
}

void loop_free(struct loop *loop)
{
    assert(loop->task_count == 0 && list_empty(&loop->ready));
    for (int phase = 0; phase < LOOP_PHASES; phase++)
        assert(list_empty(&loop->jobs[phase]));
    mem_free(loop);
}

uint64_t loop_now_ms(const struct loop *loop)
{
    return loop->now_ms;
}

void task_init(struct task *task, struct loop *loop, task_fn run)
{
    assert(loop->task_count < TASKS_MAX);
    *task = (struct task){ .loop = loop, .run = run };
    task->alarm_at = loop->task_count;
    loop->tasks[loop->task_count++] = task;
}

void task_done(struct task *task)
{
    struct loop *loop = task->loop;

    assert(loop->tasks[task->alarm_at] == task);
    list_remove(&task->ready);
    loop->tasks[task->alarm_at] = loop->tasks[--loop->task_count];
    loop->tasks[task->alarm_at]->alarm_at = task->alarm_at;
    task->loop = NULL;
}

void task_wake(struct task *task)
{
    assert(task->loop != NULL);
    if (!list_linked(&task->ready))
        list_append(&task->loop->ready, &task->ready);
}

void task_alarm(struct task *task, uint64_t at_ms)
{
    assert(task->loop != NULL);
    task->alarm_ms = at_ms;
}

void loop_later(struct loop *loop, enum loop_phase phase, struct job *job)
{
    if (!list_linked(&job->link))
        list_append(&loop->jobs[phase], &job->link);
}

static void run_jobs(struct loop *loop)
{
    for (int phase = 0; phase < LOOP_PHASES; phase++) {
        struct list *link;

        while ((link = list_take_first(&loop->jobs[phase])) != NULL) {
            struct job *job = LIST_OWNER(link, struct job, link);

            job->run(job);
        }
    }
}

void fake_loop_settle(struct loop *loop)
{
    struct list *link;
    int runs = 0;

    while (!list_empty(&loop->ready)) {
        while ((link = list_take_first(&loop->ready)) != NULL) {
            struct task *task = LIST_OWNER(link, struct task, ready);

            assert(runs++ < RUNS_MAX);
            task->run(task);
        }
        run_jobs(loop);
    }
}

static struct task *first_alarm(const struct loop *loop)
{
    struct task *first = NULL;

    for (size_t i = 0; i < loop->task_count; i++) {
        struct task *task = loop->tasks[i];

        if (task->alarm_ms && (first == NULL || task->alarm_ms < first->alarm_ms))
            first = task;
    }
    return first;
}

uint64_t fake_loop_next_alarm(const struct loop *loop)
{
    const struct task *task = first_alarm(loop);

    return task ? task->alarm_ms : 0;
}

void fake_loop_advance(struct loop *loop, uint64_t ms)
{
    uint64_t until_ms = loop->now_ms + ms;
    struct task *task;
    int alarms = 0;

    fake_loop_settle(loop);
    while ((task = first_alarm(loop)) != NULL && task->alarm_ms <= until_ms) {
        if (task->alarm_ms > loop->now_ms)
            alarms = 0;
        assert(alarms++ < ALARMS_OF_ONE_MS);
        if (task->alarm_ms > loop->now_ms)
            loop->now_ms = task->alarm_ms;
        task->alarm_ms = 0;
        task_wake(task);
        fake_loop_settle(loop);
    }
    loop->now_ms = until_ms;
}
