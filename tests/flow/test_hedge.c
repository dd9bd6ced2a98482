/* AWAIT with two attempts: the first content answers, and of the other nothing is left. */
#include "flow/stage.h"
#include "flow/words.h"

#include "policy/hedge.h"

#define THREE                                                                                  \
    PROVIDERS "  gamma: { kind: openai, base_url: \"http://gamma.test/v1\", keys: [k] }\n"

/* alpha, then beta, then gamma. */
#define HEDGED(rule)                                                                           \
    THREE                                                                                      \
    "models:\n"                                                                                \
    "  m:\n"                                                                                   \
    "    targets: [ { provider: alpha, priority: 1 }, { provider: beta, priority: 2 },\n"      \
    "               { provider: gamma, priority: 3 } ]\n"                                      \
    "    hedge: " rule "\n"                                                                    \
    "models_only: true\n"

#define AFTER_800MS HEDGED("{ after: 800ms, budget: 1 }")

#define FAILED_503(stage, at)                                                                  \
    stage_answer(stage, at, 503, JSON, ERROR_BODY("busy", "server_error"))

static void assert_attempts(struct stage *stage, const char *target, const char *outcome)
{
    assert_int_equal(stage_count(stage, METER_ATTEMPTS, target, outcome, NULL), 1);
}

static void assert_hedges(struct stage *stage, const char *outcome, uint64_t count)
{
    uint64_t all = 0;

    for (size_t i = 0; i < 4; i++) {
        static const char *const outcomes[] = { "won", "lost", "failed", "cancelled" };

        all += stage_count(stage, METER_HEDGES, "m", outcomes[i], NULL);
    }
    assert_int_equal(all, count);
    assert_int_equal(stage_count(stage, METER_HEDGES, "m", outcome, NULL), count);
}

/* A request of which alpha, and from then on beta, has said nothing. */
static struct stage *open_hedged(const char *yaml, const char *request)
{
    struct stage *stage = stage_open(yaml);

    stage_ask(stage, request);
    stage_connect(stage, 0);
    stage_advance(stage, 799);
    assert_int_equal(stage_calls(stage), 1);
    stage_advance(stage, 1);
    assert_int_equal(stage_calls(stage), 2);
    assert_string_equal(fake_fetch_url(stage_call(stage, 1)),
                        "http://beta.test/v1/chat/completions");
    assert_false(fake_fetch_is_closed(stage_call(stage, 0)));
    return stage;
}

static void assert_answered_by(struct stage *stage, const char *target, const char *attempts)
{
    assert_reply(stage, 200, "Hello");
    assert_text(fake_http_reply_header(stage->http, "x-sluice-target"), target);
    assert_text(fake_http_reply_header(stage->http, "x-sluice-attempts"), attempts);
}

/* ---- who is first ---- */

static void test_the_second_answers_a_stream(void **state)
{
    struct stage *stage = stage_open(AFTER_800MS);

    (void)state;
    stage_ask(stage, STREAM);
    stage_head(stage, 0, 200, EVENTS);
    stage_body(stage, 0, ": of alpha\n\n"); /* a sign of life is no content */
    stage_advance(stage, 800);
    stage_head(stage, 1, 200, EVENTS);
    stage_body(stage, 1, ROLE);
    assert_false(fake_fetch_is_closed(stage_call(stage, 0)));
    stage_body(stage, 1, HELLO);
    assert_true(fake_fetch_is_cancelled(stage_call(stage, 0))); /* at once */
    stage_body(stage, 1, FINISH DONE);
    stage_end(stage, 1);
    assert_answered_by(stage, "m:beta", "2");
    assert_text(fake_http_reply_body(stage->http), ROLE HELLO FINISH DONE);
    assert_attempts(stage, "m:alpha", "cancelled");
    assert_attempts(stage, "m:beta", "ok");
    assert_hedges(stage, "won", 1);
    stage_close(stage);
}

static void test_the_first_answers_a_stream(void **state)
{
    struct stage *stage = open_hedged(AFTER_800MS, STREAM);

    (void)state;
    stage_head(stage, 1, 200, EVENTS);
    stage_body(stage, 1, ": of beta\n\n");
    stage_head(stage, 0, 200, EVENTS);
    stage_body(stage, 0, HELLO);
    assert_true(fake_fetch_is_cancelled(stage_call(stage, 1)));
    stage_body(stage, 0, WORLD DONE);
    stage_end(stage, 0);
    assert_answered_by(stage, "m:alpha", "2");
    assert_text(fake_http_reply_body(stage->http), HELLO WORLD DONE);
    assert_attempts(stage, "m:alpha", "ok");
    assert_attempts(stage, "m:beta", "cancelled");
    assert_hedges(stage, "lost", 1);
    stage_close(stage);
}

