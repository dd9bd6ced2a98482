#include "flow/events.h"

#include "base/clock.h"
#include "base/mem.h"
#include "flow/meters.h"

enum { LINE_BYTES_MAX = 16 * 1024 };

/* clang-format off: one row for each */
static const char *const kinds[EVENT_KINDS] = {
    [EVENT_BREAKER] = "breaker",
    [EVENT_HEALTH] = "health",
    [EVENT_KEY] = "key",
    [EVENT_KEYS_REPLACED] = "keys_replaced",
    [EVENT_SPLIT] = "split",
    [EVENT_TARGET] = "target",
    [EVENT_SWITCH] = "switch",
    [EVENT_SWITCH_ADVISED] = "switch_advised",
    [EVENT_OVERLOAD] = "overload",
    [EVENT_ROLLOUT] = "rollout",
    [EVENT_ROLLBACK] = "rollback",
    [EVENT_RELOAD] = "reload",
    [EVENT_RELOAD_REFUSED] = "reload_refused",
    [EVENT_CHANGE] = "change",
    [EVENT_CHANGE_OVER] = "change_over",
    [EVENT_MODELS_CHANGED] = "models_changed",
    [EVENT_ALERT] = "alert",
};

/* clang-format on */

const char *event_kind_name(enum event_kind kind)
{
    return kinds[kind];
}

void events_done(struct events *events)
{
    for (size_t i = 0; i < LIMIT_EVENTS; i++)
        mem_free(events->lines[i]);
    *events = (struct events){ 0 };
}

static void write_figures(const struct event *event, struct json_writer *w)
{
    json_key(w, "figures");
    json_begin(w, '{');
    for (size_t i = 0; i < EVENT_FIGURES_MAX && event->figures[i].name; i++)
        json_put_decimal(w, event->figures[i].name, event->figures[i].value,
                         event->figures[i].decimals);
    json_end(w, '}');
}

static void count(struct events *events, enum event_kind kind)
{
    struct span label = span_from(kinds[kind]);

    if (events->metrics)
        series_add(metrics_series(events->metrics, METER_EVENTS, &label), 1);
}

void events_add(struct events *events, const struct event *event, uint64_t wall_ms)
{
    char time[CLOCK_TEXT_SIZE];
    struct buf line;
    struct json_writer w = json_writer(&line);
    char **place = &events->lines[++events->last % LIMIT_EVENTS];

    count(events, event->kind);
    buf_init(&line, LINE_BYTES_MAX);
    clock_text(wall_ms, time);
    json_begin(&w, '{');
    json_put_u64(&w, "id", events->last);
    json_put_text(&w, "time", time);
    json_put_text(&w, "kind", kinds[event->kind]);
    json_put_text(&w, "model", event->model);
    json_put_text(&w, "target", event->target);
    if (event->provider)
        json_put_text(&w, "provider", event->provider);
    if (event->key)
        json_put_text(&w, "key", event->key);
    json_put_text(&w, "from", event->from);
    json_put_text(&w, "to", event->to);
    if (event->alert) {
        json_put_text(&w, "alert", event->alert);
        json_put_text(&w, "severity", event->severity);
    }
    json_put_string(&w, "reason", span_first(event->reason, LIMIT_EVENT_REASON_BYTES));
    json_put_text(&w, "actor", event->actor ? event->actor : "sluice");
    write_figures(event, &w);
    json_end(&w, '}');
    mem_free(*place);
    *place = mem_copy(buf_text(&line), buf_size(&line));
    buf_done(&line);
    for (struct events_listener *l = events->listeners; l; l = l->next)
        task_wake(l->task);
}

void events_listen(struct events *events, struct events_listener *listener)
{
    listener->next = events->listeners;
    events->listeners = listener;
}

void events_listen_no_more(struct events *events, struct events_listener *listener)
{
    struct events_listener **place = &events->listeners;

    while (*place && *place != listener)
        place = &(*place)->next;
    if (*place)
        *place = listener->next;
    listener->next = NULL;
}

/* It stands in front of everything that came from outside. */
struct span events_line_kind(struct span line)
{
    static const char before[] = "\"kind\":\"";
    size_t at = span_find_text(line, before);
    struct span rest =
        at == SIZE_MAX ? span_make(NULL, 0) : span_skip(line, at + sizeof(before) - 1);

    return span_cut(&rest, '"');
}

struct span events_line(const struct events *events, uint64_t id)
{
    if (id == 0 || id > events->last || events->last - id >= LIMIT_EVENTS)
        return span_make(NULL, 0);
    return span_from(events->lines[id % LIMIT_EVENTS]);
}

void events_restore(struct events *events, uint64_t id, struct span line)
{
    char **place = &events->lines[id % LIMIT_EVENTS];

    if (id <= events->last)
        return;
    mem_free(*place);
    *place = mem_copy(line.at, line.size);
    events->last = id;
}

void events_write(const struct events *events, uint64_t since, struct json_writer *w)
{
    uint64_t first = events->last < LIMIT_EVENTS ? 1 : events->last - LIMIT_EVENTS + 1;

    if (since <= events->last && since >= first)
        first = since + 1;
    json_key(w, "events");
    json_begin(w, '[');
    for (uint64_t id = first; id <= events->last; id++) {
        struct span line = events_line(events, id);

        if (line.size) /* a file of them that was put aside leaves a gap */
            json_raw(w, line);
    }
    json_end(w, ']');
    json_put_u64(w, "last", events->last);
}
