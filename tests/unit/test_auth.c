/* policy/auth: who is asking, and what they may have. */
#include "policy/auth.h"

#include "base/limits.h"

/* cmocka wants these first */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

enum { KEYS = 3, NOW_MS = 5000 };

/* team: "sk-team"; old: "sk-old", expired at 5000; new: "sk-new", until 5001. */
struct house {
    struct config_client_key keys[KEYS];
    struct config config;
};

static void make_key(struct config_client_key *key, const char *name, const char *value,
                     uint64_t expires_ms)
{
    *key = (struct config_client_key){ .name = name, .expires_ms = expires_ms };
    digest_sha256(span_from(value), &key->hash);
}

static void make_house(struct house *house)
{
    *house = (struct house){ .config = { .client_key_count = KEYS } };
    house->config.client_keys = house->keys;
    make_key(&house->keys[0], "team", "sk-team", 0);
    make_key(&house->keys[1], "old", "sk-old", NOW_MS);
    make_key(&house->keys[2], "new", "sk-new", NOW_MS + 1);
}

static bool let_in(const struct house *house, const char *key)
{
    struct caller caller = { 0 };

    return auth_caller(&house->config, span_from(key), NOW_MS, NULL, &caller);
}

static void test_a_connection_remembers_the_last_key(void **state)
{
    static const char *const keys[] = { "sk-team", "sk-team", "sk-new", "sk-old", "sk-teaN",
                                        "sk-tea",  "",        "sk-new", "sk-team" };
    struct house house;
    struct buf memory;

    (void)state;
    make_house(&house);
    buf_init(&memory, LIMIT_MEMORY_BYTES);
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        struct caller with = { 0 };
        struct caller without = { 0 };
        struct span key = span_from(keys[i]);
        bool good = auth_caller(&house.config, key, NOW_MS, NULL, &without);

        assert_int_equal(auth_caller(&house.config, key, NOW_MS, &memory, &with), good);
        assert_ptr_equal(with.key, without.key);
        assert_string_equal(with.fingerprint, without.fingerprint);
    }
    buf_wipe(&memory);
}

static void test_a_right_key_names_its_caller(void **state)
{
    struct house house;
    struct caller caller;
    struct digest digest;
    char hex[DIGEST_HEX_SIZE];

    (void)state;
    make_house(&house);
    house.keys[0].admin = true;
    assert_true(auth_caller(&house.config, SPAN_OF("sk-team"), NOW_MS, NULL, &caller));
    assert_string_equal(caller.name, "team");
    assert_ptr_equal(caller.key, &house.keys[0]);
    assert_true(caller.admin);
    digest_sha256(SPAN_OF("sk-team"), &digest);
    digest_hex(&digest, hex);
    assert_int_equal(strlen(caller.fingerprint), 8);
    assert_memory_equal(caller.fingerprint, hex, 8);
}

static void test_everything_else_is_refused(void **state)
{
    struct house house;

    (void)state;
    make_house(&house);
    assert_false(let_in(&house, NULL));
    assert_false(let_in(&house, ""));
    assert_false(let_in(&house, "sk-tea"));
    assert_false(let_in(&house, "sk-team "));
    assert_false(let_in(&house, "SK-TEAM"));
}

static void test_a_key_ends_at_its_expiry(void **state)
{
    struct house house;

    (void)state;
    make_house(&house);
    assert_false(let_in(&house, "sk-old"));
    assert_true(let_in(&house, "sk-new"));
}

/* A key is cut before it is hashed, so that nobody makes us hash megabytes: the rest still counts. */
static void test_a_longer_key_than_any_is_wrong_even_if_it_begins_right(void **state)
{
    struct house house;
    char key[LIMIT_KEY_BYTES + 2] = { 0 };

    (void)state;
    make_house(&house);
    memset(key, 'k', LIMIT_KEY_BYTES);
    make_key(&house.keys[0], "long", key, 0);
    assert_true(let_in(&house, key));
    key[LIMIT_KEY_BYTES] = 'k';
    assert_false(let_in(&house, key));
}

static void test_without_keys_everybody_is_anonymous(void **state)
{
    struct config config = { 0 };
    struct caller caller;

    (void)state;
    assert_true(auth_caller(&config, SPAN_OF("whatever"), NOW_MS, NULL, &caller));
    assert_string_equal(caller.name, "anonymous");
    assert_null(caller.key);
    assert_false(caller.admin);
    assert_int_equal(caller.fingerprint[0], 0);
    assert_true(auth_allows(&caller, SPAN_OF("anything")));
}

static bool allows(const char *pattern, const char *model)
{
    const char *items[] = { "never-asked-for", pattern };
    struct config_client_key key = { .models = { items, 2 } };
    struct caller caller = { .key = &key };

    return auth_allows(&caller, span_from(model));
}

static void test_patterns_are_exact_or_end_in_a_star(void **state)
{
    (void)state;
    assert_true(allows("gpt-4.1", "gpt-4.1"));
    assert_false(allows("gpt-4.1", "gpt-4.1-mini"));
    assert_false(allows("gpt-4.1", "gpt-4"));
    assert_true(allows("deepseek/*", "deepseek/deepseek-chat"));
    assert_true(allows("deepseek/*", "deepseek/"));
    assert_false(allows("deepseek/*", "deepseek"));
    assert_false(allows("deepseek/*", "openai/deepseek/x"));
    assert_true(allows("*", "anything"));
    assert_true(allows("*", NULL));
    assert_false(allows("", "anything"));
    assert_false(allows("a*c", "abc"));
}

static void test_a_key_without_patterns_may_use_all(void **state)
{
    struct config_client_key key = { 0 };
    struct caller caller = { .key = &key };

    (void)state;
    assert_true(auth_allows(&caller, SPAN_OF("anything")));
}

static void test_only_an_admin_key_is_one(void **state)
{
    struct secret secrets[2] = { 0 };
    struct config config = { .admin = { .keys = { secrets, 2 } } };

    (void)state;
    secret_init(&secrets[1], SPAN_OF("root"));
    assert_true(auth_admin(&config, SPAN_OF("root")));
    assert_false(auth_admin(&config, SPAN_OF("roo")));
    assert_false(auth_admin(&config, SPAN_OF(""))); /* although the first one is empty */
    assert_false(auth_admin(&config, span_make(NULL, 0)));
    config.admin.keys.count = 0;
    assert_false(auth_admin(&config, SPAN_OF("root")));
    secret_done(&secrets[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_connection_remembers_the_last_key),
        cmocka_unit_test(test_a_right_key_names_its_caller),
        cmocka_unit_test(test_everything_else_is_refused),
        cmocka_unit_test(test_a_key_ends_at_its_expiry),
        cmocka_unit_test(test_a_longer_key_than_any_is_wrong_even_if_it_begins_right),
        cmocka_unit_test(test_without_keys_everybody_is_anonymous),
        cmocka_unit_test(test_patterns_are_exact_or_end_in_a_star),
        cmocka_unit_test(test_a_key_without_patterns_may_use_all),
        cmocka_unit_test(test_only_an_admin_key_is_one),
    };

    return cmocka_run_group_tests_name("auth", tests, NULL, NULL);
}
