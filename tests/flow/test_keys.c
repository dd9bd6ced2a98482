/* Several keys of one provider: what is wrong with one of them is no fault of the target. */
#include "flow/stage.h"
#include "flow/words.h"

#include <string.h>

#define TWO_KEYS                                                                               \
    "providers:\n"                                                                             \
    "  alpha: { kind: openai, base_url: \"http://alpha.test/v1\", keys: [\"sk-one-secret\", "  \
    "\"sk-two-secret\"] }\n"                                                                   \
    "  beta: { kind: openai, base_url: \"http://beta.test/v1\", keys: [\"sk-beta-secret\"] "   \
    "}\n"                                                                                      \
    "models_only: true\n"

#define ALONE TWO_KEYS "models:\n  m: { targets: [ { provider: alpha, model: alpha-m } ] }\n"
#define PAIR                                                                                   \
    TWO_KEYS "models:\n"                                                                       \
             "  m: { targets: [ { provider: alpha, model: alpha-m, priority: 1 },\n"           \
             "                  { provider: beta, model: beta-m, priority: 2 } ] }\n"

#define BAD_KEY ERROR_BODY("Incorrect API key provided: sk-one-secret", "invalid_request_error")

static void assert_key(struct stage *stage, size_t call, const char *key)
{
    assert_true(stage_calls(stage) > call);
    assert_holds(fake_fetch_sent_headers(stage_call(stage, call)), key);
}

static void answer(struct stage *stage, size_t call, unsigned status, const char *headers,
                   const char *body)
{
    fake_fetch_head(stage_call(stage, call), status, headers);
    stage_body(stage, call, body);
    stage_end(stage, call);
}

static void good(struct stage *stage, size_t call)
{
    stage_answer(stage, call, 200, JSON, ANSWER);
    assert_reply(stage, 200, "Hello");
}

static struct target_state *alpha(struct stage *stage)
{
    return targets_get(&stage->env.targets, "m:alpha");
}

static size_t events_of(const struct stage *stage, const char *part)
{
    struct buf text;
    struct json_writer w = json_writer(&text);
    struct span rest;
    size_t count = 0;
    size_t at;

    buf_init(&text, 16 * 1024 * 1024);
    json_begin(&w, '{');
    events_write(&stage->env.events, 0, &w);
    json_end(&w, '}');
    rest = buf_span(&text);
    assert_lacks(rest, "secret");
    for (; (at = span_find_text(rest, part)) != SIZE_MAX; count++)
        rest = span_skip(rest, at + 1);
    buf_done(&text);
    return count;
}

static void test_keys_take_turns(void **state)
{
    struct stage *stage = stage_open(ALONE);

    (void)state;
    for (size_t i = 0; i < 6; i++) {
        stage_ask(stage, CHAT);
        assert_key(stage, i, i % 2 ? "Bearer sk-two-secret" : "Bearer sk-one-secret");
        good(stage, i);
    }
    stage_close(stage);
}

/* fault 38 */
static void test_a_bad_key_is_set_aside_and_the_next_one_answers(void **state)
{
    struct stage *stage = stage_open(ALONE);

    (void)state;
    stage_ask(stage, CHAT);
    answer(stage, 0, 401, "", BAD_KEY);
    assert_int_equal(stage_calls(stage), 2); /* at once */
    assert_key(stage, 1, "Bearer sk-two-secret");
    good(stage, 1);
    assert_text(fake_http_reply_header(stage->http, "x-sluice-attempts"), "2");
    for (size_t i = 2; i < 8; i++) {
        stage_ask(stage, CHAT);
        assert_key(stage, i, "Bearer sk-two-secret");
        good(stage, i);
    }
    assert_int_equal(alpha(stage)->failures, 0);
    assert_int_equal(events_of(stage, "\"kind\":\"key\""), 1);
    assert_int_equal(events_of(stage, "\"to\":\"quarantined\""), 1);
    assert_int_equal(stage_count(stage, METER_KEY_FAULTS, "alpha", "refused", NULL), 1);
    stage_read_logs(stage);
    assert_holds(buf_span(&stage->events), "\"event\":\"key\"");
    assert_lacks(buf_span(&stage->events), "secret");
    stage_close(stage);
}

