/* llm/openai_chat: what the gateway acts on in a request, and what it refuses. */
#include "llm/dialect.h"

#include "base/limits.h"
#include "base/mem.h"

/* cmocka wants these first */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
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

static struct chat good(const char *body)
{
    struct chat_problem problem = { 0 };
    struct chat chat;

    assert_int_equal(dialect_openai.read_chat(span_from(body), &arena, &chat, &problem),
                     ERR_OK);
    return chat;
}

static struct chat_problem bad(struct span body, const char *code)
{
    struct chat_problem problem = { 0 };
    struct chat chat;

    assert_int_not_equal(dialect_openai.read_chat(body, &arena, &chat, &problem), ERR_OK);
    assert_string_equal(problem.code, code);
    return problem;
}

static void assert_says(const char *message, const char *part)
{
    if (strstr(message, part) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", message, part);
}

static void test_a_request_shows_what_the_gateway_acts_on(void **state)
{
    static const char body[] =
        "{\"model\":\"gpt\\u002d4.1\",\"messages\":[{\"model\":1}],\"stream\":true,"
        "\"stream_options\":{\"include_usage\":true},\"max_tokens\":5,"
        "\"max_completion_tokens\":7,\"metadata\":{\"task\":\"simple\"},\"user\":\"u\\n1\"}";
    struct chat chat = good(body);

    (void)state;
    assert_span(chat.model, "gpt-4.1");
    assert_span(chat.model_raw, "\"gpt\\u002d4.1\"");
    assert_true(chat.stream && chat.include_usage);
    assert_span(chat.include_usage_raw, "true");
    assert_span(chat.stream_options_raw, "{\"include_usage\":true}");
    assert_int_equal(chat.max_tokens, 7);
    assert_span(chat.task, "simple");
    assert_span(chat.user, "u\n1");
    assert_int_equal(chat.inside, 1);
    assert_false(chat.empty);
}

static void test_what_is_not_there_is_not_there(void **state)
{
    struct chat chat = good("{}");

    (void)state;
    assert_true(chat.empty);
    assert_null(chat.model.at);
    assert_null(chat.model_raw.at);
    assert_null(chat.stream_options_raw.at);
    assert_null(chat.include_usage_raw.at);
    assert_null(chat.task.at);
    assert_null(chat.user.at);
    assert_false(chat.stream || chat.include_usage);
    assert_int_equal(chat.max_tokens, 0);
}

static void test_null_is_as_good_as_absent(void **state)
{
    struct chat chat = good("{\"stream\":null,\"stream_options\":null,\"max_tokens\":null,"
                            "\"metadata\":null,\"user\":null}");

    (void)state;
    assert_false(chat.stream);
    assert_true(chat.stream_options_null);
    assert_span(chat.stream_options_raw, "null");
    assert_null(chat.user.at);
    chat = good("{\"stream_options\":{\"include_usage\":null}}");
    assert_false(chat.include_usage);
    assert_span(chat.include_usage_raw, "null");
    chat = good("{\"stream_options\":{ }}");
    assert_true(chat.stream_options_empty);
}

static void test_every_spelling_of_the_output_limit_is_read(void **state)
{
    (void)state;
    assert_int_equal(good("{\"max_tokens\":5}").max_tokens, 5);
    assert_int_equal(good("{\"max_completion_tokens\":6}").max_tokens, 6);
    assert_int_equal(good("{\"max_output_tokens\":7}").max_tokens, 7);
    assert_int_equal(good("{\"max_tokens\":\"5\"}").max_tokens,
                     0); /* for the provider to refuse */
}

/* fault 69 */
static void test_what_is_acted_on_may_stand_once(void **state)
{
    static const char *const bodies[][2] = {
        { "{\"model\":\"a\",\"model\":\"b\"}", "model" },
        { "{\"model\":\"a\",\"mod\\u0065l\":\"b\"}", "model" },
        { "{\"stream\":true,\"stream\":false}", "stream" },
        { "{\"max_tokens\":1,\"max_tokens\":2}", "max_tokens" },
        { "{\"stream_options\":{},\"stream_options\":null}", "stream_options" },
        { "{\"user\":\"a\",\"user\":\"b\"}", "user" },
        { "{\"metadata\":{\"task\":\"a\",\"task\":\"b\"}}", "metadata.task" },
        { "{\"stream_options\":{\"include_usage\":true,\"include_usage\":false}}",
          "stream_options.include_usage" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        struct chat_problem problem = bad(span_from(bodies[i][0]), "duplicate_key");

        assert_string_equal(problem.param, bodies[i][1]);
        assert_says(problem.message, bodies[i][1]);
    }
}

/* fault 66 */
static void test_what_is_no_json_object_is_refused_with_the_place(void **state)
{
    static const char *const bodies[][2] = {
        { "", "empty" },
        { "\xef\xbb\xbf{}", "byte order mark" },
        { "[]", "must be a JSON object" },
        { "\"text\"", "must be a JSON object" },
        { "{\"a\":1", "ends too early, after 6 bytes" },
        { "{\n  \"a\": tru\n}", "line 2, column 8 (byte 9)" },
        { "{\"a\":\"\xff\"}", "line 1, column 7 (byte 6)" },
        { "{\"a\":\"\\ud800\"}", "line 1, column 7 (byte 6)" },
        { "{\"a\":1e999999999}", "too large" },
        { "model=a&stream=true", "line 1, column 1 (byte 0)" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        struct chat_problem problem = bad(span_from(bodies[i][0]), "invalid_json");

        assert_null(problem.param);
        assert_says(problem.message, bodies[i][1]);
    }
}

/* fault 67: ten megabytes of brackets, and a million digits. */
static void test_deep_and_long_bodies_are_refused(void **state)
{
    size_t size = 10 * 1024 * 1024;
    char *body = mem_alloc(size);

    (void)state;
    memset(body, '[', size);
    assert_says(bad(span_make(body, size), "invalid_json").message, "64 levels");
    memset(body, '1', size);
    memcpy(body, "{\"a\":", 5);
    body[size - 1] = '}';
    assert_says(bad(span_make(body, size), "invalid_json").message, "1024 digits");
    mem_free(body);
}

static void test_a_value_of_the_wrong_kind_is_named(void **state)
{
    static const char *const bodies[][2] = {
        { "{\"model\":7}", "model" },
        { "{\"model\":null}", "model" },
        { "{\"model\":\"\"}", "model" },
        { "{\"model\":\"a\\nb\"}", "model" },
        { "{\"model\":\"a\\u0000\"}", "model" },
        { "{\"stream\":\"true\"}", "stream" },
        { "{\"stream\":1}", "stream" },
        { "{\"stream_options\":true}", "stream_options" },
        { "{\"stream_options\":{\"include_usage\":1}}", "stream_options.include_usage" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        struct chat_problem problem = bad(span_from(bodies[i][0]), "invalid_value");

        assert_string_equal(problem.param, bodies[i][1]);
        assert_says(problem.message, bodies[i][1]);
    }
    assert_says(bad(SPAN_OF("{\"stream\":\"true\"}"), "invalid_value").message,
                "true or false, not a string");
}

static void test_a_model_name_has_a_longest(void **state)
{
    char body[LIMIT_MODEL_NAME_BYTES + 32];
    int size =
        snprintf(body, sizeof(body), "{\"model\":\"%0*d\"}", (int)LIMIT_MODEL_NAME_BYTES, 7);

    (void)state;
    assert_int_equal(good(body).model.size, LIMIT_MODEL_NAME_BYTES);
    (void)snprintf(body, sizeof(body), "{\"model\":\"%0*d\"}", (int)LIMIT_MODEL_NAME_BYTES + 1,
                   7);
    assert_string_equal(bad(span_make(body, (size_t)size + 1), "invalid_value").param, "model");
}

/* fault 70: whatever else stands there is the provider's business. */
static void test_other_members_are_data(void **state)
{
    struct chat chat =
        good("{\"api_base\":\"http://evil\",\"model\":\"a\",\"messages\":7,"
             "\"x\":{\"base_url\":1,\"api_key\":\"k\"},\"metadata\":[],\"user\":{}}");

    (void)state;
    assert_span(chat.model, "a");
    assert_null(chat.task.at);
    assert_null(chat.user.at);
}

static void test_a_user_has_three_names(void **state)
{
    (void)state;
    assert_span(good("{\"metadata\":{\"user_id\":\"c\"}}").user, "c");
    assert_span(good("{\"safety_identifier\":\"b\",\"metadata\":{\"user_id\":\"c\"}}").user,
                "b");
    assert_span(good("{\"user\":\"a\",\"safety_identifier\":\"b\"}").user, "a");
    assert_span(good("{\"user\":\"\",\"safety_identifier\":\"b\"}").user, "b");
    assert_span(good("{\"safety_identifier\":7,\"metadata\":{\"user_id\":\"c\"}}").user, "c");
    assert_null(good("{\"safety_identifier\":null,\"metadata\":{\"user_id\":8}}").user.at);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, before_each, after_each)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_a_request_shows_what_the_gateway_acts_on),
        CASE(test_what_is_not_there_is_not_there),
        CASE(test_null_is_as_good_as_absent),
        CASE(test_every_spelling_of_the_output_limit_is_read),
        CASE(test_what_is_acted_on_may_stand_once),
        CASE(test_what_is_no_json_object_is_refused_with_the_place),
        CASE(test_deep_and_long_bodies_are_refused),
        CASE(test_a_value_of_the_wrong_kind_is_named),
        CASE(test_a_model_name_has_a_longest),
        CASE(test_other_members_are_data),
        CASE(test_a_user_has_three_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
