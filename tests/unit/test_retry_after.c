/* flow/retry_after: every form of fault 35. */
#include "flow/retry_after.h"

/* cmocka wants these first */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { NOW_S = 1792533600 }; /* Tue, 20 Oct 2026 22:00:00 GMT */

static uint32_t read_both(const char *ms, const char *plain)
{
    return retry_after_read(span_from(ms), span_from(plain), (uint64_t)NOW_S * 1000);
}

static uint32_t read_plain(const char *plain)
{
    return read_both(NULL, plain);
}

static void test_seconds_are_read_also_with_a_fraction(void **state)
{
    (void)state;
    assert_int_equal(read_plain("2"), 2000);
    assert_int_equal(read_plain(" 2 "), 2000);
    assert_int_equal(read_plain("2.5"), 2500);
    assert_int_equal(read_plain("0.001"), 1);
    assert_int_equal(read_plain("1.23456"), 1234);
    assert_int_equal(read_plain("0"), 0);
}

static void test_a_date_is_read(void **state)
{
    (void)state;
    assert_int_equal(read_plain("Tue, 20 Oct 2026 22:00:30 GMT"), 30000);
    assert_int_equal(read_plain("Tue, 20 Oct 2026 22:00:00 GMT"), 0);
    assert_int_equal(read_plain("Tue, 20 Oct 2026 21:59:59 GMT"), 0);
    assert_int_equal(read_plain("Thu, 01 Jan 1970 00:00:00 GMT"), 0);
    assert_int_equal(read_plain("Wed, 20 Oct 2027 22:00:00 GMT"), RETRY_AFTER_MAX_MS);
}

static void test_milliseconds_win(void **state)
{
    (void)state;
    assert_int_equal(read_both("1500", "30"), 1500);
    assert_int_equal(read_both("1500.75", "30"), 1500); /* some servers write a fraction */
    assert_int_equal(read_both("soon", "30"), 30000);
    assert_int_equal(read_both("0", "30"), 0);
}

static void test_nonsense_is_nothing(void **state)
{
    static const char *const texts[] = { "",     "-5",  "soon",
                                         "1e3",  ".5",  "2,5",
                                         "0x10", "1 2", "Tue, 99 Foo 2026 22:00:30 GMT" };

    (void)state;
    assert_int_equal(read_plain(NULL), 0);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_int_equal(read_plain(texts[i]), 0);
}

static void test_nobody_waits_longer_than_the_maximum(void **state)
{
    (void)state;
    assert_int_equal(read_plain("600"), RETRY_AFTER_MAX_MS);
    assert_int_equal(read_plain("601"), RETRY_AFTER_MAX_MS);
    assert_int_equal(read_plain("600.9"), RETRY_AFTER_MAX_MS);
    assert_int_equal(read_plain("100000000000"), RETRY_AFTER_MAX_MS);
    assert_int_equal(read_plain("18446744073709551615"), RETRY_AFTER_MAX_MS);
    assert_int_equal(read_both("18446744073709551615", NULL), RETRY_AFTER_MAX_MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_seconds_are_read_also_with_a_fraction),
        cmocka_unit_test(test_a_date_is_read),
        cmocka_unit_test(test_milliseconds_win),
        cmocka_unit_test(test_nonsense_is_nothing),
        cmocka_unit_test(test_nobody_waits_longer_than_the_maximum),
    };

    return cmocka_run_group_tests_name("retry_after", tests, NULL, NULL);
}
