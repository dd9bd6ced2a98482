/* A virtual model: the task of a request says which model is meant. */
#include "flow/stage.h"
#include "flow/words.h"

#include "base/digest.h"

#include <stdio.h>

#define WITH_TASKS                                                                             \
    PROVIDERS "models:\n"                                                                      \
              "  small: { targets: [ { provider: alpha } ] }\n"                                \
              "  large: { targets: [ { provider: beta } ], fallbacks: [ small ] }\n"           \
              "  auto: { tasks: { simple: small, standard: large }, aliases: [ any ] }\n"      \
              "retry: { max_attempts: 2 }\n"

#define AUTO "{\"model\":\"auto\",\"messages\":[]}"
#define AUTO_FOR(task)                                                                         \
    "{\"model\":\"auto\",\"metadata\":{\"task\":\"" task "\"},\"messages\":[]}"

static void ask_for(struct stage *stage, const char *task, const char *body)
{
    stage_prepare(stage, "/v1/chat/completions", body);
    if (task)
        fake_http_add_header(stage->http, "X-Sluice-Task", task);
    stage_start(stage);
}

static void assert_answered_by(struct stage *stage, const char *model)
{
    stage_answer(stage, stage_calls(stage) - 1, 200, JSON, ANSWER);
    assert_reply(stage, 200, "Hello");
    assert_text(fake_http_reply_header(stage->http, "x-sluice-model"), model);
}

static void test_the_header_comes_before_the_body_before_the_default(void **state)
{
    struct stage *stage = stage_open(WITH_TASKS);

    (void)state;
    ask_for(stage, "simple", AUTO);
    assert_holds(fake_fetch_sent_body(stage_call(stage, 0)), "\"model\":\"small\"");
    assert_answered_by(stage, "small");
    assert_null(fake_http_reply_header(stage->http, "x-sluice-fallback").at);
    ask_for(stage, NULL, AUTO_FOR("simple"));
    assert_answered_by(stage, "small");
    ask_for(stage, "standard", AUTO_FOR("simple"));
    assert_answered_by(stage, "large");
    ask_for(stage, NULL, AUTO);
    assert_answered_by(stage, "large");
    stage_read_logs(stage);
    assert_holds(buf_span(&stage->access), "\"model\":\"auto\"");
    stage_close(stage);
}

static void test_the_meant_models_fallbacks_hold(void **state)
{
    struct stage *stage = stage_open(WITH_TASKS);

    (void)state;
    ask_for(stage, NULL, AUTO);
    stage_fail(stage, 0, FETCH_RESET);
    assert_answered_by(stage, "small");
    assert_text(fake_http_reply_header(stage->http, "x-sluice-fallback"), "1");
    stage_close(stage);
}

static void test_a_task_that_it_does_not_have_is_refused(void **state)
{
    struct stage *stage = stage_open(WITH_TASKS);

    (void)state;
    ask_for(stage, "advanced", AUTO);
    assert_reply(stage, 400, "\"invalid_value\"");
    assert_holds(fake_http_reply_body(stage->http), "X-Sluice-Task");
    assert_holds(fake_http_reply_body(stage->http), "allowed: simple, standard.");
    ask_for(stage, NULL, AUTO_FOR("hard"));
    assert_reply(stage, 400, "\"param\":\"metadata.task\"");
    assert_holds(fake_http_reply_body(stage->http), "allowed: simple, standard.");
    assert_int_equal(stage_calls(stage), 0);
    stage_close(stage);
}

/* The metadata of other models is the client's own. */
static void test_tasks_mean_nothing_to_other_models(void **state)
{
    struct stage *stage = stage_open(WITH_TASKS);

    (void)state;
    ask_for(stage, "advanced",
            "{\"model\":\"small\",\"metadata\":{\"task\":\"hard\"},\"messages\":[]}");
    assert_answered_by(stage, "small");
    stage_close(stage);
}

static void test_a_key_for_the_virtual_name_is_enough(void **state)
{
    char yaml[2048];
    char hex[DIGEST_HEX_SIZE];
    struct digest digest;
    struct stage *stage;

    (void)state;
    digest_sha256(SPAN_OF("sk-client"), &digest);
    digest_hex(&digest, hex);
    (void)snprintf(yaml, sizeof(yaml),
                   "%sclient_keys: [ { name: a, hash: \"sha256:%s\", models: [ auto ] } ]\n",
                   WITH_TASKS, hex);
    stage = stage_open(yaml);
    stage_prepare(stage, "/v1/chat/completions", "{\"model\":\"any\",\"messages\":[]}");
    fake_http_add_header(stage->http, "x-api-key", "sk-client");
    stage_start(stage);
    assert_answered_by(stage, "large");
    stage_prepare(stage, "/v1/chat/completions", "{\"model\":\"large\",\"messages\":[]}");
    fake_http_add_header(stage->http, "x-api-key", "sk-client");
    stage_start(stage);
    assert_reply(stage, 403, "\"model_not_allowed\"");
    stage_close(stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_header_comes_before_the_body_before_the_default),
        cmocka_unit_test(test_the_meant_models_fallbacks_hold),
        cmocka_unit_test(test_a_task_that_it_does_not_have_is_refused),
        cmocka_unit_test(test_tasks_mean_nothing_to_other_models),
        cmocka_unit_test(test_a_key_for_the_virtual_name_is_enough),
    };

    return cmocka_run_group_tests_name("flow/task", tests, NULL, NULL);
}
