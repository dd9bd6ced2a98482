/* What an exchange has used and what that costs, and who is told. */
#include "base/clock.h"
#include "flow/ledger.h"
#include "flow/stage.h"
#include "flow/words.h"

#define ONE_PRICE                                                                              \
    PROVIDERS                                                                                  \
    "models:\n"                                                                                \
    "  m: { targets: [ { provider: alpha } ], cost_per_mtok: { input: 8, output: 32 } }\n"

#define TWO_PRICES                                                                             \
    PROVIDERS "models:\n"                                                                      \
              "  m:\n"                                                                         \
              "    cost_per_mtok: { input: 8, output: 32 }\n"                                  \
              "    targets: [ { provider: alpha, cost_per_mtok: { input: 1, output: 2 } } ]\n"

/* 15 tokens: four bytes each of role, user, content and what is asked. */
#define ASKED(more)                                                                            \
    "{\"model\":\"m\"," more "\"messages\":[{\"role\":\"user\",\"content\":\"How high is the " \
    "tide? And where is it \\n less?\"}]}"

static struct tally sum(struct stage *stage)
{
    const struct ledger_model *known = ledger_find(&stage->env.ledger, "m");
    struct tally tally = { 0 };

    assert_non_null(known);
    assert_true(ledger_sum(known, SIDE_BLUE, clock_wall_ms() - 60000, false, &tally));
    return tally;
}

static void test_an_answer_says_what_it_costs(void **state)
{
    struct stage *stage = stage_open(ONE_PRICE);

    (void)state;
    stage_ask(stage, CHAT);
    stage_answer(stage, 0, 200, JSON, ANSWER);
    assert_text(fake_http_reply_header(stage->http, "x-sluice-cost-usd"), "0.000152");
    stage_close(stage);
}

static void test_a_stream_cannot_say_it_in_its_head(void **state)
{
    struct stage *stage = stage_open(ONE_PRICE);

    (void)state;
    stage_ask(stage, STREAM);
    stage_head(stage, 0, 200, EVENTS);
    stage_body(stage, 0, ROLE HELLO FINISH USAGE DONE);
    stage_end(stage, 0);
    assert_null(fake_http_reply_header(stage->http, "x-sluice-cost-usd").at);
    stage_read_logs(stage);
    assert_holds(buf_span(&stage->access), "\"cost_usd\":0.000152");
    stage_close(stage);
}

static void test_without_a_price_the_cost_is_not_known_and_not_zero(void **state)
{
    struct stage *stage = stage_open(ONE_TARGET);
    struct tally tally;

    (void)state;
    stage_ask(stage, CHAT);
    stage_answer(stage, 0, 200, JSON, ANSWER);
    assert_null(fake_http_reply_header(stage->http, "x-sluice-cost-usd").at);
    stage_read_logs(stage);
    assert_holds(buf_span(&stage->access), "\"cost_usd\":null");
    assert_int_equal(stage_count(stage, METER_UNPRICED, "m", NULL, NULL), 1);
    tally = sum(stage);
    assert_int_equal(tally.unpriced, 10);
    assert_int_equal(tally.estimated, 0);
    stage_close(stage);
}

static void test_everybody_goes_by_the_targets_own_price(void **state)
{
    struct stage *stage = stage_open(TWO_PRICES);
    struct tally tally;

    (void)state;
    stage_ask(stage, CHAT);
    stage_answer(stage, 0, 200, JSON, ANSWER);
    assert_text(fake_http_reply_header(stage->http, "x-sluice-cost-usd"), "0.000013");
    assert_int_equal(stage_count(stage, METER_COST, "m", "anonymous", NULL), 13000000);
    tally = sum(stage);
    assert_int_equal(tally.cost_pico, 13000000);
    assert_int_equal(tally.unpriced, 0);
    stage_close(stage);
}

static void test_what_had_not_reached_its_provider_costs_nothing(void **state)
{
    struct stage *stage = stage_open(ONE_PRICE);

    (void)state;
    stage_ask(stage, CHAT);
    stage_leave(stage);
    assert_int_equal(stage_count(stage, METER_ESTIMATED, "m", NULL, NULL), 0);
    assert_int_equal(stage_count(stage, METER_TOKENS, "m", "input", NULL), 0);
    stage_close(stage);
}

/* The provider has the prompt, and works at it until it is told that nobody waits. */
static void test_the_prompt_of_a_request_that_was_given_up_is_estimated(void **state)
{
    struct stage *stage = stage_open(ONE_PRICE);
    const uint64_t tokens = 15;

    (void)state;
    stage_ask(stage, ASKED(""));
    stage_connect(stage, 0);
    stage_leave(stage);
    assert_int_equal(stage_count(stage, METER_ESTIMATED, "m", NULL, NULL), 1);
    assert_int_equal(stage_count(stage, METER_TOKENS, "m", "input", NULL), tokens);
    assert_int_equal(stage_count(stage, METER_TOKENS, "m", "output", NULL), 0);
    assert_int_equal(stage_count(stage, METER_COST, "m", "anonymous", NULL), tokens * 8000000);
    assert_int_equal(sum(stage).estimated, tokens);
    stage_read_logs(stage);
    assert_holds(buf_span(&stage->access), "\"estimated\":true");
    stage_close(stage);
}

/* The words that came are counted, looked at or not. */
static void test_a_stream_that_was_given_up_is_counted_to_its_last_event(void **state)
{
    struct stage *stage = stage_open(ONE_PRICE);

    (void)state;
    stage_ask(stage, ASKED("\"stream\":true,"));
    stage_head(stage, 0, 200, EVENTS);
    stage_body(stage, 0, ROLE HELLO HELLO HELLO);
    stage_leave(stage);
    assert_int_equal(stage_count(stage, METER_TOKENS, "m", "output", NULL), 3);
    assert_int_equal(stage_count(stage, METER_TOKENS, "m", "input", NULL), 15);
    assert_int_equal(stage_count(stage, METER_ESTIMATED, "m", NULL, NULL), 1);
    stage_close(stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_answer_says_what_it_costs),
        cmocka_unit_test(test_a_stream_cannot_say_it_in_its_head),
        cmocka_unit_test(test_without_a_price_the_cost_is_not_known_and_not_zero),
        cmocka_unit_test(test_everybody_goes_by_the_targets_own_price),
        cmocka_unit_test(test_what_had_not_reached_its_provider_costs_nothing),
        cmocka_unit_test(test_the_prompt_of_a_request_that_was_given_up_is_estimated),
        cmocka_unit_test(test_a_stream_that_was_given_up_is_counted_to_its_last_event),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
