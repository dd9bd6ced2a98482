/* Numbers as people write them, both ways. */
#include "config/config.h"
#include "config/units.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct row {
    const char *text;
    uint64_t value;
    const char *printed; /* NULL: the text itself */
};

typedef bool (*read_fn)(struct span text, uint64_t *ret);
typedef void (*print_fn)(uint64_t value, struct buf *out);

static void check_good(read_fn read, print_fn print, const struct row *rows)
{
    for (; rows->text; rows++) {
        uint64_t value = 12345;
        struct buf out;

        buf_init(&out, 64);
        assert_true(read(span_from(rows->text), &value));
        assert_int_equal(value, rows->value);
        print(value, &out);
        assert_string_equal(buf_text(&out), rows->printed ? rows->printed : rows->text);
        buf_done(&out);
    }
}

static void check_bad(read_fn read, const char *const *texts)
{
    for (; *texts; texts++) {
        uint64_t value = 12345;

        if (read(span_from(*texts), &value))
            fail_msg("\"%s\" was read", *texts);
        assert_int_equal(value, 12345);
    }
}

static void test_durations(void **state)
{
    static const struct row good[] = {
        { "0", 0, NULL },        { "500ms", 500, NULL }, { "30s", 30000, NULL },
        { "60s", 60000, "1m" },  { "90s", 90000, NULL }, { "5m", 300000, NULL },
        { "1h", 3600000, NULL }, { "0s", 0, "0" },       { NULL, 0, NULL },
    };
    static const char *const bad[] = { "",
                                       "30",
                                       "s",
                                       "-1s",
                                       "1.5s",
                                       "1 s",
                                       "1S",
                                       "1d",
                                       "1h30m",
                                       "18446744073709551615s",
                                       "99999999999999999999ms",
                                       NULL };

    (void)state;
    check_good(units_read_duration, units_print_duration, good);
    check_bad(units_read_duration, bad);
}

static void test_sizes(void **state)
{
    static const struct row good[] = {
        { "0", 0, NULL },
        { "64KiB", 65536, NULL },
        { "50MiB", 52428800, NULL },
        { "1GiB", 1073741824, NULL },
        { "1024", 1024, "1KiB" },
        { "1025B", 1025, NULL },
        { NULL, 0, NULL },
    };
    static const char *const bad[] = { "",       "64KB", "64kib", "64K",
                                       "1.5MiB", "-1",   " 1",    "18446744073709551615GiB",
                                       NULL };

    (void)state;
    check_good(units_read_size, units_print_size, good);
    check_bad(units_read_size, bad);
}

static void test_money_is_exact(void **state)
{
    static const struct row good[] = {
        { "8", 8000000, "8.00" },   { "8.00", 8000000, NULL },  { "0.42", 420000, NULL },
        { "0.000001", 1, NULL },    { "1.1", 1100000, "1.10" }, { "0", 0, "0.00" },
        { "1.125", 1125000, NULL }, { NULL, 0, NULL },
    };
    static const char *const bad[] = { "",
                                       ".",
                                       "8.",
                                       ".5",
                                       "-1",
                                       "1e3",
                                       "1,5",
                                       "$8",
                                       "0.0000001",
                                       "1.2.3",
                                       "18446744073709551615",
                                       "18446744073709.551616",
                                       NULL };

    (void)state;
    check_good(units_read_money, units_print_money, good);
    check_bad(units_read_money, bad);
}

static void test_shares(void **state)
{
    static const struct row good[] = {
        { "0.2", 200000, NULL },   { "0.20", 200000, "0.2" }, { "1", 1000000, NULL },
        { "10", 10000000, NULL },  { "0.000001", 1, NULL },   { "0", 0, NULL },
        { "1.05", 1050000, NULL }, { "1.0", 1000000, "1" },   { NULL, 0, NULL },
    };

    (void)state;
    check_good(units_read_money, units_print_share, good);
}

static void test_dates(void **state)
{
    static const struct row good[] = {
        { "1970-01-01", 0, NULL },
        { "2000-03-01", UINT64_C(951868800000), NULL },
        { "2027-01-01", UINT64_C(1798761600000), NULL },
        { "2028-02-29T12:00:01Z", UINT64_C(1835438401000), NULL },
        { "2027-01-01T00:00:00Z", UINT64_C(1798761600000), "2027-01-01" },
        { NULL, 0, NULL },
    };
    static const char *const bad[] = { "",
                                       "2027",
                                       "2027-1-1",
                                       "2027-13-01",
                                       "2027-00-01",
                                       "2027-02-29",
                                       "2100-02-29",
                                       "1969-12-31",
                                       "2027-01-01T24:00:00Z",
                                       "2027-01-01T00:60:00Z",
                                       "2027-01-01T00:00:60Z",
                                       "2027-01-01T00:00:00",
                                       "2027-01-01 00:00:00Z",
                                       NULL };

    (void)state;
    check_good(units_read_date, units_print_date, good);
    check_bad(units_read_date, bad);
}

static void test_booleans_and_counts(void **state)
{
    static const struct row truths[] = { { "true", 1, NULL },
                                         { "false", 0, NULL },
                                         { NULL, 0, NULL } };
    static const struct row counts[] = { { "0", 0, NULL },
                                         { "18446744073709551615", UINT64_MAX, NULL },
                                         { "007", 7, "7" },
                                         { NULL, 0, NULL } };
    static const char *const no_truths[] = { "", "True", "yes", "1", "on", NULL };
    static const char *const no_counts[] = { "",    "-1",  "+1", "1.0",
                                             "1e3", "0x1", " 1", "18446744073709551616",
                                             NULL };

    (void)state;
    check_good(units_read_bool, units_print_bool, truths);
    check_bad(units_read_bool, no_truths);
    check_good(units_read_count, units_print_count, counts);
    check_bad(units_read_count, no_counts);
}

static void test_delays(void **state)
{
    static const struct row good[] = {
        { "p50", CONFIG_PERCENTILE | 50, NULL },
        { "p99", CONFIG_PERCENTILE | 99, NULL },
        { "1ms", 1, NULL },
        { "800ms", 800, NULL },
        { "600s", 600000, "10m" },
        { NULL, 0, NULL },
    };
    static const char *const bad[] = { "",    "p",   "p9",   "p49",  "p100", "p095",
                                       "P95", "95",  "p9x",  "0",    "0s",   "11m",
                                       "1h",  "p-1", "p95%", "p 95", " p95", NULL };

    (void)state;
    check_good(units_read_delay, units_print_delay, good);
    check_bad(units_read_delay, bad);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_durations),      cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_money_is_exact), cmocka_unit_test(test_shares),
        cmocka_unit_test(test_dates),          cmocka_unit_test(test_booleans_and_counts),
        cmocka_unit_test(test_delays),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
