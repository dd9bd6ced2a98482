/* change: another configuration in force, because the file was read again or because an operator changed
 * a setting. One at a time, in the order of asking; whole or not at all; no request notices.
 *
 *     asked -> waiting -> read and checked -> saved -> in force, an event -> event saved -> told
 *                              |                |
 *                              +-> refused      +-> not saved
 *
 * What an operator changed is on the disk before it is in force, and in force before anybody is told. Without
 * `state.path` there is nothing to save, and a restart forgets it. */
#ifndef OPS_CHANGE_H
#define OPS_CHANGE_H

#include "base/span.h"
#include "flow/events.h"
#include "net/loop.h"

#include <stdbool.h>
#include <stddef.h>

struct change;
struct changes; /* those of a gateway */
struct gateway;

enum change_fate {
    CHANGE_RUNNING,
    CHANGE_IN_FORCE,
    CHANGE_REFUSED,   /* change_report() says why; the old configuration stays */
    CHANGE_NOT_SAVED, /* likewise: the disk is full, perhaps */
};

enum { CHANGE_EDITS_MAX = 64 };

/* A setting and its new value, as config_changes.h has them. value NULL: what the file says, again. */
struct change_edit {
    const char *path;
    const char *value;
};

/* What becomes of one of several models, for an event of its own. */
struct change_of_model {
    const char *model;
    const char *from;
    const char *to;
};

/* What is to be changed. Borrows everything for the call. */
struct change_request {
    struct change_edit edits[CHANGE_EDITS_MAX]; /* ended by one without a path */
    struct event event; /* told when it is in force; without figures. actor: who asks */

    /* Told in place of it, one event each, with the rest of `event`; ended by one without a model. */
    struct change_of_model models[CHANGE_EDITS_MAX];

    /* Called for each of `models` when it is in force, before any request has seen it. What this puts into
     * the store is durable, too, before anybody is told. May be NULL. */
    void (*applied)(struct gateway *gateway, const char *model);
};

struct changes *changes_new(struct gateway *gateway);
void changes_free(struct changes *changes);

/* Gives a change that is under way. `then` (may be NULL) is woken when its fate is known. Leave it with
 * change_leave(), before or after that. */
struct change *change_start(struct gateway *gateway, const struct change_request *request,
                            struct task *then);

/* Is a change of exactly that path in force? */
bool changes_hold(const struct changes *changes, const char *path);

/* Reads the file again. `actor` is for the log and the event. */
struct change *change_reload(struct gateway *gateway, const char *actor, struct task *then);

enum change_fate change_fate(const struct change *change);
struct span change_report(const struct change *change);

/* Nobody waits for it any more; it goes on. NULL is fine. */
void change_leave(struct change *change);

#endif
