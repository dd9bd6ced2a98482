/* ops/call_path: open places of the calls' paths. */
#include "llm/place.h"
#include "ops/call_path.h"

/* cmocka wants these first */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_paths_fit_or_not(void **state)
{
    static const struct {
        const char *pattern;
        const char *path;
        const char *first; /* NULL: it does not fit */
        const char *second;
    } rows[] = {
        { "/health", "/health", "", "" },
        { "/health", "/health/", NULL, NULL },
        { "/health", "/healt", NULL, NULL },
        { "/v1/models/{id}", "/v1/models/a", "a", "" },
        { "/v1/models/{id}", "/v1/models/a/b:free", "a/b:free", "" },
        { "/v1/models/{id}", "/v1/models/", NULL, NULL },
        { "/v1/models/{id}", "/v1/models", NULL, NULL },
        { "/p/{name}/keys", "/p/a/keys", "a", "" },
        { "/p/{name}/keys", "/p/a/b/keys", "a/b", "" },
        { "/p/{name}/keys", "/p/keys/keys", "keys", "" },
        { "/p/{name}/keys", "/p//keys", NULL, NULL },
        { "/p/{name}/keys", "/p/a/key", NULL, NULL },
        { "/p/{name}/keys", "/p/a/keys/", NULL, NULL },
        { "/p/{name}/keys", "/p/a/keys/b", NULL, NULL },
        { "/p/{name}/keys", "/p/keys", NULL, NULL },
        { "/m/{m}/targets/{t}", "/m/a/b/targets/t", "a/b", "t" },
        { "/m/{m}/targets/{t}", "/m/a/targets/b/targets/t", "a/targets/b", "t" },
        { "/m/{m}/targets/{t}", "/m/a/targets/", NULL, NULL },
        { "/m/{m}/targets/{t}", "/m//targets/t", NULL, NULL },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct span places[CALL_PLACES_MAX] = { { 0 } };
        bool fits = call_path_fits(rows[i].pattern, span_from(rows[i].path), places);

        assert_int_equal(fits, rows[i].first != NULL);
        if (!fits)
            continue;
        assert_true(span_is(places[0], rows[i].first));
        assert_true(span_is(places[1], rows[i].second));
    }
}

static void test_percent_encoding_is_undone_once(void **state)
{
    static const struct {
        const char *text;
        const char *plain;
    } rows[] = { { "a%2Fb%3afree", "a/b:free" },
                 { "%252F", "%2F" },
                 { "%", "%" },
                 { "%2", "%2" },
                 { "%zz", "%zz" },
                 { "", "" } };
    struct arena arena;

    (void)state;
    arena_init(&arena);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_true(span_is(place_decode(span_from(rows[i].text), &arena), rows[i].plain));
    arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths_fit_or_not),
        cmocka_unit_test(test_percent_encoding_is_undone_once),
    };

    return cmocka_run_group_tests_name("call_path", tests, NULL, NULL);
}
