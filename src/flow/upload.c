#include "flow/upload.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"
#include "flow/exchange_state.h"
#include "llm/multipart.h"

#include <assert.h>

/* All places are counted in bytes from the beginning of the form. */
struct upload {
    struct multipart parser;
    struct span boundary;
    struct buf form; /* of it, from `base` on */
    uint64_t base;   /* what stood in front of it has gone up and is dropped */
    uint64_t
        name_at; /* where the model's name stands, and what stands behind it; the same place */
    uint64_t name_end; /* where the form has none, and a part with one goes in */
    bool found;        /* these two are known */
    bool unnamed;      /* it has none */
    size_t kept_max;   /* so much is kept before anything is dropped */
    bool inside;       /* the part that is coming is `model` */
    bool twice;        /* there was one before */
    bool broken;       /* it is no form */
    bool ended;        /* its last boundary has come */
    bool whole;        /* and all that follows it */
    bool over;         /* nobody needs more of it */

    /* what this attempt has of it */
    struct span name; /* what stands in the name's place */
    size_t name_fed;
    uint64_t fed;
};

static uint64_t end_of(const struct upload *upload)
{
    return upload->base + buf_size(&upload->form);
}

/* ---- from the client ---- */

static void find(struct upload *upload, uint64_t name_at, uint64_t name_end)
{
    upload->name_at = name_at;
    upload->name_end = name_end;
    upload->kept_max = buf_size(&upload->form) + LIMIT_FORM_KEPT_BYTES;
    upload->found = true;
}

static void note(struct upload *upload, const struct multipart_event *event)
{
    switch (event->kind) {
    case MULTIPART_MORE: break;
    case MULTIPART_BEGIN:
        upload->inside = span_is(event->name, "model");
        upload->twice = upload->twice || (upload->inside && upload->found);
        if (upload->inside && !upload->found)
            upload->name_at = event->at;
        break;
    case MULTIPART_CLOSE:
        if (upload->inside && !upload->found)
            find(upload, upload->name_at, event->at);
        break;
    case MULTIPART_END:
        upload->unnamed = !upload->found;
        if (upload->unnamed)
            find(upload, upload->parser.first, upload->parser.first);
        upload->ended = true;
        break;
    case MULTIPART_BAD: upload->broken = true; break;
    }
}

static void parse(struct upload *upload, struct span bytes)
{
    struct multipart_event event;

    while (bytes.size) {
        bytes = span_skip(bytes, multipart_next(&upload->parser, bytes, &event));
        note(upload, &event);
    }
}

static size_t room(const struct upload *upload)
{
    size_t size = buf_size(&upload->form);
    size_t most = upload->base ? LIMIT_FED_BYTES : upload->kept_max;

    if (!upload->found)
        most = LIMIT_FORM_HELD_BYTES;
    return size < most ? most - size : 0;
}

/* There is no room for more: what this attempt has is dropped, and no other can begin. */
static void slide(struct upload *upload)
{
    if (!upload->found || room(upload) > 0 || upload->fed <= upload->base)
        return;
    buf_consume(&upload->form, (size_t)(upload->fed - upload->base));
    upload->base = upload->fed;
}

/* Takes what there is room for. False: what came is wrong, and ex->error says how. */
static bool take(struct exchange *ex)
{
    struct upload *upload = ex->upload;
    struct span bytes;

    while ((bytes = span_first(http_body(ex->http), room(upload))).size) {
        (void)buf_add(&upload->form, bytes);
        parse(upload, bytes);
        http_consume(ex->http, bytes.size);
        if (upload->found && upload->fed == 0)
            break; /* first to say where it goes */
    }
    ex->body_bytes = end_of(upload);
    upload->whole =
        http_body_state(ex->http) == HTTP_BODY_WHOLE && http_body(ex->http).size == 0;
    if (upload->twice) {
        (void)refuse(ex, REFUSE_DUPLICATE_KEY,
                     "`model` stands more than once in the form; which one counts would depend "
                     "on the reader. Send it once.");
        ex->error.param = SPAN_OF("model");
        return false;
    }
    if (upload->broken || (upload->whole && !upload->ended)) {
        (void)refuse(ex, REFUSE_BAD_REQUEST,
                     upload->broken ? "The form cannot be read: it is not multipart/form-data "
                                      "with the boundary of its Content-Type."
                                    : "The form ends before its last boundary.");
        return false;
    }
    if (upload->whole || http_body_state(ex->http) == HTTP_BODY_COMING ||
        http_body(ex->http).size > 0)
        return true;
    (void)admit_refuse_body(ex);
    return false;
}

/* ---- whose is it? ---- */

static bool is_name(struct span text)
{
    while (text.size) {
        size_t size = span_utf8(text);

        if (size == 0 || (unsigned char)text.at[0] < 0x20 || text.at[0] == 0x7f)
            return false;
        text = span_skip(text, size);
    }
    return true;
}

static enum exchange_state refuse_model(struct exchange *ex, const char *why)
{
    enum exchange_state next = refuse(ex, REFUSE_INVALID_VALUE, "%s", why);

    ex->error.param = SPAN_OF("model");
    return next;
}

static enum exchange_state read_name(struct exchange *ex)
{
    const struct upload *upload = ex->upload;
    struct span form = buf_span(&upload->form);
    struct span name =
        span_make(form.at + upload->name_at, (size_t)(upload->name_end - upload->name_at));

