/* What requests teach a balance, who stays with whom, and the plan that is remembered. */
#include "flow/stage.h"
#include "flow/words.h"

#include <string.h>

#define TARGETS                                                                                \
    " targets: [ { name: x, provider: alpha }, { name: y, provider: beta } ],"                 \
    " description: two } }\nmodels_only: true\n"

static struct target_state *state_of(struct stage *stage, const char *id)
{
    return targets_get(&stage->env.targets, id);
}

/* The target of the last request, which is answered. */
static const char *answered_by(struct stage *stage)
{
    size_t at = stage_calls(stage) - 1;

    stage_answer(stage, at, 200, JSON, ANSWER);
    assert_int_equal(fake_http_status(stage->http), 200);
    return strstr(fake_fetch_url(stage_call(stage, at)), "alpha") ? "m:x" : "m:y";
}

/* ---- least_latency ---- */

static void test_streams_and_whole_answers_are_timed_apart(void **state)
{
    struct stage *stage =
        stage_open(PROVIDERS "models: { m: { balance: least_latency,"
                             " targets: [ { name: x, provider: alpha } ] } }\n");
    const struct latency *latency = state_of(stage, "m:x")->latency;

    (void)state;
    stage_ask(stage, STREAM);
    assert_true(latency[true].asked_ms > 0);
    stage_head(stage, 0, 200, EVENTS);
    stage_body(stage, 0, ROLE);
    assert_int_equal(latency[true].peak_us, 0); /* says nothing yet */
    stage_body(stage, 0, HELLO);
    assert_true(latency[true].peak_us > 0); /* known before the stream has ended */
    stage_body(stage, 0, DONE);
    stage_end(stage, 0);
    assert_int_equal(latency[false].asked_ms, 0);
    stage_ask(stage, CHAT);
    stage_answer(stage, 1, 200, JSON, ANSWER);
    assert_true(latency[false].peak_us > 0 && latency[false].asked_ms > 0);
    stage_close(stage);
}

static void test_an_error_is_no_fast_answer_and_a_silence_is_a_slow_one(void **state)
{
    struct stage *stage =
        stage_open(PROVIDERS "models: { m: { balance: least_latency,"
                             " targets: [ { name: x, provider: alpha } ] } }\n"
                             "retry: { max_attempts: 1 }\n"
                             "timeouts: { first_byte: 5s }\n");
    const struct latency *latency = state_of(stage, "m:x")->latency;

    (void)state;
    stage_ask(stage, CHAT);
    stage_answer(stage, 0, 500, JSON, ERROR_BODY("no", "server_error"));
    assert_int_equal(latency[false].peak_us, 0);
    stage_ask(stage, STREAM);
    stage_connect(stage, 1);
    stage_advance(stage, 5000);
    assert_reply(stage, 504, "upstream_timeout");
    assert_true(latency[true].peak_us > 0);
    stage_close(stage);
}

static void test_other_balances_learn_no_latency(void **state)
{
    struct stage *stage = stage_open(ONE_TARGET);
    const struct latency *latency = state_of(stage, "m:alpha")->latency;

    (void)state;
    stage_ask(stage, CHAT);
    stage_answer(stage, 0, 200, JSON, ANSWER);
    assert_int_equal(latency[false].peak_us + latency[false].asked_ms, 0);
    stage_close(stage);
}

/* ---- least_busy ---- */

static void test_the_next_request_goes_where_fewer_are(void **state)
{
    struct stage *stage = stage_open(PROVIDERS "models: { m: { balance: least_busy," TARGETS);

    (void)state;
    for (int i = 0; i < 20; i++) {
        const char *busy = i % 2 ? "m:x" : "m:y";

        state_of(stage, busy)->in_flight++; /* somebody else's */
        stage_ask(stage, CHAT);
        assert_string_not_equal(answered_by(stage), busy);
        state_of(stage, busy)->in_flight--;
    }
    stage_close(stage);
}

/* ---- sticky ---- */

static const char *ask_in_session(struct stage *stage, const char *session)
{
    stage_prepare(stage, "/v1/chat/completions", CHAT);
    if (session)
        fake_http_add_header(stage->http, "x-session-id", session);
    stage_start(stage);
    return answered_by(stage);
}

static void test_a_session_stays_with_one_target(void **state)
{
    static const char *const sessions[] = { "a", "b", "c", "d", "e", "f", "g", "h" };
    struct stage *stage = stage_open(PROVIDERS "models: { m: { sticky: session," TARGETS);
    int alpha = 0;

    (void)state;
    for (size_t i = 0; i < 8; i++) {
        const char *first = ask_in_session(stage, sessions[i]);

        for (int j = 0; j < 5; j++)
            assert_string_equal(ask_in_session(stage, sessions[i]), first);
        alpha += strcmp(first, "m:x") == 0;
    }
    assert_in_range(alpha, 1, 7); /* and not all with the same */
    stage_close(stage);
}

