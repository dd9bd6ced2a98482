/* policy/spread: percentiles within one percent. */
#include "policy/spread.h"

#include "base/mem.h"

/* cmocka wants these first */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct spread *some(const uint64_t *values, size_t count)
{
    struct spread *spread = mem_zero(sizeof(*spread));

    for (size_t i = 0; i < count; i++)
        spread_add(spread, values[i]);
    return spread;
}

static void test_nothing_is_nothing(void **state)
{
    struct spread *spread = some(NULL, 0);

    (void)state;
    assert_int_equal(spread_mean(spread), 0);
    assert_int_equal(spread_at(spread, 950), 0);
    mem_free(spread);
}

static void test_least_most_and_mean_are_exact(void **state)
{
    static const uint64_t values[] = { 1234567, 1234569, 999999999999, 3 };
    struct spread *spread = some(values, 4);

    (void)state;
    assert_int_equal(spread->all.least, 3);
    assert_int_equal(spread->all.most, 999999999999);
    assert_int_equal(spread_mean(spread), (1234567 + 1234569 + 999999999999 + 3) / 4);
    assert_int_equal(spread_at(spread, 0), 3);
    assert_int_equal(spread_at(spread, 1000), 999999999999);
    mem_free(spread);
}

static void test_every_value_is_less_than_a_percent_off(void **state)
{
    (void)state;
    for (uint64_t value = 1; value < UINT32_MAX; value += value / 97 + 1) {
        uint64_t values[] = { 0, value, value, UINT32_MAX };
        struct spread *spread = some(values, 4);
        uint64_t got = spread_at(spread, 500);

        assert_true((got > value ? got - value : value - got) * 128 <= value);
        mem_free(spread);
    }
}

static void test_numbers_take_few_bytes_and_come_back(void **state)
{
    static const uint64_t numbers[] = { 0, 1, 127, 128, 16383, 16384, UINT32_MAX, UINT64_MAX };
    struct buf out;
    struct span rest;

    (void)state;
    buf_init(&out, 1024);
    for (size_t i = 0; i < 8; i++)
        spread_put(&out, numbers[i]);
    assert_int_equal(buf_size(&out), 1 + 1 + 1 + 2 + 2 + 3 + 5 + 10);
    rest = buf_span(&out);
    for (size_t i = 0; i < 8; i++) {
        uint64_t number;

        assert_true(spread_get(&rest, &number));
        assert_true(number == numbers[i]);
    }
    assert_int_equal(rest.size, 0);
    buf_done(&out);
}

static void test_numbers_written_otherwise_are_none(void **state)
{
    static const struct span wrong[] = {
        SPAN(""),
        SPAN("\x80"),
        SPAN("\x80\x00"), /* longer than it needs to be */
        SPAN("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"),
        SPAN("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
    };

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct span rest = wrong[i];
        uint64_t number = 77;

        assert_false(spread_get(&rest, &number));
        assert_int_equal(number, 77);
        assert_int_equal(rest.size, wrong[i].size);
    }
}

static void test_packed_it_comes_back_and_adds_up(void **state)
{
    static const uint64_t values[] = { 5, 5, 70, 1000, 1001, 999999, 5000000000 };
    struct spread *spread = some(values, 7);
    struct spread *twice = some(values, 7);
    struct spread *again = mem_zero(sizeof(*again));
    struct buf packed;
    struct span rest;

    (void)state;
    buf_init(&packed, 4096);
    spread_pack(spread, &packed);
    assert_true(buf_size(&packed) < 40);
    rest = buf_span(&packed);
    assert_true(spread_unpack(&rest, false, again));
    assert_int_equal(rest.size, 0);
    assert_memory_equal(again, spread, sizeof(*spread));
    rest = buf_span(&packed);
    assert_true(spread_unpack(&rest, false, again));
    spread_merge(twice, spread);
    assert_memory_equal(again, twice, sizeof(*twice));

    rest = buf_span(&packed);
    *again = (struct spread){ 0 };
    assert_true(spread_unpack(&rest, true, again));
    assert_memory_equal(&again->all, &spread->all, sizeof(spread->all));
    assert_int_equal(again->buckets[5], 0);
    buf_done(&packed);
    mem_free(spread);
    mem_free(twice);
    mem_free(again);
}

static void test_what_does_not_agree_with_itself_is_none(void **state)
{
    static const struct span wrong[] = {
        SPAN("\x02\x07\x03\x04\x04\x03\x01\x00"),     /* no second count */
        SPAN("\x02\x07\x03\x04\x04\x03\x02\x00\x01"), /* three values instead of two */
        SPAN("\x02\x07\x03\x04\x02\x03\x01"),         /* one of two */
        SPAN("\x02\x07\x03\x04\x04\x02\x01\x01\x01"), /* the least is not in it */
        SPAN("\x02\x07\x03\x04\x04\x03\x01\x01\x01"), /* nor the most */
        SPAN("\x02\x07\x03\x04\x04\x03\x00\x00\x02"), /* none in a bucket */
        SPAN("\x02\x07\x04\x03\x04\x03\x01\x00\x01"), /* least above most */
        SPAN("\x02\x05\x03\x04\x04\x03\x01\x00\x01"), /* the sum is too small */
        SPAN("\x02\x09\x03\x04\x04\x03\x01\x00\x01"), /* too large */
        SPAN("\x02\x07\x03\x04\x05\x03\x01\x00\x01"), /* more bytes than there are */
        SPAN("\x01\x03\x03\x03\x03\xff\x7f\x01"),     /* no such bucket */
    };
    static const struct span right = SPAN("\x02\x07\x03\x04\x04\x03\x01\x00\x01");
    struct spread *spread = mem_zero(sizeof(*spread));
    struct span rest = right;

    (void)state;
    assert_true(spread_unpack(&rest, false, spread));
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        rest = wrong[i];
        assert_false(spread_unpack(&rest, false, spread));
    }
    mem_free(spread);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_is_nothing),
        cmocka_unit_test(test_least_most_and_mean_are_exact),
        cmocka_unit_test(test_every_value_is_less_than_a_percent_off),
        cmocka_unit_test(test_numbers_take_few_bytes_and_come_back),
        cmocka_unit_test(test_numbers_written_otherwise_are_none),
        cmocka_unit_test(test_packed_it_comes_back_and_adds_up),
        cmocka_unit_test(test_what_does_not_agree_with_itself_is_none),
    };

    return cmocka_run_group_tests_name("spread", tests, NULL, NULL);
}
