#include "base/digits.h"

#include <assert.h>
#include <string.h>

static const uint64_t powers[] = {
    UINT64_C(1),
    UINT64_C(10),
    UINT64_C(100),
    UINT64_C(1000),
    UINT64_C(10000),
    UINT64_C(100000),
    UINT64_C(1000000),
    UINT64_C(10000000),
    UINT64_C(100000000),
    UINT64_C(1000000000),
    UINT64_C(10000000000),
    UINT64_C(100000000000),
    UINT64_C(1000000000000),
    UINT64_C(10000000000000),
    UINT64_C(100000000000000),
    UINT64_C(1000000000000000),
    UINT64_C(10000000000000000),
    UINT64_C(100000000000000000),
    UINT64_C(1000000000000000000),
    UINT64_C(10000000000000000000),
};

static const char pairs[] = "00010203040506070809101112131415161718192021222324"
                            "25262728293031323334353637383940414243444546474849"
                            "50515253545556575859606162636465666768697071727374"
                            "75767778798081828384858687888990919293949596979899";

/* How many digits a number has: 1233/4096 is a little more than a bit is of a digit. */
static unsigned count_digits(uint64_t value)
{
    unsigned bits = 64u - (unsigned)__builtin_clzll(value | 1);
    unsigned whole = bits * 1233 >> 12;

    return whole + ((value | 1) >= powers[whole]);
}

/* The last `count` digits of a number, before `end`. */
static void put_last(char *end, uint64_t value, unsigned count)
{
    for (; count >= 2; count -= 2, value /= 100)
        memcpy(end -= 2, pairs + 2 * (value % 100), 2);
    if (count)
        end[-1] = (char)('0' + value % 10);
}

char *digits_put(char *at, uint64_t value)
{
    unsigned count;

    if (value < 10) { /* as many figures are */
        *at = (char)('0' + value);
        return at + 1;
    }
    count = count_digits(value);
    put_last(at + count, value, count);
    return at + count;
}

char *digits_put_decimal(char *at, uint64_t value, unsigned decimals)
{
    uint64_t rest;

    assert(decimals <= DIGITS_DECIMALS);
    at = digits_put(at, value / powers[decimals]);
    rest = value % powers[decimals];
    if (rest == 0)
        return at;
    for (; rest % 10 == 0; rest /= 10)
        decimals--;
    *at++ = '.';
    put_last(at + decimals, rest, decimals);
    return at + decimals;
}
