/* What attempts came to, on the page of each target. */
#include "base/clock.h"
#include "flow/ledger.h"
#include "flow/stage.h"
#include "flow/words.h"

#include <stdio.h>

#define PRICED                                                                                 \
    PROVIDERS "models:\n"                                                                      \
              "  m:\n"                                                                         \
              "    cost_per_mtok: { input: 8.00, output: 32.00 }\n"                            \
              "    targets: [ { provider: alpha, priority: 1 },\n"                             \
              "               { provider: beta, priority: 2 } ]\n"

#define GREEN                                                                                  \
    PROVIDERS "models:\n"                                                                      \
              "  m:\n"                                                                         \
              "    targets: [ { provider: alpha, priority: 1, environment: green },\n"         \
              "               { provider: beta, priority: 2 } ]\n"                             \
              "    split: { blue: 0, green: 100 }\n"

static struct tally sum(struct stage *stage, const char *model, enum config_side side)
{
    const struct ledger_model *known = ledger_find(&stage->env.ledger, model);
    struct tally tally = { 0 };

    assert_non_null(known);
    assert_true(ledger_sum(known, side, clock_wall_ms() - 60000, false, &tally));
    return tally;
}

static struct tally page_sum(struct stage *stage, const char *model, const char *target)
{
    size_t pages = stage->env.ledger.page_count;
    struct ledger_page *page = ledger_page(&stage->env.ledger, model, target, SIDE_BLUE);
    struct tally tally = { 0 };

    assert_int_equal(stage->env.ledger.page_count, pages); /* it was there */
    history_sum(&page->history, clock_wall_ms() - 60000, false, &tally);
    return tally;
}

static void test_failover_hides_nothing(void **state)
{
    struct stage *stage = stage_open(PRICED);
    struct tally alpha;
    struct tally beta;

    (void)state;
    stage_ask(stage, CHAT);
    stage_answer(stage, 0, 500, JSON, "");
    stage_answer(stage, 1, 200, JSON, ANSWER);
    assert_reply(stage, 200, "Hello");
    alpha = page_sum(stage, "m", "m:alpha");
    assert_int_equal(alpha.outcomes[TALLY_SERVER_ERROR], 1);
    assert_int_equal(tally_requests(&alpha), 1);
    assert_int_equal(alpha.tokens[TALLY_INPUT] + alpha.cost_pico + alpha.latency.all.count, 0);
    beta = page_sum(stage, "m", "m:beta");
    assert_int_equal(beta.outcomes[TALLY_OK], 1);
    assert_int_equal(beta.latency.all.count, 1);
    assert_int_equal(beta.first.all.count, 0); /* it was no stream */
    assert_int_equal(beta.tokens[TALLY_INPUT], 7);
    assert_int_equal(beta.tokens[TALLY_OUTPUT], 3);
    assert_int_equal(beta.cost_pico, 7 * 8000000 + 3 * 32000000);
    assert_int_equal(ledger_find(&stage->env.ledger, "m")->facts, 2);
    stage_close(stage);
}

static void test_the_clients_own_errors_are_not_judged(void **state)
{
    struct stage *stage = stage_open(ONE_TARGET);
    struct tally tally;

    (void)state;
    stage_ask(stage, CHAT);
    stage_answer(stage, 0, 400, JSON, ERROR_BODY("no such field", "invalid_request_error"));
    stage_ask(stage, CHAT);
    stage_leave(stage);
    tally = sum(stage, "m", SIDE_BLUE);
    assert_int_equal(tally.outcomes[TALLY_CLIENT_ERROR], 1);
    assert_int_equal(tally.outcomes[TALLY_CANCELLED], 1);
    assert_int_equal(tally_requests(&tally), 0);
    stage_close(stage);
}

static void test_a_stream_has_a_first_token_and_its_usage(void **state)
{
    struct stage *stage = stage_open(PRICED);
    struct tally tally;

    (void)state;
    stage_ask(stage, STREAM);
    stage_head(stage, 0, 200, EVENTS);
    stage_body(stage, 0, ROLE HELLO FINISH USAGE DONE);
    stage_end(stage, 0);
    tally = sum(stage, "m", SIDE_BLUE);
    assert_int_equal(tally.outcomes[TALLY_OK], 1);
    assert_int_equal(tally.first.all.count, 1);
    assert_true(tally.first.all.most <= tally.latency.all.most);
    assert_int_equal(tally.tokens[TALLY_OUTPUT], 3);
    assert_int_equal(tally.cost_pico, 7 * 8000000 + 3 * 32000000);
    stage_close(stage);
}

