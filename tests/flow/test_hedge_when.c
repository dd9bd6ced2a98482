/* When a second attempt is made beside the first, and when not. */
#include "flow/hedged.h"

#include "policy/hedge.h"

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

    return cmocka_run_group_tests_name("flow/hedge_when", tests, NULL, NULL);
}
