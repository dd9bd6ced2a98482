/* policy/balance: who is tried first, by what is known of each. Time comes in through the figures. */
#include "policy/balance.h"

/* cmocka wants these first */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/health.h"
#include "policy/latency.h"
#include "policy/route.h"

#include <cmocka.h>

/* Who of the two is first; equals keep their order. */
static int first_of(enum config_balance balance, const struct balance_facts *two)
{
    struct balance_rank ranks[2];
    uint64_t random = 1;

    balance_rank(balance, two, 2, &random, ranks);
    return balance_before(&ranks[1], &ranks[0]) ? 1 : 0;
}

static bool equal(enum config_balance balance, struct balance_facts a, struct balance_facts b)
{
    const struct balance_facts two[] = { a, b };
    const struct balance_facts reversed[] = { b, a };

    return first_of(balance, two) == 0 && first_of(balance, reversed) == 0;
}

static bool before(enum config_balance balance, struct balance_facts a, struct balance_facts b)
{
    const struct balance_facts two[] = { a, b };
    const struct balance_facts reversed[] = { b, a };

    return first_of(balance, two) == 0 && first_of(balance, reversed) == 1;
}

#define FACTS(...)                                                                             \
    (struct balance_facts)                                                                     \
    {                                                                                          \
        .health = HEALTH_FULL, __VA_ARGS__                                                     \
    }

static void test_least_latency_is_latency_x_in_flight_over_weight(void **state)
{
    const enum config_balance balance = BALANCE_LEAST_LATENCY;

    (void)state;
    assert_true(before(balance, FACTS(.weight = 10, .latency_us = 1000),
                       FACTS(.weight = 10, .latency_us = 1001)));
    assert_true(before(balance, FACTS(.weight = 10, .latency_us = 3000),
                       FACTS(.weight = 10, .latency_us = 1000, .in_flight = 3)));
    assert_true(before(balance, FACTS(.weight = 10, .latency_us = 1500),
                       FACTS(.weight = 5, .latency_us = 1000)));
    assert_true(equal(balance, FACTS(.weight = 10, .latency_us = 2000),
                      FACTS(.weight = 5, .latency_us = 1000)));
}

static void test_an_unknown_latency_is_that_of_the_fastest(void **state)
{
    const enum config_balance balance = BALANCE_LEAST_LATENCY;

    (void)state;
    assert_true(equal(balance, FACTS(.weight = 10), FACTS(.weight = 10, .latency_us = 1000)));
    assert_true(before(balance, FACTS(.weight = 10, .latency_us = 1000),
                       FACTS(.weight = 10, .in_flight = 1)));
    assert_true(before(balance, FACTS(.weight = 10, .latency_us = 1000), FACTS(.weight = 9)));
    assert_true(before(balance, FACTS(.weight = 10), FACTS(.weight = 10, .in_flight = 1)));
}

static void test_what_is_to_be_found_out_goes_first_unless_it_is_unwell(void **state)
{
    const struct balance_facts known = FACTS(.weight = 1000, .latency_us = 1);

    (void)state;
    assert_true(before(BALANCE_LEAST_LATENCY,
                       FACTS(.weight = 1, .in_flight = 9, .wanted = true), known));
    assert_true(before(
        BALANCE_LEAST_LATENCY, known,
        ((struct balance_facts){ .weight = 1, .health = HEALTH_LEAST, .wanted = true })));
}

static void test_least_busy_is_in_flight_over_weight(void **state)
{
    const enum config_balance balance = BALANCE_LEAST_BUSY;

    (void)state;
    assert_true(equal(balance, FACTS(.weight = 10), FACTS(.weight = 1)));
    assert_true(before(balance, FACTS(.weight = 10), FACTS(.weight = 100, .in_flight = 1)));
    assert_true(before(balance, FACTS(.weight = 10, .in_flight = 9),
                       FACTS(.weight = 1, .in_flight = 1)));
    assert_true(equal(balance, FACTS(.weight = 10, .in_flight = 10),
                      FACTS(.weight = 1, .in_flight = 1)));
}

static void test_least_cost_is_three_of_input_to_one_of_output(void **state)
{
    const struct price dear_input = { .rates = { .input = 4, .output = 8 }, .known = true };
    const struct price dear_output = { .rates = { .input = 2, .output = 13 }, .known = true };

    (void)state;
    assert_int_equal(balance_cost(&dear_input), 20);
    assert_true(before(BALANCE_LEAST_COST,
                       FACTS(.weight = 1, .cost = balance_cost(&dear_output)),
                       FACTS(.weight = 1000, .cost = balance_cost(&dear_input))));
    assert_true(equal(BALANCE_LEAST_COST, FACTS(.weight = 1, .cost = 5),
                      FACTS(.weight = 9, .cost = 5)));
}

