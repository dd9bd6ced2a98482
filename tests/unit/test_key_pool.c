/* policy/key_pool: keys in turn, and how each goes out and comes back. */
#include "policy/key_pool.h"

/* cmocka wants these first */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

enum { START_MS = 1000000, MINUTE_MS = 60 * 1000 };

#define MODEL SPAN_OF("m")
#define OTHER SPAN_OF("n")

static void set(struct key_pool *pool, const char *a, const char *b, const char *c)
{
    struct span secrets[] = { span_from(a), span_from(b), span_from(c) };

    key_pool_set(pool, secrets, 3);
}

static struct key_pool three(void)
{
    struct key_pool pool = { 0 };

    set(&pool, "a", "b", "c");
    return pool;
}

/* The secret of the next attempt's key, which is then used; "-": none. */
static const char *next_of(struct key_pool *pool, struct span model, uint64_t now_ms)
{
    static char text[16];
    struct key *key = key_pool_choose(pool, model, true, now_ms);
    struct span secret = key ? secret_reveal(&key->secret) : SPAN_OF("-");

    if (key)
        key_pool_use(pool, key, model, now_ms);
    memcpy(text, secret.at, secret.size);
    text[secret.size] = 0;
    return text;
}

static const char *next(struct key_pool *pool, uint64_t now_ms)
{
    return next_of(pool, MODEL, now_ms);
}

static uint64_t id_of(const struct key_pool *pool, const char *secret)
{
    for (size_t i = 0; i < pool->count; i++)
        if (span_is(secret_reveal(&pool->keys[i].secret), secret))
            return pool->keys[i].id;
    fail_msg("%s is not in the pool", secret);
    return 0;
}

static bool fails(struct key_pool *pool, const char *secret, enum key_fault fault,
                  uint64_t for_ms, uint64_t now_ms)
{
    return key_pool_failed(pool, id_of(pool, secret), MODEL, fault, for_ms, now_ms);
}

static void test_keys_are_used_in_turn(void **state)
{
    struct key_pool pool = three();
    uint64_t uses = 0;

    (void)state;
    for (int i = 0; i < 100; i++) {
        assert_string_equal(next(&pool, START_MS), "a");
        assert_string_equal(next_of(&pool, OTHER, START_MS), "b");
        assert_string_equal(next(&pool, START_MS), "c");
    }
    for (size_t i = 0; i < pool.count; i++) {
        assert_int_equal(pool.keys[i].uses, 100);
        uses += pool.keys[i].uses;
    }
    assert_int_equal(uses, 300);
    key_pool_done(&pool);
}

static void test_a_refused_key_is_out_for_every_model(void **state)
{
    struct key_pool pool = three();

    (void)state;
    assert_true(fails(&pool, "a", KEY_REFUSED, 0, START_MS));
    assert_false(
        fails(&pool, "a", KEY_REFUSED, 0, START_MS + 1)); /* others were on their way */
    for (int i = 0; i < 50; i++) {
        assert_string_not_equal(next(&pool, START_MS + 1000), "a");
        assert_string_not_equal(next_of(&pool, OTHER, START_MS + 1000), "a");
    }
    key_pool_done(&pool);
}

static void test_a_quarantined_key_is_tried_by_one_request_every_five_minutes(void **state)
{
    struct key_pool pool = three();
    int trials = 0;

    (void)state;
    (void)fails(&pool, "a", KEY_REFUSED, 0, START_MS);
    for (uint64_t s = 0; s < 3600; s++) { /* an hour, 10 requests a second */
        for (int i = 0; i < 10; i++) {
            if (strcmp(next(&pool, START_MS + s * 1000), "a") == 0) {
                trials++;
                assert_false(fails(&pool, "a", KEY_REFUSED, 0, START_MS + s * 1000));
            }
        }
    }
    assert_int_equal(trials, 11);
    key_pool_done(&pool);
}

static void test_a_trial_that_goes_well_ends_the_quarantine(void **state)
{
    struct key_pool pool = three();
    uint64_t later = START_MS + KEY_QUARANTINE_MS;

    (void)state;
    (void)fails(&pool, "a", KEY_REFUSED, 0, START_MS);
    assert_ptr_not_equal(key_pool_choose(&pool, MODEL, true, later - 1), &pool.keys[0]);
    assert_string_equal(next(&pool, later), "a");
    assert_string_equal(next(&pool, later), "b"); /* one trial at a time */
    assert_true(key_pool_worked(&pool, id_of(&pool, "a"), MODEL));
    assert_false(key_pool_worked(&pool, id_of(&pool, "a"), MODEL));
    assert_string_equal(next(&pool, later), "c");
    assert_string_equal(next(&pool, later), "a");
    key_pool_done(&pool);
}

