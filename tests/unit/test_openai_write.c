/* llm/openai_write: what a client is told, in its language. */
#include "llm/dialect.h"

/* cmocka wants these first */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void assert_writes(void (*write)(const struct llm_error *, struct buf *),
                          const struct llm_error *error, const char *expected)
{
    struct buf out;

    buf_init(&out, 1 << 16);
    write(error, &out);
    assert_string_equal(buf_text(&out), expected);
    buf_done(&out);
}

static const struct llm_error full = {
    .class = LLM_CLIENT_ERROR,
    .status = 400,
    .sequence = 7,
    .message = SPAN("a \"quoted\" word\n"),
    .type = SPAN("t"),
    .code = SPAN("c"),
    .param = SPAN("p"),
};

static const struct llm_error bare = {
    .class = LLM_RATE_LIMIT,
    .message = SPAN("slow down"),
};

static void test_an_error_body_has_all_four_keys(void **state)
{
    (void)state;
    assert_writes(dialect_openai.write_error, &full,
                  "{\"error\":{\"type\":\"t\",\"message\":\"a \\\"quoted\\\" word\\n\","
                  "\"param\":\"p\",\"code\":\"c\"}}");
    assert_writes(dialect_openai.write_error, &bare,
                  "{\"error\":{\"type\":\"rate_limit_error\",\"message\":\"slow down\","
                  "\"param\":null,\"code\":null}}");
    assert_writes(dialect_responses.write_error, &bare,
                  "{\"error\":{\"type\":\"rate_limit_error\",\"message\":\"slow down\","
                  "\"param\":null,\"code\":null}}");
}

static void test_an_error_event_is_one_plain_event(void **state)
{
    (void)state;
    assert_writes(dialect_openai.write_error_event, &bare,
                  "data: {\"error\":{\"type\":\"rate_limit_error\",\"message\":\"slow down\","
                  "\"param\":null,\"code\":null}}\n\n");
    assert_writes(
        dialect_responses.write_error_event, &full,
        "event: error\ndata: {\"type\":\"error\",\"sequence_number\":7,"
        "\"message\":\"a \\\"quoted\\\" word\\n\",\"param\":\"p\",\"code\":\"c\"}\n\n");
}

static void test_bytes_that_are_no_utf_8_are_repaired(void **state)
{
    static const struct llm_error error = { .class = LLM_TIMEOUT, .message = SPAN("\xff!") };

    (void)state;
    assert_writes(dialect_openai.write_error, &error,
                  "{\"error\":{\"type\":\"server_error\",\"message\":\"\xef\xbf\xbd!\","
                  "\"param\":null,\"code\":null}}");
}

static void test_every_class_has_a_type_and_a_name(void **state)
{
    (void)state;
    for (int class = LLM_FINE; class <= LLM_CLIENT_ERROR; class ++) {
        struct llm_error error = { .class = (enum llm_class) class, .message = SPAN("m") };
        struct buf out;

        buf_init(&out, 1 << 12);
        dialect_openai.write_error(&error, &out);
        assert_true(span_starts(buf_span(&out), "{\"error\":{\"type\":\""));
        assert_true(span_from(llm_class_name(error.class)).size > 0);
        buf_done(&out);
    }
    assert_string_equal(llm_class_name(LLM_RATE_LIMIT), "rate_limit");
    assert_string_equal(llm_class_name(LLM_CONNECTION), "connection_error");
    assert_string_equal(llm_class_name(LLM_CONTEXT_WINDOW), "context_window");
}

static void test_the_end_marker(void **state)
{
    struct buf out;

    (void)state;
    buf_init(&out, 1 << 12);
    dialect_responses.write_end(&out);
    assert_int_equal(buf_size(&out), 0);
    dialect_openai.write_end(&out);
    assert_string_equal(buf_text(&out), "data: [DONE]\n\n");
    buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_error_body_has_all_four_keys),
        cmocka_unit_test(test_an_error_event_is_one_plain_event),
        cmocka_unit_test(test_bytes_that_are_no_utf_8_are_repaired),
        cmocka_unit_test(test_every_class_has_a_type_and_a_name),
        cmocka_unit_test(test_the_end_marker),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
