/* Slots: who is served, who waits for it, who is turned away; and that every slot comes back. */
#include "flow/stage.h"
#include "flow/words.h"

#include "flow/exchange_state.h"

enum {
    CLIENTS = 24,
    STORM_FACTS = 20000,
    CALLS_KEPT = 100,
};

#define LIMITS(words) ONE_TARGET "limits: { " words " }\n"
#define TARGET_LIMIT                                                                           \
    PROVIDERS "models:\n"                                                                      \
              "  m: { targets: [ { provider: alpha, in_flight: 1, priority: 1 },\n"            \
              "                  { provider: beta, in_flight: 1, priority: 2 } ] }\n"          \
              "models_only: true\n"

/* A crowd of clients on one stage; call number i is not client i's. */
struct crowd {
    struct stage *stage;
    struct http *clients[CLIENTS];
};

static void ask(struct crowd *crowd, size_t at, const char *body)
{
    crowd->stage->http = NULL;
    stage_ask(crowd->stage, body);
    crowd->clients[at] = crowd->stage->http;
    crowd->stage->http = NULL;
}

/* Makes client `at` the one whom assert_reply looks at. */
static struct stage *look(struct crowd *crowd, size_t at)
{
    crowd->stage->http = crowd->clients[at];
    return crowd->stage;
}

static void leave(struct crowd *crowd, size_t at)
{
    fake_http_leave(crowd->clients[at]);
    fake_loop_settle(crowd->stage->loop);
}

static void close_crowd(struct crowd *crowd)
{
    crowd->stage->http = NULL;
    stage_close(crowd->stage);
    for (size_t i = 0; i < CLIENTS; i++)
        if (crowd->clients[i])
            fake_http_free(crowd->clients[i]);
}

static void answer(struct crowd *crowd, size_t call)
{
    stage_answer(crowd->stage, call, 200, JSON, ANSWER);
}

static void test_they_are_served_in_the_order_in_which_they_came(void **state)
{
    struct crowd crowd = { .stage = stage_open(LIMITS("in_flight: 1, queue: 8")) };

    (void)state;
    for (size_t i = 0; i < 4; i++)
        ask(&crowd, i, CHAT);
    assert_int_equal(stage_calls(crowd.stage), 1);
    assert_int_equal(slots_waiting(&crowd.stage->env.slots), 3);
    for (size_t i = 0; i < 4; i++) {
        if (i == 1)
            ask(&crowd, 4, CHAT); /* who comes now does not overtake */
        answer(&crowd, i);
        assert_reply(look(&crowd, i), 200, "Hello");
        assert_int_equal(stage_calls(crowd.stage), i + 2);
        assert_int_equal(crowd.stage->env.slots.admission.in_flight, 1);
    }
    answer(&crowd, 4);
    assert_reply(look(&crowd, 4), 200, "Hello");
    close_crowd(&crowd);
}

static void test_the_time_in_the_queue_is_told(void **state)
{
    struct crowd crowd = { .stage = stage_open(LIMITS("in_flight: 1")) };

    (void)state;
    ask(&crowd, 0, CHAT);
    ask(&crowd, 1, CHAT);
    answer(&crowd, 0);
    answer(&crowd, 1);
    assert_holds(fake_http_reply_header(look(&crowd, 0)->http, "server-timing"),
                 "queue;dur=0.000,");
    assert_lacks(fake_http_reply_header(look(&crowd, 1)->http, "server-timing"),
                 "queue;dur=0.000,");
    close_crowd(&crowd);
}

static void test_who_finds_the_queue_full_is_turned_away_before_the_body(void **state)
{
    struct crowd crowd = { .stage = stage_open(LIMITS("in_flight: 1, queue: 1")) };
    struct stage *stage = crowd.stage;

    (void)state;
    ask(&crowd, 0, CHAT);
    ask(&crowd, 1, CHAT);
    stage_prepare(stage, "/v1/chat/completions", "");
    fake_http_set_body(stage->http, HTTP_BODY_COMING, SPAN_OF(""));
    stage_start(stage);
    crowd.clients[2] = stage->http;
    assert_reply(stage, 503, "\"overloaded\"");
    assert_text(fake_http_reply_header(stage->http, "retry-after"), "1");
    assert_null(fake_http_reply_header(stage->http, "x-should-retry").at);
    assert_false(fake_http_continued(stage->http));
    assert_int_equal(stage_count(stage, METER_SHED, "queue_full", NULL, NULL), 1);
    answer(&crowd, 0);
    answer(&crowd, 1);
    close_crowd(&crowd);
}

