/* bill: what each model's answers have really used, for whoever checks a gateway's account against it.
 *
 * A complete answer costs what its usage says. One that was cancelled or broken costs its prompt and
 * what had been handed to the kernel of it, with all of its reasoning once it has begun to speak, as with
 * real ones. Requests that were refused cost nothing. */
#ifndef MOCK_BILL_H
#define MOCK_BILL_H

#include "base/buf.h"
#include "base/map.h"
#include "completion.h"

#include <stdbool.h>
#include <stdint.h>

enum { BILLS_MAX = 1000 }; /* models; more are not billed */

struct bills {
    struct map models;
};

void bills_init(struct bills *bills);
void bills_done(struct bills *bills);

/* An answer has ended. `tokens`: how many that can be seen were sent; `whole`: it was complete. */
void bills_add(struct bills *bills, const struct completion *said, uint64_t tokens, bool whole);

/* {"MODEL": {"complete": {"requests", "input", …}, "cut": {…}}}, the classes disjoint but for output, which
 * includes reasoning, and cache_write, which includes cache_write_long. */
void bills_write(const struct bills *bills, struct buf *out);

#endif
