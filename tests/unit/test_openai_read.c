/* llm/openai_event, openai_usage, openai_responses: events and answers as OpenAI and its many
 * imitators write them. */
#include "llm/dialect.h"

/* cmocka wants these first */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static struct arena arena;

static int before_each(void **state)
{
    (void)state;
    arena_init(&arena);
    return 0;
}

static int after_each(void **state)
{
    (void)state;
    arena_done(&arena);
    return 0;
}

static void assert_span(struct span span, const char *text)
{
    assert_int_equal(span.size, strlen(text));
    assert_memory_equal(span.at, text, span.size);
}

/* ---- events ---- */

static struct llm_event read_as(const struct dialect *dialect, const char *type,
                                const char *data, bool committed)
{
    struct sse_event event = { .type = span_from(type),
                               .data = span_from(data),
                               .has_data = true };
    struct llm_event seen;

    dialect->read_event(&event, committed, &arena, &seen);
    return seen;
}

static struct llm_event see(const char *data)
{
    return read_as(&dialect_openai, NULL, data, false);
}

static struct llm_event see_committed(const char *data)
{
    return read_as(&dialect_openai, NULL, data, true);
}

static void test_what_shows_life_only(void **state)
{
    static const char *const events[] = {
        "{\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}",
        "{\"choices\":[{\"delta\":{\"content\":null,\"tool_calls\":[]}}],\"usage\":null}",
        "{\"choices\":[{\"delta\":{\"role\":\"user\"},\"finish_reason\":null}]}",
        "{\"choices\":[{\"delta\":{}}]}",
        "{\"choices\":[],\"prompt_filter_results\":[{\"prompt_index\":0}]}",
        "{\"choices\":[{\"delta\":{\"content\":null,\"reasoning_content\":\"\"}}]}",
        "{\"object\":\"text_completion\",\"choices\":[{\"text\":\"\",\"finish_reason\":null}]}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
        assert_int_equal(see(events[i]).kind, LLM_NOTHING);
}

static void test_what_a_client_may_act_on(void **state)
{
    static const char *const events[] = {
        "{\"choices\":[{\"delta\":{\"content\":\"a\"}}]}",
        "{\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\" \"}}]}",
        "{\"choices\":[{\"delta\":{}},{\"delta\":{\"content\":\"b\"}}]}",
        "{\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0}]}}]}",
        "{\"choices\":[{\"delta\":{\"refusal\":\"no\"}}]}",
        "{\"choices\":[{\"delta\":{\"reasoning\":\"hm\"}}]}",
        "{\"choices\":[{\"delta\":{\"reasoning_content\":\"hm\"}}]}",
        "{\"choices\":[{\"delta\":{\"audio\":{\"data\":\"AA\"}}}]}",
        "{\"choices\":[{\"delta\":{\"function_call\":{\"name\":\"f\"}}}]}",
        "{\"choices\":[{\"delta\":{\"never_seen_before\":1}}]}",
        "{\"choices\":[{\"text\":\"a\"}]}",
        "{\"choices\":[{\"message\":{\"content\":\"whole\"}}]}",
        "{\"some\":\"other\",\"shape\":true}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
        assert_int_equal(see(events[i]).kind, LLM_CONTENT);
        assert_false(see(events[i]).finished);
    }
}

static void test_a_finish_reason_is_content_and_remembered(void **state)
{
    static const char data[] =
        "{\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}],\"usage\":null}";

    (void)state;
    assert_int_equal(see(data).kind, LLM_CONTENT);
    assert_true(see(data).finished);
    assert_true(see_committed(data).finished);
    assert_true(see_committed("{\"choices\":[{\"finish_reason\" : null},{\"finish_reason\" :\n"
                              "\"length\"}]}")
                    .finished);
    assert_false(
        see_committed("{\"choices\":[{\"delta\":{\"content\":\"\\\"finish_reason\\\":1\"},"
                      "\"finish_reason\":null}]}")
            .finished);
}

static void test_usage_alone_is_told_from_usage_on_a_chunk(void **state)
{
    static const char alone[] = "{\"choices\":[],\"usage\":{\"prompt_tokens\":3,"
                                "\"completion_tokens\":2,\"total_tokens\":5}}";
    static const char beside[] = "{\"choices\":[{\"delta\":{\"content\":\"a\"}}],\"usage\":"
                                 "{\"prompt_tokens\":3,\"completion_tokens\":2}}";

    (void)state;
    for (int committed = 0; committed < 2; committed++) {
        struct llm_event seen = read_as(&dialect_openai, NULL, alone, committed);

        assert_int_equal(seen.kind, LLM_USAGE);
        assert_true(seen.usage.known);
        assert_int_equal(seen.usage.input, 3);
        seen = read_as(&dialect_openai, NULL, beside, committed);
        assert_int_equal(seen.kind, LLM_CONTENT);
        assert_int_equal(seen.usage.output, 2);
    }
    assert_int_equal(see("{\"choices\":[],\"usage\":null}").kind, LLM_NOTHING);
    assert_int_equal(see("{\"usage\":{\"prompt_tokens\":1}}").kind, LLM_USAGE);
    assert_true(
        see("{\"choices\":[],\"x_groq\":{\"usage\":{\"prompt_tokens\":1}}}").usage.known);
}

static void test_the_end_in_its_spellings(void **state)
{
    (void)state;
    assert_int_equal(see("[DONE]").kind, LLM_END);
    assert_int_equal(see_committed("[DONE]").kind, LLM_END);
    assert_int_equal(see("[DONE] ").kind, LLM_END);
    assert_int_equal(see(" [DONE]").kind, LLM_MALFORMED);
    assert_int_equal(see("[DONE").kind, LLM_MALFORMED);
}

/* faults 25 and, for what a user writes, the opposite */
static void test_errors_inside_a_stream(void **state)
{
    static const struct {
        const char *data;
        enum llm_class class;
        unsigned status;
    } cases[] = {
        { "{\"error\":{\"message\":\"m\",\"type\":\"server_error\",\"code\":null}}",
          LLM_SERVER_ERROR, 500 },
        { "{\"choices\":[{\"delta\":{\"content\":\"\"},\"finish_reason\":\"error\"}],"
          "\"error\":{\"code\":502,\"message\":\"m\"}}",
          LLM_SERVER_ERROR, 502 },
        { "{\"error\":{\"message\":\"m\",\"code\":429}}", LLM_RATE_LIMIT, 429 },
        { "{\"error\":{\"message\":\"m\",\"type\":\"overloaded_error\"}}", LLM_SERVER_ERROR,
          503 },
        { "{\"error\":{\"message\":\"m\",\"code\":\"rate_limit_exceeded\"}}", LLM_RATE_LIMIT,
          429 },
        { "{\"error\":{\"message\":\"m\",\"code\":\"context_length_exceeded\"}}",
          LLM_CONTEXT_WINDOW, 400 },
        { "{\"error\":\"m\"}", LLM_SERVER_ERROR, 502 },
        { "{\"object\":\"error\",\"message\":\"m\",\"code\":400}", LLM_CLIENT_ERROR, 400 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        for (int committed = 0; committed < 2; committed++) {
            struct llm_event seen = read_as(&dialect_openai, NULL, cases[i].data, committed);

            assert_int_equal(seen.kind, LLM_FAILED);
            assert_int_equal(seen.error.class, cases[i].class);
            assert_int_equal(seen.error.status, cases[i].status);
            assert_span(seen.error.message, "m");
        }
}

static void test_an_event_named_error_is_one(void **state)
{
    struct llm_event seen = read_as(&dialect_openai, "error", "{\"message\":\"m\"}", true);

    (void)state;
    assert_int_equal(seen.kind, LLM_FAILED);
    assert_span(seen.error.message, "m");
}

static void test_talk_about_errors_is_no_error(void **state)
{
    static const char *const events[] = {
        "{\"choices\":[{\"delta\":{\"content\":\"an \\\"error\\\": {\\\"message\\\":1}\"}}]}",
        "{\"choices\":[{\"delta\":{\"content\":\"error\"}}]}",
        "{\"choices\":[{\"delta\":{\"content\":\"a\"}}],\"error\":null}",
        "{\"choices\":[{\"delta\":{\"content\":\"a\",\"kind\":\"error\"}}]}",
        "{\"choices\":[{\"delta\":{\"content\":\"usage\",\"usage\":{\"prompt_tokens\":9}}}]}",
        "{\"choices\":[{\"delta\":{\"content\":\"[DONE]\"}}]}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
        assert_int_equal(see(events[i]).kind, LLM_CONTENT);
        assert_int_equal(see_committed(events[i]).kind, LLM_CONTENT);
        assert_false(see_committed(events[i]).usage.known);
    }
}

static void test_deepseek_out_of_machines_fails_only_before_the_commit(void **state)
{
    static const char data[] =
        "{\"choices\":[{\"delta\":{},\"finish_reason\":\"insufficient_system_resource\"}]}";

    (void)state;
    assert_int_equal(see(data).kind, LLM_FAILED);
    assert_int_equal(see(data).error.class, LLM_SERVER_ERROR);
    assert_int_equal(see_committed(data).kind, LLM_CONTENT);
    assert_true(see_committed(data).finished);
}

/* Nothing of it was sent yet, so another target can still answer. */
static void test_a_whole_answer_that_went_wrong_has_failed(void **state)
{
    static const struct {
        const char *body;
        bool failed;
    } rows[] = {
        { "{\"choices\":[{\"finish_reason\":\"insufficient_system_resource\"}]}", true },
        { "{\"choices\":[{\"finish_reason\":\"stop\"},{\"finish_reason\" : \"error\"}]}",
          true },
        { "{\"choices\":[{\"finish_reason\":\"stop\",\"message\":{\"content\":\"error\"}}]}",
          false },
        { "{\"choices\":[7],\"note\":\"error\"}", false },
        { "{\"choices\":\"error\"}", false },
        { "{\"finish_reason\":\"error\"}", false },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct llm_answer answer;

        dialect_openai.read_answer(span_from(rows[i].body), &arena, &answer);
        assert_true(answer.failed == rows[i].failed && !answer.malformed);
        if (answer.failed)
            assert_int_equal(answer.error.class, LLM_SERVER_ERROR);
    }
}

/* fault 30 */
static void test_what_is_no_json_is_malformed(void **state)
{
    (void)state;
    assert_int_equal(see("{\"choices\":[").kind, LLM_MALFORMED);
    assert_int_equal(see("hello").kind, LLM_MALFORMED);
    assert_int_equal(see("[1,2]").kind, LLM_MALFORMED);
    assert_int_equal(see("{\"choices\":[{\"delta\":{\"content\":\"\xff\"}}]}").kind,
                     LLM_MALFORMED);
}

static void test_an_array_in_place_of_an_object_does_no_harm(void **state)
{
    static const char *const odd[] = {
        "{\"choices\":[[\"x\"]]}",
        "{\"choices\":[{\"delta\":[\"x\"]}]}",
        "{\"choices\":[{\"message\":[[\"x\"],null]}]}",
        "{\"choices\":[],\"usage\":[\"x\"],\"x_groq\":[\"x\"]}",
        "{\"error\":[\"x\"]}",
        "{\"type\":\"response.completed\",\"response\":[\"x\"]}",
        "{\"type\":\"content_block_delta\",\"delta\":[\"x\"]}",
        "{\"type\":\"message_start\",\"message\":[\"x\"]}",
        "{\"candidates\":[[\"x\"]]}",
        "{\"candidates\":[{\"content\":{\"parts\":[[\"x\"]]}}]}",
        "{\"usageMetadata\":[\"x\"]}",
    };
    static const struct dialect *const dialects[] = { &dialect_openai, &dialect_responses,
                                                      &dialect_anthropic, &dialect_gemini };

    (void)state;
    for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
        for (size_t j = 0; j < sizeof(dialects) / sizeof(dialects[0]); j++)
            assert_false(read_as(dialects[j], NULL, odd[i], false).usage.known);
    assert_int_equal(see("{\"choices\":[{\"delta\":[\"x\"]}]}").kind, LLM_CONTENT);
}

/* ---- usage ---- */

static struct usage usage_of(const char *usage)
{
    const char *body = arena_printf(&arena, "{\"choices\":[1],\"usage\":%s}", usage);
    struct llm_answer answer;

    dialect_openai.read_answer(span_from(body), &arena, &answer);
    assert_false(answer.failed || answer.malformed);
    return answer.usage;
}

static void assert_usage(struct usage usage, uint64_t input, uint64_t cached,
                         uint64_t cache_write, uint64_t output, uint64_t reasoning)
{
    assert_true(usage.known && !usage.estimated);
    assert_int_equal(usage.input, input);
    assert_int_equal(usage.cached, cached);
    assert_int_equal(usage.cache_write, cache_write);
    assert_int_equal(usage.output, output);
    assert_int_equal(usage.reasoning, reasoning);
}

static void test_usage_in_every_spelling(void **state)
{
    (void)state;
    assert_usage(
        usage_of("{\"prompt_tokens\":100,\"completion_tokens\":20,\"prompt_tokens_details\":"
                 "{\"cached_tokens\":60,\"cache_write_tokens\":10},"
                 "\"completion_tokens_details\":{\"reasoning_tokens\":5}}"),
        30, 60, 10, 20, 5);
    assert_usage(usage_of("{\"input_tokens\":100,\"output_tokens\":20,\"input_tokens_details\":"
                          "{\"cached_tokens\":60},\"output_tokens_details\":"
                          "{\"reasoning_tokens\":5}}"),
                 40, 60, 0, 20, 5);
    assert_usage(usage_of("{\"prompt_tokens\":100,\"completion_tokens\":20,"
                          "\"prompt_cache_hit_tokens\":64,\"prompt_cache_miss_tokens\":36}"),
                 36, 64, 0, 20, 0);
    assert_usage(usage_of("{\"prompt_tokens\":8,\"total_tokens\":8}"), 8, 0, 0, 0, 0);
    assert_usage(usage_of("{\"prompt_tokens\":9,\"completion_tokens\":1,"
                          "\"prompt_tokens_details\":null}"),
                 9, 0, 0, 1, 0);
}

static void test_reasoning_beside_the_completion_is_added(void **state)
{
    static const char usage[] =
        "{\"prompt_tokens\":10,\"completion_tokens\":5,\"total_tokens\":115,"
        "\"completion_tokens_details\":{\"reasoning_tokens\":100}}";

    (void)state;
    assert_usage(usage_of(usage), 10, 0, 0, 105, 100);
}

static void test_nonsense_in_usage_does_no_harm(void **state)
{
    (void)state;
    assert_usage(
        usage_of("{\"prompt_tokens\":5,\"prompt_tokens_details\":{\"cached_tokens\":50}}"), 0,
        50, 0, 0, 0);
    assert_usage(usage_of("{\"prompt_tokens\":5,\"completion_tokens\":18446744073709551615}"),
                 5, 0, 0, 0, 0);
    assert_false(usage_of("{\"prompt_tokens\":-1,\"completion_tokens\":1.5}").known);
    assert_false(usage_of("{}").known);
    assert_false(usage_of("null").known);
    assert_false(usage_of("[1]").known);
    assert_false(usage_of("7").known);
}

static void test_usage_is_found_in_the_tail_of_a_long_answer(void **state)
{
    struct usage usage = { 0 };

    (void)state;
    dialect_openai.read_answer_tail(
        SPAN_OF("...\\\"usage\\\": {\"}}],\n \"usage\" : {\"prompt_tokens\""
                ": 4, \"completion_tokens\":1},\"x\":{}}"),
        &usage);
    assert_usage(usage, 4, 0, 0, 1, 0);
    usage = (struct usage){ 0 };
    dialect_openai.read_answer_tail(SPAN_OF("}],\"usage\":{\"prompt_tokens\":"), &usage);
    assert_false(usage.known);
    dialect_openai.read_answer_tail(SPAN_OF("\"usage\""), &usage);
    assert_false(usage.known);
}

/* ---- answers ---- */

/* fault 24 */
static void test_an_error_in_a_200_is_a_failure(void **state)
{
    struct llm_answer answer;

    (void)state;
    dialect_openai.read_answer(
        SPAN_OF("\n\n{\"error\":{\"code\":503,\"message\":\"none left\"}}"), &arena, &answer);
    assert_true(answer.failed);
    assert_int_equal(answer.error.class, LLM_SERVER_ERROR);
    assert_int_equal(answer.error.status, 503);
    assert_span(answer.error.message, "none left");
    dialect_openai.read_answer(SPAN_OF("{\"choices\":[],\"error\":null}"), &arena, &answer);
    assert_false(answer.failed || answer.malformed);
    dialect_openai.read_answer(SPAN_OF("<html>"), &arena, &answer);
    assert_true(answer.malformed && !answer.failed);
}

/* ---- responses ---- */

static void test_events_of_responses(void **state)
{
    static const struct {
        const char *type;
        const char *data;
        enum llm_event_kind kind;
    } cases[] = {
        { "response.created", "{\"type\":\"response.created\"}", LLM_NOTHING },
        { NULL, "{\"type\":\"response.in_progress\"}", LLM_NOTHING },
        { NULL, "{\"type\":\"response.output_text.delta\",\"delta\":\"\"}", LLM_NOTHING },
        { NULL, "{\"type\":\"response.output_text.delta\",\"delta\":\"a\"}", LLM_CONTENT },
        { NULL, "{\"type\":\"response.web_search_call.searching\"}", LLM_CONTENT },
        { NULL, "{\"type\":\"response.completed\",\"response\":{}}", LLM_END },
        { NULL, "{\"type\":\"response.incomplete\",\"response\":{}}", LLM_END },
        { NULL, "{\"type\":\"response.failed\",\"response\":{\"error\":{}}}", LLM_FAILED },
        { NULL, "{\"type\":\"response.failed\"}", LLM_FAILED },
        { "error", "{\"type\":\"error\",\"message\":\"m\"}", LLM_FAILED },
        { NULL, "{\"error\":{\"message\":\"m\"}}", LLM_FAILED },
        { NULL, "[DONE]", LLM_NOTHING },
        { NULL, "{", LLM_MALFORMED },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        for (int committed = 0; committed < 2; committed++)
            assert_int_equal(
                read_as(&dialect_responses, cases[i].type, cases[i].data, committed).kind,
                cases[i].kind);
    assert_int_equal(
        read_as(&dialect_responses, "response.output_text.delta", "not looked at", true).kind,
        LLM_CONTENT);
}

static void test_a_failed_response_says_why_and_what_it_cost(void **state)
{
    struct llm_event seen =
        read_as(&dialect_responses, "response.failed",
                "{\"type\":\"response.failed\",\"response\":{\"error\":{\"code\":"
                "\"rate_limit_exceeded\",\"message\":\"slow\"},\"usage\":{\"input_tokens\":4,"
                "\"output_tokens\":2}}}",
                true);

    (void)state;
    assert_int_equal(seen.error.class, LLM_RATE_LIMIT);
    assert_span(seen.error.message, "slow");
    assert_usage(seen.usage, 4, 0, 0, 2, 0);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, before_each, after_each)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_what_shows_life_only),
        CASE(test_what_a_client_may_act_on),
        CASE(test_a_finish_reason_is_content_and_remembered),
        CASE(test_usage_alone_is_told_from_usage_on_a_chunk),
        CASE(test_the_end_in_its_spellings),
        CASE(test_errors_inside_a_stream),
        CASE(test_an_event_named_error_is_one),
        CASE(test_talk_about_errors_is_no_error),
        CASE(test_deepseek_out_of_machines_fails_only_before_the_commit),
        CASE(test_a_whole_answer_that_went_wrong_has_failed),
        CASE(test_what_is_no_json_is_malformed),
        CASE(test_an_array_in_place_of_an_object_does_no_harm),
        CASE(test_usage_in_every_spelling),
        CASE(test_reasoning_beside_the_completion_is_added),
        CASE(test_nonsense_in_usage_does_no_harm),
        CASE(test_usage_is_found_in_the_tail_of_a_long_answer),
        CASE(test_an_error_in_a_200_is_a_failure),
        CASE(test_events_of_responses),
        CASE(test_a_failed_response_says_why_and_what_it_cost),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
