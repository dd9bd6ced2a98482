/* policy/route: which model a name means, and which targets are tried in which order. */
#include "policy/route.h"

/* cmocka wants these first */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

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

/* A configuration and everything that a plan is made from. */
struct house {
    struct config *config;
    struct targets targets;
    struct sides sides;
    struct side_wish wish;
    struct arena arena;
    uint64_t random;
    uint64_t now_ms;
    enum llm_class class; /* of the error that the model's own targets ended with */
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
    targets_init(&house.targets);
    sides_init(&house.sides);
    arena_init(&house.arena);
    return &house;
}

static void close_house(struct house *house)
{
    arena_done(&house->arena);
    targets_done(&house->targets);
    sides_done(&house->sides);
    config_unref(house->config);
}

static enum route_verdict find(struct house *house, const char *name,
                               const struct config_model **ret)
{
    *ret = NULL;
    return route_model(house->config, span_from(name), &house->arena, ret);
}

/* ---- names ---- */

#define LISTED                                                                                 \
    PROVIDERS "models:\n"                                                                      \
              "  gpt-4.1: { targets: [ { provider: a } ], aliases: [ gpt-4, b/gpt-4 ] }\n"     \
              "  a/own: { targets: [ { provider: b } ] }\n"                                    \
              "  deepseek-v3.2: { targets: [ { provider: c } ] }\n"

static void test_a_name_is_first_a_listed_model_or_an_alias(void **state)
{
    struct house *house = open_house(LISTED);
    const struct config_model *model;

    (void)state;
    assert_int_equal(find(house, "gpt-4.1", &model), ROUTE_FOUND);
    assert_string_equal(model->name, "gpt-4.1");
    assert_int_equal(find(house, "gpt-4", &model), ROUTE_FOUND);
    assert_string_equal(model->name, "gpt-4.1");
    assert_int_equal(find(house, "b/gpt-4", &model), ROUTE_FOUND);
    assert_string_equal(model->name, "gpt-4.1");
    assert_int_equal(find(house, "a/own", &model), ROUTE_FOUND);
    assert_string_equal(model->targets[0].provider->name, "b");
    assert_false(model->passing);
    close_house(house);
}

static void test_then_a_provider_and_the_rest_as_it_stands(void **state)
{
    struct house *house = open_house(LISTED);
    const struct config_model *model;

    (void)state;
    assert_int_equal(find(house, "b/meta/llama:free", &model), ROUTE_FOUND);
    assert_true(model->passing);
    assert_string_equal(model->targets[0].model, "meta/llama:free");
    assert_string_equal(model->targets[0].id, "b:*");
    assert_int_equal(find(house, "off/x", &model), ROUTE_PROVIDER_OFF);
    assert_int_equal(find(house, "b/", &model), ROUTE_NOT_FOUND);
    assert_int_equal(find(house, "/x", &model), ROUTE_NOT_FOUND);
    assert_int_equal(find(house, "b", &model), ROUTE_NOT_FOUND);
    assert_int_equal(find(house, "B/x", &model), ROUTE_NOT_FOUND);
    assert_int_equal(find(house, "nobody/x", &model), ROUTE_NOT_FOUND);
    close_house(house);
}

static void test_then_the_default_provider_gets_the_name_whole(void **state)
{
    struct house *house = open_house(LISTED "default_provider: c\n");
    const struct config_model *model;

    (void)state;
    assert_int_equal(find(house, "nobody/x", &model), ROUTE_FOUND);
    assert_string_equal(model->targets[0].model, "nobody/x");
    assert_string_equal(model->targets[0].provider->name, "c");
    assert_int_equal(find(house, "b/x", &model), ROUTE_FOUND);
    assert_string_equal(model->targets[0].provider->name, "b");
    close_house(house);
}

static void test_models_only_means_listed_ones_only(void **state)
{
    struct house *house = open_house(LISTED "models_only: true\n");
    const struct config_model *model;

    (void)state;
    assert_int_equal(find(house, "gpt-4", &model), ROUTE_FOUND);
    assert_int_equal(find(house, "b/x", &model), ROUTE_NOT_FOUND);
    close_house(house);
}

