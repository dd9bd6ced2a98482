/* window: what the attempts of the last minutes were like.
 *
 * A ring of equal slices of time. What is older than the ring counts no more, slice by slice, without
 * anybody having to look: a slice knows when it is from. A reload that changes the length begins anew.
 *
 * Plain data: no pointers, no clock. All zero is a valid start (nothing seen). */
#ifndef POLICY_WINDOW_H
#define POLICY_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

enum { WINDOW_SLICES = 30 };

struct window_slice {
    uint64_t number; /* of slices since time 0 */
    uint64_t first_ms;
    uint32_t good;
    uint32_t bad;
    uint32_t timed;
};

struct window {
    struct window_slice slices[WINDOW_SLICES];
    uint64_t smooth_us; /* exponential mean of the time to the first content */
};

/* Adds an attempt. `window_ms` is the length of the whole ring, at least WINDOW_SLICES. */
void window_add(struct window *window, uint32_t window_ms, uint64_t now_ms, bool good);

/* Adds how long a first content took. */
void window_add_first(struct window *window, uint32_t window_ms, uint64_t now_ms,
                      uint32_t first_ms);

/* What the window holds now. */
struct window_sum {
    uint32_t good;
    uint32_t bad;
    uint32_t timed;     /* attempts whose first content was timed */
    uint32_t mean_ms;   /* of those; 0: none */
    uint32_t smooth_ms; /* the exponential mean, which follows the last dozen; 0: none */
};

struct window_sum window_sum(const struct window *window, uint32_t window_ms, uint64_t now_ms);

#endif
