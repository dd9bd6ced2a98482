#include "flow/bill.h"

#include "base/json.h"
#include "flow/exchange_state.h"
#include "llm/chat_ahead.h"
#include "llm/estimate.h"

struct bill bill_make(const struct exchange *ex, const struct attempt *attempt)
{
    const struct plan_step *step = attempt->step;
    const struct price *price = step ? config_target_price(step->model, step->target) : NULL;
    struct bill bill = { 0 };

    if (price == NULL || !ex->usage.known || !price->known)
        return bill;
    bill.known = true;
    bill.cost = price_cost(price, &ex->usage);
    return bill;
}

/* A long body was counted while it came: to look at it once more would take long. */
static uint64_t prompt_of(const struct exchange *ex)
{
    return ex->ahead ? chat_ahead_prompt(ex->ahead) : estimate_prompt(ex->chat.body);
}

void bill_prepare(struct exchange *ex, const struct attempt *attempt)
{
    if (attempt->relaying && !attempt->relay.usage.known)
        ex->prompt_tokens = prompt_of(ex);
}

/* Has the provider got the request, and not refused it? */
static bool accepted(const struct attempt *attempt)
{
    enum fetch_phase phase = fetch_phase(attempt->fetch);

    return (phase == FETCH_WAIT || phase == FETCH_BODY || phase == FETCH_DONE) &&
           attempt->kind != ANSWER_ERROR;
}

/* What has come and was not looked at yet. */
static void read_on(struct attempt *attempt)
{
    struct relay_step step;

    while (relay_next(&attempt->relay, fetch_bytes(attempt->fetch), false, &step))
        fetch_consume(attempt->fetch, step.consumed);
}

void bill_cancelled(struct exchange *ex)
{
    struct attempt *attempt = ex->attempt;

    if (!accepted(attempt) || ex->usage.known || ex->endpoint->estimate)
        return; /* to be told how long a request is costs nothing */
    if (!ex->committed)
        ex->prompt_tokens = prompt_of(ex);
    if (attempt->relaying) {
        read_on(attempt);
        ex->usage = relay_usage(&attempt->relay, ex->prompt_tokens);
    } else if (!ex->committed) {
        ex->usage =
            (struct usage){ .input = ex->prompt_tokens, .known = true, .estimated = true };
    }
}

void bill_add_header(const struct exchange *ex, struct buf *head)
{
    struct bill bill = bill_make(ex, ex->attempt);
    struct json_writer w = json_writer(head);

    if (!bill.known)
        return;
    (void)buf_add_text(head, "x-sluice-cost-usd: ");
    json_decimal(&w, bill.cost, 12);
    (void)buf_add_text(head, "\r\n");
}