static void test_no_name_is_the_default_model(void **state)
{
    struct house *house = open_house(LISTED);
    const struct config_model *model;

    (void)state;
    assert_int_equal(find(house, NULL, &model), ROUTE_NO_NAME);
    close_house(house);
    house = open_house(LISTED "default_model: gpt-4\n");
    assert_int_equal(find(house, NULL, &model), ROUTE_FOUND);
    assert_string_equal(model->name, "gpt-4.1");
    close_house(house);
}

static void test_the_nearest_names_come_best_first(void **state)
{
    struct house *house =
        open_house(LISTED "  gpt-4.1-mini: { targets: [ { provider: a } ] }\n");
    const char *names[ROUTE_NEAREST_MAX];

    (void)state;
    assert_int_equal(route_nearest(house->config, SPAN_OF("gtp-4.1-mini"), names), 3);
    assert_string_equal(names[0], "gpt-4.1-mini");
    assert_string_equal(names[1], "gpt-4.1");
    assert_int_equal(route_nearest(house->config, SPAN_OF("Gpt4"), names),
                     3); /* by its alias */
    assert_string_equal(names[0], "gpt-4.1");
    close_house(house);
    house = open_house(PROVIDERS);
    assert_int_equal(route_nearest(house->config, SPAN_OF("x"), names), 0);
    close_house(house);
}

static void assert_task(struct house *house, struct span task, const char *name)
{
    const struct config_model *model;

    assert_int_equal(find(house, "auto", &model), ROUTE_FOUND);
    assert_true(model->virtual);
    model = route_task(model, task);
    assert_string_equal(model ? model->name : "none", name);
}

static void test_a_virtual_model_means_one_for_each_task(void **state)
{
    struct house *house =
        open_house(LISTED "  auto: { tasks: { simple: deepseek-v3.2, advanced: gpt-4 },\n"
                          "          default_task: advanced }\n");

    (void)state;
    assert_task(house, SPAN_OF("simple"), "deepseek-v3.2");
    assert_task(house, SPAN_OF("advanced"), "gpt-4.1");
    assert_task(house, span_make(NULL, 0), "gpt-4.1");
    assert_task(house, SPAN_OF("standard"), "none");
    assert_task(house, SPAN_OF("hard"), "none");
    assert_task(house, SPAN_OF(""), "none");
    close_house(house);
}

/* ---- plans ---- */

static struct route_facts facts_of(struct house *house, const struct dialect *dialect)
{
    return (struct route_facts){ .config = house->config,
                                 .dialect = dialect,
                                 .targets = &house->targets,
                                 .sides = &house->sides,
                                 .wish = house->wish,
                                 .now_ms = house->now_ms,
                                 .random = &house->random };
}

