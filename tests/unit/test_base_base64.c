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
        buf_done(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_known_answers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
