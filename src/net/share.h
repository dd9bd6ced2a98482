/* share: how many large pieces are moved in one turn of the loop, and whose they are.
 *
 * A body of 32 MB goes through in pieces, and each takes some tens of microseconds. Sixteen such bodies
 * would make a turn of a millisecond, in which whoever sends or awaits a few bytes waits. So those that
 * move much have LIMIT_PIECES_PER_TURN together, and take turns:
 *
 *     tickets:   1 2 | 3 4 5 6 ...
 *          limit ^ may move | wait: two of them more in each turn
 *
 * Plain data; all zero is a valid start. Internal to net/; loop.h has the one that all share. */
#ifndef NET_SHARE_H
#define NET_SHARE_H

#include <stdbool.h>
#include <stdint.h>

struct share {
    uint64_t last;  /* ticket that was given */
    uint64_t limit; /* up to this one they may move */
};

/* Another turn begins. */
void share_turn(struct share *share);

/* May another piece be moved now? Else the ticket is kept, for asking again in the next turn. */
bool share_take(struct share *share, uint64_t *ticket);

#endif
