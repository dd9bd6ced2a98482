/* What a client may ask of the gateway in headers of its own. */
#include "flow/stage.h"
#include "flow/words.h"

static void ask_with(struct stage *stage, const char *header, const char *value)
{
    stage_prepare(stage, "/v1/chat/completions", CHAT);
    fake_http_add_header(stage->http, header, value);
    stage_start(stage);
}

#define TOO_LONG                                                                               \
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"                         \
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdefX"

static void test_an_invalid_value_names_the_header_and_what_is_allowed(void **state)
{
    static const struct {
        const char *header;
        const char *value;
        const char *allowed;
    } rows[] = {
        { "X-Blue-Weight", "101", "allowed: a whole number from 0 to 100." },
        { "X-Blue-Weight", "50%", "allowed: a whole number from 0 to 100." },
        { "X-Blue-Weight", "", "allowed: a whole number from 0 to 100." },
        { "X-Canary", "yes", "allowed: enabled." },
        { "X-Deployment-Environment", "red", "allowed: auto, blue, green." },
        { "X-Deployment-Environment", "", "allowed: auto, blue, green." },
        { "X-Session-Id", "", "allowed: 1 to 128 visible ASCII characters." },
        { "X-Session-Id", "two words", "allowed: 1 to 128 visible ASCII characters." },
        { "X-Session-Id", "caf\xc3\xa9", "allowed: 1 to 128 visible ASCII characters." },
        { "X-Session-Id", TOO_LONG, "allowed: 1 to 128 visible ASCII characters." },
        { "X-Sluice-No-Fallback", "yes", "allowed: 1." },
        { "X-Sluice-No-Fallback", "", "allowed: 1." },
        { "X-Sluice-Task", "hard", "allowed: simple, standard, advanced." },
        { "X-Sluice-Timeout-Ms", "0", "allowed: a whole number from 1 to 86400000." },
        { "X-Sluice-Timeout-Ms", "86400001", "allowed: a whole number from 1 to 86400000." },
        { "X-Sluice-Timeout-Ms", "-5", "allowed: a whole number from 1 to 86400000." },
        { "X-Sluice-Timeout-Ms", "5s", "allowed: a whole number from 1 to 86400000." },
    };
    struct stage *stage = stage_open(ONE_TARGET);

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ask_with(stage, rows[i].header, rows[i].value);
        assert_reply(stage, 400, "\"invalid_value\"");
        assert_holds(fake_http_reply_body(stage->http), rows[i].header);
        assert_holds(fake_http_reply_body(stage->http), rows[i].allowed);
    }
    assert_int_equal(stage_calls(stage), 0);
    stage_close(stage);
}

/* ---- X-Sluice-No-Fallback ---- */

#define WITH_FALLBACKS                                                                         \
    PROVIDERS "models:\n"                                                                      \
              "  m: { targets: [ { provider: alpha, priority: 1 },\n"                          \
              "                  { provider: beta, priority: 2 } ], fallbacks: [ n ] }\n"      \
              "  n: { targets: [ { provider: beta } ] }\n"                                     \
              "fallback_model: n\n"                                                            \
              "retry: { max_attempts: 3 }\n"

static void test_without_fallbacks_the_models_own_targets_are_all_there_is(void **state)
{
    struct stage *stage = stage_open(WITH_FALLBACKS);

    (void)state;
    ask_with(stage, "x-sluice-no-fallback", "1");
    stage_answer(stage, 0, 500, JSON, "");
    stage_answer(stage, 1, 500, JSON, "");
    assert_int_equal(stage_calls(stage), 2); /* the third waits for the first target's turn */
    stage_advance(stage, 1000);
    assert_string_equal(fake_fetch_url(stage_call(stage, 2)),
                        "http://alpha.test/v1/chat/completions");
    stage_answer(stage, 2, 500, JSON, "");
    assert_reply(stage, 500, "error");
    assert_text(fake_http_reply_header(stage->http, "x-sluice-target"), "m:alpha");
    stage_close(stage);
}

static void test_without_fallbacks_open_breakers_are_the_end(void **state)
{
    struct stage *stage =
        stage_open(PROVIDERS "models:\n"
                             "  m: { targets: [ { provider: alpha } ], fallbacks: [ n ] }\n"
                             "  n: { targets: [ { provider: beta } ] }\n"
                             "circuit_breaker: { failure_threshold: 1 }\n"
                             "retry: { max_attempts: 1 }\n");

    (void)state;
    stage_ask(stage, CHAT);
    stage_fail(stage, 0, FETCH_RESET);
    ask_with(stage, "X-Sluice-No-Fallback", "1");
    assert_reply(stage, 503, "\"no_healthy_target\"");
    stage_ask(stage, CHAT);
    stage_answer(stage, 1, 200, JSON, ANSWER);
    assert_text(fake_http_reply_header(stage->http, "x-sluice-model"), "n");
    stage_close(stage);
}

/* ---- X-Sluice-Timeout-Ms ---- */

static void test_a_client_may_shorten_the_total_clock(void **state)
{
    struct stage *stage = stage_open(TWO_TARGETS);

    (void)state;
    ask_with(stage, "X-Sluice-Timeout-Ms", "1500");
    stage_fail(stage, 0, FETCH_RESET);
    stage_advance(stage, 1499);
    assert_int_equal(fake_http_status(stage->http), 0);
    stage_advance(stage, 1);
    assert_reply(stage, 504, "\"deadline_exceeded\"");
    stage_close(stage);
}

static void test_a_client_may_not_lengthen_it(void **state)
{
    struct stage *stage = stage_open(TWO_TARGETS "timeouts: { total: 2s, connect: 0 }\n");

    (void)state;
    ask_with(stage, "X-Sluice-Timeout-Ms", "5000");
    stage_advance(stage, 2000);
    assert_reply(stage, 504, "\"deadline_exceeded\"");
    stage_close(stage);
}

static void test_a_client_may_set_one_where_there_is_none(void **state)
{
    struct stage *stage = stage_open(TWO_TARGETS "timeouts: { total: 0, connect: 0 }\n");

    (void)state;
    ask_with(stage, "X-Sluice-Timeout-Ms", "5000");
    stage_advance(stage, 4999);
    assert_int_equal(fake_http_status(stage->http), 0);
    stage_advance(stage, 1);
    assert_reply(stage, 504, "\"deadline_exceeded\"");
    stage_close(stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_invalid_value_names_the_header_and_what_is_allowed),
        cmocka_unit_test(test_without_fallbacks_the_models_own_targets_are_all_there_is),
        cmocka_unit_test(test_without_fallbacks_open_breakers_are_the_end),
        cmocka_unit_test(test_a_client_may_shorten_the_total_clock),
        cmocka_unit_test(test_a_client_may_not_lengthen_it),
        cmocka_unit_test(test_a_client_may_set_one_where_there_is_none),
    };

    return cmocka_run_group_tests_name("flow/overrides", tests, NULL, NULL);
}