static void test_a_body_is_asked_for_when_the_turn_has_come(void **state)
{
    struct crowd crowd = { .stage = stage_open(LIMITS("in_flight: 1")) };
    struct stage *stage = crowd.stage;

    (void)state;
    ask(&crowd, 0, CHAT);
    stage_prepare(stage, "/v1/chat/completions", "");
    fake_http_set_body(stage->http, HTTP_BODY_COMING, SPAN_OF(""));
    stage_start(stage);
    crowd.clients[1] = stage->http;
    assert_false(fake_http_continued(crowd.clients[1]));
    answer(&crowd, 0);
    assert_true(fake_http_continued(crowd.clients[1]));
    leave(&crowd, 1);
    close_crowd(&crowd);
}

static void test_one_that_waited_as_long_as_it_may_is_told(void **state)
{
    struct crowd crowd = { .stage = stage_open(LIMITS("in_flight: 1, queue_wait: 300ms")) };

    (void)state;
    ask(&crowd, 0, CHAT);
    ask(&crowd, 1, CHAT);
    stage_advance(crowd.stage, 299);
    assert_int_equal(fake_http_status(crowd.clients[1]), 0);
    stage_advance(crowd.stage, 1);
    assert_reply(look(&crowd, 1), 503, "limits.queue_wait");
    assert_int_equal(stage_count(crowd.stage, METER_SHED, "queue_wait", NULL, NULL), 1);
    assert_int_equal(slots_waiting(&crowd.stage->env.slots), 0);
    answer(&crowd, 0);
    close_crowd(&crowd);
}

static void test_without_queue_wait_the_total_clock_bounds_it(void **state)
{
    struct crowd crowd = { .stage = stage_open(LIMITS("in_flight: 1, queue_wait: 0")) };

    (void)state;
    ask(&crowd, 0, CHAT);
    crowd.stage->http = NULL;
    stage_prepare(crowd.stage, "/v1/chat/completions", CHAT);
    fake_http_add_header(crowd.stage->http, "x-sluice-timeout-ms", "400");
    stage_start(crowd.stage);
    crowd.clients[1] = crowd.stage->http;
    stage_advance(crowd.stage, 400);
    assert_reply(crowd.stage, 504, "\"deadline_exceeded\"");
    answer(&crowd, 0);
    close_crowd(&crowd);
}

static void test_who_leaves_is_out_of_the_queue_at_once(void **state)
{
    struct crowd crowd = { .stage = stage_open(LIMITS("in_flight: 1, queue: 2")) };

    (void)state;
    for (size_t i = 0; i < 3; i++)
        ask(&crowd, i, CHAT);
    leave(&crowd, 1);
    assert_int_equal(slots_waiting(&crowd.stage->env.slots), 1);
    assert_int_equal(stage_count(crowd.stage, METER_CANCELLED, "queue", NULL, NULL), 1);
    ask(&crowd, 3, CHAT); /* into the place that is free */
    answer(&crowd, 0);
    answer(&crowd, 1);
    answer(&crowd, 2);
    assert_reply(look(&crowd, 2), 200, "Hello");
    assert_reply(look(&crowd, 3), 200, "Hello");
    close_crowd(&crowd);
}

/* The slot is its already, but it leaves before it has run. */
static void test_a_slot_given_to_one_who_leaves_goes_on_to_the_next(void **state)
{
    struct crowd crowd = { .stage = stage_open(LIMITS("in_flight: 1")) };

    (void)state;
    for (size_t i = 0; i < 3; i++)
        ask(&crowd, i, CHAT);
    fake_http_leave(crowd.clients[0]);
    fake_http_leave(crowd.clients[1]);
    fake_loop_settle(crowd.stage->loop);
    assert_int_equal(stage_calls(crowd.stage), 2);
    answer(&crowd, 1);
    assert_reply(look(&crowd, 2), 200, "Hello");
    close_crowd(&crowd);
}

static void test_a_reload_with_more_slots_lets_them_in(void **state)
{
    struct crowd crowd = { .stage = stage_open(LIMITS("in_flight: 1")) };

    (void)state;
    for (size_t i = 0; i < 3; i++)
        ask(&crowd, i, CHAT);
    stage_reload(crowd.stage, LIMITS("in_flight: 2"));
    slots_renew(&crowd.stage->env);
    fake_loop_settle(crowd.stage->loop);
    assert_int_equal(stage_calls(crowd.stage), 2);
    answer(&crowd, 0);
    answer(&crowd, 1);
    answer(&crowd, 2);
    close_crowd(&crowd);
}

