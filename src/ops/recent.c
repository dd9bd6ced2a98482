#include "ops/recent.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/map.h"
#include "base/mem.h"
#include "flow/ledger.h"
#include "ops/gateway.h"

enum { ALL_SIDES = SIDES, VIEWS = SIDES + 1 };

/* What is known of a model; it has a page in the ledger. */
struct view {
    struct ledger_model *model;
    struct figures figures[VIEWS]; /* of blue, of green, of both */
    struct alert_figures judged;
    uint64_t facts; /* that there were when it was made */
    uint64_t at_ms; /* when that was; 0: never yet */
};

struct recent {
    struct gateway *gateway;
    struct map views;       /* by the model's name */
    uint64_t look_until_us; /* no more are made after that */
};

/* ---- views ---- */

static struct view *view_of(struct recent *recent, struct ledger_model *model)
{
    struct view *view = map_find(&recent->views, span_from(model->name));

    if (view == NULL) {
        view = mem_zero(sizeof(*view));
        view->model = model;
        (void)map_put(&recent->views, span_from(model->name), view);
    }
    return view;
}

static void make(struct view *view, uint64_t now_ms)
{
    uint64_t from_ms = clock_wall_ms() - RECENT_WINDOW_MS;
    struct tally all = { 0 };

    for (unsigned side = 0; side < SIDES; side++) {
        struct tally one = { 0 };

        (void)ledger_sum(view->model, (enum config_side)side, from_ms, false, &one);
        figures_of(&one, &view->figures[side]);
        tally_merge(&all, &one);
    }
    figures_of(&all, &view->figures[ALL_SIDES]);
    view->judged = alert_figures(&all, RECENT_WINDOW_MS);
    view->facts = view->model->facts;
    view->at_ms = now_ms;
}

static bool is_fresh(const struct view *view, uint64_t now_ms)
{
    uint64_t most_ms = view->facts == view->model->facts ? RECENT_REST_MS : RECENT_FRESH_MS;

    return view->at_ms && now_ms - view->at_ms < most_ms;
}

static struct view *look_at(struct recent *recent, struct ledger_model *model)
{
    struct view *view = view_of(recent, model);
    uint64_t now_ms = loop_now_ms(recent->gateway->loop);

    if (!is_fresh(view, now_ms) && (view->at_ms == 0 || clock_us() < recent->look_until_us))
        make(view, now_ms);
    return view;
}

struct alert_figures recent_judged(struct recent *recent, struct ledger_model *model)
{
    struct view *view = view_of(recent, model);
    uint64_t now_ms = loop_now_ms(recent->gateway->loop);

    if (!is_fresh(view, now_ms))
        make(view, now_ms);
    return view->judged;
}

void recent_look(struct recent *recent)
{
    recent->look_until_us = clock_us() + RECENT_BUDGET_US;
}

static void write_side(const char *key, const struct figures *figures, struct json_writer *w)
{
    json_key(w, key);
    json_begin(w, '{');
    figures_write(figures, w);
    json_end(w, '}');
}

void recent_write_model(struct recent *recent, const struct config_model *model,
                        struct json_writer *w)
{
    static const struct figures none;
    struct ledger_model *known = ledger_find(&recent->gateway->env.ledger, model->name);
    const struct view *view = known ? look_at(recent, known) : NULL;

    json_key(w, "window");
    json_begin(w, '{');
    json_put_u64(w, "seconds", RECENT_WINDOW_MS / 1000);
    write_side("all", view ? &view->figures[ALL_SIDES] : &none, w);
    write_side("blue", view ? &view->figures[SIDE_BLUE] : &none, w);
    if (model->sides)
        write_side("green", view ? &view->figures[SIDE_GREEN] : &none, w);
    else
        json_put_text(w, "green", NULL);
    json_end(w, '}');
}

void recent_write_total(struct recent *recent, struct json_writer *w)
{
    struct figures total = { 0 };
    size_t at = 0;
    struct map_entry *entry;

    while ((entry = map_next(&recent->gateway->env.ledger.models, &at)) != NULL) {
        const struct figures *one = &look_at(recent, entry->thing)->figures[ALL_SIDES];

        total.requests += one->requests;
        total.errors += one->errors;
        total.cost_pico += one->cost_pico;
    }
    json_key(w, "total");
    json_begin(w, '{');
    json_put_u64(w, "window_seconds", RECENT_WINDOW_MS / 1000);
    json_put_u64(w, "requests", total.requests);
    figures_write_rates(&total, w);
    json_put_decimal(w, "cost_per_minute_usd",
                     figures_cost_per_minute(total.cost_pico, RECENT_WINDOW_MS), 6);
    json_put_decimal(w, "projected_daily_cost_usd",
                     tally_daily_cost(total.cost_pico, RECENT_WINDOW_MS), 6);
    json_end(w, '}');
}

/* ---- life ---- */

struct recent *recent_new(struct gateway *gateway)
{
    struct recent *recent = mem_zero(sizeof(*recent));

    recent->gateway = gateway;
    map_init(&recent->views);
    return recent;
}

void recent_free(struct recent *recent)
{
    struct map_entry *entry;
    size_t at = 0;

    if (recent == NULL)
        return;
    while ((entry = map_next(&recent->views, &at)) != NULL)
        mem_free(entry->thing);
    map_done(&recent->views);
    mem_free(recent);
}
