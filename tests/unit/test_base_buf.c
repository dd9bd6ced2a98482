/* base/buf: bytes that grow at the end and are consumed at the front. */
#include "base/buf.h"

#include "base/mem.h"

/* cmocka wants these first */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <string.h>

static void test_appends_and_consumes(void **state)
{
    struct buf buf;

    (void)state;
    buf_init(&buf, 100);
    assert_int_equal(buf_span(&buf).size, 0);
    assert_non_null(buf_span(&buf).at);
    assert_true(buf_add_text(&buf, "hello ") && buf_add_byte(&buf, 'w') &&
                buf_add_u64(&buf, 0));
    assert_true(buf_add_u64(&buf, UINT64_MAX) && buf_add(&buf, SPAN_OF("!")));
    assert_string_equal(buf_text(&buf), "hello w018446744073709551615!");
    buf_consume(&buf, 6);
    assert_string_equal(buf_text(&buf), "w018446744073709551615!");
    assert_int_equal(buf_left(&buf), 100 - 23);
    buf_consume(&buf, 23);
    assert_int_equal(buf_size(&buf), 0);
    buf_done(&buf);
}

static void test_thousandths_have_three_decimals(void **state)
{
    static const struct {
        uint64_t value;
        const char *text;
    } rows[] = {
        { 0, "0.000" },          { 1, "0.001" },
        { 999, "0.999" },        { 1000, "1.000" },
        { 12345, "12.345" },     { 100010, "100.010" },
        { 9999999, "9999.999" }, { UINT64_MAX, "18446744073709551.615" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct buf buf;

        buf_init(&buf, strlen(rows[i].text));
        assert_true(buf_add_thousandths(&buf, rows[i].value));
        assert_string_equal(buf_text(&buf), rows[i].text);
        assert_false(buf_add_thousandths(&buf, 0)); /* full */
        buf_done(&buf);
    }
}

static void expect_digits(uint64_t value)
{
    char wanted[24];
    struct buf buf;

    (void)snprintf(wanted, sizeof(wanted), "%llu", (unsigned long long)value);
    buf_init(&buf, strlen(wanted));
    assert_true(buf_add_u64(&buf, value));
    assert_string_equal(buf_text(&buf), wanted);
    assert_false(buf_add_u64(&buf, 0)); /* full */
    buf_done(&buf);
}

static void test_a_number_has_its_digits_and_no_more(void **state)
{
    (void)state;
    for (uint64_t power = 1; power <= UINT64_MAX / 10; power *= 10) {
        expect_digits(power - 1);
        expect_digits(power);
        expect_digits(power + power / 3);
    }
    for (uint64_t bit = 1; bit; bit <<= 1) {
        expect_digits(bit - 1);
        expect_digits(bit);
    }
    expect_digits(10000000000000000000u - 1);
    expect_digits(10000000000000000000u);
    expect_digits(UINT64_MAX);
}

static void test_beyond_the_maximum_is_refused_whole_and_remembered(void **state)
{
    struct buf buf;

    (void)state;
    buf_init(&buf, 5);
    assert_true(buf_add_text(&buf, "abc"));
    assert_false(buf.overflowed);
    assert_false(buf_add_text(&buf, "def"));
    assert_true(buf.overflowed);
    assert_string_equal(buf_text(&buf), "abc");
    assert_true(buf_add_text(&buf, "de"));
    assert_false(buf_add_byte(&buf, 'x'));
    assert_string_equal(buf_text(&buf), "abcde");
    buf_consume(&buf, 5);
    assert_true(buf.overflowed);
    buf_reset(&buf);
    assert_false(buf.overflowed);
    buf_done(&buf);
}

static void test_nothing_always_fits(void **state)
{
    struct buf buf;

    (void)state;
    buf_init(&buf, 0);
    assert_true(buf_append(&buf, NULL, 0));
    assert_true(buf_add(&buf, (struct span){ 0 }));
    assert_true(buf_printf(&buf, "%s", ""));
    assert_non_null(buf_reserve(&buf, 0));
    assert_false(buf.overflowed);
    assert_false(buf_add_byte(&buf, 'x'));
    buf_done(&buf);
}

static void test_printf_fills_it_to_the_last_byte(void **state)
{
    struct buf buf;

    (void)state;
    buf_init(&buf, 300);
    assert_true(buf_printf(&buf, "%0300d", 7));
    assert_int_equal(buf_left(&buf), 0);
    assert_false(buf_printf(&buf, "%d", 7));
    assert_true(buf.overflowed);
    buf_consume(&buf, 299);
    assert_string_equal(buf_text(&buf), "7");
    buf_done(&buf);
}

static void test_reserved_bytes_are_content_only_once_committed(void **state)
{
    struct buf buf;
    char *at;

    (void)state;
    buf_init(&buf, 1000);
    assert_true(buf_add_text(&buf, "ab"));
    at = buf_reserve(&buf, 998);
    assert_non_null(at);
    memcpy(at, "cdef", 4);
    assert_string_equal(buf_text(&buf), "ab");
    at = buf_reserve(&buf, 998);
    memcpy(at, "cdef", 4);
    buf_commit(&buf, 3);
    assert_string_equal(buf_text(&buf), "abcde");
    assert_null(buf_reserve(&buf, 996));
    buf_done(&buf);
}

/* What a stream does for hours: in at one end, out at the other, never empty. */
static void test_a_queue_keeps_order_and_size(void **state)
{
    struct buf buf;
    unsigned char next = 0;
    unsigned char first = 0;

    (void)state;
    buf_init(&buf, 4096);
    for (int i = 0; i < 3900; i++)
        assert_true(buf_add_byte(&buf, (char)next++));
    for (int round = 0; round < 20000; round++) {
        struct span content;

        for (int i = 0; i < 7; i++)
            assert_true(buf_add_byte(&buf, (char)next++));
        content = buf_span(&buf);
        for (int i = 0; i < 7; i++)
            assert_int_equal((unsigned char)content.at[i], first++);
        buf_consume(&buf, 7);
        assert_true(buf.room <= 8192);
    }
    assert_int_equal(buf_size(&buf), 3900);
    buf_done(&buf);
}

static void test_adds_texts_up_to_null(void **state)
{
    struct buf buf;

    (void)state;
    buf_init(&buf, 4);
    assert_true(buf_add_texts(&buf, "a", "", "bc", NULL));
    assert_string_equal(buf_text(&buf), "abc");
    assert_false(
        buf_add_texts(&buf, "de", "f", NULL)); /* each is refused or taken on its own */
    assert_true(buf.overflowed);
    assert_string_equal(buf_text(&buf), "abcf");
    buf_done(&buf);
}

static void test_gives_its_content_away(void **state)
{
    struct buf buf;
    size_t size;
    char *given;

    (void)state;
    buf_init(&buf, 100);
    given = buf_give(&buf, &size);
    assert_int_equal(size, 0);
    assert_string_equal(given, "");
    mem_free(given);
    assert_true(buf_add_text(&buf, "xxabc"));
    buf_consume(&buf, 2);
    given = buf_give(&buf, &size);
    assert_int_equal(size, 3);
    assert_string_equal(given, "abc");
    mem_free(given);
    assert_int_equal(buf_size(&buf), 0);
    assert_true(buf_add_text(&buf, "again"));
    given = buf_give(&buf, &size);
    assert_string_equal(given, "again");
    mem_free(given);
    buf_done(&buf);
}

static void test_a_reset_gives_a_large_block_back(void **state)
{
    struct buf buf;

    (void)state;
    buf_init(&buf, 1 << 20);
    assert_true(buf_printf(&buf, "%0100000d", 1));
    buf_reset(&buf);
    assert_int_equal(buf.room, 0);
    assert_true(buf_add_text(&buf, "small"));
    buf_reset(&buf);
    assert_true(buf.room > 0);
    buf_done(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_appends_and_consumes),
        cmocka_unit_test(test_beyond_the_maximum_is_refused_whole_and_remembered),
        cmocka_unit_test(test_nothing_always_fits),
        cmocka_unit_test(test_printf_fills_it_to_the_last_byte),
        cmocka_unit_test(test_reserved_bytes_are_content_only_once_committed),
        cmocka_unit_test(test_a_number_has_its_digits_and_no_more),
        cmocka_unit_test(test_thousandths_have_three_decimals),
        cmocka_unit_test(test_a_queue_keeps_order_and_size),
        cmocka_unit_test(test_adds_texts_up_to_null),
        cmocka_unit_test(test_gives_its_content_away),
        cmocka_unit_test(test_a_reset_gives_a_large_block_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
