/* Facts in any order: whatever clients, upstreams and clocks do, an exchange settles, once, and what the
 * client has seen by then is true.
 *
 * A batch is one gateway with a random configuration and 50 exchanges, so that breakers remember. It is
 * made from its seed alone: FLOW_SEED=n runs that batch and says what happens. */
#include "flow/play.h"
#include "flow/words.h"

#include "base/mem.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    BATCHES = 400,
    EXCHANGES = 50, /* of a batch: 20,000 altogether */
    FACTS_MAX = 60, /* of an exchange */
    FILE_BYTES = LIMIT_FORM_KEPT_BYTES + 300000,
};

#define DISPOSITION "--B\r\nContent-Disposition: form-data; name="
#define MODEL_PART  DISPOSITION "model\r\n\r\nm\r\n"
#define FILE_PART   DISPOSITION "file; filename=a\r\n\r\n"

static uint64_t current_seed;

static void on_abort(int signal)
{
    (void)signal;
    (void)dprintf(STDERR_FILENO, "FLOW_SEED=%llu repeats this\n",
                  (unsigned long long)current_seed);
}

/* ---- configurations ---- */

static const char *pick(struct play *play, const char *a, const char *b, const char *c)
{
    const char *words[] = { a, b, c };

    return words[play_draw(play, 3)];
}

static void add(struct buf *yaml, const char *name, const char *value)
{
    (void)buf_printf(yaml, "%s: %s, ", name, value);
}

/* One draw after the other: arguments of one call would be drawn in an order that compilers choose. */
static void add_settings(struct play *play, struct buf *yaml)
{
    play->has_total = play_chance(play, 80);
    (void)buf_add_text(yaml, "timeouts: { idle: 3s, ");
    add(yaml, "total", play->has_total ? "20s" : "0");
    add(yaml, "connect", pick(play, "2s", "1s", "0"));
    add(yaml, "first_byte", pick(play, "5s", "2s", "0"));
    add(yaml, "sse_comment", pick(play, "1s", "2s", "0"));
    (void)buf_add_text(yaml, "}\nretry: { ");
    add(yaml, "max_attempts", pick(play, "1", "3", "5"));
    add(yaml, "initial_delay_ms", pick(play, "1000", "100", "0"));
    (void)buf_add_text(yaml,
                       "}\ncircuit_breaker: { failure_threshold: 2, timeout_seconds: 5, ");
    add(yaml, "enabled", pick(play, "true", "true", "false"));
    add(yaml, "half_open_requests", pick(play, "1", "2", "3"));
    (void)buf_add_text(yaml, "}\nrate_limiting: { "); /* one at a time: enough, if none leaks */
    add(yaml, "concurrent_requests", pick(play, "0", "1", "1"));
    add(yaml, "tokens_per_minute", pick(play, "0", "0", "1000000000"));
    (void)buf_add_text(yaml, "}\nlog: { ");
    add(yaml, "bodies", pick(play, "true", "false", "false"));
    (void)buf_add_text(yaml, "}\n");
}

static void make_config(struct play *play, struct buf *yaml)
{
    uint32_t targets = 1 + play_draw(play, 3);

    (void)buf_add_text(yaml, "providers:\n");
    for (uint32_t i = 0; i < targets; i++) {
        (void)buf_printf(yaml, "  p%u: { base_url: \"http://p%u.test/v1\", ", i, i);
        add(yaml, "keys", pick(play, "[ k ]", "[ k ]", "[ k, l, m ]"));
        add(yaml, "kind", pick(play, "openai", "mistral", "groq"));
        add(yaml, "on_client_gone", pick(play, "cancel", "cancel", "drain"));
        (void)buf_add_text(yaml, "}\n");
    }
    (void)buf_add_text(yaml, "models:\n  m:\n    targets:\n");
    for (uint32_t i = 0; i < targets; i++) {
        (void)buf_printf(yaml, "      - { provider: p%u, ", i);
        add(yaml, "priority", pick(play, "1", "1", "2"));
        add(yaml, "weight", pick(play, "1", "50", "100"));
        (void)buf_add_text(yaml, "}\n");
    }
    if (play_chance(play, 50)) {
        (void)buf_add_text(yaml, "    hedge: { budget: 1, ");
        add(yaml, "after", pick(play, "1ms", "300ms", "p50"));
        (void)buf_add_text(yaml, "}\n");
    }
    if (play_chance(play, 50))
        (void)buf_add_text(yaml, "    fallback_on: { rate_limit: [n], timeout: [],\n"
                                 "                   context_window: [n] }\n"
                                 "  n: { targets: [ { provider: p0 } ] }\n");
    add_settings(play, yaml);
}

