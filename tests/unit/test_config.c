/* What a good configuration becomes. */
#include "config/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define HASH_A "sha256:00000000000000000000000000000000000000000000000000000000000000aa"
#define HASH_B "sha256:00000000000000000000000000000000000000000000000000000000000000bb"

#define PROVIDERS                                                                              \
    "listen: 127.0.0.1:8080\n"                                                                 \
    "providers:\n"                                                                             \
    "  openai: { kind: openai, keys: [sk-one, sk-two] }\n"                                     \
    "  cluster: { kind: openai, base_url: \"http://vllm:8000/v1/\" }\n"

/* Reads `text`, which must be fine; `warning` must be said, or nothing when it is NULL. */
static struct config *read_config(const char *text, const char *warning)
{
    struct config_report report;
    struct config *config;

    config_report_init(&report);
    config = config_from_text("f.yaml", span_from(text), NULL, &report);
    if (config == NULL || (warning == NULL && buf_size(&report.text)))
        fail_msg("%s", buf_text(&report.text));
    assert_int_equal(report.errors, 0);
    if (warning && !strstr(buf_text(&report.text), warning))
        fail_msg("expected: %s\nsaid: %s", warning, buf_text(&report.text));
    config_report_done(&report);
    return config;
}

static const struct config_model *model(const struct config *config, const char *name)
{
    return config_model_find(config, span_from(name));
}

static const struct config_provider *provider(const struct config *config, const char *name)
{
    return config_provider_find(config, span_from(name));
}

static void test_hedges(void **state)
{
    struct config *config = read_config(
        PROVIDERS
        "models:\n"
        "  a: { targets: [ { provider: openai }, { provider: cluster } ],\n"
        "       hedge: { after: p95 } }\n"
        "  b: { targets: [ { provider: openai }, { provider: cluster, weight: 0 } ],\n"
        "       hedge: { after: 800ms, budget: 0.1 } }\n"
        "  c: { targets: [ { provider: openai }, { provider: cluster } ] }\n",
        "f.yaml:9:15: warning: models.b.hedge: there is no second target in use to "
        "ask; add one, or remove it");

    (void)state;
    assert_int_equal(model(config, "a")->hedge.after, CONFIG_PERCENTILE | 95);
    assert_int_equal(model(config, "a")->hedge.budget, 50000);
    assert_int_equal(model(config, "b")->hedge.after, 800);
    assert_int_equal(model(config, "b")->hedge.budget, 100000);
    assert_int_equal(model(config, "c")->hedge.after, 0);
    config_unref(config);
}

static void test_what_is_not_said_has_the_defaults_of_the_contract(void **state)
{
    struct config *config = read_config("", "there are no client_keys");

    (void)state;
    assert_string_equal(config->listen, "0.0.0.0:8080");
    assert_string_equal(config->environment, "production");
    assert_string_equal(config->file, "f.yaml");
    assert_false(config->models_only);
    assert_null(config->default_provider);
    assert_null(config->default_model);
    assert_null(config->admin.listen);
    assert_null(config->tls.certificate);
    assert_int_equal(config->retry.max_attempts, 5);
    assert_int_equal(config->retry.initial_delay_ms, 1000);
    assert_int_equal(config->retry.max_delay_ms, 30000);
    assert_int_equal(config->retry.backoff_multiplier, 2);
    assert_int_equal(config->retry.errors.count, RETRYABLES);
    assert_int_equal(config->retry.budget, 200000);
    assert_true(config->breaker.enabled);
    assert_int_equal(config->breaker.failure_threshold, 5);
    assert_int_equal(config->breaker.timeout_seconds, 30);
    assert_int_equal(config->breaker.half_open_requests, 3);
    assert_int_equal(config->timeouts.connect, 2000);
    assert_int_equal(config->timeouts.first_byte, 60000);
    assert_int_equal(config->timeouts.idle, 60000);
    assert_int_equal(config->timeouts.total, 600000);
    assert_int_equal(config->timeouts.sse_comment, 15000);
    assert_int_equal(config->timeouts.client_header, 10000);
    assert_int_equal(config->timeouts.client_body, 60000);
    assert_int_equal(config->timeouts.client_write, 60000);
    assert_int_equal(config->timeouts.keepalive, 75000);
    assert_int_equal(config->limits.connections, 8192);
    assert_int_equal(config->limits.in_flight, 4096);
    assert_int_equal(config->limits.queue, 1024);
    assert_int_equal(config->limits.queue_wait, 5000);
    assert_int_equal(config->limits.header_bytes, 32 * 1024);
    assert_int_equal(config->limits.body_bytes, 50 * 1024 * 1024);
    assert_int_equal(config->log.level, LOG_INFO);
    assert_false(config->log.text);
    assert_true(config->log.access);
    assert_false(config->log.bodies);
    assert_int_equal(config->drain_seconds, 30);
    config_unref(config);
}

