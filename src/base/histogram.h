/* histogram: counts of values with a relative error below 1/32, in fixed memory (15 KiB).
 *
 * Log-linear, as HdrHistogram: values under 32 have a bucket each; above, every power of two is cut
 * into 32. All zero is a valid, empty start. */
#ifndef BASE_HISTOGRAM_H
#define BASE_HISTOGRAM_H

#include <stdint.h>

enum { HISTOGRAM_BUCKETS = 60 * 32 };

struct histogram {
    uint64_t counts[HISTOGRAM_BUCKETS];
    uint64_t count;
    uint64_t sum;
    uint64_t least; /* meaningless while count is 0 */
    uint64_t most;
};

void histogram_record(struct histogram *h, uint64_t value);
void histogram_merge(struct histogram *into, const struct histogram *from);

/* The value number `rank`, counted from the smallest, which is 1; 0 when there is none. */
uint64_t histogram_rank(const struct histogram *h, uint64_t rank);

/* The value below which a share of `per_mille` / 1000 lies; 0 when empty. */
uint64_t histogram_at(const struct histogram *h, uint32_t per_mille);
uint64_t histogram_mean(const struct histogram *h);

#endif
