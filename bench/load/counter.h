/* counter: user instructions of the processes behind a target, by the kernel's hardware counters. Many
 * machines that are virtual have none, and some kernels give them to nobody: then it says so. */
#ifndef LOAD_COUNTER_H
#define LOAD_COUNTER_H

#include "target.h"

#include <stdbool.h>
#include <stdint.h>

enum { COUNTER_THREADS_MAX = 256 };

/* One for each thread that there is; what those start later is counted with them. */
struct counter {
    int fds[COUNTER_THREADS_MAX];
    uint32_t count;
    const char *why_not; /* NULL: it counts */
};

/* Begins to count. A counter that cannot knows why. */
void counter_open(struct counter *counter, const struct target *target);

/* So far; 0 when it does not count. */
uint64_t counter_read(struct counter *counter);
void counter_close(struct counter *counter);

#endif
