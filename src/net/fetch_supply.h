/* fetch_supply: a request's body that is fed while it goes up: what the owner has given and the
 * connection has not taken yet. For the engines behind fetch.h. */
#ifndef NET_FETCH_SUPPLY_H
#define NET_FETCH_SUPPLY_H

#include "base/buf.h"

#include <stdbool.h>

struct fetch_supply {
    struct buf bytes;
    bool whole;  /* nothing comes any more */
    bool hungry; /* the connection found nothing and was told to wait */
};

struct fetch_supply *fetch_supply_new(void);
void fetch_supply_free(struct fetch_supply *supply);

/* At most LIMIT_FED_BYTES wait. */
size_t fetch_supply_room(const struct fetch_supply *supply);
void fetch_supply_add(struct fetch_supply *supply, struct span bytes);

/* Takes up to `room` bytes to `at`; returns how many. 0 is the end, or, with `hungry`, not yet. */
size_t fetch_supply_take(struct fetch_supply *supply, char *at, size_t room);

/* Takes all that there is, without a copy, into `ret`, which is empty. As above: false is the end, or,
 * with `hungry`, not yet. */
bool fetch_supply_move(struct fetch_supply *supply, struct buf *ret);

/* Has all of it been taken? An answer may come before. */
bool fetch_supply_spent(const struct fetch_supply *supply);

#endif
