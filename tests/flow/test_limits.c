/* What a caller, and a model, may have: let in, counted, told, and given back. */
#include "flow/limiting.h"
#include "flow/stage.h"
#include "flow/words.h"

#include "base/json.h"

#include <string.h>

/* SHA-256 of "key-a" and "key-b" */
#define HASH_A "sha256:f10f781241e2246678b6b45c857069208152a53863e47fac33f607ab405006f4"
#define HASH_B "sha256:a30534a53b23547377ddccbd1ac85a8a84c13db43493c16e55a6abc7b0eba634"

#define MODELS                                                                                 \
    PROVIDERS "models:\n"                                                                      \
              "  m: { targets: [ { provider: alpha } ], cost_per_mtok: 1000000 }\n"            \
              "  n: { targets: [ { provider: beta } ] }\n"                                     \
              "models_only: true\n"
#define SHARED(limits)                                                                         \
    PROVIDERS "models:\n"                                                                      \
              "  m: { targets: [ { provider: alpha } ], " limits " }\n"                        \
              "  n: { targets: [ { provider: beta } ] }\n"                                     \
              "models_only: true\n"
#define RATES(limits) "rate_limiting: { " limits " }\n"
#define KEYS(limits_of_a, limits_of_b)                                                         \
    "client_keys:\n"                                                                           \
    "  - { name: a, hash: \"" HASH_A "\", " limits_of_a " }\n"                                 \
    "  - { name: b, hash: \"" HASH_B "\", " limits_of_b " }\n"

#define CHAT_N "{\"model\":\"n\",\"messages\":[]}"

static const char *const a = "key-a";
static const char *const b = "key-b";

static void ask_as(struct stage *stage, const char *key, const char *body)
{
    stage_prepare(stage, "/v1/chat/completions", body);
    if (key)
        fake_http_add_header(stage->http, "x-api-key", key);
    stage_start(stage);
}

static void answer_last(struct stage *stage)
{
    stage_answer(stage, stage_calls(stage) - 1, 200, JSON, ANSWER);
}

/* A request that is let in and answered. */
static void pass(struct stage *stage, const char *key, const char *body)
{
    size_t calls = stage_calls(stage);

    ask_as(stage, key, body);
    assert_int_equal(stage_calls(stage), calls + 1);
    answer_last(stage);
    assert_int_equal(fake_http_status(stage->http), 200);
}

/* One that is not: no upstream hears of it. */
static void bounce(struct stage *stage, const char *key, const char *body,
                   const char *retry_after)
{
    size_t calls = stage_calls(stage);

    ask_as(stage, key, body);
    assert_int_equal(stage_calls(stage), calls);
    assert_int_equal(fake_http_status(stage->http), 429);
    assert_text(fake_http_reply_header(stage->http, "retry-after"), retry_after);
}

static void assert_header(struct stage *stage, const char *name, const char *value)
{
    assert_text(fake_http_reply_header(stage->http, name), value);
}

static void assert_no_header(struct stage *stage, const char *name)
{
    assert_null(fake_http_reply_header(stage->http, name).at);
}

static uint64_t refused(struct stage *stage, const char *key, const char *limit)
{
    return stage_count(stage, METER_RATE_LIMITED, key, limit, "");
}

static void test_a_burst_and_then_429(void **state)
{
    struct stage *stage = stage_open(MODELS RATES("requests_per_minute: 60, burst_size: 3"));

    (void)state;
    for (int i = 0; i < 3; i++)
        pass(stage, NULL, CHAT);
    bounce(stage, NULL, CHAT, "1");
    assert_reply(stage, 429,
                 "{\"error\":{\"type\":\"rate_limit_error\",\"message\":\"Too many requests: "
                 "`anonymous` may make 60 a minute. "
                 "Try again in 1 s.\",\"param\":null,"
                 "\"code\":\"rate_limit_exceeded\"}}");
    assert_no_header(stage, "x-should-retry");
    assert_int_equal(refused(stage, "anonymous", "requests"), 1);
    stage_advance(stage, 999);
    bounce(stage, NULL, CHAT, "1");
    stage_advance(stage, 1);
    pass(stage, NULL, CHAT);
    stage_close(stage);
}

