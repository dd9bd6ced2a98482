/* shed: gives large blocks of memory back to the system, a piece in each turn of the loop.
 *
 * To unmap 32 MB at once takes milliseconds, in which nobody is served. What is to go waits here instead,
 * and shrinks from behind. Small blocks are freed at once. Internal to net/. */
#ifndef NET_SHED_H
#define NET_SHED_H

#include "base/buf.h"
#include "base/list.h"
#include "net/loop.h"

/* Embed by value. */
struct shed {
    struct loop *loop;
    struct list blocks;
    struct job job;
};

void shed_init(struct shed *shed, struct loop *loop);
void shed_done(struct shed *shed); /* frees what is left */

/* As buf_done(). */
void shed_buf(struct shed *shed, struct buf *buf);

#endif
