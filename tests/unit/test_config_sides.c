/* Blue and green, rollouts and alerts, as the configuration says them. */
#include "base/limits.h"
#include "config/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define PROVIDER "providers: { a: { kind: openai, keys: [k] } }\n"
#define BLUE     "{ provider: a }"
#define GREEN    "{ name: g, provider: a, environment: green }"

/* In one line each, so that the column of what is wrong can be said. */
#define SIDED(more)    PROVIDER "models: { m: { targets: [ " BLUE ", " GREEN " ], " more " } }\n"
#define SIDELESS(more) PROVIDER "models: { m: { targets: [ " BLUE " ], " more " } }\n"

static struct config *read_config(const char *text)
{
    struct config_report report;
    struct config *config;

    config_report_init(&report);
    config = config_from_text("f.yaml", span_from(text), NULL, &report);
    if (config == NULL)
        fail_msg("%s\n%s", text, buf_text(&report.text));
    config_report_done(&report);
    return config;
}

static void check_refused(const char *text, const char *said)
{
    struct config_report report;

    config_report_init(&report);
    assert_null(config_from_text("f.yaml", span_from(text), NULL, &report));
    if (report.errors != 1 || !strstr(buf_text(&report.text), said))
        fail_msg("text:\n%s\nexpected, alone: %s\nsaid: %s", text, said,
                 buf_text(&report.text));
    config_report_done(&report);
}

static void check_split(const char *text, uint32_t blue, uint32_t green)
{
    struct config *config = read_config(text);

    assert_int_equal(config->models[0].split.blue, blue);
    assert_int_equal(config->models[0].split.green, green);
    config_unref(config);
}

static void test_a_target_is_blue_unless_it_says_green(void **state)
{
    struct config *config = read_config(SIDED("description: x"));

    (void)state;
    assert_int_equal(config->models[0].targets[0].side, SIDE_BLUE);
    assert_int_equal(config->models[0].targets[1].side, SIDE_GREEN);
    assert_true(config->models[0].sides);
    config_unref(config);
    config = read_config(SIDELESS("split: { blue: 100, green: 0 }"));
    assert_false(config->models[0].sides);
    config_unref(config);
}

static void test_a_split_adds_up_to_a_hundred(void **state)
{
    (void)state;
    check_split(SIDED("description: x"), 100, 0);
    check_split(SIDED("split: { blue: 90, green: 10 }"), 90, 10);
    check_split(SIDED("split: { green: 100, blue: 0 }"), 0, 100);
    check_split(SIDED("split: { green: 5 }"), 95, 5);
    check_split(SIDED("split: { blue: 30 }"), 30, 70);
    check_split(SIDELESS("description: x"), 100, 0);
    check_refused(
        SIDED("split: { blue: 90, green: 20 }"),
        "models.m.split: blue 90 and green 20 add up to 110; write two that add up to "
        "100");
    check_refused(SIDED("split: { blue: 0, green: 0 }"), "add up to 0;");
    check_refused(SIDED("split: { blue: 101, green: 0 }"),
                  "models.m.split.blue: 101 is too much; write at most 100");
    check_refused(SIDED("split: { blue: half }"),
                  "models.m.split.blue: \"half\" is not a whole");
    check_refused(SIDED("split: 50"), "models.m.split: is a single value; write a map");
}

static void test_green_gets_nothing_where_there_is_none(void **state)
{
    (void)state;
    check_refused(SIDELESS("split: { blue: 90, green: 10 }"),
                  "models.m.split: there is no green target, so green cannot get 10 %; give a "
                  "target environment: green, or write green: 0");
    check_refused(SIDELESS("rollout: { strategy: staged }"),
                  "models.m.rollout: there is no green target to roll out;");
    check_refused(PROVIDER "models: { m: { targets: [ " GREEN " ] } }\n",
                  "models.m.targets: there is no blue target; leave at least one on each side");
    check_refused(PROVIDER "models: { m: { targets: [ " BLUE ", { name: g, provider: a, "
                           "environment: green, weight: 0 } ] } }\n",
                  "models.m.targets: every green target has weight 0");
    check_refused(PROVIDER
                  "models: { m: { targets: [ { provider: a, environment: red } ] } }\n",
                  "targets[0].environment: \"red\" is not one of blue, green");
}

