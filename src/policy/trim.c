#include "policy/trim.h"

static void note_least(struct trim *trim, uint64_t resident)
{
    if (resident && (trim->least == 0 || resident < trim->least))
        trim->least = resident;
}

bool trim_is_due(struct trim *trim, uint64_t resident, uint64_t exchanges, uint64_t now_ms)
{
    note_least(trim, resident);
    if (resident < trim->least + TRIM_SLACK_BYTES + exchanges * TRIM_EXCHANGE_BYTES) {
        trim->since_ms = 0;
        return false;
    }
    if (trim->since_ms == 0)
        trim->since_ms = now_ms;
    return now_ms - trim->since_ms >= TRIM_CALM_MS && now_ms >= trim->next_ms;
}

void trim_learn(struct trim *trim, uint64_t before, uint64_t resident, uint64_t now_ms)
{
    note_least(trim, resident);
    if (trim->rest_ms == 0 || resident + TRIM_SLACK_BYTES <= before)
        trim->rest_ms = TRIM_REST_MS;
    else if (trim->rest_ms < TRIM_REST_MOST_MS)
        trim->rest_ms *= 2;
    if (trim->rest_ms > TRIM_REST_MOST_MS)
        trim->rest_ms = TRIM_REST_MOST_MS;
    trim->since_ms = 0;
    trim->next_ms = now_ms + trim->rest_ms;
}
