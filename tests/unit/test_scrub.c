/* llm/scrub: no credential leaves in a message, and talk about keys does. */
#include "llm/scrub.h"

/* cmocka wants these first */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static void assert_scrubs(const char *text, const char *expected)
{
    struct arena arena;
    struct span out;

    arena_init(&arena);
    out = scrub_text(span_from(text), &arena);
    assert_int_equal(out.size, strlen(expected));
    assert_memory_equal(out.at, expected, out.size);
    arena_done(&arena);
}

static void test_credentials_are_hidden(void **state)
{
    (void)state;
    assert_scrubs("sk-abcdefgh", "***");
    assert_scrubs("key: sk-proj-AbC_123-xyz456.", "key: ***.");
    assert_scrubs("provided: sk-ab**********yz (see docs)", "provided: *** (see docs)");
    assert_scrubs("Authorization: Bearer abc.def.ghi123", "Authorization: Bearer ***");
    assert_scrubs("bearer abcdefgh!", "bearer ***!");
    assert_scrubs("?key=AIzaSyA1234567890abcdefg&alt=sse", "?key=***&alt=sse");
    assert_scrubs("gsk_12345678 xai-12345678 pplx-12345678", "*** *** ***");
    assert_scrubs("\"sk-ant-api03-12345678\",'sk-12345678'", "\"***\",'***'");
}

static void test_talk_about_keys_is_not(void **state)
{
    static const char *const texts[] = {
        "",
        "An sk- key is needed.",
        "the task-force-member-list",
        "risk-assessment-report",
        "Bearer tokens",
        "AIza",
        "Use your API key.",
        "disk_usage_of_the_host",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_scrubs(texts[i], texts[i]);
}

static void test_text_without_any_is_not_copied(void **state)
{
    struct span text = SPAN("nothing to hide");
    struct arena arena;

    (void)state;
    arena_init(&arena);
    assert_ptr_equal(scrub_text(text, &arena).at, text.at);
    arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_credentials_are_hidden),
        cmocka_unit_test(test_talk_about_keys_is_not),
        cmocka_unit_test(test_text_without_any_is_not_copied),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
