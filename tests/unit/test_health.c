/* policy/health: how much of its weight a target deserves. */
#include "policy/health.h"

/* cmocka wants these first */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <time.h>

static const struct health_rule RULE = { .window_ms = 300000,
                                         .min_requests = 20,
                                         .latency_ms = 2000,
                                         .slow_start_ms = 30000,
                                         .errors_fine = 50 };

static const struct breaker_rule BREAKER = { .enabled = true,
                                             .failures_max = 5,
                                             .open_ms = 30000,
                                             .trials = 3 };

static const struct breaker CLOSED = { 0 };

static struct health_factors look(const struct health *health, uint64_t now_ms)
{
    return health_factors(health, &RULE, &CLOSED, &BREAKER, now_ms);
}

static void attempts(struct health *health, int good, int bad, uint64_t now_ms)
{
    for (int i = 0; i < good; i++)
        health_attempt(health, &RULE, true, now_ms);
    for (int i = 0; i < bad; i++)
        health_attempt(health, &RULE, false, now_ms);
}

static void test_no_traffic_is_healthy(void **state)
{
    struct health health = { 0 };
    struct health_factors factors = look(&health, 0);

    (void)state;
    assert_int_equal(factors.health, HEALTH_FULL);
    assert_string_equal(factors.why, "as configured");
    assert_int_equal(look(&health, 1000000).health, HEALTH_FULL);
}

static void test_it_falls_smoothly_with_the_errors(void **state)
{
    uint32_t before = HEALTH_FULL;

    (void)state;
    for (int bad = 0; bad <= 100; bad++) {
        struct health health = { 0 };
        uint32_t now;

        attempts(&health, 100 - bad, bad, 1000);
        now = look(&health, 1000).health;
        assert_true(now <= before && before - now <= 25);
        assert_true(now >= HEALTH_LEAST);
        if (bad <= 5)
            assert_int_equal(now, HEALTH_FULL);
        before = now;
    }
    assert_int_equal(before, HEALTH_LEAST);
}

static void test_little_evidence_moves_it_little(void **state)
{
    struct health health = { 0 };

    (void)state;
    attempts(&health, 0, 1, 1000);
    assert_int_equal(look(&health, 1000).health, HEALTH_FULL);
    attempts(&health, 0, 2, 1000);
    assert_in_range(look(&health, 1000).health, 500, 900);
    assert_string_equal(look(&health, 1000).why, "recent attempts failed");
}

static void test_slowness_alone_leaves_a_tenth(void **state)
{
    struct health health = { 0 };

    (void)state;
    for (int i = 0; i < 40; i++)
        health_first(&health, &RULE, 1900, 1000);
    assert_int_equal(look(&health, 1000).health, HEALTH_FULL);
    for (int i = 0; i < 100; i++)
        health_first(&health, &RULE, 4000, 1000);
    assert_in_range(look(&health, 1000).health, 490, 510);
    assert_string_equal(look(&health, 1000).why, "first content is slow");
    for (int i = 0; i < 100; i++)
        health_first(&health, &RULE, 600000, 1000);
    assert_int_equal(look(&health, 1000).health, HEALTH_SLOWEST);
}

static void test_an_open_breaker_is_nothing_and_trials_are_little(void **state)
{
    struct breaker open = { .state = BREAKER_OPEN, .opened_ms = 1000 };
    struct health health = { 0 };
    struct health_factors factors = health_factors(&health, &RULE, &open, &BREAKER, 30999);

    (void)state;
    assert_int_equal(factors.health, 0);
    assert_string_equal(factors.why, "its circuit breaker is open");
    factors = health_factors(&health, &RULE, &open, &BREAKER, 31000);
    assert_int_equal(factors.health, HEALTH_TRIAL);
}

