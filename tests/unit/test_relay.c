/* llm/relay: what goes up with a few bytes exchanged, and what comes down with a verdict. */
#include "llm/relay.h"

#include "base/limits.h"
#include "base/mem.h"

/* cmocka wants these first */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

/* ---- up ---- */

static void assert_sent(const char *body, const char *model, bool want_usage,
                        const char *expected)
{
    struct span pieces[RELAY_PIECES_MAX];
    struct chat_problem problem;
    struct arena arena;
    struct chat chat;
    struct buf sent;
    size_t count;

    arena_init(&arena);
    buf_init(&sent, 1 << 16);
    assert_int_equal(dialect_openai.read_chat(span_from(body), &arena, &chat, &problem),
                     ERR_OK);
    count = relay_request(&chat, span_from(model), want_usage, &arena, pieces);
    for (size_t i = 0; i < count; i++) {
        assert_true(pieces[i].size > 0);
        (void)buf_add(&sent, pieces[i]);
    }
    assert_string_equal(buf_text(&sent), expected);
    buf_done(&sent);
    arena_done(&arena);
}

static void test_an_unchanged_request_is_one_piece_of_the_clients_bytes(void **state)
{
    static const char body[] = "{\"model\":\"a\",\"stream_options\":{\"include_usage\":true}}";
    struct span pieces[RELAY_PIECES_MAX];
    struct chat_problem problem;
    struct arena arena;
    struct chat chat;

    (void)state;
    arena_init(&arena);
    assert_int_equal(dialect_openai.read_chat(SPAN_OF(body), &arena, &chat, &problem), ERR_OK);
    assert_int_equal(relay_request(&chat, SPAN_OF("a"), true, &arena, pieces), 1);
    assert_ptr_equal(pieces[0].at, body);
    assert_int_equal(pieces[0].size, sizeof(body) - 1);
    arena_done(&arena);
}

static void test_the_name_is_exchanged_and_everything_else_stays(void **state)
{
    (void)state;
    assert_sent(" { \"seed\":9007199254740993, \"model\" : \"a\\u002f\" ,\"t\":1.0}\n", "b/c",
                false, " { \"seed\":9007199254740993, \"model\" : \"b/c\" ,\"t\":1.0}\n");
    assert_sent("{\"model\":\"a\"}", "q\"\n", false, "{\"model\":\"q\\\"\\n\"}");
    assert_sent("{\"mod\\u0065l\":\"a\"}", "b", false, "{\"mod\\u0065l\":\"b\"}");
}

static void test_a_missing_name_is_put_first(void **state)
{
    (void)state;
    assert_sent("{ \"x\":1}", "b", false, "{\"model\":\"b\", \"x\":1}");
    assert_sent("{}", "b", false, "{\"model\":\"b\"}");
    assert_sent("{ }", "b", true,
                "{\"model\":\"b\",\"stream_options\":{\"include_usage\":true} }");
}