static void test_one_trial_after_the_quarantine_brings_a_key_back(void **state)
{
    struct stage *stage = stage_open(ALONE);

    (void)state;
    stage_ask(stage, CHAT);
    answer(stage, 0, 401, "", BAD_KEY);
    good(stage, 1);
    stage_advance(stage, KEY_QUARANTINE_MS);
    stage_ask(stage, CHAT);
    assert_key(stage, 2, "sk-one-secret");
    answer(stage, 2, 401, "", BAD_KEY);
    assert_key(stage, 3, "sk-two-secret");
    good(stage, 3);
    stage_advance(stage, KEY_QUARANTINE_MS);
    stage_ask(stage, CHAT);
    assert_key(stage, 4, "sk-one-secret");
    good(stage, 4);
    assert_int_equal(events_of(stage, "\"kind\":\"key\""), 2); /* out, in again */
    stage_ask(stage, CHAT);
    assert_key(stage, 5, "sk-two-secret");
    good(stage, 5);
    stage_close(stage);
}

static void test_without_a_key_that_is_left_the_target_is_out(void **state)
{
    struct stage *stage = stage_open(ALONE);

    (void)state;
    stage_ask(stage, CHAT);
    answer(stage, 0, 401, "", BAD_KEY);
    answer(stage, 1, 401, "", BAD_KEY);
    assert_reply(stage, 502, "\"upstream_auth\"");
    stage_ask(stage, CHAT);
    assert_int_equal(stage_calls(stage), 2); /* nobody was asked */
    assert_reply(stage, 502, "\"upstream_auth\"");
    assert_lacks(fake_http_reply_body(stage->http), "secret");
    stage_close(stage);
}

static void test_a_target_without_keys_is_passed_over(void **state)
{
    struct stage *stage = stage_open(PAIR);

    (void)state;
    stage_ask(stage, CHAT);
    answer(stage, 0, 401, "", BAD_KEY);
    answer(stage, 1, 403, "", "");
    assert_key(stage, 2, "sk-beta-secret");
    good(stage, 2);
    stage_ask(stage, CHAT);
    assert_key(stage, 3, "sk-beta-secret");
    good(stage, 3);
    assert_text(fake_http_reply_header(stage->http, "x-sluice-attempts"), "1");
    stage_close(stage);
}

static void test_an_empty_account_makes_room_for_the_next_key(void **state)
{
    struct stage *stage = stage_open(ALONE);

    (void)state;
    stage_ask(stage, CHAT);
    answer(stage, 0, 429, "", ERROR_BODY("pay", "insufficient_quota"));
    assert_key(stage, 1, "sk-two-secret");
    good(stage, 1);
    assert_int_equal(events_of(stage, "\"to\":\"cooling\""), 1);
    stage_advance(stage, KEY_SPENT_MS);
    stage_ask(stage, CHAT);
    assert_key(stage, 2, "sk-one-secret");
    good(stage, 2);
    stage_close(stage);
}

/* fault 35 */
static void test_a_limit_with_a_time_cools_its_key(void **state)
{
    struct stage *stage = stage_open(PAIR);

    (void)state;
    stage_ask(stage, CHAT);
    answer(stage, 0, 429, "retry-after: 20\n", ERROR_BODY("slow", "rate_limit_error"));
    assert_key(stage, 1, "sk-two-secret"); /* the same target, at once */
    answer(stage, 1, 429, "retry-after: 10\n", ERROR_BODY("slow", "rate_limit_error"));
    assert_key(stage, 2, "sk-beta-secret");
    good(stage, 2);
    stage_advance(stage, 9999);
    stage_ask(stage, CHAT);
    assert_key(stage, 3, "sk-beta-secret");
    good(stage, 3);
    stage_advance(stage, 1);
    stage_ask(stage, CHAT);
    assert_key(stage, 4, "sk-two-secret");
    good(stage, 4);
    stage_advance(stage, 10000);
    stage_ask(stage, CHAT);
    assert_key(stage, 5, "sk-one-secret");
    good(stage, 5);
    assert_int_equal(events_of(stage, "\"kind\":\"key\""), 0);
    stage_close(stage);
}

static void test_a_limit_without_a_time_is_left_to_another_target(void **state)
{
    struct stage *stage = stage_open(PAIR);

    (void)state;
    stage_ask(stage, CHAT);
    answer(stage, 0, 429, "", ERROR_BODY("slow", "rate_limit_error"));
    assert_key(stage, 1, "sk-beta-secret");
    good(stage, 1);
    stage_close(stage);
}

