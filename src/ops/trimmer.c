#include "ops/trimmer.h"

#include "base/mem.h"
#include "base/resident.h"
#include "net/fetch.h"
#include "ops/gateway.h"
#include "policy/trim.h"

enum {
    LOOK_MS = 2000,               /* what is used is counted by a walk over all that is free */
    STEP_BYTES = 8 * 1024 * 1024, /* about half a millisecond */
    STEP_MS = 10,
    RESTED_MS = 5000, /* upstream connections that nobody needs just now */
};

struct trimmer {
    struct gateway *gateway;
    struct trim trim;
    struct task task; /* the steps */
    uint64_t look_ms; /* the next look */
    uint64_t least;   /* that was ever resident */
    bool works;
    bool tidies;   /* at first: small things that hold whole pages go */
    uint64_t left; /* at most so much may be found */
};

static void finish(struct trimmer *trimmer)
{
    uint64_t resident;

    trimmer->works = false;
    mem_trim_end();
    resident_drop_code();
    resident = resident_own_bytes();
    trim_learn(&trimmer->trim, resident, mem_used(), loop_now_ms(trimmer->gateway->loop));
}

static void run(struct task *task)
{
    struct trimmer *trimmer = LIST_OWNER(task, struct trimmer, task);

    if (!trimmer->works)
        return;
    if (trimmer->tidies) {
        trimmer->tidies = fetch_pool_tidy(trimmer->gateway->env.fetches, RESTED_MS);
    } else if (trimmer->left < STEP_BYTES || !mem_trim_step(STEP_BYTES)) {
        finish(trimmer);
        return;
    } else {
        trimmer->left -= STEP_BYTES;
    }
    task_alarm(task, loop_now_ms(trimmer->gateway->loop) + STEP_MS);
}

void trimmer_look(struct trimmer *trimmer)
{
    uint64_t now_ms = loop_now_ms(trimmer->gateway->loop);
    uint64_t resident;

    if (trimmer->works || now_ms < trimmer->look_ms)
        return;
    trimmer->look_ms = now_ms + LOOK_MS;
    resident = resident_own_bytes();
    if (trimmer->least == 0 || resident < trimmer->least)
        trimmer->least = resident;
    if (trimmer->trim.known && resident < trimmer->least + TRIM_LEAST_BYTES)
        return; /* not even worth to count */
    if (!trim_is_due(&trimmer->trim, resident, mem_used(), now_ms))
        return;
    trimmer->works = true;
    trimmer->tidies = true;
    trimmer->left = resident;
    task_wake(&trimmer->task);
}

struct trimmer *trimmer_new(struct gateway *gateway)
{
    struct trimmer *trimmer = mem_zero(sizeof(*trimmer));

    trimmer->gateway = gateway;
    task_init(&trimmer->task, gateway->loop, run);
    return trimmer;
}

void trimmer_free(struct trimmer *trimmer)
{
    if (trimmer == NULL)
        return;
    if (trimmer->works)
        mem_trim_end();
    task_done(&trimmer->task);
    mem_free(trimmer);
}
