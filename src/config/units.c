#include "config/units.h"

#include "base/clock.h"
#include "config/config.h"

#include <string.h>

struct unit {
    const char *name;
    uint64_t size;
};

static const struct unit durations[] = {
    { "h", 3600000 }, { "m", 60000 }, { "s", 1000 }, { "ms", 1 }, { NULL, 0 },
};

static const struct unit sizes[] = {
    { "GiB", 1u << 30 }, { "MiB", 1u << 20 }, { "KiB", 1u << 10 }, { "B", 1 }, { NULL, 0 },
};

bool units_read_bool(struct span text, uint64_t *ret)
{
    if (!span_is(text, "true") && !span_is(text, "false"))
        return false;
    *ret = span_is(text, "true");
    return true;
}

void units_print_bool(uint64_t value, struct buf *out)
{
    (void)buf_add_text(out, value ? "true" : "false");
}

bool units_read_count(struct span text, uint64_t *ret)
{
    return span_u64(text, ret);
}

void units_print_count(uint64_t value, struct buf *out)
{
    (void)buf_add_u64(out, value);
}

static bool read_with_unit(struct span text, const struct unit *units, uint64_t *ret)
{
    struct span digits = text;
    uint64_t value;

    digits.size = 0;
    while (digits.size < text.size && text.at[digits.size] >= '0' &&
           text.at[digits.size] <= '9')
        digits.size++;
    if (!span_u64(digits, &value))
        return false;
    for (; units->name; units++)
        if (span_is(span_skip(text, digits.size), units->name))
            return !__builtin_mul_overflow(value, units->size, ret);
    return false;
}

/* In the largest unit that leaves no rest. */
static void print_with_unit(uint64_t value, const struct unit *units, struct buf *out)
{
    while (value % units->size)
        units++;
    (void)buf_printf(out, "%llu%s", (unsigned long long)(value / units->size), units->name);
}

bool units_read_duration(struct span text, uint64_t *ret)
{
    uint64_t value;

    if (span_is(text, "0")) {
        *ret = 0;
        return true;
    }
    if (!read_with_unit(text, durations, &value))
        return false;
    *ret = value;
    return true;
}

void units_print_duration(uint64_t ms, struct buf *out)
{
    if (ms == 0)
        (void)buf_add_text(out, "0");
    else
        print_with_unit(ms, durations, out);
}

enum { PERCENTILE_LEAST = 50, PERCENTILE_MOST = 99, DELAY_MOST_MS = 600000 };

bool units_read_delay(struct span text, uint64_t *ret)
{
    uint64_t value;

    if (span_starts(text, "p")) {
        if (text.size != 3 || !span_u64(span_skip(text, 1), &value) ||
            value < PERCENTILE_LEAST || value > PERCENTILE_MOST)
            return false;
        *ret = value | CONFIG_PERCENTILE;
        return true;
    }
    if (!units_read_duration(text, &value) || value == 0 || value > DELAY_MOST_MS)
        return false;
    *ret = value;
    return true;
}

void units_print_delay(uint64_t delay, struct buf *out)
{
    if (delay & CONFIG_PERCENTILE)
        (void)buf_printf(out, "p%llu",
                         (unsigned long long)(delay & ~(uint64_t)CONFIG_PERCENTILE));
    else
        units_print_duration(delay, out);
}

bool units_read_size(struct span text, uint64_t *ret)
{
    uint64_t value;

    if (!span_u64(text, &value) && !read_with_unit(text, sizes, &value))
        return false;
    *ret = value;
    return true;
}

void units_print_size(uint64_t bytes, struct buf *out)
{
    if (bytes == 0)
        (void)buf_add_text(out, "0");
    else
        print_with_unit(bytes, sizes, out);
}

enum { MICRO_DIGITS = 6 };

