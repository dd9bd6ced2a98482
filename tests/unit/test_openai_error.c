/* llm/openai_error: errors as OpenAI and its many imitators write them. */
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

static struct llm_error error_of(unsigned status, const char *body)
{
    struct llm_error error;

    dialect_openai.read_error(status, span_from(body), &arena, &error);
    return error;
}

static void test_the_class_of_an_error(void **state)
{
    static const struct {
        unsigned status;
        const char *body;
        enum llm_class class;
        unsigned answer;
    } cases[] = {
        { 429, "{\"error\":{\"message\":\"m\",\"code\":\"rate_limit_exceeded\"}}",
          LLM_RATE_LIMIT, 429 },
        { 429, "{\"error\":{\"message\":\"m\",\"type\":\"insufficient_quota\"}}", LLM_QUOTA,
          429 },
        { 429, "{\"error\":{\"message\":\"m\",\"code\":\"insufficient_quota\"}}", LLM_QUOTA,
          429 },
        { 402, "{\"error\":{\"message\":\"m\"}}", LLM_QUOTA, 429 },
        { 400, "{\"error\":{\"message\":\"m\",\"code\":\"context_length_exceeded\"}}",
          LLM_CONTEXT_WINDOW, 400 },
        { 400,
          "{\"error\":{\"message\":\"This model's maximum context length is 9\","
          "\"type\":\"BadRequestError\",\"code\":400}}",
          LLM_CONTEXT_WINDOW, 400 },
        { 400, "{\"error\":{\"message\":\"m\",\"type\":\"exceed_context_size_error\"}}",
          LLM_CONTEXT_WINDOW, 400 },
        { 400, "{\"error\":{\"message\":\"m\",\"code\":\"content_policy_violation\"}}",
          LLM_CONTENT_FILTER, 400 },
        { 403,
          "{\"error\":{\"message\":\"m\",\"code\":403,\"metadata\":{\"reasons\":[\"x\"]}}}",
          LLM_CONTENT_FILTER, 400 },
        { 401, "{\"error\":{\"message\":\"m\",\"type\":\"invalid_request_error\"}}", LLM_AUTH,
          502 },
        { 403, "{}", LLM_AUTH, 502 },
        { 403, "{\"error\":{\"message\":\"m\",\"code\":\"model_not_found\"}}", LLM_NOT_FOUND,
          404 },
        { 404, "{\"detail\":\"Not Found\"}", LLM_NOT_FOUND, 404 },
        { 408, "", LLM_TIMEOUT, 504 },
        { 504, "<html>", LLM_TIMEOUT, 504 },
        { 409, "", LLM_SERVER_ERROR, 503 },
        { 500, "{\"error\":{\"message\":\"m\"}}", LLM_SERVER_ERROR, 500 },
        { 503, "", LLM_SERVER_ERROR, 503 },
        { 529, "{\"error\":{\"message\":\"m\",\"type\":\"overloaded_error\"}}",
          LLM_SERVER_ERROR, 503 },
        { 418, "", LLM_CLIENT_ERROR, 418 },
        { 422, "{\"detail\":[{\"msg\":\"m\"}]}", LLM_CLIENT_ERROR, 422 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct llm_error error = error_of(cases[i].status, cases[i].body);

        assert_int_equal(error.class, cases[i].class);
        assert_int_equal(error.status, cases[i].answer);
        assert_true(error.message.size > 0);
    }
}

static void test_the_words_of_an_error_in_every_shape(void **state)
{
    static const char words[] =
        "\"message\":\"m\",\"type\":\"t\",\"param\":\"p\",\"code\":\"c\"";
    static const char *const around[][2] = {
        { "{\"error\":{", "}}" },
        { "{\"object\":\"error\",", "}" },
        { "[{\"error\":{", "}}]" },
    };
    static const char *const loose[] = {
        "{\"error\":\"m\"}",
        "{\"detail\":\"m\"}",
        "{\"message\":\"m\"}",
        "{\"detail\":[{\"loc\":[\"body\"],\"msg\":\"m\"}]}",
        "{\"error\":{\"message\":\"m\",\"code\":400,\"type\":null,\"param\":null}}",
    };
    struct llm_error error;

    (void)state;
    for (size_t i = 0; i < sizeof(around) / sizeof(around[0]); i++) {
        error =
            error_of(400, arena_printf(&arena, "%s%s%s", around[i][0], words, around[i][1]));
        assert_span(error.message, "m");
        assert_span(error.type, "t");
        assert_span(error.param, "p");
        assert_span(error.code, "c");
    }
    for (size_t i = 0; i < sizeof(loose) / sizeof(loose[0]); i++) {
        error = error_of(400, loose[i]);
        assert_span(error.message, "m");
        assert_null(error.type.at);
        assert_null(error.code.at);
        assert_null(error.param.at);
    }
}

/* fault 26 */
static void test_a_web_page_never_becomes_a_message(void **state)
{
    static const char *const bodies[] = {
        "<html><body>nginx</body></html>",
        "upstream connect error",
        "{\"error\":",
        "\"<html>\"",
        "[]",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        struct llm_error error = error_of(502, bodies[i]);

        assert_span(
            error.message,
            "The provider answered with status 502 and something that is not an API's error.");
        assert_span(error.code, "upstream_error");
    }
    assert_span(error_of(502, "").message,
                "The provider answered with status 502 and no explanation.");
    assert_span(error_of(502, "{}").message,
                "The provider answered with status 502 and no explanation.");
}

static void test_a_key_in_a_message_is_hidden(void **state)
{
    (void)state;
    assert_span(error_of(401, "{\"error\":{\"message\":\"Incorrect API key provided: "
                              "sk-proj-abc***wxyz. See https://example.com.\"}}")
                    .message,
                "Incorrect API key provided: ***. See https://example.com.");
}

static void test_a_long_message_is_cut_between_characters(void **state)
{
    struct buf body;
    struct llm_error error;

    (void)state;
    buf_init(&body, 1 << 16);
    (void)buf_add_text(&body, "{\"error\":{\"message\":\"x");
    for (int i = 0; i < 2000; i++)
        (void)buf_add_text(&body, "\xe2\x82\xac");
    (void)buf_add_text(&body, "\"}}");
    dialect_openai.read_error(400, buf_span(&body), &arena, &error);
    assert_int_equal(error.message.size, 1 + 3 * (2047 / 3));
    buf_done(&body);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, before_each, after_each)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_the_class_of_an_error),
        CASE(test_the_words_of_an_error_in_every_shape),
        CASE(test_a_web_page_never_becomes_a_message),
        CASE(test_a_key_in_a_message_is_hidden),
        CASE(test_a_long_message_is_cut_between_characters),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
