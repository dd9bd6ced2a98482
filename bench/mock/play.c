#include "play.h"

#include "mock.h"
#include "serve.h"

#include <assert.h>
#include <string.h>

enum {
    TURN_WRITES_MAX = 32,         /* then other connections come first */
    REPEAT_BYTES_MAX = 32 * 1024, /* of a repeated text in one write */
    EVENT_BYTES_MAX = INT32_MAX,
    MS_NS = 1000000,
};

enum outcome {
    GO_ON, /* the same step, if it has not moved on */
    WAIT,  /* until conn->play.ready */
    OVER,
};

typedef enum outcome step_fn(struct conn *conn, const struct step *step);

void play_init(struct conn *conn)
{
    conn->play = (struct play){ 0 };
    buf_init(&conn->play.event_bytes, EVENT_BYTES_MAX);
}

void play_done(struct conn *conn)
{
    buf_done(&conn->play.event_bytes);
}

static enum outcome next(struct conn *conn)
{
    conn->play.step++;
    conn->play.round = 0;
    return GO_ON;
}

void play_due(struct due *due)
{
    struct conn *conn = LIST_OWNER(due, struct conn, due);

    conn->play.ready = true;
    conn_pump(conn);
}

static void wait_until(struct conn *conn, uint64_t due_ns)
{
    conn->play.ready = false;
    dues_set(&conn->mock->dues, &conn->due, due_ns);
}

static void wait_ms(struct conn *conn, uint64_t ms)
{
    wait_until(conn, uv_hrtime() + ms * MS_NS);
}

/* Waits until `ms` after the last time it was called, so that delays do not add up. */
static enum outcome pace(struct conn *conn, uint32_t ms)
{
    struct play *play = &conn->play;
    uint64_t now_ns;

    if (!ms)
        return GO_ON;
    now_ns = uv_hrtime();
    if (!play->due_ns)
        play->due_ns = now_ns;
    play->due_ns += (uint64_t)ms * MS_NS;
    if (play->due_ns <= now_ns)
        return GO_ON;
    wait_until(conn, play->due_ns);
    return WAIT;
}

/* ---- what the steps write ---- */

static bool is_chunked(const struct conn *conn)
{
    return conn->answer.stream && !conn->request.old;
}

static void flush(struct conn *conn)
{
    struct buf *out = &conn->mock->out;

    if (!buf_size(out))
        return;
    conn_write(conn, buf_span(out));
    buf_reset(out);
    if (conn->play.budget)
        conn->play.budget--;
}

/* Adds bytes of the body, framed. */
static void add_body(struct conn *conn, struct span bytes)
{
    struct buf *out = &conn->mock->out;

    if (!is_chunked(conn)) {
        buf_add(out, bytes);
        return;
    }
    if (!bytes.size)
        return;
    buf_printf(out, "%zx\r\n", bytes.size);
    buf_add(out, bytes);
    buf_add_text(out, "\r\n");
}

static void add_with_eol(struct buf *out, struct span lines, const char *eol)
{
    while (lines.size) {
        buf_add(out, span_cut(&lines, '\n'));
        buf_add_text(out, eol);
    }
}

static void count_tokens(struct conn *conn, uint32_t tokens)
{
    conn->play.tokens += tokens;
    journal_count(&conn->mock->journal, conn->record, tokens);
}

/* Writes the next event into play->event_bytes. */
static void render(struct conn *conn)
{
    struct play *play = &conn->play;
    const struct answer *answer = &conn->answer;
    const struct dress *dress = &play->dress;
    struct buf plain;
    uint32_t tokens;

    if (!answer->stream || (!dress->start && !dress->before && !dress->eol)) {
        tokens = answer->render(answer, play->event++, &play->event_bytes);
        count_tokens(conn, tokens);
        return;
    }
    buf_init(&plain, EVENT_BYTES_MAX);
    if (dress->before)
        buf_add_text(&plain, dress->before);
    if (dress->start && play->event == 0)
        buf_add_text(&play->event_bytes, dress->start);
    tokens = answer->render(answer, play->event++, &plain);
    add_with_eol(&play->event_bytes, buf_span(&plain), dress->eol ? dress->eol : "\n");
    buf_done(&plain);
    count_tokens(conn, tokens);
}

