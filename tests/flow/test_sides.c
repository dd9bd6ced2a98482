/* Blue and green: who is asked, who may answer for whom, and what is said of it. */
#include "flow/stage.h"
#include "flow/words.h"

#include <string.h>

#define ALSO_GAMMA                                                                             \
    PROVIDERS "  gamma: { kind: openai, base_url: \"http://gamma.test/v1\", keys: [k] }\n"

/* alpha is blue, beta green, gamma another model. */
#define SIDED(more)                                                                            \
    ALSO_GAMMA                                                                                 \
    "models:\n"                                                                                \
    "  m: { targets: [ { provider: alpha }, { provider: beta, environment: green } ],\n"       \
    "       fallbacks: [ other ], " more " }\n"                                                \
    "  other: { targets: [ { provider: gamma } ] }\n"                                          \
    "retry: { max_attempts: 3, initial_delay_ms: 0, budget: 0 }\n"                             \
    "models_only: true\n"

#define SPLIT(blue, green) SIDED("split: { blue: " #blue ", green: " #green " }")

static void ask_with(struct stage *stage, const char *header, const char *value)
{
    stage_prepare(stage, "/v1/chat/completions", CHAT);
    if (header)
        fake_http_add_header(stage->http, header, value);
    stage_start(stage);
}

static void assert_asked(struct stage *stage, size_t at, const char *provider)
{
    assert_holds(span_from(fake_fetch_url(stage_call(stage, at))), provider);
}

static void assert_side(struct stage *stage, const char *side)
{
    assert_text(fake_http_reply_header(stage->http, "x-sluice-environment"), side);
}

/* And lets the back-off pass, where there is one. */
static void answer_500(struct stage *stage, size_t at)
{
    stage_answer(stage, at, 500, JSON, ERROR_BODY("boom", "server_error"));
    stage_advance(stage, 1000);
}

static void test_the_split_says_who_is_asked(void **state)
{
    struct stage *blue = stage_open(SPLIT(100, 0));

    (void)state;
    stage_ask(blue, CHAT);
    assert_asked(blue, 0, "alpha");
    stage_answer(blue, 0, 200, JSON, ANSWER);
    assert_side(blue, "blue");
    stage_reload(blue, SPLIT(0, 100));
    stage_ask(blue, CHAT);
    assert_asked(blue, 1, "beta");
    stage_answer(blue, 1, 200, JSON, ANSWER);
    assert_side(blue, "green");
    assert_int_equal(stage_count(blue, METER_REQUESTS, "m", "blue", "200"), 1);
    assert_int_equal(stage_count(blue, METER_REQUESTS, "m", "green", "200"), 1);
    stage_read_logs(blue);
    assert_holds(buf_span(&blue->access), "\"environment\":\"blue\"");
    assert_holds(buf_span(&blue->access), "\"environment\":\"green\"");
    stage_close(blue);
}

static void test_a_side_without_a_share_answers_for_nobody(void **state)
{
    static const struct {
        const char *yaml;
        const char *first;
        const char *side;
    } rows[] = { { SPLIT(100, 0), "alpha", "blue" }, { SPLIT(0, 100), "beta", "green" } };

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct stage *stage = stage_open(rows[i].yaml);

        stage_ask(stage, CHAT);
        assert_asked(stage, 0, rows[i].first);
        answer_500(stage, 0);
        assert_asked(stage, 1, "gamma"); /* the fallback */
        answer_500(stage, 1);
        assert_int_equal(stage_calls(stage), 3); /* the same two again */
        assert_asked(stage, 2, rows[i].first);
        answer_500(stage, 2);
        assert_reply(stage, 500, "boom");
        assert_side(stage, rows[i].side);
        stage_close(stage);
    }
}

static void test_with_a_share_it_answers_before_the_fallbacks(void **state)
{
    struct stage *stage = stage_open(SPLIT(50, 50));
    bool blue;

    (void)state;
    stage_ask(stage, CHAT);
    blue = strstr(fake_fetch_url(stage_call(stage, 0)), "alpha") != NULL;
    answer_500(stage, 0);
    assert_asked(stage, 1, blue ? "beta" : "alpha");
    answer_500(stage, 1);
    assert_asked(stage, 2, "gamma");
    stage_answer(stage, 2, 200, JSON, ANSWER);
    assert_side(stage, "blue"); /* the fallback's own */
    stage_close(stage);
}

static void test_a_forced_side_is_answered_by_no_other(void **state)
{
    static const struct {
        const char *header;
        const char *value;
        const char *provider;
        const char *side;
    } rows[] = { { "X-Deployment-Environment", "green", "beta", "green" },
                 { "X-Deployment-Environment", "blue", "alpha", "blue" },
                 { "X-Canary", "enabled", "beta", "green" } };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct stage *stage = stage_open(SPLIT(50, 50));

        ask_with(stage, rows[i].header, rows[i].value);
        for (size_t at = 0; at < 3; at++) {
            assert_int_equal(stage_calls(stage), at + 1);
            assert_asked(stage, at, rows[i].provider);
            answer_500(stage, at);
        }
        assert_reply(stage, 500, "boom");
        assert_int_equal(stage_calls(stage), 3);
        assert_side(stage, rows[i].side);
        stage_close(stage);
    }
}