static void test_the_end_of_a_drain_is_the_end_of_the_queue(void **state)
{
    struct crowd crowd = { .stage = stage_open(LIMITS("in_flight: 1")) };

    (void)state;
    ask(&crowd, 0, CHAT);
    ask(&crowd, 1, CHAT);
    exchange_stop_all(&crowd.stage->env);
    fake_loop_settle(crowd.stage->loop);
    assert_reply(look(&crowd, 0), 503, "shutting down");
    assert_reply(look(&crowd, 1), 503, "shutting down");
    assert_int_equal(stage_calls(crowd.stage), 1);
    close_crowd(&crowd);
}

static void test_an_overload_is_one_event_and_its_end_another(void **state)
{
    struct crowd crowd = { .stage = stage_open(LIMITS("in_flight: 1, queue: 0")) };
    struct stage *stage = crowd.stage;

    (void)state;
    for (size_t i = 0; i < 5; i++)
        ask(&crowd, i, CHAT);
    answer(&crowd, 0);
    assert_int_equal(stage->env.events.last, 1);
    assert_holds(span_from(stage->env.events.lines[1]), "\"kind\":\"overload\"");
    stage_advance(stage, ADMISSION_CALM_MS - 1);
    slots_watch(&stage->env);
    assert_int_equal(stage->env.events.last, 1);
    stage_advance(stage, 1);
    slots_watch(&stage->env);
    slots_watch(&stage->env);
    assert_int_equal(stage->env.events.last, 2);
    assert_holds(span_from(stage->env.events.lines[2]), "\"to\":\"normal\"");
    assert_holds(span_from(stage->env.events.lines[2]), "\"shed\":4");
    close_crowd(&crowd);
}

/* ---- the slots of targets ---- */

static void test_a_full_target_is_passed_over(void **state)
{
    struct crowd crowd = { .stage = stage_open(TARGET_LIMIT) };
    struct stage *stage = crowd.stage;

    (void)state;
    ask(&crowd, 0, CHAT);
    ask(&crowd, 1, CHAT);
    assert_string_equal(fake_fetch_url(stage_call(stage, 1)),
                        "http://beta.test/v1/chat/completions");
    assert_int_equal(stage_count(stage, METER_TARGET_BUSY, "m:alpha", NULL, NULL), 1);
    answer(&crowd, 0);
    answer(&crowd, 1);
    close_crowd(&crowd);
}

static void test_where_all_are_full_the_first_to_be_free_serves_who_came_first(void **state)
{
    struct crowd crowd = { .stage = stage_open(TARGET_LIMIT) };
    struct stage *stage = crowd.stage;

    (void)state;
    for (size_t i = 0; i < 4; i++)
        ask(&crowd, i, CHAT);
    assert_int_equal(stage_calls(stage), 2);
    assert_int_equal(slots_waiting(&stage->env.slots), 2);
    answer(&crowd, 1); /* beta is free, which is not the first of anybody's plan */
    assert_int_equal(stage_calls(stage), 3); /* one is woken, not two */
    assert_string_equal(fake_fetch_url(stage_call(stage, 2)),
                        "http://beta.test/v1/chat/completions");
    answer(&crowd, 2);
    assert_reply(look(&crowd, 2), 200, "Hello");
    answer(&crowd, 3);
    assert_reply(look(&crowd, 3), 200, "Hello");
    answer(&crowd, 0);
    close_crowd(&crowd);
}

static void test_who_waits_for_a_target_may_leave_or_wait_too_long(void **state)
{
    struct crowd crowd = { .stage = stage_open(TARGET_LIMIT
                                               "limits: { queue: 2, queue_wait: 300ms }\n") };
    struct stage *stage = crowd.stage;

    (void)state;
    for (size_t i = 0; i < 5; i++)
        ask(&crowd, i, CHAT);
    assert_reply(look(&crowd, 4), 503, "limits.queue");
    leave(&crowd, 2);
    assert_int_equal(stage_count(stage, METER_CANCELLED, "queue", NULL, NULL), 1);
    stage_advance(stage, 300);
    assert_reply(look(&crowd, 3), 503, "limits.queue_wait");
    assert_int_equal(slots_waiting(&stage->env.slots), 0);
    answer(&crowd, 0);
    answer(&crowd, 1);
    close_crowd(&crowd);
}

