#include "flow/ledger.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"
#include "flow/bill.h"
#include "flow/exchange_state.h"

#include <assert.h>

/* ---- pages ---- */

void ledger_init(struct ledger *ledger)
{
    *ledger = (struct ledger){ 0 };
    map_init(&ledger->models);
    for (unsigned side = 0; side < SIDES; side++)
        map_init(&ledger->pages[side]);
    list_init(&ledger->changed);
}

static void free_page(struct ledger_page *page)
{
    history_done(&page->history);
    mem_free((char *)(uintptr_t)page->target);
    mem_free(page);
}

void ledger_done(struct ledger *ledger)
{
    struct map_entry *entry;
    size_t at = 0;

    for (unsigned side = 0; side < SIDES; side++) {
        size_t page = 0;

        while ((entry = map_next(&ledger->pages[side], &page)) != NULL)
            free_page(entry->thing);
        map_done(&ledger->pages[side]);
    }
    while ((entry = map_next(&ledger->models, &at)) != NULL) {
        struct ledger_model *model = entry->thing;

        mem_free((char *)(uintptr_t)model->name);
        mem_free(model);
    }
    map_done(&ledger->models);
}

static struct ledger_model *get_model(struct ledger *ledger, const char *name)
{
    struct ledger_model *model = ledger_find(ledger, name);

    if (model)
        return model;
    model = mem_zero(sizeof(*model));
    model->name = mem_copy(name, span_from(name).size);
    list_init(&model->pages);
    (void)map_put(&ledger->models, span_from(name), model);
    return model;
}

struct ledger_page *ledger_page(struct ledger *ledger, const char *model, const char *target,
                                enum config_side side)
{
    struct ledger_page *page = map_find(&ledger->pages[side], span_from(target));

    if (page)
        return page;
    if (ledger->page_count >= LIMIT_LEDGER_PAGES) {
        model = target = LEDGER_OTHER; /* made when it is first needed, beyond the limit */
        page = map_find(&ledger->pages[side], span_from(target));
        if (page)
            return page;
    }
    page = mem_zero(sizeof(*page));
    page->model = get_model(ledger, model);
    page->target = mem_copy(target, span_from(target).size);
    page->side = side;
    history_init(&page->history);
    list_append(&page->model->pages, &page->link);
    (void)map_put(&ledger->pages[side], span_from(target), page);
    ledger->page_count++;
    return page;
}

/* ---- facts ---- */

/* The words are the same, in the same order. */
static_assert((int)TALLY_OK == (int)ATTEMPT_OK &&
                  (int)TALLY_CLIENT_ERROR == (int)ATTEMPT_CLIENT_ERROR &&
                  (int)TALLY_RATE_LIMIT == (int)ATTEMPT_RATE_LIMIT &&
                  (int)TALLY_SERVER_ERROR == (int)ATTEMPT_SERVER_ERROR &&
                  (int)TALLY_TIMEOUT == (int)ATTEMPT_TIMEOUT &&
                  (int)TALLY_CONNECTION_ERROR == (int)ATTEMPT_CONNECTION_ERROR &&
                  (int)TALLY_TRUNCATED == (int)ATTEMPT_TRUNCATED &&
                  (int)TALLY_AUTH == (int)ATTEMPT_AUTH &&
                  (int)TALLY_CANCELLED == (int)ATTEMPT_CANCELLED,
              "an outcome is missing in one of the lists");

/* Usage is known of the attempt that answers, no other. */
static void add_usage(const struct exchange *ex, const struct attempt *attempt,
                      struct tally_fact *fact)
{
    const struct usage *usage = &ex->usage;
    struct bill bill = bill_make(ex, attempt);

    fact->tokens[TALLY_INPUT] = usage->input;
    fact->tokens[TALLY_CACHED] = usage->cached;
    fact->tokens[TALLY_CACHE_WRITE] = usage->cache_write;
    fact->tokens[TALLY_OUTPUT] = usage->output;
    fact->tokens[TALLY_REASONING] = usage->reasoning;
    fact->cost_pico = bill.cost;
    fact->estimated = usage->estimated;
    fact->unpriced = !bill.known;
}

static void note_change(struct ledger *ledger, struct ledger_page *page, uint64_t now_ms)
{
    page->model->facts++;
    if (list_linked(&page->changed))
        return;
    page->changed_ms = now_ms;
    list_append(&ledger->changed, &page->changed);
    if (ledger->keeper)
        task_wake(ledger->keeper);
}

static struct ledger_page *page_for(struct exchange *ex, const struct plan_step *step)
{
    struct counters *counters = counters_of(ex, step);

    if (counters->page == NULL)
        counters->page = ledger_page(&ex->env->ledger,
                                     step->model->passing ? LEDGER_OTHER : step->model->name,
                                     step->target->id, (enum config_side)step->target->side);
    return counters->page;
}

void ledger_attempt(struct exchange *ex, const struct attempt *attempt,
                    enum attempt_outcome outcome)
{
    const struct plan_step *step = attempt->step;
    /* Where we only wait for the upstream to close, the answer has ended before. */
    uint64_t ended_us = ex->ended_us ? ex->ended_us : clock_us();
    struct tally_fact fact = { .outcome = (enum tally_outcome)outcome,
                               .latency_us = ended_us - attempt->started_us };
    struct ledger_page *page = page_for(ex, step);

    if (attempt == ex->attempt && ex->usage.known)
        add_usage(ex, attempt, &fact);
    if (attempt == ex->attempt && ex->streaming && ex->content_us > attempt->started_us)
        fact.first_us = ex->content_us - attempt->started_us;
    history_add(&page->history, &fact, clock_wall_ms());
    note_change(&ex->env->ledger, page, exchange_now_ms(ex));
}

/* ---- sums ---- */

struct ledger_model *ledger_find(const struct ledger *ledger, const char *model)
{
    return map_find(&ledger->models, span_from(model));
}

static struct ledger_page *page_of(struct list *link)
{
    return LIST_OWNER(link, struct ledger_page, link);
}

bool ledger_sum(const struct ledger_model *model, enum config_side side, uint64_t from_ms,
                bool totals_only, struct tally *into)
{
    bool found = false;

    for (struct list *link = model->pages.next; link != &model->pages; link = link->next) {
        if (page_of(link)->side != side)
            continue;
        history_sum(&page_of(link)->history, from_ms, totals_only, into);
        found = true;
    }
    return found;
}

void ledger_cut(struct ledger_model *model, enum config_side side, uint64_t now_ms)
{
    for (struct list *link = model->pages.next; link != &model->pages; link = link->next)
        if (page_of(link)->side == side)
            history_cut(&page_of(link)->history, now_ms);
}

void ledger_tick(struct ledger_model *model, uint64_t now_ms)
{
    for (struct list *link = model->pages.next; link != &model->pages; link = link->next)
        history_tick(&page_of(link)->history, now_ms);
}
