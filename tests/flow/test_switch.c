/* A model that fails is switched away from, and comes back. */
#include "flow/stage.h"
#include "flow/switching.h"
#include "flow/words.h"

#define RULES                                                                                  \
    "circuit_breaker: { enabled: false }\n"                                                    \
    "retry: { max_attempts: 3, initial_delay_ms: 0, budget: 0 }\n"                             \
    "models_only: true\n"
#define SMALL  "health: { min_requests: 4, recover: 60s, slow_start: 0 }\n"
#define ADVISE "health: { min_requests: 4, recover: 60s, slow_start: 0, auto_switch: false }\n"

#define MODELS                                                                                 \
    PROVIDERS "models:\n"                                                                      \
              "  m: { targets: [ { provider: alpha } ], fallbacks: [ other ] }\n"              \
              "  other: { targets: [ { provider: beta } ] }\n" RULES
#define LAST_RESORT                                                                            \
    PROVIDERS "models:\n"                                                                      \
              "  m: { targets: [ { provider: alpha } ] }\n"                                    \
              "  other: { targets: [ { provider: beta } ] }\n"                                 \
              "fallback_model: other\n" RULES
#define ALONE                                                                                  \
    PROVIDERS "models:\n"                                                                      \
              "  m: { targets: [ { provider: alpha } ] }\n" RULES

static struct model_switch *look(struct stage *stage)
{
    return switches_get(&stage->env.switches, "m");
}

/* Requests whose first attempt is answered like this, and whose second, if there is one, well. */
static void ask(struct stage *stage, int times, unsigned status)
{
    for (int i = 0; i < times; i++) {
        size_t at = stage_calls(stage);

        stage_ask(stage, CHAT);
        stage_answer(stage, at, status, JSON, status == 200 ? ANSWER : "");
        if (stage_calls(stage) > at + 1)
            stage_answer(stage, at + 1, 200, JSON, ANSWER);
    }
}

static void assert_last_asked(struct stage *stage, const char *model)
{
    assert_holds(fake_fetch_sent_body(stage_call(stage, stage_calls(stage) - 1)), model);
}

/* A request for which the draw has the model itself go first. Gives how many draws that took. */
static int ask_on_trial(struct stage *stage)
{
    uint64_t before = stage->env.random;
    int draws = 1;

    while (switching_stands_aside(&stage->env, &stage->env.config->models[0])) {
        before = stage->env.random;
        draws++;
    }
    stage->env.random = before;
    stage_prepare(stage, "/v1/chat/completions", CHAT);
    fake_http_add_header(stage->http, "x-request-id", "r1"); /* or one would be drawn */
    stage_start(stage);
    assert_last_asked(stage, "\"m\"");
    return draws;
}

static void test_the_fallbacks_go_first_and_it_is_told(void **state)
{
    struct stage *stage = stage_open(MODELS SMALL);

    (void)state;
    ask(stage, 3, 503);
    assert_int_equal(look(stage)->state, SWITCH_HOME);
    ask(stage, 1, 503);
    assert_int_equal(look(stage)->state, SWITCH_AWAY);
    assert_int_equal(stage_calls(stage), 8);
    ask(stage, 1, 200);
    assert_int_equal(stage_calls(stage), 9); /* without trying the failing one */
    assert_last_asked(stage, "\"other\"");
    assert_text(fake_http_reply_header(stage->http, "x-sluice-model"), "other");
    assert_text(fake_http_reply_header(stage->http, "x-sluice-fallback"), "1");
    assert_int_equal(stage_count(stage, METER_FALLBACKS, "m", "other", "switch"), 1);
    assert_int_equal(stage_count(stage, METER_SWITCHES, "m", "other", ""), 1);
    assert_int_equal(stage_count(stage, METER_EVENTS, "switch", "", ""), 1);
    stage_read_logs(stage);
    assert_holds(buf_span(&stage->events), "\"event\":\"switch\"");
    assert_holds(span_from(stage->env.events.lines[1]),
                 "\"kind\":\"switch\",\"model\":\"m\",\"target\":null,\"from\":\"m\","
                 "\"to\":\"other\"");
    assert_holds(span_from(stage->env.events.lines[1]),
                 "\"figures\":{\"success_rate\":0,\"requests\":4}");
    stage_close(stage);
}

