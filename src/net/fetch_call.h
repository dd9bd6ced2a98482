/* fetch_call: what a call is to fetch.c, whichever engine makes it. Internal to net/.
 *
 *     fetch.h --> fetch.c --> struct fetch <-- facts -- fetch_direct.c, fetch_transfer.c
 *                    |                                       ^
 *                    +------- struct fetch_engine -----------+
 */
#ifndef NET_FETCH_CALL_H
#define NET_FETCH_CALL_H

#include "base/buf.h"
#include "net/fetch.h"
#include "net/fetch_head.h"
#include "net/fetch_supply.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What an engine does when the owner asks. */
struct fetch_engine {
    /* There is room in the inbox again, or more of it than before. */
    void (*resume)(struct fetch *fetch);

    /* More of a body that is fed is there, or its end. */
    void (*fed)(struct fetch *fetch);

    /* Nobody will read the request's body any more. */
    bool (*is_sent)(const struct fetch *fetch);

    /* Takes the fetch. */
    void (*close)(struct fetch *fetch);
};

/* The engine embeds it by value, and writes the facts. */
struct fetch {
    uint32_t magic;
    const struct fetch_engine *engine;
    struct task *task; /* NULL: kept for another call */
    enum fetch_phase phase;
    enum fetch_failure failure;
    bool reused; /* went over a kept connection */
    struct fetch_head head;
    struct buf inbox;
    size_t pause_at; /* bytes in the inbox; beyond them nothing is read */
    uint64_t received;
    uint64_t connected_us;
    uint64_t first_byte_us;
    struct fetch_supply *supply; /* of a body that is fed; NULL: it was given whole */
};

void fetch_call_init(struct fetch *fetch, const struct fetch_engine *engine);
void fetch_call_done(struct fetch *fetch);

/* Forgets the call, but keeps some memory for the next. */
void fetch_call_reset(struct fetch *fetch);

/* Asserts the magic: for what comes back out of a void *. */
struct fetch *fetch_call_from(void *opaque);

/* Something has changed: the owner should look. */
void fetch_call_wake(struct fetch *fetch);

/* Done or failed. */
bool fetch_call_is_over(const struct fetch *fetch);

/* How many bytes the inbox would take now. */
size_t fetch_call_room(const struct fetch *fetch);

#endif
