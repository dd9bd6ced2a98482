/* Without a file the environment speaks. */
#include "config/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LOOPBACK "SLUICE_LISTEN=127.0.0.1:8080"

/* Reads an environment of exactly these NAME=VALUE words, which end with NULL. The configuration is
 * NULL when it was refused; `said` must be among the messages, or nothing when it is NULL. */
static struct config *read_environment(const char *const *words, const char *said)
{
    struct config_report report;
    struct config *config;

    assert_int_equal(clearenv(), 0);
    for (; *words; words++)
        assert_int_equal(putenv((char *)(uintptr_t)*words), 0);
    config_report_init(&report);
    config = config_from_environment(NULL, &report);
    assert_int_equal(config == NULL, report.errors > 0);
    if (said == NULL ? buf_size(&report.text) != 0 : !strstr(buf_text(&report.text), said))
        fail_msg("expected: %s\nsaid: %s", said, buf_text(&report.text));
    config_report_done(&report);
    return config;
}

#define READ(said, ...) read_environment((const char *const[]){ __VA_ARGS__, NULL }, said)

static void test_nothing_there_is_the_demo(void **state)
{
    struct config *config = READ("there are no client_keys", "A=b");

    (void)state;
    assert_null(config->file);
    assert_string_equal(config->listen, "0.0.0.0:8080");
    assert_int_equal(config->provider_count, 1);
    assert_true(config->providers[0].kind->built_in);
    assert_string_equal(config->default_provider->name, "demo");
    assert_string_equal(config->default_model->name, "demo");
    assert_string_equal(config->default_model->targets[0].id, "demo:demo");
    config_unref(config);
}

static void test_a_key_is_a_provider(void **state)
{
    struct config *config =
        READ(NULL, LOOPBACK, "DEEPSEEK_API_KEY=sk-d", "OPENAI_API_KEY=sk-$o",
             "DEEPSEEK_BASE_URL=http://127.0.0.1:9/v1/");
    const struct config_provider *deepseek = config_provider_find(config, SPAN_OF("deepseek"));

    (void)state;
    assert_int_equal(config->provider_count, 2);
    assert_string_equal(config->default_provider->name, "openai");
    assert_string_equal(config->default_provider->base_url, "https://api.openai.com/v1");
    assert_true(config->default_provider->deny_private);
    assert_true(span_is(secret_reveal(&config->default_provider->keys.items[0]), "sk-$o"));
    assert_string_equal(deepseek->base_url, "http://127.0.0.1:9/v1");
    assert_false(deepseek->deny_private);
    assert_int_equal(config->model_count, 0);
    assert_null(config->default_model);
    config_unref(config);
}

static void test_the_first_provider_is_the_default_when_openai_is_not_there(void **state)
{
    struct config *config = READ(NULL, LOOPBACK, "GROQ_API_KEY=g");

    (void)state;
    assert_string_equal(config->default_provider->name, "groq");
    config_unref(config);
}

static void test_holysheep_goes_first(void **state)
{
    struct config *config = READ(NULL, LOOPBACK, "OPENAI_API_KEY=o", "HOLYSHEEP_API_KEY=h",
                                 "HOLYSHEEP_BASE_URL=https://api.example.com/v1");

    (void)state;
    assert_string_equal(config->default_provider->name, "holysheep");
    assert_string_equal(config->default_provider->base_url, "https://api.example.com/v1");
    config_unref(config);
}

static void test_a_server_without_a_key_is_known_by_its_address(void **state)
{
    struct config *config = READ(NULL, LOOPBACK, "VLLM_BASE_URL=http://vllm:8000/v1");

    (void)state;
    assert_string_equal(config->default_provider->name, "vllm");
    assert_false(config->default_provider->off);
    config_unref(config);
}

