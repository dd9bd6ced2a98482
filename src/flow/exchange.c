#include "flow/exchange.h"

#include "base/clock.h"
#include "base/mem.h"
#include "flow/exchange_state.h"
#include "flow/upload.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
    EXCHANGE_MAGIC = 0x65786368,
    STEPS_MAX = 128, /* of one run: far more than a plan can need */
    SPARE_MAX = 64,  /* as many as often begin in one turn */
    ERROR_TEXT_BYTES = 512,
};

#define TO(state) (1u << EXCHANGE_##state)

struct state_row {
    const char *name;
    enum exchange_state (*step)(struct exchange *ex);
    unsigned next; /* the states that may follow */
};

static enum exchange_state rest_in_peace(struct exchange *ex)
{
    (void)ex;
    return EXCHANGE_DEAD;
}

static const struct state_row states[EXCHANGE_STATES] = {
    [EXCHANGE_AUTH] = { "auth", admit_auth, TO(ADMIT) | TO(REFUSE) | TO(SETTLE) },
    [EXCHANGE_ADMIT] = { "admit", admit_body, TO(PLAN) | TO(REFUSE) | TO(SETTLE) },
    [EXCHANGE_PLAN] = { "plan", admit_plan, TO(OPEN) | TO(REFUSE) | TO(SETTLE) },
    [EXCHANGE_OPEN] = { "open", open_step, TO(AWAIT) | TO(REFUSE) | TO(SETTLE) },
    [EXCHANGE_AWAIT] = { "await", await_step, TO(STREAM) | TO(OPEN) | TO(REFUSE) | TO(SETTLE) },
    [EXCHANGE_STREAM] = { "stream", stream_step, TO(SETTLE) },
    [EXCHANGE_REFUSE] = { "refuse", refuse_step, TO(SETTLE) },
    [EXCHANGE_SETTLE] = { "settle", settle_step, TO(DEAD) },
    [EXCHANGE_DEAD] = { "dead", rest_in_peace, 0 },
};

const char *exchange_state_name(enum exchange_state state)
{
    return states[state].name;
}

static struct exchange *exchange_from(struct task *task)
{
    struct exchange *ex = LIST_OWNER(task, struct exchange, task);

    assert(ex->magic == EXCHANGE_MAGIC);
    return ex;
}

static void bury(struct job *grave)
{
    struct exchange *ex = LIST_OWNER(grave, struct exchange, grave);

    assert(ex->state == EXCHANGE_DEAD && ex->http == NULL && ex->attempt->fetch == NULL);
    upload_free(ex);
    buf_done(&ex->tail);
    arena_done(&ex->arena);
    config_unref(ex->config);
    ex->magic = 0;
    if (ex->env->spare_count >= SPARE_MAX) {
        mem_free(ex);
        return;
    }
    list_prepend(&ex->env->spare, &ex->link);
    ex->env->spare_count++;
}

uint64_t exchange_now_ms(const struct exchange *ex)
{
    return loop_now_ms(ex->env->loop);
}

/* The one place where the state changes. */
static void move(struct exchange *ex, enum exchange_state next)
{
    assert(states[ex->state].next & (1u << next));
    ex->state = next;
    if (next != EXCHANGE_DEAD)
        return;
    list_remove(&ex->link);
    task_done(&ex->task);
    loop_later(ex->env->loop, LOOP_REAP, &ex->grave);
}

/* What the client was waiting for when it left. */
static const char *waiting_for(const struct exchange *ex)
{
    if (list_linked(&ex->turn))
        return "queue";
    if (ex->state == EXCHANGE_OPEN)
        return "backoff";
    if (ex->state == EXCHANGE_STREAM || ex->committed)
        return "stream";
    if (ex->attempt->fetch == NULL)
        return "queue";
    return fetch_phase(ex->attempt->fetch) == FETCH_CONNECT ? "connect" : "headers";
}

/* A provider that bills the whole answer anyway may as well be read to its end: for the account. */
static bool worth_draining(const struct exchange *ex)
{
    return ex->attempt->fetch &&
           ex->attempt->step->target->provider->on_client_gone == CLIENT_GONE_DRAIN &&
           fetch_phase(ex->attempt->fetch) != FETCH_CONNECT &&
           (ex->upload == NULL || upload_is_whole(ex));
}

