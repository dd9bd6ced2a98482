/* llm/price.c and config/prices.c: what tokens cost, and where that is written. */
#include "config/prices.h"
#include "llm/price.h"
#include "policy/route.h"

/* cmocka wants these first */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- a price ---- */

static const struct price tiered = {
    .rates = { .input = 2,
               .output = 10,
               .cached_input = 1,
               .cache_write = 3,
               .cache_write_long = 4 },
    .above = { .tokens = 100,
               .rates = { .input = 20,
                          .output = 100,
                          .cached_input = 10,
                          .cache_write = 30,
                          .cache_write_long = 40 },
               .said = true },
    .known = true,
};

static void test_each_class_has_its_rate(void **state)
{
    const struct usage usage = {
        .input = 5,
        .cached = 7,
        .cache_write = 11,
        .cache_write_long = 4,
        .output = 13,
        .reasoning = 9,
    };

    (void)state;
    assert_int_equal(price_cost(&tiered, &usage), 5 * 2 + 7 * 1 + 7 * 3 + 4 * 4 + 13 * 10);
}

static void test_a_long_request_pays_the_other_price_for_all_of_it(void **state)
{
    const struct usage fits = { .input = 50, .cached = 40, .cache_write = 10, .output = 1000 };
    const struct usage longer = { .input = 50, .cached = 41, .cache_write = 10, .output = 1 };

    (void)state;
    assert_int_equal(price_cost(&tiered, &fits), 50 * 2 + 40 + 10 * 3 + 1000 * 10);
    assert_int_equal(price_cost(&tiered, &longer), 50 * 20 + 41 * 10 + 10 * 30 + 100);
}

/* ---- the lists ---- */

#define PROVIDERS                                                                              \
    "listen: 127.0.0.1:1\n"                                                                    \
    "providers:\n"                                                                             \
    "  openai: { kind: openai, keys: [k] }\n"                                                  \
    "  own: { kind: vllm, base_url: \"http://v/v1\" }\n"                                       \
    "  fast: { kind: groq, keys: [k] }\n"                                                      \
    "  router: { kind: openrouter, keys: [k] }\n"                                              \
    "  claude: { kind: anthropic, keys: [k] }\n"

static struct config *read_config(const char *text)
{
    struct config_report report;
    struct config *config;

    config_report_init(&report);
    config = config_from_text("f.yaml", span_from(text), NULL, &report);
    if (config == NULL)
        print_message("%s", buf_text(&report.text));
    assert_non_null(config);
    config_report_done(&report);
    return config;
}

/* Micro-dollars for a million tokens of input; UINT64_MAX: nobody knows. */
static uint64_t input_price(const struct config *config, const char *provider, const char *name)
{
    const struct config_price *price = config_price_find(
        config, config_provider_find(config, span_from(provider)), span_from(name));

    return price ? price->price.rates.input : UINT64_MAX;
}

static void test_the_list_is_built_in(void **state)
{
    struct config *config = read_config(PROVIDERS);
    const struct config_price *haiku;

    (void)state;
    assert_true(config->prices_by_name.count >= 25);
    assert_int_equal(input_price(config, "openai", "gpt-4.1"), 2000000);
    haiku = config_price_find(config, config_provider_find(config, SPAN_OF("claude")),
                              SPAN_OF("claude-haiku-5-5"));
    assert_int_equal(haiku->price.rates.cache_write_long, 200000);
    assert_int_equal(haiku->price.above.tokens, 100000);
    assert_int_equal(haiku->price.above.rates.cache_write_long, 1000000);
    assert_int_equal(haiku->context_window, 1000000);
    assert_int_equal(haiku->max_tokens, 128000);
    config_unref(config);
}

static void test_names_are_found_as_providers_write_them(void **state)
{
    struct config *config = read_config(PROVIDERS);

    (void)state;
    assert_int_equal(input_price(config, "openai", "gpt-4o-2024-08-06"), 2500000);
    assert_int_equal(input_price(config, "claude", "claude-haiku-4-5-20251001"), 1000000);
    assert_int_equal(input_price(config, "claude", "claude-haiku-4-5@20251001"), 1000000);
    assert_int_equal(input_price(config, "router", "openai/gpt-4.1-mini"), 400000);
    assert_int_equal(input_price(config, "fast", "openai/gpt-oss-120b"),
                     150000); /* of its kind */
    assert_int_equal(input_price(config, "openai", "gpt-oss-120b"), UINT64_MAX);
    assert_int_equal(input_price(config, "openai", "gpt-4.1-2025"), UINT64_MAX);
    assert_int_equal(input_price(config, "openai", "gpt-4.1-2025-04-xx"), UINT64_MAX);
    assert_int_equal(input_price(config, "openai", "-2025-04-14"), UINT64_MAX);
    assert_int_equal(input_price(config, "own", "gpt-4.1"), UINT64_MAX); /* nobody bills that */
    config_unref(config);
}

