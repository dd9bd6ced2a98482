/* exchange: one client request that a model answers, and the one reply it gets.
 *
 *     AUTH -> ADMIT -> PLAN -> OPEN -> AWAIT -> STREAM -> SETTLE -> DEAD
 *       |       |        |      ^ |      |                  ^
 *       |       |        |      +-+------+                  |
 *       +-------+--------+--------+--> REFUSE --------------+
 *
 *     AUTH    the head is here: who is it?
 *     ADMIT   waits for a slot, then for the body; finds what the gateway acts on
 *     PLAN    which targets, in which order?
 *     OPEN    the first target that lets us in; waits for a back-off, or
 *             for one of them to have room
 *     AWAIT   nothing of the answer was sent yet: whatever goes wrong, another target may answer
 *     STREAM  this target until its end, or a broken stream
 *     REFUSE  says no, in the client's own dialect
 *     SETTLE  accounts for everything, exactly once; the upstream may still end its answer
 *
 * From any state that waits: the client has gone -> cancel -> SETTLE.
 *
 * Where to read: exchange.c (the table of states), admit.c (AUTH ADMIT PLAN), slots.c (who may), open.c (OPEN),
 * await.c (AWAIT), stream.c (STREAM), sink.c (the reply), receipt.c (SETTLE). */
#ifndef FLOW_EXCHANGE_H
#define FLOW_EXCHANGE_H

#include "llm/provider.h"

#include <stdint.h>

struct env;
struct http;
struct task;

/* Takes a request whose head is complete and whose path is `endpoint`'s. Returns the task that http
 * wakes. The exchange ends and frees itself. */
struct task *exchange_start(struct env *env, struct http *http,
                            const struct endpoint *endpoint);

/* Ends all exchanges that live, each with an error in its dialect: for the end of a drain. */
void exchange_stop_all(struct env *env);

/* Gives back the memory that is kept for exchanges to come. */
void exchange_free_spare(struct env *env);

/* For tests and the trace: the name of a state, and whether one may follow the other. */
enum exchange_state {
    EXCHANGE_AUTH,
    EXCHANGE_ADMIT,
    EXCHANGE_PLAN,
    EXCHANGE_OPEN,
    EXCHANGE_AWAIT,
    EXCHANGE_STREAM,
    EXCHANGE_REFUSE,
    EXCHANGE_SETTLE,
    EXCHANGE_DEAD,
    EXCHANGE_STATES,
};

const char *exchange_state_name(enum exchange_state state);

#endif
