#include "series.h"

#include "base/mem.h"

#include <string.h>

enum { GROWTH = 256 }; /* slots at a time */

void series_init(struct series *series, uint64_t begin_ns, uint64_t slot_ns)
{
    *series = (struct series){ .begin_ns = begin_ns, .slot_ns = slot_ns };
}

void series_done(struct series *series)
{
    mem_free(series->slots);
    *series = (struct series){ 0 };
}

/* The slot of this time, and with it all before it. */
static struct series_slot *slot_at(struct series *series, uint64_t now_ns)
{
    uint64_t at = (now_ns - series->begin_ns) / series->slot_ns;

    if (at >= SERIES_SLOTS_MAX)
        at = SERIES_SLOTS_MAX - 1;
    while (series->count <= at) {
        if (series->count % GROWTH == 0) {
            size_t size = sizeof(series->slots[0]);

            series->slots = mem_grow(series->slots, (series->count + GROWTH) * size);
            memset(series->slots + series->count, 0, GROWTH * size);
        }
        series->count++;
    }
    return &series->slots[at];
}

void series_start(struct series *series, uint64_t now_ns)
{
    if (series->slot_ns)
        slot_at(series, now_ns)->started++;
}

void series_end(struct series *series, bool ok, uint64_t took_ns, uint64_t now_ns)
{
    struct series_slot *slot;

    if (!series->slot_ns)
        return;
    slot = slot_at(series, now_ns);
    slot->ok += ok;
    slot->failed += !ok;
    if (ok && took_ns > slot->slowest_ns)
        slot->slowest_ns = took_ns;
}
