#include "policy/history.h"

#include "base/mem.h"

#include <assert.h>
#include <string.h>

enum { PACKED_MAX = 64 * 1024, BACK_MS = 60000 };

/* How long the slices of a tier are, and how old they get there. */
static const struct {
    uint64_t width_ms;
    uint64_t span_ms;
} tiers[HISTORY_TIERS] = {
    { 1000, 120000 },
    { 10000, 1200000 },
    { 60000, 7200000 },
    { 600000, HISTORY_SPAN_MS },
};

/* ---- slices and tiers ---- */

static struct history_slice pack(const struct tally *tally, uint64_t start_ms, uint64_t end_ms)
{
    struct history_slice slice = { .start_ms = start_ms, .end_ms = end_ms };
    struct buf packed;

    buf_init(&packed, PACKED_MAX);
    tally_pack(tally, &packed);
    assert(!packed.overflowed);
    slice.size = (uint32_t)buf_size(&packed);
    slice.packed =
        mem_copy(buf_span(&packed).at, slice.size); /* not a byte more than it needs */
    buf_done(&packed);
    return slice;
}

static void unpack(const struct history_slice *slice, bool totals_only, struct tally *into)
{
    bool ours = tally_unpack(span_make(slice->packed, slice->size), totals_only, into);

    assert(ours); /* we packed it, or looked at it when it was read */
}

static void append(struct history_tier *tier, struct history_slice slice)
{
    if (tier->count == tier->room) {
        tier->room = tier->room ? tier->room * 2 : 4;
        tier->slices = mem_grow(tier->slices, tier->room * sizeof(*tier->slices));
    }
    assert(tier->slices);
    tier->slices[tier->count++] = slice;
}

static struct history_slice take_oldest(struct history_tier *tier)
{
    struct history_slice oldest;

    assert(tier->count && tier->slices);
    oldest = tier->slices[0];
    tier->count--;
    memmove(tier->slices, tier->slices + 1, tier->count * sizeof(*tier->slices));
    return oldest;
}

static struct history_slice *newest_of(struct history_tier *tier)
{
    return tier->count ? &tier->slices[tier->count - 1] : NULL;
}

/* Takes a slice into a tier: into its newest, when both are of the same longer one and that would not
 * reach across the cut; else behind it. */
static void settle(struct history *history, unsigned at, struct history_slice slice)
{
    struct history_tier *tier = &history->tiers[at];
    struct history_slice *before = newest_of(tier);
    struct tally both = { 0 };
    struct history_slice merged;

    if (before == NULL ||
        before->start_ms / tiers[at].width_ms != slice.start_ms / tiers[at].width_ms ||
        (before->start_ms < history->cut_ms && slice.end_ms > history->cut_ms)) {
        append(tier, slice);
        return;
    }
    unpack(before, false, &both);
    unpack(&slice, false, &both);
    merged = pack(&both, before->start_ms, slice.end_ms);
    mem_free(before->packed);
    mem_free(slice.packed);
    *before = merged;
}

/* The old go down a tier; so do the oldest of one that is full, which only many cuts bring about. */
static void age(struct history *history, uint64_t now_ms)
{
    for (unsigned i = 0; i < HISTORY_TIERS; i++) {
        struct history_tier *tier = &history->tiers[i];

        while (tier->count && (tier->slices[0].end_ms + tiers[i].span_ms <= now_ms ||
                               tier->count > HISTORY_TIER_SLICES)) {
            struct history_slice oldest = take_oldest(tier);

            if (i + 1 < HISTORY_TIERS)
                settle(history, i + 1, oldest);
            else
                mem_free(oldest.packed);
        }
    }
}

static void empty_tier(struct history_tier *tier)
{
    while (tier->count)
        mem_free(take_oldest(tier).packed);
    mem_free(tier->slices);
    *tier = (struct history_tier){ 0 };
}

void history_init(struct history *history)
{
    *history = (struct history){ 0 };
}

void history_done(struct history *history)
{
    mem_free(history->open);
    for (unsigned i = 0; i < HISTORY_TIERS; i++)
        empty_tier(&history->tiers[i]);
    *history = (struct history){ 0 };
}

/* ---- the open slice ---- */

static uint64_t open_end(const struct history *history)
{
    uint64_t width_ms = tiers[0].width_ms;

    return (history->open_ms / width_ms + 1) * width_ms;
}

static void close_open(struct history *history, uint64_t end_ms)
{
    append(&history->tiers[0], pack(history->open, history->open_ms, end_ms));
    mem_free(history->open);
    history->open = NULL;
    history->edge_ms = end_ms;
}

