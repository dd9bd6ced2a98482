/* sink: the reply, in the client's dialect: its head, its bytes, its errors, its end. */
#include "base/clock.h"
#include "flow/bill.h"
#include "flow/exchange_state.h"

#include <assert.h>

enum { RETRY_AFTER_MIN_S = 1 };

static void mark_sent(struct exchange *ex)
{
    uint64_t now_ms = exchange_now_ms(ex);

    if (ex->sent_ms == now_ms)
        return;
    ex->sent_ms = now_ms;
    if (ex->streaming)
        clocks_start(&ex->clocks, CLOCK_COMMENT, now_ms, ex->config->timeouts.sse_comment);
}

/* ---- the head ---- */

static void add_ms(struct buf *out, struct span name, uint64_t us)
{
    (void)buf_add(out, name);
    (void)buf_add_thousandths(out, us);
}

static uint64_t since(uint64_t later_us, uint64_t earlier_us)
{
    return later_us > earlier_us && earlier_us ? later_us - earlier_us : 0;
}

/* gw: in the gateway alone. queue: waiting for a slot. upstream: from the last
 * attempt's start to its first content. ttft: from the first byte to the content. */
static void add_timing(struct exchange *ex, uint64_t now_us, struct buf *head)
{
    uint64_t before_us = since(ex->opened_us, ex->ready_us);
    uint64_t after_us = since(now_us, ex->content_us);

    add_ms(head, SPAN_OF("Server-Timing: gw;dur="),
           ex->opened_us ? before_us + after_us : since(now_us, ex->ready_us));
    add_ms(head, SPAN_OF(", queue;dur="), ex->queued_us);
    add_ms(head, SPAN_OF(", upstream;dur="), since(ex->content_us, ex->opened_us));
    add_ms(head, SPAN_OF(", ttft;dur="), since(ex->content_us, ex->received_us));
    (void)buf_add(head, SPAN_OF("\r\n"));
}

static void add_target(const struct exchange *ex, unsigned status, struct buf *head)
{
    const struct plan_step *step = ex->attempt->step;
    bool sign_of_life = status < 400 && ex->content_us == 0; /* who will answer is not known */
    const char *side = sign_of_life && !ex->side.forced ? NULL : plan_side(ex);
    const struct config_model *model;

    if (side) {
        (void)buf_add_text(head, "x-sluice-environment: ");
        (void)buf_add_text(head, side);
        (void)buf_add_text(head, "\r\n");
    }
    if (step == NULL || sign_of_life)
        return;
    model = step->model;
    (void)buf_add_text(head, "x-sluice-model: ");
    (void)buf_add_text(head, model->asked ? model->asked : model->name);
    (void)buf_add_text(head, "\r\nx-sluice-provider: ");
    (void)buf_add_text(head, step->target->provider->name);
    (void)buf_add_text(head, "\r\nx-sluice-target: ");
    (void)buf_add_text(head, step->target->id);
    (void)buf_add_text(head, "\r\n");
    if (step->model != ex->model)
        (void)buf_add_text(head, "x-sluice-fallback: 1\r\n");
    if (ex->attempt->translation.dropped)
        (void)buf_add_texts(head, "x-sluice-dropped: ", ex->attempt->translation.dropped,
                            "\r\n", NULL);
}

static void start(struct exchange *ex, unsigned status, const char *type, int64_t length)
{
    struct buf *head = &ex->env->scratch;
    uint64_t now_us = clock_us();

    assert(!ex->head_sent);
    buf_reset(head);
    (void)buf_add_text(head, "Content-Type: ");
    (void)buf_add_text(head, type);
    (void)buf_add_text(head, "\r\nx-request-id: ");
    (void)buf_add_text(head, ex->id);
    (void)buf_add_text(head, "\r\nx-sluice-attempts: ");
    (void)buf_add_u64(head, ex->attempts);
    (void)buf_add_text(head, "\r\n");
    if (ex->endpoint->dialect->id_header)
        (void)buf_add_texts(head, ex->endpoint->dialect->id_header, ": ", ex->id, "\r\n", NULL);
    if (ex->guessed)
        (void)buf_add_text(head, "x-sluice-estimated: 1\r\n");
    add_target(ex, status, head);
    add_timing(ex, now_us, head);
    bill_add_header(ex, head); /* of a stream it is known at its end */
    limiting_add_headers(ex, head);
    if (status >= 400 && (ex->attempts || ex->error.class == LLM_QUOTA))
        (void)buf_add_text(head, "x-should-retry: false\r\n");
    if (status >= 400 && (ex->retry_after_ms || ex->error.status == 503 || status == 429)) {
        uint32_t seconds = (ex->retry_after_ms + 999) / 1000;

        (void)buf_printf(head, "Retry-After: %u\r\n",
                         seconds > RETRY_AFTER_MIN_S ? seconds : RETRY_AFTER_MIN_S);
    }
    if (length == HTTP_LENGTH_UNKNOWN &&
        (ex->chat.stream || span_starts(span_from(type), "text/event-stream")))
        (void)buf_add_text(head, "Cache-Control: no-cache\r\nX-Accel-Buffering: no\r\n");
    ex->head_sent = true;
    ex->status = ex->outcome == OUTCOME_CANCELLED ? ex->status : status;
    http_reply(ex->http, status, buf_span(head), length);
    ex->committed_us = now_us;
}