bool units_read_money(struct span text, uint64_t *ret)
{
    struct span decimals = text;
    struct span whole = span_cut(&decimals, '.');
    uint64_t dollars;
    uint64_t micros = 0;

    if (whole.size < text.size && decimals.size == 0)
        return false; /* "8." */
    if (decimals.size > MICRO_DIGITS || !span_u64(whole, &dollars))
        return false;
    if (decimals.size && !span_u64(decimals, &micros))
        return false;
    for (size_t i = decimals.size; i < MICRO_DIGITS; i++)
        micros *= 10;
    if (__builtin_mul_overflow(dollars, UINT64_C(1000000), &dollars) ||
        __builtin_add_overflow(dollars, micros, &dollars))
        return false;
    *ret = dollars;
    return true;
}

void units_print_money(uint64_t micros, struct buf *out)
{
    char decimals[8];
    size_t size = MICRO_DIGITS;
    uint64_t rest = micros % 1000000;

    for (size_t i = MICRO_DIGITS; i-- > 0; rest /= 10)
        decimals[i] = (char)('0' + rest % 10);
    while (size > 2 && decimals[size - 1] == '0')
        size--;
    (void)buf_printf(out, "%llu.%.*s", (unsigned long long)(micros / 1000000), (int)size,
                     decimals);
}

void units_print_share(uint64_t millionths, struct buf *out)
{
    uint64_t rest = millionths % 1000000;
    int digits = MICRO_DIGITS;

    for (; digits > 0 && rest % 10 == 0; rest /= 10)
        digits--;
    (void)buf_printf(out, "%llu", (unsigned long long)(millionths / 1000000));
    if (digits)
        (void)buf_printf(out, ".%0*llu", digits, (unsigned long long)rest);
}

/* ---- dates ---- */

enum { DAY_MS = 86400000 };

static bool leap(uint64_t year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static uint64_t days_in(uint64_t year, uint64_t month)
{
    static const uint8_t days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

    return days[month - 1] + (month == 2 && leap(year) ? 1u : 0u);
}

/* Days from 1970-01-01 to the first of a month. */
static uint64_t days_before(uint64_t year, uint64_t month)
{
    uint64_t days = 0;

    for (uint64_t y = 1970; y < year; y++)
        days += leap(y) ? 366 : 365;
    for (uint64_t m = 1; m < month; m++)
        days += days_in(year, m);
    return days;
}

/* Numbers where `shape` has digits ('0'), its own bytes elsewhere. */
static bool has_shape(struct span text, const char *shape)
{
    if (text.size != strlen(shape))
        return false;
    for (size_t i = 0; i < text.size; i++) {
        bool digit = text.at[i] >= '0' && text.at[i] <= '9';

        if (shape[i] == '0' ? !digit : text.at[i] != shape[i])
            return false;
    }
    return true;
}

static uint64_t number_at(struct span text, size_t at, size_t digits)
{
    uint64_t value = 0;

    for (size_t i = at; i < at + digits; i++)
        value = value * 10 + (uint64_t)(text.at[i] - '0');
    return value;
}

bool units_read_date(struct span text, uint64_t *ret)
{
    bool timed = has_shape(text, "0000-00-00T00:00:00Z");
    uint64_t year;
    uint64_t month;
    uint64_t day;
    uint64_t seconds = 0;

    if (!timed && !has_shape(text, "0000-00-00"))
        return false;
    year = number_at(text, 0, 4);
    month = number_at(text, 5, 2);
    day = number_at(text, 8, 2);
    if (year < 1970 || month < 1 || month > 12 || day < 1 || day > days_in(year, month))
        return false;
    if (timed) {
        uint64_t hour = number_at(text, 11, 2);
        uint64_t minute = number_at(text, 14, 2);
        uint64_t second = number_at(text, 17, 2);

        if (hour > 23 || minute > 59 || second > 59)
            return false;
        seconds = hour * 3600 + minute * 60 + second;
    }
    *ret = (days_before(year, month) + day - 1) * DAY_MS + seconds * 1000;
    return true;
}

void units_print_date(uint64_t wall_ms, struct buf *out)
{
    char text[CLOCK_TEXT_SIZE]; /* 2027-01-01T12:30:00.000Z */

    clock_text(wall_ms, text);
    (void)buf_printf(out, wall_ms % DAY_MS ? "%.19sZ" : "%.10s", text);
}
