/* llm/estimate.c: tokens that nobody counted. */
#include "llm/estimate.h"

/* cmocka wants these first */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static uint64_t prompt(const char *body)
{
    return estimate_prompt(span_from(body));
}

static void test_four_bytes_of_what_is_told_are_a_token(void **state)
{
    (void)state;
    assert_int_equal(prompt("{\"model\":\"a-long-name\",\"messages\":[{\"role\":\"user\","
                            "\"content\":\"12345678\"}],\"user\":\"somebody\"}"),
                     6); /* role user content 12345678 */
    assert_int_equal(prompt("{\"prompt\": [\"1234\" , \"567\"]}"), 2);
    assert_int_equal(prompt("{\"instructions\":\"1234\",\"input\":\"5678\"}"), 2);
    assert_int_equal(prompt("{\"system\":\"1234567\"}"), 6); /* role system content 1234567 */
    assert_int_equal(prompt("{\"system\":[{\"type\":\"text\",\"text\":\"1234\"}]}"), 9);
    assert_int_equal(prompt("{\"contents\":[{\"parts\":[{\"text\":\"1234567\"}]}]}"), 4);
    assert_int_equal(prompt(" {\"messages\":[],\"temperature\":1}\n"), 0);
}

static void test_a_string_counts_as_it_reads(void **state)
{
    (void)state;
    assert_int_equal(prompt("{\"prompt\":\"\\n\\\"\\\\\\/\"}"), 1);
    assert_int_equal(prompt("{\"prompt\":\"\\u00e9\\u00E9\"}"), 1);
    assert_int_equal(prompt("{\"prompt\":\"\\ud83c\\udf0a\\u0041bcd\"}"), 2);
    assert_int_equal(prompt("{\"prompt\":\"\\u6f6e\\u6c50ab\"}"), 2);
}

static void test_tools_are_read_as_they_stand(void **state)
{
    (void)state;
    assert_int_equal(prompt("{\"tools\":[{\"name\":\"now\"}]}"), 4); /* 16 bytes */
}

static void test_media_count_apiece(void **state)
{
    (void)state;
    assert_int_equal(
        prompt(
            "{\"messages\":[{\"content\":[{\"image_url\":{\"url\":\"data:image/png;base64,AAAA"
            "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}},{\"text\":\"1234\"}]}]}"),
        ESTIMATE_MEDIUM + 7); /* content image_url url text 1234 */
    assert_int_equal(
        prompt("{\"contents\":[{\"inlineData\":{\"data\":\"AAAAAAAAAAAAAAAA\"}}]}"),
        ESTIMATE_MEDIUM + 4);
}

static void test_what_is_no_json_costs_nothing(void **state)
{
    (void)state;
    assert_int_equal(prompt(""), 0);
    assert_int_equal(prompt("--boundary\r\n"), 0);
    assert_int_equal(prompt("[\"prompt\"]"), 0);
    assert_int_equal(prompt("{\"messages\":[\"abcd"), 0);
}

static uint64_t output(struct estimate estimate, const uint64_t *sizes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        estimate_add(&estimate, sizes[i]);
    return estimate_output(&estimate);
}

static void test_an_event_of_a_word_is_a_token(void **state)
{
    const uint64_t words[] = { 203, 205, 208, 200, 206, 204, 229, 201, 203, 207 };
    const uint64_t bare[] = { 3, 5, 8, 1, 6, 4, 29, 1, 3, 7 };

    (void)state;
    assert_int_equal(output((struct estimate){ 0 }, words, 10), 10);
    assert_int_equal(output((struct estimate){ .bare = true }, bare, 10), 10);
}

static void test_an_event_of_a_line_is_a_token_for_each_four_bytes(void **state)
{
    const uint64_t lines[] = { 200, 260, 280 };
    const uint64_t bare[] = { 60, 80 };

    (void)state;
    assert_int_equal(output((struct estimate){ 0 }, lines, 3), 140 / 4);
    assert_int_equal(output((struct estimate){ .bare = true }, bare, 2), 140 / 4);
}

static void test_nothing_is_nothing(void **state)
{
    (void)state;
    assert_int_equal(output((struct estimate){ 0 }, NULL, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_four_bytes_of_what_is_told_are_a_token),
        cmocka_unit_test(test_a_string_counts_as_it_reads),
        cmocka_unit_test(test_tools_are_read_as_they_stand),
        cmocka_unit_test(test_media_count_apiece),
        cmocka_unit_test(test_what_is_no_json_costs_nothing),
        cmocka_unit_test(test_an_event_of_a_word_is_a_token),
        cmocka_unit_test(test_an_event_of_a_line_is_a_token_for_each_four_bytes),
        cmocka_unit_test(test_nothing_is_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
