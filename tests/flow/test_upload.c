/* Forms on their way up: what is sent when, what is kept for whom, and who waits for whom. */
#include "flow/stage.h"
#include "flow/words.h"

#include "base/limits.h"
#include "base/mem.h"

#include <stdio.h>
#include <string.h>

#define PART(name, bytes)                                                                      \
    "--B\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n" bytes "\r\n"
#define FILE_HEAD "--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n"
#define LAST      "--B--\r\n"
#define HEARD     "{\"text\":\"Hello\",\"usage\":{\"input_tokens\":5,\"output_tokens\":2}}"

enum { LARGE = 4 * 1024 * 1024 };

/* A request whose body is still to come. */
static void ask_for(struct stage *stage, const char *path, uint64_t length)
{
    stage_prepare(stage, path, "");
    fake_http_add_header(stage->http, "content-type", "multipart/form-data; boundary=B");
    fake_http_set_length(stage->http, length);
    fake_http_set_body(stage->http, HTTP_BODY_COMING, SPAN_OF(""));
    stage_start(stage);
}

static void ask(struct stage *stage, uint64_t length)
{
    ask_for(stage, "/v1/audio/transcriptions", length);
}

static void send(struct stage *stage, struct span bytes)
{
    fake_http_add_body(stage->http, HTTP_BODY_COMING, bytes);
    fake_loop_settle(stage->loop);
}

static void send_text(struct stage *stage, const char *text)
{
    send(stage, span_from(text));
}

static void send_last(struct stage *stage, const char *text)
{
    fake_http_add_body(stage->http, HTTP_BODY_WHOLE, span_from(text));
    fake_loop_settle(stage->loop);
}

/* So many bytes of a file, in pieces. */
static void send_file(struct stage *stage, size_t size)
{
    char piece[32 * 1024];

    memset(piece, 'f', sizeof(piece));
    for (; size; size -= span_first(span_make(piece, sizeof(piece)), size).size)
        send(stage, span_first(span_make(piece, sizeof(piece)), size));
}

static struct span sent(struct stage *stage, size_t at)
{
    return fake_fetch_sent_body(stage_call(stage, at));
}

static void test_only_the_models_name_changes(void **state)
{
    static const char form[] = PART("a", "1") PART("model", "m") FILE_HEAD "RIFF\r\n" LAST;
    struct stage *stage = stage_open(ONE_TARGET);

    (void)state;
    for (size_t cut = 0; cut < sizeof(form); cut++) { /* at every byte */
        size_t call = stage_calls(stage);

        ask(stage, sizeof(form) - 1);
        assert_true(fake_http_continued(stage->http));
        send(stage, span_make(form, cut));
        send_last(stage, form + cut);
        assert_text(sent(stage, call),
                    PART("a", "1") PART("model", "alpha-m") FILE_HEAD "RIFF\r\n" LAST);
        assert_int_equal(fake_fetch_fed_length(stage_call(stage, call)), sizeof(form) - 1 + 6);
        assert_true(fake_fetch_fed_whole(stage_call(stage, call)));
        assert_holds(fake_fetch_sent_headers(stage_call(stage, call)),
                     "Content-Type: multipart/form-data; boundary=B\n");
        stage_answer(stage, call, 200, JSON, HEARD);
        assert_reply(stage, 200, "Hello");
    }
    stage_read_logs(stage);
    assert_holds(buf_span(&stage->access), "\"tokens\":{\"input\":5,\"output\":2,");
    stage_close(stage);
}

static void test_a_file_flows_through(void **state)
{
    struct stage *stage = stage_open(ONE_TARGET);

    (void)state;
    ask(stage, 0);
    send_text(stage, PART("model", "m") FILE_HEAD);
    assert_int_equal(stage_calls(stage), 1);
    assert_int_equal(fake_fetch_fed_length(stage_call(stage, 0)), FETCH_LENGTH_UNKNOWN);
    send_file(stage, LARGE);
    assert_true(sent(stage, 0).size > LARGE);
    assert_false(fake_fetch_fed_whole(stage_call(stage, 0)));
    send_last(stage, "\r\n" LAST);
    assert_true(fake_fetch_fed_whole(stage_call(stage, 0)));
    stage_answer(stage, 0, 200, JSON, HEARD);
    assert_reply(stage, 200, "Hello");
    stage_close(stage);
}

