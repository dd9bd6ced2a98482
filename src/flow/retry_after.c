#include "flow/retry_after.h"

#include <stdbool.h>
#include <string.h>
#include <time.h>

static uint32_t capped(uint64_t ms)
{
    return ms < RETRY_AFTER_MAX_MS ? (uint32_t)ms : RETRY_AFTER_MAX_MS;
}

/* "2", "2.5": the whole part, and up to three digits of the fraction as thousandths. */
static bool read_decimal(struct span text, uint64_t *ret_whole, uint64_t *ret_thousandths)
{
    struct span fraction = text;
    struct span whole = span_cut(&fraction, '.');
    uint64_t unit = 100;

    if (!span_u64(whole, ret_whole))
        return false;
    *ret_thousandths = 0;
    for (size_t i = 0; i < fraction.size; i++, unit /= 10) {
        if (fraction.at[i] < '0' || fraction.at[i] > '9')
            return false;
        *ret_thousandths += unit * (uint64_t)(fraction.at[i] - '0');
    }
    return true;
}

static uint32_t read_date(struct span text, uint64_t now_wall_ms)
{
    char copy[64];
    struct tm date = { 0 };
    int64_t at_ms;

    if (text.size >= sizeof(copy) || text.size == 0)
        return 0;
    memcpy(copy, text.at, text.size);
    copy[text.size] = 0;
    if (strptime(copy, "%a, %d %b %Y %H:%M:%S GMT", &date) == NULL)
        return 0;
    at_ms = (int64_t)timegm(&date) * 1000;
    return at_ms > (int64_t)now_wall_ms ? capped((uint64_t)at_ms - now_wall_ms) : 0;
}

uint32_t retry_after_read(struct span retry_after_ms, struct span retry_after,
                          uint64_t now_wall_ms)
{
    uint64_t whole;
    uint64_t thousandths;

    if (read_decimal(span_trim(retry_after_ms), &whole, &thousandths))
        return capped(whole);
    if (read_decimal(span_trim(retry_after), &whole, &thousandths))
        return whole < RETRY_AFTER_MAX_MS / 1000 ? (uint32_t)(whole * 1000 + thousandths)
                                                 : RETRY_AFTER_MAX_MS;
    return read_date(span_trim(retry_after), now_wall_ms);
}