static void test_phases_grow(void **state)
{
    (void)state;
    check_refused(
        SIDED("rollout: { phases: [ { name: a, green: 5 }, { name: b, green: 5 } ] }"),
        "rollout.phases[1].green: 5 is not more than the 5 of the phase before");
    check_refused(
        SIDED("rollout: { phases: [ { name: a, green: 5 }, { name: a, green: 6 } ] }"),
        "rollout.phases[1].name: another phase is called \"a\", line 2; rename one");
    check_refused(SIDED("rollout: { phases: [] }"), "rollout.phases: has 0 items");
    check_refused(SIDED("rollout: { phases: [ { name: a, green: 0 } ] }"),
                  "rollout.phases[0].green: 0 is too little; write at least 1");
    check_refused(SIDED("rollout: { phases: [ { green: 5 } ] }"),
                  "rollout.phases[0]: name is missing");
    check_refused(SIDED("rollout: { phases: [ 5 ] }"), "rollout.phases[0]: is a single value");
    check_refused(SIDED("rollout: { strategy: gradual, target: 20, steps: 30 }"),
                  "rollout.steps: 30 steps to 20 % would not grow; write at most 20 steps");
    check_refused(SIDED("rollout: { target: 5 }"),
                  "rollout.target: 10 steps to 5 % would not grow");
    check_refused(SIDED("rollout: { rollback: { to: first } }"),
                  "rollout.rollback.to: \"first\" is not one of previous, zero");
    check_refused(SIDED("rollout: { promote: { max_error_rate: 0 } }"),
                  "max_error_rate: 0 is too little; write at least 0.000001");
}

static void test_more_phases_than_there_is_room_for_are_refused(void **state)
{
    char text[2048] =
        PROVIDER "models: { m: { targets: [ " BLUE ", " GREEN " ], rollout: { phases: [";

    (void)state;
    for (int i = 0; i <= LIMIT_ROLLOUT_PHASES; i++) {
        size_t size = strlen(text);

        (void)snprintf(text + size, sizeof(text) - size, "%s{ name: p%d, green: %d }",
                       i ? ", " : "", i, i + 1);
    }
    (void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "] } } }\n");
    check_refused(text, "rollout.phases: has 17 items; write from 1 to 16");
}

static void test_a_virtual_model_has_no_sides(void **state)
{
    (void)state;
    check_refused(PROVIDER "models: { m: { targets: [ " BLUE " ] },\n"
                           "  v: { tasks: { standard: m }, split: { blue: 100 } } }\n",
                  "models.v.split: a model with tasks has none of its own");
    check_refused(PROVIDER "models: { m: { targets: [ " BLUE " ] },\n"
                           "  v: { tasks: { standard: m }, rollout: { autostart: true } } }\n",
                  "models.v.rollout: a model with tasks has none of its own");
}

static void test_what_holds_is_printed_where_there_are_sides(void **state)
{
    static const char *const said[] = {
        "        environment: green\n",
        "    split:\n      blue: 95\n      green: 5\n",
        "    rollout:\n      strategy: staged\n      autostart: false\n      phases:\n"
        "        - name: initial\n          green: 5\n          at_least: 30m\n",
        "      promote:\n        min_requests: 100\n        window: 30m\n"
        "        max_error_rate: 0.02\n        max_latency_increase: 0.5\n",
        "      rollback:\n        window: 10m\n        min_requests: 20\n"
        "        error_rate: 0.05\n        latency: 10s\n        to: previous\n",
    };
    struct config *config = read_config(SIDED("split: { green: 5 }"));
    struct buf out;

    (void)state;
    buf_init(&out, 1 << 20);
    config_print(config, &out);
    config_unref(config);
    for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++)
        if (!strstr(buf_text(&out), said[i]))
            fail_msg("not printed:\n%s\nbut:\n%s", said[i], buf_text(&out));
    config = read_config(buf_text(&out));
    assert_int_equal(config->models[0].rollout.phase_count, 5);
    config_unref(config);
    buf_reset(&out);

    config = read_config(SIDELESS("description: x"));
    config_print(config, &out);
    config_unref(config);
    assert_null(strstr(buf_text(&out), "rollout:"));
    assert_null(strstr(buf_text(&out), "split:"));
    config_unref(read_config(buf_text(&out)));
    buf_done(&out);
}

