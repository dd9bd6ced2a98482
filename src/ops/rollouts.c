#include "ops/rollouts.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "ops/gateway.h"
#include "ops/rollout_driver.h"
#include "ops/rollout_figures.h"
#include "ops/state.h"

#include <assert.h>
#include <string.h>

enum {
    RELEASE_BYTES_MAX = 256 * 1024,
    WATCH_MS = 1000, /* between two looks at all of them, at most */
    LEAST_MS = 20,   /* and at least */
};

struct rollouts {
    struct gateway *gateway;
    struct task task;    /* looks at those that are due */
    uint64_t generation; /* of the configuration that all of them know of */
    struct map drivers;  /* by the name of the model */
};

bool rollout_deed_read(struct span name, enum rollout_deed *ret)
{
    for (int deed = DEED_PAUSE; deed <= DEED_ABORT; deed++)
        if (span_is(name, rollout_deed_names[deed])) {
            *ret = (enum rollout_deed)deed;
            return true;
        }
    return false;
}

/* ---- the release ---- */

/* What a rollout is about: who is green, and what the configuration says of the split. */
static void read_release(const struct config_model *model, char ret_hex[DIGEST_HEX_SIZE])
{
    struct digest digest;
    struct buf text;

    buf_init(&text, RELEASE_BYTES_MAX);
    (void)buf_printf(&text, "%u\n", model->split.green);
    for (size_t i = 0; i < model->target_count; i++) {
        const struct config_target *target = &model->targets[i];

        if (target->side == SIDE_GREEN)
            (void)buf_add_texts(&text, target->id, "\n", target->provider->name, "\n",
                                target->model, "\n", NULL);
    }
    digest_sha256(buf_span(&text), &digest);
    digest_hex(&digest, ret_hex);
    buf_done(&text);
}

/* ---- drivers ---- */

static struct driver *driver_of(struct rollouts *rollouts, const char *model)
{
    struct driver *driver = map_find(&rollouts->drivers, span_from(model));

    if (driver)
        return driver;
    driver = driver_new(rollouts->gateway, model);
    (void)map_put(&rollouts->drivers, span_from(model), driver);
    return driver;
}

/* ---- by hand ---- */

bool rollouts_busy(struct rollouts *rollouts, const struct config_model *model)
{
    return driver_of(rollouts, model->name)->step != DRIVER_AT_REST;
}

void rollouts_wait(struct rollouts *rollouts, const struct config_model *model,
                   struct store_wait *wait)
{
    list_append(&driver_of(rollouts, model->name)->waiting, &wait->link);
}

const char *rollouts_problem(struct rollouts *rollouts, const struct config_model *model)
{
    const struct driver *driver = driver_of(rollouts, model->name);

    return driver->problem[0] ? driver->problem : NULL;
}

static enum rollout_error act(struct rollout *r, enum rollout_deed deed,
                              const struct rollout_rule *rule,
                              const struct rollout_figures *figures, uint64_t wall_ms,
                              struct rollout_verdict *verdict)
{
    switch (deed) {
    case DEED_START: return rollout_start(r, rule, wall_ms);
    case DEED_PAUSE: return rollout_pause(r);
    case DEED_RESUME: return rollout_resume(r);
    case DEED_PROMOTE: return rollout_promote(r, figures, wall_ms, verdict);
    case DEED_ROLLBACK: return rollout_rollback(r, figures, wall_ms, verdict);
    case DEED_ABORT: return rollout_abort(r, wall_ms);
    case DEEDS: break;
    }
    return ROLLOUT_NONE;
}

enum rollout_error rollouts_do(struct rollouts *rollouts, const struct config_model *model,
                               enum rollout_deed deed, const struct rollout_rule *rule,
                               const char *actor)
{
    struct driver *driver = driver_of(rollouts, model->name);
    struct rollout next = *driver_state(driver);
    uint64_t wall_ms = clock_wall_ms();
    struct rollout_verdict verdict = { 0 };
    enum rollout_error error;

    assert(driver->step == DRIVER_AT_REST);
    if (next.state != ROLLOUT_IDLE)
        verdict.figures = rollout_gather(rollouts->gateway, model, &next, wall_ms);
    error = act(&next, deed, rule, &verdict.figures, wall_ms, &verdict);
    if (error)
        return error;
    if (deed == DEED_START)
        read_release(model, driver->release);
    driver_begin(driver, &next, &verdict, deed, actor, NULL);
    task_wake(&rollouts->task); /* it may have to be looked at sooner than any other */
    return ROLLOUT_FINE;
}

void rollouts_yield(struct rollouts *rollouts, const char *model)
{
    struct rollout *state = driver_state(driver_of(rollouts, model));
    struct store *store = state_store(rollouts->gateway->state);

    if (rollout_active(state) || state->state == ROLLOUT_IDLE)
        return;
    *state = (struct rollout){ .test = state->test };
    if (store)
        store_drop(store, STORE_ROLLOUT, span_from(model));
}

/* ---- a reload ---- */

/* The configuration is about something else by now. */
static void end_release(struct driver *driver, const char *why)
{
    const struct rollout_verdict nothing = { 0 };
    const struct rollout idle = { .test = driver_state(driver)->test };

    if (!rollout_active(driver_state(driver))) {
        rollouts_yield(driver->gateway->rollouts, driver->model);
        return;
    }
    trial_close(&driver->trial);
    driver_begin(driver, &idle, &nothing, DEEDS, NULL, why);
}

