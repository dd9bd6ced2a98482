#include "ops/state.h"

#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "ops/gateway.h"

#include <stdio.h>
#include <string.h>

enum { EVENT_NAME_SIZE = 24, CHANGE_BYTES_MAX = 1024 * 1024, NOTE_BYTES = 256 };

struct state {
    struct gateway *gateway;
    struct store *store; /* NULL: no state.path */
    struct task news;    /* an event was added */
    struct events_listener listener;
    uint64_t saved; /* number of the newest event that was put */
};

struct store *state_store(struct state *state)
{
    return state->store;
}

/* ---- events ---- */

/* Their order by name is that by number. */
static struct span event_name(uint64_t id, char text[EVENT_NAME_SIZE])
{
    (void)snprintf(text, EVENT_NAME_SIZE, "%020llu", (unsigned long long)id);
    return span_from(text);
}

void state_save_events(struct state *state)
{
    const struct events *events = &state->gateway->env.events;
    char name[EVENT_NAME_SIZE];

    if (state->store == NULL)
        return;
    while (state->saved < events->last) {
        struct span line = events_line(events, ++state->saved);

        if (line.size)
            store_put(state->store, STORE_EVENT, event_name(state->saved, name), line);
        if (state->saved > LIMIT_EVENTS)
            store_drop(state->store, STORE_EVENT,
                       event_name(state->saved - LIMIT_EVENTS, name));
    }
}

static void run_news(struct task *task)
{
    state_save_events(LIST_OWNER(task, struct state, news));
}

static void load_event(void *context, struct span name, struct span value)
{
    struct state *state = context;
    uint64_t id;

    if (span_u64(name, &id))
        events_restore(&state->gateway->env.events, id, value);
}

/* ---- changes ---- */

static void load_change(void *context, struct span name, struct span value)
{
    struct config_changes *changes = context;
    struct json_doc *doc;
    struct span text = { 0 };
    struct span base = { 0 };

    if (json_parse(value, &doc))
        return;
    if (json_read_string(json_member(json_root(doc), "value"), &text))
        (void)json_read_string(json_member(json_root(doc), "base"), &base);
    if (text.at)
        config_changes_put(changes, name, text, base);
    json_free(doc);
}

void state_load_changes(struct state *state, struct config_changes *ret)
{
    *ret = (struct config_changes){ 0 };
    if (state->store)
        store_load(state->store, STORE_CHANGE, load_change, ret);
}

static void save_change(struct state *state, const struct config_change *change)
{
    struct buf text;
    struct json_writer w = json_writer(&text);

    buf_init(&text, CHANGE_BYTES_MAX);
    json_begin(&w, '{');
    json_put_text(&w, "value", change->value);
    json_put_text(&w, "base", change->base);
    json_end(&w, '}');
    store_put(state->store, STORE_CHANGE, span_from(change->path), buf_span(&text));
    buf_wipe(&text);
}

void state_save_changes(struct state *state, const struct config_changes *before,
                        const struct config_changes *next)
{
    if (state->store == NULL)
        return;
    for (size_t i = 0; i < before->count; i++)
        if (config_changes_find(next, span_from(before->items[i].path)) == NULL)
            store_drop(state->store, STORE_CHANGE, span_from(before->items[i].path));
    for (size_t i = 0; i < next->count; i++) {
        const struct config_change *change = &next->items[i];
        const struct config_change *old = config_changes_find(before, span_from(change->path));

        if (old == NULL || strcmp(old->value, change->value) != 0)
            save_change(state, change);
    }
}

/* ---- life ---- */

struct state *state_open(struct gateway *gateway, char *ret_error)
{
    const char *folder = gateway->env.config->state_path;
    struct state *state = mem_zero(sizeof(*state));
    char note[NOTE_BYTES] = "";

    state->gateway = gateway;
    task_init(&state->news, gateway->loop, run_news);
    if (folder == NULL)
        return state;
    state->store = store_open(gateway->loop, folder, ret_error, note);
    if (state->store == NULL) {
        state_close(state);
        return NULL;
    }
    if (note[0])
        LOG(LOG_ERROR, "state_unreadable", { "what", span_from(note) });
    store_load(state->store, STORE_EVENT, load_event, state);
    state->saved = gateway->env.events.last;
    state->listener.task = &state->news;
    events_listen(&gateway->env.events, &state->listener);
    return state;
}

void state_close(struct state *state)
{
    if (state == NULL)
        return;
    state_save_events(state);
    events_listen_no_more(&state->gateway->env.events, &state->listener);
    store_close(state->store);
    task_done(&state->news);
    mem_free(state);
}