static void test_models_go_to_the_provider_that_they_name(void **state)
{
    struct config *config =
        READ(NULL, LOOPBACK, "OPENAI_API_KEY=o", "DEEPSEEK_API_KEY=d", "DEFAULT_MODEL=gpt-4.1",
             "FALLBACK_MODEL=deepseek/deepseek-chat");
    const struct config_target *first = &config->default_model->targets[0];
    const struct config_target *last = &config->fallback_model->targets[0];

    (void)state;
    assert_string_equal(config->default_model->name, "gpt-4.1");
    assert_string_equal(first->provider->name, "openai");
    assert_string_equal(first->model, "gpt-4.1");
    assert_string_equal(config->fallback_model->name, "deepseek/deepseek-chat");
    assert_string_equal(last->provider->name, "deepseek");
    assert_string_equal(last->model, "deepseek-chat");
    config_unref(config);
}

static void test_a_model_with_a_slash_may_be_the_default_providers(void **state)
{
    struct config *config = READ(NULL, LOOPBACK, "OPENROUTER_API_KEY=o",
                                 "DEFAULT_MODEL=google/gemini", "FALLBACK_MODEL=google/gemini");

    (void)state;
    assert_int_equal(config->model_count, 1);
    assert_string_equal(config->default_model->targets[0].model, "google/gemini");
    assert_string_equal(config->default_model->targets[0].provider->name, "openrouter");
    assert_ptr_equal(config->fallback_model, config->default_model);
    config_unref(config);
}

static void test_numbers_and_words(void **state)
{
    struct config *config = READ(NULL, LOOPBACK, "OPENAI_API_KEY=o", "TIMEOUT_SECONDS=30",
                                 "MAX_RETRIES=0", "LOG_LEVEL=WARNING", "SLUICE_ADMIN_KEY=adm");

    (void)state;
    assert_string_equal(config->listen, "127.0.0.1:8080");
    assert_int_equal(config->timeouts.total, 30000);
    assert_int_equal(config->retry.max_attempts, 1);
    assert_int_equal(config->log.level, LOG_WARN);
    assert_int_equal(config->admin.keys.count, 1);
    assert_true(span_is(secret_reveal(&config->admin.keys.items[0]), "adm"));
    config_unref(config);
}

static void test_client_keys_are_named_hashed_or_plain(void **state)
{
    struct config *config =
        READ(NULL, "OPENAI_API_KEY=o",
             "SLUICE_CLIENT_KEYS=team-a=sk-12345678, sk-plain-one,"
             "b=sha256:00000000000000000000000000000000000000000000000000000000000000bb,");
    struct digest digest;

    (void)state;
    assert_int_equal(config->client_key_count, 3);
    digest_sha256(SPAN_OF("sk-12345678"), &digest);
    assert_string_equal(config->client_keys[0].name, "team-a");
    assert_true(digest_equal(&config->client_keys[0].hash, &digest));
    digest_sha256(SPAN_OF("sk-plain-one"), &digest);
    assert_string_equal(config->client_keys[1].name, "key-2");
    assert_true(digest_equal(&config->client_keys[1].hash, &digest));
    assert_int_equal(config->client_keys[2].hash.bytes[31], 0xbb);
    config_unref(config);
}

static void test_the_interval_of_probes_is_in_seconds(void **state)
{
    struct config *config =
        READ(NULL, LOOPBACK, "OPENAI_API_KEY=o", "HEALTH_CHECK_INTERVAL=45");

    (void)state;
    assert_int_equal(config->health.interval, 45000);
    assert_int_equal(config->providers[0].health.interval, 45000);
    config_unref(config);
}

static void test_switching_can_be_turned_off(void **state)
{
    static const struct {
        const char *said;
        bool meant;
    } rows[] = { { "ENABLE_AUTO_ROLLBACK=true", true },
                 { "ENABLE_AUTO_ROLLBACK=False", false },
                 { "ENABLE_AUTO_ROLLBACK=0", false },
                 { "ENABLE_AUTO_ROLLBACK=1", true },
                 { "ENABLE_AUTO_ROLLBACK=", true } };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct config *config = READ(NULL, LOOPBACK, "OPENAI_API_KEY=o", rows[i].said);

        assert_int_equal(config->health.auto_switch, rows[i].meant);
        config_unref(config);
    }
    assert_null(READ("environment: ENABLE_AUTO_ROLLBACK: \"perhaps\" is not true", LOOPBACK,
                     "OPENAI_API_KEY=o", "ENABLE_AUTO_ROLLBACK=perhaps"));
}

