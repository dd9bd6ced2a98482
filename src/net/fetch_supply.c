#include "net/fetch_supply.h"

#include "base/limits.h"
#include "base/mem.h"

#include <assert.h>
#include <string.h>

struct fetch_supply *fetch_supply_new(void)
{
    struct fetch_supply *supply = mem_zero(sizeof(*supply));

    buf_init(&supply->bytes, LIMIT_FED_BYTES);
    return supply;
}

void fetch_supply_free(struct fetch_supply *supply)
{
    if (supply)
        buf_done(&supply->bytes);
    mem_free(supply);
}

size_t fetch_supply_room(const struct fetch_supply *supply)
{
    return buf_left(&supply->bytes);
}

void fetch_supply_add(struct fetch_supply *supply, struct span bytes)
{
    bool added = buf_add(&supply->bytes, bytes);

    assert(added && !supply->whole);
}

size_t fetch_supply_take(struct fetch_supply *supply, char *at, size_t room)
{
    struct span part = span_first(buf_span(&supply->bytes), room);

    supply->hungry = part.size == 0 && !supply->whole;
    if (part.size)
        memcpy(at, part.at, part.size);
    buf_consume(&supply->bytes, part.size);
    return part.size;
}

bool fetch_supply_move(struct fetch_supply *supply, struct buf *ret)
{
    bool some = buf_size(&supply->bytes) > 0;

    assert(buf_size(ret) == 0);
    supply->hungry = !some && !supply->whole;
    if (!some)
        return false;
    buf_done(ret);
    *ret = supply->bytes;
    buf_init(&supply->bytes, LIMIT_FED_BYTES);
    return true;
}

bool fetch_supply_spent(const struct fetch_supply *supply)
{
    return supply->whole && buf_size(&supply->bytes) == 0;
}
