#include "policy/trim.h"

static uint64_t apart_of(uint64_t resident, uint64_t used)
{
    return resident > used ? resident - used : 0;
}

bool trim_is_due(struct trim *trim, uint64_t resident, uint64_t used, uint64_t now_ms)
{
    uint64_t apart = apart_of(resident, used);

    if (resident == 0)
        return false;
    if (!trim->known || apart < trim->apart)
        trim->apart = apart;
    trim->known = true;
    if (apart < trim->apart + TRIM_LEAST_BYTES + used / 8) {
        trim->since_ms = 0;
        return false;
    }
    if (trim->since_ms == 0)
        trim->since_ms = now_ms;
    return now_ms - trim->since_ms >= TRIM_CALM_MS && now_ms >= trim->next_ms;
}

void trim_learn(struct trim *trim, uint64_t resident, uint64_t used, uint64_t now_ms)
{
    trim->apart = apart_of(resident, used);
    trim->known = true;
    trim->since_ms = 0;
    trim->next_ms = now_ms + TRIM_REST_MS;
}
