/* bill: what an exchange has used and what that costs, for everybody who wants to know it: the answer's
 * headers, the ledger, the metrics, the access log, budgets. The usage is ex->usage. */
#ifndef FLOW_BILL_H
#define FLOW_BILL_H

#include <stdbool.h>
#include <stdint.h>

struct attempt;
struct buf;
struct exchange;

struct bill {
    uint64_t cost; /* pico-dollars; 0 where it is not known */
    bool known;    /* both the usage and the price are */
};

/* By the price of the target that the attempt is at; an attempt that has none yet costs nothing that is
 * known. */
struct bill bill_make(const struct exchange *ex, const struct attempt *attempt);

/* The attempt is about to answer, and the request's body to be forgotten: keeps what an estimate will need
 * of it should the stream not tell its usage. */
void bill_prepare(struct exchange *ex, const struct attempt *attempt);

/* The client has left while its attempt ran: what the provider had to do until then is estimated, but for
 * what it has said itself. A request that had not reached it costs nothing. */
void bill_cancelled(struct exchange *ex);

/* x-sluice-cost-usd, where the cost is known. */
void bill_add_header(const struct exchange *ex, struct buf *head);

#endif
