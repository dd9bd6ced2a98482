#include "ops/keeper.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/mem.h"
#include "ops/gateway.h"
#include "ops/state.h"

enum {
    NAME_BYTES_MAX = 16 * 1024,
    STALE_BYTES_MAX = 4 * 1024 * 1024,
    AHEAD_BYTES =
        LIMIT_STORE_BATCH_BYTES / 4, /* of the disk: others need room in a batch, too */
    LAST_BYTES = LIMIT_STORE_BATCH_BYTES / 2, /* written at the end */
    AGAIN_MS = 50,
};

struct keeper {
    struct gateway *gateway;
    struct store *store;
    struct task task; /* a page has changed, or one is due */
    struct buf stale; /* names to be dropped, one a line; JSON has no line breaks */
    uint64_t mark;    /* what was put last */
    size_t ahead;     /* bytes put since the store had written all */
};

/* ---- names: ["gpt-4.1", "gpt-4.1:next", "green"] ---- */

static void write_name(const struct ledger_page *page, struct buf *out)
{
    struct json_writer w = json_writer(out);

    json_begin(&w, '[');
    json_text(&w, page->model->name);
    json_text(&w, page->target);
    json_text(&w, config_side_names[page->side]);
    json_end(&w, ']');
}

static bool read_name(const struct json *name, struct arena *arena, const char *ret_words[2],
                      enum config_side *ret_side)
{
    struct span word;

    for (size_t i = 0; i < 2; i++) {
        if (!json_read_string(json_item(name, i), &word) || word.size == 0)
            return false;
        ret_words[i] = arena_text(arena, word);
    }
    if (!json_read_string(json_item(name, 2), &word))
        return false;
    *ret_side = span_is(word, config_side_names[SIDE_GREEN]) ? SIDE_GREEN : SIDE_BLUE;
    return *ret_side == SIDE_GREEN || span_is(word, config_side_names[SIDE_BLUE]);
}

/* ---- reading ---- */

struct loading {
    struct keeper *keeper;
    struct arena arena;
    uint64_t now_ms;
};

/* False: this is no page, or one of a time that nobody can ask for any more. */
static bool load(struct loading *loading, const struct json *name, struct span value)
{
    struct history history;
    const char *words[2];
    enum config_side side;
    struct ledger_page *page;

    history_init(&history);
    if (!read_name(name, &loading->arena, words, &side) || !history_read(&history, value))
        return false;
    history_tick(&history, loading->now_ms);
    if (history_since(&history, 0) == UINT64_MAX) {
        history_done(&history);
        return false;
    }
    page = ledger_page(&loading->keeper->gateway->env.ledger, words[0], words[1], side);
    history_done(&page->history);
    page->history = history;
    return true;
}

static void load_page(void *context, struct span name, struct span value)
{
    struct loading *loading = context;
    struct json_doc *doc;
    bool loaded;

    if (json_parse(name, &doc))
        return;
    loaded = load(loading, json_root(doc), value);
    json_free(doc);
    if (!loaded) {
        (void)buf_add(&loading->keeper->stale, name);
        (void)buf_add_byte(&loading->keeper->stale, '\n');
    }
}

static void drop_stale(struct keeper *keeper)
{
    struct span rest = buf_span(&keeper->stale);

    while (rest.size)
        store_drop(keeper->store, STORE_WINDOWS, span_cut(&rest, '\n'));
    buf_done(&keeper->stale);
}

/* ---- writing ---- */

static void write_page(struct keeper *keeper, struct ledger_page *page)
{
    struct buf name;
    struct buf bytes;

    buf_init(&name, NAME_BYTES_MAX);
    buf_init(&bytes, HISTORY_WRITTEN_MAX);
    list_remove(&page->changed);
    write_name(page, &name);
    history_write(&page->history, &bytes);
    store_put(keeper->store, STORE_WINDOWS, buf_span(&name), buf_span(&bytes));
    keeper->mark = store_mark(keeper->store);
    keeper->ahead += buf_size(&bytes);
    buf_done(&name);
    buf_done(&bytes);
}

static struct ledger_page *oldest(struct keeper *keeper)
{
    struct list *changed = &keeper->gateway->env.ledger.changed;

    return list_empty(changed) ? NULL : LIST_OWNER(changed->next, struct ledger_page, changed);
}

static void run(struct task *task)
{
    struct keeper *keeper = LIST_OWNER(task, struct keeper, task);
    uint64_t now_ms = loop_now_ms(task->loop);
    struct ledger_page *page = oldest(keeper);
    uint64_t due_ms;

    drop_stale(keeper);
    if (store_fate(keeper->store, keeper->mark) != STORE_PENDING)
        keeper->ahead = 0;
    if (keeper->ahead > AHEAD_BYTES) {
        task_alarm(task, now_ms + AGAIN_MS);
        return;
    }
    if (page && page->changed_ms + KEEPER_WAIT_MS <= now_ms) {
        write_page(keeper, page);
        page = oldest(keeper);
    }
    if (page == NULL)
        return;
    due_ms = page->changed_ms + KEEPER_WAIT_MS;
    task_alarm(task, due_ms > now_ms ? due_ms : now_ms + 1);
}

/* ---- life ---- */

struct keeper *keeper_new(struct gateway *gateway)
{
    struct keeper *keeper = mem_zero(sizeof(*keeper));
    struct loading loading = { .keeper = keeper, .now_ms = clock_wall_ms() };

    keeper->gateway = gateway;
    keeper->store = state_store(gateway->state);
    task_init(&keeper->task, gateway->loop, run);
    buf_init(&keeper->stale, STALE_BYTES_MAX);
    if (keeper->store == NULL)
        return keeper;
    arena_init(&loading.arena);
    store_load(keeper->store, STORE_WINDOWS, load_page, &loading);
    arena_done(&loading.arena);
    gateway->env.ledger.keeper = &keeper->task;
    if (buf_size(&keeper->stale))
        task_wake(&keeper->task);
    return keeper;
}

void keeper_free(struct keeper *keeper)
{
    struct ledger_page *page;

    if (keeper == NULL)
        return;
    keeper->gateway->env.ledger.keeper = NULL;
    keeper->ahead = 0;
    while (keeper->store && keeper->ahead < LAST_BYTES && (page = oldest(keeper)) != NULL)
        write_page(keeper, page);
    buf_done(&keeper->stale);
    task_done(&keeper->task);
    mem_free(keeper);
}