static void test_a_forced_side_that_cannot_answer_is_an_error_and_says_which(void **state)
{
    struct stage *stage = stage_open(
        SPLIT(100, 0) "circuit_breaker: { failure_threshold: 1, timeout_seconds: 30 }\n");

    (void)state;
    ask_with(stage, "X-Canary", "enabled");
    stage_answer(stage, 0, 500, JSON, ERROR_BODY("boom", "server_error"));
    stage_advance(stage, 1); /* too soon for a last resort */
    assert_reply(stage, 500, "boom");
    ask_with(stage, "X-Canary", "enabled");
    assert_reply(stage, 503, "\"no_healthy_target\"");
    assert_side(stage, "green");
    assert_int_equal(stage_calls(stage), 1);
    assert_int_equal(stage_count(stage, METER_REQUESTS, "m", "green", "503"), 1);
    stage_close(stage);
}

static void test_a_forced_side_does_not_hear_of_fallback_on(void **state)
{
    struct stage *stage = stage_open(SIDED("split: { blue: 50, green: 50 }, fallback_on: "
                                           "{ context_window: [ other ] }"));

    (void)state;
    ask_with(stage, "X-Canary", "enabled");
    stage_answer(stage, 0, 400, JSON,
                 "{\"error\":{\"message\":\"too long\",\"code\":\"context_length_exceeded\"}}");
    assert_reply(stage, 400, "too long");
    assert_int_equal(stage_calls(stage), 1);
    stage_close(stage);
}

static void test_a_forced_side_ignores_the_switch(void **state)
{
    struct stage *stage =
        stage_open(SPLIT(100, 0) "circuit_breaker: { enabled: false }\n"
                                 "health: { min_requests: 4, recover: 60s, slow_start: 0 }\n");

    (void)state;
    for (int i = 0; i < 4; i++) {
        ask_with(stage, "X-Sluice-No-Fallback", "1");
        while (fake_http_status(stage->http) == 0)
            answer_500(stage, stage_calls(stage) - 1);
    }
    ask_with(stage, "X-Deployment-Environment", "green");
    assert_asked(stage, stage_calls(stage) - 1, "beta");
    stage_answer(stage, stage_calls(stage) - 1, 200, JSON, ANSWER);
    ask_with(stage, NULL, NULL);
    assert_asked(stage, stage_calls(stage) - 1, "gamma"); /* it has been switched away from */
    stage_answer(stage, stage_calls(stage) - 1, 200, JSON, ANSWER);
    stage_close(stage);
}

static void test_a_weight_of_its_own_is_a_split_for_one_request(void **state)
{
    struct stage *stage = stage_open(SPLIT(100, 0));

    (void)state;
    ask_with(stage, "X-Blue-Weight", "0");
    assert_asked(stage, 0, "beta");
    answer_500(stage, 0);
    assert_asked(stage, 1, "gamma"); /* not blue, which has no share of it */
    stage_answer(stage, 1, 200, JSON, ANSWER);
    ask_with(stage, "X-Blue-Weight", "100");
    assert_asked(stage, 2, "alpha");
    stage_answer(stage, 2, 200, JSON, ANSWER);
    ask_with(stage, NULL, NULL);
    assert_asked(stage, 3, "alpha");
    stage_answer(stage, 3, 200, JSON, ANSWER);
    stage_close(stage);
}

static void test_without_green_targets_blue_answers_and_says_so(void **state)
{
    static const char *const headers[][2] = { { "X-Deployment-Environment", "green" },
                                              { "X-Deployment-Environment", "auto" },
                                              { "X-Canary", "enabled" },
                                              { "X-Blue-Weight", "0" } };
    struct stage *stage = stage_open(TWO_TARGETS);

    (void)state;
    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        size_t at = stage_calls(stage);

        ask_with(stage, headers[i][0], headers[i][1]);
        answer_500(stage, at);
        stage_answer(stage, at + 1, 200, JSON, ANSWER); /* with failover as ever */
        assert_side(stage, "blue");
    }
    stage_close(stage);
}

static void test_a_caller_stays_on_its_side(void **state)
{
    static const char *const splits[] = { SIDED("sticky: session, split: { green: 20 }"),
                                          SIDED("sticky: session, split: { green: 60 }"),
                                          SIDED("sticky: session, split: { green: 95 }") };

    enum { CALLERS = 40 };
    struct stage *stage = stage_open(splits[0]);
    bool green[CALLERS] = { false };
    int moved = 0;

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        stage_reload(stage, splits[i]);
        for (int j = 0; j < 2 * CALLERS; j++) { /* each twice */
            char name[] = { 's', (char)('a' + j % CALLERS / 8), (char)('a' + j % 8), 0 };
            bool now;

            ask_with(stage, "X-Session-Id", name);
            stage_answer(stage, stage_calls(stage) - 1, 200, JSON, ANSWER);
            now = span_is(fake_http_reply_header(stage->http, "x-sluice-environment"), "green");
            assert_true(now || !green[j % CALLERS]);
            assert_true(j < CALLERS || now == green[j % CALLERS]);
            moved += now != green[j % CALLERS];
            green[j % CALLERS] = now;
        }
    }
    assert_in_range(moved, 25, CALLERS);
    stage_close(stage);
}

