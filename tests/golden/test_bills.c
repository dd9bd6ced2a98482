/* What each recorded stream costs, however it is cut: at every byte into two, and byte by byte. */
#include "golden/fixture.h"
#include "llm/price.h"
#include "llm/relay.h"

/* cmocka wants these first */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

/* No class of tokens can be mistaken for another. Dollars a million, so picodollars a token. */
static const struct price price = {
    .rates = { .input = 3000000,
               .output = 15000000,
               .cached_input = 300000,
               .cache_write = 3750000,
               .cache_write_long = 6000000 },
    .above = { .tokens = 1000,
               .rates = { .input = 6000000,
                          .output = 22500000,
                          .cached_input = 600000,
                          .cache_write = 7500000,
                          .cache_write_long = 12000000 },
               .said = true },
    .known = true,
};

enum { PROMPT = 77 /* tokens: what estimate_prompt() has made of the request */ };

static const struct {
    const char *name;
    const struct dialect *dialect;
    const struct dialect *client; /* NULL: the same */
    struct usage usage;
    uint64_t cost;
} bills[] = {
    { .name = "03-openai-stream-text-usage.sse",
      .dialect = &dialect_openai,
      .usage = { .input = 53, .cached = 128, .output = 46, .reasoning = 32 },
      .cost = 53 * 3000000 + 128 * 300000 + 46 * 15000000 },
    { .name = "04-openai-stream-two-tools-usage.sse",
      .dialect = &dialect_openai,
      .usage = { .input = 120, .output = 38 },
      .cost = 120 * 3000000 + 38 * 15000000 },
    { .name = "05-openai-stream-error-midway.sse", /* "The morning", and then an error */
      .dialect = &dialect_openai,
      .usage = { .input = PROMPT, .output = 1, .estimated = true },
      .cost = PROMPT * 3000000 + 15000000 },
    { .name = "07-openai-responses-stream.sse",
      .dialect = &dialect_responses,
      .usage = { .input = 60, .output = 24, .reasoning = 8 },
      .cost = 60 * 3000000 + 24 * 15000000 },
    { .name =
          "11-anthropic-stream-thinking-text-tools.sse", /* long: the other price, for all */
      .dialect = &dialect_anthropic,
      .client = &dialect_openai,
      .usage = { .input = 20, .cached = 2048, .cache_write = 100, .output = 61 },
      .cost = 20 * 6000000 + 2048 * 600000 + 100 * 7500000 + 61 * UINT64_C(22500000) },
    { .name =
          "12-anthropic-stream-error-midway.sse", /* what went in was told; 11 bytes came out */
      .dialect = &dialect_anthropic,
      .client = &dialect_openai,
      .usage = { .input = 20,
                 .cached = 2048,
                 .cache_write = 100,
                 .output = 2,
                 .estimated = true },
      .cost = 20 * 6000000 + 2048 * 600000 + 100 * 7500000 + 2 * 22500000 },
    { .name = "19-deepseek-stream-keepalive-reasoning-usage-on-finish.sse",
      .dialect = &dialect_openai,
      .usage = { .input = 36, .cached = 64, .output = 20, .reasoning = 12 },
      .cost = 36 * 3000000 + 64 * 300000 + 20 * 15000000 },
    { .name = "21-azure-stream-prompt-filter-first.sse",
      .dialect = &dialect_openai,
      .usage = { .input = 30, .output = 6 },
      .cost = 30 * 3000000 + 6 * 15000000 },
    { .name = "23-openrouter-stream-error-in-200.sse",
      .dialect = &dialect_openai,
      .usage = { .input = PROMPT, .output = 1, .estimated = true },
      .cost = PROMPT * 3000000 + 15000000 },
    { .name = "24-vllm-stream-continuous-usage-error-then-done.sse", /* usage in every chunk */
      .dialect = &dialect_openai,
      .usage = { .input = 9, .output = 1 },
      .cost = 9 * 3000000 + 15000000 },
};

static const struct translate_facts facts = { .id = "chatcmpl-1", .model = SPAN("m") };

/* Feeds `bytes` up to `cut`, then the rest; or byte by byte when cut is SIZE_MAX. */
static struct usage usage_of(size_t i, struct span bytes, size_t cut)
{
    size_t available = cut == SIZE_MAX ? 1 : cut;
    size_t begin = 0;
    struct relay_step step;
    struct relay relay;
    struct usage usage;

    relay_init(&relay, bills[i].dialect, false);
    if (bills[i].client)
        relay_translate(&relay, bills[i].client, &facts);
    for (bool ended = false; !ended;) {
        ended = available == bytes.size;
        while (relay_next(&relay, span_make(bytes.at + begin, available - begin), ended, &step))
            begin += step.consumed;
        available = cut == SIZE_MAX && !ended ? available + 1 : bytes.size;
    }
    usage = relay_usage(&relay, PROMPT);
    relay_done(&relay);
    return usage;
}

static void check(size_t i, struct span bytes, size_t cut)
{
    const struct usage *must = &bills[i].usage;
    struct usage usage = usage_of(i, bytes, cut);

    assert_true(usage.known);
    assert_true(usage.estimated == must->estimated);
    assert_int_equal(usage.input, must->input);
    assert_int_equal(usage.cached, must->cached);
    assert_int_equal(usage.cache_write, must->cache_write);
    assert_int_equal(usage.output, must->output);
    assert_int_equal(usage.reasoning, must->reasoning);
    assert_int_equal(price_cost(&price, &usage), bills[i].cost);
}

static void test_every_stream_costs_the_same_however_it_is_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(bills) / sizeof(bills[0]); i++) {
        struct span bytes = fixture_read(bills[i].name);

        print_message("%s\n", bills[i].name);
        for (size_t cut = 1; cut <= bytes.size; cut++)
            check(i, bytes, cut);
        check(i, bytes, SIZE_MAX);
        fixture_free(bytes);
    }
}

static void test_the_answer_of_anthropics_fixture(void **state)
{
    struct span body = fixture_read("10-anthropic-response.json");
    struct arena arena;
    struct reply reply;

    (void)state;
    arena_init(&arena);
    dialect_anthropic.provider->read_reply(body, &arena, &reply);
    assert_int_equal(reply.usage.cache_write, 100);
    assert_int_equal(
        price_cost(&price, &reply.usage),
        reply.usage.input * 6000000 + 2048 * 600000 + reply.usage.cache_write_long * 12000000 +
            (100 - reply.usage.cache_write_long) * 7500000 + 57 * UINT64_C(22500000));
    arena_done(&arena);
    fixture_free(body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_stream_costs_the_same_however_it_is_cut),
        cmocka_unit_test(test_the_answer_of_anthropics_fixture),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