/* The clock was set back: what is from the future would stand in the way for as long. */
static void forget_future(struct history *history, uint64_t now_ms)
{
    for (unsigned i = 0; i < HISTORY_TIERS; i++)
        while (history->tiers[i].count && newest_of(&history->tiers[i])->end_ms > now_ms)
            mem_free(history->tiers[i].slices[--history->tiers[i].count].packed);
    if (history->open && history->open_ms > now_ms) {
        mem_free(history->open);
        history->open = NULL;
    }
    history->edge_ms = now_ms;
    if (history->cut_ms > now_ms)
        history->cut_ms = now_ms;
}

/* Brings everything to this time, which is returned: never before what there is already. */
static uint64_t advance(struct history *history, uint64_t now_ms)
{
    uint64_t least_ms = history->open ? history->open_ms : history->edge_ms;

    if (least_ms > now_ms + BACK_MS)
        forget_future(history, now_ms);
    else if (least_ms > now_ms)
        now_ms = least_ms;
    if (history->open && now_ms >= open_end(history))
        close_open(history, open_end(history));
    age(history, now_ms);
    return now_ms;
}

void history_add(struct history *history, const struct tally_fact *fact, uint64_t now_ms)
{
    uint64_t start_ms;

    if (history->open == NULL || now_ms < history->open_ms || now_ms >= open_end(history)) {
        now_ms = advance(history, now_ms);
        start_ms = now_ms - now_ms % tiers[0].width_ms;
        if (history->open == NULL) {
            history->open = mem_zero(sizeof(*history->open));
            history->open_ms = start_ms > history->edge_ms ? start_ms : history->edge_ms;
        }
    }
    tally_add(history->open, fact);
}

void history_cut(struct history *history, uint64_t now_ms)
{
    now_ms = advance(history, now_ms);
    if (history->open)
        close_open(history, now_ms);
    history->edge_ms = now_ms;
    history->cut_ms = now_ms;
}

void history_tick(struct history *history, uint64_t now_ms)
{
    (void)advance(history, now_ms);
}

/* ---- sums ---- */

void history_sum(const struct history *history, uint64_t from_ms, bool totals_only,
                 struct tally *into)
{
    for (unsigned i = 0; i < HISTORY_TIERS; i++) {
        const struct history_tier *tier = &history->tiers[i];

        for (size_t j = tier->count; j > 0 && tier->slices[j - 1].end_ms > from_ms; j--)
            unpack(&tier->slices[j - 1], totals_only, into);
    }
    if (history->open && open_end(history) > from_ms)
        tally_merge(into, history->open);
}

uint64_t history_since(const struct history *history, uint64_t from_ms)
{
    uint64_t since_ms = UINT64_MAX;

    if (history->open && open_end(history) > from_ms)
        since_ms = history->open_ms;
    for (unsigned i = 0; i < HISTORY_TIERS; i++) {
        const struct history_tier *tier = &history->tiers[i];

        for (size_t j = tier->count; j > 0 && tier->slices[j - 1].end_ms > from_ms; j--)
            since_ms = tier->slices[j - 1].start_ms;
    }
    return since_ms;
}

size_t history_bytes(const struct history *history)
{
    size_t bytes = sizeof(*history) + (history->open ? sizeof(*history->open) : 0);

    for (unsigned i = 0; i < HISTORY_TIERS; i++) {
        bytes += history->tiers[i].room * sizeof(struct history_slice);
        for (size_t j = 0; j < history->tiers[i].count; j++)
            bytes += history->tiers[i].slices[j].size;
    }
    return bytes;
}

/* ---- as bytes ----
 *
 *     "SLH1"  edge  cut  for each tier: number of slices, each: start  duration  size  tally
 *     checksum of all that, 8 bytes, lowest first
 *
 * The open slice is written as one that is over. */

static const char magic[] = { 'S', 'L', 'H', '1' };

enum { CHECKSUM_SIZE = 8 };

/* Against accidents, not against enemies. FNV-1a. */
static uint64_t checksum(struct span bytes)
{
    uint64_t hash = 14695981039346656037u;

    for (size_t i = 0; i < bytes.size; i++)
        hash = (hash ^ (unsigned char)bytes.at[i]) * 1099511628211u;
    return hash;
}

static void write_slice(const struct history_slice *slice, struct buf *out)
{
    spread_put(out, slice->start_ms);
    spread_put(out, slice->end_ms - slice->start_ms);
    spread_put(out, slice->size);
    (void)buf_append(out, slice->packed, slice->size);
}