/* ---- alerts ---- */

static void test_alerts_have_their_defaults(void **state)
{
    struct config *config = read_config(PROVIDER);

    (void)state;
    assert_int_equal(config->alerts.error_rate, 50000);
    assert_int_equal(config->alerts.latency_p95, 5000);
    assert_int_equal(config->alerts.projected_cost, 1000000000);
    assert_int_equal(config->alerts.webhook_count, 0);
    config_unref(config);
}

static void test_webhooks_are_read_and_never_shown(void **state)
{
    struct config *config = read_config(
        PROVIDER
        "alerts: { webhooks: [ { url: \"https://h/topsecret1?x=topsecret2\",\n"
        "    secret: topsecret3 }, { url: \"http://h2:99\", secret: topsecret4 } ] }\n");
    struct buf out;

    (void)state;
    buf_init(&out, 1 << 20);
    assert_int_equal(config->alerts.webhook_count, 2);
    assert_string_equal(config->alerts.webhooks[0].url, "https://h/topsecret1?x=topsecret2");
    assert_true(span_is(secret_reveal(&config->alerts.webhooks[0].secret), "topsecret3"));
    assert_null(config->alerts.webhooks[0].ca_file);
    config_print(config, &out);
    assert_null(strstr(buf_text(&out), "topsecret"));
    assert_non_null(
        strstr(buf_text(&out), "- url: \"https://h/***\"\n      secret: \"***\"\n"));
    assert_non_null(strstr(buf_text(&out), "- url: http://h2:99\n"));
    config_unref(config);
    config_unref(read_config(buf_text(&out)));
    buf_done(&out);
}

#define HOOKS(text) PROVIDER "alerts: { webhooks: [ " text " ] }\n"

static void test_wrong_webhooks_are_refused(void **state)
{
    (void)state;
    check_refused(HOOKS("{ url: \"ftp://h/topsecret\", secret: s }"),
                  "webhooks[0].url: is not the address of a webhook; write http://");
    check_refused(HOOKS("{ url: \"https://u:p@h/\", secret: s }"),
                  "webhooks[0].url: is not the");
    check_refused(HOOKS("{ url: \"https://h/#x\", secret: s }"), "webhooks[0].url: is not the");
    check_refused(HOOKS("{ url: \"https://h/?a=1#x\", secret: s }"), "webhooks[0].url: is not");
    check_refused(HOOKS("{ url: \"https://h/\" }"), "webhooks[0]: secret is missing");
    check_refused(HOOKS("{ url: \"https://h/\", secret: \"${SLUICE_TEST_UNSET:-}\" }"),
                  "webhooks[0]: secret is missing");
    check_refused(
        HOOKS("{ url: \"https://h/\", secret: s }, { url: \"https://h/\", secret: t }"),
        "this URL stands twice, first in line 2; remove one");
}

static void test_more_webhooks_than_allowed_are_refused(void **state)
{
    char text[2048] = PROVIDER "alerts: { webhooks: [";

    (void)state;
    for (int i = 0; i <= LIMIT_WEBHOOKS; i++) {
        size_t size = strlen(text);

        (void)snprintf(text + size, sizeof(text) - size, "%s{ url: \"http://h%d\", secret: s }",
                       i ? ", " : "", i);
    }
    (void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "] }\n");
    check_refused(text, "alerts.webhooks: has 17 items; write from 0 to 16");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_target_is_blue_unless_it_says_green),
        cmocka_unit_test(test_a_split_adds_up_to_a_hundred),
        cmocka_unit_test(test_green_gets_nothing_where_there_is_none),
        cmocka_unit_test(test_phases_grow),
        cmocka_unit_test(test_more_phases_than_there_is_room_for_are_refused),
        cmocka_unit_test(test_a_virtual_model_has_no_sides),
        cmocka_unit_test(test_what_holds_is_printed_where_there_are_sides),
        cmocka_unit_test(test_alerts_have_their_defaults),
        cmocka_unit_test(test_webhooks_are_read_and_never_shown),
        cmocka_unit_test(test_wrong_webhooks_are_refused),
        cmocka_unit_test(test_more_webhooks_than_allowed_are_refused),
    };

    return cmocka_run_group_tests_name("config_sides", tests, NULL, NULL);
}
