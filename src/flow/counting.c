#include "flow/counting.h"

#include "flow/exchange_state.h"

enum { COUNT_BYTES_MAX = 1024 };

bool counting_must_guess(const struct exchange *ex)
{
    return ex->endpoint->estimate && ex->plan_count == 0 && ex->left_out == 0;
}

enum exchange_state counting_guess(struct exchange *ex)
{
    const struct dialect_client *client = ex->endpoint->dialect->client;
    struct chat_problem problem = { 0 };
    enum exchange_state next;
    struct buf answer;

    buf_init(&answer, COUNT_BYTES_MAX);
    if (client->write_estimate(&ex->chat, &ex->arena, &answer, &problem)) {
        buf_done(&answer);
        next = refuse(ex, refusal_find(problem.code), "%s", problem.message);
        ex->error.param = span_from(problem.param);
        return next;
    }
    next = limiting_enter(ex);
    if (next != EXCHANGE_REFUSE) {
        ex->guessed = true;
        sink_start_json(ex, 200, (int64_t)buf_size(&answer));
        sink_bytes(ex, buf_span(&answer));
        sink_end(ex);
        next = EXCHANGE_SETTLE;
    }
    buf_done(&answer);
    return next;
}
