/* limiting: what an exchange may have (policy/limit.h), and what it has had.
 *
 *     AUTH: nothing left? 429    PLAN: in, or 429    reply complete: out    SETTLE: tokens and cost
 *
 * Who has nothing left hears it before the body is read: it takes no slot of the gateway and no place in its
 * queue. Nothing is taken until there is a plan, so what is refused for other reasons costs nothing.
 *
 * A caller has limits of its own; a listed model has some that all its callers share. A request has to be let
 * in by both, and is counted by both or by none. The model is the one that was asked for, whoever answers. */
#ifndef FLOW_LIMITING_H
#define FLOW_LIMITING_H

#include "config/config.h"
#include "flow/exchange.h"
#include "policy/auth.h"
#include "policy/limits.h"

#include <stdbool.h>
#include <stdint.h>

struct buf;
struct env;
struct exchange;
struct json_writer;

/* Whose limits hold for an exchange. Both live as long as the environment. */
struct limiting {
    struct limit *caller; /* NULL: it has none */
    struct limit *model;  /* likewise */
    bool inside;          /* it was let in, and has not left */
};

/* The caller is known. EXCHANGE_ADMIT, or EXCHANGE_REFUSE. */
enum exchange_state limiting_caller(struct exchange *ex);

/* The model is known, and there is a plan. EXCHANGE_OPEN, or EXCHANGE_REFUSE. */
enum exchange_state limiting_enter(struct exchange *ex);

/* The client has its reply, or has left: the slot is free. Where no upstream was asked, nothing was used. */
void limiting_leave(struct exchange *ex);

/* All is known that it has used; the cost in pico-dollars. */
void limiting_charge(struct exchange *ex, uint64_t cost);

/* Adds the lines x-ratelimit-… for a caller that has limits. */
void limiting_add_headers(const struct exchange *ex, struct buf *head);

/* Writes the limits of a caller, or of a model, as an array; empty when there are none. */
void limiting_write_caller(struct env *env, const struct caller *caller, struct json_writer *w);
void limiting_write_model(struct env *env, const struct config_model *model,
                          struct json_writer *w);

/* Writes those of every key and model that has some, up to LIMIT_STATUS_KEYS each: the status. */
void limiting_write(struct env *env, struct json_writer *w);

#endif
