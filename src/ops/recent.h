/* recent: what the last five minutes of each model came to.
 *
 * Percentiles take half a millisecond for a busy target, so nobody makes them twice: /admin/status, the
 * stream of every open dashboard and the alerts share one view of each model, which is made anew at
 * most once a second, and only when there is anything new. A look at all of them stops making views
 * after RECENT_BUDGET_US; the alarms, which judge one model at a time, make each within ALERT_EVERY_MS. */
#ifndef OPS_RECENT_H
#define OPS_RECENT_H

#include "ops/figures.h"
#include "policy/alert.h"

#include <stddef.h>
#include <stdint.h>

enum {
    RECENT_WINDOW_MS = ALERT_WINDOW_MS,
    RECENT_FRESH_MS = 1000,
    RECENT_REST_MS =
        5000, /* without anything new: what is old leaves the window all the same */
    RECENT_BUDGET_US = 10000,
};

struct config_model;
struct gateway;
struct json_writer;
struct ledger_model;
struct recent;

struct recent *recent_new(struct gateway *gateway);
void recent_free(struct recent *recent); /* NULL is fine */

/* ---- for /admin/status ---- */

/* From now on views may be made anew, as long as that is cheap. */
void recent_look(struct recent *recent);

/* The member `window`: {"seconds", "all", "blue", "green"}; `green` is null where there is no such side. */
void recent_write_model(struct recent *recent, const struct config_model *model,
                        struct json_writer *w);

/* The member `total`. */
void recent_write_total(struct recent *recent, struct json_writer *w);

/* ---- for the alarms ---- */

/* Made anew where that is due. */
struct alert_figures recent_judged(struct recent *recent, struct ledger_model *model);

#endif
