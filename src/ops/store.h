/* store: what has to survive kill -9, in one SQLite file: changes, rollouts, windows, events.
 *
 *     store_put, store_drop --> batch being collected --worker--> one transaction, synced --> task woken
 *
 * Facts by kind and name, each a stretch of bytes. Nothing blocks the loop: writes are collected while the
 * last batch is being written, so a burst costs one sync. Whoever must not answer before its fact is on
 * the disk takes a mark and waits until the store says that it is durable.
 *
 * The file belongs to one process: a second one is refused at start. One that SQLite cannot read is put
 * aside, and a new one begun: a gateway without its memory is better than none. */
#ifndef OPS_STORE_H
#define OPS_STORE_H

#include "base/list.h"
#include "base/span.h"
#include "net/loop.h"

#include <stdbool.h>
#include <stdint.h>

struct store;

enum store_kind {
    STORE_CHANGE,
    STORE_ROLLOUT,
    STORE_WINDOWS,
    STORE_EVENT,
    STORE_WEBHOOK,
    STORE_KINDS
};

/* Opens `folder`/sluice.db, making both where they are missing. NULL: ret_error (256 bytes) says why.
 * ret_note (256 bytes) gets a sentence when an unreadable file was put aside, else nothing. */
struct store *store_open(struct loop *loop, const char *folder, char *ret_error,
                         char *ret_note);

/* Writes what is left, waits for it, closes the file. */
void store_close(struct store *store);

/* ---- reading: once, before anything is put ---- */

typedef void (*store_fact_fn)(void *context, struct span name, struct span value);

/* Calls `each` for every fact of that kind, in the order of their names. Blocks. */
void store_load(struct store *store, enum store_kind kind, store_fact_fn each, void *context);

/* ---- writing ---- */

/* Both copy what they are given. */
void store_put(struct store *store, enum store_kind kind, struct span name, struct span value);
void store_drop(struct store *store, enum store_kind kind, struct span name);

/* ---- when is it on the disk? ---- */

enum store_fate { STORE_PENDING, STORE_DURABLE, STORE_FAILED };

/* Everything put so far. */
uint64_t store_mark(const struct store *store);

/* Ask as soon as woken: of the failures only the last is remembered. */
enum store_fate store_fate(const struct store *store, uint64_t mark);

/* Embed, zeroed. */
struct store_wait {
    struct list link;
    struct task *task;
};

/* Wakes the task once, when the next batch has been written or could not be. */
void store_wait(struct store *store, struct store_wait *wait);
void store_wait_no_more(struct store_wait *wait);

/* What went wrong last; "" : nothing has. */
const char *store_problem(const struct store *store);

#endif
