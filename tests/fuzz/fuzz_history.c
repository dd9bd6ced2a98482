/* Any bytes between a right magic and a right checksum: what is read as a history is written again as
 * the same bytes, and adds up and ages without trouble. */
#include "policy/history.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static const char magic[] = { 'S', 'L', 'H', '1' };

/* FNV-1a, as in policy/history.c. */
static uint64_t checksum(struct span bytes)
{
    uint64_t hash = 14695981039346656037u;

    for (size_t i = 0; i < bytes.size; i++)
        hash = (hash ^ (unsigned char)bytes.at[i]) * 1099511628211u;
    return hash;
}

static void use(struct history *history)
{
    struct tally_fact fact = { .outcome = TALLY_OK, .latency_us = 77, .first_us = 5 };
    struct tally totals = { 0 };
    struct tally all = { 0 };

    history_sum(history, 0, false, &all);
    history_sum(history, 0, true, &totals);
    assert(memcmp(&totals.latency.all, &all.latency.all, sizeof(all.latency.all)) == 0);
    assert(memcmp(totals.outcomes, all.outcomes, sizeof(all.outcomes)) == 0);
    assert(spread_at(&all.latency, 950) <= all.latency.all.most || all.latency.all.count == 0);
    history_add(history, &fact, history->edge_ms + 5);
    history_cut(history, history->edge_ms + 100);
    history_tick(history, history->edge_ms + 3 * UINT64_C(3600000));
    history_tick(history, history->edge_ms + 2 * HISTORY_SPAN_MS);
    assert(history_since(history, 0) == UINT64_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct history history;
    struct buf input;
    struct buf output;
    uint64_t sum;

    if (size > 65536)
        return 0;
    buf_init(&input, HISTORY_WRITTEN_MAX);
    buf_init(&output, HISTORY_WRITTEN_MAX);
    history_init(&history);
    assert(buf_append(&input, magic, sizeof(magic)) && buf_append(&input, bytes, size));
    sum = checksum(buf_span(&input));
    for (unsigned i = 0; i < 8; i++)
        assert(buf_add_byte(&input, (char)(unsigned char)(sum >> (8 * i))));
    if (history_read(&history, buf_span(&input))) {
        history_write(&history, &output);
        assert(span_equal(buf_span(&input), buf_span(&output)));
        use(&history);
    }
    history_done(&history);
    buf_done(&input);
    buf_done(&output);
    return 0;
}
