/* Which models stand in for one hangs on what went wrong. */
#include "flow/stage.h"
#include "flow/words.h"

#define BY_CLASS                                                                               \
    PROVIDERS "models:\n"                                                                      \
              "  m:\n"                                                                         \
              "    targets: [ { provider: alpha, priority: 1 },\n"                             \
              "               { provider: beta, priority: 2 } ]\n"                             \
              "    fallbacks: [ other ]\n"                                                     \
              "    fallback_on: { rate_limit: [ slow ], connection_error: [ near ],\n"         \
              "                   context_window: [ long, longer ] }\n"                        \
              "  other: { targets: [ { provider: beta } ] }\n"                                 \
              "  slow: { targets: [ { provider: beta } ] }\n"                                  \
              "  near: { targets: [ { provider: beta } ] }\n"                                  \
              "  long: { targets: [ { provider: alpha }, { provider: beta } ] }\n"             \
              "  longer: { targets: [ { provider: beta } ] }\n"

#define TOO_LONG                                                                               \
    "{\"error\":{\"message\":\"too long\",\"type\":\"invalid_request_error\","                 \
    "\"code\":\"context_length_exceeded\"}}"
#define FILTERED                                                                               \
    "{\"error\":{\"message\":\"not this\",\"type\":\"invalid_request_error\","                 \
    "\"code\":\"content_filter\"}}"

static void assert_asked(struct stage *stage, size_t at, const char *model)
{
    assert_int_equal(stage_calls(stage), at + 1);
    assert_holds(fake_fetch_sent_body(stage_call(stage, at)), model);
}

static void assert_answered_by(struct stage *stage, const char *model, const char *reason)
{
    stage_answer(stage, stage_calls(stage) - 1, 200, JSON, ANSWER);
    assert_reply(stage, 200, "Hello");
    assert_text(fake_http_reply_header(stage->http, "x-sluice-model"), model);
    assert_text(fake_http_reply_header(stage->http, "x-sluice-fallback"), "1");
    assert_int_equal(stage_count(stage, METER_FALLBACKS, "m", model, reason), 1);
    stage_close(stage);
}

static void test_the_last_error_of_the_models_own_targets_decides(void **state)
{
    struct stage *stage = stage_open(BY_CLASS);

    (void)state;
    stage_ask(stage, CHAT);
    stage_fail(stage, 0, FETCH_RESET);
    stage_answer(stage, 1, 429, JSON, "");
    assert_asked(stage, 2, "\"slow\"");
    assert_answered_by(stage, "slow", "connection_error"); /* why the first was left */
}

static void test_each_error_has_its_own_models(void **state)
{
    struct stage *stage = stage_open(BY_CLASS);

    (void)state;
    stage_ask(stage, CHAT);
    stage_answer(stage, 0, 429, JSON, "");
    stage_fail(stage, 1, FETCH_NO_CONNECTION);
    assert_asked(stage, 2, "\"near\"");
    assert_answered_by(stage, "near", "rate_limit");
}

static void test_an_error_without_a_list_goes_to_the_fallbacks(void **state)
{
    struct stage *stage = stage_open(BY_CLASS);

    (void)state;
    stage_ask(stage, CHAT);
    stage_answer(stage, 0, 500, JSON, "");
    stage_answer(stage, 1, 500, JSON, "");
    assert_asked(stage, 2, "\"other\"");
    assert_answered_by(stage, "other", "server_error");
}

/* The other target of the same model would say the same. */
static void test_a_prompt_that_is_too_long_goes_to_longer_models_at_once(void **state)
{
    struct stage *stage = stage_open(BY_CLASS);

    (void)state;
    stage_ask(stage, CHAT);
    stage_answer(stage, 0, 400, JSON, TOO_LONG);
    assert_asked(stage, 1, "\"long\"");
    stage_answer(stage, 1, 400, JSON, TOO_LONG);
    assert_asked(stage, 2, "\"longer\"");
    assert_answered_by(stage, "longer", "context_window");
}

