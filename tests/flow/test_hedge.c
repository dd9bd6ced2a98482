/* AWAIT with two attempts: the first content answers, and of the other nothing is left. */
#include "flow/hedged.h"

/* ---- who is first ---- */

static void test_the_second_answers_a_stream(void **state)
{
    struct stage *stage = stage_open(AFTER_800MS);

    (void)state;
    stage_ask(stage, STREAM);
    stage_head(stage, 0, 200, EVENTS);
    stage_body(stage, 0, ": of alpha\n\n"); /* a sign of life is no content */
    stage_advance(stage, 800);
    stage_head(stage, 1, 200, EVENTS);
    stage_body(stage, 1, ROLE);
    assert_false(fake_fetch_is_closed(stage_call(stage, 0)));
    stage_body(stage, 1, HELLO);
    assert_true(fake_fetch_is_cancelled(stage_call(stage, 0))); /* at once */
    stage_body(stage, 1, FINISH DONE);
    stage_end(stage, 1);
    assert_answered_by(stage, "m:beta", "2");
    assert_text(fake_http_reply_body(stage->http), ROLE HELLO FINISH DONE);
    assert_attempts(stage, "m:alpha", "cancelled");
    assert_attempts(stage, "m:beta", "ok");
    assert_hedges(stage, "won", 1);
    stage_close(stage);
}

static void test_the_first_answers_a_stream(void **state)
{
    struct stage *stage = open_hedged(AFTER_800MS, STREAM);

    (void)state;
    stage_head(stage, 1, 200, EVENTS);
    stage_body(stage, 1, ": of beta\n\n");
    stage_head(stage, 0, 200, EVENTS);
    stage_body(stage, 0, HELLO);
    assert_true(fake_fetch_is_cancelled(stage_call(stage, 1)));
    stage_body(stage, 0, WORLD DONE);
    stage_end(stage, 0);
    assert_answered_by(stage, "m:alpha", "2");
    assert_text(fake_http_reply_body(stage->http), HELLO WORLD DONE);
    assert_attempts(stage, "m:alpha", "ok");
    assert_attempts(stage, "m:beta", "cancelled");
    assert_hedges(stage, "lost", 1);
    stage_close(stage);
}

static void test_the_first_whole_answer_wins(void **state)
{
    (void)state;
    for (size_t winner = 0; winner < 2; winner++) {
        struct stage *stage = open_hedged(AFTER_800MS, CHAT);

        stage_head(stage, 1 - winner, 200, JSON); /* a head is no answer yet */
        assert_false(fake_fetch_is_closed(stage_call(stage, winner)));
        stage_answer(stage, winner, 200, JSON, ANSWER);
        assert_true(fake_fetch_is_cancelled(stage_call(stage, 1 - winner)));
        assert_answered_by(stage, winner ? "m:beta" : "m:alpha", "2");
        assert_attempts(stage, winner ? "m:alpha" : "m:beta", "cancelled");
        assert_attempts(stage, winner ? "m:beta" : "m:alpha", "ok");
        assert_hedges(stage, winner ? "won" : "lost", 1);
        stage_close(stage);
    }
}

/* ---- one of them fails, or both ---- */

static void test_the_first_fails_and_the_second_goes_on(void **state)
{
    struct stage *stage = open_hedged(AFTER_800MS, STREAM);

    (void)state;
    stage_connect(stage, 1);
    stage_fail(stage, 0, FETCH_RESET);
    assert_int_equal(stage_calls(stage), 2); /* it has what the next attempt would be */
    stage_advance(stage, 5000);
    assert_int_equal(stage_calls(stage), 2); /* and is not hedged again */
    stage_answer(stage, 1, 200, EVENTS, HELLO DONE);
    assert_answered_by(stage, "m:beta", "2");
    assert_attempts(stage, "m:alpha", "connection_error");
    assert_attempts(stage, "m:beta", "ok");
    assert_hedges(stage, "won", 1);
    stage_close(stage);
}