static void test_the_first_whole_answer_wins(void **state)
{
    (void)state;
    for (size_t winner = 0; winner < 2; winner++) {
        struct stage *stage = open_hedged(AFTER_800MS, CHAT);

        stage_head(stage, 1 - winner, 200, JSON); /* a head is no answer yet */
        assert_false(fake_fetch_is_closed(stage_call(stage, winner)));
        stage_answer(stage, winner, 200, JSON, ANSWER);
        assert_true(fake_fetch_is_cancelled(stage_call(stage, 1 - winner)));
        assert_answered_by(stage, winner ? "m:beta" : "m:alpha", "2");
        assert_attempts(stage, winner ? "m:alpha" : "m:beta", "cancelled");
        assert_attempts(stage, winner ? "m:beta" : "m:alpha", "ok");
        assert_hedges(stage, winner ? "won" : "lost", 1);
        stage_close(stage);
    }
}

/* ---- one of them fails, or both ---- */

static void test_the_first_fails_and_the_second_goes_on(void **state)
{
    struct stage *stage = open_hedged(AFTER_800MS, STREAM);

    (void)state;
    stage_connect(stage, 1);
    stage_fail(stage, 0, FETCH_RESET);
    assert_int_equal(stage_calls(stage), 2); /* it has what the next attempt would be */
    stage_advance(stage, 5000);
    assert_int_equal(stage_calls(stage), 2); /* and is not hedged again */
    stage_answer(stage, 1, 200, EVENTS, HELLO DONE);
    assert_answered_by(stage, "m:beta", "2");
    assert_attempts(stage, "m:alpha", "connection_error");
    assert_attempts(stage, "m:beta", "ok");
    assert_hedges(stage, "won", 1);
    stage_close(stage);
}

static void test_the_second_fails_and_the_first_goes_on(void **state)
{
    struct stage *stage = open_hedged(AFTER_800MS, CHAT);

    (void)state;
    FAILED_503(stage, 1);
    assert_int_equal(fake_http_status(stage->http), 0); /* the client learns nothing of it */
    stage_advance(stage, 5000);
    assert_int_equal(stage_calls(stage), 2);
    stage_answer(stage, 0, 200, JSON, ANSWER);
    assert_answered_by(stage, "m:alpha", "2");
    assert_attempts(stage, "m:alpha", "ok");
    assert_attempts(stage, "m:beta", "server_error");
    assert_hedges(stage, "failed", 1);
    stage_close(stage);
}

static void test_when_both_fail_the_next_target_is_asked(void **state)
{
    (void)state;
    for (size_t first = 0; first < 2; first++) {
        struct stage *stage = open_hedged(AFTER_800MS, STREAM);

        FAILED_503(stage, first);
        assert_int_equal(stage_calls(stage), 2);
        FAILED_503(stage, 1 - first);
        assert_int_equal(stage_calls(stage), 3);
        assert_string_equal(fake_fetch_url(stage_call(stage, 2)),
                            "http://gamma.test/v1/chat/completions");
        stage_answer(stage, 2, 200, EVENTS, HELLO DONE);
        assert_answered_by(stage, "m:gamma", "3");
        assert_hedges(stage, "failed", 1);
        stage_close(stage);
    }
}

static void test_both_fail_in_one_turn(void **state)
{
    struct stage *stage = open_hedged(AFTER_800MS, STREAM);

    (void)state;
    fake_fetch_fail(stage_call(stage, 0), FETCH_RESET);
    fake_fetch_fail(stage_call(stage, 1), FETCH_RESET);
    fake_loop_settle(stage->loop);
    assert_int_equal(stage_calls(stage), 3);
    stage_answer(stage, 2, 200, EVENTS, HELLO DONE);
    assert_answered_by(stage, "m:gamma", "3");
    stage_close(stage);
}

static void test_both_answer_in_one_turn(void **state)
{
    struct stage *stage = open_hedged(AFTER_800MS, STREAM);

    (void)state;
    for (size_t at = 0; at < 2; at++) {
        fake_fetch_head(stage_call(stage, at), 200, "content-type: text/event-stream\n");
        (void)fake_fetch_body(stage_call(stage, at), SPAN_OF(HELLO DONE));
    }
    fake_loop_settle(stage->loop);
    assert_answered_by(stage, "m:alpha", "2");
    assert_text(fake_http_reply_body(stage->http), HELLO DONE);
    stage_close(stage);
}