/* ---- forms ---- */

/* A model and a file, in either order: so large that it cannot be kept, or so small that it is. */
static void make_form(struct play *play)
{
    uint32_t size = play_chance(play, 50) ? FILE_BYTES : play_draw(play, 100);
    bool first = play_chance(play, 70);

    buf_reset(&play->body);
    if (first)
        (void)buf_add_text(&play->body, MODEL_PART);
    (void)buf_add_text(&play->body, FILE_PART);
    while (size--)
        (void)buf_add_byte(&play->body, (char)('a' + size % 23));
    (void)buf_add_text(&play->body, "\r\n");
    if (!first)
        (void)buf_add_text(&play->body, MODEL_PART);
    (void)buf_add_text(&play->body, "--B--\r\n");
    play->body_sent = 0;
    fake_http_add_header(play->stage->http, "content-type", "multipart/form-data; boundary=B");
    if (play_chance(play, 50))
        fake_http_set_length(play->stage->http, buf_size(&play->body));
}

static void send_piece(struct play *play)
{
    static const enum http_body_state odd[] = { HTTP_BODY_TOO_LARGE, HTTP_BODY_TOO_SLOW,
                                                HTTP_BODY_MALFORMED };
    struct span rest = span_skip(buf_span(&play->body), play->body_sent);
    struct span piece =
        span_first(rest, play_draw(play, play_chance(play, 50) ? 200 : FILE_BYTES / 3));
    enum http_body_state state = piece.size == rest.size ? HTTP_BODY_WHOLE : HTTP_BODY_COMING;

    if (play_chance(play, 3))
        state = odd[play_draw(play, 3)];
    play_say(play, "a piece of the form", piece.size);
    fake_http_add_body(play->stage->http, state, piece);
    play->body_sent += piece.size;
}

static void take_form(struct play *play)
{
    size_t calls = stage_calls(play->stage);
    struct fetch *fetch = calls ? stage_call(play->stage, calls - 1) : NULL;

    if (fetch == NULL || fake_fetch_is_closed(fetch))
        return;
    play_say(play, "takes of the form", calls - 1);
    fake_fetch_let_feed(fetch, play_chance(play, 30) ? SIZE_MAX : play_draw(play, 100000));
}

/* No upstream got anything but the form, from its beginning. */
static void check_forms(struct play *play)
{
    struct span form = buf_span(&play->body);

    for (size_t at = 0; at < stage_calls(play->stage); at++) {
        struct span sent = fake_fetch_sent_body(stage_call(play->stage, at));

        assert_true(span_equal(sent, span_first(form, sent.size)));
        if (fake_fetch_fed_whole(stage_call(play->stage, at)))
            assert_int_equal(sent.size, form.size);
    }
}

/* ---- clients, clocks and operators ---- */

static bool ended(const struct play *play)
{
    return fake_http_end(play->stage->http) != FAKE_HTTP_RUNNING;
}

static void send_request(struct play *play)
{
    static const enum http_body_state odd[] = { HTTP_BODY_TOO_LARGE, HTTP_BODY_TOO_SLOW,
                                                HTTP_BODY_MALFORMED };

    if (play_chance(play, 90))
        fake_http_set_body(play->stage->http, HTTP_BODY_WHOLE,
                           play_chance(play, 95)
                               ? span_from(play->stream ? STREAM : CHAT)
                               : SPAN_OF("{\"model\":\"other\",\"messages\":[]}"));
    else
        fake_http_set_body(play->stage->http, odd[play_draw(play, 3)], SPAN_OF("{"));
}

static void leave(struct play *play)
{
    if (play->left || ended(play))
        return;
    play_say(play, "the client leaves", 0);
    fake_http_leave(play->stage->http);
    play->left = true;
    play->calls_then = stage_calls(play->stage);
}

