/* policy/retry: the delay before the same target is tried again. */
#include "policy/retry.h"

/* cmocka wants these first */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Many draws: all between half and the whole, and near both ends. */
static void assert_delay(const struct config_retry *retry, uint32_t round, uint32_t whole)
{
    uint64_t random = 7;
    uint32_t least = UINT32_MAX;
    uint32_t most = 0;

    for (int i = 0; i < 2000; i++) {
        uint32_t delay = retry_delay_ms(retry, round, &random);

        least = delay < least ? delay : least;
        most = delay > most ? delay : most;
    }
    assert_in_range(least, whole / 2, whole / 2 + whole / 50);
    assert_in_range(most, whole - whole / 50, whole);
}

static void test_it_grows_from_round_to_round_up_to_its_maximum(void **state)
{
    static const struct config_retry retry = { .initial_delay_ms = 1000,
                                               .max_delay_ms = 30000,
                                               .backoff_multiplier = 2 };
    static const uint32_t whole[] = { 1000, 2000, 4000, 8000, 16000, 30000, 30000 };

    (void)state;
    for (uint32_t round = 0; round < sizeof(whole) / sizeof(whole[0]); round++)
        assert_delay(&retry, round, whole[round]);
}

static void test_the_largest_settings_do_not_overflow(void **state)
{
    static const struct config_retry retry = { .initial_delay_ms = UINT32_MAX - 1,
                                               .max_delay_ms = UINT32_MAX - 1,
                                               .backoff_multiplier = UINT32_MAX };

    (void)state;
    assert_delay(&retry, 0, UINT32_MAX - 1);
    assert_delay(&retry, 1000000, UINT32_MAX - 1);
}

static void test_a_multiplier_of_one_stays_where_it_is(void **state)
{
    static const struct config_retry retry = { .initial_delay_ms = 500,
                                               .max_delay_ms = 30000,
                                               .backoff_multiplier = 1 };

    (void)state;
    assert_delay(&retry, 20, 500);
}

static void test_no_delay_is_no_delay(void **state)
{
    static const struct config_retry retry = { .initial_delay_ms = 0,
                                               .max_delay_ms = 30000,
                                               .backoff_multiplier = 2 };
    uint64_t random = 1;

    (void)state;
    assert_int_equal(retry_delay_ms(&retry, 5, &random), 0);
}

static void test_it_covers_what_is_listed(void **state)
{
    static const uint8_t items[] = { RETRYABLE_TIMEOUT, RETRYABLE_RATE_LIMIT };
    static const struct config_retry retry = { .errors = { items, 2 } };
    static const struct config_retry none = { .errors = { items, 0 } };

    (void)state;
    assert_true(retry_covers(&retry, RETRYABLE_RATE_LIMIT));
    assert_true(retry_covers(&retry, RETRYABLE_TIMEOUT));
    assert_false(retry_covers(&retry, RETRYABLE_SERVER_ERROR));
    assert_false(retry_covers(&none, RETRYABLE_TIMEOUT));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_grows_from_round_to_round_up_to_its_maximum),
        cmocka_unit_test(test_the_largest_settings_do_not_overflow),
        cmocka_unit_test(test_a_multiplier_of_one_stays_where_it_is),
        cmocka_unit_test(test_no_delay_is_no_delay),
        cmocka_unit_test(test_it_covers_what_is_listed),
    };

    return cmocka_run_group_tests_name("retry", tests, NULL, NULL);
}
