/* balance: which of the targets of one tier is to be tried first?
 *
 *     weighted       as drawn by weight x health
 *     least_latency  the lowest of latency x (in flight + 1) / (weight x health)
 *     least_busy     the lowest of in flight / (weight x health)
 *     least_cost     the cheapest; a target of less than full health takes that share of its turns only
 *
 * The targets come in as they were drawn by weight x health, and keep that order where the balance
 * finds them equal. Plain inputs: no clock, and randomness is a number that comes in. */
#ifndef POLICY_BALANCE_H
#define POLICY_BALANCE_H

#include "config/config.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is to be known of a target. */
struct balance_facts {
    uint64_t latency_us; /* 0: not known: then it counts as the fastest that is */
    uint64_t cost;       /* balance_cost() of its price */
    uint64_t weight;     /* x health, in any unit; above 0 */
    uint32_t health;     /* per mille */
    uint32_t in_flight;  /* requests it works at, ours and others' */
    bool wanted; /* its latency should be found out: it goes first, unless it is unwell */
};

/* The place of a target among others: the lowest cost first, those behind after all that are not. */
struct balance_rank {
    bool behind;
    double cost;
};

/* Ranks `count` targets by any balance but `weighted`. */
void balance_rank(enum config_balance balance, const struct balance_facts *facts, size_t count,
                  uint64_t *random, struct balance_rank *ret);

/* Is `a` to be tried before `b`? False when they are equal. */
bool balance_before(const struct balance_rank *a, const struct balance_rank *b);

/* What four tokens cost, three of input and one of output: how chats are, roughly. */
uint64_t balance_cost(const struct price *price);

#endif
