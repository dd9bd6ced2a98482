/* What is counted for /metrics, where series are kept for those that are alike. */
#include "flow/stage.h"
#include "flow/words.h"

#define MODELS(first, second)                                                                  \
    PROVIDERS "models:\n"                                                                      \
              "  " first ": { targets: [ { provider: alpha } ], cost_per_mtok: 1 }\n"          \
              "  " second ": { targets: [ { provider: beta } ], cost_per_mtok: 1 }\n"          \
              "models_only: true\n"

static void ask(struct stage *stage, const char *body, unsigned status)
{
    stage_ask(stage, body);
    stage_answer(stage, stage_calls(stage) - 1, status, JSON, status == 200 ? ANSWER : "{}");
}

static void test_each_is_counted_by_its_model_its_target_and_its_status(void **state)
{
    struct stage *stage = stage_open(MODELS("m", "n"));

    (void)state;
    ask(stage, CHAT, 200);
    ask(stage, "{\"model\":\"n\",\"messages\":[]}", 200);
    ask(stage, CHAT, 400);
    ask(stage, CHAT, 200);
    assert_int_equal(stage_count(stage, METER_REQUESTS, "m", "blue", "200"), 2);
    assert_int_equal(stage_count(stage, METER_REQUESTS, "m", "blue", "400"), 1);
    assert_int_equal(stage_count(stage, METER_REQUESTS, "n", "blue", "200"), 1);
    assert_int_equal(stage_count(stage, METER_ATTEMPTS, "m:alpha", "ok", NULL), 2);
    assert_int_equal(stage_count(stage, METER_ATTEMPTS, "m:alpha", "client_error", NULL), 1);
    assert_int_equal(stage_count(stage, METER_ATTEMPTS, "n:beta", "ok", NULL), 1);
    assert_int_equal(stage_count(stage, METER_TOKENS, "m", "input", NULL), 14);
    assert_int_equal(stage_count(stage, METER_TOKENS, "n", "input", NULL), 7);
    assert_int_equal(stage_count(stage, METER_COST, "m", "anonymous", NULL),
                     2 * stage_count(stage, METER_COST, "n", "anonymous", NULL));
    stage_close(stage);
}

/* The next configuration may well lie where the last one lay. */
static void test_after_a_reload_the_new_names_count(void **state)
{
    struct stage *stage = stage_open(MODELS("m", "n"));

    (void)state;
    ask(stage, CHAT, 200);
    for (int i = 0; i < 3; i++) {
        stage_reload(stage, MODELS("n", "m"));
        ask(stage, CHAT, 200);
        ask(stage, "{\"model\":\"n\",\"messages\":[]}", 200);
        stage_reload(stage, MODELS("m", "n"));
        ask(stage, CHAT, 200);
    }
    assert_int_equal(stage_count(stage, METER_ATTEMPTS, "m:alpha", "ok", NULL), 4);
    assert_int_equal(stage_count(stage, METER_ATTEMPTS, "m:beta", "ok", NULL), 3);
    assert_int_equal(stage_count(stage, METER_ATTEMPTS, "n:alpha", "ok", NULL), 3);
    assert_int_equal(stage_count(stage, METER_REQUESTS, "m", "blue", "200"), 7);
    assert_int_equal(stage_count(stage, METER_REQUESTS, "n", "blue", "200"), 3);
    stage_close(stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_is_counted_by_its_model_its_target_and_its_status),
        cmocka_unit_test(test_after_a_reload_the_new_names_count),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
