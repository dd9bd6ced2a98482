/* ledger: what attempts came to, on a page for each target and side, with the history of each
 * (policy/history.h). It is fed once for each attempt, as that ends (ledger_attempt() in
 * exchange_state.h), and kept over reloads. An attempt that failed by its key alone is none: the next key
 * of the same target goes on.
 *
 *     model --> pages: gpt-4.1:stable blue | gpt-4.1:next green
 *
 * Pages are never taken out, so their number is bounded: what goes to models that nobody listed, and what
 * finds all LIMIT_LEDGER_PAGES taken, stands on pages of the model "other". */
#ifndef FLOW_LEDGER_H
#define FLOW_LEDGER_H

#include "base/list.h"
#include "base/map.h"
#include "config/config.h"
#include "net/loop.h"
#include "policy/history.h"

#include <stdbool.h>
#include <stdint.h>

#define LEDGER_OTHER "other"

struct ledger_model {
    const char *name;
    struct list pages;
    uint64_t facts; /* that were added in this process: it tells whether anything is new */
};

struct ledger_page {
    struct list link;    /* in the model's pages */
    struct list changed; /* in the ledger's, from the first fact until somebody takes it out */
    uint64_t changed_ms; /* when that first fact came; the loop's clock */
    struct ledger_model *model;
    const char *target; /* its id */
    enum config_side side;
    struct history history;
};

struct ledger {
    struct map models;       /* struct ledger_model by name */
    struct map pages[SIDES]; /* struct ledger_page by the id of the target */
    size_t page_count;
    struct list changed; /* the oldest change first */
    struct task *keeper; /* woken when a page comes to stand in `changed`; NULL: nobody is */
};

void ledger_init(struct ledger *ledger);
void ledger_done(struct ledger *ledger);

/* The page of that target, a new one when there is none; for those of an earlier process. */
struct ledger_page *ledger_page(struct ledger *ledger, const char *model, const char *target,
                                enum config_side side);

/* NULL: it never had an attempt. Lives as long as the ledger. */
struct ledger_model *ledger_find(const struct ledger *ledger, const char *model);

/* Adds what happened on that side of the model since `from_ms` (wall clock) to a tally; false: it has no
 * page there. `totals_only` as in history_sum(). */
bool ledger_sum(const struct ledger_model *model, enum config_side side, uint64_t from_ms,
                bool totals_only, struct tally *into);

/* What is added on that side from now on can be told from what was before. */
void ledger_cut(struct ledger_model *model, enum config_side side, uint64_t now_ms);

/* Packs what is over, also of targets that rest. */
void ledger_tick(struct ledger_model *model, uint64_t now_ms);

#endif
