/* trim: when is it worth handing free memory back to the system?
 *
 * A peak leaves its memory behind: the allocator keeps what was freed between things that live on. To
 * hand it back costs some milliseconds in all and the page faults of whoever needs it next, so it is
 * done when more is resident than the work at hand explains, and has been for a while. One that gained
 * nothing makes the next wait longer: what is resident then is in use.
 *
 * Plain data. All zero is a valid start. */
#ifndef POLICY_TRIM_H
#define POLICY_TRIM_H

#include <stdbool.h>
#include <stdint.h>

enum {
    TRIM_SLACK_BYTES = 1024 * 1024,   /* less than that is not worth it */
    TRIM_EXCHANGE_BYTES = 32 * 1024,  /* what one of those that live may take */
    TRIM_CALM_MS = 3 * 1000,          /* so long it must have been too much */
    TRIM_REST_MS = 20 * 1000,         /* between two */
    TRIM_REST_MOST_MS = 3600 * 1000u, /* when they gain nothing */
};

struct trim {
    uint64_t least;    /* that was ever resident */
    uint64_t since_ms; /* when it became too much; 0: it is not */
    uint64_t next_ms;  /* not before */
    uint64_t rest_ms;
};

/* Looks once a second or so. `resident`: 0 when not known, then never. */
bool trim_is_due(struct trim *trim, uint64_t resident, uint64_t exchanges, uint64_t now_ms);

/* It was done, and this much is resident now, after `before`. */
void trim_learn(struct trim *trim, uint64_t before, uint64_t resident, uint64_t now_ms);

#endif
