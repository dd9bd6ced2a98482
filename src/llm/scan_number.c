#include "llm/scan_parts.h"

#include "base/limits.h"
#include "base/span.h"

static bool skip_one_of(const char **at, const char *end, char a, char b)
{
    if (*at == end || (**at != a && **at != b))
        return false;
    ++*at;
    return true;
}

static struct span skip_digits(const char **at, const char *end)
{
    const char *start = *at;

    while (*at < end && **at >= '0' && **at <= '9')
        ++*at;
    return span_make(start, (size_t)(*at - start));
}

/* The exponent behind an `e`; saturates, because its only use is to see how big the number is. */
static bool skip_exponent(const char **at, const char *end, long *ret)
{
    bool negative = *at < end && **at == '-';
    struct span digits;
    long value = 0;

    (void)skip_one_of(at, end, '-', '+');
    digits = skip_digits(at, end);
    if (digits.size == 0)
        return false;
    for (size_t i = 0; i < digits.size && value < 100000; i++)
        value = value * 10 + (digits.at[i] - '0');
    *ret = negative ? -value : value;
    return true;
}

/* The digits of a number, as if there were no point. */
struct digits {
    struct span whole;
    struct span fraction;
};

static char digit_at(const struct digits *digits, size_t at)
{
    if (at < digits->whole.size)
        return digits->whole.at[at];
    at -= digits->whole.size;
    if (at >= digits->fraction.size)
        return '0';
    return digits->fraction.at[at];
}

/* Position of the first digit that is not 0; false when there is none. */
static bool find_leading(const struct digits *digits, size_t *ret)
{
    for (size_t at = 0; at < digits->whole.size + digits->fraction.size; at++)
        if (digit_at(digits, at) != '0') {
            *ret = at;
            return true;
        }
    return false;
}

/* 2^1024 - 2^970, from which on a number is nearer to 2^1024 than to the largest double. */
static const char too_big[] =
    "17976931348623158079372897140530341507993413271003782693617377898044496829276475"
    "09466490179775872070963302864166928879109465555478519404026306574886715058206819"
    "08902000708383676273854845817711531764475730270069855571366959622842914819860834"
    "936475292719074168444365510704342711559699508093042880177904174497792";

/* For the few numbers of 309 digits, the leading one at `leading`. */
static bool is_infinite(const struct digits *digits, size_t leading)
{
    for (size_t i = 0; too_big[i]; i++) {
        char digit = digit_at(digits, leading + i);

        if (digit != too_big[i])
            return digit > too_big[i];
    }
    return true;
}

/* Would a double overflow? Told from the place of the leading digit, nearly always. */
static bool overflows(const struct digits *digits, long exponent)
{
    size_t leading;
    long power;

    if (exponent == 0 && digits->whole.size < 300)
        return false; /* nearly every number */
    if (!find_leading(digits, &leading))
        return false;
    power = (long)digits->whole.size - 1 - (long)leading + exponent;
    return power > 308 || (power == 308 && is_infinite(digits, leading));
}

enum err scan_skip_number(const char **at, const char *end)
{
    const char *start = *at;
    struct digits digits = { 0 };
    long exponent = 0;

    (void)skip_one_of(at, end, '-', '-');
    digits.whole = skip_digits(at, end);
    if (digits.whole.size == 0 || (digits.whole.size > 1 && digits.whole.at[0] == '0'))
        return ERR_SYNTAX;
    if (skip_one_of(at, end, '.', '.')) {
        digits.fraction = skip_digits(at, end);
        if (digits.fraction.size == 0)
            return ERR_SYNTAX;
    }
    if (skip_one_of(at, end, 'e', 'E') && !skip_exponent(at, end, &exponent))
        return ERR_SYNTAX;
    if (*at - start > LIMIT_JSON_NUMBER_BYTES || overflows(&digits, exponent))
        return ERR_TOO_BIG;
    return ERR_OK;
}
