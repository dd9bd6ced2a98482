/* admin: what the operator asks and does at /admin. */
#ifndef OPS_ADMIN_H
#define OPS_ADMIN_H

#include <stdint.h>

struct buf;
struct call;
struct gateway;

void admin_status(struct call *call);
void admin_events(struct call *call);
void admin_config(struct call *call);
void admin_reload(struct call *call);
void admin_drain(struct call *call);

/* What the calls answer, for whoever else shows it. */
void admin_write_status(struct gateway *gateway, struct buf *out);
void admin_write_events(struct gateway *gateway, uint64_t since, struct buf *out);

/* The number behind `since=`; 0: all. */
uint64_t admin_since(const struct call *call);

#endif