static void test_the_second_fails_and_the_first_goes_on(void **state)
{
    struct stage *stage = open_hedged(AFTER_800MS, CHAT);

    (void)state;
    FAILED_503(stage, 1);
    assert_int_equal(fake_http_status(stage->http), 0); /* the client learns nothing of it */
    stage_advance(stage, 5000);
    assert_int_equal(stage_calls(stage), 2);
    stage_answer(stage, 0, 200, JSON, ANSWER);
    assert_answered_by(stage, "m:alpha", "2");
    assert_attempts(stage, "m:alpha", "ok");
    assert_attempts(stage, "m:beta", "server_error");
    assert_hedges(stage, "failed", 1);
    stage_close(stage);
}

static void test_when_both_fail_the_next_target_is_asked(void **state)
{
    (void)state;
    for (size_t first = 0; first < 2; first++) {
        struct stage *stage = open_hedged(AFTER_800MS, STREAM);

        FAILED_503(stage, first);
        assert_int_equal(stage_calls(stage), 2);
        FAILED_503(stage, 1 - first);
        assert_int_equal(stage_calls(stage), 3);
        assert_string_equal(fake_fetch_url(stage_call(stage, 2)),
                            "http://gamma.test/v1/chat/completions");
        stage_answer(stage, 2, 200, EVENTS, HELLO DONE);
        assert_answered_by(stage, "m:gamma", "3");
        assert_hedges(stage, "failed", 1);
        stage_close(stage);
    }
}

static void test_both_fail_in_one_turn(void **state)
{
    struct stage *stage = open_hedged(AFTER_800MS, STREAM);

    (void)state;
    fake_fetch_fail(stage_call(stage, 0), FETCH_RESET);
    fake_fetch_fail(stage_call(stage, 1), FETCH_RESET);
    fake_loop_settle(stage->loop);
    assert_int_equal(stage_calls(stage), 3);
    stage_answer(stage, 2, 200, EVENTS, HELLO DONE);
    assert_answered_by(stage, "m:gamma", "3");
    stage_close(stage);
}

static void test_both_answer_in_one_turn(void **state)
{
    struct stage *stage = open_hedged(AFTER_800MS, STREAM);

    (void)state;
    for (size_t at = 0; at < 2; at++) {
        fake_fetch_head(stage_call(stage, at), 200, "content-type: text/event-stream\n");
        (void)fake_fetch_body(stage_call(stage, at), SPAN_OF(HELLO DONE));
    }
    fake_loop_settle(stage->loop);
    assert_answered_by(stage, "m:alpha", "2");
    assert_text(fake_http_reply_body(stage->http), HELLO DONE);
    stage_close(stage);
}

static void test_a_dead_connection_of_the_first_is_not_tried_again(void **state)
{
    struct stage *stage = open_hedged(AFTER_800MS, STREAM);

    (void)state;
    FAILED_503(stage, 1);
    fake_fetch_fail_stale(stage_call(stage, 0));
    fake_loop_settle(stage->loop);
    assert_string_equal(fake_fetch_url(stage_call(stage, 2)),
                        "http://gamma.test/v1/chat/completions"); /* beta had its turn */
    stage_answer(stage, 2, 200, EVENTS, HELLO DONE);
    assert_answered_by(stage, "m:gamma", "3");
    assert_attempts(stage, "m:alpha", "cancelled");
    stage_close(stage);
}

static void test_each_has_its_own_clocks(void **state)
{
    struct stage *stage = open_hedged(AFTER_800MS "timeouts: { first_byte: 2s }\n", STREAM);

    (void)state;
    stage_connect(stage, 1);
    stage_advance(stage, 1199);
    assert_false(fake_fetch_is_closed(stage_call(stage, 0)));
    stage_advance(stage, 1);
    assert_true(fake_fetch_is_cancelled(stage_call(stage, 0))); /* 2 s after its start */
    assert_false(fake_fetch_is_closed(stage_call(stage, 1)));
    stage_advance(stage, 799);
    assert_false(fake_fetch_is_closed(stage_call(stage, 1)));
    stage_advance(stage, 1);
    assert_true(fake_fetch_is_cancelled(stage_call(stage, 1)));
    stage_answer(stage, 2, 200, EVENTS, HELLO DONE);
    assert_attempts(stage, "m:alpha", "timeout");
    assert_attempts(stage, "m:beta", "timeout");
    assert_hedges(stage, "failed", 1);
    stage_close(stage);
}