static void write_open(const struct history *history, struct buf *out)
{
    struct history_slice slice = pack(history->open, history->open_ms, open_end(history));

    write_slice(&slice, out);
    mem_free(slice.packed);
}

void history_write(const struct history *history, struct buf *out)
{
    struct buf body; /* of its own, for the checksum */
    uint64_t sum;

    buf_init(&body, HISTORY_WRITTEN_MAX);
    (void)buf_append(&body, magic, sizeof(magic));
    spread_put(&body, history->open ? open_end(history) : history->edge_ms);
    spread_put(&body, history->cut_ms);
    for (unsigned i = 0; i < HISTORY_TIERS; i++) {
        const struct history_tier *tier = &history->tiers[i];
        bool open = i == 0 && history->open;

        spread_put(&body, tier->count + open);
        for (size_t j = 0; j < tier->count; j++)
            write_slice(&tier->slices[j], &body);
        if (open)
            write_open(history, &body);
    }
    assert(!body.overflowed);
    (void)buf_add(out, buf_span(&body));
    sum = checksum(buf_span(&body));
    for (unsigned i = 0; i < CHECKSUM_SIZE; i++)
        (void)buf_add_byte(out, (char)(unsigned char)(sum >> (8 * i)));
    buf_done(&body);
}

/* The body between the magic and the checksum; false: it has none of these. */
static bool open_bytes(struct span bytes, struct span *ret)
{
    size_t size = bytes.size;
    uint64_t sum = 0;

    if (size < sizeof(magic) + CHECKSUM_SIZE || memcmp(bytes.at, magic, sizeof(magic)) != 0)
        return false;
    for (unsigned i = 0; i < CHECKSUM_SIZE; i++)
        sum |= (uint64_t)(unsigned char)bytes.at[size - CHECKSUM_SIZE + i] << (8 * i);
    bytes = span_first(bytes, size - CHECKSUM_SIZE);
    *ret = span_skip(bytes, sizeof(magic));
    return checksum(bytes) == sum;
}

/* Times beyond this are none, and would overflow sums with durations. */
#define TIME_MAX (UINT64_C(1) << 48)

static bool read_slice(struct span *rest, struct history_slice *ret)
{
    struct tally scratch = { 0 };
    struct history_slice slice = { 0 };
    uint64_t lasted_ms;
    uint64_t size;
    struct span packed;

    if (!spread_get(rest, &slice.start_ms) || !spread_get(rest, &lasted_ms) ||
        !spread_get(rest, &size))
        return false;
    if (slice.start_ms > TIME_MAX || lasted_ms > HISTORY_SPAN_MS || size > rest->size ||
        size > PACKED_MAX)
        return false;
    packed = span_first(*rest, size);
    if (!tally_unpack(packed, false, &scratch))
        return false;
    *rest = span_skip(*rest, size);
    slice.end_ms = slice.start_ms + lasted_ms;
    slice.size = (uint32_t)size;
    slice.packed = mem_copy(packed.at, size);
    *ret = slice;
    return true;
}

/* A tier whose slices follow each other and end before `*end_ms`, which then is where they begin. */
static bool read_tier(struct span *rest, struct history_tier *tier, uint64_t *end_ms)
{
    uint64_t count;
    uint64_t before_ms = 0;

    if (!spread_get(rest, &count) || count > HISTORY_TIER_SLICES + 2)
        return false;
    for (uint64_t i = 0; i < count; i++) {
        struct history_slice slice;

        if (!read_slice(rest, &slice))
            return false;
        append(tier, slice);
        if (slice.start_ms < before_ms)
            return false;
        before_ms = slice.end_ms;
    }
    if (before_ms > *end_ms)
        return false;
    if (count)
        *end_ms = tier->slices[0].start_ms;
    return true;
}

static bool read_body(struct history *history, struct span body)
{
    uint64_t end_ms;

    if (!spread_get(&body, &history->edge_ms) || !spread_get(&body, &history->cut_ms) ||
        history->edge_ms > TIME_MAX || history->cut_ms > history->edge_ms)
        return false;
    end_ms = history->edge_ms;
    for (unsigned i = 0; i < HISTORY_TIERS; i++)
        if (!read_tier(&body, &history->tiers[i], &end_ms))
            return false;
    return body.size == 0;
}

bool history_read(struct history *history, struct span bytes)
{
    struct span body;

    assert(history->open == NULL && history->edge_ms == 0);
    if (open_bytes(bytes, &body) && read_body(history, body))
        return true;
    history_done(history);
    return false;
}