static void test_blue_does_not_hedge_green(void **state)
{
    struct stage *stage = stage_open(
        ALSO_GAMMA "models:\n"
                   "  m: { targets: [ { provider: alpha },\n"
                   "                  { provider: beta, environment: green },\n"
                   "                  { provider: gamma, environment: green } ],\n"
                   "       split: { green: 1 }, hedge: { after: 100ms, budget: 1 } }\n"
                   "models_only: true\n");
    bool saw_blue = false;

    (void)state;
    for (int i = 0; i < 20 && !saw_blue; i++) {
        size_t at = stage_calls(stage);

        stage_ask(stage, CHAT);
        saw_blue = strstr(fake_fetch_url(stage_call(stage, at)), "alpha") != NULL;
        stage_connect(stage, at);
        stage_advance(stage, 200);
        assert_int_equal(stage_calls(stage), saw_blue ? at + 1 : at + 2);
        stage_answer(stage, at, 200, JSON, ANSWER);
    }
    assert_true(saw_blue);
    stage_close(stage);
}

static void test_a_rollout_says_what_the_share_is(void **state)
{
    struct stage *stage = stage_open(SPLIT(100, 0));
    struct rollout *rollout = sides_rollout(&stage->env.sides, "m");

    (void)state;
    rollout->state = ROLLOUT_FINISHED;
    rollout->green = 100;
    stage_ask(stage, CHAT);
    assert_asked(stage, 0, "beta");
    stage_answer(stage, 0, 200, JSON, ANSWER);
    rollout->state = ROLLOUT_IDLE;
    stage_ask(stage, CHAT);
    assert_asked(stage, 1, "alpha");
    stage_answer(stage, 1, 200, JSON, ANSWER);
    stage_close(stage);
}

static void test_headers_that_contradict_each_other(void **state)
{
    static const struct {
        const char *headers[2][2];
        bool fine;
    } rows[] = {
        { { { "X-Canary", "enabled" }, { "X-Deployment-Environment", "blue" } }, false },
        { { { "X-Blue-Weight", "50" }, { "X-Deployment-Environment", "green" } }, false },
        { { { "X-Blue-Weight", "100" }, { "X-Deployment-Environment", "blue" } }, false },
        { { { "X-Blue-Weight", "0" }, { "X-Canary", "enabled" } }, false },
        { { { "X-Canary", "enabled" }, { "X-Deployment-Environment", "green" } }, true },
        { { { "X-Canary", "enabled" }, { "X-Deployment-Environment", "auto" } }, true },
        { { { "X-Blue-Weight", "0" }, { "X-Deployment-Environment", "auto" } }, true },
    };
    struct stage *stage = stage_open(SPLIT(100, 0));

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        stage_prepare(stage, "/v1/chat/completions", CHAT);
        for (size_t j = 0; j < 2; j++)
            fake_http_add_header(stage->http, rows[i].headers[j][0], rows[i].headers[j][1]);
        stage_start(stage);
        if (rows[i].fine) {
            stage_answer(stage, stage_calls(stage) - 1, 200, JSON, ANSWER);
            assert_side(stage, "green");
            continue;
        }
        assert_reply(stage, 400, "\"invalid_value\"");
        assert_holds(fake_http_reply_body(stage->http), rows[i].headers[0][0]);
        assert_holds(fake_http_reply_body(stage->http), rows[i].headers[1][0]);
        assert_holds(fake_http_reply_body(stage->http), rows[i].headers[1][1]);
    }
    assert_int_equal(stage_calls(stage), 3);
    stage_close(stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_split_says_who_is_asked),
        cmocka_unit_test(test_a_side_without_a_share_answers_for_nobody),
        cmocka_unit_test(test_with_a_share_it_answers_before_the_fallbacks),
        cmocka_unit_test(test_a_forced_side_is_answered_by_no_other),
        cmocka_unit_test(test_a_forced_side_that_cannot_answer_is_an_error_and_says_which),
        cmocka_unit_test(test_a_forced_side_does_not_hear_of_fallback_on),
        cmocka_unit_test(test_a_forced_side_ignores_the_switch),
        cmocka_unit_test(test_a_weight_of_its_own_is_a_split_for_one_request),
        cmocka_unit_test(test_without_green_targets_blue_answers_and_says_so),
        cmocka_unit_test(test_a_caller_stays_on_its_side),
        cmocka_unit_test(test_blue_does_not_hedge_green),
        cmocka_unit_test(test_a_rollout_says_what_the_share_is),
        cmocka_unit_test(test_headers_that_contradict_each_other),
    };

    return cmocka_run_group_tests_name("sides", tests, NULL, NULL);
}