static void test_a_request_that_may_not_fail_makes_no_trial(void **state)
{
    struct key_pool pool = three();
    uint64_t later = START_MS + KEY_QUARANTINE_MS;

    (void)state;
    (void)fails(&pool, "a", KEY_REFUSED, 0, START_MS);
    assert_ptr_equal(key_pool_choose(&pool, MODEL, false, later), &pool.keys[1]);
    (void)fails(&pool, "b", KEY_REFUSED, 0, START_MS);
    (void)fails(&pool, "c", KEY_REFUSED, 0, START_MS);
    assert_ptr_equal(key_pool_choose(&pool, MODEL, false, later), &pool.keys[0]); /* why not */
    key_pool_done(&pool);
}

static void test_when_all_are_quarantined_there_is_none(void **state)
{
    struct key_pool pool = three();

    (void)state;
    (void)fails(&pool, "a", KEY_REFUSED, 0, START_MS);
    (void)fails(&pool, "b", KEY_FORBIDDEN, 0, START_MS);
    assert_int_equal(key_pool_free_ms(&pool, MODEL, START_MS), START_MS);
    (void)fails(&pool, "c", KEY_REFUSED, 0, START_MS);
    assert_string_equal(next(&pool, START_MS), "-");
    assert_int_equal(key_pool_free_ms(&pool, MODEL, START_MS), 0);
    assert_string_equal(next_of(&pool, OTHER, START_MS), "b");
    key_pool_done(&pool);
}

static void test_what_a_key_may_not_do_is_a_matter_of_the_model(void **state)
{
    struct key_pool pool = { 0 };

    (void)state;
    set(&pool, "a", "", NULL);
    assert_true(fails(&pool, "a", KEY_FORBIDDEN, 0, START_MS));
    assert_string_equal(next(&pool, START_MS), "-");
    for (int i = 0; i < 100; i++) {
        assert_string_equal(next_of(&pool, OTHER, START_MS), "a");
        assert_false(key_pool_worked(&pool, id_of(&pool, "a"), OTHER));
    }
    assert_string_equal(next(&pool, START_MS + KEY_QUARANTINE_MS), "a");
    assert_true(key_pool_worked(&pool, id_of(&pool, "a"), MODEL));
    assert_string_equal(next(&pool, START_MS + KEY_QUARANTINE_MS), "a");
    key_pool_done(&pool);
}

static void test_a_limit_cools_the_key_for_its_model_and_time(void **state)
{
    struct key_pool pool = { 0 };

    (void)state;
    set(&pool, "a", "b", NULL);
    assert_true(fails(&pool, "a", KEY_LIMITED, 7000, START_MS));
    assert_false(fails(&pool, "a", KEY_LIMITED, 3000, START_MS)); /* never shorter */
    assert_string_equal(next(&pool, START_MS), "b");
    assert_string_equal(next(&pool, START_MS), "b");
    assert_string_equal(next_of(&pool, OTHER, START_MS), "a");
    assert_true(fails(&pool, "b", KEY_LIMITED, 2000, START_MS));
    assert_string_equal(next(&pool, START_MS), "-");
    assert_int_equal(key_pool_free_ms(&pool, MODEL, START_MS), START_MS + 2000);
    assert_string_equal(next(&pool, START_MS + 1999), "-");
    assert_string_equal(next(&pool, START_MS + 2000), "b");
    assert_string_equal(next(&pool, START_MS + 7000), "a");
    assert_true(fails(&pool, "a", KEY_LIMITED, 1000, START_MS + 8000)); /* news again */
    key_pool_done(&pool);
}

static void test_a_limit_without_a_time_cools_nothing(void **state)
{
    struct key_pool pool = { 0 };

    (void)state;
    set(&pool, "a", NULL, NULL);
    assert_false(fails(&pool, "a", KEY_LIMITED, 0, START_MS));
    assert_string_equal(next(&pool, START_MS), "a");
    key_pool_done(&pool);
}

static void test_an_empty_account_cools_the_key_for_all_models(void **state)
{
    struct key_pool pool = { 0 };

    (void)state;
    set(&pool, "a", NULL, NULL);
    assert_true(fails(&pool, "a", KEY_SPENT, 0, START_MS));
    assert_string_equal(next_of(&pool, OTHER, START_MS), "-");
    assert_int_equal(key_pool_free_ms(&pool, OTHER, START_MS), START_MS + KEY_SPENT_MS);
    assert_string_equal(next(&pool, START_MS + KEY_SPENT_MS), "a");
    key_pool_done(&pool);
}

