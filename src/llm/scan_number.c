#include "llm/scan_parts.h"

#include "base/limits.h"
#include "base/span.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

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

/* Power of ten of the first digit that is not 0; false when there is none. */
static bool leading_power(struct span whole, struct span fraction, long *ret)
{
    if (whole.at[0] != '0') {
        *ret = (long)whole.size - 1;
        return true;
    }
    for (size_t i = 0; i < fraction.size; i++)
        if (fraction.at[i] != '0') {
            *ret = -(long)i - 1;
            return true;
        }
    return false;
}

/* For the few numbers of 309 digits, which may be just below the largest double or beyond it. */
static bool is_infinite(struct span number)
{
    char text[LIMIT_JSON_NUMBER_BYTES + 1];

    memcpy(text, number.at, number.size);
    text[number.size] = 0;
    return isinf(strtod(text, NULL));
}

enum err scan_skip_number(const char **at, const char *end)
{
    const char *start = *at;
    struct span whole;
    struct span fraction = { 0 };
    struct span number;
    long exponent = 0;
    long power;

    (void)skip_one_of(at, end, '-', '-');
    whole = skip_digits(at, end);
    if (whole.size == 0 || (whole.size > 1 && whole.at[0] == '0'))
        return ERR_SYNTAX;
    if (skip_one_of(at, end, '.', '.')) {
        fraction = skip_digits(at, end);
        if (fraction.size == 0)
            return ERR_SYNTAX;
    }
    if (skip_one_of(at, end, 'e', 'E') && !skip_exponent(at, end, &exponent))
        return ERR_SYNTAX;
    number = span_make(start, (size_t)(*at - start));
    if (number.size > LIMIT_JSON_NUMBER_BYTES)
        return ERR_TOO_BIG;
    if (!leading_power(whole, fraction, &power) || power + exponent < 308)
        return ERR_OK;
    if (power + exponent > 308 || is_infinite(number))
        return ERR_TOO_BIG;
    return ERR_OK;
}