static void make_plan(struct house *house, const char *name)
{
    struct route_facts facts = facts_of(house, &dialect_openai);
    const struct config_model *model;

    assert_int_equal(find(house, name, &model), ROUTE_FOUND);
    route_plan(&facts, model, &house->plan);
    route_fallbacks(&facts, model, house->class, &house->plan);
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

static void test_priorities_come_one_after_the_other(void **state)
{
    struct house *house = open_house(
        PROVIDERS
        "models:\n"
        "  m: { targets: [ { provider: c, priority: 30 }, { provider: a, priority: 2 },\n"
        "                  { provider: b, priority: 7 } ] }\n");

    (void)state;
    make_plan(house, "m");
    assert_plan(house, "m:a m:b m:c");
    assert_string_equal(house->plan.steps[0].why, "weight");
    assert_string_equal(house->plan.steps[1].why, "next priority");
    close_house(house);
}

/* 100,000 draws of 100 : 30 : 1; each share within five standard deviations. */
static void test_a_tier_is_drawn_by_weight(void **state)
{
    enum { DRAWS = 100000, SUM = 131 };

    static const uint32_t weights[] = { 100, 30, 1 };
    struct house *house = open_house(
        PROVIDERS
        "models:\n"
        "  m: { targets: [ { provider: a, weight: 100 }, { provider: b, weight: 30 },\n"
        "                  { provider: c, weight: 1 } ] }\n");
    int64_t first[3] = { 0 };

    (void)state;
    for (int i = 0; i < DRAWS; i++) {
        make_plan(house, "m");
        assert_int_equal(house->plan.count, 3);
        for (uint32_t target = 0; target < 3; target++)
            first[target] += house->plan.steps[0].target->weight == weights[target];
    }
    for (uint32_t target = 0; target < 3; target++) {
        int64_t expected = (int64_t)DRAWS * weights[target] / SUM;
        int64_t off = first[target] - expected;
        int64_t variance = expected * (SUM - weights[target]) / SUM;

        assert_true(off * off <= 25 * variance);
    }
    close_house(house);
}

/* Where the first of 100 : 30 : 30 has failed, the other two take over alike. */
static void test_what_is_left_of_a_tier_is_drawn_by_weight_too(void **state)
{
    enum { DRAWS = 40000 };
    struct house *house = open_house(
        PROVIDERS
        "models:\n"
        "  m: { targets: [ { provider: a, weight: 10000 }, { provider: b, weight: 30 },\n"
        "                  { provider: c, weight: 30 } ] }\n");
    int64_t second_b = 0;
    int64_t count = 0;

    (void)state;
    for (int i = 0; i < DRAWS; i++) {
        make_plan(house, "m");
        if (strcmp(house->plan.steps[0].target->name, "a") != 0)
            continue;
        count++;
        second_b += strcmp(house->plan.steps[1].target->name, "b") == 0;
    }
    assert_true(count > DRAWS / 2);
    assert_true((2 * second_b - count) * (2 * second_b - count) <= 25 * count);
    close_house(house);
}

static void test_some_targets_are_in_no_plan(void **state)
{
    struct house *house = open_house(
        PROVIDERS "models:\n"
                  "  m: { targets: [ { provider: a, weight: 0 }, { provider: off },\n"
                  "                  { provider: b } ] }\n");

    (void)state;
    make_plan(house, "m");
    assert_plan(house, "m:b");
    assert_int_equal(house->plan.left_out, 0);
    close_house(house);
}

static void test_a_disabled_target_is_in_no_plan_and_the_view_says_so(void **state)
{
    struct house *house = open_house(
        PROVIDERS "models:\n"
                  "  m: { targets: [ { provider: a, enabled: false }, { provider: b } ] }\n");

    (void)state;
    make_plan(house, "m");
    assert_plan(house, "m:b");
    assert_int_equal(house->plan.skipped_count, 1);
    assert_string_equal(house->plan.skipped[0].why, "it is disabled");
    close_house(house);
}

static void test_a_target_that_does_not_speak_the_dialect_is_left_out(void **state)
{
    struct house *house = open_house(
        PROVIDERS "models:\n"
                  "  m: { targets: [ { provider: a }, { provider: c, priority: 2 } ] }\n");
    struct route_facts facts = facts_of(house, &dialect_responses);

    (void)state;
    make_plan(house, "m");
    assert_plan(house, "m:a m:c");
    route_plan(&facts, house->plan.steps[0].model, &house->plan);
    assert_plan(house, "m:a"); /* groq has no /v1/responses in this table */
    close_house(house);
}

static void test_fallbacks_come_behind_and_the_last_resort_at_the_end(void **state)
{
    struct house *house = open_house(
        PROVIDERS "models:\n"
                  "  m: { targets: [ { provider: a } ], fallbacks: [ o, n ] }\n"
                  "  n: { targets: [ { provider: b, priority: 2 }, { provider: c } ] }\n"
                  "  o: { targets: [ { provider: c } ], fallbacks: [ last ] }\n"
                  "  last: { targets: [ { provider: a } ] }\n"
                  "fallback_model: last\n");

    (void)state;
    make_plan(house, "m");
    assert_plan(house, "m:a o:c n:c n:b last:a");
    assert_string_equal(house->plan.steps[1].why, "fallback");
    assert_string_equal(house->plan.steps[2].model->name, "n");
    assert_string_equal(house->plan.steps[4].why, "fallback_model");
    make_plan(house, "last");
    assert_plan(house, "last:a");
    make_plan(house, "o");
    assert_plan(house, "o:c last:a"); /* and not twice */
    make_plan(house, "b/unlisted");
    assert_plan(house, "b:* last:a");
    close_house(house);
}

/* ---- sides ---- */

#define SIDED(green)                                                                           \
    PROVIDERS                                                                                  \
    "models:\n"                                                                                \
    "  m: { targets: [ { provider: a }, { provider: b, priority: 2 },\n"                       \
    "                  { name: next, provider: c, environment: green },\n"                     \
    "                  { name: last, provider: a, environment: green, priority: 9 } ],\n"      \
    "       split: { green: " green " }, fallbacks: [ n ] }\n"                                 \
    "  n: { targets: [ { provider: b }, { name: g, provider: c, environment: green } ] }\n"

static void test_a_side_without_a_share_is_in_no_plan(void **state)
{
    struct house *house = open_house(SIDED("0"));

    (void)state;
    make_plan(house, "m");
    assert_plan(house, "m:a m:b n:b");
    assert_int_equal(house->plan.skipped_count, 3);
    assert_string_equal(house->plan.skipped[0].why, "its side gets no traffic");
    close_house(house);
    house = open_house(SIDED("100"));
    make_plan(house, "m");
    assert_plan(house, "m:next m:last n:b");
    assert_int_equal(house->plan.side.first, SIDE_GREEN);
    close_house(house);
}

/* Whole, tier by tier; then the fallbacks, whose sides are their own affair. */
static void test_the_other_side_comes_behind_the_first(void **state)
{
    struct house *house = open_house(SIDED("40"));
    int greens = 0;

    (void)state;
    for (int i = 0; i < 1000; i++) {
        make_plan(house, "m");
        if (house->plan.side.first == SIDE_GREEN)
            assert_plan(house, "m:next m:last m:a m:b n:b");
        else
            assert_plan(house, "m:a m:b m:next m:last n:b");
        assert_string_equal(house->plan.steps[0].why, "weight");
        assert_string_equal(house->plan.steps[1].why, "next priority");
        assert_string_equal(house->plan.steps[2].why, "other side");
        greens += house->plan.side.first == SIDE_GREEN;
    }
    assert_in_range(greens, 322, 478); /* five sigma */
    close_house(house);
}

static void test_a_wish_is_for_the_model_that_was_asked_for(void **state)
{
    struct house *house = open_house(SIDED("40"));

    (void)state;
    house->wish = (struct side_wish){ .kind = SIDE_WISH_SPLIT, .green = 100 };
    make_plan(house, "m");
    assert_plan(house, "m:next m:last n:b");
    house->wish = (struct side_wish){ .kind = SIDE_WISH_FORCED, .side = SIDE_GREEN };
    make_plan(house, "m");
    assert_plan(house, "m:next m:last n:b"); /* that there are no fallbacks then, flow knows */
    assert_true(house->plan.side.forced);
    assert_string_equal(house->plan.skipped[0].why, "the request was for the other side");
    close_house(house);
}

static void test_a_rollout_stands_in_place_of_the_split(void **state)
{
    struct house *house = open_house(SIDED("0"));
    struct rollout *rollout = sides_rollout(&house->sides, "m");

    (void)state;
    rollout->state = ROLLOUT_RUNNING;
    rollout->green = 100;
    make_plan(house, "m");
    assert_plan(house, "m:next m:last n:b");
    close_house(house);
}

static void test_switched_away_from_a_model_comes_last(void **state)
{
    struct house *house =
        open_house(PROVIDERS "models:\n"
                             "  m: { targets: [ { provider: a } ], fallbacks: [ o ],\n"
                             "       fallback_on: { rate_limit: [ n ] } }\n"
                             "  n: { targets: [ { provider: b } ] }\n"
                             "  o: { targets: [ { provider: c } ] }\n"
                             "fallback_model: n\n");
    struct route_facts facts = facts_of(house, &dialect_openai);
    const struct config_model *model;

    (void)state;
    assert_int_equal(find(house, "m", &model), ROUTE_FOUND);
    route_plan_switched(&facts, model, &house->plan);
    assert_plan(house, "o:c n:b m:a");
    assert_string_equal(house->plan.steps[2].why, "switched away from");
    close_house(house);
}

static void test_the_error_says_who_stands_in(void **state)
{
    static const struct {
        enum llm_class class;
        const char *plan;
    } rows[] = { { LLM_RATE_LIMIT, "m:a n:b n:c last:a" },
                 { LLM_QUOTA, "m:a n:b n:c last:a" },
                 { LLM_CONNECTION, "m:a o:c n:b n:c last:a" },
                 { LLM_CONTEXT_WINDOW, "m:a last:a" },
                 { LLM_SERVER_ERROR, "m:a o:c last:a" },
                 { LLM_TIMEOUT, "m:a o:c last:a" },
                 { LLM_AUTH, "m:a o:c last:a" },
                 { LLM_FINE, "m:a o:c last:a" } };
    struct house *house = open_house(
        PROVIDERS "models:\n"
                  "  m: { targets: [ { provider: a } ], fallbacks: [ o ],\n"
                  "       fallback_on: { rate_limit: [ n ], connection_error: [ o, n ],\n"
                  "                      context_window: [] } }\n"
                  "  n: { targets: [ { provider: b }, { provider: c, priority: 2 } ] }\n"
                  "  o: { targets: [ { provider: c } ] }\n"
                  "  last: { targets: [ { provider: a } ] }\n"
                  "fallback_model: last\n");

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        house->class = rows[i].class;
        make_plan(house, "m");
        assert_plan(house, rows[i].plan);
    }
    close_house(house);
}