static void test_a_dead_connection_of_the_first_is_not_tried_again(void **state)
{
    struct stage *stage = open_hedged(AFTER_800MS, STREAM);

    (void)state;
    FAILED_503(stage, 1);
    fake_fetch_fail_stale(stage_call(stage, 0));
    fake_loop_settle(stage->loop);
    assert_string_equal(fake_fetch_url(stage_call(stage, 2)),
                        "http://gamma.test/v1/chat/completions"); /* beta had its turn */
    stage_answer(stage, 2, 200, EVENTS, HELLO DONE);
    assert_answered_by(stage, "m:gamma", "3");
    assert_attempts(stage, "m:alpha", "cancelled");
    stage_close(stage);
}

static void test_each_has_its_own_clocks(void **state)
{
    struct stage *stage = open_hedged(AFTER_800MS "timeouts: { first_byte: 2s }\n", STREAM);

    (void)state;
    stage_connect(stage, 1);
    stage_advance(stage, 1199);
    assert_false(fake_fetch_is_closed(stage_call(stage, 0)));
    stage_advance(stage, 1);
    assert_true(fake_fetch_is_cancelled(stage_call(stage, 0))); /* 2 s after its start */
    assert_false(fake_fetch_is_closed(stage_call(stage, 1)));
    stage_advance(stage, 799);
    assert_false(fake_fetch_is_closed(stage_call(stage, 1)));
    stage_advance(stage, 1);
    assert_true(fake_fetch_is_cancelled(stage_call(stage, 1)));
    stage_answer(stage, 2, 200, EVENTS, HELLO DONE);
    assert_attempts(stage, "m:alpha", "timeout");
    assert_attempts(stage, "m:beta", "timeout");
    assert_hedges(stage, "failed", 1);
    stage_close(stage);
}

static void test_the_seconds_clocks_wake_the_exchange(void **state)
{
    struct stage *stage = open_hedged(AFTER_800MS "timeouts: { connect: 1s }\n", STREAM);

    (void)state;
    stage_advance(stage, 999);
    assert_false(fake_fetch_is_closed(stage_call(stage, 1)));
    stage_advance(stage, 1);
    assert_true(fake_fetch_is_cancelled(stage_call(stage, 1))); /* no connection in a second */
    stage_answer(stage, 0, 200, EVENTS, HELLO DONE);
    assert_answered_by(stage, "m:alpha", "2");
    assert_attempts(stage, "m:beta", "timeout");
    stage_close(stage);
}

/* ---- the end of both ---- */

static void test_a_client_that_leaves_cancels_both(void **state)
{
    struct stage *stage = open_hedged(AFTER_800MS, STREAM);

    (void)state;
    stage_leave(stage);
    assert_true(fake_fetch_is_cancelled(stage_call(stage, 0)));
    assert_true(fake_fetch_is_cancelled(stage_call(stage, 1)));
    assert_attempts(stage, "m:alpha", "cancelled");
    assert_attempts(stage, "m:beta", "cancelled");
    assert_hedges(stage, "cancelled", 1);
    stage_close(stage);
}

static void test_of_two_only_the_first_is_drained(void **state)
{
    struct stage *stage = stage_open(
        "providers:\n"
        "  alpha: { kind: openai, base_url: \"http://a.test/v1\", keys: [k],\n"
        "           on_client_gone: drain }\n"
        "  beta: { kind: openai, base_url: \"http://b.test/v1\", keys: [k],\n"
        "          on_client_gone: drain }\n"
        "models: { m: { targets: [ { provider: alpha }, { provider: beta, priority: 2 } ],\n"
        "               hedge: { after: 1s } } }\n");

    (void)state;
    stage_ask(stage, CHAT);
    stage_connect(stage, 0);
    stage_advance(stage, 1000);
    stage_connect(stage, 1);
    stage_leave(stage);
    assert_true(fake_fetch_is_cancelled(stage_call(stage, 1)));
    assert_false(fake_fetch_is_closed(stage_call(stage, 0)));
    stage_answer(stage, 0, 200, JSON, ANSWER);
    assert_attempts(stage, "m:alpha", "ok");
    stage_close(stage);
}

static void test_the_total_clock_ends_both(void **state)
{
    struct stage *stage = open_hedged(AFTER_800MS "timeouts: { total: 3s }\n", STREAM);

    (void)state;
    stage_connect(stage, 1);
    stage_advance(stage, 2200);
    assert_reply(stage, 504, "longer than it may");
    assert_true(fake_fetch_is_cancelled(stage_call(stage, 0)));
    assert_true(fake_fetch_is_cancelled(stage_call(stage, 1)));
    assert_hedges(stage, "cancelled", 1);
    stage_close(stage);
}

