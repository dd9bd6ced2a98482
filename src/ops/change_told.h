/* change_told: what is said, as events and in the log, about a change of settings. Everything is
 * borrowed for the call. */
#ifndef OPS_CHANGE_TOLD_H
#define OPS_CHANGE_TOLD_H

#include "base/span.h"

#include <stdint.h>

struct config_changes;
struct event;
struct gateway;

/* An admin's change is in force. */
void change_tell(struct gateway *gateway, const struct event *event);

/* The file that was read again is in force; it was generation `from` before. */
void change_tell_reload(struct gateway *gateway, const char *actor, struct span notes,
                        uint64_t from);

/* It is not, because of `errors`. */
void change_tell_refused(struct gateway *gateway, const char *actor, struct span errors);

/* The changes among these that the file has overtaken. */
void change_tell_over(struct gateway *gateway, const struct config_changes *changes,
                      const char *actor);

#endif
