#include "policy/spread.h"

/* A number of buckets that were skipped and a count, for each. */
enum { PACKED_MAX = SPREAD_BUCKETS * 16 };

static uint32_t bucket_of(uint64_t us)
{
    uint32_t value = us > UINT32_MAX ? UINT32_MAX : (uint32_t)us;
    uint32_t shift;

    if (value < SPREAD_CUTS)
        return value;
    shift = 31u - (uint32_t)__builtin_clz(value) - SPREAD_BITS;
    return (shift + 1) * SPREAD_CUTS + (value >> shift) - SPREAD_CUTS;
}

static uint64_t bucket_middle(uint32_t bucket)
{
    uint32_t shift;

    if (bucket < SPREAD_CUTS)
        return bucket;
    shift = bucket / SPREAD_CUTS - 1;
    return ((uint64_t)(bucket % SPREAD_CUTS + SPREAD_CUTS) << shift) +
           ((UINT64_C(1) << shift) >> 1);
}

static void add_totals(struct spread_totals *all, const struct spread_totals *more)
{
    if (all->count == 0 || more->least < all->least)
        all->least = more->least;
    if (all->count == 0 || more->most > all->most)
        all->most = more->most;
    all->sum += more->sum;
    all->count += more->count;
}

void spread_add(struct spread *spread, uint64_t us)
{
    add_totals(&spread->all, &(struct spread_totals){ 1, us, us, us });
    spread->buckets[bucket_of(us)]++;
}

void spread_merge(struct spread *into, const struct spread *from)
{
    if (from->all.count == 0)
        return;
    add_totals(&into->all, &from->all);
    for (uint32_t i = 0; i < SPREAD_BUCKETS; i++)
        into->buckets[i] += from->buckets[i];
}

uint64_t spread_mean(const struct spread *spread)
{
    return spread->all.count ? spread->all.sum / spread->all.count : 0;
}

uint64_t spread_at(const struct spread *spread, uint32_t per_mille)
{
    uint64_t rank = (spread->all.count * per_mille + 999) / 1000;
    uint64_t seen = 0;

    if (spread->all.count == 0)
        return 0;
    if (rank <= 1)
        return spread->all.least;
    for (uint32_t i = 0; i < SPREAD_BUCKETS && rank < spread->all.count; i++) {
        uint64_t middle = bucket_middle(i);

        seen += spread->buckets[i];
        if (seen < rank)
            continue;
        middle = middle < spread->all.least ? spread->all.least : middle;
        return middle > spread->all.most ? spread->all.most : middle;
    }
    return spread->all.most;
}

/* ---- numbers in few bytes ---- */

void spread_put(struct buf *out, uint64_t number)
{
    for (; number >= 0x80; number >>= 7)
        (void)buf_add_byte(out, (char)(unsigned char)(number | 0x80));
    (void)buf_add_byte(out, (char)(unsigned char)number);
}

static bool get_long(struct span *rest, uint64_t *ret)
{
    uint64_t number = 0;

    for (size_t i = 0; i < rest->size && i < 10; i++) {
        uint64_t byte = (unsigned char)rest->at[i];

        if (i == 9 && byte > 1)
            return false; /* more than 64 bits */
        number |= (byte & 0x7f) << (7 * i);
        if (byte & 0x80)
            continue;
        if (byte == 0 && i)
            return false; /* longer than it needs to be */
        *rest = span_skip(*rest, i + 1);
        *ret = number;
        return true;
    }
    return false;
}

/* Nearly all of them take one byte, and a sum of a day reads a hundred thousand. */
bool spread_get(struct span *rest, uint64_t *ret)
{
    if (rest->size == 0 || (unsigned char)rest->at[0] >= 0x80)
        return get_long(rest, ret);
    *ret = (unsigned char)rest->at[0];
    rest->at++;
    rest->size--;
    return true;
}

/* ---- packed ----
 *
 *     count  sum  least  most  bytes of buckets  (buckets skipped  count)...
 *     0 */

static void pack_buckets(const struct spread *spread, struct buf *out)
{
    uint32_t next = 0;

    for (uint32_t i = 0; i < SPREAD_BUCKETS; i++) {
        if (spread->buckets[i] == 0)
            continue;
        spread_put(out, i - next);
        spread_put(out, spread->buckets[i]);
        next = i + 1;
    }
}

void spread_pack(const struct spread *spread, struct buf *out)
{
    struct buf buckets;

    spread_put(out, spread->all.count);
    if (spread->all.count == 0)
        return;
    spread_put(out, spread->all.sum);
    spread_put(out, spread->all.least);
    spread_put(out, spread->all.most);
    buf_init(&buckets, PACKED_MAX);
    pack_buckets(spread, &buckets);
    spread_put(out, buf_size(&buckets));
    (void)buf_add(out, buf_span(&buckets));
    buf_done(&buckets);
}

/* Whether they can be those of any values. */
static bool are_totals(const struct spread_totals *all)
{
    return all->count <= UINT32_MAX && all->least <= all->most &&
           all->most <= UINT64_MAX / all->count && all->sum >= all->least * all->count &&
           all->sum <= all->most * all->count;
}

/* Adds the buckets, and checks that they are those of these totals. */
static bool unpack_buckets(struct span packed, const struct spread_totals *all,
                           uint32_t *buckets)
{
    uint64_t seen = 0;
    uint64_t next = 0; /* one behind the last bucket */

    while (packed.size) {
        uint64_t skipped;
        uint64_t count;

        if (!spread_get(&packed, &skipped) || !spread_get(&packed, &count))
            return false;
        if (skipped >= SPREAD_BUCKETS - next || count == 0 || count > all->count - seen)
            return false;
        next += skipped;
        if (seen == 0 && next != bucket_of(all->least))
            return false;
        buckets[next++] += (uint32_t)count;
        seen += count;
    }
    return seen == all->count && next == bucket_of(all->most) + UINT64_C(1);
}

bool spread_unpack(struct span *rest, bool totals_only, struct spread *into)
{
    struct spread_totals all = { 0 };
    struct span packed;
    uint64_t size;

    if (!spread_get(rest, &all.count))
        return false;
    if (all.count == 0)
        return true;
    if (!spread_get(rest, &all.sum) || !spread_get(rest, &all.least) ||
        !spread_get(rest, &all.most) || !spread_get(rest, &size))
        return false;
    if (size > rest->size || !are_totals(&all))
        return false;
    packed = span_first(*rest, size);
    *rest = span_skip(*rest, size);
    if (!totals_only && !unpack_buckets(packed, &all, into->buckets))
        return false;
    add_totals(&into->all, &all);
    return true;
}
