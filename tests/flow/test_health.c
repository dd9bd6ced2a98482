/* What attempts teach about a target, and what they do not. */
#include "flow/stage.h"
#include "flow/words.h"
#include "policy/route.h"

#define HEALTH                                                                                 \
    "circuit_breaker: { failure_threshold: 2, timeout_seconds: 30, half_open_requests: 1 }\n"  \
    "retry: { max_attempts: 1 }\n"                                                             \
    "health: { min_requests: 1, latency_threshold: 1s, slow_start: 30s }\n"

static struct health_factors look(struct stage *stage)
{
    const struct config_target *target = stage->env.config->models[0].targets;

    return route_health(stage->env.config, targets_get(&stage->env.targets, target->id),
                        loop_now_ms(stage->loop));
}

static void test_good_and_bad_attempts_count(void **state)
{
    struct stage *stage = stage_open(ONE_TARGET HEALTH);

    (void)state;
    stage_ask(stage, CHAT);
    stage_answer(stage, 0, 200, JSON, ANSWER);
    stage_ask(stage, CHAT);
    stage_fail(stage, 1, FETCH_RESET);
    assert_int_equal(look(stage).recent.good, 1);
    assert_int_equal(look(stage).recent.bad, 1);
    assert_int_equal(look(stage).health, HEALTH_LEAST);
    stage_close(stage);
}

static void test_being_turned_away_costs_health_and_opens_no_breaker(void **state)
{
    struct stage *stage = stage_open(ONE_TARGET HEALTH);

    (void)state;
    for (size_t i = 0; i < 5; i++) {
        stage_ask(stage, CHAT);
        stage_answer(stage, i, 429, JSON, "{\"error\":{\"message\":\"slowly\"}}");
    }
    assert_int_equal(look(stage).recent.bad, 5);
    assert_int_equal(look(stage).breaker, HEALTH_FULL);
    assert_int_equal(look(stage).health, HEALTH_LEAST);
    stage_close(stage);
}

static void test_what_the_client_did_says_nothing(void **state)
{
    struct stage *stage = stage_open(ONE_TARGET HEALTH);

    (void)state;
    stage_ask(stage, CHAT);
    stage_answer(stage, 0, 400, JSON, "{\"error\":{\"message\":\"no such thing\"}}");
    stage_ask(stage, CHAT);
    stage_leave(stage);
    assert_int_equal(look(stage).recent.good + look(stage).recent.bad, 0);
    stage_close(stage);
}

static void test_a_breaker_that_closes_begins_the_slow_start(void **state)
{
    struct stage *stage = stage_open(ONE_TARGET HEALTH);

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        stage_ask(stage, CHAT);
        stage_fail(stage, i, FETCH_RESET);
    }
    assert_int_equal(look(stage).health, 0);
    stage_advance(stage, 30000);
    assert_int_equal(look(stage).breaker, HEALTH_TRIAL);
    stage_ask(stage, CHAT);
    stage_answer(stage, 2, 200, JSON, ANSWER);
    assert_int_equal(look(stage).health, HEALTH_RETURN);
    assert_string_equal(look(stage).why, "slow start");
    stage_advance(stage, 15000);
    assert_int_equal(look(stage).health, 550);
    stage_advance(stage, 15000);
    assert_int_equal(look(stage).health, HEALTH_FULL);
    stage_close(stage);
}

static void test_the_first_content_of_a_stream_is_timed(void **state)
{
    struct stage *stage = stage_open(ONE_TARGET HEALTH);

    (void)state;
    stage_ask(stage, STREAM);
    stage_answer(stage, 0, 200, EVENTS, HELLO DONE);
    stage_ask(stage, CHAT);
    stage_answer(stage, 1, 200, JSON, ANSWER);
    assert_int_equal(look(stage).recent.good, 2);
    assert_int_equal(look(stage).recent.timed, 1);
    stage_close(stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_and_bad_attempts_count),
        cmocka_unit_test(test_being_turned_away_costs_health_and_opens_no_breaker),
        cmocka_unit_test(test_what_the_client_did_says_nothing),
        cmocka_unit_test(test_a_breaker_that_closes_begins_the_slow_start),
        cmocka_unit_test(test_the_first_content_of_a_stream_is_timed),
    };

    return cmocka_run_group_tests_name("health", tests, NULL, NULL);
}