static void test_while_everything_cools_a_request_waits_for_the_soonest(void **state)
{
    struct stage *stage = stage_open(PAIR);

    (void)state;
    stage_ask(stage, CHAT);
    answer(stage, 0, 429, "retry-after: 20\n", ERROR_BODY("slow", "rate_limit_error"));
    answer(stage, 1, 429, "retry-after: 5\n", ERROR_BODY("slow", "rate_limit_error"));
    answer(stage, 2, 429, "retry-after: 30\n", ERROR_BODY("slow", "rate_limit_error"));
    assert_int_equal(fake_http_status(stage->http), 0);
    stage_advance(stage, 4999);
    assert_int_equal(stage_calls(stage), 3);
    stage_advance(stage, 1);
    assert_key(stage, 3, "sk-two-secret");
    good(stage, 3);
    stage_close(stage);
}

static void test_a_request_that_comes_while_everything_cools_waits_too(void **state)
{
    struct stage *stage = stage_open(ALONE "retry: { max_attempts: 2 }\n");

    (void)state;
    stage_ask(stage, CHAT);
    answer(stage, 0, 429, "retry-after: 20\n", ERROR_BODY("slow", "rate_limit_error"));
    answer(stage, 1, 429, "retry-after: 5\n", ERROR_BODY("slow", "rate_limit_error"));
    assert_reply(stage, 429, "slow");
    stage_ask(stage, CHAT);
    assert_int_equal(stage_calls(stage), 2);
    stage_advance(stage, 4999);
    assert_int_equal(stage_calls(stage), 2);
    stage_advance(stage, 500); /* a little later than the moment: not all at once */
    assert_key(stage, 2, "sk-two-secret");
    good(stage, 2);
    stage_close(stage);
}

static void test_nobody_waits_longer_than_retries_may(void **state)
{
    struct stage *stage = stage_open(ALONE);

    (void)state;
    stage_ask(stage, CHAT);
    answer(stage, 0, 429, "retry-after: 90\n", ERROR_BODY("slow", "rate_limit_error"));
    answer(stage, 1, 429, "retry-after: 60\n", ERROR_BODY("slow", "rate_limit_error"));
    assert_reply(stage, 429, "slow");
    assert_text(fake_http_reply_header(stage->http, "retry-after"), "60");
    stage_advance(stage, 10000);
    stage_ask(stage, CHAT);
    assert_int_equal(stage_calls(stage), 2);
    assert_reply(stage, 429, "\"rate_limit_exceeded\"");
    assert_text(fake_http_reply_header(stage->http, "retry-after"), "50");
    stage_close(stage);
}

static void test_keys_count_as_attempts(void **state)
{
    struct stage *stage = stage_open(ALONE "retry: { max_attempts: 1 }\n");

    (void)state;
    stage_ask(stage, CHAT);
    answer(stage, 0, 401, "", BAD_KEY);
    assert_int_equal(stage_calls(stage), 1);
    assert_reply(stage, 502, "\"upstream_auth\"");
    stage_ask(stage, CHAT);
    assert_key(stage, 1, "sk-two-secret");
    good(stage, 1);
    stage_close(stage);
}

#define OTHER_KEY                                                                              \
    "providers:\n"                                                                             \
    "  alpha: { kind: openai, base_url: \"http://alpha.test/v1\", keys: "                      \
    "[\"sk-three-secret\"] }\n"                                                                \
    "models:\n  m: { targets: [ { provider: alpha, model: alpha-m } ] }\n"                     \
    "models_only: true\n"

static void test_replaced_keys_are_used_from_the_next_attempt_on(void **state)
{
    struct stage *stage = stage_open(ALONE);

    (void)state;
    stage_ask(stage, STREAM);
    stage_head(stage, 0, 200, EVENTS);
    stage_body(stage, 0, ROLE HELLO);
    stage_reload(stage, OTHER_KEY);
    stage_body(stage, 0, WORLD FINISH DONE); /* a running stream goes on */
    stage_end(stage, 0);
    assert_reply(stage, 200, "world");
    stage_ask(stage, CHAT);
    assert_key(stage, 1, "sk-three-secret");
    good(stage, 1);
    stage_close(stage);
}

/* An attempt that was on its way with the old key when it was withdrawn. */
static void test_a_refused_key_that_was_replaced_meanwhile(void **state)
{
    struct stage *stage = stage_open(ALONE);

    (void)state;
    stage_ask(stage, CHAT);
    stage_reload(stage, OTHER_KEY);
    answer(stage, 0, 401, "", BAD_KEY);
    assert_key(stage, 1, "sk-three-secret");
    good(stage, 1);
    assert_int_equal(events_of(stage, "\"kind\":\"key\""), 0);
    stage_close(stage);
}

