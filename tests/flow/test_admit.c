/* AUTH, ADMIT, PLAN: who is let in, and what the others are told. */
#include "flow/stage.h"
#include "flow/words.h"

#include "base/digest.h"

#include <stdio.h>

/* The hash of "sk-client". */
static const char *with_client_key(const char *base, const char *fields)
{
    static char yaml[4096];
    char hex[DIGEST_HEX_SIZE];
    struct digest digest;

    digest_sha256(SPAN_OF("sk-client"), &digest);
    digest_hex(&digest, hex);
    (void)snprintf(yaml, sizeof(yaml),
                   "%sclient_keys: [ { name: team, hash: \"sha256:%s\"%s } ]\n", base, hex,
                   fields);
    return yaml;
}

static void ask_with(struct stage *stage, const char *header, const char *value)
{
    stage_prepare(stage, "/v1/chat/completions", CHAT);
    fake_http_add_header(stage->http, header, value);
    stage_start(stage);
}

static void test_a_wrong_key_is_refused_and_nothing_is_asked(void **state)
{
    struct stage *stage = stage_open(with_client_key(ONE_TARGET, ""));

    (void)state;
    stage_ask(stage, CHAT);
    assert_reply(stage, 401, "\"invalid_api_key\"");
    ask_with(stage, "authorization", "Bearer sk-other");
    assert_reply(stage, 401, "\"invalid_api_key\"");
    assert_lacks(fake_http_reply_body(stage->http), "sk-other");
    assert_int_equal(stage_calls(stage), 0);
    stage_close(stage);
}

static void test_a_key_is_taken_from_each_of_its_headers(void **state)
{
    struct stage *stage = stage_open(with_client_key(ONE_TARGET, ""));

    (void)state;
    ask_with(stage, "Authorization", "Bearer sk-client");
    stage_answer(stage, 0, 200, JSON, ANSWER);
    assert_reply(stage, 200, "Hello");
    ask_with(stage, "X-API-Key", "sk-client");
    stage_answer(stage, 1, 200, JSON, ANSWER);
    assert_reply(stage, 200, "Hello");
    ask_with(stage, "api-key", "sk-client");
    stage_answer(stage, 2, 200, JSON, ANSWER);
    assert_reply(stage, 200, "Hello");
    stage_read_logs(stage);
    assert_holds(buf_span(&stage->access), "\"client\":\"team\"");
    assert_lacks(buf_span(&stage->access), "sk-client");
    stage_close(stage);
}

static void test_the_wrong_key_is_refused_before_the_body_is_there(void **state)
{
    struct stage *stage = stage_open(with_client_key(ONE_TARGET, ""));

    (void)state;
    stage_prepare(stage, "/v1/chat/completions", "");
    fake_http_set_body(stage->http, HTTP_BODY_COMING, SPAN_OF(""));
    stage_start(stage);
    assert_reply(stage, 401, "\"invalid_api_key\"");
    assert_false(fake_http_continued(stage->http));
    assert_int_equal(fake_http_end(stage->http), FAKE_HTTP_CLOSED);
    stage_close(stage);
}

static void test_a_model_that_the_key_may_not_use_is_refused(void **state)
{
    struct stage *stage = stage_open(with_client_key(ONE_TARGET, ", models: [ other ]"));

    (void)state;
    ask_with(stage, "x-api-key", "sk-client");
    assert_reply(stage, 403, "\"model_not_allowed\"");
    stage_close(stage);
}

/* `beta/m` is another model than the `m` that this key may use. */
static void test_a_listed_name_behind_another_provider_is_not_that_model(void **state)
{
    static const char base[] =
        PROVIDERS "models:\n"
                  "  m: { targets: [ { provider: alpha, model: alpha-m } ] }\n";
    struct stage *stage = stage_open(with_client_key(base, ", models: [ m ]"));

    (void)state;
    stage_prepare(stage, "/v1/chat/completions", "{\"model\":\"beta/m\",\"messages\":[]}");
    fake_http_add_header(stage->http, "x-api-key", "sk-client");
    stage_start(stage);
    assert_int_equal(stage_calls(stage), 0);
    assert_reply(stage, 403, "\"model_not_allowed\"");
    stage_close(stage);
}