static void test_a_provider_takes_what_it_does_not_say_from_its_kind(void **state)
{
    struct config *config = read_config(PROVIDERS, NULL);
    const struct config_provider *openai = provider(config, "openai");
    const struct config_provider *cluster = provider(config, "cluster");

    (void)state;
    assert_string_equal(openai->base_url, "https://api.openai.com/v1");
    assert_true(openai->deny_private);
    assert_false(openai->off);
    assert_int_equal(openai->keys.count, 2);
    assert_true(span_is(secret_reveal(&openai->keys.items[1]), "sk-two"));
    assert_int_equal(openai->mark.line, 3);
    assert_ptr_equal(config->default_provider, openai);
    assert_string_equal(cluster->base_url, "http://vllm:8000/v1");
    assert_false(cluster->deny_private);
    assert_false(cluster->off);
    config_unref(config);
}

static void test_a_provider_named_like_a_kind_is_of_that_kind(void **state)
{
    struct config *config = read_config("listen: 127.0.0.1:1\n"
                                        "providers: { deepseek: { keys: [k] } }\n",
                                        NULL);

    (void)state;
    assert_string_equal(provider(config, "deepseek")->kind->name, "deepseek");
    config_unref(config);
}

static void test_a_provider_says_only_the_clocks_that_differ(void **state)
{
    struct config *config =
        read_config("listen: 127.0.0.1:1\n"
                    "providers:\n"
                    "  a: { kind: openai, keys: [k], timeouts: { idle: 5s, connect: 0 } }\n"
                    "timeouts: { connect: 1s, first_byte: 90s, keepalive: 1h }\n",
                    NULL);
    const struct config_timeouts *own = &provider(config, "a")->timeouts;

    (void)state;
    assert_int_equal(own->idle, 5000);
    assert_int_equal(own->connect, 0);
    assert_int_equal(own->first_byte, 90000);
    assert_int_equal(own->total, 600000);
    assert_int_equal(own->keepalive, 3600000);
    assert_int_equal(config->timeouts.idle, 60000);
    config_unref(config);
}

static void test_probes_that_prompt_are_warned_of(void **state)
{
    struct config *config = read_config(
        "listen: 127.0.0.1:1\n"
        "providers:\n"
        "  a: { kind: openai, keys: [k], health: { prompt: true } }\n"
        "  b: { kind: openai, keys: [k] }\n",
        "f.yaml:3:51: warning: providers.a.health.prompt: each probe of this provider is a "
        "prompt, and costs tokens\n");

    (void)state;
    assert_true(provider(config, "a")->health.prompt);
    assert_false(provider(config, "b")->health.prompt);
    config_unref(config);
}

static void test_a_provider_whose_keys_are_all_empty_is_off_and_said_so(void **state)
{
    struct config *config = read_config(
        "listen: 127.0.0.1:1\n"
        "providers:\n"
        "  a: { kind: openai, keys: [\"${SLUICE_TEST_UNSET:-}\"] }\n"
        "  b: { kind: vllm, base_url: \"http://b/v1\", keys: [\"${SLUICE_TEST_UNSET:-}\"] }\n"
        "  c: { kind: openai, keys: [\"${SLUICE_TEST_UNSET:-}\", k] }\n",
        "f.yaml:3:28: warning: providers.a.keys: every key is empty, so this provider is "
        "off\n");

    (void)state;
    assert_true(provider(config, "a")->off);
    assert_false(provider(config, "b")->off); /* its kind needs none */
    assert_false(provider(config, "c")->off);
    assert_int_equal(provider(config, "c")->keys.count, 1);
    config_unref(config);
}

static void test_a_public_provider_without_any_key_is_off(void **state)
{
    struct config *config = read_config("listen: 127.0.0.1:1\nproviders: { openai: {} }\n",
                                        "there are no keys, so this provider is off");

    (void)state;
    assert_true(provider(config, "openai")->off);
    config_unref(config);
}

