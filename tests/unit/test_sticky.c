/* policy/sticky: the same caller, the same place; and whoever moves, moves one way. */
#include "policy/sticky.h"

/* cmocka wants these first */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

enum { CALLERS = 10000, PLACES_MAX = 4 };

static uint64_t caller(int number)
{
    struct sticky_who who = { 0 };
    char name[32];

    who.user.size = (size_t)snprintf(name, sizeof(name), "user-%d", number);
    who.user.at = name;
    return sticky_identity(STICKY_USER, &who);
}

static const char *const places[] = { "m:a", "m:b", "m:c", "m:d" };

/* Where that caller goes when the places have these weights, 0: it is not there. */
static int place_of(uint64_t identity, const uint32_t weights[PLACES_MAX])
{
    double nearest = 0;
    int at = -1;

    for (int i = 0; i < PLACES_MAX; i++) {
        double distance =
            weights[i] ? sticky_distance(identity, span_from(places[i]), weights[i]) : 0;

        if (weights[i] == 0 || (at >= 0 && distance >= nearest))
            continue;
        at = i;
        nearest = distance;
    }
    return at;
}

static void test_who_it_is_hangs_on_the_setting(void **state)
{
    const struct sticky_who all = { SPAN_OF("k"), SPAN_OF("u"), SPAN_OF("s") };
    const struct sticky_who none = { 0 };
    const struct sticky_who same = { SPAN_OF("x"), SPAN_OF("x"), SPAN_OF("x") };

    (void)state;
    assert_true(sticky_identity(STICKY_NONE, &all) == 0);
    assert_true(sticky_identity(STICKY_KEY, &all) != 0);
    assert_true(sticky_identity(STICKY_KEY, &all) != sticky_identity(STICKY_USER, &all));
    assert_true(sticky_identity(STICKY_USER, &all) != sticky_identity(STICKY_SESSION, &all));
    assert_true(sticky_identity(STICKY_KEY, &same) == sticky_identity(STICKY_SESSION, &same));
    assert_true(sticky_identity(STICKY_KEY, &none) == 0);
    assert_true(sticky_identity(STICKY_USER, &none) == 0);
    assert_true(sticky_identity(STICKY_SESSION, &none) == 0);
}

/* 10,000 callers over 100 : 100 : 80, and 70 : 30; each share within five sigma. */
static void assert_shares(const uint32_t weights[PLACES_MAX])
{
    int64_t counts[PLACES_MAX] = { 0 };
    int64_t sum = 0;

    for (int i = 0; i < CALLERS; i++)
        counts[place_of(caller(i), weights)]++;
    for (int i = 0; i < PLACES_MAX; i++)
        sum += weights[i];
    for (int i = 0; i < PLACES_MAX; i++) {
        int64_t off = counts[i] * sum - (int64_t)CALLERS * weights[i];

        assert_true(off * off <= 25 * (int64_t)CALLERS * weights[i] * (sum - weights[i]));
    }
}

static void test_shares_follow_the_weights(void **state)
{
    static const uint32_t splits[][PLACES_MAX] = {
        { 100, 100, 80 }, { 70, 30 }, { 5, 95 }, { 1000000, 1000000, 1 }, { 1, 2, 3, 4 }
    };

    (void)state;
    for (size_t i = 0; i < sizeof(splits) / sizeof(splits[0]); i++)
        assert_shares(splits[i]);
}

static void test_the_same_caller_goes_to_the_same_place(void **state)
{
    static const uint32_t weights[PLACES_MAX] = { 3, 2, 1, 1 };

    (void)state;
    for (int i = 0; i < 100; i++)
        assert_int_equal(place_of(caller(i), weights), place_of(caller(i), weights));
}

/* From one split to another: whoever moves goes to `to`, and no more than `most` do. */
static void assert_moves(const uint32_t before[PLACES_MAX], const uint32_t after[PLACES_MAX],
                         int to, int most)
{
    int moved = 0;

    for (int i = 0; i < CALLERS; i++) {
        int was = place_of(caller(i), before);
        int is = place_of(caller(i), after);

        if (was == is)
            continue;
        moved++;
        assert_int_equal(is, to);
    }
    assert_in_range(moved, 1, most);
}

static void test_a_growing_weight_draws_callers_to_it_alone(void **state)
{
    static const uint32_t before[PLACES_MAX] = { 100, 100, 100 };
    static const uint32_t after[PLACES_MAX] = { 100, 100, 150 };

    (void)state;
    assert_moves(before, after, 2, 952 + 150); /* from a third to three sevenths, five sigma */
}

/* As a release goes: each step takes some from blue to green, and nobody back. */
static void test_a_growing_split_moves_callers_one_way(void **state)
{
    static const uint32_t greens[] = { 5, 15, 40, 70, 99 };

    (void)state;
    for (size_t i = 1; i < sizeof(greens) / sizeof(greens[0]); i++) {
        const uint32_t before[PLACES_MAX] = { 100 - greens[i - 1], greens[i - 1] };
        const uint32_t after[PLACES_MAX] = { 100 - greens[i], greens[i] };
        int more = (int)(greens[i] - greens[i - 1]) * (CALLERS / 100);

        assert_moves(before, after, 1, more + 250);
    }
}

static void test_a_place_that_goes_moves_its_own_callers_alone(void **state)
{
    static const uint32_t whole[PLACES_MAX] = { 1, 1, 1, 1 };
    static const uint32_t gone[PLACES_MAX] = { 1, 0, 1, 1 };
    int taken[PLACES_MAX] = { 0 };

    (void)state;
    for (int i = 0; i < CALLERS; i++) {
        int was = place_of(caller(i), whole);
        int is = place_of(caller(i), gone);

        assert_true(was == is || was == 1);
        taken[is] += was == 1;
    }
    for (int i = 0; i < PLACES_MAX; i++) /* and they spread over the others */
        assert_true(i == 1 ? taken[i] == 0 : taken[i] > CALLERS / 4 / 3 - 150);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_it_is_hangs_on_the_setting),
        cmocka_unit_test(test_shares_follow_the_weights),
        cmocka_unit_test(test_the_same_caller_goes_to_the_same_place),
        cmocka_unit_test(test_a_growing_weight_draws_callers_to_it_alone),
        cmocka_unit_test(test_a_growing_split_moves_callers_one_way),
        cmocka_unit_test(test_a_place_that_goes_moves_its_own_callers_alone),
    };

    return cmocka_run_group_tests_name("sticky", tests, NULL, NULL);
}