static void test_what_this_build_cannot_do_is_said_and_does_not_stop_the_start(void **state)
{
    (void)state;
    config_unref(READ("environment: warning: OPENAI_BASE_URL: OPENAI_API_KEY is not set",
                      LOOPBACK, "GROQ_API_KEY=g", "OPENAI_BASE_URL=http://x/v1"));
}

static void test_what_is_wrong_is_said_with_the_variables_name(void **state)
{
    (void)state;
    assert_null(READ("environment: TIMEOUT_SECONDS: \"soon\" is not a whole number", LOOPBACK,
                     "OPENAI_API_KEY=o", "TIMEOUT_SECONDS=soon"));
    assert_null(READ("environment: TIMEOUT_SECONDS: 99999999s is too much; write at most 24h",
                     LOOPBACK, "OPENAI_API_KEY=o", "TIMEOUT_SECONDS=99999999"));
    assert_null(READ("environment: MAX_RETRIES: 101 is too much", LOOPBACK, "OPENAI_API_KEY=o",
                     "MAX_RETRIES=100"));
    assert_null(READ("environment: LOG_LEVEL: \"loud\" is not one of debug, info", LOOPBACK,
                     "OPENAI_API_KEY=o", "LOG_LEVEL=loud"));
    assert_null(READ("environment: SLUICE_LISTEN: \"8080\" is not an address",
                     "OPENAI_API_KEY=o", "SLUICE_LISTEN=8080"));
    assert_null(READ("environment: OPENAI_BASE_URL: is not the address of an upstream",
                     LOOPBACK, "OPENAI_API_KEY=o", "OPENAI_BASE_URL=api.example.com"));
    assert_null(READ("environment: HOLYSHEEP_API_KEY: HOLYSHEEP_BASE_URL is not set", LOOPBACK,
                     "HOLYSHEEP_API_KEY=h"));
    assert_null(READ("environment: SLUICE_CLIENT_KEYS: holds no key; write NAME=KEY", LOOPBACK,
                     "OPENAI_API_KEY=o", "SLUICE_CLIENT_KEYS= ,"));
    assert_null(READ("environment: SLUICE_CLIENT_KEYS: key 1 is shorter than 8", LOOPBACK,
                     "OPENAI_API_KEY=o", "SLUICE_CLIENT_KEYS=sk-abcdefgh=="));
    assert_null(READ("environment: SLUICE_CLIENT_KEYS: \"a b\" is not a short name", LOOPBACK,
                     "OPENAI_API_KEY=o", "SLUICE_CLIENT_KEYS=a b=12345678"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_there_is_the_demo),
        cmocka_unit_test(test_a_key_is_a_provider),
        cmocka_unit_test(test_the_first_provider_is_the_default_when_openai_is_not_there),
        cmocka_unit_test(test_holysheep_goes_first),
        cmocka_unit_test(test_a_server_without_a_key_is_known_by_its_address),
        cmocka_unit_test(test_models_go_to_the_provider_that_they_name),
        cmocka_unit_test(test_a_model_with_a_slash_may_be_the_default_providers),
        cmocka_unit_test(test_numbers_and_words),
        cmocka_unit_test(test_client_keys_are_named_hashed_or_plain),
        cmocka_unit_test(test_the_interval_of_probes_is_in_seconds),
        cmocka_unit_test(test_switching_can_be_turned_off),
        cmocka_unit_test(test_what_this_build_cannot_do_is_said_and_does_not_stop_the_start),
        cmocka_unit_test(test_what_is_wrong_is_said_with_the_variables_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
