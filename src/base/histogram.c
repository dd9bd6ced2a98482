#include "base/histogram.h"

enum { SUB_BITS = 5, SUB_COUNT = 1 << SUB_BITS };

static uint32_t bucket_of(uint64_t value)
{
    uint32_t shift;

    if (value < SUB_COUNT)
        return (uint32_t)value;
    shift = 63u - (uint32_t)__builtin_clzll(value) - SUB_BITS;
    return (shift + 1) * SUB_COUNT + (uint32_t)(value >> shift) - SUB_COUNT;
}

/* The largest value that falls into the bucket. */
static uint64_t bucket_top(uint32_t bucket)
{
    uint32_t shift;

    if (bucket < SUB_COUNT)
        return bucket;
    shift = bucket / SUB_COUNT - 1;
    return (((uint64_t)(bucket % SUB_COUNT) + SUB_COUNT + 1) << shift) - 1;
}

void histogram_record(struct histogram *h, uint64_t value)
{
    h->counts[bucket_of(value)]++;
    h->sum += value;
    if (h->count == 0 || value < h->least)
        h->least = value;
    if (h->count == 0 || value > h->most)
        h->most = value;
    h->count++;
}

void histogram_merge(struct histogram *into, const struct histogram *from)
{
    if (from->count == 0)
        return;
    for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++)
        into->counts[i] += from->counts[i];
    into->sum += from->sum;
    if (into->count == 0 || from->least < into->least)
        into->least = from->least;
    if (into->count == 0 || from->most > into->most)
        into->most = from->most;
    into->count += from->count;
}

uint64_t histogram_rank(const struct histogram *h, uint64_t rank)
{
    uint64_t seen = 0;

    for (uint32_t i = 0; i < HISTOGRAM_BUCKETS && h->count; i++) {
        seen += h->counts[i];
        if (seen >= rank && seen) {
            uint64_t top = bucket_top(i);

            return top < h->most ? top : h->most;
        }
    }
    return 0;
}

uint64_t histogram_at(const struct histogram *h, uint32_t per_mille)
{
    return histogram_rank(h, (h->count * per_mille + 999) / 1000);
}

uint64_t histogram_mean(const struct histogram *h)
{
    return h->count ? h->sum / h->count : 0;
}
