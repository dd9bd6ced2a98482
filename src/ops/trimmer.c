#include "ops/trimmer.h"

#include "base/mem.h"
#include "base/resident.h"
#include "ops/gateway.h"
#include "policy/trim.h"

enum {
    STEP_BYTES = 8 * 1024 * 1024, /* about half a millisecond */
    STEP_MS = 10,
};

struct trimmer {
    struct gateway *gateway;
    struct trim trim;
    struct task task; /* the steps */
    bool works;
    uint64_t before; /* resident when it began */
    uint64_t given;  /* at most, so far */
};

static uint64_t exchanges(const struct trimmer *trimmer)
{
    const struct admission *admission = &trimmer->gateway->env.slots.admission;

    return (uint64_t)admission->in_flight + admission->waiting;
}

static void finish(struct trimmer *trimmer)
{
    trimmer->works = false;
    mem_trim_end();
    resident_drop_code();
    trim_learn(&trimmer->trim, trimmer->before, resident_bytes(),
               loop_now_ms(trimmer->gateway->loop));
}

/* Work that has come back wants its memory: then it is over as well. */
static void run(struct task *task)
{
    struct trimmer *trimmer = LIST_OWNER(task, struct trimmer, task);
    uint64_t now_ms = loop_now_ms(trimmer->gateway->loop);
    uint64_t in_use = exchanges(trimmer) * TRIM_EXCHANGE_BYTES;

    if (!trimmer->works)
        return;
    trimmer->given += STEP_BYTES;
    if (trimmer->given + in_use > trimmer->before + STEP_BYTES || !mem_trim_step(STEP_BYTES)) {
        finish(trimmer);
        return;
    }
    task_alarm(task, now_ms + STEP_MS);
}

void trimmer_look(struct trimmer *trimmer)
{
    uint64_t now_ms = loop_now_ms(trimmer->gateway->loop);
    uint64_t resident;

    if (trimmer->works)
        return;
    resident = resident_bytes();
    if (!trim_is_due(&trimmer->trim, resident, exchanges(trimmer), now_ms))
        return;
    trimmer->works = true;
    trimmer->before = resident;
    trimmer->given = 0;
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