/* 40 that are drawn: all at one target once in 5 * 10^11 runs. */
static void test_without_a_session_they_are_drawn(void **state)
{
    struct stage *stage = stage_open(PROVIDERS "models: { m: { sticky: session," TARGETS);
    int alpha = 0;

    (void)state;
    for (int i = 0; i < 40; i++)
        alpha += strcmp(ask_in_session(stage, NULL), "m:x") == 0;
    assert_in_range(alpha, 1, 39);
    stage_close(stage);
}

static void test_a_user_stays_with_one_target(void **state)
{
    static const char body[] = "{\"model\":\"m\",\"user\":\"ada\",\"messages\":[]}";
    struct stage *stage = stage_open(PROVIDERS "models: { m: { sticky: user," TARGETS);
    const char *first;

    (void)state;
    stage_ask(stage, body);
    first = answered_by(stage);
    for (int i = 0; i < 20; i++) {
        stage_ask(stage, body);
        assert_string_equal(answered_by(stage), first);
    }
    stage_close(stage);
}

/* Where there are no keys everybody is called anonymous, which is no identity. */
static void test_callers_without_keys_do_not_stick(void **state)
{
    struct stage *stage = stage_open(PROVIDERS "models: { m: { sticky: key," TARGETS);
    int alpha = 0;

    (void)state;
    for (int i = 0; i < 40; i++)
        alpha += strcmp(ask_in_session(stage, NULL), "m:x") == 0;
    assert_in_range(alpha, 1, 39);
    stage_close(stage);
}

/* ---- the bill ---- */

static void test_a_target_with_its_own_price_is_billed_by_it(void **state)
{
    struct stage *stage =
        stage_open(PROVIDERS "models: { m: { cost_per_mtok: 1, targets: [\n"
                             "  { provider: alpha, cost_per_mtok: { input: 8, output: 32 } },\n"
                             "  { provider: beta, priority: 2 } ] } }\n"
                             "retry: { max_attempts: 2 }\n");

    (void)state;
    stage_ask(stage, CHAT);
    stage_answer(stage, 0, 200, JSON, ANSWER);
    stage_ask(stage, CHAT);
    stage_fail(stage, 1, FETCH_RESET);
    stage_answer(stage, 2, 200, JSON, ANSWER);
    stage_read_logs(stage);
    assert_holds(buf_span(&stage->access), "\"cost_usd\":0.000152");
    assert_holds(buf_span(&stage->access), "\"cost_usd\":0.00001,");
    stage_close(stage);
}

/* ---- the last plan ---- */

static const struct last_plan *last_plan(struct stage *stage)
{
    return last_plan_of(models_get(&stage->env.models, "m"), stage->env.config);
}

static void test_the_last_plan_is_remembered_with_its_fallbacks(void **state)
{
    struct stage *stage =
        stage_open(PROVIDERS "models:\n"
                             "  m: { fallbacks: [ n ], targets: [ { provider: alpha },\n"
                             "       { name: z, provider: beta, weight: 0 } ] }\n"
                             "  n: { targets: [ { provider: beta } ] }\n");

    (void)state;
    assert_null(last_plan(stage));
    stage_ask(stage, CHAT);
    assert_int_equal(last_plan(stage)->count, 1);
    assert_int_equal(last_plan(stage)->at_ms, loop_now_ms(stage->loop));
    stage_fail(stage, 0, FETCH_RESET);
    assert_int_equal(last_plan(stage)->count, 2);
    assert_string_equal(last_plan(stage)->steps[0].why, "weight");
    assert_string_equal(last_plan(stage)->steps[1].id, "n:beta");
    assert_string_equal(last_plan(stage)->steps[1].why, "fallback");
    assert_int_equal(last_plan(stage)->skipped_count, 1);
    assert_string_equal(last_plan(stage)->skipped[0].id, "m:z");
    assert_string_equal(last_plan(stage)->skipped[0].why, "its weight is 0");
    stage_answer(stage, 1, 200, JSON, ANSWER);
    stage_close(stage);
}

static void test_what_is_not_listed_is_not_remembered(void **state)
{
    struct stage *stage = stage_open(PROVIDERS);

    (void)state;
    stage_ask(stage, "{\"model\":\"alpha/anything\",\"messages\":[]}");
    stage_answer(stage, 0, 200, JSON, ANSWER);
    assert_int_equal(stage->env.models.by_name.count, 0);
    stage_close(stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_streams_and_whole_answers_are_timed_apart),
        cmocka_unit_test(test_an_error_is_no_fast_answer_and_a_silence_is_a_slow_one),
        cmocka_unit_test(test_other_balances_learn_no_latency),
        cmocka_unit_test(test_the_next_request_goes_where_fewer_are),
        cmocka_unit_test(test_a_session_stays_with_one_target),
        cmocka_unit_test(test_without_a_session_they_are_drawn),
        cmocka_unit_test(test_a_user_stays_with_one_target),
        cmocka_unit_test(test_callers_without_keys_do_not_stick),
        cmocka_unit_test(test_a_target_with_its_own_price_is_billed_by_it),
        cmocka_unit_test(test_the_last_plan_is_remembered_with_its_fallbacks),
        cmocka_unit_test(test_what_is_not_listed_is_not_remembered),
    };

    return cmocka_run_group_tests_name("balance", tests, NULL, NULL);
}
