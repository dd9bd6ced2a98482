/* policy/admission: who is let in, who waits, who is turned away, on simulated clocks. */
#include "policy/admission.h"

/* cmocka wants these first */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct admission_rule RULE = { .in_flight = 4, .queue = 8, .wait_ms = 5000 };

/* So many ask at once; returns how many got that verdict. */
static uint32_t ask(struct admission *a, const struct admission_rule *rule, uint32_t count,
                    enum admission_verdict wanted, uint64_t now_ms)
{
    uint32_t found = 0;

    while (count-- > 0)
        found += admission_ask(a, rule, now_ms) == wanted;
    return found;
}

/* A slot is given back, and goes to whoever waits first. */
static bool pass_on(struct admission *a, const struct admission_rule *rule, uint64_t now_ms)
{
    admission_free(a, now_ms);
    return admission_next(a, rule);
}

static void test_slots_then_the_queue_then_no_more(void **state)
{
    struct admission a = { 0 };

    (void)state;
    assert_int_equal(ask(&a, &RULE, 4, ADMISSION_GO, 0), 4);
    assert_int_equal(ask(&a, &RULE, 8, ADMISSION_WAIT, 0), 8);
    assert_int_equal(ask(&a, &RULE, 3, ADMISSION_FULL, 0), 3);
    assert_int_equal(a.in_flight, 4);
    assert_int_equal(a.waiting, 8);
}

static void test_a_slot_that_is_freed_goes_to_who_waits_and_not_to_who_comes(void **state)
{
    struct admission a = { 0 };

    (void)state;
    (void)ask(&a, &RULE, 5, ADMISSION_GO, 0);
    admission_free(&a, 10);
    assert_int_equal(admission_ask(&a, &RULE, 10), ADMISSION_WAIT); /* nobody overtakes */
    assert_true(admission_next(&a, &RULE));
    assert_false(admission_next(&a, &RULE));
    assert_int_equal(a.in_flight, 4);
    admission_leave(&a);
    assert_int_equal(a.waiting, 0);
    admission_free(&a, 11);
    assert_int_equal(admission_ask(&a, &RULE, 11), ADMISSION_GO);
}

static void test_0_slots_are_no_limit_and_0_places_are_no_queue(void **state)
{
    struct admission a = { 0 };
    struct admission_rule rule = { .in_flight = 0, .queue = 0 };

    (void)state;
    assert_int_equal(ask(&a, &rule, 10000, ADMISSION_GO, 0), 10000);
    rule.in_flight = 10000;
    assert_int_equal(admission_ask(&a, &rule, 0), ADMISSION_FULL);
}

static void test_more_slots_let_more_of_the_queue_in(void **state)
{
    struct admission a = { 0 };
    struct admission_rule more = RULE;

    (void)state;
    (void)ask(&a, &RULE, 12, ADMISSION_GO, 0);
    more.in_flight = 6;
    assert_true(admission_next(&a, &more));
    assert_true(admission_next(&a, &more));
    assert_false(admission_next(&a, &more));
    more.in_flight = 3; /* and fewer let nobody in until so many have ended */
    admission_free(&a, 1);
    assert_false(admission_next(&a, &more));
    assert_int_equal(a.in_flight, 5);
}

/* One slot is freed each 1000 ms: the fifth in the queue would wait for 6 s. */
static void test_who_would_wait_too_long_is_told_at_once(void **state)
{
    static const struct admission_rule rule = { .in_flight = 1, .queue = 100, .wait_ms = 5000 };
    struct admission a = { 0 };

    (void)state;
    assert_int_equal(admission_ask(&a, &rule, 0), ADMISSION_GO);
    assert_int_equal(ask(&a, &rule, 7, ADMISSION_WAIT, 0), 7); /* nothing is known yet */
    for (uint64_t now_ms = 1000; now_ms <= 3000; now_ms += 1000)
        assert_true(pass_on(&a, &rule, now_ms));
    assert_int_equal(a.waiting, 4);
    assert_int_equal(admission_expected_ms(&a, 3000), 5000);
    assert_int_equal(admission_ask(&a, &rule, 3000), ADMISSION_WAIT);
    assert_int_equal(admission_ask(&a, &rule, 3000), ADMISSION_LATE);
    assert_int_equal(admission_retry_ms(&a, 3000), 6000);
}