    if (upload->unnamed)
        return EXCHANGE_PLAN; /* as in JSON */
    if (name.size == 0)
        return refuse_model(ex, "`model` is empty; it must name a model.");
    if (name.size > LIMIT_MODEL_NAME_BYTES)
        return refuse_model(ex, "`model` is too long for a name of a model.");
    if (!is_name(name))
        return refuse_model(ex, "`model` holds a character that no name of a model has.");
    ex->chat.model = arena_copy(&ex->arena, name);
    return EXCHANGE_PLAN;
}

static enum exchange_state begin(struct exchange *ex)
{
    struct span type = http_header(http_request(ex->http), "content-type");
    struct span boundary;

    if (!multipart_boundary(type, &boundary))
        return refuse(ex, REFUSE_UNSUPPORTED_MEDIA,
                      "The body must be a form (Content-Type: multipart/form-data; "
                      "boundary=...).");
    ex->upload = mem_zero(sizeof(*ex->upload));
    ex->upload->boundary = boundary;
    buf_init(&ex->upload->form, LIMIT_FORM_HELD_BYTES + LIMIT_FORM_KEPT_BYTES);
    multipart_init(&ex->upload->parser, boundary);
    http_stream_body(ex->http);
    return EXCHANGE_ADMIT;
}

enum exchange_state upload_admit(struct exchange *ex)
{
    if (ex->upload == NULL && begin(ex) == EXCHANGE_REFUSE)
        return EXCHANGE_REFUSE;
    if (!take(ex))
        return EXCHANGE_REFUSE;
    ex->ready_us = clock_us();
    if (ex->upload->found)
        return read_name(ex);
    if (room(ex->upload) == 0)
        return refuse_model(
            ex, "The form's first bytes hold no `model`, and without it nobody knows "
                "where to send them: put `model` in front of the files.");
    return EXCHANGE_ADMIT;
}

/* ---- to the upstream ---- */

void upload_start(struct exchange *ex, const struct plan_step *step,
                  struct fetch_request *request)
{
    struct upload *upload = ex->upload;
    uint64_t length = http_request(ex->http)->content_length;
    uint64_t old = upload->name_end - upload->name_at;

    assert(upload->found && upload->base == 0);
    upload->name = span_from(step->target->model);
    if (upload->unnamed)
        upload->name = span_from(arena_printf(
            &ex->arena,
            "--%.*s\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\n%s\r\n",
            SPAN_ARG(upload->boundary), step->target->model));
    upload->name_fed = 0;
    upload->fed = 0;
    upload->over = false;
    if (upload->whole)
        length = end_of(upload);
    request->fed = true;
    request->fed_length =
        length ? (int64_t)(length - old + upload->name.size) : FETCH_LENGTH_UNKNOWN;
}

struct span upload_content_type(const struct exchange *ex)
{
    return http_header(http_request(ex->http), "content-type");
}

/* What is next for this attempt, of what is here. */
static struct span next_piece(const struct upload *upload)
{
    struct span rest;

    if (upload->fed == upload->name_at && upload->name_fed < upload->name.size)
        return span_skip(upload->name, upload->name_fed);
    rest = span_skip(buf_span(&upload->form), (size_t)(upload->fed - upload->base));
    return upload->fed < upload->name_at
               ? span_first(rest, (size_t)(upload->name_at - upload->fed))
               : rest;
}

static void count_fed(struct upload *upload, size_t size)
{
    if (upload->fed != upload->name_at || upload->name_fed == upload->name.size) {
        upload->fed += size;
        return;
    }
    upload->name_fed += size;
    if (upload->name_fed == upload->name.size)
        upload->fed = upload->name_end;
}

/* Gives the upstream what it takes; whether that was something. */
static bool feed(struct upload *upload, struct fetch *fetch)
{
    bool moved = false;
    struct span piece;

    while ((piece = span_first(next_piece(upload), fetch_feed_room(fetch))).size) {
        fetch_feed(fetch, piece);
        count_fed(upload, piece.size);
        moved = true;
    }
    return moved;
}

/* An upstream that takes nothing of what waits for it is silent; a client that sends nothing is none
 * of its faults. */
static void watch(struct exchange *ex, struct attempt *attempt, bool moved)
{
    struct clocks *clocks = &attempt->clocks;

    if (fetch_phase(attempt->fetch) != FETCH_WAIT)
        return;
    if (fetch_feed_room(attempt->fetch) > 0)
        clocks_stop(clocks, CLOCK_IDLE);
    else if (moved || clocks->at_ms[CLOCK_IDLE] == 0)
        clocks_start(clocks, CLOCK_IDLE, exchange_now_ms(ex),
                     attempt->step->target->provider->timeouts.idle);
}

bool upload_go_on(struct exchange *ex, struct attempt *attempt)
{
    struct upload *upload = ex->upload;
    bool moved = false;
    bool again = true;

    while (again && !upload->over) {
        if (!upload->whole && !take(ex))
            return false;
        again = feed(upload, attempt->fetch);
        moved = moved || again;
        slide(upload);
    }
    if (!upload->over && upload->whole && upload->fed == end_of(upload) &&
        upload->name_fed == upload->name.size) {
        fetch_feed_end(attempt->fetch);
        upload->over = true;
    }
    watch(ex, attempt, moved);
    return true;
}

/* ---- and afterwards ---- */

bool upload_may_restart(const struct exchange *ex)
{
    return ex->upload->base == 0;
}

bool upload_is_whole(const struct exchange *ex)
{
    return ex->upload->whole;
}

void upload_forget(struct exchange *ex)
{
    ex->upload->over = true;
    buf_done(&ex->upload->form);
}

void upload_free(struct exchange *ex)
{
    if (ex->upload)
        buf_done(&ex->upload->form);
    mem_free(ex->upload);
    ex->upload = NULL;
}
