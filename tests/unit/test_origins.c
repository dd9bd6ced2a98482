/* flow/env: the addresses of upstreams are kept, and there is an end to them. */
#include "base/limits.h"
#include "flow/env.h"

/* cmocka wants these first */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

static struct env env;

static int before_each(void **state)
{
    (void)state;
    env_init(&env, NULL, NULL);
    return 0;
}

static int after_each(void **state)
{
    (void)state;
    env_done(&env);
    return 0;
}

static struct fetch_origin *origin_of(const char *version, const char *model)
{
    const struct config_provider provider = {
        .kind = provider_kind_find(SPAN_OF("azure")),
        .base_url = "https://x.openai.azure.com",
        .api_version = version,
    };

    return env_origin(&env, &provider, NULL, endpoint_find(SPAN_OF("/v1/chat/completions")),
                      span_from(model));
}

static void test_the_same_address_is_the_same_origin(void **state)
{
    struct fetch_origin *one = origin_of("2024-10-21", "a");

    (void)state;
    assert_non_null(one);
    assert_ptr_equal(origin_of("2024-10-21", "a"), one);
    assert_ptr_not_equal(origin_of("2024-10-21", "b"), one);
    assert_ptr_not_equal(origin_of("2025-01-01", "a"), one);
    assert_ptr_equal(origin_of(NULL, "a"), origin_of(NULL, "b")); /* a name in the body alone */
    assert_null(origin_of("2024-10-21", ".."));
}

/* A client may make up as many names as it likes. */
static void test_there_is_an_end_to_them(void **state)
{
    struct fetch_origin *first = origin_of("2024-10-21", "0");
    char name[32];

    (void)state;
    for (int i = 0; i < LIMIT_ORIGINS + 10; i++) {
        (void)snprintf(name, sizeof(name), "%d", i);
        assert_true((origin_of("2024-10-21", name) != NULL) == (i < LIMIT_ORIGINS));
    }
    assert_int_equal(env.origins.count, LIMIT_ORIGINS);
    assert_ptr_equal(origin_of("2024-10-21", "0"), first);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, before_each, after_each)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_the_same_address_is_the_same_origin),
        CASE(test_there_is_an_end_to_them),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