static void test_every_answer_says_what_is_left(void **state)
{
    struct stage *stage = stage_open(
        MODELS RATES("requests_per_minute: 40, burst_size: 3, tokens_per_minute: 600"));

    (void)state;
    pass(stage, NULL, CHAT); /* ten tokens, charged when it is over */
    assert_header(stage, "x-ratelimit-limit-requests", "40");
    assert_header(stage, "x-ratelimit-remaining-requests", "2");
    assert_header(stage, "x-ratelimit-reset-requests", "1.5s");
    assert_header(stage, "x-ratelimit-limit-tokens", "600");
    assert_header(stage, "x-ratelimit-remaining-tokens", "600");
    assert_header(stage, "x-ratelimit-reset-tokens", "0s");
    stage_advance(stage, 750);
    ask_as(stage, NULL, "{\"model\":\"unheard-of\",\"messages\":[]}");
    assert_int_equal(fake_http_status(stage->http), 404);
    assert_header(stage, "x-ratelimit-remaining-requests", "2"); /* it cost nothing */
    assert_header(stage, "x-ratelimit-reset-requests", "750ms");
    assert_header(stage, "x-ratelimit-remaining-tokens", "597");
    assert_header(stage, "x-ratelimit-reset-tokens", "250ms");
    pass(stage, NULL, CHAT);
    pass(stage, NULL, CHAT);
    bounce(stage, NULL, CHAT, "1");
    assert_header(stage, "x-ratelimit-remaining-requests", "0");
    assert_header(stage, "x-ratelimit-reset-requests", "3.75s");
    stage_close(stage);
}

