#include "net/share.h"

#include "base/limits.h"

/* What is not used in a turn is not saved for a later one. */
void share_turn(struct share *share)
{
    if (share->limit > share->last)
        share->limit = share->last;
    share->limit += LIMIT_PIECES_PER_TURN;
}

bool share_take(struct share *share, uint64_t *ticket)
{
    if (*ticket == 0)
        *ticket = ++share->last;
    if (*ticket > share->limit)
        return false;
    *ticket = 0;
    return true;
}