static void test_the_configurations_own_prices_go_first(void **state)
{
    char path[] = "/tmp/sluice-prices-XXXXXX";
    int file = mkstemp(path);
    FILE *out = fdopen(file, "w");
    char text[2048];
    struct config *config;

    (void)state;
    assert_non_null(out);
    (void)fprintf(out, "as_of: 2027-01-01\nprices:\n  gpt-4.1: { cost_per_mtok: 7 }\n"
                       "  gpt-4o: { cost_per_mtok: 8 }\n");
    assert_int_equal(fclose(out), 0);
    (void)snprintf(text, sizeof(text),
                   PROVIDERS "prices_file: %s\n"
                             "prices:\n"
                             "  gpt-4o: { cost_per_mtok: { input: 9, output: 1 } }\n"
                             "  own/gpt-4.1: { cost_per_mtok: 0.5 }\n"
                             "  llama: { cost_per_mtok: 0.25 }\n",
                   path);
    config = read_config(text);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(input_price(config, "openai", "gpt-4.1"), 7000000);
    assert_int_equal(input_price(config, "openai", "gpt-4o"), 9000000);
    assert_int_equal(input_price(config, "openai", "o3"), 2000000);
    assert_int_equal(input_price(config, "own", "gpt-4.1"), 500000);
    assert_int_equal(input_price(config, "own", "llama"), 250000);
    config_unref(config);
}

static void test_what_is_said_of_a_target_or_its_model_beats_the_lists(void **state)
{
    struct config *config = read_config(
        PROVIDERS "models:\n"
                  "  listed: { targets: [ { provider: openai, model: gpt-4.1 } ] }\n"
                  "  free: { targets: [ { provider: openai, model: gpt-4.1 } ], "
                  "cost_per_mtok: 0 }\n"
                  "  unknown: { targets: [ { provider: own } ] }\n");
    const struct config_model *listed = config_model_find(config, SPAN_OF("listed"));
    const struct config_model *free_model = config_model_find(config, SPAN_OF("free"));
    const struct config_model *unknown = config_model_find(config, SPAN_OF("unknown"));

    (void)state;
    assert_int_equal(config_target_price(listed, &listed->targets[0])->rates.output, 8000000);
    assert_true(config_target_price(free_model, &free_model->targets[0])->known);
    assert_int_equal(config_target_price(free_model, &free_model->targets[0])->rates.output, 0);
    assert_false(config_target_price(unknown, &unknown->targets[0])->known);
    config_unref(config);
}

static void test_models_that_nobody_listed_have_prices_too(void **state)
{
    struct config *config =
        read_config(PROVIDERS "models:\n"
                              "  star/*: { targets: [ { provider: openai } ] }\n");
    const struct config_model *model;
    struct arena arena;

    (void)state;
    arena_init(&arena);
    assert_int_equal(route_model(config, SPAN_OF("openai/gpt-4o-mini"), &arena, &model),
                     ROUTE_FOUND);
    assert_int_equal(config_target_price(model, &model->targets[0])->rates.input, 150000);
    assert_int_equal(route_model(config, SPAN_OF("star/gpt-4o"), &arena, &model), ROUTE_FOUND);
    assert_int_equal(config_target_price(model, &model->targets[0])->rates.input, 2500000);
    arena_done(&arena);
    config_unref(config);
}

static void test_what_is_wrong_with_a_list_is_said(void **state)
{
    static const char *const wrong[] = {
        "prices: { m: { } }",
        "prices: { m: { cost_per_mtok: -1 } }",
        "prices: { m: { cost_per_mtok: { input: 1, above: { input: 2 } } } }",
        "prices: { m: { cost_per_mtok: { input: 1, above: { tokens: 0 } } } }",
        "prices_file: /nowhere/prices.yaml",
        "prices_file: /dev/null", /* as_of and prices are missing */
    };

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct config_report report;
        char text[1024];

        (void)snprintf(text, sizeof(text), PROVIDERS "%s\n", wrong[i]);
        config_report_init(&report);
        assert_null(config_from_text("f.yaml", span_from(text), NULL, &report));
        assert_true(report.errors >= 1);
        config_report_done(&report);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_class_has_its_rate),
        cmocka_unit_test(test_a_long_request_pays_the_other_price_for_all_of_it),
        cmocka_unit_test(test_the_list_is_built_in),
        cmocka_unit_test(test_names_are_found_as_providers_write_them),
        cmocka_unit_test(test_the_configurations_own_prices_go_first),
        cmocka_unit_test(test_what_is_said_of_a_target_or_its_model_beats_the_lists),
        cmocka_unit_test(test_models_that_nobody_listed_have_prices_too),
        cmocka_unit_test(test_what_is_wrong_with_a_list_is_said),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