enum { DRAWS = 10000 };

/* How many of so many plans begin with m:`name`. */
static int drawn_first(struct house *house, const char *name)
{
    int count = 0;

    for (int i = 0; i < DRAWS; i++) {
        make_plan(house, "m");
        count += strcmp(house->plan.steps[0].target->name, name) == 0;
    }
    return count;
}

/* Half the health is half the weight: 70 x 0.5 against 35 are equal shares. */
static void test_a_share_is_weight_times_health(void **state)
{
    struct house *house =
        open_house(PROVIDERS "models: { m: { targets: [ { name: x, provider: a, weight: 70 },\n"
                             "  { name: y, provider: b, weight: 35 } ] } }\n");
    struct target_state *target = targets_get(&house->targets, "m:x");

    (void)state;
    assert_in_range(drawn_first(house, "x"), 6667 - 236, 6667 + 236); /* five sigma */
    target->health.lost = 500;
    target->health.lost_ms = house->now_ms;
    assert_int_equal(route_health(house->config, target, house->now_ms).health, 500);
    assert_in_range(drawn_first(house, "x"), 5000 - 250, 5000 + 250);
    close_house(house);
}

static void test_the_least_health_is_still_in_the_plan(void **state)
{
    struct house *house =
        open_house(PROVIDERS "models: { m: { targets: [ { name: x, provider: a, weight: 1 },\n"
                             "  { name: y, provider: b, weight: 1000000 } ] } }\n");
    struct target_state *target = targets_get(&house->targets, "m:x");

    (void)state;
    target->health.lost = HEALTH_FULL;
    target->health.lost_ms = house->now_ms;
    assert_in_range(drawn_first(house, "x"), 0, 2);
    assert_int_equal(house->plan.count, 2);
    close_house(house);
}