static void test_it_returns_by_a_slow_start(void **state)
{
    struct health health = { 0 };
    uint32_t before = HEALTH_RETURN;

    (void)state;
    attempts(&health, 0, 5, 1000);
    health_return(&health, 40000);
    assert_int_equal(look(&health, 40000).health, HEALTH_RETURN);
    assert_string_equal(look(&health, 40000).why, "slow start");
    for (uint64_t t = 0; t <= 30000; t += 100) {
        uint32_t now = look(&health, 40000 + t).health;

        assert_true(now >= before && now - before <= 4);
        before = now;
        attempts(&health, 1, 0, 40000 + t);
    }
    assert_int_equal(before, HEALTH_FULL);
    assert_int_equal(health.lost, 0);
}

static void test_errors_that_grow_old_are_forgiven_slowly(void **state)
{
    struct health health = { 0 };
    uint32_t before = HEALTH_FULL;

    (void)state;
    attempts(&health, 60, 40, 1000);
    for (uint64_t t = 1000; t < 400000; t += 100) {
        uint32_t now;

        attempts(&health, t % 5000 == 0, 0, t);
        now = look(&health, t).health;
        assert_true(now <= before + 160); /* five seconds of the slow start, no leap */
        before = now;
    }
    assert_int_equal(before, HEALTH_FULL);
}

static void test_flapping_stays_low(void **state)
{
    struct health health = { 0 };

    (void)state;
    for (uint64_t t = 0; t < 600; t++)
        health_probe(&health, &RULE, t % 5 != 0, 10, t * 1000);
    assert_true(look(&health, 600000).health < 700);
}

static void test_probes_lower_it_until_traffic_knows_better(void **state)
{
    struct health health = { 0 };

    (void)state;
    health_probe(&health, &RULE, false, 0, 1000);
    assert_int_equal(look(&health, 1000).health, 500);
    health_probe(&health, &RULE, false, 0, 2000);
    assert_int_equal(look(&health, 2000).health, 250);
    for (uint64_t t = 0; t < 20; t++)
        health_probe(&health, &RULE, false, 0, 3000 + t);
    assert_int_equal(look(&health, 4000).health, HEALTH_LEAST);
    assert_string_equal(look(&health, 4000).why, "probes fail or are slow");
    attempts(&health, 20, 0, 5000);
    assert_int_equal(look(&health, 5000).probe, HEALTH_FULL);
    assert_int_equal(look(&health, 50000).health, HEALTH_FULL);
}

static void test_a_slow_probe_counts_as_slowness(void **state)
{
    struct health health = { 0 };

    (void)state;
    health_probe(&health, &RULE, true, 2000, 1000);
    assert_int_equal(look(&health, 1000).health, HEALTH_FULL);
    health_probe(&health, &RULE, true, 4000, 2000);
    assert_int_equal(look(&health, 2000).health, 500);
    health_probe(&health, &RULE, true, 4000000, 3000);
    assert_int_equal(look(&health, 3000).health, HEALTH_SLOWEST);
}

static void test_levels_do_not_flap(void **state)
{
    (void)state;
    assert_int_equal(health_level_next(HEALTH_GOOD, 500), HEALTH_GOOD);
    assert_int_equal(health_level_next(HEALTH_GOOD, 499), HEALTH_DEGRADED);
    assert_int_equal(health_level_next(HEALTH_DEGRADED, 899), HEALTH_DEGRADED);
    assert_int_equal(health_level_next(HEALTH_DEGRADED, 900), HEALTH_GOOD);
    assert_int_equal(health_level_next(HEALTH_GOOD, 0), HEALTH_OUT);
    assert_int_equal(health_level_next(HEALTH_OUT, 100), HEALTH_DEGRADED);
    assert_string_equal(health_level_name(HEALTH_OUT), "out");
}

/* ---- a day ---- */

/* Three requests a second; from 8 to 9 one in three fails, from 12 on the breaker is open for half an
 * hour, from 18 to 19 first content is slow. What must hold holds in every second of it. */
struct day {
    struct health health;
    struct breaker breaker;
    uint32_t before;
};