static void test_a_prompt_that_is_too_long_for_all_is_told_so(void **state)
{
    struct stage *stage = stage_open(BY_CLASS);

    (void)state;
    stage_ask(stage, CHAT);
    for (size_t at = 0; at < 3; at++)
        stage_answer(stage, at, 400, JSON, TOO_LONG);
    assert_int_equal(stage_calls(stage), 3);
    assert_reply(stage, 400, "context_length_exceeded");
    stage_close(stage);
}

static void test_without_a_list_what_the_prompt_did_is_the_answer(void **state)
{
    struct stage *stage = stage_open(BY_CLASS);

    (void)state;
    stage_ask(stage, CHAT);
    stage_answer(stage, 0, 400, JSON, FILTERED);
    assert_int_equal(stage_calls(stage), 1);
    assert_reply(stage, 400, "not this");
    stage_close(stage);
}

static void test_no_fallback_holds_for_these_lists_too(void **state)
{
    struct stage *stage = stage_open(BY_CLASS);

    (void)state;
    stage_prepare(stage, "/v1/chat/completions", CHAT);
    fake_http_add_header(stage->http, "x-sluice-no-fallback", "1");
    stage_start(stage);
    stage_answer(stage, 0, 400, JSON, TOO_LONG);
    assert_int_equal(stage_calls(stage), 1);
    assert_reply(stage, 400, "too long");
    stage_close(stage);
}

/* An error that `retryable_errors` leaves out moves to the models that are named for it alone. */
static void test_a_list_moves_what_is_not_retryable(void **state)
{
    struct stage *stage = stage_open(BY_CLASS "retry: { retryable_errors: [timeout] }\n");

    (void)state;
    stage_ask(stage, CHAT);
    stage_answer(stage, 0, 429, JSON, "");
    assert_asked(stage, 1, "\"slow\"");
    assert_answered_by(stage, "slow", "rate_limit");
}

static void test_behind_open_breakers_their_last_error_decides(void **state)
{
    struct stage *stage = stage_open(BY_CLASS "circuit_breaker: { failure_threshold: 1 }\n"
                                              "retry: { max_attempts: 2 }\n");

    (void)state;
    stage_ask(stage, CHAT);
    stage_fail(stage, 0, FETCH_NO_CONNECTION);
    stage_fail(stage, 1, FETCH_NO_CONNECTION);
    stage_ask(stage, CHAT);
    assert_asked(stage, 2, "\"near\"");
    assert_answered_by(stage, "near", "connection_error");
}

static void test_attempts_count_over_all_models(void **state)
{
    struct stage *stage = stage_open(BY_CLASS "retry: { max_attempts: 2 }\n");

    (void)state;
    stage_ask(stage, CHAT);
    stage_answer(stage, 0, 400, JSON, TOO_LONG);
    stage_answer(stage, 1, 400, JSON, TOO_LONG);
    assert_int_equal(stage_calls(stage), 2);
    assert_reply(stage, 400, "too long");
    assert_text(fake_http_reply_header(stage->http, "x-sluice-attempts"), "2");
    stage_close(stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_last_error_of_the_models_own_targets_decides),
        cmocka_unit_test(test_each_error_has_its_own_models),
        cmocka_unit_test(test_an_error_without_a_list_goes_to_the_fallbacks),
        cmocka_unit_test(test_a_prompt_that_is_too_long_goes_to_longer_models_at_once),
        cmocka_unit_test(test_a_prompt_that_is_too_long_for_all_is_told_so),
        cmocka_unit_test(test_without_a_list_what_the_prompt_did_is_the_answer),
        cmocka_unit_test(test_no_fallback_holds_for_these_lists_too),
        cmocka_unit_test(test_a_list_moves_what_is_not_retryable),
        cmocka_unit_test(test_behind_open_breakers_their_last_error_decides),
        cmocka_unit_test(test_attempts_count_over_all_models),
    };

    return cmocka_run_group_tests_name("flow/fallback", tests, NULL, NULL);
}