static void test_a_target_whose_breaker_is_open_is_left_out(void **state)
{
    struct house *house = open_house(
        PROVIDERS "models:\n"
                  "  m: { targets: [ { provider: a }, { provider: b, priority: 2 } ] }\n"
                  "circuit_breaker: { timeout_seconds: 30 }\n");
    struct target_state *target = targets_get(&house->targets, "m:a");

    (void)state;
    target->breaker = (struct breaker){ .state = BREAKER_OPEN, .opened_ms = 1000 };
    target->last_class = LLM_TIMEOUT;
    make_plan(house, "m");
    assert_plan(house, "m:b");
    assert_int_equal(house->plan.left_out, 1);
    assert_int_equal(house->plan.left_out_for, LLM_TIMEOUT);
    house->now_ms = 30999;
    make_plan(house, "m");
    assert_plan(house, "m:b");
    house->now_ms = 31000; /* a trial */
    make_plan(house, "m");
    assert_plan(house, "m:a m:b");
    assert_int_equal(target->breaker.state, BREAKER_OPEN); /* a plan changes nothing */
    assert_ptr_equal(house->plan.steps[0].state, target);
    close_house(house);
}

static void test_a_plan_has_an_end(void **state)
{
    char yaml[8192] = PROVIDERS "fallback_model: n\nmodels:\n";
    size_t size = strlen(yaml);
    struct house *house;

    (void)state;
    for (int i = 0; i < 2 * LIMIT_PLAN_TARGETS; i++)
        size += (size_t)snprintf(yaml + size, sizeof(yaml) - size,
                                 "%s      - { name: t%d, provider: a, weight: 1000000 }\n",
                                 i == 0                    ? "  m:\n    targets:\n"
                                 : i == LIMIT_PLAN_TARGETS ? "  n:\n    targets:\n"
                                                           : "",
                                 i);
    house = open_house(yaml);
    make_plan(house, "m");
    assert_int_equal(house->plan.count, LIMIT_PLAN_TARGETS);
    close_house(house);
}

