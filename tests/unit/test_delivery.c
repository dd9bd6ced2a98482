/* policy/delivery: 1, 2, 4 ... 300 seconds, for an hour. */
#include "policy/delivery.h"

/* cmocka wants these first */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct delivery_rule RULE = { 1000, 300000, 3600000 };

static void test_the_waits_double_up_to_their_maximum(void **state)
{
    static const uint64_t waits_s[] = { 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300 };
    struct delivery delivery = { 0 };
    uint64_t now_ms = 5000;

    (void)state;
    for (size_t i = 0; i < sizeof(waits_s) / sizeof(waits_s[0]); i++) {
        uint64_t next_ms = delivery_failed(&delivery, &RULE, now_ms);

        assert_int_equal(next_ms - now_ms, waits_s[i] * 1000);
        now_ms = next_ms;
    }
}

static void test_the_last_try_comes_at_the_end_of_the_hour(void **state)
{
    struct delivery delivery = { 0 };
    uint64_t now_ms = 1;
    uint64_t last_ms = 0;
    int tries = 0;

    (void)state;
    while (now_ms) {
        last_ms = now_ms;
        now_ms = delivery_failed(&delivery, &RULE, now_ms);
        tries++;
    }
    assert_int_equal(last_ms, 1 + 3600000);
    assert_int_equal(tries, 21);
}

static void test_slow_failures_end_it_as_well(void **state)
{
    struct delivery delivery = { 0 };

    (void)state;
    assert_int_equal(delivery_failed(&delivery, &RULE, 1000), 2000);
    assert_int_equal(delivery_failed(&delivery, &RULE, 3600999), 3601000);
    assert_int_equal(delivery_failed(&delivery, &RULE, 3601000), 0);
}

static void test_another_has_its_whole_time_but_no_shorter_waits(void **state)
{
    struct delivery delivery = { 0 };

    (void)state;
    for (int i = 0; i < 4; i++)
        (void)delivery_failed(&delivery, &RULE, 1000);
    delivery_replaced(&delivery);
    assert_int_equal(delivery_failed(&delivery, &RULE, 3601000), 3601000 + 16000);
}

static void test_so_many_failures_that_a_shift_would_overflow(void **state)
{
    struct delivery delivery = { .failures = UINT32_MAX - 1, .since_ms = 1 };

    (void)state;
    assert_int_equal(delivery_failed(&delivery, &RULE, 1), 300001);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_waits_double_up_to_their_maximum),
        cmocka_unit_test(test_the_last_try_comes_at_the_end_of_the_hour),
        cmocka_unit_test(test_slow_failures_end_it_as_well),
        cmocka_unit_test(test_another_has_its_whole_time_but_no_shorter_waits),
        cmocka_unit_test(test_so_many_failures_that_a_shift_would_overflow),
    };

    return cmocka_run_group_tests_name("delivery", tests, NULL, NULL);
}