/* ---- the steps ---- */

static enum outcome step_over(struct conn *conn, const struct step *step)
{
    (void)step;
    serve_over(conn);
    return OVER;
}

static enum outcome step_head(struct conn *conn, const struct step *step)
{
    (void)step;
    answer_write_head(&conn->answer, is_chunked(conn), !conn->request.keep_alive,
                      &conn->mock->out);
    return next(conn);
}

/* Sends what is left of the rendered event, a piece or all of it. */
static enum outcome send_event(struct conn *conn)
{
    struct play *play = &conn->play;
    struct span bytes = buf_span(&play->event_bytes);
    bool last;

    if (conn->knobs.split)
        bytes = span_first(bytes, conn->knobs.split);
    add_body(conn, bytes);
    buf_consume(&play->event_bytes, bytes.size);
    if (!buf_size(&play->event_bytes))
        buf_reset(&play->event_bytes);
    last = play->event == conn->answer.events && !buf_size(&play->event_bytes);
    if (!last || conn->play.step->kind != STEP_EVENTS)
        flush(conn); /* else the end of the body may go with it */
    return buf_size(&play->event_bytes) ? pace(conn, conn->knobs.drip_ms) : GO_ON;
}

static enum outcome step_events(struct conn *conn, const struct step *step)
{
    struct play *play = &conn->play;
    uint32_t until = conn->answer.events;

    if (buf_size(&play->event_bytes))
        return send_event(conn);
    if (step->count == EVENTS_BUT_LAST)
        until -= conn->answer.stream;
    else if (step->count && !conn->answer.stream)
        return next(conn); /* some events of a plain answer: STEP_HALF or nothing */
    else if (step->count && play->round >= step->count)
        until = play->event;
    if (play->event >= until)
        return next(conn);
    /* Paced from the second on: a latency is for the first. */
    if (play->event && conn->answer.stream && !play->paced) {
        play->paced = true;
        if (pace(conn, conn->knobs.interval_ms) == WAIT)
            return WAIT;
    }
    play->paced = false;
    play->round++;
    render(conn);
    return send_event(conn);
}

static enum outcome step_half(struct conn *conn, const struct step *step)
{
    struct play *play = &conn->play;
    struct span bytes;

    (void)step;
    if (play->event >= conn->answer.events)
        return next(conn);
    render(conn);
    bytes = buf_span(&play->event_bytes);
    add_body(conn, span_first(bytes, bytes.size / 2));
    buf_reset(&play->event_bytes);
    flush(conn);
    return next(conn);
}

static enum outcome step_finish(struct conn *conn, const struct step *step)
{
    (void)step;
    if (is_chunked(conn))
        buf_add_text(&conn->mock->out, "0\r\n\r\n");
    flush(conn);
    conn->play.ended = true;
    conn_settle(conn, RECORD_COMPLETE);
    return next(conn);
}

/* STEP_RAW and STEP_BODY: as many rounds as fit into one write, or one each `ms`. */
static enum outcome repeat(struct conn *conn, const struct step *step)
{
    struct play *play = &conn->play;
    uint32_t count = step->count ? step->count : 1;
    struct buf *out = &conn->mock->out;

    do {
        if (step->kind == STEP_BODY)
            add_body(conn, step->text);
        else
            buf_add(out, step->text);
        if (count != STEP_FOREVER)
            play->round++;
    } while (play->round < count && !step->ms && buf_size(out) < REPEAT_BYTES_MAX);
    flush(conn);
    if (play->round >= count)
        return next(conn);
    return pace(conn, step->ms);
}

static enum outcome step_reply(struct conn *conn, const struct step *step)
{
    serve_write_reply(conn, step, &conn->mock->out);
    flush(conn);
    conn->play.ended = true;
    conn_settle(conn, RECORD_COMPLETE);
    return next(conn);
}

