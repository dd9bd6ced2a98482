/* A body that is read while it comes says what it says when it is read at once: in every language, wherever
 * it is cut. */
#include "llm/chat_ahead.h"
#include "llm/dialect.h"
#include "llm/estimate.h"

/* cmocka wants these first */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static const char *const bodies[] = {
    "{}",
    "{\"contents\":[{\"parts\":[{\"text\":\"how are you?\"}]}]}",
    "{\"generationConfig\":{\"maxOutputTokens\":5},\"contents\":\"x\"}",
    "{\"contents\":\"x\",\"generation_config\":{\"max_output_tokens\":6}}",
    "{\"generationConfig\":{\"maxOutputTokens\":5},\"generationConfig\":{\"maxOutputTokens\":7}"
    "}",
    "{\"generationConfig\":{\"maxOutputTokens\":5},\"generation_config\":{\"maxOutputTokens\":"
    "7}}",
    "{\"generation_config\":{\"maxOutputTokens\":5},\"generationConfig\":{\"maxOutputTokens\":"
    "7}}",
    "{\"generationConfig\":null,\"generation_config\":{\"maxOutputTokens\":7}}",
    "{\"generationConfig\":null}",
    "{\"generationConfig\":[1]}",
    "{\"generationConfig\":{\"maxOutputTokens\":-1}}",
    "{\"generationConfig\":{\"maxOutputTokens\":5}",
    "{\"contents\":\"x\",}",
    "[]",
    "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"max_tokens\":3,"
    "\"stream\":true}",
    "{\"model\":\"m\",\"model\":\"n\"}",
};

static void check(const struct dialect *dialect, struct span body, size_t cut)
{
    struct chat_problem problem = { 0 };
    struct chat_problem problem_ahead = { 0 };
    struct chat_ahead *ahead = NULL;
    struct chat at_once = { 0 };
    struct chat chat = { 0 };
    struct arena arena;
    enum err err;

    arena_init(&arena);
    err = dialect->read_chat(body, &arena, &at_once, &problem);
    for (size_t size = cut; size < body.size; size += cut)
        ahead = dialect->look_ahead(ahead, span_first(body, size), &arena);
    ahead = dialect->look_ahead(ahead, body, &arena);
    assert_int_equal(dialect->read_ahead(ahead, body, &arena, &chat, &problem_ahead), err);
    if (err) {
        assert_string_equal(problem_ahead.message, problem.message);
    } else {
        assert_int_equal(chat.max_tokens, at_once.max_tokens);
        assert_int_equal(chat.stream, at_once.stream);
        assert_int_equal(chat.inside, at_once.inside);
        assert_int_equal(chat.empty, at_once.empty);
        assert_true(span_equal(chat.model, at_once.model));
        assert_int_equal(chat_ahead_prompt(ahead), estimate_prompt(body));
    }
    arena_done(&arena);
}

static void test_it_says_the_same_wherever_it_is_cut(void **state)
{
    static const struct dialect *const dialects[] = { &dialect_openai, &dialect_anthropic,
                                                      &dialect_responses, &dialect_gemini };

    (void)state;
    for (size_t d = 0; d < sizeof(dialects) / sizeof(*dialects); d++)
        for (size_t i = 0; i < sizeof(bodies) / sizeof(*bodies); i++)
            for (size_t cut = 1; cut <= strlen(bodies[i]); cut++)
                check(dialects[d], span_from(bodies[i]), cut);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_says_the_same_wherever_it_is_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
