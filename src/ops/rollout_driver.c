#include "ops/rollout_driver.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "ops/gateway.h"
#include "ops/rollout_figures.h"
#include "ops/state.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum {
    KEPT_BYTES_MAX = 64 * 1024,
    REASON_BYTES_MAX = 4 * 1024,
    TEST_MS = 30000, /* for the answer to a canary test */
};

const char *const rollout_deed_names[DEEDS] = {
    [DEED_START] = "start",     [DEED_PAUSE] = "pause",       [DEED_RESUME] = "resume",
    [DEED_PROMOTE] = "promote", [DEED_ROLLBACK] = "rollback", [DEED_ABORT] = "abort",
};

struct rollout *driver_state(const struct driver *driver)
{
    return sides_rollout(&driver->gateway->env.sides, driver->model);
}

const struct config_model *driver_model(const struct driver *driver)
{
    return config_model_find(driver->gateway->env.config, span_from(driver->model));
}

/* ---- telling ---- */

/* "canary (15 %)", or what it is when it is in no phase. */
static void place_text(const struct rollout *r, uint32_t phase, uint32_t green, struct buf *out)
{
    if (phase)
        (void)buf_printf(out, "%s, ", rollout_phase(&r->rule, phase).name);
    (void)buf_printf(out, "green %u %%", green);
}

static void reason_text(const struct driver *driver, struct buf *out)
{
    if (driver->why)
        (void)buf_add_text(out, driver->why);
    else if (driver->deed < DEEDS && driver->verdict.reason_count == 0)
        (void)buf_printf(out, "%s by hand", rollout_deed_names[driver->deed]);
    else
        rollout_verdict_text(&driver->verdict, out);
}

static void tell(struct driver *driver, const struct rollout *before)
{
    const struct rollout *now = driver_state(driver);
    const struct rollout_figures *figures = &driver->verdict.figures;
    bool back = now->state == ROLLOUT_ROLLED_BACK || now->phase < before->phase;
    struct buf from;
    struct buf to;
    struct buf why;

    buf_init(&from, REASON_BYTES_MAX);
    buf_init(&to, REASON_BYTES_MAX);
    buf_init(&why, REASON_BYTES_MAX);
    place_text(before, before->phase, before->green, &from);
    (void)buf_printf(&to, "%s: ", rollout_state_name(now->state));
    place_text(now, now->phase, now->green, &to);
    reason_text(driver, &why);
    {
        const struct event event = {
            .kind = back ? EVENT_ROLLBACK : EVENT_ROLLOUT,
            .model = driver->model,
            .from = buf_text(&from),
            .to = buf_text(&to),
            .reason = buf_span(&why),
            .actor = driver->actor,
            .figures = { { "green_requests", figures->green.requests, 0 },
                         { "green_errors", figures->green.errors, 0 },
                         { "green_mean_ms", figures->green.mean_us, 3 },
                         { "blue_mean_ms", figures->blue.mean_us, 3 } },
        };

        events_add(&driver->gateway->env.events, &event, clock_wall_ms());
        LOG(back ? LOG_WARN : LOG_INFO, back ? "rollback" : "rollout",
            { "model", span_from(driver->model) }, { "from", buf_span(&from) },
            { "to", buf_span(&to) }, { "reason", event.reason },
            { "actor", span_from(driver->actor) });
    }
    buf_done(&from);
    buf_done(&to);
    buf_done(&why);
}

/* ---- a change ---- */

static void finish(struct driver *driver)
{
    struct list *link;

    driver->step = DRIVER_AT_REST;
    mem_free(driver->actor);
    driver->actor = NULL;
    while ((link = list_take_first(&driver->waiting)) != NULL)
        task_wake(LIST_OWNER(link, struct store_wait, link)->task);
}

static void put_in_force(struct driver *driver)
{
    struct gateway *gateway = driver->gateway;
    struct ledger_model *page = ledger_find(&gateway->env.ledger, driver->model);
    struct rollout *state = driver_state(driver);
    struct rollout before = *state;
    uint64_t wall_ms = clock_wall_ms();

    *state = driver->next.rollout;
    memcpy(driver->release, driver->next.release, sizeof(driver->release));
    if (page && (state->phase != before.phase || state->green != before.green)) {
        state->phase_ms = wall_ms > state->phase_ms ? wall_ms : state->phase_ms;
        ledger_cut(page, SIDE_BLUE, wall_ms);
        ledger_cut(page, SIDE_GREEN, wall_ms);
    }
    tell(driver, &before);
}

static bool settled(struct driver *driver, enum store_fate *ret)
{
    struct store *store = state_store(driver->gateway->state);

    *ret = store ? store_fate(store, driver->mark) : STORE_DURABLE;
    if (*ret == STORE_PENDING)
        store_wait(store, &driver->wait);
    return *ret != STORE_PENDING;
}