static enum outcome step_wait(struct conn *conn, const struct step *step)
{
    (void)next(conn);
    wait_ms(conn, step->ms);
    return WAIT;
}

static enum outcome step_hold(struct conn *conn, const struct step *step)
{
    (void)step;
    conn->play.ready = false; /* conn_release() moves on */
    return WAIT;
}

static enum outcome step_deaf(struct conn *conn, const struct step *step)
{
    (void)step;
    conn_stop_reading(conn);
    return next(conn);
}

static enum outcome step_hear(struct conn *conn, const struct step *step)
{
    (void)step;
    conn_start_reading(conn);
    return next(conn);
}

static enum outcome step_close(struct conn *conn, const struct step *step)
{
    flush(conn);
    conn_settle(conn, RECORD_BROKEN);
    if (step->kind == STEP_RESET)
        conn_close(conn, true);
    else
        conn_finish(conn);
    return OVER;
}

static enum outcome step_await(struct conn *conn, const struct step *step)
{
    struct play *play = &conn->play;
    uint64_t now_ns = uv_hrtime();

    (void)step;
    if (!play->due_ns)
        play->due_ns = now_ns + conn->await_ms * MS_NS;
    if (!serve_awaited(conn) && play->due_ns > now_ns) {
        wait_until(conn, play->due_ns); /* play_look_again() comes earlier */
        return WAIT;
    }
    if (!serve_awaited(conn))
        conn->answer.status = 504;
    list_remove(&conn->waiter);
    return next(conn);
}

static step_fn *const step_fns[STEP_KIND_COUNT] = {
    [STEP_OVER] = step_over,     [STEP_HEAD] = step_head,   [STEP_EVENTS] = step_events,
    [STEP_HALF] = step_half,     [STEP_RAW] = repeat,       [STEP_BODY] = repeat,
    [STEP_FINISH] = step_finish, [STEP_REPLY] = step_reply, [STEP_WAIT] = step_wait,
    [STEP_HOLD] = step_hold,     [STEP_STALL] = step_hold,  [STEP_DEAF] = step_deaf,
    [STEP_HEAR] = step_hear,     [STEP_CLOSE] = step_close, [STEP_RESET] = step_close,
    [STEP_AWAIT] = step_await,
};

void play_start(struct conn *conn, const struct step *steps)
{
    struct play *play = &conn->play;
    struct buf event_bytes = play->event_bytes;

    buf_reset(&event_bytes);
    *play = (struct play){ .step = steps, .event_bytes = event_bytes, .ready = true };
    if (conn->fault)
        play->dress = conn->fault->dress;
    conn->state = CONN_PLAYING;
    if (conn->knobs.latency_ms)
        wait_ms(conn, conn->knobs.latency_ms);
}

void play_release(struct conn *conn)
{
    if (conn->play.step->kind != STEP_HOLD || conn->play.ready)
        return;
    (void)next(conn);
    wait_ms(conn, 0);
}

void play_look_again(struct conn *conn)
{
    if (conn->play.step->kind == STEP_AWAIT && serve_awaited(conn))
        wait_ms(conn, 0);
}

/* What has to be waited for between any two steps. */
static bool must_wait(struct conn *conn)
{
    struct play *play = &conn->play;

    if (conn_backed_up(conn)) {
        play->blocked = true; /* conn.c wakes us */
        play->ready = false;
        return true;
    }
    if (!play->budget) {
        wait_ms(conn, 0);
        return true;
    }
    return false;
}

void play_run(struct conn *conn)
{
    enum outcome outcome = GO_ON;

    assert(conn->state == CONN_PLAYING);
    assert(buf_size(&conn->mock->out) == 0);
    conn->play.budget = TURN_WRITES_MAX;
    while (outcome == GO_ON && !conn->gone) {
        const struct step *step = conn->play.step;

        if (must_wait(conn))
            break;
        outcome = step_fns[step->kind](conn, step);
    }
    if (outcome != OVER && !conn->gone)
        flush(conn);
    buf_reset(&conn->mock->out);
}