void sink_start_stream(struct exchange *ex)
{
    if (ex->head_sent)
        return;
    start(ex, 200, "text/event-stream; charset=utf-8", HTTP_LENGTH_UNKNOWN);
    ex->streaming = true;
    ex->env->streams++;
}

void sink_start_json(struct exchange *ex, unsigned status, int64_t length)
{
    start(ex, status, "application/json", length);
}

/* What can stand in a header as it is. */
static bool is_type(struct span type)
{
    for (size_t i = 0; i < type.size; i++)
        if (type.at[i] < 0x20 || type.at[i] > 0x7e)
            return false;
    return type.size > 0 && type.size <= LIMIT_MEDIA_TYPE_BYTES;
}

void sink_start_bytes(struct exchange *ex, unsigned status, struct span type, int64_t length)
{
    const char *text = "application/octet-stream";

    if (is_type(type))
        text = arena_text(&ex->arena, type);
    start(ex, status, text, length);
}

/* ---- the body ---- */

void sink_bytes(struct exchange *ex, struct span bytes)
{
    if (bytes.size == 0)
        return;
    http_write(ex->http, bytes);
    mark_sent(ex);
}

void sink_keep_alive(struct exchange *ex)
{
    if (!clocks_passed(&ex->clocks, CLOCK_COMMENT, exchange_now_ms(ex)))
        return;
    clocks_start(&ex->clocks, CLOCK_COMMENT, exchange_now_ms(ex),
                 ex->config->timeouts.sse_comment);
    if (sink_room(ex) == 0) /* it has more to read than it wants */
        return;
    sink_start_stream(ex);
    sink_bytes(ex, ex->endpoint->dialect->ping ? span_from(ex->endpoint->dialect->ping)
                                               : SPAN_OF(": ping\n\n"));
}

size_t sink_room(const struct exchange *ex)
{
    return http_gone(ex->http) ? SIZE_MAX : http_room(ex->http);
}

/* ---- the end ---- */

static void forget_client(struct exchange *ex)
{
    limiting_leave(ex);
    ex->out_bytes = http_bytes_out(ex->http);
    ex->ended_us = clock_us();
    ex->http = NULL;
}

void sink_end(struct exchange *ex)
{
    struct http *http = ex->http;

    forget_client(ex);
    http_end(http, !ex->env->draining);
}

void sink_cut(struct exchange *ex)
{
    struct http *http = ex->http;

    forget_client(ex);
    http_abort(http);
}

/* A status of the client's dialect for what was told in ours. */
static unsigned error_status(const struct exchange *ex)
{
    const struct dialect *dialect = ex->endpoint->dialect;

    return dialect->error_status ? dialect->error_status(&ex->error) : ex->error.status;
}

static void write_whole_error(struct exchange *ex)
{
    struct buf body;

    buf_init(&body, LIMIT_UPSTREAM_ERROR_BYTES * 2ul);
    if (ex->error_body.at)
        (void)buf_add(&body, ex->error_body);
    else
        ex->endpoint->dialect->write_error(&ex->error, &body);
    start(ex, error_status(ex), "application/json", (int64_t)buf_size(&body));
    sink_bytes(ex, buf_span(&body));
    buf_done(&body);
}

void sink_error(struct exchange *ex)
{
    bool body_left = http_body_state(ex->http) != HTTP_BODY_WHOLE;
    struct http *http = ex->http;

    ex->error.request = span_from(ex->id);
    if (ex->head_sent) {
        struct buf *event = &ex->env->scratch;

        buf_reset(event);
        ex->endpoint->dialect->write_error_event(&ex->error, event);
        sink_bytes(ex, buf_span(event));
    } else {
        write_whole_error(ex);
    }
    forget_client(ex);
    http_end(http, !ex->env->draining && !body_left);
}