static void test_durations_are_written_as_openai_writes_them(void **state)
{
    static const struct {
        const char *rates;
        const char *reset;
    } rows[] = {
        { MODELS RATES("requests_per_minute: 1000"), "60ms" },
        { MODELS RATES("requests_per_minute: 60"), "1s" },
        { MODELS RATES("requests_per_minute: 1"), "1m0s" },
        { MODELS RATES("requests_per_minute: 8"), "7.5s" },
        { MODELS RATES("requests_per_minute: 7"), "8.572s" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct stage *stage = stage_open(rows[i].rates);

        pass(stage, NULL, CHAT);
        assert_header(stage, "x-ratelimit-reset-requests", rows[i].reset);
        stage_close(stage);
    }
}

static void test_a_debt_of_hours_is_written_too(void **state)
{
    struct stage *stage = stage_open(MODELS RATES("tokens_per_minute: 1"));

    (void)state;
    ask_as(stage, NULL, CHAT);
    stage_answer(stage, 0, 200, JSON,
                 "{\"choices\":[],\"usage\":{\"prompt_tokens\":60,\"completion_tokens\":66}}");
    bounce(stage, NULL, CHAT, "7560");
    assert_header(stage, "x-ratelimit-reset-tokens", "2h6m0s");
    assert_holds(fake_http_reply_body(stage->http),
                 "Too many tokens: `anonymous` may use 1 a minute. Try again in 7560 s.");
    stage_close(stage);
}

static void test_who_has_no_limits_hears_nothing_of_them(void **state)
{
    struct stage *stage = stage_open(MODELS);

    (void)state;
    for (int i = 0; i < 20; i++)
        pass(stage, NULL, CHAT);
    assert_no_header(stage, "x-ratelimit-limit-requests");
    assert_no_header(stage, "x-ratelimit-limit-tokens");
    assert_int_equal(stage->env.limits.by_caller.count, 0);
    assert_int_equal(stage->env.limits.by_model.count, 0);
    stage_close(stage);
}

static void test_keys_do_not_disturb_each_other(void **state)
{
    struct stage *stage = stage_open(MODELS KEYS("requests_per_minute: 60, burst_size: 1",
                                                 "requests_per_minute: 60, burst_size: 2"));

    (void)state;
    pass(stage, a, CHAT);
    bounce(stage, a, CHAT, "1");
    pass(stage, b, CHAT);
    pass(stage, b, CHAT);
    bounce(stage, b, CHAT, "1");
    bounce(stage, a, CHAT, "1");
    assert_int_equal(refused(stage, "a", "requests"), 2);
    assert_int_equal(refused(stage, "b", "requests"), 1);
    ask_as(stage, "wrong", CHAT);
    assert_int_equal(fake_http_status(stage->http), 401);
    assert_no_header(stage, "x-ratelimit-limit-requests");
    stage_close(stage);
}

static void test_a_model_is_limited_for_all_together(void **state)
{
    struct stage *stage = stage_open(SHARED("requests_per_minute: 10, concurrent_requests: 5")
                                         KEYS("requests_per_minute: 600", "admin: false"));

    (void)state;
    pass(stage, a, CHAT);
    bounce(stage, b, CHAT, "6");
    assert_holds(fake_http_reply_body(stage->http),
                 "Too many requests: all callers of `m` may make 10 a minute.");
    assert_no_header(stage, "x-ratelimit-limit-requests"); /* b has none of its own */
    pass(stage, b, CHAT_N);
    bounce(stage, a, CHAT, "6"); /* and has not paid for it */
    assert_header(stage, "x-ratelimit-remaining-requests", "59");
    assert_int_equal(refused(stage, "a", "requests"), 1);
    assert_int_equal(refused(stage, "b", "requests"), 1);
    stage_close(stage);
}

static void test_tokens_of_a_model_are_charged_to_who_was_asked(void **state)
{
    struct stage *stage = stage_open(
        SHARED("tokens_per_minute: 10, fallbacks: [ n ]") "retry: { max_attempts: 2 }\n");

    (void)state;
    ask_as(stage, NULL, CHAT);
    stage_answer(stage, 0, 500, JSON, "");
    stage_answer(stage, 1, 200, JSON, ANSWER);
    bounce(stage, NULL, CHAT, "6");
    pass(stage, NULL, CHAT_N);
    stage_close(stage);
}

static void test_a_slot_is_free_when_the_reply_is_complete(void **state)
{
    struct stage *stage = stage_open(MODELS RATES("concurrent_requests: 1"));

    (void)state;
    stage_ask(stage, STREAM);
    stage_head(stage, 0, 200, EVENTS);
    stage_body(stage, 0, HELLO FINISH DONE); /* the upstream lingers: the client has it all */
    assert_int_equal(fake_http_end(stage->http), FAKE_HTTP_KEPT);
    assert_int_equal(list_empty(&stage->env.exchanges), false);
    pass(stage, NULL, CHAT);
    stage_close(stage);
}

/* Requests that end in every way. */
static void test_slots_come_back_however_it_ends(void **state)
{
    struct stage *stage =
        stage_open(MODELS RATES("concurrent_requests: 1") "retry: { max_attempts: 1 }\n");
    const struct limit *limit;

    (void)state;
    for (int way = 0; way < 6; way++) {
        size_t at = stage_calls(stage);

        stage_ask(stage, STREAM);
        assert_int_equal(stage_calls(stage), at + 1);
        if (way == 1)
            stage_fail(stage, at, FETCH_RESET);
        if (way == 2)
            stage_answer(stage, at, 400, JSON, "");
        if (way >= 3)
            stage_head(stage, at, 200, EVENTS);
        if (way >= 4)
            stage_body(stage, at, HELLO);
        if (way == 5)
            stage_fail(stage, at, FETCH_TRUNCATED);
        stage_leave(stage);
    }
    limit = limits_of_caller(&stage->env.limits, "anonymous");
    assert_int_equal(limit->running, 0);
    stage_close(stage);
}

static void test_one_too_many_at_once(void **state)
{
    struct stage *stage = stage_open(MODELS RATES("concurrent_requests: 2"));
    struct http *first;
    struct http *second;

    (void)state;
    stage_ask(stage, CHAT);
    first = stage->http;
    stage->http = NULL;
    stage_ask(stage, CHAT);
    second = stage->http;
    stage->http = NULL;
    bounce(stage, NULL, CHAT, "1");
    assert_holds(fake_http_reply_body(stage->http),
                 "Too many requests at once: `anonymous` may have 2 running.");
    assert_int_equal(refused(stage, "anonymous", "concurrent_requests"), 1);
    fake_http_leave(first);
    stage_advance(stage, 0);
    stage_ask(stage, CHAT);
    assert_int_equal(stage_calls(stage), 3);
    stage_leave(stage);
    fake_http_leave(second);
    stage_advance(stage, 0);
    fake_http_free(first);
    fake_http_free(second);
    stage_close(stage);
}

static void test_a_budget_that_is_spent(void **state)
{
    struct stage *stage = stage_open(
        MODELS KEYS("budget_usd_per_day: 15", "admin: false")); /* a token is a dollar */

    (void)state;
    pass(stage, a, CHAT);
    pass(stage, a, CHAT); /* 5 dollars more than there are: known when it is over */
    ask_as(stage, a, CHAT);
    assert_reply(stage, 429,
                 "{\"error\":{\"type\":\"insufficient_quota\",\"message\":\"`a` has spent its "
                 "budget of this day, which ends at "
                 "00:00 UTC.\",\"param\":null,"
                 "\"code\":\"insufficient_quota\"}}");
    assert_header(stage, "x-should-retry", "false");
    assert_non_null(fake_http_reply_header(stage->http, "retry-after").at);
    assert_int_equal(refused(stage, "a", "budget"), 1);
    pass(stage, b, CHAT);
    stage_close(stage);
}

static void test_a_reload_keeps_what_is_in_the_bucket(void **state)
{
    struct stage *stage = stage_open(MODELS RATES("requests_per_minute: 60, burst_size: 4"));

    (void)state;
    for (int i = 0; i < 4; i++)
        pass(stage, NULL, CHAT);
    stage_reload(stage, MODELS RATES("requests_per_minute: 30, burst_size: 40"));
    bounce(stage, NULL, CHAT, "2");
    assert_header(stage, "x-ratelimit-limit-requests", "30");
    stage_reload(stage, MODELS);
    pass(stage, NULL, CHAT);
    stage_reload(stage, MODELS RATES("requests_per_minute: 60, burst_size: 4"));
    bounce(stage, NULL, CHAT, "1");
    stage_close(stage);
}

static void test_a_reload_in_the_middle_of_a_request(void **state)
{
    struct stage *stage = stage_open(MODELS);

    (void)state;
    stage_ask(stage, CHAT);
    stage_reload(stage, MODELS RATES("concurrent_requests: 1, tokens_per_minute: 10"));
    answer_last(stage); /* it was born without limits */
    stage_ask(stage, CHAT);
    stage_reload(stage, MODELS);
    answer_last(stage);
    stage_reload(stage, MODELS RATES("concurrent_requests: 1, tokens_per_minute: 10"));
    bounce(stage, NULL, CHAT, "6");
    assert_int_equal(limits_of_caller(&stage->env.limits, "anonymous")->running, 0);
    stage_close(stage);
}

static void test_no_target_costs_nothing(void **state)
{
    struct stage *stage = stage_open(
        MODELS RATES("requests_per_minute: 60, burst_size: 2") "retry: { max_attempts: 1 }\n"
                                                               "circuit_breaker: { "
                                                               "failure_threshold: 1 }\n");

    (void)state;
    stage_ask(stage, CHAT);
    stage_fail(stage, 0, FETCH_RESET); /* the breaker opens */
    for (int i = 0; i < 5; i++) {
        stage_ask(stage, CHAT);
        assert_int_equal(fake_http_status(stage->http), 503);
        assert_header(stage, "x-ratelimit-remaining-requests", "1");
    }
    stage_close(stage);
}

static void test_who_has_nothing_left_hears_it_before_the_body(void **state)
{
    struct stage *stage = stage_open(MODELS RATES(
        "requests_per_minute: 60, burst_size: 1") "limits: { in_flight: 1, queue: 1 }\n");

    (void)state;
    pass(stage, NULL, CHAT);
    stage_prepare(stage, "/v1/chat/completions", "");
    fake_http_set_body(stage->http, HTTP_BODY_COMING, span_from(""));
    stage_start(stage);
    assert_int_equal(fake_http_status(stage->http), 429);
    assert_false(fake_http_continued(stage->http));
    assert_int_equal(stage->env.slots.admission.in_flight, 0);
    stage_close(stage);
}

/* It was let in, and then nobody could be asked. */
static void test_who_was_not_served_gets_it_back(void **state)
{
    struct stage *stage = stage_open(
        MODELS RATES("requests_per_minute: 60, burst_size: 9") "retry: { max_attempts: 1 }\n");

    (void)state;
    stage_ask(stage, CHAT);
    fake_fetch_head(stage_call(stage, 0), 429, "retry-after: 500\n"); /* the key has to rest */
    stage_end(stage, 0);
    for (int i = 0; i < 5; i++) {
        stage_ask(stage, CHAT);
        assert_int_equal(fake_http_status(stage->http), 429);
        assert_holds(fake_http_reply_body(stage->http), "has asked to be left alone");
    }
    assert_int_equal(stage_calls(stage), 1);
    assert_int_equal(refused(stage, "anonymous", "requests"), 0);
    pass(stage, NULL, CHAT_N);
    assert_header(stage, "x-ratelimit-remaining-requests", "7");
    stage_close(stage);
}

/* ---- views ---- */

static void assert_view(struct stage *stage, const char *json)
{
    struct buf out;
    struct json_writer w;

    buf_init(&out, 1 << 20);
    w = json_writer(&out);
    limiting_write(&stage->env, &w);
    assert_holds(buf_span(&out), json);
    buf_done(&out);
}

static void test_the_view_of_everything(void **state)
{
    struct stage *stage = stage_open(SHARED("tokens_per_minute: 100") KEYS(
        "requests_per_minute: 60, burst_size: 2, concurrent_requests: 3", "admin: false"));

    (void)state;
    pass(stage, a, CHAT);
    assert_view(stage, "{\"keys\":{\"a\":["
                       "{\"name\":\"requests\",\"limit\":60,\"burst\":2,\"window_seconds\":60,"
                       "\"used\":1,\"remaining\":1,\"reset_seconds\":1},"
                       "{\"name\":\"concurrent_requests\",\"limit\":3,\"burst\":3,"
                       "\"window_seconds\":0,\"used\":0,\"remaining\":3,\"reset_seconds\":0}]},"
                       "\"keys_left_out\":0,\"models\":{\"m\":["
                       "{\"name\":\"tokens\",\"limit\":100,\"burst\":100,\"window_seconds\":60,"
                       "\"used\":10,\"remaining\":90,\"reset_seconds\":6}]}}");
    stage_reload(stage, MODELS RATES("requests_per_minute: 1"));
    assert_view(stage, "{\"keys\":{\"anonymous\":[{\"name\":\"requests\",\"limit\":1,");
    stage_reload(stage, MODELS);
    assert_view(stage, "{\"keys\":{},\"keys_left_out\":0,\"models\":{}}");
    stage_close(stage);
}

static void test_the_view_is_bounded(void **state)
{
    struct buf yaml;
    struct stage *stage;

    (void)state;
    buf_init(&yaml, 1 << 20);
    (void)buf_add_text(&yaml, MODELS RATES("requests_per_minute: 60") "client_keys:\n");
    for (int i = 0; i < LIMIT_STATUS_KEYS + 5; i++)
        (void)buf_printf(&yaml, "  - { name: k%d, hash: \"sha256:%064x\" }\n", i, i + 1);
    stage = stage_open(buf_text(&yaml));
    assert_view(stage, "\"k999\":[");
    assert_view(stage, "},\"keys_left_out\":5,\"models\":{}}");
    stage_close(stage);
    buf_done(&yaml);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_burst_and_then_429),
        cmocka_unit_test(test_every_answer_says_what_is_left),
        cmocka_unit_test(test_durations_are_written_as_openai_writes_them),
        cmocka_unit_test(test_a_debt_of_hours_is_written_too),
        cmocka_unit_test(test_who_has_no_limits_hears_nothing_of_them),
        cmocka_unit_test(test_keys_do_not_disturb_each_other),
        cmocka_unit_test(test_a_model_is_limited_for_all_together),
        cmocka_unit_test(test_tokens_of_a_model_are_charged_to_who_was_asked),
        cmocka_unit_test(test_a_slot_is_free_when_the_reply_is_complete),
        cmocka_unit_test(test_slots_come_back_however_it_ends),
        cmocka_unit_test(test_one_too_many_at_once),
        cmocka_unit_test(test_a_budget_that_is_spent),
        cmocka_unit_test(test_a_reload_keeps_what_is_in_the_bucket),
        cmocka_unit_test(test_a_reload_in_the_middle_of_a_request),
        cmocka_unit_test(test_no_target_costs_nothing),
        cmocka_unit_test(test_who_has_nothing_left_hears_it_before_the_body),
        cmocka_unit_test(test_who_was_not_served_gets_it_back),
        cmocka_unit_test(test_the_view_of_everything),
        cmocka_unit_test(test_the_view_is_bounded),
    };

    return cmocka_run_group_tests_name("limits", tests, NULL, NULL);
}