static void test_the_end_of_a_drain_ends_both(void **state)
{
    struct stage *stage = open_hedged(AFTER_800MS, STREAM);

    (void)state;
    exchange_stop_all(&stage->env);
    fake_loop_settle(stage->loop);
    assert_reply(stage, 503, "shutting down");
    assert_true(fake_fetch_is_cancelled(stage_call(stage, 1)));
    stage_close(stage);
}

/* ---- when there is none ---- */

static void test_never_after_the_commit(void **state)
{
    struct stage *stage = stage_open(AFTER_800MS);

    (void)state;
    stage_ask(stage, STREAM);
    stage_head(stage, 0, 200, EVENTS);
    stage_body(stage, 0, HELLO);
    stage_advance(stage, 5000);
    stage_body(stage, 0, DONE);
    stage_end(stage, 0);
    assert_int_equal(stage_calls(stage), 1);
    assert_hedges(stage, "won", 0);
    stage_close(stage);
}

static void test_not_while_an_answer_comes(void **state)
{
    struct stage *stage = stage_open(AFTER_800MS);

    (void)state;
    stage_ask(stage, CHAT);
    stage_head(stage, 0, 200, JSON);
    stage_advance(stage, 5000);
    stage_body(stage, 0, ANSWER);
    stage_end(stage, 0);
    assert_int_equal(stage_calls(stage), 1);
    stage_close(stage);
}

static void wait_in_vain(const char *yaml, const char *header)
{
    struct stage *stage = stage_open(yaml);

    stage_prepare(stage, "/v1/chat/completions", STREAM);
    if (header)
        fake_http_add_header(stage->http, header, "1");
    stage_start(stage);
    stage_connect(stage, 0);
    stage_advance(stage, 5000);
    assert_int_equal(stage_calls(stage), 1);
    stage_answer(stage, 0, 200, EVENTS, HELLO DONE);
    assert_answered_by(stage, "m:alpha", "1");
    stage_close(stage);
}

static void test_never_at_the_same_target_or_at_another_model(void **state)
{
    (void)state;
    wait_in_vain(THREE "models:\n"
                       "  m: { targets: [ { provider: alpha } ], fallbacks: [ n ],\n"
                       "       hedge: { after: 800ms } }\n"
                       "  n: { targets: [ { provider: beta } ] }\n",
                 NULL);
}

static void test_not_beyond_max_attempts(void **state)
{
    (void)state;
    wait_in_vain(AFTER_800MS "retry: { max_attempts: 1 }\n", NULL);
}

static void test_a_request_that_must_not_fall_back_may_be_hedged(void **state)
{
    struct stage *stage = stage_open(AFTER_800MS);

    (void)state;
    stage_prepare(stage, "/v1/chat/completions", STREAM);
    fake_http_add_header(stage->http, "x-sluice-no-fallback", "1");
    stage_start(stage);
    stage_advance(stage, 800);
    stage_answer(stage, 1, 200, EVENTS, HELLO DONE);
    assert_answered_by(stage, "m:beta", "2");
    stage_close(stage);
}

static void test_a_target_whose_breaker_is_open_is_passed_over(void **state)
{
    struct stage *stage = stage_open(
        AFTER_800MS "circuit_breaker: { failure_threshold: 1, timeout_seconds: 600 }\n");
    struct target_state *beta;

    (void)state;
    stage_ask(stage, STREAM);
    beta = targets_get(&stage->env.targets, "m:beta"); /* it opens while the request waits */
    beta->breaker.state = BREAKER_OPEN;
    beta->breaker.opened_ms = loop_now_ms(stage->loop);
    stage_advance(stage, 800);
    assert_string_equal(fake_fetch_url(stage_call(stage, 1)),
                        "http://gamma.test/v1/chat/completions");
    stage_answer(stage, 1, 200, EVENTS, HELLO DONE);
    assert_answered_by(stage, "m:gamma", "2");
    stage_close(stage);
}

/* ---- how many ---- */

/* One request, which alpha answers once it has waited; were there two calls? */
static bool is_hedged(struct stage *stage, uint64_t wait_ms)
{
    bool hedged;

    fake_fetch_forget(stage->pool);
    stage_ask(stage, STREAM);
    stage_connect(stage, 0);
    stage_advance(stage, wait_ms);
    hedged = stage_calls(stage) == 2;
    stage_answer(stage, 0, 200, EVENTS, HELLO DONE);
    assert_int_equal(fake_http_status(stage->http), 200);
    return hedged;
}

