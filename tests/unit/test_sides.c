/* policy/sides: which side is asked, and whether the other may answer for it. */
#include "policy/sides.h"

/* cmocka wants these first */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

static const struct side_wish AUTO;

static struct config_model model_of(uint32_t green)
{
    return (struct config_model){ .name = "m",
                                  .sides = true,
                                  .split = { .blue = 100 - green, .green = green } };
}

static struct side_choice choose(const struct config_model *model, const struct side_wish *wish,
                                 const struct sticky_who *who, uint32_t drawn)
{
    static const struct sticky_who nobody;
    struct side_facts facts = { .green = sides_green(model, NULL),
                                .who = who ? who : &nobody,
                                .drawn = drawn };

    return sides_choose(model, wish, &facts);
}

static void test_the_draw_follows_the_share(void **state)
{
    static const uint32_t greens[] = { 0, 1, 5, 50, 95, 99, 100 };

    (void)state;
    for (size_t i = 0; i < sizeof(greens) / sizeof(greens[0]); i++) {
        struct config_model model = model_of(greens[i]);
        uint32_t count = 0;

        for (uint32_t drawn = 0; drawn < SIDES_WHOLE; drawn++)
            count += choose(&model, &AUTO, NULL, drawn).first == SIDE_GREEN;
        assert_int_equal(count, greens[i] * (SIDES_WHOLE / 100));
    }
}

static void test_the_other_side_answers_only_if_it_has_a_share(void **state)
{
    static const struct {
        uint32_t green;
        bool other;
    } rows[] = { { 0, false }, { 1, true }, { 50, true }, { 99, true }, { 100, false } };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct config_model model = model_of(rows[i].green);
        struct side_choice choice = choose(&model, &AUTO, NULL, 0);

        assert_int_equal(choice.other, rows[i].other);
        assert_false(choice.forced);
    }
}

static void test_a_forced_side_is_alone_whatever_its_share(void **state)
{
    (void)state;
    for (uint32_t green = 0; green <= 100; green += 50) {
        for (int side = SIDE_BLUE; side < SIDES; side++) {
            struct side_wish wish = { .kind = SIDE_WISH_FORCED,
                                      .side = (enum config_side)side };
            struct config_model model = model_of(green);
            struct side_choice choice = choose(&model, &wish, NULL, 4999);

            assert_int_equal(choice.first, side);
            assert_true(choice.forced);
            assert_false(choice.other);
        }
    }
}

static void test_a_split_of_its_own_holds_as_the_configured_one_would(void **state)
{
    struct side_wish wish = { .kind = SIDE_WISH_SPLIT, .green = 30 };
    struct config_model model = model_of(0);

    (void)state;
    assert_int_equal(choose(&model, &wish, NULL, 2999).first, SIDE_GREEN);
    assert_int_equal(choose(&model, &wish, NULL, 3000).first, SIDE_BLUE);
    assert_true(choose(&model, &wish, NULL, 0).other);
    wish.green = 100;
    assert_int_equal(choose(&model, &wish, NULL, 9999).first, SIDE_GREEN);
    assert_false(choose(&model, &wish, NULL, 9999).other);
    assert_false(choose(&model, &wish, NULL, 9999).forced);
}

static void test_without_green_targets_nothing_changes_anything(void **state)
{
    struct side_wish wishes[] = { AUTO,
                                  { .kind = SIDE_WISH_SPLIT, .green = 100 },
                                  { .kind = SIDE_WISH_FORCED, .side = SIDE_GREEN } };
    struct config_model model = model_of(0);

    (void)state;
    model.sides = false;
    for (size_t i = 0; i < sizeof(wishes) / sizeof(wishes[0]); i++) {
        struct side_choice choice = choose(&model, &wishes[i], NULL, 0);

        assert_int_equal(choice.first, SIDE_BLUE);
        assert_false(choice.forced || choice.other);
    }
}

enum { CALLERS = 10000 };

static enum config_side side_of(int caller, uint32_t green, const char *model_name)
{
    struct config_model model = model_of(green);
    struct sticky_who who = { 0 };
    char name[32];

    model.name = model_name;
    model.sticky = STICKY_USER;
    who.user = span_make(name, (size_t)snprintf(name, sizeof(name), "caller-%d", caller));
    return choose(&model, &AUTO, &who, 0).first;
}

static void test_a_growing_share_moves_callers_to_green_alone(void **state)
{
    enum config_side last[CALLERS] = { SIDE_BLUE };

    (void)state;
    for (uint32_t green = 0; green <= 100; green += 5) {
        int64_t off = -(int64_t)green * (CALLERS / 100);

        for (int i = 0; i < CALLERS; i++) {
            enum config_side side = side_of(i, green, "m");

            assert_true(side == last[i] || side == SIDE_GREEN);
            last[i] = side;
            off += side == SIDE_GREEN;
        }
        assert_true(off * off * 100 <=
                    (int64_t)25 * CALLERS * green * (100 - green) / 100); /* five sigma */
    }
}

static void test_each_model_tries_it_on_other_callers(void **state)
{
    int both = 0;

    (void)state;
    for (int i = 0; i < CALLERS; i++)
        both += side_of(i, 10, "m") == SIDE_GREEN && side_of(i, 10, "n") == SIDE_GREEN;
    assert_in_range(both, 50, 150); /* a hundredth, five sigma */
}

static void test_who_does_not_say_who_they_are_is_drawn(void **state)
{
    struct config_model model = model_of(50);

    (void)state;
    model.sticky = STICKY_SESSION;
    assert_int_equal(choose(&model, &AUTO, NULL, 4999).first, SIDE_GREEN);
    assert_int_equal(choose(&model, &AUTO, NULL, 5000).first, SIDE_BLUE);
}

static void test_a_rollout_rules_until_it_is_idle(void **state)
{
    static const enum rollout_state ruling[] = { ROLLOUT_RUNNING, ROLLOUT_PAUSED,
                                                 ROLLOUT_FINISHED, ROLLOUT_ROLLED_BACK,
                                                 ROLLOUT_ABORTED };
    struct config_model model = model_of(20);
    struct sides sides;
    struct rollout *rollout;

    (void)state;
    sides_init(&sides);
    assert_null(sides_find(&sides, "m"));
    assert_int_equal(sides_green(&model, sides_find(&sides, "m")), 20);
    rollout = sides_rollout(&sides, "m");
    rollout->green = 70;
    assert_int_equal(sides_green(&model, sides_find(&sides, "m")), 20);
    for (size_t i = 0; i < sizeof(ruling) / sizeof(ruling[0]); i++) {
        rollout->state = ruling[i];
        assert_int_equal(sides_green(&model, sides_find(&sides, "m")), 70);
    }
    assert_ptr_equal(sides_rollout(&sides, "m"), rollout);
    assert_null(sides_find(&sides, "n"));
    sides_done(&sides);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_draw_follows_the_share),
        cmocka_unit_test(test_the_other_side_answers_only_if_it_has_a_share),
        cmocka_unit_test(test_a_forced_side_is_alone_whatever_its_share),
        cmocka_unit_test(test_a_split_of_its_own_holds_as_the_configured_one_would),
        cmocka_unit_test(test_without_green_targets_nothing_changes_anything),
        cmocka_unit_test(test_a_growing_share_moves_callers_to_green_alone),
        cmocka_unit_test(test_each_model_tries_it_on_other_callers),
        cmocka_unit_test(test_who_does_not_say_who_they_are_is_drawn),
        cmocka_unit_test(test_a_rollout_rules_until_it_is_idle),
    };

    return cmocka_run_group_tests_name("sides", tests, NULL, NULL);
}
