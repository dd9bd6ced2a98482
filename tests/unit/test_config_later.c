/* The language of the whole contract is known: what this build implements is read, the rest is
 * refused by name, so that nobody relies on a setting that does nothing. */
#include "config/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define HASH "sha256:00000000000000000000000000000000000000000000000000000000000000aa"

/* The contract's example, without what comes later. */
static const char example[] =
    "listen: 0.0.0.0:8080\n"
    "environment: production\n"
    "models_only: false                 # true: only what `models` lists\n"
    "default_provider: openai\n"
    "tls: { certificate: /dev/null, key: /dev/null, client_ca: /dev/null }\n"
    "admin: { listen: 127.0.0.1:9090, keys: [\"${SLUICE_TEST_UNSET:-adm}\"] }\n"
    "default_model: gpt-4.1\n"
    "fallback_model: gemini-2.5-flash\n"
    "client_keys:\n"
    "  - { name: team-a, hash: \"" HASH "\", models: [\"gpt-4.1\", \"deepseek/*\"],\n"
    "      requests_per_minute: 600, burst_size: 60, tokens_per_minute: 200000,\n"
    "      concurrent_requests: 50, budget_usd_per_day: 100, expires: 2027-01-01, admin: false "
    "}\n"
    "providers:\n"
    "  openai:   { kind: openai, base_url: \"https://api.openai.com/v1\", keys: [\"k\"] }\n"
    "  cluster:\n"
    "    kind: openai\n"
    "    regions:\n"
    "      - { name: us-west-2,      base_url: \"http://vllm-us:8000/v1\",   weight: 100 }\n"
    "      - { name: eu-west-1,      base_url: \"http://vllm-eu:8000/v1\",   weight: 100 }\n"
    "      - { name: ap-southeast-1, base_url: \"http://vllm-asia:8000/v1\", weight: 80,\n"
    "          enabled: true }\n"
    "    health: { interval: 30s, timeout: 2s, path: /models, prompt: false }\n"
    "    engine: auto\n"
    "    http2: false\n"
    "    on_client_gone: cancel\n"
    "models:\n"
    "  gpt-4.1:\n"
    "    aliases: [gpt-4, openai/gpt-4.1]\n"
    "    targets:\n"
    "      - { name: stable, provider: openai, model: gpt-4.1, weight: 100, priority: 1 }\n"
    "      - { name: next,   provider: openai, model: gpt-4.2, environment: green }\n"
    "    split: { blue: 100, green: 0 }\n"
    "    fallbacks: [gemini-2.5-flash, deepseek-v3.2]\n"
    "    fallback_on: { rate_limit: [deepseek-v3.2], connection_error: [gemini-2.5-flash],\n"
    "                   context_window: [gemini-2.5-flash] }\n"
    "    sticky: none\n"
    "    balance: weighted\n"
    "    description: \"general purpose\"\n"
    "    context_window: 1047576\n"
    "    max_tokens: 32768\n"
    "    requests_per_minute: 0\n"
    "    tokens_per_minute: 0\n"
    "    concurrent_requests: 0\n"
    "    cost_per_mtok: { input: 8.00, output: 32.00, cached_input: 2.00, cache_write: 0 }\n"
    "    rollout:\n"
    "      strategy: staged\n"
    "      autostart: false\n"
    "      phases: [ {name: initial, green: 5, at_least: 30m}, {name: canary, green: 15, "
    "at_least: 1h},\n"
    "                {name: partial, green: 40, at_least: 2h}, {name: majority, green: 70, "
    "at_least: 4h},\n"
    "                {name: full, green: 100} ]\n"
    "      check_every: 60s\n"
    "      promote:  { min_requests: 100, window: 30m, max_error_rate: 0.02, "
    "max_latency_increase: 0.50 }\n"
    "      rollback: { window: 10m, min_requests: 20, error_rate: 0.05, latency: 10s, to: "
    "previous }\n"
    "  gemini-2.5-flash: { targets: [ { provider: cluster } ] }\n"
    "  deepseek-v3.2: { targets: [ { provider: cluster } ] }\n"
    "  auto: { tasks: { simple: deepseek-v3.2, standard: gemini-2.5-flash, advanced: gpt-4.1 "
    "},\n"
    "          default_task: standard }\n"
    "retry: { max_attempts: 5, initial_delay_ms: 1000, max_delay_ms: 30000, "
    "backoff_multiplier: 2,\n"
    "         budget: 0.2, retryable_errors: [rate_limit_error, server_error, timeout, "
    "connection_error] }\n"
    "health: { interval: 30s, window: 5m, min_requests: 20, latency_threshold: 2s, slow_start: "
    "30s,\n"
    "          success_threshold: 0.95, recover: 60s, auto_switch: true }\n"
    "circuit_breaker: { enabled: true, failure_threshold: 5, timeout_seconds: 30,\n"
    "                   half_open_requests: 3 }\n"
    "timeouts: { connect: 2s, first_byte: 60s, idle: 60s, total: 10m, sse_comment: 15s,\n"
    "            client_header: 10s, client_body: 60s, client_write: 60s, keepalive: 75s }\n"
    "rate_limiting: { requests_per_minute: 0, burst_size: 0, tokens_per_minute: 0,\n"
    "                 concurrent_requests: 0 }\n"
    "limits: { connections: 8192, header_bytes: 32KiB, body_bytes: 50MiB, in_flight: 4096,\n"
    "          queue: 1024, queue_wait: 5s }\n"
    "alerts: { error_rate: 0.05, latency_p95: 5s, projected_cost_usd_per_day: 1000,\n"
    "          webhooks: [ {url: \"https://x/y\", secret: \"${SLUICE_TEST_UNSET:-s}\"} ] }\n"
    "log: { level: info, format: json, access: true, bodies: false }\n"
    "workers: 1\n"
    "drain: { seconds: 30 }\n";

