/* policy/tier and policy/model: the order within a priority, and what a plan says of itself. */
#include "policy/tier.h"

/* cmocka wants these first */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/model.h"

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#define PROVIDERS                                                                              \
    "providers:\n"                                                                             \
    "  a: { kind: openai, base_url: \"http://a.test/v1\", keys: [ k ] }\n"                     \
    "  b: { kind: openai, base_url: \"http://b.test/v1\", keys: [ k ] }\n"                     \
    "  c: { kind: groq, base_url: \"http://c.test/v1\", keys: [ k ] }\n"                       \
    "  off: { kind: openai, base_url: \"http://d.test/v1\", keys: [ \"${NOT_SET_HERE:-}\" ] "  \
    "}\n"

/* A configuration, and everything that plans for its model `m` are made from. */
struct house {
    struct config *config;
    const struct config_model *model;
    struct targets targets;
    uint64_t random;
    uint64_t now_ms;
    struct sticky_who who;
    bool stream;
    struct plan plan;
};

static struct house *open_house(const char *yaml)
{
    static struct house house;
    struct config_report report;

    house = (struct house){ .random = 1, .now_ms = 1000 };
    config_report_init(&report);
    house.config = config_from_text("test.yaml", span_from(yaml), NULL, &report);
    if (house.config == NULL)
        print_message("%s\n", buf_text(&report.text));
    assert_non_null(house.config);
    config_report_done(&report);
    house.model = config_model_find(house.config, SPAN_OF("m"));
    targets_init(&house.targets);
    return &house;
}

static void close_house(struct house *house)
{
    targets_done(&house->targets);
    config_unref(house->config);
}

static void make_plan(struct house *house, const struct dialect *dialect)
{
    const struct route_facts facts = { .config = house->config,
                                       .dialect = dialect,
                                       .targets = &house->targets,
                                       .now_ms = house->now_ms,
                                       .random = &house->random,
                                       .who = house->who,
                                       .stream = house->stream };

    route_plan(&facts, house->model, &house->plan);
}

static void plan(struct house *house)
{
    make_plan(house, &dialect_openai);
}

/* "m:a m:b n:c": the targets in their order. */
static void assert_plan(const struct house *house, const char *wanted)
{
    char ids[1024] = "";
    size_t size = 0;

    for (uint32_t i = 0; i < house->plan.count; i++)
        size += (size_t)snprintf(ids + size, sizeof(ids) - size, "%s%s", i ? " " : "",
                                 house->plan.steps[i].target->id);
    assert_string_equal(ids, wanted);
}

enum { DRAWS = 10000 };

/* How many of so many plans begin with m:`name`. */
static int drawn_first(struct house *house, const char *name)
{
    int count = 0;

    for (int i = 0; i < DRAWS; i++) {
        plan(house);
        count += strcmp(house->plan.steps[0].target->name, name) == 0;
    }
    return count;
}

static struct target_state *state_of(struct house *house, const char *id)
{
    return targets_get(&house->targets, id);
}

/* ---- the order within a tier ---- */

/* "70 30": 10,000 plans; each share within five sigma. */
static void assert_split(const char *const *names, const uint32_t *weights, size_t count)
{
    char yaml[2048] = PROVIDERS "models:\n  m:\n    targets:\n";
    size_t size = strlen(yaml);
    struct house *house;
    int64_t sum = 0;

    for (size_t i = 0; i < count; i++) {
        sum += weights[i];
        size += (size_t)snprintf(yaml + size, sizeof(yaml) - size,
                                 "      - { name: %s, provider: a, weight: %u }\n", names[i],
                                 weights[i]);
    }
    house = open_house(yaml);
    for (size_t i = 0; i < count; i++) {
        int64_t off = drawn_first(house, names[i]) * sum - (int64_t)DRAWS * weights[i];

        assert_true(off * off <= 25 * (int64_t)DRAWS * weights[i] * (sum - weights[i]));
    }
    close_house(house);
}

static void test_a_split_is_accurate(void **state)
{
    static const char *const names[] = { "us-west-2", "eu-west-1", "ap-southeast-1" };
    static const uint32_t two[] = { 70, 30 };
    static const uint32_t three[] = { 100, 100, 80 };

    (void)state;
    assert_split(names, two, 2);
    assert_split(names, three, 3);
}

#define XYZ                                                                                    \
    "targets: [ { name: x, provider: a }, { name: y, provider: b },\n"                         \
    "  { name: z, provider: c } ]"