static void test_a_model_whose_providers_are_all_off_is_said(void **state)
{
    config_unref(
        read_config("listen: 127.0.0.1:1\n"
                    "providers: { openai: { keys: [] } }\n"
                    "models:\n"
                    "  m: { targets: [ { provider: openai } ] }\n",
                    "f.yaml:4:6: warning: models.m: every provider of this model is off"));
    (void)state;
}

static void test_a_target_is_named_after_what_it_names(void **state)
{
    struct config *config = read_config(
        PROVIDERS
        "models:\n"
        "  gpt-4.1:\n"
        "    targets:\n"
        "      - { provider: openai }\n"
        "      - { name: next, provider: cluster, model: gpt-5, weight: 7, priority: 2 }\n",
        NULL);
    const struct config_target *targets = model(config, "gpt-4.1")->targets;

    (void)state;
    assert_string_equal(targets[0].id, "gpt-4.1:openai");
    assert_string_equal(targets[0].name, "openai");
    assert_string_equal(targets[0].model, "gpt-4.1");
    assert_ptr_equal(targets[0].provider, provider(config, "openai"));
    assert_int_equal(targets[0].weight, 100);
    assert_int_equal(targets[0].priority, 1);
    assert_string_equal(targets[1].id, "gpt-4.1:next");
    assert_string_equal(targets[1].model, "gpt-5");
    assert_int_equal(targets[1].weight, 7);
    assert_int_equal(targets[1].priority, 2);
    assert_int_equal(targets[1].mark.line, 9);
    assert_int_equal(targets[1].mark.column, 9);
    config_unref(config);
}

static void test_names_may_be_used_before_they_are_listed(void **state)
{
    struct config *config = read_config(
        "listen: 127.0.0.1:1\n"
        "default_provider: b\n"
        "default_model: alias\n"
        "fallback_model: two\n"
        "models:\n"
        "  one: { targets: [ { provider: b } ], aliases: [alias, b/one], fallbacks: [two] }\n"
        "  two: { targets: [ { provider: b } ] }\n"
        "providers: { b: { kind: openai, keys: [k] } }\n",
        NULL);

    (void)state;
    assert_ptr_equal(config->default_provider, provider(config, "b"));
    assert_ptr_equal(config->default_model, model(config, "one"));
    assert_ptr_equal(config->fallback_model, model(config, "two"));
    assert_ptr_equal(model(config, "b/one"), model(config, "one"));
    assert_ptr_equal(model(config, "one")->fallbacks.items[0], model(config, "two"));
    assert_null(model(config, "three"));
    assert_null(provider(config, "c"));
    config_unref(config);
}

static void test_prices_are_exact(void **state)
{
    struct config *config = read_config(
        PROVIDERS
        "models:\n"
        "  a: { targets: [ { provider: openai } ], cost_per_mtok: 0.42 }\n"
        "  b: { targets: [ { provider: openai } ], cost_per_mtok: { input: 8.00, output: 32 } "
        "}\n"
        "  c:\n"
        "    targets: [ { provider: openai } ]\n"
        "    cost_per_mtok: { input: 0.000001, output: 1.1, cached_input: 0, cache_write: 3 }\n"
        "  d: { targets: [ { provider: openai } ] }\n",
        NULL);

    (void)state;
    assert_true(model(config, "a")->price.known);
    assert_int_equal(model(config, "a")->price.rates.input, 420000);
    assert_int_equal(model(config, "a")->price.rates.output, 420000);
    assert_int_equal(model(config, "a")->price.rates.cached_input, 420000);
    assert_int_equal(model(config, "b")->price.rates.input, 8000000);
    assert_int_equal(model(config, "b")->price.rates.output, 32000000);
    assert_int_equal(model(config, "b")->price.rates.cached_input, 8000000);
    assert_int_equal(model(config, "b")->price.rates.cache_write, 8000000);
    assert_int_equal(model(config, "c")->price.rates.input, 1);
    assert_int_equal(model(config, "c")->price.rates.output, 1100000);
    assert_int_equal(model(config, "c")->price.rates.cached_input, 0);
    assert_int_equal(model(config, "c")->price.rates.cache_write, 3000000);
    assert_false(model(config, "d")->price.known);
    config_unref(config);
}