/* The pace falls by itself when nothing is freed any more. */
static void test_an_upstream_that_stops_makes_the_wait_long(void **state)
{
    static const struct admission_rule rule = { .in_flight = 64, .queue = 64, .wait_ms = 0 };
    struct admission a = { 0 };

    (void)state;
    (void)ask(&a, &rule, 100, ADMISSION_GO, 0);
    for (uint64_t now_ms = 10; now_ms <= 100; now_ms += 10)
        assert_true(pass_on(&a, &rule, now_ms));
    assert_int_equal(admission_expected_ms(&a, 100), 270); /* 27 x 10 ms */
    assert_int_equal(admission_expected_ms(&a, 1000), 2700);
    assert_int_equal(admission_ask(&a, &rule, 100000), ADMISSION_WAIT); /* wait_ms is none */
}

/* Of a queue that was never empty for wait_ms, half as many as there are slots stay. */
static void test_a_queue_that_stands_is_kept_short(void **state)
{
    static const struct admission_rule rule = { .in_flight = 64,
                                                .queue = 1024,
                                                .wait_ms = 1000 };
    struct admission a = { 0 };
    uint32_t in = 0;
    uint32_t longest = 0;

    (void)state;
    for (uint64_t now_ms = 0; now_ms < 10000; now_ms++) { /* 10 come, 1 can be served */
        (void)ask(&a, &rule, 10, ADMISSION_GO, now_ms);
        if (a.in_flight == 64)
            in += pass_on(&a, &rule, now_ms);
        if (now_ms > 3000 && a.waiting > longest)
            longest = a.waiting;
    }
    assert_in_range(longest, 31, 32);
    assert_in_range(in, 9900, 10000); /* and no slot stood idle for it */
}

static void test_an_empty_queue_is_a_new_beginning(void **state)
{
    static const struct admission_rule rule = { .in_flight = 1, .queue = 8, .wait_ms = 1000 };
    struct admission a = { 0 };

    (void)state;
    (void)ask(&a, &rule, 2, ADMISSION_GO, 0);
    assert_true(pass_on(&a, &rule, 900)); /* slow, once */
    assert_int_equal(a.waiting, 0);
    assert_int_equal(ask(&a, &rule, 8, ADMISSION_WAIT, 5000), 8);
    assert_int_equal(admission_expected_ms(&a, 5000), 0);
}

static void test_an_overload_begins_once_and_ends_when_it_is_calm(void **state)
{
    struct admission a = { 0 };

    (void)state;
    assert_false(admission_calm(&a, 0));
    assert_true(admission_shed(&a, 100));
    assert_false(admission_shed(&a, 4000));
    assert_int_equal(a.shed, 2);
    assert_false(admission_calm(&a, 4000 + ADMISSION_CALM_MS - 1));
    assert_true(admission_calm(&a, 4000 + ADMISSION_CALM_MS));
    assert_false(admission_calm(&a, 4000 + ADMISSION_CALM_MS));
    assert_true(admission_shed(&a, 20000)); /* another */
    assert_int_equal(a.shed, 1);
}

static void test_when_to_come_back_has_bounds(void **state)
{
    struct admission a = { 0 };

    (void)state;
    assert_int_equal(admission_retry_ms(&a, 0), ADMISSION_RETRY_MS_MIN);
    (void)ask(&a, &RULE, 12, ADMISSION_GO, 0);
    assert_true(pass_on(&a, &RULE, 1));
    assert_int_equal(admission_retry_ms(&a, 1), ADMISSION_RETRY_MS_MIN);
    assert_int_equal(admission_retry_ms(&a, 3600000), ADMISSION_RETRY_MS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slots_then_the_queue_then_no_more),
        cmocka_unit_test(test_a_slot_that_is_freed_goes_to_who_waits_and_not_to_who_comes),
        cmocka_unit_test(test_0_slots_are_no_limit_and_0_places_are_no_queue),
        cmocka_unit_test(test_more_slots_let_more_of_the_queue_in),
        cmocka_unit_test(test_who_would_wait_too_long_is_told_at_once),
        cmocka_unit_test(test_an_upstream_that_stops_makes_the_wait_long),
        cmocka_unit_test(test_a_queue_that_stands_is_kept_short),
        cmocka_unit_test(test_an_empty_queue_is_a_new_beginning),
        cmocka_unit_test(test_an_overload_begins_once_and_ends_when_it_is_calm),
        cmocka_unit_test(test_when_to_come_back_has_bounds),
    };

    return cmocka_run_group_tests_name("policy/admission", tests, NULL, NULL);
}