static void test_the_seconds_clocks_wake_the_exchange(void **state)
{
    struct stage *stage = open_hedged(AFTER_800MS "timeouts: { connect: 1s }\n", STREAM);

    (void)state;
    stage_advance(stage, 999);
    assert_false(fake_fetch_is_closed(stage_call(stage, 1)));
    stage_advance(stage, 1);
    assert_true(fake_fetch_is_cancelled(stage_call(stage, 1))); /* no connection in a second */
    stage_answer(stage, 0, 200, EVENTS, HELLO DONE);
    assert_answered_by(stage, "m:alpha", "2");
    assert_attempts(stage, "m:beta", "timeout");
    stage_close(stage);
}

/* ---- the end of both ---- */

static void test_a_client_that_leaves_cancels_both(void **state)
{
    struct stage *stage = open_hedged(AFTER_800MS, STREAM);

    (void)state;
    stage_leave(stage);
    assert_true(fake_fetch_is_cancelled(stage_call(stage, 0)));
    assert_true(fake_fetch_is_cancelled(stage_call(stage, 1)));
    assert_attempts(stage, "m:alpha", "cancelled");
    assert_attempts(stage, "m:beta", "cancelled");
    assert_hedges(stage, "cancelled", 1);
    stage_close(stage);
}

static void test_of_two_only_the_first_is_drained(void **state)
{
    struct stage *stage = stage_open(
        "providers:\n"
        "  alpha: { kind: openai, base_url: \"http://a.test/v1\", keys: [k],\n"
        "           on_client_gone: drain }\n"
        "  beta: { kind: openai, base_url: \"http://b.test/v1\", keys: [k],\n"
        "          on_client_gone: drain }\n"
        "models: { m: { targets: [ { provider: alpha }, { provider: beta, priority: 2 } ],\n"
        "               hedge: { after: 1s } } }\n");

    (void)state;
    stage_ask(stage, CHAT);
    stage_connect(stage, 0);
    stage_advance(stage, 1000);
    stage_connect(stage, 1);
    stage_leave(stage);
    assert_true(fake_fetch_is_cancelled(stage_call(stage, 1)));
    assert_false(fake_fetch_is_closed(stage_call(stage, 0)));
    stage_answer(stage, 0, 200, JSON, ANSWER);
    assert_attempts(stage, "m:alpha", "ok");
    stage_close(stage);
}

static void test_the_total_clock_ends_both(void **state)
{
    struct stage *stage = open_hedged(AFTER_800MS "timeouts: { total: 3s }\n", STREAM);

    (void)state;
    stage_connect(stage, 1);
    stage_advance(stage, 2200);
    assert_reply(stage, 504, "longer than it may");
    assert_true(fake_fetch_is_cancelled(stage_call(stage, 0)));
    assert_true(fake_fetch_is_cancelled(stage_call(stage, 1)));
    assert_hedges(stage, "cancelled", 1);
    stage_close(stage);
}

static void test_the_end_of_a_drain_ends_both(void **state)
{
    struct stage *stage = open_hedged(AFTER_800MS, STREAM);

    (void)state;
    exchange_stop_all(&stage->env);
    fake_loop_settle(stage->loop);
    assert_reply(stage, 503, "shutting down");
    assert_true(fake_fetch_is_cancelled(stage_call(stage, 1)));
    stage_close(stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_second_answers_a_stream),
        cmocka_unit_test(test_the_first_answers_a_stream),
        cmocka_unit_test(test_the_first_whole_answer_wins),
        cmocka_unit_test(test_the_first_fails_and_the_second_goes_on),
        cmocka_unit_test(test_the_second_fails_and_the_first_goes_on),
        cmocka_unit_test(test_when_both_fail_the_next_target_is_asked),
        cmocka_unit_test(test_both_fail_in_one_turn),
        cmocka_unit_test(test_both_answer_in_one_turn),
        cmocka_unit_test(test_a_dead_connection_of_the_first_is_not_tried_again),
        cmocka_unit_test(test_each_has_its_own_clocks),
        cmocka_unit_test(test_the_seconds_clocks_wake_the_exchange),
        cmocka_unit_test(test_a_client_that_leaves_cancels_both),
        cmocka_unit_test(test_of_two_only_the_first_is_drained),
        cmocka_unit_test(test_the_total_clock_ends_both),
        cmocka_unit_test(test_the_end_of_a_drain_ends_both),
    };

    return cmocka_run_group_tests_name("flow/hedge", tests, NULL, NULL);
}