static void test_the_body_is_asked_for_once_the_key_is_right(void **state)
{
    struct stage *stage = stage_open(ONE_TARGET);

    (void)state;
    stage_prepare(stage, "/v1/chat/completions", "");
    fake_http_set_body(stage->http, HTTP_BODY_COMING, SPAN_OF(""));
    stage_start(stage);
    assert_true(fake_http_continued(stage->http));
    assert_int_equal(stage->env.slots.admission.in_flight, 1);
    fake_http_set_body(stage->http, HTTP_BODY_WHOLE, SPAN_OF(CHAT));
    fake_loop_settle(stage->loop);
    stage_answer(stage, 0, 200, JSON, ANSWER);
    assert_reply(stage, 200, "Hello");
    stage_close(stage);
}

static void refused(const char *body, unsigned status, const char *code)
{
    struct stage *stage = stage_open(ONE_TARGET);

    stage_ask(stage, body);
    assert_reply(stage, status, code);
    assert_text(fake_http_reply_header(stage->http, "content-type"), "application/json");
    assert_text(fake_http_reply_header(stage->http, "x-sluice-attempts"), "0");
    assert_int_equal(fake_http_end(stage->http), FAKE_HTTP_KEPT);
    assert_int_equal(stage_calls(stage), 0);
    stage_close(stage);
}

static void test_a_body_that_is_not_right_is_refused(void **state)
{
    (void)state;
    refused("", 400, "\"invalid_json\"");
    refused("{\"model\":", 400, "\"invalid_json\"");
    refused("[]", 400, "\"error\"");
    refused("{\"model\":\"m\",\"model\":\"n\"}", 400, "\"duplicate_key\"");
    refused("{\"model\":\"m\",\"mod\\u0065l\":\"n\"}", 400, "\"duplicate_key\"");
    refused("{\"model\":\"m\",\"stream\":\"yes\"}", 400, "\"param\":\"stream\"");
    refused("{\"messages\":[]}", 400, "default_model");
}

static void test_an_unknown_model_is_answered_with_the_nearest(void **state)
{
    struct stage *stage = stage_open(
        PROVIDERS "models:\n"
                  "  gpt-4.1: { targets: [ { provider: alpha } ], aliases: [ gpt-4 ] }\n"
                  "  deepseek: { targets: [ { provider: beta } ] }\n"
                  "models_only: true\n");

    (void)state;
    stage_ask(stage, "{\"model\":\"gtp-4.1\"}");
    assert_reply(stage, 404, "`gpt-4.1`");
    assert_holds(fake_http_reply_body(stage->http), "\"code\":\"model_not_found\"");
    assert_holds(fake_http_reply_body(stage->http), "\"param\":\"model\"");
    assert_int_equal(stage_count(stage, METER_REQUESTS, "other", "none", "404"), 1);
    stage_close(stage);
}

static void test_what_is_wrong_with_the_body_is_said(void **state)
{
    static const struct {
        enum http_body_state state;
        unsigned status;
        const char *code;
    } rows[] = { { HTTP_BODY_TOO_LARGE, 413, "\"request_too_large\"" },
                 { HTTP_BODY_TOO_SLOW, 408, "\"request_timeout\"" },
                 { HTTP_BODY_MALFORMED, 400, "\"bad_request\"" } };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct stage *stage = stage_open(ONE_TARGET);

        stage_prepare(stage, "/v1/chat/completions", "");
        fake_http_set_body(stage->http, HTTP_BODY_COMING, SPAN_OF(""));
        stage_start(stage);
        assert_int_equal(fake_http_status(stage->http), 0);
        fake_http_set_body(stage->http, rows[i].state, SPAN_OF("{"));
        fake_loop_settle(stage->loop);
        assert_reply(stage, rows[i].status, rows[i].code);
        assert_int_equal(fake_http_end(stage->http), FAKE_HTTP_CLOSED);
        stage_close(stage);
    }
}

static void test_only_json_is_read(void **state)
{
    struct stage *stage = stage_open(ONE_TARGET);

    (void)state;
    ask_with(stage, "content-type", "application/xml");
    assert_reply(stage, 415, "\"error\"");
    ask_with(stage, "content-type", "application/json; charset=utf-8");
    stage_answer(stage, 0, 200, JSON, ANSWER);
    assert_reply(stage, 200, "Hello");
    stage_close(stage);
}

static void test_other_methods_are_refused(void **state)
{
    struct stage *stage = stage_open(ONE_TARGET);

    (void)state;
    stage_prepare(stage, "/v1/chat/completions", "");
    fake_http_set_method(stage->http, HTTP_GET);
    stage_start(stage);
    assert_reply(stage, 405, "\"method_not_allowed\"");
    stage_close(stage);
}

