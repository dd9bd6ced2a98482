/* Upstreams that answer at random, in any pieces, and do not always tell the truth. */
#include "flow/play.h"
#include "flow/words.h"

#include "policy/route.h"

/* Content is `<call.number>`; what shows life alone is signed `~call~`. */
#define SIGNED_ROLE                                                                            \
    "data: {\"id\":\"~%zu~\",\"choices\":[{\"delta\":{\"role\":\"assistant\"}}]}\n\n"

uint32_t play_draw(struct play *play, uint32_t below)
{
    return route_random(&play->random, below);
}

bool play_chance(struct play *play, uint32_t percent)
{
    return play_draw(play, 100) < percent;
}

void play_say(const struct play *play, const char *what, uint64_t number)
{
    if (play->loud)
        print_message("    %s %llu\n", what, (unsigned long long)number);
}

/* ---- upstreams ---- */

void play_forget(struct play *play)
{
    for (size_t at = 0; at < PLAY_CALLS; at++) {
        buf_done(&play->scripts[at].words);
        buf_done(&play->scripts[at].json);
        play->scripts[at] = (struct script){ 0 };
        buf_init(&play->scripts[at].words, 4 * PLAY_LONG_BYTES);
        buf_init(&play->scripts[at].json, 4 * PLAY_LONG_BYTES);
    }
}

size_t play_running(struct play *play)
{
    size_t count = stage_calls(play->stage);
    size_t running[PLAY_CALLS];
    uint32_t found = 0;

    assert_true(count <= PLAY_CALLS);
    for (size_t at = 0; at < count; at++)
        if (!fake_fetch_is_closed(stage_call(play->stage, at)))
            running[found++] = at;
    assert_true(found <= 2);
    if (found == 0)
        return PLAY_NONE;
    return running[found == 1 ? 0 : play_draw(play, found)];
}

bool play_is_over(const struct fetch *fetch)
{
    return fetch_phase(fetch) == FETCH_DONE || fetch_phase(fetch) == FETCH_FAILED;
}

static void write_json(struct play *play, struct script *script, size_t at)
{
    bool is_long = play_chance(play, 3);

    (void)buf_printf(&script->json, "{\"call\":%zu,\"text\":\"%*s\"", at,
                     is_long ? PLAY_LONG_BYTES : 5, "x");
    (void)buf_add_text(&script->json,
                       ",\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":3}}");
    (void)buf_add(&script->words, buf_span(&script->json));
}

static void send_head(struct play *play, struct fetch *fetch, size_t at)
{
    static const struct {
        unsigned status;
        const char *headers;
    } odd[] = {
        { 429, "retry-after: 2\n" },
        { 500, "content-type: text/html\n" },
        { 400, "content-type: application/json\n" },
        { 401, "" },
        { 302, "location: http://elsewhere.test/\n" },
        { 200, "content-type: text/html\n" },
        { 200, "content-type: application/json\ncontent-encoding: gzip\n" },
        { 200, "" },
    };
    struct script *script = &play->scripts[at];
    uint32_t kind = play_draw(play, 100);

    play_say(play, "head", kind);
    if (kind < 60) {
        script->events = play->stream;
    } else if (kind < 70) {
        script->events = !play->stream;
    } else {
        uint32_t row = play_draw(play, sizeof(odd) / sizeof(odd[0]));

        fake_fetch_head(fetch, odd[row].status, odd[row].headers);
        return;
    }
    if (!script->events)
        write_json(play, script, at);
    fake_fetch_head(fetch, 200,
                    script->events ? "content-type: text/event-stream; charset=utf-8\n"
                                   : "content-type: application/json\n");
}

static void write_event(struct play *play, struct script *script, size_t at)
{
    static const char *const odd[] = {
        ": ping\n\n", "event: ping\n\n",  "data: {\"choices\":[]}\n\n",
        USAGE,        "data: {\"bad\n\n", "id: 7\ndata: {\"choices\":[]}\r\n\r\n",
        "\n\n",       "data:\n\n",
    };
    uint32_t kind = play_draw(play, 100);

    if (kind < 50) {
        (void)buf_printf(&script->words,
                         "data: {\"choices\":[{\"delta\":{\"content\":\"<%zu.%u>\"}}]}\n\n", at,
                         script->done ? 999999 : script->contents);
        script->contents += !script->done;
    } else if (kind < 60) {
        (void)buf_add_text(&script->words, DONE);
        script->done = true;
    } else if (kind < 65) {
        (void)buf_add_text(&script->words, FINISH);
        script->finished = true;
    } else if (kind < 85) {
        (void)buf_printf(&script->words, kind < 75 ? ": ~%zu~\n\n" : SIGNED_ROLE, at);
    } else {
        (void)buf_add_text(&script->words,
                           kind < 88 ? ERROR_EVENT
                                     : odd[play_draw(play, sizeof(odd) / sizeof(odd[0]))]);
    }
}

static void send_body(struct play *play, struct fetch *fetch, size_t at)
{
    struct script *script = &play->scripts[at];
    struct span part;

    if (script->events)
        for (uint32_t count = play_draw(play, 6); count > 0; count--)
            write_event(play, script, at);
    part = buf_span(&script->words);
    if (play_chance(play, 30))
        part = span_first(part, play_draw(play, 200));
    if (part.size)
        buf_consume(&script->words, fake_fetch_body(fetch, part));
    play_say(play, "body", part.size);
}

void play_failure(struct play *play, struct fetch *fetch)
{
    static const enum fetch_failure before[] = { FETCH_NO_DNS,          FETCH_NO_CONNECTION,
                                                 FETCH_NO_TLS,          FETCH_ADDRESS_DENIED,
                                                 FETCH_NO_SOCKET,       FETCH_RESET,
                                                 FETCH_HEADER_TOO_LARGE };

    play_say(play, "fail in phase", fetch_phase(fetch));
    if (fetch_phase(fetch) == FETCH_BODY)
        fake_fetch_fail(fetch, play_chance(play, 80) ? FETCH_TRUNCATED : FETCH_PROTOCOL);
    else if (play_chance(play, 30))
        fake_fetch_fail_stale(fetch);
    else
        fake_fetch_fail(fetch, before[play_draw(play, sizeof(before) / sizeof(before[0]))]);
}

void play_upstream(struct play *play)
{
    size_t at = play_running(play);
    struct fetch *fetch = at == PLAY_NONE ? NULL : stage_call(play->stage, at);

    if (fetch == NULL || play_is_over(fetch))
        return;
    if (play_chance(play, 6)) {
        play_failure(play, fetch);
    } else if (fetch_phase(fetch) == FETCH_CONNECT && play_chance(play, 30)) {
        fake_fetch_connect(fetch);
    } else if (fetch_phase(fetch) != FETCH_BODY) {
        send_head(play, fetch, at);
    } else if (buf_size(&play->scripts[at].words) == 0 && play_chance(play, 25)) {
        play_say(play, "end", at);
        fake_fetch_end(fetch);
    } else {
        send_body(play, fetch, at);
    }
}
