/* rollout_driver: one model's rollout, and the change of it that is on its way.
 *
 *     AT_REST --begin--> SAVING --durable--> in force, told: TELLING --event durable--> AT_REST
 *                           '---not saved: nothing has changed-----------------------> AT_REST
 *
 * The inside of rollouts.h, for its files alone. */
#ifndef OPS_ROLLOUT_DRIVER_H
#define OPS_ROLLOUT_DRIVER_H

#include "net/loop.h"
#include "ops/rollout_json.h"
#include "ops/rollouts.h"
#include "ops/trial.h"

enum driver_step { DRIVER_AT_REST, DRIVER_SAVING, DRIVER_TELLING };

struct driver {
    struct task task;
    struct gateway *gateway;
    char *model;
    char release[DIGEST_HEX_SIZE]; /* of the rollout that is not idle */

    /* the change that is on its way */
    enum driver_step step;
    struct rollout_kept next;
    struct rollout_verdict verdict;
    enum rollout_deed deed; /* DEEDS: none, it decided itself */
    char *actor;            /* NULL: the gateway itself */
    const char *why;        /* in place of the verdict's reasons; NULL: those */
    uint64_t mark;
    struct store_wait wait;
    struct list waiting; /* struct store_wait of those who wait for its end */
    char problem[256];   /* why the last one was not saved */

    /* the canary test that runs */
    struct trial trial;
    uint64_t trial_by_ms;
    uint32_t test; /* its number */
};

extern const char *const rollout_deed_names[DEEDS];

struct driver *driver_new(struct gateway *gateway, const char *model);
void driver_free(struct driver *driver);

/* Where routing looks. */
struct rollout *driver_state(const struct driver *driver);

/* NULL: it is not configured any more. */
const struct config_model *driver_model(const struct driver *driver);

/* Makes `next` the state, once it is saved. The driver is at rest. `why` (may be NULL) outlives it. */
void driver_begin(struct driver *driver, const struct rollout *next,
                  const struct rollout_verdict *verdict, enum rollout_deed deed,
                  const char *actor, const char *why);

/* Makes canary test number `test`, and what follows from its result. */
void driver_test(struct driver *driver, const struct config_model *model, uint32_t test);

#endif