static void test_least_latency_compares_like_with_like(void **state)
{
    struct house *house =
        open_house(PROVIDERS "models: { m: { balance: least_latency, " XYZ " } }\n");

    (void)state;
    latency_answered(&state_of(house, "m:x")->latency[false], 9000, 1000);
    latency_answered(&state_of(house, "m:y")->latency[false], 5000, 1000);
    latency_answered(&state_of(house, "m:z")->latency[false], 7000, 1000);
    latency_answered(&state_of(house, "m:x")->latency[true], 10, 1000);
    latency_answered(&state_of(house, "m:y")->latency[true], 30, 1000);
    latency_answered(&state_of(house, "m:z")->latency[true], 20, 1000);
    plan(house);
    assert_plan(house, "m:y m:z m:x");
    assert_string_equal(house->plan.steps[0].why, "least_latency");
    house->stream = true;
    plan(house);
    assert_plan(house, "m:x m:z m:y");
    state_of(house, "m:x")->in_flight = 3;
    plan(house);
    assert_plan(house, "m:z m:y m:x");
    house->stream = false;
    close_house(house);
}

static void test_least_busy_counts_what_others_have_there(void **state)
{
    struct house *house =
        open_house(PROVIDERS "models: { m: { balance: least_busy, " XYZ " } }\n");

    (void)state;
    state_of(house, "m:x")->in_flight = 2;
    state_of(house, "m:y")->in_flight = 1;
    state_of(house, "m:y")->others = 2;
    state_of(house, "m:y")->others_until_ms = house->now_ms + 1;
    plan(house);
    assert_plan(house, "m:z m:x m:y");
    assert_string_equal(house->plan.steps[0].why, "least_busy");
    house->now_ms++; /* that is no news any more */
    plan(house);
    assert_plan(house, "m:z m:y m:x");
    close_house(house);
}

static void test_least_cost_takes_the_targets_own_price_first(void **state)
{
    struct house *house = open_house(
        PROVIDERS "models: { m: { balance: least_cost, cost_per_mtok: 3, targets: [\n"
                  "  { name: x, provider: a }, { name: z, provider: c, cost_per_mtok: 4 },\n"
                  "  { name: y, provider: b, cost_per_mtok: { input: 1, output: 8 } } ] } }\n");

    (void)state;
    plan(house);
    assert_plan(house, "m:y m:x m:z");
    assert_string_equal(house->plan.steps[0].why, "least_cost");
    state_of(house, "m:y")->breaker =
        (struct breaker){ .state = BREAKER_OPEN, .opened_ms = 1000 };
    plan(house);
    assert_plan(house, "m:x m:z");
    close_house(house);
}

static void test_what_is_equal_is_drawn_by_weight(void **state)
{
    static const char *const balances[] = { "weighted", "least_latency", "least_busy",
                                            "least_cost" };

    (void)state;
    for (size_t i = 0; i < sizeof(balances) / sizeof(balances[0]); i++) {
        char yaml[1024];
        struct house *house;

        (void)snprintf(yaml, sizeof(yaml),
                       PROVIDERS "models: { m: { balance: %s, cost_per_mtok: 1, targets: [\n"
                                 "  { name: x, provider: a, weight: 70 },\n"
                                 "  { name: y, provider: b, weight: 30 } ] } }\n",
                       balances[i]);
        house = open_house(yaml);
        assert_in_range(drawn_first(house, "x"), 7000 - 230, 7000 + 230);
        close_house(house);
    }
}

static void test_each_tier_has_its_own_order(void **state)
{
    struct house *house = open_house(
        PROVIDERS "models: { m: { balance: least_busy, targets: [ { name: x, provider: a },\n"
                  "  { name: y, provider: b }, { name: z, provider: c, priority: 2 } ] } }\n");

    (void)state;
    state_of(house, "m:x")->in_flight = 1;
    plan(house);
    assert_plan(house, "m:y m:x m:z");
    assert_string_equal(house->plan.steps[2].why, "next priority");
    close_house(house);
}

/* ---- sticky ---- */

#define STICKY                                                                                 \
    PROVIDERS "models: { m: { sticky: session, balance: least_busy, targets: [\n"              \
              "  { name: x, provider: a }, { name: y, provider: b } ] } }\n"

static void test_a_session_stays_where_it_is(void **state)
{
    struct house *house = open_house(STICKY);
    const char *first;

    (void)state;
    house->who.session = SPAN_OF("some session");
    plan(house);
    first = house->plan.steps[0].target->id;
    assert_string_equal(house->plan.steps[0].why, "sticky");
    state_of(house, first)->in_flight = 100; /* busy it may be, and worse than the other */
    state_of(house, first)->health.lost = 500;
    state_of(house, first)->health.lost_ms = house->now_ms;
    for (int i = 0; i < 100; i++) {
        plan(house);
        assert_string_equal(house->plan.steps[0].target->id, first);
    }
    close_house(house);
}