/* ---- regions ---- */

#define REGIONS                                                                                \
    "providers:\n"                                                                             \
    "  far: { kind: vllm, regions: [\n"                                                        \
    "    { name: us, base_url: \"http://us.test/v1\", weight: 100 },\n"                        \
    "    { name: eu, base_url: \"http://eu.test/v1\", weight: 100 },\n"                        \
    "    { name: asia, base_url: \"http://asia.test/v1\", weight: 80 },\n"                     \
    "    { name: spare, base_url: \"http://spare.test/v1\", weight: 0 },\n"                    \
    "    { name: gone, base_url: \"http://gone.test/v1\", weight: 500, enabled: false } ] }\n" \
    "  b: { kind: openai, base_url: \"http://b.test/v1\", keys: [ k ] }\n"

static void assert_share(struct house *house, const char *name, int per_mille)
{
    int expected = DRAWS * per_mille / 1000;
    int off = drawn_first(house, name) - expected;
    int variance = expected * (1000 - per_mille) / 1000;

    assert_true((int64_t)off * off <= (int64_t)25 * variance);
}

/* How many of so many plans begin in that region. */
static int drawn_in(struct house *house, const char *region)
{
    int count = 0;

    for (int i = 0; i < DRAWS; i++) {
        const struct config_region *first;

        make_plan(house, "m");
        first = house->plan.steps[0].target->region;
        count += first && strcmp(first->name, region) == 0;
    }
    return count;
}

static void test_a_target_is_one_for_each_region_in_use(void **state)
{
    struct house *house =
        open_house(REGIONS "models: { m: { targets: [ { provider: far, weight: 70 } ] } }\n");
    const struct config_model *model;

    (void)state;
    assert_int_equal(find(house, "m", &model), ROUTE_FOUND);
    assert_int_equal(model->target_count, 4);
    assert_string_equal(model->targets[0].id, "m:far@us");
    assert_string_equal(model->targets[2].id, "m:far@asia");
    assert_string_equal(model->targets[2].name, "far");
    assert_string_equal(model->targets[2].region->base_url, "http://asia.test/v1");
    assert_int_equal(model->targets[2].weight, 70);
    assert_int_equal(model->targets[2].share, 285714);
    assert_int_equal(model->targets[3].weight, 0);
    assert_int_equal(route_shown_weight(&model->targets[2], HEALTH_FULL), 20000);
    make_plan(house, "m");
    assert_int_equal(house->plan.count, 3); /* not the one of weight 0 */
    close_house(house);
}

/* 100 : 100 : 80, within five standard deviations. */
static void test_regions_share_by_their_weights(void **state)
{
    struct house *house =
        open_house(REGIONS "models: { m: { targets: [ { provider: far, weight: 1 } ] } }\n");

    (void)state;
    assert_in_range(drawn_in(house, "us"), 3571 - 239, 3571 + 239);
    assert_in_range(drawn_in(house, "asia"), 2857 - 226, 2857 + 226);
    close_house(house);
}

static void test_a_target_weighs_the_same_with_regions(void **state)
{
    struct house *house = open_house(REGIONS "models: { m: { targets: [\n"
                                             "  { name: x, provider: far, weight: 70 },\n"
                                             "  { name: y, provider: b, weight: 30 } ] } }\n");

    (void)state;
    assert_share(house, "x", 700);
    assert_in_range(drawn_in(house, "us"), 2500 - 217, 2500 + 217);
    close_house(house);
}