/* 0.3 of the health is 0.3 of the turns; within five sigma. */
static void test_the_cheapest_takes_its_turns_by_its_health(void **state)
{
    enum { DRAWS = 10000 };
    const struct balance_facts two[] = { { .weight = 1, .health = 300, .cost = 1 },
                                         { .weight = 1, .health = 1000, .cost = 9 } };
    struct balance_rank ranks[2];
    uint64_t random = 7;
    int cheap = 0;

    (void)state;
    for (int i = 0; i < DRAWS; i++) {
        balance_rank(BALANCE_LEAST_COST, two, 2, &random, ranks);
        cheap += balance_before(&ranks[0], &ranks[1]);
    }
    assert_in_range(cheap, 3000 - 230, 3000 + 230);
}

/* ---- a simulation: each request is answered after as long as its target takes ---- */

enum { OUT_MAX = 1024 };

struct place {
    struct latency latency;
    uint64_t takes_ms;
    uint64_t asked_ms[OUT_MAX]; /* of those that are out, by their number */
    uint32_t asked;
    uint32_t answered;
};

static void answer(struct place *place, uint64_t now_ms)
{
    while (place->answered < place->asked) {
        uint64_t took_ms = now_ms - place->asked_ms[place->answered % OUT_MAX];

        if (took_ms < place->takes_ms)
            return;
        latency_answered(&place->latency, took_ms * 1000, now_ms);
        place->answered++;
    }
}

static struct balance_facts facts_of(const struct place *place, uint64_t now_ms)
{
    return FACTS(.weight = 1, .in_flight = place->asked - place->answered,
                 .latency_us = latency_now(&place->latency, now_ms));
}

/* A request every 10 ms for `seconds`; equals are drawn by a coin. The share of the first in percent. */
static int share_over(struct place *places, uint64_t *now_ms, int seconds, uint64_t *random)
{
    uint32_t before = places[0].asked;

    for (int i = 0; i < seconds * 100; i++, *now_ms += 10) {
        size_t drawn = route_random(random, 2);
        struct place *place = &places[drawn];
        struct balance_facts two[2];

        answer(&places[0], *now_ms);
        answer(&places[1], *now_ms);
        two[0] = facts_of(&places[drawn], *now_ms);
        two[1] = facts_of(&places[1 - drawn], *now_ms);
        place = &places[first_of(BALANCE_LEAST_LATENCY, two) == 0 ? drawn : 1 - drawn];
        latency_asked(&place->latency, *now_ms);
        assert_true(place->asked - place->answered < OUT_MAX);
        place->asked_ms[place->asked++ % OUT_MAX] = *now_ms;
    }
    return (int)(places[0].asked - before) / seconds;
}

static void test_the_share_moves_to_the_fast_one_and_returns(void **state)
{
    struct place places[2] = { { .takes_ms = 20 }, { .takes_ms = 20 } };
    uint64_t now_ms = 1000000;
    uint64_t random = 1;

    (void)state;
    assert_in_range(share_over(places, &now_ms, 60, &random), 40, 60);
    places[0].takes_ms = 400;
    (void)share_over(places, &now_ms, 2, &random);
    assert_in_range(share_over(places, &now_ms, 60, &random), 0, 2);
    assert_true(now_ms - places[0].latency.asked_ms < 20000); /* it is asked now and then */
    places[0].takes_ms = 20;
    (void)share_over(places, &now_ms, 60, &random);
    assert_in_range(share_over(places, &now_ms, 60, &random), 40, 60);
    places[1].takes_ms = 400;
    (void)share_over(places, &now_ms, 2, &random);
    assert_in_range(share_over(places, &now_ms, 60, &random), 98, 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_least_latency_is_latency_x_in_flight_over_weight),
        cmocka_unit_test(test_an_unknown_latency_is_that_of_the_fastest),
        cmocka_unit_test(test_what_is_to_be_found_out_goes_first_unless_it_is_unwell),
        cmocka_unit_test(test_least_busy_is_in_flight_over_weight),
        cmocka_unit_test(test_least_cost_is_three_of_input_to_one_of_output),
        cmocka_unit_test(test_the_cheapest_takes_its_turns_by_its_health),
        cmocka_unit_test(test_the_share_moves_to_the_fast_one_and_returns),
    };

    return cmocka_run_group_tests_name("balance", tests, NULL, NULL);
}
