/* access: the line of an exchange in the access log. */
#ifndef FLOW_ACCESS_H
#define FLOW_ACCESS_H

#include "flow/bill.h"

struct exchange;

/* Writes it, once the exchange is over. */
void access_log(const struct exchange *ex, struct bill bill);

#endif