static void test_a_session_leaves_what_is_unwell_and_comes_back(void **state)
{
    struct house *house = open_house(STICKY);
    const char *first;

    (void)state;
    house->who.session = SPAN_OF("some session");
    plan(house);
    first = house->plan.steps[0].target->id;
    state_of(house, first)->health.lost = HEALTH_FULL - HEALTH_LEAST;
    state_of(house, first)->health.lost_ms = house->now_ms;
    plan(house);
    assert_string_equal(house->plan.steps[1].target->id, first);
    house->now_ms += 30000;
    plan(house);
    assert_string_equal(house->plan.steps[0].target->id, first);
    close_house(house);
}

static void test_who_does_not_say_is_balanced_as_usual(void **state)
{
    struct house *house = open_house(STICKY);

    (void)state;
    house->who.user = SPAN_OF("somebody");
    state_of(house, "m:x")->in_flight = 1;
    for (int i = 0; i < 20; i++) {
        plan(house);
        assert_plan(house, "m:y m:x");
        assert_string_equal(house->plan.steps[0].why, "least_busy");
    }
    close_house(house);
}

/* ---- what a plan says of itself ---- */

static void assert_skipped(const struct house *house, uint32_t at, const char *id,
                           const char *why)
{
    assert_true(at < house->plan.skipped_count);
    assert_string_equal(house->plan.skipped[at].target->id, id);
    assert_string_equal(house->plan.skipped[at].why, why);
}

static void test_a_plan_says_who_is_not_in_it_and_why(void **state)
{
    struct house *house =
        open_house(PROVIDERS "models: { m: { targets: [ { name: x, provider: a, weight: 0 },\n"
                             "  { name: y, provider: off }, { name: z, provider: b },\n"
                             "  { name: w, provider: c } ] } }\n");

    (void)state;
    state_of(house, "m:z")->breaker =
        (struct breaker){ .state = BREAKER_OPEN, .opened_ms = 1000 };
    plan(house);
    assert_plan(house, "m:w");
    assert_int_equal(house->plan.skipped_count, 3);
    assert_skipped(house, 0, "m:x", "its weight is 0");
    assert_skipped(house, 1, "m:y", "its provider has no key");
    assert_skipped(house, 2, "m:z", "its circuit breaker is open");
    make_plan(house, &dialect_responses);
    assert_int_equal(house->plan.count, 0);
    assert_skipped(house, 3, "m:w", "its provider does not speak this dialect");
    close_house(house);
}

static void test_a_trial_is_called_one(void **state)
{
    struct house *house = open_house(PROVIDERS "models: { m: { targets: [ { provider: a },\n"
                                               "  { provider: b, priority: 2 } ] } }\n");

    (void)state;
    state_of(house, "m:a")->breaker =
        (struct breaker){ .state = BREAKER_OPEN, .opened_ms = 1000 };
    house->now_ms = 31000;
    plan(house);
    assert_string_equal(house->plan.steps[0].why, "trial");
    assert_string_equal(house->plan.steps[1].why, "next priority");
    close_house(house);
}

static void test_the_last_plan_is_of_one_configuration(void **state)
{
    struct house *house =
        open_house(PROVIDERS "models: { m: { targets: [ { provider: a } ] } }\n");
    struct config other = *house->config;
    struct models models;
    struct model_state *model;

    (void)state;
    models_init(&models);
    model = models_get(&models, "m");
    assert_null(last_plan_of(model, house->config));
    plan(house);
    last_plan_keep(&model->last, house->config, &house->plan, house->now_ms);
    assert_ptr_equal(models_get(&models, "m"), model);
    assert_int_equal(last_plan_of(model, house->config)->count, 1);
    assert_string_equal(last_plan_of(model, house->config)->steps[0].id, "m:a");
    assert_null(last_plan_of(model, &other));
    house->config->generation++; /* another one at the same address */
    assert_null(last_plan_of(model, house->config));
    models_done(&models);
    close_house(house);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_split_is_accurate),
        cmocka_unit_test(test_least_latency_compares_like_with_like),
        cmocka_unit_test(test_least_busy_counts_what_others_have_there),
        cmocka_unit_test(test_least_cost_takes_the_targets_own_price_first),
        cmocka_unit_test(test_what_is_equal_is_drawn_by_weight),
        cmocka_unit_test(test_each_tier_has_its_own_order),
        cmocka_unit_test(test_a_session_stays_where_it_is),
        cmocka_unit_test(test_a_session_leaves_what_is_unwell_and_comes_back),
        cmocka_unit_test(test_who_does_not_say_is_balanced_as_usual),
        cmocka_unit_test(test_a_plan_says_who_is_not_in_it_and_why),
        cmocka_unit_test(test_a_trial_is_called_one),
        cmocka_unit_test(test_the_last_plan_is_of_one_configuration),
    };

    return cmocka_run_group_tests_name("tier", tests, NULL, NULL);
}