static void client_acts(struct play *play)
{
    bool coming = !ended(play) && http_body_state(play->stage->http) == HTTP_BODY_COMING;

    if (ended(play))
        return;
    if (coming && play->form && play_chance(play, 70)) {
        send_piece(play);
    } else if (coming && !play->form && play_chance(play, 50)) {
        send_request(play);
    } else if (play_chance(play, 15)) {
        leave(play);
    } else {
        uint32_t room = play_draw(play, 300);

        play_say(play, "the client reads", room);
        fake_http_let_read(play->stage->http, play_chance(play, 50) ? SIZE_MAX : room);
    }
}

static void one_fact(struct play *play)
{
    uint32_t kind = play_draw(play, 100);

    if (play->form && kind < 25) {
        take_form(play);
    } else if (kind < (play->form ? 50 : 70)) {
        play_upstream(play);
    } else if (kind < 85) {
        client_acts(play);
    } else if (kind < 99) {
        uint32_t ms = play_chance(play, 80) ? play_draw(play, 800) : play_draw(play, 6000);

        play_say(play, "time passes", ms);
        stage_advance(play->stage, ms);
    } else if (play_chance(play, 20)) {
        play_say(play, "the drain is over", 0);
        exchange_stop_all(&play->stage->env);
    }
    if (play_chance(play, 80))
        fake_loop_settle(play->stage->loop);
}

static void end_calls(struct play *play)
{
    for (size_t at = 0; at < stage_calls(play->stage); at++) {
        struct fetch *fetch = stage_call(play->stage, at);

        if (!fake_fetch_is_closed(fetch) && !play_is_over(fetch))
            play_failure(play, fetch);
    }
}

/* No more facts of its own accord: time alone must settle it, or the client's going. */
static void let_settle(struct play *play)
{
    fake_loop_settle(play->stage->loop);
    if (play->has_total && play_chance(play, 50)) {
        stage_advance(play->stage, 21000);
    } else {
        leave(play);
        fake_loop_settle(play->stage->loop);
        end_calls(play);
        stage_advance(play->stage, 100);
    }
    assert_true(list_empty(&play->stage->env.exchanges));
    assert_true(ended(play));
}

/* ---- what the client has seen ---- */

/* Whatever the upstreams said is of one call, its content in order and without a gap. Returns how much;
 * says which call, SIZE_MAX when nothing tells. */
static uint32_t check_contents(struct span body, size_t *ret_call)
{
    uint32_t count = 0;

    *ret_call = SIZE_MAX;
    for (size_t at = 0; at < body.size; at++) {
        bool content = body.at[at] == '<';
        struct span rest = span_skip(body, at + 1);
        struct span number = span_cut(&rest, content ? '>' : '~');
        uint64_t call = 0;
        uint64_t index = 0;

        if (!content && body.at[at] != '~')
            continue;
        at += number.size + 1;
        assert_true(span_u64(span_cut(&number, '.'), &call));
        if (*ret_call == SIZE_MAX)
            *ret_call = (size_t)call;
        assert_int_equal(call, *ret_call);
        if (content)
            assert_true(span_u64(number, &index) && index == count++);
    }
    return count;
}

static void check_end(struct play *play, bool done, bool failed, size_t call, uint32_t count)
{
    const struct script *script = &play->scripts[call == SIZE_MAX ? 0 : call];

    if (fake_http_end(play->stage->http) == FAKE_HTTP_ABORTED)
        assert_true(play->left);
    else if (!play->left)
        assert_true(done || failed);
    if (!done || call == SIZE_MAX)
        return;
    assert_true(script->done || script->finished); /* a good end is the upstream's to say */
    if (script->done && buf_size(&script->words) == 0)
        assert_int_equal(count, script->contents);
}

static void check_events(struct play *play, struct span body)
{
    struct span rest = body;
    bool done = false;
    bool failed = false;
    size_t call;
    uint32_t count = check_contents(body, &call);

    while (rest.size) {
        size_t end = span_find_text(rest, "\n\n");
        struct span event = span_first(rest, end);

        assert_int_not_equal(end, SIZE_MAX); /* whole events only */
        assert_false(done || failed);        /* nothing behind the end */
        assert_true(span_starts(event, "data: ") || span_starts(event, "event: ") ||
                    span_starts(event, ":"));
        done = span_is(event, "data: [DONE]");
        failed = span_starts(event, "data: {\"error\"");
        rest = span_skip(rest, end + 2);
    }
    check_end(play, done, failed, call, count);
}