static void test_the_example_of_the_contract_is_fine(void **state)
{
    struct config_report report;
    struct config *config;

    (void)state;
    config_report_init(&report);
    config = config_from_text("f.yaml", SPAN_OF(example), NULL, &report);
    assert_string_equal(buf_size(&report.text) ? buf_text(&report.text) : "", "");
    assert_non_null(config);
    assert_int_equal(config->model_count, 4);
    assert_string_equal(config->fallback_model->targets[0].provider->name, "cluster");
    config_unref(config);
    config_report_done(&report);
}

/* `before` and `after` stand around the setting; `said` is what comes before its name. */
static void check_refused(const char *before, const char *setting, const char *after,
                          const char *said)
{
    struct config_report report;
    char text[1024];
    char line[256];

    (void)snprintf(text, sizeof(text), "%s%s%s\n", before, setting, after);
    (void)snprintf(line, sizeof(line),
                   "f.yaml:%s%.*s: this build does not implement it yet; remove it\n", said,
                   (int)strcspn(setting, ":"), setting);
    config_report_init(&report);
    assert_null(config_from_text("f.yaml", span_from(text), NULL, &report));
    if (report.errors != 1 || !strstr(buf_text(&report.text), line))
        fail_msg("text:\n%s\nexpected, alone: %s\nsaid: %s", text, line,
                 buf_text(&report.text));
    config_report_done(&report);
}

#define CHECK_REFUSED(before, after, said, ...)                                                \
    do {                                                                                       \
        static const char *const settings[] = { __VA_ARGS__ };                                 \
                                                                                               \
        for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)                    \
            check_refused(before, settings[i], after, said);                                   \
    } while (0)

static void test_what_comes_later_is_refused_by_name(void **state)
{
    (void)state;
    CHECK_REFUSED("", "", "1:1: ", "cache: { enabled: false }",
                  "redis: { url: \"redis://x\", fail: open }");
}

static void test_what_comes_later_of_providers_is_refused_by_name(void **state)
{
    (void)state;
    CHECK_REFUSED("providers: { a: { kind: openai, keys: [k], ", " } }", "1:44: providers.a.",
                  "presets: none");
    CHECK_REFUSED("providers: { a: { kind: openai, keys: [k], timeouts: { ", " } } }",
                  "1:56: providers.a.timeouts.", "total: 1s", "sse_comment: 1s");
}

static void test_words_that_come_later_are_refused(void **state)
{
    static const char text[] = "providers:\n"
                               "  a: { kind: openai, keys: [k] }\n"
                               "workers: 4\n";
    struct config_report report;

    (void)state;
    config_report_init(&report);
    assert_null(config_from_text("f.yaml", SPAN_OF(text), NULL, &report));
    assert_int_equal(report.errors, 1);
    assert_non_null(strstr(buf_text(&report.text), "f.yaml:3:10: workers: this build"));
    config_report_done(&report);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_example_of_the_contract_is_fine),
        cmocka_unit_test(test_what_comes_later_is_refused_by_name),
        cmocka_unit_test(test_what_comes_later_of_providers_is_refused_by_name),
        cmocka_unit_test(test_words_that_come_later_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
