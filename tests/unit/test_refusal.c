/* flow/refusal: the table of what the gateway says no with. */
#include "flow/refusal.h"

/* cmocka wants these first */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Every code that clients are promised, and its status. */
static const struct {
    const char *code;
    unsigned status;
} promised[] = {
    { "invalid_api_key", 401 },
    { "model_not_found", 404 },
    { "model_not_allowed", 403 },
    { "invalid_json", 400 },
    { "duplicate_key", 400 },
    { "invalid_value", 400 },
    { "request_too_large", 413 },
    { "request_timeout", 408 },
    { "bad_request", 400 },
    { "not_found", 404 },
    { "method_not_allowed", 405 },
    { "conflict", 409 },
    { "forbidden", 403 },
    { "rate_limit_exceeded", 429 },
    { "insufficient_quota", 429 },
    { "overloaded", 503 },
    { "no_healthy_target", 503 },
    { "deadline_exceeded", 504 },
    { "upstream_connect", 502 },
    { "upstream_connect_timeout", 504 },
    { "upstream_dns", 502 },
    { "upstream_tls", 502 },
    { "upstream_reset", 502 },
    { "upstream_timeout", 504 },
    { "upstream_truncated", 502 },
    { "upstream_protocol", 502 },
    { "upstream_redirect", 502 },
    { "upstream_content_type", 502 },
    { "upstream_header_too_large", 502 },
    { "upstream_address_denied", 502 },
    { "upstream_auth", 502 },
    { "upstream_error", 502 },
};

enum { PROMISED = sizeof(promised) / sizeof(promised[0]) };

static void test_every_code_that_is_promised_can_be_made(void **state)
{
    (void)state;
    for (int i = 0; i < PROMISED; i++) {
        struct llm_error error = refusal_error(refusal_find(promised[i].code), "Because.");

        assert_true(span_is(error.code, promised[i].code));
        assert_int_equal(error.status, promised[i].status);
        assert_true(span_is(error.message, "Because."));
    }
}

static void test_no_code_is_made_that_is_not_promised(void **state)
{
    (void)state;
    for (int row = 0; row < REFUSALS; row++) {
        struct llm_error error = refusal_error((enum refusal)row, "");
        int found = 0;

        for (int i = 0; i < PROMISED; i++)
            found += span_is(error.code, promised[i].code);
        assert_int_equal(found, 1);
    }
}

/* The two that share a code differ in what it is said to: two keys at once, and another media type. */
static void test_each_code_has_one_row_but_for_two(void **state)
{
    int shared = 0;

    (void)state;
    for (int row = 0; row < REFUSALS; row++) {
        struct llm_error error = refusal_error((enum refusal)row, "");

        for (int other = row + 1; other < REFUSALS; other++)
            shared += span_equal(error.code, refusal_error((enum refusal)other, "").code);
    }
    assert_int_equal(shared, 2);
}

static void test_type_and_class_fit_the_status(void **state)
{
    (void)state;
    for (int row = 0; row < REFUSALS; row++) {
        struct llm_error error = refusal_error((enum refusal)row, "");

        assert_in_range(error.status, 400, 599);
        assert_int_not_equal(error.class, LLM_FINE);
        if (error.status == 429)
            continue; /* below */
        assert_true(error.status < 500 ? span_is(error.type, "invalid_request_error")
                                       : span_is(error.type, "server_error"));
        if (error.status < 500)
            assert_int_equal(error.class, LLM_CLIENT_ERROR);
        if (error.status == 504)
            assert_int_equal(error.class, LLM_TIMEOUT);
    }
}

static void test_limits_are_refused_in_the_words_of_openai(void **state)
{
    struct llm_error rate = refusal_error(REFUSE_RATE_LIMIT_EXCEEDED, "");
    struct llm_error quota = refusal_error(REFUSE_INSUFFICIENT_QUOTA, "");

    (void)state;
    assert_true(span_is(rate.type, "rate_limit_error"));
    assert_int_equal(rate.class, LLM_RATE_LIMIT);
    assert_true(span_is(quota.type, "insufficient_quota"));
    assert_int_equal(quota.class, LLM_QUOTA);
}

static void test_a_code_that_nobody_knows_is_a_bad_request(void **state)
{
    (void)state;
    assert_int_equal(refusal_find("no_such_code"), REFUSE_BAD_REQUEST);
    assert_int_equal(refusal_find("invalid_value"), REFUSE_INVALID_VALUE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_code_that_is_promised_can_be_made),
        cmocka_unit_test(test_no_code_is_made_that_is_not_promised),
        cmocka_unit_test(test_each_code_has_one_row_but_for_two),
        cmocka_unit_test(test_type_and_class_fit_the_status),
        cmocka_unit_test(test_limits_are_refused_in_the_words_of_openai),
        cmocka_unit_test(test_a_code_that_nobody_knows_is_a_bad_request),
    };

    return cmocka_run_group_tests_name("refusal", tests, NULL, NULL);
}