static void test_client_keys(void **state)
{
    struct config *config =
        read_config("client_keys:\n"
                    "  - { name: a, hash: \"" HASH_A "\", models: [gpt-4, \"deepseek/*\"],\n"
                    "      expires: 2027-01-01 }\n"
                    "  - { name: b, hash: \"" HASH_B "\", expires: 2028-02-29T12:00:01Z }\n"
                    "providers: { demo: {} }\n",
                    NULL);
    const struct config_client_key *keys = config->client_keys;

    (void)state;
    assert_int_equal(config->client_key_count, 2);
    assert_string_equal(keys[0].name, "a");
    assert_int_equal(keys[0].hash.bytes[31], 0xaa);
    assert_int_equal(keys[0].models.count, 2);
    assert_string_equal(keys[0].models.items[1], "deepseek/*");
    assert_false(keys[0].admin);
    assert_int_equal(keys[0].expires_ms, UINT64_C(1798761600000));
    assert_int_equal(keys[1].expires_ms, UINT64_C(1835438401000));
    assert_int_equal(keys[1].models.count, 0);
    assert_false(keys[1].admin);
    config_unref(config);
}

static void test_every_other_setting_reaches_its_field(void **state)
{
    struct config *config = read_config(
        "listen: \"[::1]:0\"\n"
        "environment: staging\n"
        "models_only: true\n"
        "admin: { listen: 127.0.0.1:9090, keys: [adm] }\n"
        "providers:\n"
        "  p: { kind: openai, keys: [k], engine: transfer, http2: true, on_client_gone: "
        "drain,\n"
        "       proxy: \"http://u:p@proxy:3128/\", ca_file: /dev/null,\n"
        "       headers: { X-Title: \"a b\" } }\n"
        "models:\n"
        "  m: { targets: [ { provider: p } ], description: \"ümlaut $$\", context_window: "
        "1047576,\n"
        "       max_tokens: 32768 }\n"
        "tls: { certificate: /dev/null, key: /dev/null, client_ca: /dev/null }\n"
        "retry: { max_attempts: 1, initial_delay_ms: 0, max_delay_ms: 7, backoff_multiplier: 3,"
        " budget: 0, retryable_errors: [timeout] }\n"
        "circuit_breaker: { enabled: false, failure_threshold: 6, timeout_seconds: 7,\n"
        "                   half_open_requests: 8 }\n"
        "limits: { connections: 1, in_flight: 0, queue: 0, queue_wait: 0, header_bytes: 1024, "
        "body_bytes: 0 }\n"
        "log: { level: error, format: text, access: false, bodies: true }\n"
        "workers: 1\n"
        "drain: { seconds: 0 }\n",
        NULL);
    const struct config_provider *p = provider(config, "p");

    (void)state;
    assert_string_equal(config->listen, "[::1]:0");
    assert_string_equal(config->environment, "staging");
    assert_true(config->models_only);
    assert_string_equal(config->admin.listen, "127.0.0.1:9090");
    assert_true(span_is(secret_reveal(&config->admin.keys.items[0]), "adm"));
    assert_int_equal(p->engine, ENGINE_TRANSFER);
    assert_true(p->http2);
    assert_int_equal(p->on_client_gone, CLIENT_GONE_DRAIN);
    assert_string_equal(p->proxy, "http://u:p@proxy:3128/");
    assert_string_equal(p->ca_file, "/dev/null");
    assert_int_equal(p->headers.count, 1);
    assert_string_equal(p->headers.items[0].name, "X-Title");
    assert_string_equal(p->headers.items[0].value, "a b");
    assert_string_equal(model(config, "m")->description, "ümlaut $");
    assert_int_equal(model(config, "m")->context_window, 1047576);
    assert_int_equal(model(config, "m")->max_tokens, 32768);
    assert_string_equal(config->tls.client_ca, "/dev/null");
    assert_int_equal(config->retry.max_attempts, 1);
    assert_int_equal(config->retry.backoff_multiplier, 3);
    assert_int_equal(config->retry.errors.count, 1);
    assert_int_equal(config->retry.budget, 0);
    assert_int_equal(config->retry.errors.items[0], RETRYABLE_TIMEOUT);
    assert_false(config->breaker.enabled);
    assert_int_equal(config->breaker.half_open_requests, 8);
    assert_int_equal(config->limits.connections, 1);
    assert_int_equal(config->limits.in_flight, 0);
    assert_int_equal(config->limits.queue, 0);
    assert_int_equal(config->limits.queue_wait, 0);
    assert_int_equal(config->limits.header_bytes, 1024);
    assert_int_equal(config->limits.body_bytes, 1024 * 1024 * 1024); /* none is the ceiling */
    assert_int_equal(config->log.level, LOG_ERROR);
    assert_true(config->log.text);
    assert_false(config->log.access);
    assert_true(config->log.bodies);
    assert_int_equal(config->drain_seconds, 0);
    config_unref(config);
}

