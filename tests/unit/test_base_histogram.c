/* base/histogram.h: what of a value is kept. */
#include "base/histogram.h"

/* cmocka wants these first */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_every_rank_is_within_a_32nd_of_the_value_that_has_it(void **state)
{
    static struct histogram h;

    (void)state;
    for (uint64_t i = 1; i <= 1000; i++)
        histogram_record(&h, i * i * 1000);
    for (uint64_t rank = 1; rank <= 1000; rank++) {
        uint64_t value = rank * rank * 1000;
        uint64_t told = histogram_rank(&h, rank);

        assert_true(told >= value && told - value <= value / 32 + 1);
    }
    assert_int_equal(histogram_rank(&h, 1000), h.most);
    assert_int_equal(histogram_rank(&h, 5000), 0);
}

static void test_a_percentile_is_the_rank_that_reaches_the_share(void **state)
{
    static struct histogram h;

    (void)state;
    for (uint64_t i = 1; i <= 20; i++)
        histogram_record(&h, i);
    assert_int_equal(histogram_at(&h, 500), 10);
    assert_int_equal(histogram_at(&h, 501), 11);
    assert_int_equal(histogram_at(&h, 999), 20);
    assert_int_equal(histogram_mean(&h), 10);
}

static void test_a_sum_of_two_has_the_values_of_both(void **state)
{
    static struct histogram a;
    static struct histogram b;
    static struct histogram empty;

    (void)state;
    histogram_record(&a, 7);
    histogram_record(&b, 3);
    histogram_record(&b, 900);
    histogram_merge(&a, &b);
    histogram_merge(&a, &empty);
    assert_int_equal(a.count, 3);
    assert_int_equal(a.least, 3);
    assert_int_equal(a.most, 900);
    assert_int_equal(histogram_rank(&a, 2), 7);
    assert_int_equal(histogram_at(&empty, 500), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_rank_is_within_a_32nd_of_the_value_that_has_it),
        cmocka_unit_test(test_a_percentile_is_the_rank_that_reaches_the_share),
        cmocka_unit_test(test_a_sum_of_two_has_the_values_of_both),
    };

    return cmocka_run_group_tests_name("histogram", tests, NULL, NULL);
}
