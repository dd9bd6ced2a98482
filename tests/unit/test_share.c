/* net/share: who may move a large piece in this turn. */
#include "net/share.h"

#include "base/limits.h"

/* cmocka wants these first */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { MOVERS = 16, TURNS = 1000 };

/* All those who have not left ask in the same order, as epoll tells of them. Returns how many moved. */
static unsigned one_turn(struct share *share, uint64_t *tickets, unsigned *moved, unsigned from)
{
    unsigned count = 0;

    share_turn(share);
    for (unsigned i = from; i < MOVERS; i++)
        if (share_take(share, &tickets[i])) {
            moved[i]++;
            count++;
        }
    return count;
}

static void test_who_is_alone_moves_in_every_turn(void **state)
{
    struct share share = { 0 };
    uint64_t ticket = 0;

    (void)state;
    for (int turn = 0; turn < TURNS; turn++) {
        share_turn(&share);
        for (int i = 0; i < LIMIT_PIECES_PER_TURN; i++)
            assert_true(share_take(&share, &ticket));
        assert_false(share_take(&share, &ticket));
        assert_false(share_take(&share, &ticket)); /* with the same ticket */
    }
}

static void test_many_take_turns(void **state)
{
    struct share share = { 0 };
    uint64_t tickets[MOVERS] = { 0 };
    unsigned moved[MOVERS] = { 0 };

    (void)state;
    for (int turn = 0; turn < TURNS; turn++)
        assert_int_equal(one_turn(&share, tickets, moved, 0), LIMIT_PIECES_PER_TURN);
    for (int i = 0; i < MOVERS; i++)
        assert_in_range(moved[i], TURNS * LIMIT_PIECES_PER_TURN / MOVERS - 1,
                        TURNS * LIMIT_PIECES_PER_TURN / MOVERS + 1);
}

static void test_who_left_holds_nobody_up_for_long(void **state)
{
    struct share share = { 0 };
    uint64_t tickets[MOVERS] = { 0 };
    unsigned moved[MOVERS] = { 0 };

    (void)state;
    (void)one_turn(&share, tickets, moved, 0);
    for (int turn = 0; turn < MOVERS / LIMIT_PIECES_PER_TURN; turn++)
        (void)one_turn(&share, tickets, moved, MOVERS - 1);
    assert_true(one_turn(&share, tickets, moved, MOVERS - 1) == 1);
}

static void test_a_quiet_time_is_not_saved_up(void **state)
{
    struct share share = { 0 };
    uint64_t tickets[MOVERS] = { 0 };
    unsigned moved[MOVERS] = { 0 };

    (void)state;
    for (int turn = 0; turn < TURNS; turn++)
        share_turn(&share);
    assert_int_equal(one_turn(&share, tickets, moved, 0), LIMIT_PIECES_PER_TURN);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_is_alone_moves_in_every_turn),
        cmocka_unit_test(test_many_take_turns),
        cmocka_unit_test(test_who_left_holds_nobody_up_for_long),
        cmocka_unit_test(test_a_quiet_time_is_not_saved_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
