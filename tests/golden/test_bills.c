/* What each recorded answer costs, whatever language its client speaks; and a stream, however it is cut: at every
 * byte into two, and byte by byte. */
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
    struct usage usage;
    uint64_t cost;
    /* Of a guess: what is relayed is not taken apart, so that an event counts as a token there; what is
     * translated is counted by its text. 0: the same. */
    uint64_t turned_output;
    uint64_t turned_cost;
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
      .cost = PROMPT * 3000000 + 15000000,
      .turned_output = 2,
      .turned_cost = PROMPT * 3000000 + 2 * 15000000 },
    { .name = "07-openai-responses-stream.sse",
      .dialect = &dialect_responses,
      .usage = { .input = 60, .output = 24, .reasoning = 8 },
      .cost = 60 * 3000000 + 24 * 15000000 },
    { .name =
          "11-anthropic-stream-thinking-text-tools.sse", /* long: the other price, for all */
      .dialect = &dialect_anthropic,
      .usage = { .input = 20, .cached = 2048, .cache_write = 100, .output = 61 },
      .cost = 20 * 6000000 + 2048 * 600000 + 100 * 7500000 + 61 * UINT64_C(22500000) },
    { .name =
          "12-anthropic-stream-error-midway.sse", /* what went in was told; 11 bytes came out */
      .dialect = &dialect_anthropic,
      .usage = { .input = 20,
                 .cached = 2048,
                 .cache_write = 100,
                 .output = 1,
                 .estimated = true },
      .cost = 20 * 6000000 + 2048 * 600000 + 100 * 7500000 + 22500000,
      .turned_output = 2,
      .turned_cost = 20 * 6000000 + 2048 * 600000 + 100 * 7500000 + 2 * 22500000 },
    { .name = "16-gemini-stream-text-tools-crlf.sse",
      .dialect = &dialect_gemini,
      .usage = { .input = 90, .output = 70, .reasoning = 40 },
      .cost = 90 * 3000000 + 70 * 15000000 },
    { .name = "17-gemini-stream-prompt-blocked.sse",
      .dialect = &dialect_gemini,
      .usage = { .input = 90 },
      .cost = 90 * 3000000 },
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

static const struct {
    const char *name;
    const struct dialect *dialect;
    struct usage usage;
    uint64_t cost;
} answers[] = {
    { .name = "02-openai-chat-response.json",
      .dialect = &dialect_openai,
      .usage = { .input = 53, .cached = 128, .output = 46, .reasoning = 32 },
      .cost = 53 * 3000000 + 128 * 300000 + 46 * 15000000 },
    { .name = "10-anthropic-response.json", /* long, as 11 */
      .dialect = &dialect_anthropic,
      .usage = { .input = 20,
                 .cached = 2048,
                 .cache_write = 100,
                 .output = 57,
                 .reasoning = 12 },
      .cost = 20 * 6000000 + 2048 * 600000 + 100 * 7500000 + 57 * UINT64_C(22500000) },
    { .name = "15-gemini-response.json",
      .dialect = &dialect_gemini,
      .usage = { .input = 26, .cached = 64, .output = 52, .reasoning = 40 },
      .cost = 26 * 3000000 + 64 * 300000 + 52 * 15000000 },
    { .name = "20-deepseek-nonstream-leading-blank-lines.txt",
      .dialect = &dialect_openai,
      .usage = { .input = 10, .output = 5 },
      .cost = 10 * 3000000 + 5 * 15000000 },
};

enum {
    BILLS = sizeof(bills) / sizeof(bills[0]),
    ANSWERS = sizeof(answers) / sizeof(answers[0])
};

static const struct translate_facts facts = { .id = "chatcmpl-1", .model = SPAN("m") };

static const struct dialect *const clients[] = { &dialect_openai, &dialect_responses,
                                                 &dialect_anthropic, &dialect_gemini };

enum { CLIENTS = sizeof(clients) / sizeof(clients[0]) };

static bool can_reach(const struct dialect *client, const struct dialect *provider)
{
    return client == provider ? provider->read_event != NULL : translate_can(client, provider);
}

/* Feeds `bytes` up to `cut`, then the rest; or byte by byte when cut is SIZE_MAX. */
static struct usage usage_of(size_t i, const struct dialect *client, struct span bytes,
                             size_t cut)
{
    size_t available = cut == SIZE_MAX ? 1 : cut;
    size_t begin = 0;
    struct relay_step step;
    struct relay relay;
    struct usage usage;

    relay_init(&relay, bills[i].dialect, false);
    if (client != bills[i].dialect)
        relay_translate(&relay, client, &facts);
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

static void assert_bill(const struct usage *usage, const struct usage *must, uint64_t cost)
{
    assert_true(usage->known);
    assert_true(usage->estimated == must->estimated);
    assert_int_equal(usage->input, must->input);
    assert_int_equal(usage->cached, must->cached);
    assert_int_equal(usage->cache_write, must->cache_write);
    assert_int_equal(usage->output, must->output);
    assert_int_equal(usage->reasoning, must->reasoning);
    assert_int_equal(price_cost(&price, usage), cost);
}

static void check_cuts(size_t i, const struct dialect *client, struct span bytes)
{
    bool turned = client != bills[i].dialect && bills[i].turned_output;
    struct usage must = bills[i].usage;

    if (turned)
        must.output = bills[i].turned_output;
    for (size_t cut = 1; cut <= bytes.size; cut++) {
        struct usage usage = usage_of(i, client, bytes, cut == bytes.size ? SIZE_MAX : cut);

        assert_bill(&usage, &must, turned ? bills[i].turned_cost : bills[i].cost);
    }
}

static void test_every_stream_costs_the_same_however_it_is_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < BILLS; i++) {
        struct span bytes = fixture_read(bills[i].name);

        for (size_t j = 0; j < CLIENTS; j++) {
            if (!can_reach(clients[j], bills[i].dialect))
                continue;
            print_message("%s for %s\n", bills[i].name, clients[j]->name);
            check_cuts(i, clients[j], bytes);
        }
        fixture_free(bytes);
    }
}

static void check_answer(size_t i, const struct dialect *client, struct span body)
{
    struct llm_answer answer;
    struct arena arena;
    struct buf out;

    arena_init(&arena);
    buf_init(&out, 1 << 20);
    if (client == answers[i].dialect)
        client->read_answer(body, &arena, &answer);
    else
        translate_answer(client, answers[i].dialect, &facts, body, &arena, &out, &answer);
    assert_bill(&answer.usage, &answers[i].usage, answers[i].cost);
    buf_done(&out);
    arena_done(&arena);
}

static void test_every_answer_costs_the_same_whoever_gets_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < ANSWERS; i++) {
        struct span body = fixture_read(answers[i].name);

        for (size_t j = 0; j < CLIENTS; j++) {
            print_message("%s for %s\n", answers[i].name, clients[j]->name);
            if (can_reach(clients[j], answers[i].dialect))
                check_answer(i, clients[j], body);
        }
        fixture_free(body);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_stream_costs_the_same_however_it_is_cut),
        cmocka_unit_test(test_every_answer_costs_the_same_whoever_gets_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