/* alpha is given to who waits; that it has failed too often is known a moment later. */
static void test_a_slot_that_is_of_no_use_goes_on(void **state)
{
    struct crowd crowd = { .stage = stage_open(TARGET_LIMIT
                                               "circuit_breaker: { failure_threshold: 1 }\n"
                                               "retry: { max_attempts: 1 }\n") };
    struct stage *stage = crowd.stage;

    (void)state;
    for (size_t i = 0; i < 4; i++)
        ask(&crowd, i, CHAT);
    stage_fail(stage, 0, FETCH_NO_CONNECTION);
    assert_reply(look(&crowd, 0), 502, "\"upstream_connect\"");
    assert_int_equal(stage_calls(stage), 2);
    answer(&crowd, 1);
    answer(&crowd, 2);
    answer(&crowd, 3);
    assert_reply(look(&crowd, 2), 200, "Hello");
    assert_reply(look(&crowd, 3), 200, "Hello");
    close_crowd(&crowd);
}

static void test_a_full_target_spills_over_to_the_fallback(void **state)
{
    struct crowd crowd = {
        .stage = stage_open(PROVIDERS "models:\n"
                                      "  m: { targets: [ { provider: alpha, in_flight: 1 } ],\n"
                                      "       fallbacks: [n] }\n"
                                      "  n: { targets: [ { provider: beta } ] }\n"
                                      "models_only: true\n")
    };

    (void)state;
    ask(&crowd, 0, CHAT);
    ask(&crowd, 1, CHAT);
    answer(&crowd, 1);
    assert_reply(look(&crowd, 1), 200, "Hello");
    assert_text(fake_http_reply_header(crowd.clients[1], "x-sluice-fallback"), "1");
    assert_int_equal(stage_count(crowd.stage, METER_FALLBACKS, "m", "n", "rate_limit"), 1);
    answer(&crowd, 0);
    close_crowd(&crowd);
}

/* ---- a storm ---- */

static uint32_t draw(uint64_t *random, uint32_t below)
{
    return route_random(random, below);
}

/* What must hold at any moment, whoever comes and goes. */
static void check_slots(const struct env *env, uint32_t most)
{
    const struct slots *slots = &env->slots;
    uint32_t counted = 0;
    uint32_t waiting = 0;

    for (struct list *link = env->exchanges.next; link != &env->exchanges; link = link->next) {
        const struct exchange *ex = LIST_OWNER(link, struct exchange, link);

        counted += ex->counted;
        waiting += list_linked(&ex->turn);
    }
    assert_int_equal(counted, slots->admission.in_flight);
    assert_int_equal(waiting, slots_waiting(slots));
    assert_true(slots->admission.in_flight <= most);
    if (slots->admission.waiting) /* no slot stands idle while somebody waits */
        assert_int_equal(slots->admission.in_flight, most);
}

static void upstream_acts(struct crowd *crowd, uint64_t *random)
{
    size_t count = stage_calls(crowd->stage);
    struct fetch *fetch;

    if (count == 0)
        return;
    fetch = stage_call(crowd->stage, draw(random, (uint32_t)count));
    if (fake_fetch_is_closed(fetch) || fetch_phase(fetch) == FETCH_DONE ||
        fetch_phase(fetch) == FETCH_FAILED)
        return;
    switch (draw(random, 4)) {
    case 0: fake_fetch_fail(fetch, FETCH_NO_CONNECTION); break;
    case 1:
        fake_fetch_head(fetch, 503, "content-type: application/json\n");
        fake_fetch_end(fetch);
        break;
    default:
        fake_fetch_head(fetch, 200, "content-type: application/json\n");
        (void)fake_fetch_body(fetch, SPAN_OF(ANSWER));
        fake_fetch_end(fetch);
    }
}