static void test_each_region_has_a_health_of_its_own(void **state)
{
    struct house *house =
        open_house(REGIONS "models: { m: { targets: [ { provider: far } ] } }\n"
                           "circuit_breaker: { timeout_seconds: 30 }\n");

    (void)state;
    targets_get(&house->targets, "m:far@us")->breaker =
        (struct breaker){ .state = BREAKER_OPEN, .opened_ms = 1000 };
    assert_int_equal(drawn_in(house, "us"), 0);
    assert_int_equal(house->plan.count, 2);
    assert_int_equal(house->plan.left_out, 1);
    assert_in_range(drawn_in(house, "eu"), 5556 - 249, 5556 + 249); /* 100 : 80 */
    close_house(house);
}

static void test_a_model_that_nobody_listed_is_asked_for_in_every_region(void **state)
{
    struct house *house = open_house(REGIONS);
    const struct config_model *model;

    (void)state;
    assert_int_equal(find(house, "far/llama", &model), ROUTE_FOUND);
    assert_true(model->passing);
    assert_int_equal(model->target_count, 4);
    assert_string_equal(model->targets[1].id, "far:*@eu");
    assert_string_equal(model->targets[1].model, "llama");
    assert_string_equal(model->targets[1].region->name, "eu");
    assert_int_equal(find(house, "b/llama", &model), ROUTE_FOUND);
    assert_int_equal(model->target_count, 1);
    assert_null(model->targets[0].region);
    close_house(house);
}

/* ---- names that end in a star ---- */

#define STARRED                                                                                \
    PROVIDERS                                                                                  \
    "models:\n"                                                                                \
    "  \"a/*\": { targets: [ { provider: a }, { provider: c, model: \"org/*-it\" } ],\n"       \
    "           aliases: [\"aa/*\"] }\n"                                                       \
    "  \"gpt-4*\": { targets: [ { provider: b } ] }\n"                                         \
    "  gpt-4-exact: { targets: [ { provider: c } ] }\n"                                        \
    "  \"gpt-4-big*\": { targets: [ { provider: c, model: huge } ], aliases: [big] }\n"

static void assert_called(struct house *house, const char *name, const char *listed,
                          const char *called)
{
    const struct config_model *model;

    assert_int_equal(find(house, name, &model), ROUTE_FOUND);
    assert_string_equal(model->name, listed);
    assert_string_equal(model->targets[0].model, called);
    assert_false(model->passing);
}

static void test_the_longest_pattern_claims_a_name(void **state)
{
    struct house *house = open_house(STARRED);

    (void)state;
    assert_called(house, "gpt-4-turbo", "gpt-4*", "gpt-4-turbo");
    assert_called(house, "gpt-4", "gpt-4*", "gpt-4");
    assert_called(house, "gpt-4-exact", "gpt-4-exact", "gpt-4-exact");
    assert_called(house, "gpt-4-biggest", "gpt-4-big*", "huge");
    assert_called(house, "big", "gpt-4-big*", "huge");
    assert_called(house, "a/x/y:free", "a/*", "x/y:free");
    assert_called(house, "aa/x", "a/*", "x");
    close_house(house);
}

static void test_targets_are_told_what_the_star_stands_for(void **state)
{
    struct house *house = open_house(STARRED);
    const struct config_model *model;

    (void)state;
    assert_int_equal(find(house, "a/gemma", &model), ROUTE_FOUND);
    assert_string_equal(model->targets[0].id, "a/*:a");
    assert_string_equal(model->targets[1].id, "a/*:c");
    assert_string_equal(model->targets[1].model, "org/gemma-it");
    assert_string_equal(model->asked, "a/gemma");
    assert_int_equal(find(house, "gpt-4-exact", &model), ROUTE_FOUND);
    assert_null(model->asked);
    make_plan(house, "a/gemma");
    assert_int_equal(house->plan.count, 2);
    close_house(house);
}

static void test_a_pattern_itself_is_no_model(void **state)
{
    struct house *house = open_house(STARRED "models_only: true\n");
    const struct config_model *model;

    (void)state;
    assert_int_equal(find(house, "a/*", &model), ROUTE_NOT_FOUND);
    assert_int_equal(find(house, "a/", &model),
                     ROUTE_NOT_FOUND); /* nothing is left to ask for */
    assert_int_equal(find(house, "a", &model), ROUTE_NOT_FOUND);
    assert_int_equal(find(house, "gpt-3", &model), ROUTE_NOT_FOUND);
    close_house(house);
}

