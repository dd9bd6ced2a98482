/* Changes on top of a file: found by their path, checked as the file is, over when the file moves on. */
#include "config/config_changes.h"

#include "config/config.h"

/* cmocka wants these first */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#define MODELS                                                                                 \
    "models:\n"                                                                                \
    "  a/b:\n"                                                                                 \
    "    targets:\n"                                                                           \
    "      - { name: one, provider: p, weight: 70 }\n"                                         \
    "      - { provider: q }\n"
#define HEAD                                                                                   \
    "listen: 127.0.0.1:1\n"                                                                    \
    "providers:\n"                                                                             \
    "  p: { kind: openai, keys: [sk-old-one] }\n"                                              \
    "  q: { kind: openai, keys: [sk-q] }\n"
#define FILE_TEXT HEAD MODELS

#define WEIGHT_ONE "[\"models\",\"a/b\",\"targets\",\"one\",\"weight\"]"
#define WEIGHT_TWO "[\"models\",\"a/b\",\"targets\",\"q\",\"weight\"]"
#define ATTEMPTS   "[\"retry\",\"max_attempts\"]"
#define KEYS       "[\"providers\",\"p\",\"keys\"]"

static void put(struct config_changes *changes, const char *path, const char *value)
{
    config_changes_put(changes, span_from(path), span_from(value), span_make(NULL, 0));
}

static struct config *read_with(const char *text, struct config_changes *changes)
{
    struct config_report report;
    struct config *config;

    config_report_init(&report);
    config = config_from_text("f.yaml", span_from(text), changes, &report);
    if (config == NULL)
        fail_msg("%s", buf_text(&report.text));
    config_report_done(&report);
    return config;
}

static const struct config_target *target(const struct config *config, size_t at)
{
    return &config_model_find(config, SPAN_OF("a/b"))->targets[at];
}

static void test_a_change_stands_in_place_of_what_the_file_says(void **state)
{
    struct config_changes changes = { 0 };
    struct config *config;

    (void)state;
    put(&changes, WEIGHT_ONE, "5");
    put(&changes, WEIGHT_TWO, "6");
    put(&changes, ATTEMPTS, "2");
    put(&changes, KEYS, "[\"sk-${NEW}\"]");
    config = read_with(FILE_TEXT, &changes);
    assert_int_equal(target(config, 0)->weight, 5);
    assert_int_equal(target(config, 1)->weight, 6);
    assert_int_equal(config->retry.max_attempts, 2);
    assert_int_equal(config->providers[0].keys.count, 1);
    assert_true(span_is(secret_reveal(&config->providers[0].keys.items[0]), "sk-${NEW}"));
    config_unref(config);
    config_changes_done(&changes);
}

static void test_a_wrong_change_is_refused_as_a_wrong_line_would_be(void **state)
{
    struct config_changes changes = { 0 };
    struct config_report report;

    (void)state;
    put(&changes, WEIGHT_ONE, "\"much\"");
    config_report_init(&report);
    assert_null(config_from_text("f.yaml", SPAN_OF(FILE_TEXT), &changes, &report));
    assert_non_null(strstr(buf_text(&report.text), "f.yaml: models.a/b.targets[0].weight: "));
    config_report_done(&report);
    config_changes_done(&changes);
}

static void test_it_is_over_when_the_file_says_something_else_there(void **state)
{
    struct config_changes changes = { 0 };
    struct config *config;

    (void)state;
    put(&changes, WEIGHT_ONE, "5");
    put(&changes, WEIGHT_TWO, "6");
    config_unref(read_with(FILE_TEXT, &changes));
    config =
        read_with(HEAD "models: { a/b: { targets: [ { name: one, provider: p, weight: 71 }, "
                       "{ provider: q, model: x } ] } }\n",
                  &changes);
    assert_int_equal(target(config, 0)->weight, 71);
    assert_int_equal(target(config, 1)->weight, 6); /* another setting of it was changed */
    config_unref(config);
    assert_true(changes.items[0].over);
    assert_false(changes.items[1].over);
    config_changes_prune(&changes);
    assert_int_equal(changes.count, 1);
    config_changes_done(&changes);
}

static void test_it_is_over_when_its_place_has_gone(void **state)
{
    struct config_changes changes = { 0 };
    struct config *config;

    (void)state;
    put(&changes, "[\"models\",\"a/b\",\"description\"]", "\"said\"");
    put(&changes, "[\"models\",\"gone\",\"description\"]", "\"said\"");
    put(&changes, "[\"models\",\"a/b\",\"targets\",\"three\",\"weight\"]", "3");
    config = read_with(FILE_TEXT, &changes);
    assert_string_equal(config_model_find(config, SPAN_OF("a/b"))->description, "said");
    config_unref(config);
    config_changes_prune(&changes);
    assert_int_equal(changes.count, 1);
    config_unref(read_with(HEAD, &changes));
    assert_true(changes.items[0].over);
    config_changes_done(&changes);
}

static void test_a_newer_change_takes_over_what_the_file_said(void **state)
{
    struct config_changes changes = { 0 };
    struct config_changes copy;
    struct config *config;

    (void)state;
    put(&changes, WEIGHT_ONE, "5");
    config_unref(read_with(FILE_TEXT, &changes));
    put(&changes, WEIGHT_ONE, "9");
    assert_int_equal(changes.count, 1);
    config_changes_copy(&changes, &copy);
    config = read_with(FILE_TEXT, &copy);
    assert_int_equal(target(config, 0)->weight, 9);
    assert_false(copy.items[0].over);
    config_unref(config);
    config_changes_done(&copy);
    config_changes_drop(&changes, SPAN_OF("[\"models\",\"a/b\"]"));
    assert_int_equal(changes.count, 0);
    config_changes_done(&changes);
}

static void test_the_source_is_read_again_as_it_was(void **state)
{
    struct config_changes changes = { 0 };
    struct config *config = read_with(FILE_TEXT, NULL);
    struct config_report report;
    struct config *next;

    (void)state;
    put(&changes, ATTEMPTS, "1");
    config_report_init(&report);
    next = config_again(config, &changes, &report);
    assert_non_null(next);
    assert_int_equal(next->generation, config->generation + 1);
    assert_int_equal(next->retry.max_attempts, 1);
    assert_int_equal(target(next, 0)->weight, 70);
    config_report_done(&report);
    config_unref(next);
    config_unref(config);
    config_changes_done(&changes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_change_stands_in_place_of_what_the_file_says),
        cmocka_unit_test(test_a_wrong_change_is_refused_as_a_wrong_line_would_be),
        cmocka_unit_test(test_it_is_over_when_the_file_says_something_else_there),
        cmocka_unit_test(test_it_is_over_when_its_place_has_gone),
        cmocka_unit_test(test_a_newer_change_takes_over_what_the_file_said),
        cmocka_unit_test(test_the_source_is_read_again_as_it_was),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