/* ---- what a text stands for ---- */

static void test_variables_are_put_in(void **state)
{
    struct config *config;

    (void)state;
    assert_int_equal(setenv("SLUICE_TEST_KEY", "sk-$x", 1), 0);
    assert_int_equal(setenv("SLUICE_TEST_EMPTY", "", 1), 0);
    assert_int_equal(setenv("SLUICE_TEST_TRICK", "a, x: b\nmodels: {}", 1), 0);
    config =
        read_config("listen: 127.0.0.1:${SLUICE_TEST_UNSET:-81}\n"
                    "environment: a${SLUICE_TEST_EMPTY}b${SLUICE_TEST_EMPTY:-c}\n"
                    "retry: { max_attempts: \"${SLUICE_TEST_UNSET:-3}\" }\n"
                    "log: { level: \"${SLUICE_TEST_EMPTY}\" }\n"
                    "providers: { a: { kind: openai, keys: [\"${SLUICE_TEST_KEY}\", $$2] } }\n",
                    NULL);
    assert_string_equal(config->listen, "127.0.0.1:81");
    assert_string_equal(config->environment, "abc");
    assert_int_equal(config->retry.max_attempts, 3);
    assert_int_equal(config->log.level, LOG_INFO); /* empty: not said */
    assert_true(span_is(secret_reveal(&config->providers[0].keys.items[0]), "sk-$x"));
    assert_true(span_is(secret_reveal(&config->providers[0].keys.items[1]), "$2"));
    config_unref(config);
}

static void test_a_file_is_put_in_without_its_line_break(void **state)
{
    char path[] = "/tmp/sluice-test-XXXXXX";
    int fd = mkstemp(path);
    struct config *config;
    char text[256];

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "sk-${HOME}\n", 11), 11); /* means itself */
    assert_int_equal(close(fd), 0);
    (void)snprintf(text, sizeof(text),
                   "listen: 127.0.0.1:1\n"
                   "providers: { a: { kind: openai, keys: [\"file:%s\"] } }\n",
                   path);
    config = read_config(text, NULL);
    assert_true(span_is(secret_reveal(&config->providers[0].keys.items[0]), "sk-${HOME}"));
    config_unref(config);
    assert_int_equal(unlink(path), 0);
}

static void test_block_texts_and_a_byte_order_mark_are_fine(void **state)
{
    struct config *config = read_config("\xef\xbb\xbf"
                                        "listen: 127.0.0.1:1\n"
                                        "providers: { demo: {} }\n"
                                        "models:\n"
                                        "  m:\n"
                                        "    description: >\n"
                                        "      two\n"
                                        "      lines\n"
                                        "    targets: [ provider: demo ]\n",
                                        NULL);

    (void)state;
    assert_string_equal(model(config, "m")->description, "two lines");
    config_unref(config);
}

static void test_a_file_is_read(void **state)
{
    char path[] = "/tmp/sluice-test-XXXXXX";
    int fd = mkstemp(path);
    struct config_report report;
    struct config *config;

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(write(fd, PROVIDERS, sizeof(PROVIDERS) - 1), sizeof(PROVIDERS) - 1);
    assert_int_equal(close(fd), 0);
    config_report_init(&report);
    config = config_from_file(path, NULL, &report);
    assert_non_null(config);
    assert_string_equal(config->file, path);
    assert_ptr_equal(config_ref(config), config);
    config_unref(config);
    assert_int_equal(config->provider_count, 2); /* one reference is left */
    config_unref(config);
    config_unref(NULL);
    assert_int_equal(unlink(path), 0);
    assert_null(config_from_file(path, NULL, &report));
    assert_non_null(strstr(buf_text(&report.text), ": cannot read it: No such file"));
    assert_int_equal(report.errors, 1);
    config_report_done(&report);
}

#define LIMITED                                                                                \
    PROVIDERS                                                                                  \
    "models:\n"                                                                                \
    "  m: { targets: [ { provider: openai } ], requests_per_minute: 45, cost_per_mtok: 1 }\n"  \
    "  n: { targets: [ { provider: openai } ], tokens_per_minute: 9, concurrent_requests: 2 }" \
    "\n"                                                                                       \
    "rate_limiting: { requests_per_minute: 600, burst_size: 5, tokens_per_minute: 1000,\n"     \
    "                 concurrent_requests: 50 }\n"