static void check_json(struct play *play, struct span body)
{
    struct span call = span_skip(body, sizeof("{\"call\":") - 1);
    uint64_t at = 0;
    struct span whole;

    if (!span_starts(body, "{\"call\":") || span_find(call, ',') == SIZE_MAX)
        return; /* a 200 without a type and nothing in it, or cut that early */
    assert_true(span_u64(span_cut(&call, ','), &at) && at < PLAY_CALLS);
    whole = buf_span(&play->scripts[at].json);
    if (fake_http_end(play->stage->http) != FAKE_HTTP_ABORTED && !play->left)
        assert_int_equal(body.size, whole.size);
    assert_true(body.size <= whole.size);
    assert_memory_equal(body.at, whole.at, body.size);
}

static void check_reply(struct play *play)
{
    struct span type = fake_http_reply_header(play->stage->http, "content-type");
    struct span body = fake_http_reply_body(play->stage->http);

    if (type.at == NULL)
        assert_true(play->left);
    else if (span_starts(type, "text/event-stream") && !play->form)
        check_events(play, body);
    else if (fake_http_status(play->stage->http) == 200)
        check_json(play, body);
    else if (!play->left)
        assert_true(span_starts(body, "{\"error\":{"));
    if (play->left) /* nobody waits for another */
        assert_int_equal(stage_calls(play->stage), play->calls_then);
    for (size_t at = 0; at < stage_calls(play->stage); at++)
        assert_true(fake_fetch_is_closed(stage_call(play->stage, at)));
}

/* ---- the plays ---- */

static void play_exchange(struct play *play)
{
    struct stage *stage = play->stage;

    fake_fetch_forget(stage->pool);
    play_forget(play);
    play->left = false;
    play->form = play_chance(play, 5);
    play->stream = !play->form && play_chance(play, 70);
    stage_prepare(stage, play->form ? "/v1/audio/transcriptions" : "/v1/chat/completions", "");
    fake_http_set_body(stage->http, HTTP_BODY_COMING, SPAN_OF(""));
    if (play->form)
        make_form(play);
    else if (play_chance(play, 80))
        send_request(play);
    stage_start(stage);
    for (uint32_t facts = play_draw(play, FACTS_MAX); facts > 0; facts--)
        one_fact(play);
    let_settle(play);
    check_reply(play);
    if (play->form)
        check_forms(play);
}

static void play_batch(uint64_t seed, bool loud)
{
    struct play *play = mem_zero(sizeof(*play));
    struct buf yaml;

    current_seed = seed;
    play->random = seed;
    play->loud = loud;
    buf_init(&yaml, 64 * 1024);
    buf_init(&play->body, 2 * FILE_BYTES);
    make_config(play, &yaml);
    play->stage = stage_open(buf_text(&yaml));
    buf_done(&yaml);
    for (int i = 0; i < EXCHANGES; i++) {
        play_say(play, "exchange", (uint64_t)i);
        play_exchange(play);
    }
    play_forget(play);
    stage_close(play->stage);
    buf_done(&play->body);
    mem_free(play);
}

/* cmocka's own failures do not abort: the seed is said in the teardown of a test that has not come to
 * its end. */
static int say_seed(void **state)
{
    (void)state;
    if (current_seed)
        on_abort(0);
    return 0;
}

static void test_every_order_of_facts_settles_once_and_truthfully(void **state)
{
    const char *wanted = getenv("FLOW_SEED");
    uint64_t only = 0;

    (void)state;
    if (wanted && span_u64(span_from(wanted), &only)) {
        play_batch(only, true);
    } else {
        for (uint64_t seed = 1; seed <= BATCHES; seed++)
            play_batch(seed, false);
    }
    current_seed = 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_every_order_of_facts_settles_once_and_truthfully,
                                  say_seed),
    };

    (void)signal(SIGABRT, on_abort);
    return cmocka_run_group_tests_name("flow/random", tests, NULL, NULL);
}