static void client_acts(struct crowd *crowd, uint64_t *random)
{
    size_t at = draw(random, CLIENTS);
    struct http **client = &crowd->clients[at];

    if (*client && fake_http_end(*client) != FAKE_HTTP_RUNNING) {
        fake_http_free(*client);
        *client = NULL;
    }
    if (*client == NULL) {
        stage_prepare(crowd->stage, "/v1/chat/completions", CHAT);
        if (draw(random, 4) == 0)
            fake_http_set_body(crowd->stage->http, HTTP_BODY_COMING, SPAN_OF(""));
        stage_start(crowd->stage);
        *client = crowd->stage->http;
        crowd->stage->http = NULL;
    } else if (http_body_state(*client) == HTTP_BODY_COMING && draw(random, 2)) {
        fake_http_set_body(*client, HTTP_BODY_WHOLE, SPAN_OF(CHAT));
    } else if (draw(random, 3) == 0) {
        fake_http_leave(*client);
    }
}

static void all_leave(struct crowd *crowd)
{
    for (size_t i = 0; i < CLIENTS; i++)
        if (crowd->clients[i] && fake_http_end(crowd->clients[i]) == FAKE_HTTP_RUNNING)
            fake_http_leave(crowd->clients[i]);
    stage_advance(crowd->stage, 100); /* upstreams that linger */
    assert_true(list_empty(&crowd->stage->env.exchanges));
    assert_int_equal(crowd->stage->env.slots.admission.in_flight, 0);
    assert_int_equal(slots_waiting(&crowd->stage->env.slots), 0);
}

/* fault 82 in small: whatever happens, in whatever order, all slots come back. */
static void storm(const char *yaml, uint32_t most, uint64_t seed)
{
    struct crowd crowd = { .stage = stage_open(yaml) };
    uint64_t random = seed;

    for (int fact = 0; fact < STORM_FACTS; fact++) {
        uint32_t kind = draw(&random, 100);

        if (kind < 50)
            client_acts(&crowd, &random);
        else if (kind < 90)
            upstream_acts(&crowd, &random);
        else
            stage_advance(crowd.stage, draw(&random, 200));
        if (draw(&random, 3) == 0)
            fake_loop_settle(crowd.stage->loop);
        check_slots(&crowd.stage->env, most);
        if (stage_calls(crowd.stage) > CALLS_KEPT) {
            all_leave(&crowd);
            fake_fetch_forget(crowd.stage->pool);
        }
    }
    all_leave(&crowd);
    close_crowd(&crowd);
}

static void test_after_a_storm_every_slot_has_come_back(void **state)
{
    (void)state;
    storm(LIMITS("in_flight: 4, queue: 8, queue_wait: 500ms") "log: { access: false }\n", 4, 1);
    storm(TARGET_LIMIT "limits: { in_flight: 6, queue: 4, queue_wait: 300ms }\n"
                       "retry: { max_attempts: 3, initial_delay_ms: 50 }\n"
                       "circuit_breaker: { failure_threshold: 3, timeout_seconds: 1 }\n"
                       "log: { access: false }\n",
          6, 2);
    storm(TARGET_LIMIT "limits: { in_flight: 20, queue: 100, queue_wait: 0 }\n"
                       "timeouts: { total: 5s }\n"
                       "log: { access: false }\n",
          20, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_they_are_served_in_the_order_in_which_they_came),
        cmocka_unit_test(test_the_time_in_the_queue_is_told),
        cmocka_unit_test(test_who_finds_the_queue_full_is_turned_away_before_the_body),
        cmocka_unit_test(test_a_body_is_asked_for_when_the_turn_has_come),
        cmocka_unit_test(test_one_that_waited_as_long_as_it_may_is_told),
        cmocka_unit_test(test_without_queue_wait_the_total_clock_bounds_it),
        cmocka_unit_test(test_who_leaves_is_out_of_the_queue_at_once),
        cmocka_unit_test(test_a_slot_given_to_one_who_leaves_goes_on_to_the_next),
        cmocka_unit_test(test_a_reload_with_more_slots_lets_them_in),
        cmocka_unit_test(test_the_end_of_a_drain_is_the_end_of_the_queue),
        cmocka_unit_test(test_an_overload_is_one_event_and_its_end_another),
        cmocka_unit_test(test_a_full_target_is_passed_over),
        cmocka_unit_test(test_where_all_are_full_the_first_to_be_free_serves_who_came_first),
        cmocka_unit_test(test_who_waits_for_a_target_may_leave_or_wait_too_long),
        cmocka_unit_test(test_a_slot_that_is_of_no_use_goes_on),
        cmocka_unit_test(test_a_full_target_spills_over_to_the_fallback),
        cmocka_unit_test(test_after_a_storm_every_slot_has_come_back),
    };

    return cmocka_run_group_tests_name("flow/queue", tests, NULL, NULL);
}