static void test_an_upstream_that_reads_slowly_makes_the_client_wait(void **state)
{
    struct stage *stage = stage_open(ONE_TARGET);
    size_t before;

    (void)state;
    ask(stage, 0);
    send_text(stage, PART("model", "m") FILE_HEAD);
    fake_fetch_let_feed(stage_call(stage, 0), 1000);
    send_file(stage, LARGE);
    assert_true(fake_http_body_waits(stage->http) > LARGE - LIMIT_FORM_KEPT_BYTES - 200000);
    fake_fetch_let_feed(stage_call(stage, 0), 100000); /* beyond what can be kept */
    fake_loop_settle(stage->loop);
    before = fake_http_body_waits(stage->http);
    fake_fetch_let_feed(stage_call(stage, 0), 100000);
    fake_loop_settle(stage->loop);
    assert_true(fake_http_body_waits(stage->http) <= before);
    fake_fetch_let_feed(stage_call(stage, 0), SIZE_MAX);
    fake_loop_settle(stage->loop);
    assert_int_equal(fake_http_body_waits(stage->http), 0);
    stage_leave(stage);
    assert_true(fake_fetch_is_cancelled(stage_call(stage, 0)));
    stage_close(stage);
}

static void test_an_upstream_that_reads_nothing_is_given_up(void **state)
{
    struct stage *stage = stage_open(TWO_TARGETS "timeouts: { idle: 5s }\n");

    (void)state;
    ask(stage, 0);
    send_text(stage, PART("model", "m") FILE_HEAD);
    stage_connect(stage, 0);
    stage_advance(stage, 10000); /* it has all there is: the client is slow */
    assert_int_equal(stage_calls(stage), 1);
    fake_fetch_let_feed(stage_call(stage, 0), 0);
    send_file(stage, 100000);
    stage_advance(stage, 4000);
    assert_int_equal(stage_calls(stage), 1);
    stage_advance(stage, 1000);
    assert_int_equal(stage_calls(stage), 2);
    send_last(stage, "\r\n" LAST);
    stage_answer(stage, 1, 200, JSON, HEARD);
    assert_reply(stage, 200, "Hello");
    stage_close(stage);
}

static void test_what_is_kept_goes_to_the_next_target(void **state)
{
    struct stage *stage = stage_open(TWO_TARGETS);
    struct span first;

    (void)state;
    ask(stage, 0);
    send_text(stage, PART("model", "m") FILE_HEAD);
    send_file(stage, 500000);
    first = sent(stage, 0);
    stage_fail(stage, 0, FETCH_RESET);
    assert_int_equal(stage_calls(stage), 2);
    assert_int_equal(sent(stage, 1).size, first.size - 1); /* beta-m is shorter than alpha-m */
    assert_holds(span_first(sent(stage, 1), 200), "\r\n\r\nbeta-m\r\n");
    send_last(stage, "\r\n" LAST);
    stage_answer(stage, 1, 200, JSON, HEARD);
    assert_reply(stage, 200, "Hello");
    stage_close(stage);
}

static void test_a_whole_small_form_is_kept_until_the_answer(void **state)
{
    struct stage *stage = stage_open(TWO_TARGETS);

    (void)state;
    ask(stage, 0);
    send_last(stage, PART("model", "m") FILE_HEAD "RIFF\r\n" LAST);
    stage_answer(stage, 0, 503, JSON, ERROR_BODY("full", "server_error"));
    assert_text(sent(stage, 1), PART("model", "beta-m") FILE_HEAD "RIFF\r\n" LAST);
    stage_answer(stage, 1, 200, JSON, HEARD);
    assert_reply(stage, 200, "Hello");
    stage_close(stage);
}

static void test_what_is_gone_cannot_be_tried_again(void **state)
{
    struct stage *stage = stage_open(TWO_TARGETS);

    (void)state;
    ask(stage, 0);
    send_text(stage, PART("model", "m") FILE_HEAD);
    send_file(stage, LARGE);
    stage_fail(stage, 0, FETCH_RESET);
    assert_int_equal(stage_calls(stage), 1);
    assert_reply(stage, 502, "\"upstream_reset\"");
    stage_close(stage);
}

static void test_a_file_in_front_of_the_model_is_held(void **state)
{
    struct stage *stage = stage_open(TWO_TARGETS);

    (void)state;
    ask(stage, 0);
    send_text(stage, FILE_HEAD);
    send_file(stage, LARGE);
    assert_int_equal(stage_calls(stage), 0);
    assert_int_equal(fake_http_body_waits(stage->http), 0);
    send_text(stage, "\r\n" PART("model", "m") "--B");
    assert_int_equal(stage_calls(stage), 1);
    stage_fail(stage, 0, FETCH_NO_CONNECTION); /* as it was held, it can go to another */
    assert_int_equal(stage_calls(stage), 2);
    send_last(stage, "--\r\n");
    stage_answer(stage, 1, 200, JSON, HEARD);
    assert_reply(stage, 200, "Hello");
    stage_close(stage);
}

