/* A line is written with every request, so it is not put together member by member: what stands between two
 * values is always the same, and one copy; and the figures go into room that was made for all of them. */
#include "flow/access.h"

#include "base/clock.h"
#include "base/digits.h"
#include "base/json.h"
#include "base/log.h"
#include "flow/exchange_state.h"

#include <assert.h>
#include <string.h>

enum { FIGURES_MAX = 512 }; /* 13 numbers and what stands between them: 469 bytes at most */

static const char *const outcome_names[] = {
    [OUTCOME_OK] = "ok",
    [OUTCOME_REFUSED] = "refused",
    [OUTCOME_CLIENT_ERROR] = "client_error",
    [OUTCOME_FAILED] = "failed",
    [OUTCOME_BROKEN] = "broken",
    [OUTCOME_CANCELLED] = "cancelled",
};

/* ---- names: texts of any size, to be quoted ---- */

/* The piece, and the text behind it; null where there is none. */
static inline void add_text(struct buf *line, struct span piece, const char *text)
{
    (void)buf_add(line, piece);
    if (text)
        json_quote(line, span_from(text));
    else
        (void)buf_add(line, SPAN_OF("null"));
}

static void add_model(struct buf *line, const struct exchange *ex)
{
    if (ex->chat.model.size == 0) {
        add_text(line, SPAN_OF(",\"model\":"), ex->model ? ex->model->name : NULL);
        return;
    }
    (void)buf_add(line, SPAN_OF(",\"model\":"));
    json_quote(line, span_first(ex->chat.model, LIMIT_MODEL_NAME_BYTES));
}

static void add_names(struct buf *line, const struct exchange *ex)
{
    const struct plan_step *step = ex->attempt->step;
    const char *fingerprint = ex->caller.fingerprint;
    char now[CLOCK_TEXT_SIZE];

    clock_text(clock_wall_ms(), now);
    (void)buf_add(line, SPAN_OF("{\"time\":\""));
    (void)buf_append(line, now, CLOCK_TEXT_SIZE - 1);
    add_text(line, SPAN_OF("\",\"id\":"), ex->id);
    add_text(line, SPAN_OF(",\"client\":"), ex->caller.name);
    add_text(line, SPAN_OF(",\"key\":"), fingerprint[0] ? fingerprint : NULL);
    add_model(line, ex);
    add_text(line, SPAN_OF(",\"target\":"), step ? step->target->id : NULL);
    add_text(line, SPAN_OF(",\"environment\":"), plan_side(ex));
}

/* ---- figures: of a known size, at most ---- */

/* Inlined, so that a piece whose size the compiler knows is a move or two. */
static inline __attribute__((always_inline)) char *put(char *at, struct span piece)
{
    memcpy(at, piece.at, piece.size);
    return at + piece.size;
}

static inline __attribute__((always_inline)) char *put_u64(char *at, struct span piece,
                                                           uint64_t value)
{
    return digits_put(put(at, piece), value);
}

static inline __attribute__((always_inline)) char *put_bool(char *at, struct span piece,
                                                            bool value)
{
    at = put(at, piece);
    return value ? put(at, SPAN_OF("true")) : put(at, SPAN_OF("false"));
}

/* Microseconds as milliseconds; null where there are none. */
static inline __attribute__((always_inline)) char *put_ms(char *at, struct span piece,
                                                          bool known, uint64_t us)
{
    at = put(at, piece);
    return known ? digits_put_decimal(at, us, 3) : put(at, SPAN_OF("null"));
}

static char *put_tokens(char *at, const struct usage *usage)
{
    at = put_u64(at, SPAN_OF(",\"tokens\":{\"input\":"), usage->input);
    at = put_u64(at, SPAN_OF(",\"output\":"), usage->output);
    at = put_u64(at, SPAN_OF(",\"cached\":"), usage->cached);
    at = put_u64(at, SPAN_OF(",\"cache_write\":"), usage->cache_write);
    at = put_u64(at, SPAN_OF(",\"reasoning\":"), usage->reasoning);
    at = put_bool(at, SPAN_OF(",\"estimated\":"), usage->estimated);
    return put(at, SPAN_OF("}"));
}

static void add_figures(struct buf *line, const struct exchange *ex, struct bill bill)
{
    char *room = buf_reserve(line, FIGURES_MAX);
    char *at = room;

    if (room == NULL)
        return; /* the line is too long, and will be dropped */
    at = put_u64(at, SPAN_OF(",\"attempts\":"), ex->attempts);
    at = put_u64(at, SPAN_OF(",\"status\":"), ex->status);
    at = put(at, SPAN_OF(",\"outcome\":\""));
    at = put(at, span_from(outcome_names[ex->outcome]));
    at = put_bool(at, SPAN_OF("\",\"stream\":"), ex->chat.stream);
    at = put_ms(at, SPAN_OF(",\"ttft_ms\":"), ex->streaming && ex->content_us,
                ex->content_us - ex->received_us);
    at = put_ms(at, SPAN_OF(",\"duration_ms\":"), true, ex->ended_us - ex->received_us);
    at = put_u64(at, SPAN_OF(",\"overhead_us\":"), receipt_overhead_us(ex));
    at = put_tokens(at, &ex->usage);
    at = put(at, SPAN_OF(",\"cost_usd\":"));
    at = bill.known ? digits_put_decimal(at, bill.cost, 12) : put(at, SPAN_OF("null"));
    at = put_u64(at, SPAN_OF(",\"bytes_in\":"), ex->body_bytes);
    at = put_u64(at, SPAN_OF(",\"bytes_out\":"), ex->out_bytes);
    assert(at - room <= FIGURES_MAX);
    buf_commit(line, (size_t)(at - room));
}

void access_log(const struct exchange *ex, struct bill bill)
{
    struct buf *line = log_access_begin();

    add_names(line, ex);
    add_figures(line, ex, bill);
    (void)buf_add(line, SPAN_OF(",\"error\":"));
    if (ex->outcome == OUTCOME_OK || ex->error.code.at == NULL)
        (void)buf_add(line, SPAN_OF("null"));
    else
        json_quote(line, ex->error.code);
    if (ex->config->log.bodies) {
        (void)buf_add(line, SPAN_OF(",\"request_body\":"));
        json_quote(line, ex->logged_body);
    }
    (void)buf_add(line, SPAN_OF("}"));
    log_access_end();
}
