#include "flow/retry_after.h"

#include "llm/retry_info.h"

#include <string.h>
#include <time.h>

enum { DURATION_BYTES_MAX = 64, DURATION_NUMBER_MAX = 100000000 };

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

/* "37s", "6m0s", "1h2m3.5s", "12ms". False: not so. */
static bool read_duration(struct span text, uint64_t *ret_ms)
{
    static const struct {
        const char *unit;
        uint64_t us;
    } units[] = { { "ms", 1000 },       { "us", 1 },        { "\xc2\xb5s", 1 },
                  { "h", 3600000000u }, { "m", 60000000u }, { "s", 1000000u } };

    uint64_t us = 0;

    if (text.size == 0 || text.size > DURATION_BYTES_MAX)
        return false;
    while (text.size) {
        struct span number = { text.at, 0 };
        uint64_t thousandths;
        uint64_t whole;
        size_t i = 0;

        while (number.size < text.size &&
               ((text.at[number.size] >= '0' && text.at[number.size] <= '9') ||
                text.at[number.size] == '.'))
            number.size++;
        text = span_skip(text, number.size);
        while (i < sizeof(units) / sizeof(units[0]) && !span_starts(text, units[i].unit))
            i++;
        if (i == sizeof(units) / sizeof(units[0]) ||
            !read_decimal(number, &whole, &thousandths) || whole > DURATION_NUMBER_MAX)
            return false;
        us += whole * units[i].us + thousandths * units[i].us / 1000;
        text = span_skip(text, strlen(units[i].unit));
    }
    *ret_ms = (us + 999) / 1000;
    return true;
}

/* "2026-10-20T22:00:00Z", also with a fraction or an offset. */
static uint32_t read_timestamp(struct span text, uint64_t now_wall_ms)
{
    char copy[64];
    struct tm date = { 0 };
    const char *rest;
    int64_t at_ms;

    if (text.size >= sizeof(copy) || text.size == 0)
        return 0;
    memcpy(copy, text.at, text.size);
    copy[text.size] = 0;
    rest = strptime(copy, "%Y-%m-%dT%H:%M:%S", &date);
    if (rest == NULL)
        return 0;
    at_ms = (int64_t)timegm(&date) * 1000;
    if (*rest == '.')
        rest += 1 + strspn(rest + 1, "0123456789");
    rest = strptime(rest, "%z", &date);
    if (rest == NULL || *rest)
        return 0;
    at_ms -= (int64_t)date.tm_gmtoff * 1000;
    return at_ms > (int64_t)now_wall_ms ? capped((uint64_t)at_ms - now_wall_ms) : 0;
}

/* ---- limits that say when they begin anew ---- */

static const struct {
    const char *remaining;
    const char *reset;
    bool timestamp; /* else a duration */
} limits[] = {
    { "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests", false },
    { "x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens", false },
    { "anthropic-ratelimit-requests-remaining", "anthropic-ratelimit-requests-reset", true },
    { "anthropic-ratelimit-tokens-remaining", "anthropic-ratelimit-tokens-reset", true },
    { "anthropic-ratelimit-input-tokens-remaining", "anthropic-ratelimit-input-tokens-reset",
      true },
    { "anthropic-ratelimit-output-tokens-remaining", "anthropic-ratelimit-output-tokens-reset",
      true },
};

static uint32_t longest_reset(const struct retry_after_answer *answer, uint64_t now_wall_ms)
{
    uint32_t longest = 0;

    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        struct span reset = span_trim(answer->header(answer->headers, limits[i].reset));
        uint64_t left = 1;
        uint64_t ms = 0;

        if (!span_u64(span_trim(answer->header(answer->headers, limits[i].remaining)), &left) ||
            left)
            continue;
        if (limits[i].timestamp)
            ms = read_timestamp(reset, now_wall_ms);
        else if (!read_duration(reset, &ms))
            continue;
        longest = capped(ms) > longest ? capped(ms) : longest;
    }
    return longest;
}

uint32_t retry_after_read(const struct retry_after_answer *answer, uint64_t now_wall_ms)
{
    struct span ms = span_trim(answer->header(answer->headers, "retry-after-ms"));
    struct span plain = span_trim(answer->header(answer->headers, "retry-after"));
    uint64_t whole;
    uint64_t thousandths;
    uint32_t wait_ms;

    if (read_decimal(ms, &whole, &thousandths))
        return capped(whole);
    if (read_decimal(plain, &whole, &thousandths))
        return whole < RETRY_AFTER_MAX_MS / 1000 ? (uint32_t)(whole * 1000 + thousandths)
                                                 : RETRY_AFTER_MAX_MS;
    wait_ms = read_date(plain, now_wall_ms);
    if (wait_ms || !answer->limited)
        return wait_ms;
    wait_ms = longest_reset(answer, now_wall_ms);
    if (wait_ms == 0 && read_duration(retry_info_delay(answer->body), &whole))
        wait_ms = capped(whole);
    return wait_ms;
}