static void test_its_own_targets_still_come_last(void **state)
{
    struct stage *stage = stage_open(MODELS SMALL);

    (void)state;
    ask(stage, 4, 503);
    stage_ask(stage, CHAT);
    stage_answer(stage, 8, 503, JSON, "");
    assert_last_asked(stage, "\"m\"");
    stage_answer(stage, 9, 200, JSON, ANSWER);
    assert_text(fake_http_reply_header(stage->http, "x-sluice-model"), "m");
    assert_int_equal(fake_http_reply_header(stage->http, "x-sluice-fallback").size, 0);
    stage_close(stage);
}

static void test_who_wants_no_fallback_gets_the_model_itself(void **state)
{
    struct stage *stage = stage_open(MODELS SMALL);

    (void)state;
    ask(stage, 4, 503);
    for (int i = 0; i < 20; i++) {
        stage_prepare(stage, "/v1/chat/completions", CHAT);
        fake_http_add_header(stage->http, "x-sluice-no-fallback", "1");
        stage_start(stage);
        assert_last_asked(stage, "\"m\"");
        stage_answer(stage, stage_calls(stage) - 1, 200, JSON, ANSWER);
    }
    stage_close(stage);
}

static void test_one_request_in_a_hundred_tries_it_and_it_comes_back(void **state)
{
    struct stage *stage = stage_open(MODELS SMALL);
    int draws = 0;

    (void)state;
    ask(stage, 4, 503);
    for (int i = 0; i < 20; i++) {
        draws += ask_on_trial(stage);
        stage_answer(stage, stage_calls(stage) - 1, 503, JSON, "");
        stage_answer(stage, stage_calls(stage) - 1, 200, JSON, ANSWER);
    }
    assert_in_range(draws, 800, 4500); /* 2000, give or take 445 */
    stage_advance(stage, 61000);
    switching_look(&stage->env, &stage->env.config->models[0]);
    assert_int_equal(look(stage)->state, SWITCH_AWAY); /* nobody has seen a success */
    ask_on_trial(stage);
    stage_answer(stage, stage_calls(stage) - 1, 200, JSON, ANSWER);
    assert_int_equal(look(stage)->state, SWITCH_HOME);
    ask(stage, 1, 200);
    assert_last_asked(stage, "\"m\"");
    assert_int_equal(stage_count(stage, METER_SWITCHES, "m", "m", ""), 1);
    assert_holds(span_from(stage->env.events.lines[2]), "\"from\":\"other\",\"to\":\"m\"");
    stage_close(stage);
}

static void test_probes_bring_it_back_too(void **state)
{
    struct stage *stage = stage_open(MODELS SMALL);
    const struct config_model *model = &stage->env.config->models[0];

    (void)state;
    ask(stage, 4, 503);
    stage_advance(stage, 50000);
    switching_probe(&stage->env, model, model->targets, false);
    switching_probe(&stage->env, model, model->targets, true);
    stage_advance(stage, 59999);
    switching_look(&stage->env, model);
    assert_int_equal(look(stage)->state, SWITCH_AWAY);
    stage_advance(stage, 1);
    switching_look(&stage->env, model);
    assert_int_equal(look(stage)->state, SWITCH_HOME);
    stage_close(stage);
}

static void test_what_the_client_did_and_what_it_left_do_not_count(void **state)
{
    struct stage *stage = stage_open(MODELS SMALL);

    (void)state;
    ask(stage, 10, 400);
    for (int i = 0; i < 10; i++) {
        stage_ask(stage, CHAT);
        stage_leave(stage);
    }
    assert_int_equal(look(stage)->state, SWITCH_HOME);
    ask(stage, 3, 503);
    assert_int_equal(look(stage)->state, SWITCH_HOME);
    stage_close(stage);
}

static void test_the_last_resort_stands_in_as_well(void **state)
{
    struct stage *stage = stage_open(LAST_RESORT SMALL);

    (void)state;
    ask(stage, 4, 503);
    ask(stage, 1, 200);
    assert_last_asked(stage, "\"other\"");
    assert_int_equal(stage_count(stage, METER_SWITCHES, "m", "other", ""), 1);
    stage_close(stage);
}

