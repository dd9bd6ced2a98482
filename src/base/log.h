/* log: one JSON line per event. The only state that is global, with the tables.
 *
 * Lines are collected and written by log_flush(), some tens of milliseconds later, or as soon as there
 * are many. Writing never blocks: a reader that is stuck costs lines (log_dropped() counts them), not
 * service. Events go to stderr, the access log to stdout. base, llm and policy never log. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/buf.h"
#include "base/json.h"

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR, LOG_OFF };

const char *log_level_name(enum log_level level);
bool log_level_read(struct span name, enum log_level *ret);

/* `text`: lines for people instead of JSON. */
void log_setup(enum log_level level, bool text);
bool log_wants(enum log_level level);

struct log_field {
    const char *key; /* NULL ends a list */
    struct span value;
};

/* Writes an event: a short name and its fields. */
void log_event(enum log_level level, const char *event, const struct log_field *fields);

/* LOG(LOG_WARN, "attempt_failed", { "target", span_from(id) }, { "why", why }); */
#define LOG(level, event, ...)                                                                 \
    log_event((level), (event), (const struct log_field[]){ __VA_ARGS__, { NULL, { 0 } } })

/* Starts a line of the access log. Lends room for it, empty, until it is ended. */
struct buf *log_access_begin(void);
void log_access_end(void);

/* Calls `run` when a line waits that none waited before: the place to plan a log_flush(). */
void log_on_pending(void (*run)(void *context), void *context);

/* Writes what waits. False when some of it stays because the reader is slow: try again later, as
 * nothing else will ask for it. */
bool log_flush(void);
uint64_t log_dropped(void);

#endif