static void test_more_than_in_flight_are_turned_away(void **state)
{
    struct stage *stage = stage_open(ONE_TARGET "limits: { in_flight: 1, queue: 0 }\n");
    struct http *first;

    (void)state;
    stage_ask(stage, CHAT);
    first = stage->http;
    stage->http = NULL;
    stage_ask(stage, CHAT);
    assert_reply(stage, 503, "\"overloaded\"");
    assert_text(fake_http_reply_header(stage->http, "retry-after"), "1");
    stage_answer(stage, 0, 200, JSON, ANSWER);
    assert_int_equal(fake_http_status(first), 200);
    fake_http_free(first);
    stage_ask(stage, CHAT); /* there is room again */
    stage_answer(stage, 1, 200, JSON, ANSWER);
    assert_reply(stage, 200, "Hello");
    stage_close(stage);
}

static void test_the_clients_id_is_kept_when_it_can_be_printed(void **state)
{
    struct stage *stage = stage_open(ONE_TARGET);

    (void)state;
    ask_with(stage, "X-Request-Id", "abc-123");
    assert_holds(fake_fetch_sent_headers(stage_call(stage, 0)), "x-request-id: abc-123\n");
    stage_answer(stage, 0, 200, JSON, ANSWER);
    assert_text(fake_http_reply_header(stage->http, "x-request-id"), "abc-123");
    ask_with(stage, "X-Request-Id", "not one word");
    stage_answer(stage, 1, 200, JSON, ANSWER);
    assert_holds(fake_http_reply_header(stage->http, "x-request-id"), "req_");
    assert_int_equal(fake_http_reply_header(stage->http, "x-request-id").size, 30);
    stage_close(stage);
}

static void test_a_provider_without_a_key_is_said_to_be_off(void **state)
{
    struct stage *stage =
        stage_open("providers:\n"
                   "  alpha: { kind: openai, keys: [\"${SLUICE_NOT_SET:-}\"] }\n"
                   "  beta: { kind: openai, keys: [\"sk-beta\"] }\n");

    (void)state;
    stage_ask(stage, "{\"model\":\"alpha/x\"}");
    assert_reply(stage, 503, "\"no_healthy_target\"");
    stage_close(stage);
}

static void test_where_no_model_is_listed_there_is_no_nearest(void **state)
{
    struct stage *stage = stage_open(PROVIDERS);

    (void)state;
    stage_ask(stage, CHAT);
    assert_reply(stage, 404, "\"model_not_found\"");
    assert_lacks(fake_http_reply_body(stage->http), "nearest");
    stage_close(stage);
}

/* The built-in provider, in a process that does not run it. */
static void test_a_provider_without_an_address_cannot_be_reached(void **state)
{
    struct stage *stage = stage_open("providers: { demo: { kind: demo } }\n"
                                     "models: { m: { targets: [ { provider: demo } ] } }\n");

    (void)state;
    stage_ask(stage, CHAT);
    assert_int_equal(stage_calls(stage), 0);
    assert_reply(stage, 503, "\"no_healthy_target\"");
    stage->env.demo_url = "http://127.0.0.1:1/v1";
    stage_ask(stage, CHAT);
    assert_string_equal(fake_fetch_url(stage_call(stage, 0)),
                        "http://127.0.0.1:1/v1/chat/completions");
    stage_answer(stage, 0, 200, JSON, ANSWER);
    stage_close(stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_wrong_key_is_refused_and_nothing_is_asked),
        cmocka_unit_test(test_a_key_is_taken_from_each_of_its_headers),
        cmocka_unit_test(test_the_wrong_key_is_refused_before_the_body_is_there),
        cmocka_unit_test(test_a_model_that_the_key_may_not_use_is_refused),
        cmocka_unit_test(test_a_listed_name_behind_another_provider_is_not_that_model),
        cmocka_unit_test(test_the_body_is_asked_for_once_the_key_is_right),
        cmocka_unit_test(test_a_body_that_is_not_right_is_refused),
        cmocka_unit_test(test_an_unknown_model_is_answered_with_the_nearest),
        cmocka_unit_test(test_what_is_wrong_with_the_body_is_said),
        cmocka_unit_test(test_only_json_is_read),
        cmocka_unit_test(test_other_methods_are_refused),
        cmocka_unit_test(test_more_than_in_flight_are_turned_away),
        cmocka_unit_test(test_the_clients_id_is_kept_when_it_can_be_printed),
        cmocka_unit_test(test_a_provider_without_a_key_is_said_to_be_off),
        cmocka_unit_test(test_where_no_model_is_listed_there_is_no_nearest),
        cmocka_unit_test(test_a_provider_without_an_address_cannot_be_reached),
    };

    return cmocka_run_group_tests_name("flow/admit", tests, NULL, NULL);
}
