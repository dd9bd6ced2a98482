/* rollouts: drives the rollouts of all models: gathers figures when a check is due, makes the canary tests,
 * and carries out what policy/rollout.h decides, or an operator.
 *
 *     due, or asked --> a copy is changed --> saved --> in force, windows cut, an event --> told
 *                              |                |
 *                              +-- hold         +-- could not be saved: nothing has changed
 *
 * The state of each lives in the registry of policy/sides.h, where routing looks. One change of a model at
 * a time. A rollout belongs to a release: when the configuration gets other green targets, or another
 * split, it is over, and the configuration holds. */
#ifndef OPS_ROLLOUTS_H
#define OPS_ROLLOUTS_H

#include "base/json.h"
#include "ops/store.h"
#include "policy/rollout.h"

#include <stdbool.h>
#include <stdint.h>

struct config_model;
struct gateway;
struct rollouts;

/* Takes what was kept out of gateway->state. */
struct rollouts *rollouts_new(struct gateway *gateway);
void rollouts_free(struct rollouts *rollouts);

/* Another configuration is in force: ends what it leaves no room for, begins what starts by itself. */
void rollouts_renew(struct rollouts *rollouts);

/* ---- by hand ---- */

enum rollout_deed {
    DEED_START,
    DEED_PAUSE,
    DEED_RESUME,
    DEED_PROMOTE,
    DEED_ROLLBACK,
    DEED_ABORT,
    DEEDS,
};

/* False: there is no such deed. */
bool rollout_deed_read(struct span name, enum rollout_deed *ret);

/* A change of this model is being saved: wait with rollouts_wait() before the next. */
bool rollouts_busy(struct rollouts *rollouts, const struct config_model *model);
void rollouts_wait(struct rollouts *rollouts, const struct config_model *model,
                   struct store_wait *wait);

/* Does it, unless the state does not allow it; `rule` is for DEED_START. It is in force once the model is
 * not busy any more, unless rollouts_problem() says otherwise. `actor` is borrowed for the call. */
enum rollout_error rollouts_do(struct rollouts *rollouts, const struct config_model *model,
                               enum rollout_deed deed, const struct rollout_rule *rule,
                               const char *actor);

/* Why the last change was not saved; NULL: it was. */
const char *rollouts_problem(struct rollouts *rollouts, const struct config_model *model);

/* The configuration's split holds from now on, where a rollout is over; one that is active stays. */
void rollouts_yield(struct rollouts *rollouts, const char *model);

/* ---- to be seen ---- */

/* The value of `rollout` in /admin/status: null without green targets, or while it is idle. */
void rollouts_write(struct gateway *gateway, const struct config_model *model,
                    struct json_writer *w);

#endif
