/* trim: when is it worth handing free memory back to the system?
 *
 * A peak leaves its memory behind: the allocator keeps what was freed between things that live on. To
 * hand it back costs some milliseconds in all and the page faults of whoever needs it next, so it is
 * done when clearly more is resident than is used, and has been for a while. What one could not hand
 * back is no reason for the next.
 *
 * Plain data. All zero is a valid start. */
#ifndef POLICY_TRIM_H
#define POLICY_TRIM_H

#include <stdbool.h>
#include <stdint.h>

enum {
    TRIM_LEAST_BYTES = 256 * 1024, /* less than that, and an eighth of what is used, stays */
    TRIM_CALM_MS = 3 * 1000,       /* so long it must have been too much */
    TRIM_REST_MS = 15 * 1000,      /* between two */
};

struct trim {
    uint64_t apart; /* resident but not used: the least there was since the last trim */
    bool known;
    uint64_t since_ms; /* when it became too much; 0: it is not */
    uint64_t next_ms;  /* not before */
};

/* Looks now and then. `resident`: of memory that is no file's; 0: not known, then never. `used`: of the
 * allocator's memory. */
bool trim_is_due(struct trim *trim, uint64_t resident, uint64_t used, uint64_t now_ms);

/* It was done, and this is how it is now. */
void trim_learn(struct trim *trim, uint64_t resident, uint64_t used, uint64_t now_ms);

#endif