static bool client_left(struct exchange *ex)
{
    if (ex->http == NULL || ex->state >= EXCHANGE_REFUSE || !http_gone(ex->http))
        return false;
    if (ex->cancelled_in == NULL)
        ex->cancelled_in = waiting_for(ex);
    ex->status = 499;
    ex->outcome = OUTCOME_CANCELLED;
    return !worth_draining(ex);
}

static uint64_t next_alarm(const struct exchange *ex)
{
    uint64_t next = clocks_next(&ex->clocks, &ex->attempt->clocks);
    uint64_t second = ex->hedge ? clocks_next(&ex->clocks, &ex->hedge->clocks) : 0;

    return second && (next == 0 || second < next) ? second : next;
}

static void run_exchange(struct task *task)
{
    struct exchange *ex = exchange_from(task);

    for (int steps = 0; ex->state != EXCHANGE_DEAD; steps++) {
        enum exchange_state next =
            client_left(ex) ? EXCHANGE_SETTLE : states[ex->state].step(ex);

        assert(steps < STEPS_MAX);
        if (next == ex->state)
            break;
        move(ex, next);
    }
    if (ex->state != EXCHANGE_DEAD)
        task_alarm(&ex->task, next_alarm(ex));
}

enum exchange_state refuse(struct exchange *ex, enum refusal refusal, const char *format, ...)
{
    char text[ERROR_TEXT_BYTES];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    ex->error = refusal_error(refusal, arena_text(&ex->arena, span_from(text)));
    ex->error_body = span_make(NULL, 0);
    return EXCHANGE_REFUSE;
}

enum exchange_state refuse_step(struct exchange *ex)
{
    if (ex->outcome == OUTCOME_OK && ex->attempts == 0)
        ex->outcome = OUTCOME_REFUSED;
    else if (ex->outcome == OUTCOME_OK)
        ex->outcome = ex->error.status < 500 && ex->error.class != LLM_RATE_LIMIT
                          ? OUTCOME_CLIENT_ERROR
                          : OUTCOME_FAILED;
    if (ex->outcome != OUTCOME_CANCELLED)
        sink_error(ex);
    return EXCHANGE_SETTLE;
}

/* The memory of one that is over, or new memory; zeroed. */
static struct exchange *take_memory(struct env *env)
{
    struct exchange *ex;

    if (env->spare_count == 0)
        return mem_zero(sizeof(*ex));
    env->spare_count--;
    ex = LIST_OWNER(list_take_first(&env->spare), struct exchange, link);
    assert(ex->magic == 0);
    memset(ex, 0, offsetof(struct exchange, room));
    return ex;
}

struct task *exchange_start(struct env *env, struct http *http, const struct endpoint *endpoint)
{
    struct exchange *ex = take_memory(env);
    const struct config_timeouts *timeouts;

    ex->magic = EXCHANGE_MAGIC;
    ex->env = env;
    ex->http = http;
    ex->endpoint = endpoint;
    ex->config = config_ref(env->config);
    ex->received_us = http_request(http)->received_us;
    ex->grave.run = bury;
    ex->attempt = &ex->first;
    arena_init_in(&ex->arena, ex->room, sizeof(ex->room));
    buf_init(&ex->tail, 2ul * LIMIT_ANSWER_TAIL_BYTES);
    task_init(&ex->task, env->loop, run_exchange);
    list_append(&env->exchanges, &ex->link);
    timeouts = &ex->config->timeouts;
    clocks_start(&ex->clocks, CLOCK_TOTAL, loop_now_ms(env->loop), timeouts->total);
    task_wake(&ex->task);
    return &ex->task;
}

void exchange_stop_all(struct env *env)
{
    struct list *link;

    for (link = env->exchanges.next; link != &env->exchanges; link = link->next) {
        struct exchange *ex = LIST_OWNER(link, struct exchange, link);

        ex->interrupted = true;
        task_wake(&ex->task);
    }
}

void exchange_free_spare(struct env *env)
{
    struct list *link;

    while ((link = list_take_first(&env->spare)) != NULL)
        mem_free(LIST_OWNER(link, struct exchange, link));
    env->spare_count = 0;
}
