/* history: the tallies of the last 24 hours, in little memory.
 *
 *      now                                                                       a day ago
 *       | open | 1 s | 1 s | 1 s ... | 10 s | 10 s ... | 1 min | 1 min ... | 10 min | 10 min ... |
 *              '---- 2 minutes ------'--- 20 minutes --'---- 2 hours ------'---------------------'
 *
 * One slice is open and takes what is added. Those that are over are packed; as they grow old they
 * are merged into longer ones, so each attempt is in exactly one slice, and sums are exact. A window
 * takes every slice that reaches into it: it may be longer than asked for by one slice of that age,
 * a fiftieth or less where it matters (10 minutes: 10 s, 60 minutes: 1 min), but never shorter.
 *
 * history_cut() makes a border that no slice reaches across, until the next cut: windows of a phase
 * begin there.
 *
 * Slices without traffic do not exist. One with traffic takes about 100 bytes and two or three for each
 * bucket of the two spreads that holds anything; at most about 500 slices, and 14 KB for the open one.
 * With 50 attempts a second all day, from 5 ms to a minute long, that is 0.8 MB; a few KB with one a
 * minute. Adding takes some 40 ns, packing included; a sum over an hour of such traffic 0.7 ms, or
 * 40 us when only totals are asked for. Writing all of it takes a millisecond.
 *
 * Time is wall-clock, because this outlives the process. What is added at an earlier time than
 * something before counts as of then; after a clock was set back by more than a minute, the slices of
 * the future are forgotten. */
#ifndef POLICY_HISTORY_H
#define POLICY_HISTORY_H

#include "base/buf.h"
#include "policy/tally.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HISTORY_TIERS = 4, HISTORY_TIER_SLICES = 192 };

enum { HISTORY_WRITTEN_MAX = 32 * 1024 * 1024 }; /* for the buffer that it is written into */

#define HISTORY_SPAN_MS UINT64_C(86400000)

struct history_slice {
    uint64_t start_ms;
    uint64_t end_ms; /* what is in it is before that */
    char *packed;    /* a tally */
    uint32_t size;
};

struct history_tier {
    struct history_slice *slices; /* from old to new */
    size_t count;
    size_t room;
};

/* All zero is an empty one. */
struct history {
    struct tally *open; /* NULL: none is */
    uint64_t open_ms;
    uint64_t edge_ms; /* the next slice begins here or later */
    uint64_t cut_ms;  /* no slice reaches across this */
    struct history_tier tiers[HISTORY_TIERS];
};

void history_init(struct history *history);
void history_done(struct history *history);

void history_add(struct history *history, const struct tally_fact *fact, uint64_t now_ms);

/* What is added from now on can be told from what was before, by history_sum() from here on. */
void history_cut(struct history *history, uint64_t now_ms);

/* Packs what is over and forgets what is too old. Call it now and then, for those that rest. */
void history_tick(struct history *history, uint64_t now_ms);

/* Adds what happened since `from_ms` to a tally: call it for several to have them together.
 * `totals_only`: no percentiles, but several times as quick. */
void history_sum(const struct history *history, uint64_t from_ms, bool totals_only,
                 struct tally *into);

/* When the oldest slice that reaches beyond `from_ms` began; UINT64_MAX: there is none. */
uint64_t history_since(const struct history *history, uint64_t from_ms);

size_t history_bytes(const struct history *history); /* of memory */

/* All of it as bytes, and back. Reading needs an empty history; false: these are not such bytes, and
 * it is still empty. */
void history_write(const struct history *history, struct buf *out);
bool history_read(struct history *history, struct span bytes);

#endif
