/* base/digits: numbers as decimal text, as printf writes them. */
#include "base/digits.h"

/* cmocka wants these first */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void is_as_printed(uint64_t value)
{
    char ours[DIGITS_MAX + 1] = { 0 };
    char theirs[DIGITS_MAX + 1];
    char *end = digits_put(ours, value);

    (void)snprintf(theirs, sizeof(theirs), "%" PRIu64, value);
    assert_string_equal(ours, theirs);
    assert_ptr_equal(end, ours + strlen(theirs));
}

static void test_every_length_is_written_as_printf_does(void **state)
{
    uint64_t power = 1;

    (void)state;
    for (uint64_t value = 0; value < 100000; value++)
        is_as_printed(value);
    for (int i = 0; i < 20; i++, power *= 10) {
        is_as_printed(power - 1);
        is_as_printed(power);
        is_as_printed(power + 1);
        is_as_printed(UINT64_MAX / power);
    }
}

/* What printf writes of both parts, without the zeros at the end. */
static void is_decimal(uint64_t value, unsigned decimals)
{
    char ours[DIGITS_DECIMAL_MAX + 1] = { 0 };
    char theirs[64];
    uint64_t unit = 1;
    int size;

    for (unsigned i = 0; i < decimals; i++)
        unit *= 10;
    size = snprintf(theirs, sizeof(theirs), "%" PRIu64 ".%0*" PRIu64, value / unit,
                    (int)decimals, value % unit);
    while (theirs[size - 1] == '0')
        size--;
    theirs[theirs[size - 1] == '.' ? size - 1 : size] = 0;
    assert_ptr_equal(digits_put_decimal(ours, value, decimals), ours + strlen(theirs));
    assert_string_equal(ours, theirs);
}

static void test_decimals_are_exact_and_end_with_no_zero(void **state)
{
    static const uint64_t values[] = {
        0, 1, 9, 10, 99, 100, 101, 12300, 278000000, 1000000007
    };

    (void)state;
    for (unsigned decimals = 0; decimals <= DIGITS_DECIMALS; decimals++) {
        for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
            is_decimal(values[i], decimals);
        for (uint64_t value = UINT64_MAX; value; value /= 7)
            is_decimal(value, decimals);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_length_is_written_as_printf_does),
        cmocka_unit_test(test_decimals_are_exact_and_end_with_no_zero),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