static void mark(struct driver *driver)
{
    struct store *store = state_store(driver->gateway->state);

    driver->mark = store ? store_mark(store) : 0;
}

static void go_on_saving(struct driver *driver)
{
    struct gateway *gateway = driver->gateway;
    enum store_fate fate;

    if (!settled(driver, &fate))
        return;
    if (fate == STORE_FAILED) {
        const char *problem = store_problem(state_store(gateway->state));

        (void)snprintf(driver->problem, sizeof(driver->problem), "%s", problem);
        LOG(LOG_ERROR, "rollout_not_saved", { "model", span_from(driver->model) },
            { "why", span_from(problem) });
        finish(driver);
        return;
    }
    put_in_force(driver);
    state_save_events(gateway->state);
    mark(driver);
    driver->step = DRIVER_TELLING;
    task_wake(&driver->task);
}

static void save(struct driver *driver)
{
    struct store *store = state_store(driver->gateway->state);
    struct span name = span_from(driver->model);
    struct buf text;

    assert(driver->step == DRIVER_AT_REST);
    driver->problem[0] = 0;
    driver->step = DRIVER_SAVING;
    if (store && driver->next.rollout.state == ROLLOUT_IDLE) {
        store_drop(store, STORE_ROLLOUT, name);
    } else if (store) {
        buf_init(&text, KEPT_BYTES_MAX);
        rollout_json_write(&driver->next, &text);
        store_put(store, STORE_ROLLOUT, name, buf_span(&text));
        buf_done(&text);
    }
    mark(driver);
    task_wake(&driver->task);
}

void driver_begin(struct driver *driver, const struct rollout *next,
                  const struct rollout_verdict *verdict, enum rollout_deed deed,
                  const char *actor, const char *why)
{
    driver->next.rollout = *next;
    memcpy(driver->next.release, driver->release, sizeof(driver->release));
    driver->verdict = *verdict;
    driver->deed = deed;
    driver->why = why;
    driver->actor = actor ? mem_copy(actor, strlen(actor)) : NULL;
    save(driver);
}

/* ---- canary tests ---- */

static void end_test(struct driver *driver, bool good)
{
    struct gateway *gateway = driver->gateway;
    const struct config_model *model = driver_model(driver);
    struct rollout next = *driver_state(driver);
    uint64_t wall_ms = clock_wall_ms();
    struct rollout_figures figures = { 0 };
    struct rollout_verdict verdict;

    trial_close(&driver->trial);
    if (model)
        figures = rollout_gather(gateway, model, &next, wall_ms);
    verdict = rollout_tested(&next, driver->test, good, &figures, wall_ms);
    if (verdict.step == ROLLOUT_PROMOTE || verdict.step == ROLLOUT_ROLLBACK)
        driver_begin(driver, &next, &verdict, DEEDS, NULL, NULL);
    else
        *driver_state(driver) = next;
}

void driver_test(struct driver *driver, const struct config_model *model, uint32_t test)
{
    struct gateway *gateway = driver->gateway;
    const struct config_target *target = rollout_usable_green(gateway, model);
    struct trial_place place = { 0 };

    driver->test = test;
    driver->trial_by_ms = loop_now_ms(gateway->loop) + TEST_MS;
    if (target) {
        place.provider = target->provider;
        place.region = target->region;
    }
    if (target == NULL || strchr(target->model, '*') ||
        !trial_prompt(&driver->trial, gateway, &place, target->model, &driver->task)) {
        end_test(driver, false);
        return;
    }
    task_alarm(&driver->task, driver->trial_by_ms);
}

static void go_on_testing(struct driver *driver)
{
    bool late = loop_now_ms(driver->gateway->loop) >= driver->trial_by_ms;
    bool answered = trial_answered(&driver->trial, false);

    if (answered || late)
        end_test(driver, answered && trial_good(&driver->trial));
    else
        task_alarm(&driver->task, driver->trial_by_ms);
}

static void run(struct task *task)
{
    struct driver *driver = LIST_OWNER(task, struct driver, task);
    enum store_fate fate;

    if (driver->step == DRIVER_SAVING)
        go_on_saving(driver);
    else if (driver->step == DRIVER_TELLING && settled(driver, &fate))
        finish(driver);
    if (driver->step == DRIVER_AT_REST && driver->trial.fetch)
        go_on_testing(driver);
}

/* ---- life ---- */

struct driver *driver_new(struct gateway *gateway, const char *model)
{
    struct driver *driver = mem_zero(sizeof(*driver));

    driver->gateway = gateway;
    driver->model = mem_copy(model, strlen(model));
    list_init(&driver->waiting);
    task_init(&driver->task, gateway->loop, run);
    driver->wait.task = &driver->task;
    return driver;
}

void driver_free(struct driver *driver)
{
    trial_close(&driver->trial);
    store_wait_no_more(&driver->wait);
    task_done(&driver->task);
    mem_free(driver->actor);
    mem_free(driver->model);
    mem_free(driver);
}
