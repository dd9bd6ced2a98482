/* counting: how many tokens a request is, where nobody can be asked. */
#ifndef FLOW_COUNTING_H
#define FLOW_COUNTING_H

#include "flow/exchange.h"

#include <stdbool.h>

struct exchange;

/* No target speaks the language in which this is asked, and a guess will do. */
bool counting_must_guess(const struct exchange *ex);

/* Answers with the guess, which says that it is one: EXCHANGE_SETTLE, or EXCHANGE_REFUSE. */
enum exchange_state counting_guess(struct exchange *ex);

#endif