static void test_a_star_alone_claims_what_no_other_pattern_does(void **state)
{
    struct house *house = open_house(STARRED "  \"*\": { targets: [ { provider: a } ] }\n");

    (void)state;
    assert_called(house, "gpt-4-turbo", "gpt-4*", "gpt-4-turbo");
    assert_called(house, "gpt-3", "*", "gpt-3");
    assert_called(house, "b/x", "*", "b/x"); /* listed names come before providers' */
    close_house(house);
}

static void test_random_numbers_stay_below_their_bound(void **state)
{
    uint64_t random = 1;
    uint32_t seen[5] = { 0 };

    (void)state;
    for (int i = 0; i < 1000; i++) {
        uint32_t drawn = route_random(&random, 5);

        assert_true(drawn < 5);
        seen[drawn]++;
    }
    for (int i = 0; i < 5; i++)
        assert_in_range(seen[i], 140, 260);
    assert_int_equal(route_random(&random, 1), 0);
}

static void test_the_rule_comes_from_the_configuration(void **state)
{
    struct house *house =
        open_house(PROVIDERS "circuit_breaker: { failure_threshold: 7,\n"
                             "  timeout_seconds: 12, half_open_requests: 2 }\n");
    struct breaker_rule rule = route_breaker_rule(house->config);

    (void)state;
    assert_true(rule.enabled);
    assert_int_equal(rule.failures_max, 7);
    assert_int_equal(rule.open_ms, 12000);
    assert_int_equal(rule.trials, 2);
    close_house(house);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_name_is_first_a_listed_model_or_an_alias),
        cmocka_unit_test(test_then_a_provider_and_the_rest_as_it_stands),
        cmocka_unit_test(test_then_the_default_provider_gets_the_name_whole),
        cmocka_unit_test(test_models_only_means_listed_ones_only),
        cmocka_unit_test(test_no_name_is_the_default_model),
        cmocka_unit_test(test_the_nearest_names_come_best_first),
        cmocka_unit_test(test_a_virtual_model_means_one_for_each_task),
        cmocka_unit_test(test_priorities_come_one_after_the_other),
        cmocka_unit_test(test_a_tier_is_drawn_by_weight),
        cmocka_unit_test(test_what_is_left_of_a_tier_is_drawn_by_weight_too),
        cmocka_unit_test(test_some_targets_are_in_no_plan),
        cmocka_unit_test(test_a_disabled_target_is_in_no_plan_and_the_view_says_so),
        cmocka_unit_test(test_a_target_that_does_not_speak_the_dialect_is_left_out),
        cmocka_unit_test(test_fallbacks_come_behind_and_the_last_resort_at_the_end),
        cmocka_unit_test(test_a_side_without_a_share_is_in_no_plan),
        cmocka_unit_test(test_the_other_side_comes_behind_the_first),
        cmocka_unit_test(test_a_wish_is_for_the_model_that_was_asked_for),
        cmocka_unit_test(test_a_rollout_stands_in_place_of_the_split),
        cmocka_unit_test(test_switched_away_from_a_model_comes_last),
        cmocka_unit_test(test_the_error_says_who_stands_in),
        cmocka_unit_test(test_a_share_is_weight_times_health),
        cmocka_unit_test(test_the_least_health_is_still_in_the_plan),
        cmocka_unit_test(test_a_target_whose_breaker_is_open_is_left_out),
        cmocka_unit_test(test_a_plan_has_an_end),
        cmocka_unit_test(test_a_target_is_one_for_each_region_in_use),
        cmocka_unit_test(test_regions_share_by_their_weights),
        cmocka_unit_test(test_a_target_weighs_the_same_with_regions),
        cmocka_unit_test(test_each_region_has_a_health_of_its_own),
        cmocka_unit_test(test_a_model_that_nobody_listed_is_asked_for_in_every_region),
        cmocka_unit_test(test_the_longest_pattern_claims_a_name),
        cmocka_unit_test(test_targets_are_told_what_the_star_stands_for),
        cmocka_unit_test(test_a_pattern_itself_is_no_model),
        cmocka_unit_test(test_a_star_alone_claims_what_no_other_pattern_does),
        cmocka_unit_test(test_random_numbers_stay_below_their_bound),
        cmocka_unit_test(test_the_rule_comes_from_the_configuration),
    };

    return cmocka_run_group_tests_name("route", tests, NULL, NULL);
}