static void test_a_reload_with_the_same_keys_forgets_nothing(void **state)
{
    struct stage *stage = stage_open(ALONE);

    (void)state;
    stage_ask(stage, CHAT);
    answer(stage, 0, 401, "", BAD_KEY);
    good(stage, 1);
    stage_reload(stage, ALONE "retry: { max_attempts: 2 }\n");
    stage_ask(stage, CHAT);
    assert_key(stage, 2, "sk-two-secret");
    good(stage, 2);
    stage_ask(stage, CHAT);
    assert_key(stage, 3, "sk-two-secret");
    good(stage, 3);
    key_pools_forgive(&stage->env.key_pools,
                      config_provider_find(stage->env.config, SPAN_OF("alpha")));
    stage_ask(stage, CHAT);
    assert_key(stage, 4, "sk-one-secret");
    good(stage, 4);
    stage_close(stage);
}

#define MOVED                                                                                  \
    "providers:\n"                                                                             \
    "  alpha: { kind: openai, base_url: \"http://elsewhere.test/v1\", keys: "                  \
    "[\"sk-moved-secret\"] }\n"                                                                \
    "models:\n  m: { targets: [ { provider: alpha, model: alpha-m } ] }\n"                     \
    "models_only: true\n"

/* An exchange that began before knows the old address: it gets the old key there, and never another. */
static void test_a_key_never_goes_where_nobody_said_it_may(void **state)
{
    struct stage *stage = stage_open(ALONE);

    (void)state;
    stage_ask(stage, CHAT);
    assert_key(stage, 0, "sk-one-secret");
    stage_reload(stage, MOVED);
    answer(stage, 0, 503, "", ERROR_BODY("busy", "server_error"));
    stage_advance(stage, 1000);
    assert_string_equal(fake_fetch_url(stage_call(stage, 1)),
                        "http://alpha.test/v1/chat/completions");
    assert_key(stage, 1, "sk-one-secret");
    good(stage, 1);
    stage_ask(stage, CHAT);
    assert_string_equal(fake_fetch_url(stage_call(stage, 2)),
                        "http://elsewhere.test/v1/chat/completions");
    assert_key(stage, 2, "sk-moved-secret");
    good(stage, 2);
    stage_close(stage);
}

static void test_the_last_plan_says_that_keys_are_out(void **state)
{
    static const struct {
        unsigned status;
        const char *headers;
        const char *why;
    } cases[] = {
        { 401, "", "its provider's keys are quarantined" },
        { 429, "retry-after: 60\n", "its provider's keys are cooling" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct stage *stage = stage_open(PAIR);
        const struct last_plan *last = &models_get(&stage->env.models, "m")->last;

        stage_ask(stage, CHAT);
        answer(stage, 0, cases[i].status, cases[i].headers, BAD_KEY);
        answer(stage, 1, cases[i].status, cases[i].headers, BAD_KEY);
        good(stage, 2);
        assert_int_equal(last->skipped_count, 0); /* it was tried */
        stage_ask(stage, CHAT);
        good(stage, 3);
        assert_int_equal(last->count, 1);
        assert_string_equal(last->steps[0].id, "m:beta");
        assert_int_equal(last->skipped_count, 1);
        assert_string_equal(last->skipped[0].id, "m:alpha");
        assert_string_equal(last->skipped[0].why, cases[i].why);
        stage_close(stage);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_last_plan_says_that_keys_are_out),
        cmocka_unit_test(test_keys_take_turns),
        cmocka_unit_test(test_a_bad_key_is_set_aside_and_the_next_one_answers),
        cmocka_unit_test(test_one_trial_after_the_quarantine_brings_a_key_back),
        cmocka_unit_test(test_without_a_key_that_is_left_the_target_is_out),
        cmocka_unit_test(test_a_target_without_keys_is_passed_over),
        cmocka_unit_test(test_an_empty_account_makes_room_for_the_next_key),
        cmocka_unit_test(test_a_limit_with_a_time_cools_its_key),
        cmocka_unit_test(test_a_limit_without_a_time_is_left_to_another_target),
        cmocka_unit_test(test_while_everything_cools_a_request_waits_for_the_soonest),
        cmocka_unit_test(test_a_request_that_comes_while_everything_cools_waits_too),
        cmocka_unit_test(test_nobody_waits_longer_than_retries_may),
        cmocka_unit_test(test_keys_count_as_attempts),
        cmocka_unit_test(test_replaced_keys_are_used_from_the_next_attempt_on),
        cmocka_unit_test(test_a_refused_key_that_was_replaced_meanwhile),
        cmocka_unit_test(test_a_reload_with_the_same_keys_forgets_nothing),
        cmocka_unit_test(test_a_key_never_goes_where_nobody_said_it_may),
    };

    return cmocka_run_group_tests_name("keys", tests, NULL, NULL);
}
