/* report: says what is wrong with a configuration, where, and what would be right.
 *
 *     sluice.yaml:14:7: timeouts.idle: "30" is not a duration; write 30s, 500ms, 5m or 1h
 *     environment: TIMEOUT_SECONDS: "soon" is not a whole number; …
 */
#ifndef CONFIG_REPORT_H
#define CONFIG_REPORT_H

#include "config/config.h"
#include "config/node.h"

/* Where the sentences go, and what the file is called in them. */
struct reporter {
    struct config_report *report;
    const char *file;
};

/* About a value. NULL: about the whole file. */
void report_error(struct reporter *reporter, const struct node *node, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void report_warning(struct reporter *reporter, const struct node *node, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* About its key. */
void report_key_error(struct reporter *reporter, const struct node *node, const char *format,
                      ...) __attribute__((format(printf, 3, 4)));

/* About another place than the node's own; `node` says what is talked about, and may be NULL. */
void report_error_at(struct reporter *reporter, struct config_mark mark,
                     const struct node *node, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Says how many errors there were beyond those that were written out. Call once, at the end. */
void report_finish(struct reporter *reporter);

/* Outside text fit for a message: short, and without control bytes. Used as quoted(text).text within
 * one call. */
struct quote {
    char text[80];
};

struct quote quoted(struct span text);

/* ---- did you mean …? ---- */

/* Keeps the candidate that is nearest to a name: at most two edits away, or begun by it. */
struct nearest {
    struct span name;
    struct span best;
    uint32_t distance;
};

struct nearest nearest_to(struct span name);
void nearest_offer(struct nearest *nearest, struct span candidate);

/* `; did you mean "models"?`, or `otherwise` when nothing is near. */
struct quote nearest_hint(const struct nearest *nearest, const char *otherwise);

#endif
