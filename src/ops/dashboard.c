#include "ops/dashboard.h"

#include "base/digest.h"
#include "ops/admin.h"
#include "ops/call.h"

#include <string.h>

enum { STREAM_MS = 1000, STREAM_BYTES_MAX = 16 * 1024 * 1024 };

/* ---- the page ---- */

/* What stands between two texts of the page. */
static struct span between(struct span page, const char *before, const char *behind)
{
    size_t at = span_find_text(page, before);
    struct span rest = span_skip(page, at == SIZE_MAX ? page.size : at + strlen(before));

    return span_first(rest, span_find_text(rest, behind));
}

static const char *source(struct span text, struct arena *arena)
{
    char base64[DIGEST_BASE64_SIZE];
    struct digest digest;

    digest_sha256(text, &digest);
    digest_base64(&digest, base64);
    return arena_printf(arena, "'sha256-%s'", base64);
}

void dashboard_show(struct call *call)
{
    struct span page = span_make((const char *)dashboard_page, dashboard_page_bytes);
    struct span script = between(page, "<script>", "</script>");
    struct span style = between(page, "<style>", "</style>");

    call->type = "text/html; charset=utf-8";
    call->headers = arena_printf(
        &call->arena,
        "Content-Security-Policy: default-src 'none'; script-src %s; style-src %s; connect-src "
        "'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n"
        "X-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n"
        "Cache-Control: no-cache\r\n",
        source(script, &call->arena), source(style, &call->arena));
    (void)buf_add(&call->body, page);
}

/* ---- the stream ---- */

static void begin_event(struct buf *out, const char *name)
{
    (void)buf_printf(out, "event: %s\ndata: ", name);
}

/* What there is to say now. The JSON has no line breaks. */
static void write_events(struct call *call, struct buf *out)
{
    const struct events *events = &call->gateway->env.events;

    begin_event(out, "status");
    admin_write_status(call->gateway, out);
    (void)buf_add_text(out, "\n\n");
    if (call->told == events->last && call->told)
        return;
    begin_event(out, "events");
    admin_write_events(call->gateway, call->told, out);
    (void)buf_add_text(out, "\n\n");
    call->told = events->last;
}

static void stream_on(struct call *call)
{
    uint64_t now_ms = loop_now_ms(call->gateway->loop);
    struct buf out;

    if (call->gateway->env.draining) {
        call->awaits = NULL; /* the end of the stream */
        return;
    }
    if (now_ms < call->due_ms) {
        task_alarm(&call->task, call->due_ms);
        return;
    }
    if (http_room(call->http)) { /* a slow reader misses seconds, nothing else */
        buf_init(&out, STREAM_BYTES_MAX);
        write_events(call, &out);
        if (!out.overflowed)
            http_write(call->http, buf_span(&out));
        buf_done(&out);
    }
    call->due_ms = now_ms + STREAM_MS;
    task_alarm(&call->task, call->due_ms);
}

void dashboard_stream(struct call *call)
{
    call->told = admin_since(call);
    call->type = "text/event-stream";
    call->headers = "Cache-Control: no-cache\r\nX-Accel-Buffering: no\r\n";
    call_begin_stream(call, stream_on);
}