static void test_but_not_for_ever(void **state)
{
    struct stage *stage = stage_open(ONE_TARGET);

    (void)state;
    ask(stage, 0);
    send_text(stage, FILE_HEAD);
    send_file(stage, LIMIT_FORM_HELD_BYTES);
    assert_reply(stage, 400, "put `model` in front of the files");
    assert_holds(fake_http_reply_body(stage->http), "\"param\":\"model\"");
    assert_int_equal(fake_http_end(stage->http), FAKE_HTTP_CLOSED);
    stage_close(stage);
}

static void refused(struct stage *stage, const char *form, unsigned status, const char *part)
{
    size_t calls = stage_calls(stage);

    ask(stage, 0);
    send_last(stage, form);
    assert_reply(stage, status, part);
    assert_int_equal(stage_calls(stage), calls);
}

static void test_what_is_wrong_with_a_form_is_said(void **state)
{
    struct stage *stage = stage_open(ONE_TARGET);

    (void)state;
    refused(stage, FILE_HEAD "RIFF\r\n" LAST, 400, "\"param\":\"model\"");
    refused(stage, LAST, 400, "\"param\":\"model\"");
    refused(stage, PART("model", "") LAST, 400, "`model` is empty");
    refused(stage, PART("model", "a\tb") LAST, 400, "\"param\":\"model\"");
    refused(stage, PART("model", "nobody") LAST, 404, "\"model_not_found\"");
    refused(stage, PART("model", "a") LAST, 404, "\"model_not_found\"");
    refused(stage, "{\"model\":\"m\"}", 400, "\"bad_request\"");
    refused(stage, PART("a", "m"), 400, "\"bad_request\"");
    stage_prepare(stage, "/v1/images/edits", CHAT);
    fake_http_add_header(stage->http, "content-type", JSON);
    stage_start(stage);
    assert_reply(stage, 415, "multipart/form-data");
    stage_close(stage);
}

static void test_what_is_wrong_behind_the_model_ends_the_call(void **state)
{
    static const struct {
        const char *rest;
        enum http_body_state state;
        unsigned status;
        const char *part;
    } ends[] = {
        { PART("model", "n"), HTTP_BODY_COMING, 400, "\"duplicate_key\"" },
        { "--Bx\r\n", HTTP_BODY_COMING, 400, "\"bad_request\"" },
        { FILE_HEAD "RI", HTTP_BODY_WHOLE, 400, "last boundary" },
        { FILE_HEAD "RI", HTTP_BODY_TOO_LARGE, 413, "\"request_too_large\"" },
        { FILE_HEAD "RI", HTTP_BODY_TOO_SLOW, 408, "\"request_timeout\"" },
        { FILE_HEAD "RI", HTTP_BODY_MALFORMED, 400, "chunks" },
    };
    struct stage *stage = stage_open(TWO_TARGETS);

    (void)state;
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        ask(stage, 0);
        send_text(stage, PART("model", "m") PART("a", "1"));
        fake_http_add_body(stage->http, ends[i].state, span_from(ends[i].rest));
        fake_loop_settle(stage->loop);
        assert_reply(stage, ends[i].status, ends[i].part);
        assert_int_equal(stage_calls(stage), i + 1);
        assert_true(fake_fetch_is_cancelled(stage_call(stage, i)));
    }
    stage_close(stage);
}

static void test_a_form_without_a_model_gets_the_default(void **state)
{
    struct stage *stage = stage_open(ONE_TARGET "default_model: m\n");

    (void)state;
    ask(stage, 0);
    send_last(stage, PART("prompt", "p") LAST);
    assert_text(sent(stage, 0), PART("model", "alpha-m") PART("prompt", "p") LAST);
    stage_answer(stage, 0, 200, JSON, HEARD);
    stage_close(stage);
}

static void test_an_answer_before_the_end_of_the_form(void **state)
{
    struct stage *stage = stage_open(TWO_TARGETS);

    (void)state;
    ask(stage, 0);
    send_text(stage, PART("model", "m") FILE_HEAD);
    stage_answer(stage, 0, 400, JSON, ERROR_BODY("no sound", "invalid_request_error"));
    assert_reply(stage, 400, "no sound");
    assert_int_equal(fake_http_end(stage->http), FAKE_HTTP_CLOSED);
    ask(stage, 0);
    send_text(stage, PART("model", "m") FILE_HEAD);
    stage_answer(stage, 1, 200, "text/plain", "early");
    assert_reply(stage, 200, "early");
    stage_close(stage);
}

/* ---- answers that are no JSON ---- */

static void ask_speech(struct stage *stage)
{
    stage_prepare(stage, "/v1/audio/speech", "{\"model\":\"m\",\"input\":\"hi\"}");
    stage_start(stage);
}