/* False: a change is on its way, look again when it is over. */
static bool renew_model(struct rollouts *rollouts, const struct config_model *model)
{
    struct driver *driver = driver_of(rollouts, model->name);
    char release[DIGEST_HEX_SIZE];
    struct rollout_rule rule;

    if (driver->step != DRIVER_AT_REST)
        return false;
    read_release(model, release);
    if (driver_state(driver)->state != ROLLOUT_IDLE && strcmp(release, driver->release) != 0) {
        end_release(driver, "the configuration has other green targets, or another split");
        return true;
    }
    rollout_rule_staged(&rule, &model->rollout);
    rollout_retune(driver_state(driver), &rule);
    if (!model->rollout.autostart || driver_state(driver)->state != ROLLOUT_IDLE)
        return true;
    if (model->rollout.strategy == STRATEGY_GRADUAL)
        rollout_rule_gradual(&rule, &model->rollout);
    (void)rollouts_do(rollouts, model, DEED_START, &rule, "autostart");
    return true;
}

static void end_those_without_sides(struct rollouts *rollouts)
{
    struct map_entry *entry;
    size_t at = 0;

    while ((entry = map_next(&rollouts->drivers, &at)) != NULL) {
        struct driver *driver = entry->thing;
        const struct config_model *model = driver_model(driver);

        if ((model == NULL || !model->sides) && driver->step == DRIVER_AT_REST &&
            driver_state(driver)->state != ROLLOUT_IDLE)
            end_release(driver, "the configuration has no green targets");
    }
}

void rollouts_renew(struct rollouts *rollouts)
{
    const struct config *config = rollouts->gateway->env.config;

    bool all = true;

    end_those_without_sides(rollouts);
    for (size_t i = 0; i < config->model_count; i++)
        if (config->models[i].sides && !renew_model(rollouts, &config->models[i]))
            all = false;
    if (all)
        rollouts->generation = config->generation;
}

/* ---- by themselves ---- */

static void check(struct driver *driver, const struct config_model *model)
{
    struct gateway *gateway = driver->gateway;
    struct rollout next = *driver_state(driver);
    uint64_t wall_ms = clock_wall_ms();
    struct rollout_figures figures;
    struct rollout_verdict verdict;

    if (!rollout_due(&next, wall_ms))
        return;
    figures = rollout_gather(gateway, model, &next, wall_ms);
    verdict = rollout_check(&next, &figures, wall_ms);
    switch (verdict.step) {
    case ROLLOUT_NOTHING:
    case ROLLOUT_HOLD: *driver_state(driver) = next; break;
    case ROLLOUT_TEST:
        *driver_state(driver) = next;
        driver_test(driver, model, verdict.test);
        break;
    case ROLLOUT_PROMOTE:
    case ROLLOUT_ROLLBACK:
    case ROLLOUT_FINISH: driver_begin(driver, &next, &verdict, DEEDS, NULL, NULL); break;
    }
}

/* How long until it wants to be looked at. */
static uint64_t rest_ms(const struct driver *driver)
{
    const struct rollout *r = driver_state(driver);
    uint64_t wall_ms = clock_wall_ms();
    uint64_t left_ms = r->check_ms > wall_ms ? r->check_ms - wall_ms : 0;

    if (!rollout_active(r) || left_ms > WATCH_MS)
        return WATCH_MS;
    return left_ms < LEAST_MS ? LEAST_MS : left_ms;
}

static void watch(struct task *task)
{
    struct rollouts *rollouts = LIST_OWNER(task, struct rollouts, task);
    uint64_t next_ms = WATCH_MS;
    struct map_entry *entry;
    size_t at = 0;

    if (rollouts->generation != rollouts->gateway->env.config->generation)
        rollouts_renew(rollouts);
    while ((entry = map_next(&rollouts->drivers, &at)) != NULL) {
        struct driver *driver = entry->thing;
        const struct config_model *model = driver_model(driver);

        if (model && model->sides && driver->step == DRIVER_AT_REST &&
            driver->trial.fetch == NULL)
            check(driver, model);
        next_ms = rest_ms(driver) < next_ms ? rest_ms(driver) : next_ms;
    }
    task_alarm(task, loop_now_ms(rollouts->gateway->loop) + next_ms);
}

/* ---- life ---- */

static void load(void *context, struct span name, struct span value)
{
    struct rollouts *rollouts = context;
    struct rollout_kept kept;
    struct driver *driver;
    char *model = mem_copy(name.at, name.size);

    if (rollout_json_read(value, &kept)) {
        driver = driver_of(rollouts, model);
        kept.rollout.testing = false; /* whoever made that test has ended */
        *driver_state(driver) = kept.rollout;
        memcpy(driver->release, kept.release, sizeof(driver->release));
    } else {
        LOG(LOG_ERROR, "rollout_unreadable", { "model", name });
    }
    mem_free(model);
}

struct rollouts *rollouts_new(struct gateway *gateway)
{
    struct rollouts *rollouts = mem_zero(sizeof(*rollouts));
    struct store *store = state_store(gateway->state);

    rollouts->gateway = gateway;
    map_init(&rollouts->drivers);
    task_init(&rollouts->task, gateway->loop, watch);
    task_alarm(&rollouts->task, loop_now_ms(gateway->loop) + WATCH_MS);
    if (store)
        store_load(store, STORE_ROLLOUT, load, rollouts);
    return rollouts;
}

void rollouts_free(struct rollouts *rollouts)
{
    struct map_entry *entry;
    size_t at = 0;

    if (rollouts == NULL)
        return;
    while ((entry = map_next(&rollouts->drivers, &at)) != NULL)
        driver_free(entry->thing);
    map_done(&rollouts->drivers);
    task_done(&rollouts->task);
    mem_free(rollouts);
}