enum { HOUR_S = 3600, DAY_S = 24 * HOUR_S };

static void live_a_second(struct day *day, uint64_t second)
{
    uint64_t now_ms = second * 1000;
    bool failing = second / HOUR_S == 8;
    bool slow = second / HOUR_S == 18;

    if (second == 12 * HOUR_S)
        day->breaker = (struct breaker){ .state = BREAKER_OPEN };
    if (second == 12 * HOUR_S + HOUR_S / 2) {
        day->breaker = (struct breaker){ 0 };
        health_return(&day->health, now_ms);
    }
    if (day->breaker.state != BREAKER_CLOSED) {
        day->breaker.opened_ms = now_ms; /* still */
        return;
    }
    for (int i = 0; i < 3; i++) {
        health_attempt(&day->health, &RULE, !(failing && i == 0), now_ms);
        health_first(&day->health, &RULE, slow ? 8000 : 300, now_ms);
    }
}

static void test_a_day(void **state)
{
    struct day day = { .before = HEALTH_FULL };
    clock_t began = clock();

    (void)state;
    for (uint64_t second = 0; second < DAY_S; second++) {
        uint32_t now;

        live_a_second(&day, second);
        if (second % 10)
            continue; /* nobody looks more often here */
        now = health_factors(&day.health, &RULE, &day.breaker, &BREAKER, second * 1000).health;
        assert_true(now <= HEALTH_FULL && (now > 0 || day.breaker.state == BREAKER_OPEN));
        assert_true(now < day.before || now - day.before <= 301 || day.before == 0);
        day.before = now;
        if (second == 9 * HOUR_S - 10)
            assert_in_range(now, 300, 450);
        if (second == 12 * HOUR_S + 600)
            assert_int_equal(now, 0);
        if (second == 19 * HOUR_S - 10)
            assert_in_range(now, 240, 260);
        if (second % HOUR_S == HOUR_S / 4 && second / HOUR_S != 8 && second / HOUR_S != 12 &&
            second / HOUR_S != 18)
            assert_int_equal(now, HEALTH_FULL);
    }
    print_message("a day took %ld us\n", (long)((clock() - began) * 1000000 / CLOCKS_PER_SEC));
#ifndef __SANITIZE_ADDRESS__
    assert_true((clock() - began) * 1000 / CLOCKS_PER_SEC < 100);
#endif
}

/* Good for half a minute, bad for half a minute: one that nobody can rely on, and that is said once. */
static void test_a_day_of_flapping(void **state)
{
    struct health health = { 0 };
    enum health_level level = HEALTH_GOOD;
    int changes = 0;

    (void)state;
    for (uint64_t second = 0; second < DAY_S; second++) {
        enum health_level before = level;

        attempts(&health, second / 30 % 2 == 0, second / 30 % 2, second * 1000);
        level = health_level_next(level, look(&health, second * 1000).health);
        changes += level != before;
    }
    assert_int_equal(level, HEALTH_DEGRADED);
    assert_int_equal(changes, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_traffic_is_healthy),
        cmocka_unit_test(test_it_falls_smoothly_with_the_errors),
        cmocka_unit_test(test_little_evidence_moves_it_little),
        cmocka_unit_test(test_slowness_alone_leaves_a_tenth),
        cmocka_unit_test(test_an_open_breaker_is_nothing_and_trials_are_little),
        cmocka_unit_test(test_it_returns_by_a_slow_start),
        cmocka_unit_test(test_errors_that_grow_old_are_forgiven_slowly),
        cmocka_unit_test(test_flapping_stays_low),
        cmocka_unit_test(test_probes_lower_it_until_traffic_knows_better),
        cmocka_unit_test(test_a_slow_probe_counts_as_slowness),
        cmocka_unit_test(test_levels_do_not_flap),
        cmocka_unit_test(test_a_day),
        cmocka_unit_test(test_a_day_of_flapping),
    };

    return cmocka_run_group_tests_name("health", tests, NULL, NULL);
}