static void test_sound_is_passed_on_as_it_comes(void **state)
{
    struct stage *stage = stage_open(ONE_TARGET);

    (void)state;
    ask_speech(stage);
    assert_holds(fake_fetch_sent_headers(stage_call(stage, 0)), "Accept: */*\n");
    stage_head(stage, 0, 200, "audio/mpeg");
    assert_int_equal(fake_http_status(stage->http), 0); /* it could still fail */
    stage_body(stage, 0, "ID3");
    assert_reply(stage, 200, "ID3");
    assert_text(fake_http_reply_header(stage->http, "content-type"), "audio/mpeg");
    stage_body(stage, 0, "more");
    assert_text(fake_http_reply_body(stage->http), "ID3more");
    stage_end(stage, 0);
    assert_int_equal(fake_http_end(stage->http), FAKE_HTTP_KEPT);
    stage_close(stage);
}

static void test_usage_in_the_last_event_is_counted(void **state)
{
    struct stage *stage = stage_open(ONE_TARGET);

    (void)state;
    ask_speech(stage);
    stage_answer(stage, 0, 200, EVENTS,
                 "data: {\"type\":\"speech.audio.done\",\"usage\":{\"input_tokens\":14,"
                 "\"output_tokens\":101,\"total_tokens\":115}}\n\n");
    assert_reply(stage, 200, "speech.audio.done");
    stage_read_logs(stage);
    assert_holds(buf_span(&stage->access), "\"tokens\":{\"input\":14,\"output\":101,");
    stage_close(stage);
}

static void test_a_web_page_is_no_sound(void **state)
{
    struct stage *stage = stage_open(TWO_TARGETS);

    (void)state;
    ask_speech(stage);
    stage_head(stage, 0, 200, "text/html; charset=utf-8");
    assert_int_equal(stage_calls(stage), 2);
    stage_answer(stage, 1, 200, "bad\ttype", "x");
    assert_text(fake_http_reply_header(stage->http, "content-type"),
                "application/octet-stream");
    stage_close(stage);
}

static void test_sound_that_breaks_off_is_cut(void **state)
{
    struct stage *stage = stage_open(TWO_TARGETS);

    (void)state;
    ask_speech(stage);
    stage_head(stage, 0, 200, "audio/mpeg");
    stage_fail(stage, 0, FETCH_TRUNCATED);
    assert_int_equal(stage_calls(stage), 2); /* nothing was sent yet */
    stage_head(stage, 1, 200, "audio/mpeg");
    stage_body(stage, 1, "ID3");
    stage_fail(stage, 1, FETCH_TRUNCATED);
    assert_int_equal(fake_http_end(stage->http), FAKE_HTTP_ABORTED);
    stage_close(stage);
}

/* ---- a path with a model of its own ---- */

static void test_moderation_without_a_model_is_the_providers_own(void **state)
{
    struct stage *stage = stage_open(
        PROVIDERS "models: { m: { targets: [ { provider: alpha, model: alpha-m } ] } }\n"
                  "default_provider: beta\ndefault_model: m\n");

    (void)state;
    stage_prepare(stage, "/v1/moderations", "{\"input\":\"x\"}");
    stage_start(stage);
    assert_holds(sent(stage, 0), "\"model\":\"omni-moderation-latest\"");
    stage_answer(stage, 0, 200, JSON, "{\"results\":[]}");
    assert_reply(stage, 200, "results");
    stage_reload(stage, ONE_TARGET);
    stage_prepare(stage, "/v1/moderations", "{\"input\":\"x\"}");
    stage_start(stage);
    assert_reply(stage, 400, "\"param\":\"model\"");
    stage_close(stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_the_models_name_changes),
        cmocka_unit_test(test_a_file_flows_through),
        cmocka_unit_test(test_an_upstream_that_reads_slowly_makes_the_client_wait),
        cmocka_unit_test(test_an_upstream_that_reads_nothing_is_given_up),
        cmocka_unit_test(test_what_is_kept_goes_to_the_next_target),
        cmocka_unit_test(test_a_whole_small_form_is_kept_until_the_answer),
        cmocka_unit_test(test_what_is_gone_cannot_be_tried_again),
        cmocka_unit_test(test_a_file_in_front_of_the_model_is_held),
        cmocka_unit_test(test_but_not_for_ever),
        cmocka_unit_test(test_what_is_wrong_with_a_form_is_said),
        cmocka_unit_test(test_what_is_wrong_behind_the_model_ends_the_call),
        cmocka_unit_test(test_a_form_without_a_model_gets_the_default),
        cmocka_unit_test(test_an_answer_before_the_end_of_the_form),
        cmocka_unit_test(test_sound_is_passed_on_as_it_comes),
        cmocka_unit_test(test_usage_in_the_last_event_is_counted),
        cmocka_unit_test(test_a_web_page_is_no_sound),
        cmocka_unit_test(test_sound_that_breaks_off_is_cut),
        cmocka_unit_test(test_moderation_without_a_model_is_the_providers_own),
    };

    return cmocka_run_group_tests_name("flow/upload", tests, NULL, NULL);
}
