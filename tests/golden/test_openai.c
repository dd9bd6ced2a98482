/* A request, whole answers and errors, as OpenAI, Azure and DeepSeek send them. */
#include "golden/fixture.h"
#include "llm/dialect.h"
#include "llm/relay.h"

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

static struct chat read_chat(struct span body)
{
    struct chat_problem problem;
    struct chat chat;

    assert_int_equal(dialect_openai.read_chat(body, &arena, &chat, &problem), ERR_OK);
    return chat;
}

static void test_the_request_is_understood(void **state)
{
    struct span body = fixture_read("01-openai-chat-request.json");
    struct chat chat = read_chat(body);

    (void)state;
    assert_true(span_is(chat.model, "gpt-6-sol"));
    assert_true(chat.stream && chat.include_usage && !chat.empty);
    assert_true(span_is(chat.user, "crew-17"));
    assert_int_equal(chat.max_tokens, 400);
    assert_null(chat.task.at);
    fixture_free(body);
}

/* Everything but the name stays: the large seed, the order, the white space. */
static void test_the_request_goes_up_byte_for_byte_but_for_the_name(void **state)
{
    struct span body = fixture_read("01-openai-chat-request.json");
    struct chat chat = read_chat(body);
    struct span pieces[RELAY_PIECES_MAX];
    size_t count = relay_request(&chat, SPAN_OF("local/tide"), true, &arena, pieces);

    (void)state;
    assert_int_equal(count, 3);
    assert_int_equal(pieces[0].size + pieces[2].size + strlen("\"gpt-6-sol\""), body.size);
    assert_memory_equal(pieces[0].at, body.at, pieces[0].size);
    assert_true(span_is(pieces[1], "\"local/tide\""));
    assert_ptr_equal(pieces[2].at + pieces[2].size, body.at + body.size);
    fixture_free(body);
}

/* Cut anywhere, it is refused, and so is one with a byte too many. */
static void test_no_part_of_the_request_is_a_request(void **state)
{
    struct span body = fixture_read("01-openai-chat-request.json");
    size_t last = body.size;

    (void)state;
    while (body.at[last - 1] != '}')
        last--;
    for (size_t size = 0; size < last; size++) {
        struct span part = fixture_copy(span_first(body, size));
        struct chat_problem problem;
        struct chat chat;

        assert_int_equal(dialect_openai.read_chat(part, &arena, &chat, &problem), ERR_SYNTAX);
        assert_string_equal(problem.code, "invalid_json");
        fixture_free(part);
    }
    fixture_free(body);
}

static void assert_answer(const char *name, uint64_t input, uint64_t cached, uint64_t output,
                          uint64_t reasoning)
{
    struct span body = fixture_read(name);
    struct llm_answer answer;
    struct usage tail = { 0 };

    dialect_openai.read_answer(body, &arena, &answer);
    assert_false(answer.failed || answer.malformed);
    assert_true(answer.usage.known);
    assert_int_equal(answer.usage.input, input);
    assert_int_equal(answer.usage.cached, cached);
    assert_int_equal(answer.usage.output, output);
    assert_int_equal(answer.usage.reasoning, reasoning);
    dialect_openai.read_answer_tail(span_skip(body, body.size / 3), &tail);
    assert_memory_equal(&tail, &answer.usage, sizeof(tail));
    fixture_free(body);
}

static void test_whole_answers(void **state)
{
    (void)state;
    assert_answer("02-openai-chat-response.json", 53, 128, 46, 32);
    assert_answer("20-deepseek-nonstream-leading-blank-lines.txt", 10, 0, 5, 0);
}

static void test_a_quota_error_is_no_rate_limit(void **state)
{
    struct span http = fixture_read("06-openai-error-429.http");
    struct llm_error error;

    (void)state;
    dialect_openai.read_error(429, fixture_http_body(http), &arena, &error);
    assert_int_equal(error.class, LLM_QUOTA);
    assert_int_equal(error.status, 429);
    assert_true(span_is(error.message, "You exceeded your current quota."));
    assert_true(span_is(error.code, "insufficient_quota"));
    fixture_free(http);
}

static void test_azures_filter_is_told_apart(void **state)
{
    struct span body = fixture_read("22-azure-error-400-content-filter.json");
    struct llm_error error;

    (void)state;
    dialect_openai.read_error(400, body, &arena, &error);
    assert_int_equal(error.class, LLM_CONTENT_FILTER);
    assert_int_equal(error.status, 400);
    assert_true(span_is(error.param, "prompt"));
    assert_true(span_is(error.code, "content_filter"));
    assert_true(span_starts(error.message, "The response was filtered"));
    fixture_free(body);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, before_each, after_each)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_the_request_is_understood),
        CASE(test_the_request_goes_up_byte_for_byte_but_for_the_name),
        CASE(test_no_part_of_the_request_is_a_request),
        CASE(test_whole_answers),
        CASE(test_a_quota_error_is_no_rate_limit),
        CASE(test_azures_filter_is_told_apart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