static void test_usage_is_asked_for_whatever_stands_there(void **state)
{
    static const char *const cases[][2] = {
        { "{\"model\":\"a\"}",
          "{\"stream_options\":{\"include_usage\":true},\"model\":\"a\"}" },
        { "{\"model\":\"a\",\"stream_options\":null}",
          "{\"model\":\"a\",\"stream_options\":{\"include_usage\":true}}" },
        { "{\"model\":\"a\",\"stream_options\":{ }}",
          "{\"model\":\"a\",\"stream_options\":{\"include_usage\":true }}" },
        { "{\"stream_options\":{\"x\":1},\"model\":\"a\"}",
          "{\"stream_options\":{\"include_usage\":true,\"x\":1},\"model\":\"a\"}" },
        { "{\"stream_options\":{\"include_usage\": false },\"model\":\"a\"}",
          "{\"stream_options\":{\"include_usage\": true },\"model\":\"a\"}" },
        { "{\"stream_options\":{\"include_usage\":null},\"model\":\"a\"}",
          "{\"stream_options\":{\"include_usage\":true},\"model\":\"a\"}" },
        { "{\"stream_options\":{\"include_usage\":true},\"model\":\"a\"}",
          "{\"stream_options\":{\"include_usage\":true},\"model\":\"a\"}" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_sent(cases[i][0], "a", true, cases[i][1]);
}

static void test_all_edits_at_once_in_either_order(void **state)
{
    (void)state;
    assert_sent("{\"model\":\"a\",\"stream_options\":{\"include_usage\":false},\"z\":[]}", "b",
                true, "{\"model\":\"b\",\"stream_options\":{\"include_usage\":true},\"z\":[]}");
    assert_sent("{\"stream_options\":{},\"model\":\"a\",\"z\":[]}", "b", true,
                "{\"stream_options\":{\"include_usage\":true},\"model\":\"b\",\"z\":[]}");
    assert_sent("{\"stream_options\":{}}", "b", true,
                "{\"model\":\"b\",\"stream_options\":{\"include_usage\":true}}");
}

/* ---- down ---- */

/* Runs a whole stream; writes a letter for each verdict and then what the client gets. */
static void run(struct relay *relay, struct span bytes, bool ended, struct buf *out)
{
    static const char letters[] = {
        [RELAY_HOLD] = 'H',   [RELAY_FORWARD] = 'F', [RELAY_DROP] = 'D',
        [RELAY_FAILED] = 'L', [RELAY_END] = 'E',
    };
    struct relay_step step;

    while (relay_next(relay, bytes, ended, &step)) {
        (void)buf_add_byte(out, letters[step.verdict]);
        (void)buf_add_byte(out, '|');
        (void)buf_add(out, step.bytes);
        assert_true(step.verdict != RELAY_DROP || step.bytes.size == 0);
        bytes = span_skip(bytes, step.consumed);
    }
}

static void assert_relays(const char *stream, bool ended, const char *expected)
{
    struct relay relay;
    struct buf out;

    relay_init(&relay, &dialect_openai, true);
    buf_init(&out, 1 << 16);
    run(&relay, span_from(stream), ended, &out);
    assert_string_equal(buf_text(&out), expected);
    buf_done(&out);
    relay_done(&relay);
}

#define ROLE "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\"}}]}\n\n"
#define TEXT "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n"
#define USAGE                                                                                  \
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":1}}\n\n"
#define DONE "data: [DONE]\n\n"

static void test_a_stream_in_its_verdicts(void **state)
{
    (void)state;
    assert_relays(": hi\n\n" ROLE TEXT TEXT USAGE DONE, false,
                  "H|: hi\n\nH|" ROLE "F|" TEXT "F|" TEXT "D|E|" DONE);
}

static void test_usage_that_was_asked_for_is_forwarded(void **state)
{
    struct relay relay;
    struct buf out;

    (void)state;
    relay_init(&relay, &dialect_openai, false);
    buf_init(&out, 1 << 16);
    run(&relay, SPAN_OF(TEXT USAGE), false, &out);
    assert_string_equal(buf_text(&out), "F|" TEXT "F|" USAGE);
    assert_true(relay.usage.known);
    assert_int_equal(relay.usage.input, 3);
    buf_done(&out);
    relay_done(&relay);
}

static void test_what_would_break_a_client_is_dropped(void **state)
{
    (void)state;
    assert_relays("retry: 3\n\n\nid: 1\n\nevent: x\n\ndata\n\ndata:\n\n" TEXT, false,
                  "D|D|D|D|D|D|F|" TEXT);
}

static void test_what_is_not_plain_is_written_anew(void **state)
{
    (void)state;
    assert_relays("id: 4\r\ndata:{\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\r\n\r\n",
                  false, "F|" TEXT);
    assert_relays("id: 5\ndata:[DONE]\n\n", true, "E|" DONE);
    assert_relays("data: [DONE]  \n\n", true, "E|" DONE);
    assert_relays("data: [DONE]", true, "E|" DONE);
}

/* fault 14 */
static void test_nothing_counts_behind_the_end(void **state)
{
    assert_relays(TEXT DONE TEXT "garbage", true, "F|" TEXT "E|" DONE "D|");
    (void)state;
}

/* faults 10 and 11: half an event is never sent. */
static void test_half_an_event_at_the_end_is_dropped(void **state)
{
    (void)state;
    assert_relays(TEXT "data: {\"choices\":[{\"del", true, "F|" TEXT "D|");
    assert_relays(TEXT "data: {\"choices\":[{\"del", false, "F|" TEXT);
    assert_relays("data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}", true, "F|" TEXT);
}

/* fault 30 */
static void test_a_malformed_event_is_forwarded_and_counted(void **state)
{
    struct relay relay;
    struct buf out;

    (void)state;
    relay_init(&relay, &dialect_openai, false);
    buf_init(&out, 1 << 16);
    run(&relay, SPAN_OF("data: {oops\n\n"), false, &out);
    assert_string_equal(buf_text(&out), "F|data: {oops\n\n");
    assert_int_equal(relay.malformed, 1);
    buf_reset(&out);
    run(&relay, SPAN_OF("data: {\"id\":cut off\n\n"), false, &out);
    assert_true(relay.committed);
    assert_int_equal(relay.malformed, 2);
    buf_done(&out);
    relay_done(&relay);
}

/* fault 25, and the [DONE] that vLLM sends behind its error */
static void test_an_error_ends_it_and_done_does_not_heal_it(void **state)
{
    static const char stream[] =
        TEXT "data: {\"error\":{\"message\":\"boom \\u0021\",\"code\":500}}\n\n" DONE TEXT;
    struct span bytes = SPAN(stream);
    struct relay relay;
    struct relay_step step;
    struct llm_error error;

    (void)state;
    relay_init(&relay, &dialect_openai, false);
    assert_true(relay_next(&relay, bytes, true, &step));
    bytes = span_skip(bytes, step.consumed);
    assert_true(relay_next(&relay, bytes, true, &step));
    assert_int_equal(step.verdict, RELAY_FAILED);
    assert_int_equal(step.bytes.size, 0);
    error = step.error;
    bytes = span_skip(bytes, step.consumed);
    assert_true(relay_next(&relay, bytes, true, &step));
    assert_int_equal(step.verdict, RELAY_DROP);
    assert_int_equal(step.consumed, bytes.size);
    assert_false(relay_next(&relay, span_skip(bytes, step.consumed), true, &step));
    assert_true(relay.failed && !relay.ended);
    assert_true(span_is(error.message, "boom !")); /* still lent */
    assert_int_equal(error.sequence, 1);
    relay_done(&relay);
}

/* fault 32 */
static void test_an_event_without_end_fails_in_one_piece_and_in_many(void **state)
{
    size_t size = LIMIT_EVENT_BYTES + 1;
    char *bytes = mem_alloc(size);
    struct relay_step step;
    struct relay relay;

    (void)state;
    memset(bytes, 'a', size);
    memcpy(bytes, "data: ", 6);
    relay_init(&relay, &dialect_openai, false);
    assert_false(relay_next(&relay, span_make(bytes, size - 1), false, &step));
    assert_true(relay_next(&relay, span_make(bytes, size), false, &step));
    assert_int_equal(step.verdict, RELAY_FAILED);
    assert_int_equal(step.consumed, size);
    assert_true(span_is(step.error.code, "upstream_protocol"));
    relay_done(&relay);

    memcpy(bytes + size - 2, "\n\n", 2);
    relay_init(&relay, &dialect_openai, false);
    assert_true(relay_next(&relay, span_make(bytes, size), false, &step));
    assert_int_equal(step.verdict, RELAY_FAILED);
    relay_done(&relay);
    mem_free(bytes);
}

/* An event of the greatest size, all of it bad UTF-8 and joined from two lines. */
static void test_the_largest_event_can_be_written_anew(void **state)
{
    size_t size = LIMIT_EVENT_BYTES;
    char *bytes = mem_alloc(size);
    struct relay_step step;
    struct relay relay;

    (void)state;
    memset(bytes, '\xff', size);
    memcpy(bytes, "data: ", 6);
    memcpy(bytes + size / 2, "\ndata: ", 7);
    memcpy(bytes + size - 2, "\n\n", 2);
    relay_init(&relay, &dialect_openai, false);
    assert_true(relay_next(&relay, span_make(bytes, size), false, &step));
    assert_int_equal(step.verdict, RELAY_FORWARD);
    assert_int_equal(step.bytes.size, 6 + 3 * (size - 6 - 7 - 2) + 1 + 2);
    relay_done(&relay);
    mem_free(bytes);
}

/* ---- estimates ---- */

/* Puts `count` events of that text through. */
static void say(struct relay *relay, const char *text, int count)
{
    struct buf stream;
    struct buf out;

    buf_init(&stream, 1 << 16);
    buf_init(&out, 1 << 16);
    for (int i = 0; i < count; i++)
        (void)buf_add_texts(&stream, "data: {\"choices\":[{\"delta\":{\"content\":\"", text,
                            "\"}}]}\n\n", NULL);
    run(relay, buf_span(&stream), false, &out);
    buf_done(&stream);
    buf_done(&out);
}

static void test_events_of_a_word_are_a_token_each(void **state)
{
    struct relay relay;
    struct usage usage;

    (void)state;
    relay_init(&relay, &dialect_openai, false);
    say(&relay, "a", 3);
    say(&relay, " tidal", 10);
    say(&relay, " understandably", 2); /* long, but the exception */
    usage = relay_usage(&relay, 100);
    assert_true(usage.known && usage.estimated);
    assert_int_equal(usage.input, 100);
    assert_int_equal(usage.output, 15);
    relay_done(&relay);
}

static void test_longer_events_hold_a_token_for_each_four_bytes(void **state)
{
    struct relay relay;

    (void)state;
    relay_init(&relay, &dialect_openai, false);
    say(&relay, "a", 1);
    say(&relay, "a line of forty bytes, which is ten of it", 9);
    assert_int_equal(relay_usage(&relay, 0).output, 9 * 40 / 4);
    relay_done(&relay);
}

static void test_a_reason_to_finish_is_no_token(void **state)
{
    struct relay relay;
    struct buf out;

    (void)state;
    relay_init(&relay, &dialect_openai, false);
    buf_init(&out, 1 << 16);
    say(&relay, "word", 5);
    run(&relay, SPAN_OF("data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"),
        false, &out);
    assert_int_equal(relay_usage(&relay, 0).output, 5);
    buf_done(&out);
    relay_done(&relay);
}

static void test_what_the_provider_said_beats_an_estimate(void **state)
{
    struct relay relay;
    struct buf out;

    (void)state;
    relay_init(&relay, &dialect_openai, true);
    buf_init(&out, 1 << 16);
    run(&relay, SPAN_OF(TEXT USAGE), false, &out);
    assert_false(relay_usage(&relay, 4000).estimated);
    assert_int_equal(relay_usage(&relay, 4000).input, 3);
    buf_done(&out);
    relay_done(&relay);
}

static void test_an_estimate_of_nothing_is_the_request_alone(void **state)
{
    struct relay relay;

    (void)state;
    relay_init(&relay, &dialect_openai, true);
    assert_int_equal(relay_usage(&relay, 40).input, 40);
    assert_int_equal(relay_usage(&relay, 40).output, 0);
    relay_done(&relay);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_unchanged_request_is_one_piece_of_the_clients_bytes),
        cmocka_unit_test(test_the_name_is_exchanged_and_everything_else_stays),
        cmocka_unit_test(test_a_missing_name_is_put_first),
        cmocka_unit_test(test_usage_is_asked_for_whatever_stands_there),
        cmocka_unit_test(test_all_edits_at_once_in_either_order),
        cmocka_unit_test(test_a_stream_in_its_verdicts),
        cmocka_unit_test(test_usage_that_was_asked_for_is_forwarded),
        cmocka_unit_test(test_what_would_break_a_client_is_dropped),
        cmocka_unit_test(test_what_is_not_plain_is_written_anew),
        cmocka_unit_test(test_nothing_counts_behind_the_end),
        cmocka_unit_test(test_half_an_event_at_the_end_is_dropped),
        cmocka_unit_test(test_a_malformed_event_is_forwarded_and_counted),
        cmocka_unit_test(test_an_error_ends_it_and_done_does_not_heal_it),
        cmocka_unit_test(test_an_event_without_end_fails_in_one_piece_and_in_many),
        cmocka_unit_test(test_the_largest_event_can_be_written_anew),
        cmocka_unit_test(test_events_of_a_word_are_a_token_each),
        cmocka_unit_test(test_longer_events_hold_a_token_for_each_four_bytes),
        cmocka_unit_test(test_a_reason_to_finish_is_no_token),
        cmocka_unit_test(test_what_the_provider_said_beats_an_estimate),
        cmocka_unit_test(test_an_estimate_of_nothing_is_the_request_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
