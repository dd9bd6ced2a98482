/* llm/load: how busy a server says it is. */
#include "llm/load.h"

/* cmocka wants these first */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/limits.h"
#include "llm/provider.h"

#include <cmocka.h>
#include <stdio.h>

#define RUNNING "vllm:num_requests_running"
#define WAITING "vllm:num_requests_waiting"

static const struct load_source vllm = { "/metrics", { RUNNING, WAITING } };

/* As one prints them, cut short. */
static const char page[] =
    "# HELP python_gc_objects_collected_total Objects collected during gc\n"
    "# TYPE python_gc_objects_collected_total counter\n"
    "python_gc_objects_collected_total{generation=\"0\"} 12345.0\n"
    "# HELP vllm:num_requests_running Number of requests in model execution batches.\n"
    "# TYPE vllm:num_requests_running gauge\n"
    "vllm:num_requests_running{engine=\"0\",model_name=\"meta-llama/Llama-3.1-8B\"} 3.0\n"
    "# HELP vllm:num_requests_waiting Number of requests waiting to be processed.\n"
    "# TYPE vllm:num_requests_waiting gauge\n"
    "vllm:num_requests_waiting{engine=\"0\",model_name=\"meta-llama/Llama-3.1-8B\"} 4.0\n"
    "vllm:num_requests_waiting_by_reason{engine=\"0\",reason=\"capacity\"} 4.0\n"
    "vllm:kv_cache_usage_perc{engine=\"0\",model_name=\"meta-llama/Llama-3.1-8B\"} 0.25\n";

/* -1: nothing is known. */
static int64_t load_of(const char *text)
{
    uint32_t load = 0;

    return load_read(span_from(text), &vllm, &load) ? (int64_t)load : -1;
}

static void test_running_and_waiting_add_up(void **state)
{
    (void)state;
    assert_int_equal(load_of(page), 7);
    assert_int_equal(load_of(RUNNING " 3\n"), 3);
    assert_int_equal(load_of(WAITING "{} 5"), 5);
    assert_int_equal(load_of(RUNNING "{engine=\"0\"} 2\n" RUNNING "{engine=\"1\"} 3\n"), 5);
    assert_int_equal(load_of(RUNNING " 0.0\n" WAITING " 0.0\n"), 0);
}

static void test_numbers_as_prometheus_writes_them(void **state)
{
    (void)state;
    assert_int_equal(load_of(RUNNING " 3.9\n"), 3);
    assert_int_equal(load_of(RUNNING " 2e+02\n"), 200);
    assert_int_equal(load_of(RUNNING " 2E1 1700000000000\n"), 20);
    assert_int_equal(load_of(RUNNING "\t7\t1700000000000\r\n"), 7);
    assert_int_equal(load_of("  " RUNNING "  {a=\"}\\\"{\" , b=\"\"}  7\r\n"), 7);
    assert_int_equal(load_of(RUNNING " 0e999999999999\n"), 0);
}

static void test_what_is_no_number_says_nothing(void **state)
{
    static const char *const texts[] = { "NaN", "+Inf", "-3",   "3x", "",    "{",   "{a=\"} 3",
                                         "{a}", "3e",   "3e-2", ".5", "0x3", "3,5", "{} {} 3" };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        char text[128];

        (void)snprintf(text, sizeof(text), RUNNING " %s", texts[i]);
        assert_int_equal(load_of(text), -1);
        (void)snprintf(text, sizeof(text), RUNNING " %s\n" WAITING " 2\n", texts[i]);
        assert_int_equal(load_of(text), 2);
    }
}

static void test_other_names_are_not_meant(void **state)
{
    (void)state;
    assert_int_equal(load_of(""), -1);
    assert_int_equal(load_of("<html>" RUNNING " 3</html>\n"), -1);
    assert_int_equal(load_of(RUNNING "_total 3\n"), -1);
    assert_int_equal(load_of("# " RUNNING " 3\n"), -1);
    assert_int_equal(load_of("x" RUNNING " 3\n"), -1);
    assert_int_equal(load_of(RUNNING), -1);
}

static void test_there_is_a_most(void **state)
{
    (void)state;
    assert_int_equal(load_of(RUNNING " 1000001\n"), LIMIT_LOAD_REQUESTS);
    assert_int_equal(load_of(RUNNING " 99999999999999999999999999\n"), LIMIT_LOAD_REQUESTS);
    assert_int_equal(load_of(RUNNING " 9e999999999999\n"), LIMIT_LOAD_REQUESTS);
    assert_int_equal(load_of(RUNNING " 999999\n" WAITING " 999999\n"), LIMIT_LOAD_REQUESTS);
}

static void test_vllm_says_it_and_openai_does_not(void **state)
{
    const struct provider_kind *kind = provider_kind_find(SPAN_OF("vllm"));

    (void)state;
    assert_string_equal(kind->load.path, vllm.path);
    assert_string_equal(kind->load.figures[0], vllm.figures[0]);
    assert_string_equal(kind->load.figures[1], vllm.figures[1]);
    assert_null(provider_kind_find(SPAN_OF("openai"))->load.path);
}

static void test_it_stands_beside_the_api(void **state)
{
    (void)state;
    assert_true(span_is(load_root(SPAN_OF("http://vllm:8000/v1")), "http://vllm:8000"));
    assert_true(span_is(load_root(SPAN_OF("http://vllm:8000/a/v1")), "http://vllm:8000/a"));
    assert_true(span_is(load_root(SPAN_OF("http://vllm:8000")), "http://vllm:8000"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_running_and_waiting_add_up),
        cmocka_unit_test(test_numbers_as_prometheus_writes_them),
        cmocka_unit_test(test_what_is_no_number_says_nothing),
        cmocka_unit_test(test_other_names_are_not_meant),
        cmocka_unit_test(test_there_is_a_most),
        cmocka_unit_test(test_vllm_says_it_and_openai_does_not),
        cmocka_unit_test(test_it_stands_beside_the_api),
    };

    return cmocka_run_group_tests_name("load", tests, NULL, NULL);
}
