/* call: a small request that the gateway answers itself: health, metrics, the list of models, the
 * admin plane. One row of a table each; the reference is printed from the same table. */
#ifndef OPS_CALL_H
#define OPS_CALL_H

#include "base/arena.h"
#include "base/buf.h"
#include "flow/refusal.h"
#include "net/http.h"
#include "ops/call_path.h"
#include "ops/gateway.h"
#include "ops/store.h"
#include "policy/auth.h"

#include <stdbool.h>

enum role {
    ROLE_ANYBODY,
    ROLE_CLIENT,
    ROLE_ADMIN,
    ROLE_OPERATOR, /* an admin key, or a client key with `admin: true` */
};

struct change;
struct offers;
struct making;

struct call {
    struct task task;
    struct job grave;
    struct gateway *gateway;
    struct door *door;
    struct http *http;
    struct arena arena;
    const char *id;
    const struct call_row *row;
    struct caller caller;
    struct span places[CALL_PLACES_MAX]; /* what stands in the open places of `path`, decoded */

    /* while something is awaited: called when the task is woken, until it has set itself to NULL */
    void (*awaits)(struct call *call);
    struct change *change;
    struct offers *offers;
    struct store_wait wait;
    struct making *making; /* the report that is being summed */
    bool streams;          /* the head has gone; it ends when nothing is awaited any more */
    uint64_t due_ms;       /* when a stream says something next */
    uint64_t told;         /* number of the newest event that it has told */

    /* the answer */
    unsigned status;
    const char *type;
    const char *headers; /* further lines, each with CRLF; NULL: none */
    struct buf body;
};

struct call_row {
    enum http_method method;
    const char *path; /* with open places: call_path.h */
    enum role role;
    unsigned planes;
    void (*answer)(struct call *call); /* the request's body is whole */
    const char *help;
};

extern const struct call_row call_rows[]; /* ended by one whose path is NULL */

/* Takes a request that is not for a model. Returns the task that http wakes. */
struct task *call_start(struct door *door, struct http *http);

/* The answer is this error, in OpenAI's shape. */
void call_refuse(struct call *call, enum refusal refusal, const char *message);

/* The same; `param` names the field that is wrong. */
void call_refuse_param(struct call *call, enum refusal refusal, const char *message,
                       const char *param);

/* The answer is a stream: its head goes now, then `step` is called whenever the task is woken, until it
 * sets `awaits` to NULL or the client leaves. */
void call_begin_stream(struct call *call, void (*step)(struct call *call));

/* The reference of all rows, in Markdown. */
void call_print_reference(struct buf *out);

#endif