static void test_the_budget_holds(void **state)
{
    struct stage *stage = stage_open(HEDGED("{ after: 800ms, budget: 0.1 }"));
    uint32_t hedged = 0;

    (void)state;
    for (uint32_t i = 0; i < 100; i++) {
        hedged += is_hedged(stage, 900);
        assert_true(hedged <= HEDGE_FLOOR + (i + 1) / 10);
    }
    assert_int_equal(hedged, HEDGE_FLOOR + 10 - 1); /* what the first earned found no room */
    assert_hedges(stage, "lost", hedged);
    stage_close(stage);
}

static void test_hedges_count_as_retries(void **state)
{
    struct stage *stage =
        stage_open(HEDGED("{ after: 1ms, budget: 1 }") "retry: { budget: 0.000001 }\n");
    uint32_t hedged = 0;

    (void)state;
    for (uint32_t i = 0; i < 200; i++)
        hedged += is_hedged(stage, 1);
    assert_int_equal(hedged, RETRY_BUDGET_FLOOR * RETRY_BUDGET_SLOTS);
    stage_close(stage);
}

static void test_the_time_is_learnt_from_the_answers(void **state)
{
    struct stage *stage = stage_open(HEDGED("{ after: p90 }"));

    (void)state;
    for (uint32_t i = 0; i < HEDGE_TIMES_MIN; i++)
        assert_false(is_hedged(stage, i < 18 ? 20 : 3000)); /* not enough is known */
    assert_false(is_hedged(stage, 20));
    assert_true(is_hedged(stage, 21));
    stage_close(stage);
}

/* Were a request that the second answered counted as fast, the percentile would fall and fall. */
static void test_a_hedge_that_wins_does_not_make_the_next_come_sooner(void **state)
{
    struct stage *stage = stage_open(HEDGED("{ after: p50, budget: 1 }"));
    struct hedge *hedge = hedges_get(&stage->env.hedges, "m");
    const struct config_hedge *rule = &stage->env.config->models[0].hedge;

    (void)state;
    for (uint32_t i = 0; i < 50; i++)
        (void)is_hedged(stage, 20);
    for (uint32_t i = 0; i < 100; i++) {
        fake_fetch_forget(stage->pool);
        stage_ask(stage, STREAM);
        stage_advance(stage, hedge_after_ms(hedge, rule, HEDGE_STREAM));
        stage_answer(stage, stage_calls(stage) - 1, 200, EVENTS, HELLO DONE);
    }
    assert_true(hedge_after_ms(hedge, rule, HEDGE_STREAM) >= 21);
    stage_close(stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_second_answers_a_stream),
        cmocka_unit_test(test_the_first_answers_a_stream),
        cmocka_unit_test(test_the_first_whole_answer_wins),
        cmocka_unit_test(test_the_first_fails_and_the_second_goes_on),
        cmocka_unit_test(test_the_second_fails_and_the_first_goes_on),
        cmocka_unit_test(test_when_both_fail_the_next_target_is_asked),
        cmocka_unit_test(test_both_fail_in_one_turn),
        cmocka_unit_test(test_both_answer_in_one_turn),
        cmocka_unit_test(test_a_dead_connection_of_the_first_is_not_tried_again),
        cmocka_unit_test(test_each_has_its_own_clocks),
        cmocka_unit_test(test_the_seconds_clocks_wake_the_exchange),
        cmocka_unit_test(test_a_client_that_leaves_cancels_both),
        cmocka_unit_test(test_of_two_only_the_first_is_drained),
        cmocka_unit_test(test_the_total_clock_ends_both),
        cmocka_unit_test(test_the_end_of_a_drain_ends_both),
        cmocka_unit_test(test_never_after_the_commit),
        cmocka_unit_test(test_not_while_an_answer_comes),
        cmocka_unit_test(test_never_at_the_same_target_or_at_another_model),
        cmocka_unit_test(test_not_beyond_max_attempts),
        cmocka_unit_test(test_a_request_that_must_not_fall_back_may_be_hedged),
        cmocka_unit_test(test_a_target_whose_breaker_is_open_is_passed_over),
        cmocka_unit_test(test_the_budget_holds),
        cmocka_unit_test(test_hedges_count_as_retries),
        cmocka_unit_test(test_the_time_is_learnt_from_the_answers),
        cmocka_unit_test(test_a_hedge_that_wins_does_not_make_the_next_come_sooner),
    };

    return cmocka_run_group_tests_name("flow/hedge", tests, NULL, NULL);
}