static void check_rates(const struct config_rates *rates, uint32_t requests, uint32_t burst,
                        uint32_t tokens, uint32_t concurrent)
{
    assert_int_equal(rates->requests_per_minute, requests);
    assert_int_equal(rates->burst_size, burst);
    assert_int_equal(rates->tokens_per_minute, tokens);
    assert_int_equal(rates->concurrent_requests, concurrent);
}

static void test_each_key_has_the_general_limits_but_for_its_own(void **state)
{
    struct config *config =
        read_config(LIMITED "client_keys:\n"
                            "  - { name: a, hash: \"" HASH_A "\" }\n"
                            "  - { name: b, hash: \"" HASH_B "\", requests_per_minute: 90,\n"
                            "      concurrent_requests: 0, budget_usd_per_day: 0.5 }\n",
                    NULL);

    (void)state;
    check_rates(&config->rates, 600, 5, 1000, 50);
    check_rates(&config->client_keys[0].rates, 600, 5, 1000, 50);
    check_rates(&config->client_keys[1].rates, 90, 9, 1000, 0); /* a tenth of its own */
    assert_int_equal(config->client_keys[0].rates.budget_usd_per_day, 0);
    assert_int_equal(config->client_keys[1].rates.budget_usd_per_day, 500000);
    check_rates(&model(config, "m")->rates, 45, 4, 0, 0);
    check_rates(&model(config, "n")->rates, 0, 0, 9, 2);
    config_unref(config);
}

static void test_a_burst_is_at_least_one_request(void **state)
{
    struct config *config =
        read_config(PROVIDERS "rate_limiting: { requests_per_minute: 1 }\n", NULL);

    (void)state;
    check_rates(&config->rates, 1, 1, 0, 0);
    config_unref(config);
    config = read_config(PROVIDERS, NULL);
    check_rates(&config->rates, 0, 0, 0, 0);
    config_unref(config);
}

static void test_limits_that_limit_nothing_are_warned_of(void **state)
{
    (void)state;
    config_unref(read_config(PROVIDERS "rate_limiting: { burst_size: 5 }\n",
                             "f.yaml:5:30: warning: rate_limiting.burst_size: changes nothing: "
                             "there is no requests_per_minute for it"));
    config_unref(read_config(PROVIDERS "client_keys:\n"
                                       "  - { name: a, hash: \"" HASH_A "\", burst_size: 5 }\n",
                             "client_keys[0].burst_size: changes nothing"));
    config_unref(read_config(PROVIDERS "client_keys:\n"
                                       "  - { name: a, hash: \"" HASH_A
                                       "\", budget_usd_per_day: 5 }\n",
                             "client_keys[0].budget_usd_per_day: is never spent: no model has "
                             "a cost_per_mtok"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_not_said_has_the_defaults_of_the_contract),
        cmocka_unit_test(test_a_provider_takes_what_it_does_not_say_from_its_kind),
        cmocka_unit_test(test_a_provider_named_like_a_kind_is_of_that_kind),
        cmocka_unit_test(test_a_provider_says_only_the_clocks_that_differ),
        cmocka_unit_test(test_probes_that_prompt_are_warned_of),
        cmocka_unit_test(test_a_provider_whose_keys_are_all_empty_is_off_and_said_so),
        cmocka_unit_test(test_a_public_provider_without_any_key_is_off),
        cmocka_unit_test(test_a_model_whose_providers_are_all_off_is_said),
        cmocka_unit_test(test_a_target_is_named_after_what_it_names),
        cmocka_unit_test(test_names_may_be_used_before_they_are_listed),
        cmocka_unit_test(test_prices_are_exact),
        cmocka_unit_test(test_client_keys),
        cmocka_unit_test(test_each_key_has_the_general_limits_but_for_its_own),
        cmocka_unit_test(test_a_burst_is_at_least_one_request),
        cmocka_unit_test(test_limits_that_limit_nothing_are_warned_of),
        cmocka_unit_test(test_every_other_setting_reaches_its_field),
        cmocka_unit_test(test_variables_are_put_in),
        cmocka_unit_test(test_a_file_is_put_in_without_its_line_break),
        cmocka_unit_test(test_block_texts_and_a_byte_order_mark_are_fine),
        cmocka_unit_test(test_a_file_is_read),
        cmocka_unit_test(test_hedges),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
