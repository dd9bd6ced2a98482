/* events: what changed by itself or by an operator, for GET /admin/events. The last LIMIT_EVENTS are
 * kept, and over a restart by ops/state.h; each has a number, one more than the one before it.
 *
 * Whoever adds one also logs it: the log is for reading, this is for asking "what is new since?". */
#ifndef FLOW_EVENTS_H
#define FLOW_EVENTS_H

#include "base/json.h"
#include "base/limits.h"
#include "net/loop.h"

#include <stddef.h>
#include <stdint.h>

enum event_kind {
    EVENT_BREAKER,
    EVENT_HEALTH,
    EVENT_SWITCH,
    EVENT_SWITCH_ADVISED, /* it would have, if it might */
    EVENT_OVERLOAD,
    EVENT_ROLLOUT,  /* begun, promoted, paused, finished … */
    EVENT_ROLLBACK, /* of a rollout, by itself or by hand */
    EVENT_RELOAD,
    EVENT_RELOAD_REFUSED,
    EVENT_CHANGE,      /* of a setting, by an operator */
    EVENT_CHANGE_OVER, /* the file says something else there by now */
    EVENT_KEY,         /* a provider's key went out, or came back */
    EVENT_KEYS_REPLACED,
    EVENT_MODELS_CHANGED, /* what a provider offers, against what is configured */
    EVENT_SPLIT,          /* of a model, by an operator */
    EVENT_TARGET,         /* its weight, or whether it is enabled, likewise */
    EVENT_ALERT,          /* raised or cleared */
    EVENT_KINDS,
};

/* As it stands in the event and in the metric. */
const char *event_kind_name(enum event_kind kind);

enum { EVENT_FIGURES_MAX = 4 };

struct event_figure {
    const char *name; /* NULL ends the list */
    uint64_t value;
    unsigned decimals;
};

/* Texts that do not apply are NULL. All are borrowed. */
struct event {
    enum event_kind kind;
    const char *model;
    const char *target;
    const char *provider; /* of events of keys alone, as is `key` */
    const char *key;      /* its fingerprint */
    const char *from;
    const char *to;
    const char *alert;    /* of EVENT_ALERT: which */
    const char *severity; /* likewise: "warning" or "critical" */
    struct span reason;   /* cut to LIMIT_EVENT_REASON_BYTES */
    const char *actor;    /* who made it happen; NULL: the gateway itself */
    struct event_figure figures[EVENT_FIGURES_MAX];
};

/* Who is woken when an event is added. Embed, with its task. */
struct events_listener {
    struct task *task;
    struct events_listener *next; /* NULL until events_listen() */
};

struct metrics;

/* All zero is an empty ring. */
struct events {
    struct metrics *metrics;   /* where they are counted; NULL: nowhere */
    char *lines[LIMIT_EVENTS]; /* JSON objects; that of `id` at id % LIMIT_EVENTS */
    uint64_t last;             /* the number of the newest; 0: none yet */
    struct events_listener *listeners;
};

void events_done(struct events *events);

void events_add(struct events *events, const struct event *event, uint64_t wall_ms);

/* The listener stays the caller's until events_listen_no_more(). */
void events_listen(struct events *events, struct events_listener *listener);
void events_listen_no_more(struct events *events, struct events_listener *listener);

/* The name of the kind of an event, of its JSON. Lends it from there. */
struct span events_line_kind(struct span line);

/* The JSON of that number; empty when it is not kept (any more). Lends it until the next is added. */
struct span events_line(const struct events *events, uint64_t id);

/* Puts back one of an earlier process; in the order of their numbers, before any is added. */
void events_restore(struct events *events, uint64_t id, struct span line);

/* Writes the members `events`, those after number `since` from old to new, and `last`. A number that
 * was never given, of an earlier process perhaps, asks for all. */
void events_write(const struct events *events, uint64_t since, struct json_writer *w);

#endif
