/* dues: calls each one when it is due, to the precision of the kernel's own clock. For the fake provider and
 * for the load alike.
 *
 * The loop's timers count in whole milliseconds: a hundred streams of an event each 10 ms would come in bursts
 * of ten, and whoever measures a gateway by them would measure a queue. One timerfd, set to the earliest, and
 * a heap of those that wait. */
#ifndef CLOCK_DUES_H
#define CLOCK_DUES_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct due;

/* It waits no more by then, and may be set again. */
typedef void due_fn(struct due *due);

/* Lives inside what waits; `on_due` is for its owner to fill in. */
struct due {
    due_fn *on_due;
    uint64_t at_ns;
    uint32_t place; /* in the heap, counted from 1; 0: not in it */
};

struct dues {
    uv_poll_t poll;
    int fd;
    uint64_t set_ns;  /* when the timerfd goes off; 0: it does not */
    uint64_t turn_ns; /* those up to here are being called; 0: none are */
    struct due **heap;
    uint32_t count;
    uint32_t room;
};

void dues_init(struct dues *dues, uv_loop_t *loop);

/* So that the loop can end; those that wait are not called. */
void dues_close(struct dues *dues);

/* After the loop has let go of it. */
void dues_done(struct dues *dues);

/* Calls it at `at_ns` of CLOCK_MONOTONIC, never from in here: at once means in the next turn of the loop.
 * Whatever it waited for before is forgotten. */
void dues_set(struct dues *dues, struct due *due, uint64_t at_ns);

/* It waits no more; fine when it does not. */
void dues_drop(struct dues *dues, struct due *due);

#endif