static void test_a_stream_that_breaks_is_one_error(void **state)
{
    struct stage *stage = stage_open(ONE_TARGET);
    struct tally tally;

    (void)state;
    stage_ask(stage, STREAM);
    stage_head(stage, 0, 200, EVENTS);
    stage_body(stage, 0, ROLE HELLO);
    stage_fail(stage, 0, FETCH_TRUNCATED);
    tally = sum(stage, "m", SIDE_BLUE);
    assert_int_equal(tally.outcomes[TALLY_TRUNCATED], 1);
    assert_int_equal(tally_errors(&tally), 1);
    assert_int_equal(tally.latency.all.count, 0);
    assert_int_equal(tally.first.all.count, 1);
    stage_close(stage);
}

static void test_each_side_has_its_own_page(void **state)
{
    struct stage *stage = stage_open(GREEN);
    struct tally none = { 0 };
    struct tally tally;

    (void)state;
    stage_ask(stage, CHAT);
    stage_answer(stage, 0, 200, JSON, ANSWER);
    stage_ask(stage, CHAT);
    stage_answer(stage, 1, 200, JSON, ANSWER);
    tally = sum(stage, "m", SIDE_GREEN);
    assert_int_equal(tally.outcomes[TALLY_OK], 2);
    assert_false(ledger_sum(ledger_find(&stage->env.ledger, "m"), SIDE_BLUE, 0, true, &none));
    stage_close(stage);
}

static void test_names_that_clients_choose_have_one_page(void **state)
{
    struct stage *stage = stage_open(PROVIDERS "default_provider: alpha\n");
    struct tally tally;

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        char body[128];

        (void)snprintf(body, sizeof(body), "{\"model\":\"invented-%zu\",\"messages\":[]}", i);
        stage_ask(stage, body);
        stage_answer(stage, i, 200, JSON, ANSWER);
    }
    assert_int_equal(stage->env.ledger.page_count, 1);
    tally = sum(stage, LEDGER_OTHER, SIDE_BLUE);
    assert_int_equal(tally.outcomes[TALLY_OK], 3);
    stage_close(stage);
}

static void test_the_number_of_pages_is_bounded(void **state)
{
    struct ledger ledger;
    struct ledger_page *other;

    (void)state;
    ledger_init(&ledger);
    for (unsigned i = 0; i < LIMIT_LEDGER_PAGES; i++) {
        char target[32];

        (void)snprintf(target, sizeof(target), "m%u:a", i);
        (void)ledger_page(&ledger, "m", target, SIDE_BLUE);
    }
    other = ledger_page(&ledger, "late", "late:a", SIDE_BLUE);
    assert_string_equal(other->model->name, LEDGER_OTHER);
    assert_ptr_equal(ledger_page(&ledger, "later", "later:a", SIDE_BLUE), other);
    assert_ptr_not_equal(ledger_page(&ledger, "later", "later:a", SIDE_GREEN), other);
    assert_int_equal(ledger.page_count, LIMIT_LEDGER_PAGES + SIDES);
    assert_ptr_not_equal(ledger_page(&ledger, "m", "m7:a", SIDE_BLUE), other);
    ledger_done(&ledger);
}

static void test_a_page_that_changes_is_queued_once(void **state)
{
    struct stage *stage = stage_open(PRICED);
    struct list *changed = &stage->env.ledger.changed;

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        stage_ask(stage, CHAT);
        stage_answer(stage, i, 200, JSON, ANSWER);
    }
    assert_false(list_empty(changed));
    list_remove(changed->next);
    assert_true(list_empty(changed));
    stage_ask(stage, CHAT);
    stage_answer(stage, 3, 200, JSON, ANSWER);
    assert_false(list_empty(changed));
    stage_close(stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_failover_hides_nothing),
        cmocka_unit_test(test_the_clients_own_errors_are_not_judged),
        cmocka_unit_test(test_a_stream_has_a_first_token_and_its_usage),
        cmocka_unit_test(test_a_stream_that_breaks_is_one_error),
        cmocka_unit_test(test_each_side_has_its_own_page),
        cmocka_unit_test(test_names_that_clients_choose_have_one_page),
        cmocka_unit_test(test_the_number_of_pages_is_bounded),
        cmocka_unit_test(test_a_page_that_changes_is_queued_once),
    };

    return cmocka_run_group_tests_name("ledger", tests, NULL, NULL);
}