static void assert_only_advice(struct stage *stage, const char *to)
{
    assert_int_equal(look(stage)->state, SWITCH_ADVISED);
    assert_int_equal(stage_count(stage, METER_EVENTS, "switch_advised", "", ""), 1);
    assert_int_equal(stage_count(stage, METER_EVENTS, "switch", "", ""), 0);
    assert_holds(span_from(stage->env.events.lines[1]), to);
    stage_close(stage);
}

static void test_turned_off_it_only_says_so_once(void **state)
{
    struct stage *stage = stage_open(MODELS ADVISE);

    (void)state;
    ask(stage, 20, 503);
    ask(stage, 1, 200);
    assert_last_asked(stage, "\"m\"");
    assert_only_advice(stage, "\"from\":\"m\",\"to\":\"other\"");
}

static void test_with_nobody_to_stand_in_likewise(void **state)
{
    struct stage *stage = stage_open(ALONE "health: { min_requests: 1 }\n");

    (void)state;
    stage_ask(stage, CHAT);
    stage_answer(stage, 0, 503, JSON, "");
    stage_leave(stage);
    assert_only_advice(stage, "\"from\":\"m\",\"to\":null");
}

static void test_a_reload_forgets_nothing(void **state)
{
    struct stage *stage = stage_open(MODELS SMALL);

    (void)state;
    ask(stage, 3, 503);
    stage_ask(stage, CHAT); /* lives through both */
    stage_reload(stage, MODELS SMALL);
    stage_answer(stage, 6, 503, JSON, "");
    stage_answer(stage, 7, 200, JSON, ANSWER);
    assert_int_equal(look(stage)->state, SWITCH_AWAY);
    stage_reload(stage, MODELS ADVISE);
    ask(stage, 1, 200);
    assert_last_asked(stage, "\"m\""); /* at once */
    assert_int_equal(look(stage)->state, SWITCH_HOME);
    stage_close(stage);
}

#define BREAKER                                                                                \
    "circuit_breaker: { failure_threshold: 1, timeout_seconds: 30, half_open_requests: 1 }\n"

static void test_every_state_of_a_breaker_is_told(void **state)
{
    struct stage *stage = stage_open(ONE_TARGET BREAKER "retry: { max_attempts: 1 }\n");
    static const char *const told[] = { "\"from\":\"closed\",\"to\":\"open\"",
                                        "\"from\":\"open\",\"to\":\"half_open\"",
                                        "\"from\":\"half_open\",\"to\":\"closed\"" };

    (void)state;
    stage_ask(stage, CHAT);
    stage_fail(stage, 0, FETCH_RESET);
    stage_advance(stage, 30000);
    stage_ask(stage, CHAT);
    stage_answer(stage, 1, 200, JSON, ANSWER);
    assert_int_equal(stage->env.events.last, 3);
    for (size_t i = 0; i < 3; i++)
        assert_holds(span_from(stage->env.events.lines[i + 1]), told[i]);
    assert_int_equal(stage_count(stage, METER_EVENTS, "breaker", "", ""), 3);
    stage_close(stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_fallbacks_go_first_and_it_is_told),
        cmocka_unit_test(test_its_own_targets_still_come_last),
        cmocka_unit_test(test_who_wants_no_fallback_gets_the_model_itself),
        cmocka_unit_test(test_one_request_in_a_hundred_tries_it_and_it_comes_back),
        cmocka_unit_test(test_probes_bring_it_back_too),
        cmocka_unit_test(test_what_the_client_did_and_what_it_left_do_not_count),
        cmocka_unit_test(test_the_last_resort_stands_in_as_well),
        cmocka_unit_test(test_turned_off_it_only_says_so_once),
        cmocka_unit_test(test_with_nobody_to_stand_in_likewise),
        cmocka_unit_test(test_a_reload_forgets_nothing),
        cmocka_unit_test(test_every_state_of_a_breaker_is_told),
    };

    return cmocka_run_group_tests_name("switch", tests, NULL, NULL);
}
