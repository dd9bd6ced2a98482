#include "base/base64.h"

/* cmocka wants these first */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

/* Those of RFC 4648, and all bits. */
static void test_the_known_answers(void **state)
{
    static const char *const rows[][2] = {
        { "", "" },        { "f", "Zg==" },          { "fo", "Zm8=" },
        { "foo", "Zm9v" }, { "foobar", "Zm9vYmFy" }, { "\xff\xfe\xfd\xfc", "//79/A==" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct buf out;

        buf_init(&out, 64);
        base64_write(span_from(rows[i][0]), &out);
        assert_string_equal(buf_text(&out), rows[i][1]);
        buf_reset(&out);
        assert_true(base64_read(span_from(rows[i][1]), &out));
        assert_string_equal(buf_text(&out), rows[i][0]);
        buf_done(&out);
    }
}

static void test_both_alphabets_are_read_padded_or_not(void **state)
{
    static const char *const rows[] = { "-_-_/A==", "+/+//A==", "+/-_/A=", "+/-_/A" };
    static const char *const bad[] = { "A", "Zm9vY", "Zm 9v", "Zm9v====", "Zg==Zg==", "\x80" };
    struct buf out;

    (void)state;
    buf_init(&out, 64);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        buf_reset(&out);
        assert_true(base64_read(span_from(rows[i]), &out));
        assert_string_equal(buf_text(&out), "\xfb\xff\xbf\xfc");
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(base64_read(span_from(bad[i]), &out));
    buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_known_answers),
        cmocka_unit_test(test_both_alphabets_are_read_padded_or_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
