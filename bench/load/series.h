/* series: what happened when, in slots of equal length since the begin of a round. For what
 * comes and goes during a round: an outage, a target that returns. Pure: time comes in. */
#ifndef LOAD_SERIES_H
#define LOAD_SERIES_H

#include <stdbool.h>
#include <stdint.h>

enum { SERIES_SLOTS_MAX = 100000 };

struct series_slot {
    uint64_t started;    /* requests that began in it */
    uint64_t ok;         /* that ended well in it */
    uint64_t failed;     /* that ended otherwise in it */
    uint64_t slowest_ns; /* of those that ended well */
};

/* All zero is a series that counts nothing. */
struct series {
    struct series_slot *slots; /* `count` of them */
    uint32_t count;
    uint64_t begin_ns;
    uint64_t slot_ns;
};

/* `slot_ns` 0: counts nothing. What comes after the last of SERIES_SLOTS_MAX counts there. */
void series_init(struct series *series, uint64_t begin_ns, uint64_t slot_ns);
void series_done(struct series *series);

void series_start(struct series *series, uint64_t now_ns);

/* A request ended, `took_ns` after it was due. */
void series_end(struct series *series, bool ok, uint64_t took_ns, uint64_t now_ns);

#endif