static void test_one_key_may_cool_for_many_models(void **state)
{
    static const char *const names[] = { "0", "1", "2", "3", "4", "5", "6", "7", "8" };
    struct key_pool pool = { 0 };

    (void)state;
    set(&pool, "a", NULL, NULL);
    for (size_t i = 0; i <= KEY_RESTS_MAX; i++)
        (void)key_pool_failed(&pool, id_of(&pool, "a"), span_from(names[i]), KEY_LIMITED,
                              (i + 1) * 1000, START_MS);
    assert_string_equal(next_of(&pool, SPAN_OF("0"), START_MS),
                        "a"); /* the shortest gave way */
    for (size_t i = 1; i <= KEY_RESTS_MAX; i++)
        assert_string_equal(next_of(&pool, span_from(names[i]), START_MS), "-");
    key_pool_done(&pool);
}

static void test_long_names_of_models_are_kept_by_their_beginning(void **state)
{
    char name[300];
    struct key_pool pool = { 0 };

    (void)state;
    memset(name, 'x', sizeof(name));
    set(&pool, "a", NULL, NULL);
    assert_true(key_pool_failed(&pool, id_of(&pool, "a"), span_make(name, sizeof(name)),
                                KEY_LIMITED, 1000, START_MS));
    assert_string_equal(next_of(&pool, span_make(name, sizeof(name)), START_MS), "-");
    assert_string_equal(next(&pool, START_MS), "a");
    key_pool_done(&pool);
}

static void test_replaced_keys_keep_their_limits_and_nothing_else(void **state)
{
    struct key_pool pool = three();
    uint64_t a = id_of(&pool, "a");
    uint64_t c = id_of(&pool, "c");

    (void)state;
    (void)fails(&pool, "a", KEY_REFUSED, 0, START_MS);
    (void)fails(&pool, "b", KEY_LIMITED, 5000, START_MS);
    (void)fails(&pool, "b", KEY_SPENT, 0, START_MS);
    set(&pool, "a", "b", "d");
    assert_int_equal(id_of(&pool, "a"), a);
    assert_null(key_pool_find(&pool, c));
    assert_true(id_of(&pool, "d") > c);
    assert_string_equal(next(&pool, START_MS), "a");
    assert_string_equal(next(&pool, START_MS), "d");
    assert_string_equal(next(&pool, START_MS), "a");
    assert_string_equal(next(&pool, START_MS + 5000), "b");
    key_pool_done(&pool);
}

static void test_news_of_a_key_that_is_gone_is_no_news(void **state)
{
    struct key_pool pool = three();
    uint64_t a = id_of(&pool, "a");

    (void)state;
    set(&pool, "d", NULL, NULL);
    assert_false(key_pool_failed(&pool, a, MODEL, KEY_REFUSED, 0, START_MS));
    assert_false(key_pool_worked(&pool, a, MODEL));
    assert_string_equal(next(&pool, START_MS), "d");
    key_pool_done(&pool);
}

static void test_equal_and_empty_keys_count_once_and_not_at_all(void **state)
{
    struct key_pool pool = { 0 };

    (void)state;
    set(&pool, "a", "a", "");
    assert_int_equal(pool.count, 1);
    assert_string_equal(pool.keys[0].fingerprint, "ca978112");
    set(&pool, "", NULL, NULL);
    assert_int_equal(pool.count, 1); /* a provider that wants none has limits, too */
    assert_string_equal(pool.keys[0].fingerprint, "");
    assert_true(fails(&pool, "", KEY_LIMITED, 1000, START_MS));
    assert_string_equal(next(&pool, START_MS), "-");
    key_pool_done(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys_are_used_in_turn),
        cmocka_unit_test(test_a_refused_key_is_out_for_every_model),
        cmocka_unit_test(test_a_quarantined_key_is_tried_by_one_request_every_five_minutes),
        cmocka_unit_test(test_a_trial_that_goes_well_ends_the_quarantine),
        cmocka_unit_test(test_a_request_that_may_not_fail_makes_no_trial),
        cmocka_unit_test(test_when_all_are_quarantined_there_is_none),
        cmocka_unit_test(test_what_a_key_may_not_do_is_a_matter_of_the_model),
        cmocka_unit_test(test_a_limit_cools_the_key_for_its_model_and_time),
        cmocka_unit_test(test_a_limit_without_a_time_cools_nothing),
        cmocka_unit_test(test_an_empty_account_cools_the_key_for_all_models),
        cmocka_unit_test(test_one_key_may_cool_for_many_models),
        cmocka_unit_test(test_long_names_of_models_are_kept_by_their_beginning),
        cmocka_unit_test(test_replaced_keys_keep_their_limits_and_nothing_else),
        cmocka_unit_test(test_news_of_a_key_that_is_gone_is_no_news),
        cmocka_unit_test(test_equal_and_empty_keys_count_once_and_not_at_all),
    };

    return cmocka_run_group_tests_name("key_pool", tests, NULL, NULL);
}
