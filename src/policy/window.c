#include "policy/window.h"

#include <assert.h>

enum { SMOOTHING = 8 }; /* a new time moves the exponential mean by an eighth of the way */

static uint64_t slice_number(uint32_t window_ms, uint64_t now_ms)
{
    assert(window_ms >= WINDOW_SLICES);
    return now_ms / (window_ms / WINDOW_SLICES);
}

/* The slice of this moment, emptied when what it held is from an earlier round. */
static struct window_slice *slice_now(struct window *window, uint32_t window_ms,
                                      uint64_t now_ms)
{
    uint64_t number = slice_number(window_ms, now_ms);
    struct window_slice *slice = &window->slices[number % WINDOW_SLICES];

    if (slice->number != number)
        *slice = (struct window_slice){ .number = number };
    return slice;
}

void window_add(struct window *window, uint32_t window_ms, uint64_t now_ms, bool good)
{
    struct window_slice *slice = slice_now(window, window_ms, now_ms);

    if (good)
        slice->good++;
    else
        slice->bad++;
}

void window_add_first(struct window *window, uint32_t window_ms, uint64_t now_ms,
                      uint32_t first_ms)
{
    struct window_slice *slice = slice_now(window, window_ms, now_ms);
    uint64_t first_us = (uint64_t)first_ms * 1000;

    slice->timed++;
    slice->first_ms += first_ms;
    if (window->smooth_us == 0)
        window->smooth_us = first_us;
    else
        window->smooth_us += first_us / SMOOTHING - window->smooth_us / SMOOTHING;
}

struct window_sum window_sum(const struct window *window, uint32_t window_ms, uint64_t now_ms)
{
    uint64_t number = slice_number(window_ms, now_ms);
    struct window_sum sum = { 0 };
    uint64_t first_ms = 0;

    for (unsigned i = 0; i < WINDOW_SLICES; i++) {
        const struct window_slice *slice = &window->slices[i];

        if (slice->number > number || number - slice->number >= WINDOW_SLICES)
            continue;
        sum.good += slice->good;
        sum.bad += slice->bad;
        sum.timed += slice->timed;
        first_ms += slice->first_ms;
    }
    if (sum.timed) {
        sum.mean_ms = (uint32_t)(first_ms / sum.timed);
        sum.smooth_ms = (uint32_t)(window->smooth_us / 1000);
    }
    return sum;
}
