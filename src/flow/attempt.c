/* attempt: what OPEN, AWAIT and STREAM share about one try at one target. */
#include "flow/exchange_state.h"
#include "policy/retry.h"

/* What may be tried after an error of this class. */
static const struct {
    bool other;                      /* another target */
    bool same;                       /* the same one again, after a while */
    enum config_retryable listed_as; /* if `retryable_errors` says so; RETRYABLES: anyhow */
} second_try[] = {
    [LLM_FINE] = { false, false, RETRYABLES },
    [LLM_RATE_LIMIT] = { true, true, RETRYABLE_RATE_LIMIT },
    [LLM_QUOTA] = { true, false, RETRYABLE_RATE_LIMIT },
    [LLM_SERVER_ERROR] = { true, true, RETRYABLE_SERVER_ERROR },
    [LLM_TIMEOUT] = { true, true, RETRYABLE_TIMEOUT },
    [LLM_CONNECTION] = { true, true, RETRYABLE_CONNECTION },
    [LLM_AUTH] = { true, false, RETRYABLES },
    [LLM_CONTEXT_WINDOW] = { false, false, RETRYABLES },
    [LLM_CONTENT_FILTER] = { false, false, RETRYABLES },
    [LLM_NOT_FOUND] = { false, false, RETRYABLES },
    [LLM_CLIENT_ERROR] = { false, false, RETRYABLES },
};

bool attempt_may_move(const struct exchange *ex)
{
    enum config_retryable listed_as = second_try[ex->error.class].listed_as;

    return second_try[ex->error.class].other &&
           (listed_as == RETRYABLES || retry_covers(&ex->config->retry, listed_as));
}

bool attempt_may_repeat(const struct exchange *ex)
{
    /* What is wrong with a certificate is wrong with it a second later. */
    return second_try[ex->error.class].same && attempt_may_move(ex) &&
           !span_is(ex->error.code, "upstream_tls");
}

bool attempt_injects_usage(const struct exchange *ex, const struct config_provider *provider)
{
    return ex->chat.stream && !ex->chat.include_usage && ex->endpoint->usage_on_request &&
           provider->kind->stream_options;
}

void attempt_note_bytes(struct exchange *ex, struct attempt *attempt)
{
    uint64_t received = fetch_received(attempt->fetch);

    if (!attempt->connected && fetch_phase(attempt->fetch) != FETCH_CONNECT) {
        attempt->connected = true;
        clocks_stop(&attempt->clocks, CLOCK_CONNECT);
    }
    if (received == attempt->received && attempt->clocks.at_ms[CLOCK_IDLE])
        return;
    attempt->received = received;
    if (fetch_status(attempt->fetch))
        clocks_start(&attempt->clocks, CLOCK_IDLE, exchange_now_ms(ex),
                     attempt->step->target->provider->timeouts.idle);
}

/* ---- errors and the end ---- */

void attempt_end(struct exchange *ex, struct attempt *attempt, enum attempt_outcome outcome)
{
    receipt_attempt(ex, attempt, outcome);
    clocks_stop_attempt(&attempt->clocks);
    buf_done(&attempt->held);
    fetch_close(attempt->fetch);
    attempt->fetch = NULL;
    translation_forget(attempt);
    if (attempt->relaying)
        relay_done(&attempt->relay);
    attempt->relaying = false;
}

enum attempt_outcome attempt_outcome_of(const struct llm_error *error)
{
    if (span_is(error->code, "upstream_truncated"))
        return ATTEMPT_TRUNCATED;
    switch (error->class) {
    case LLM_FINE: return ATTEMPT_OK;
    case LLM_RATE_LIMIT: return ATTEMPT_RATE_LIMIT;
    case LLM_SERVER_ERROR: return ATTEMPT_SERVER_ERROR;
    case LLM_TIMEOUT: return ATTEMPT_TIMEOUT;
    case LLM_CONNECTION: return ATTEMPT_CONNECTION_ERROR;
    case LLM_QUOTA:
    case LLM_AUTH: return ATTEMPT_AUTH;
    case LLM_CONTEXT_WINDOW:
    case LLM_CONTENT_FILTER:
    case LLM_NOT_FOUND:
    case LLM_CLIENT_ERROR: break;
    }
    return ATTEMPT_CLIENT_ERROR;
}

struct llm_error attempt_clock_error(enum clock_name clock)
{
    if (clock == CLOCK_CONNECT)
        return refusal_error(REFUSE_UPSTREAM_CONNECT_TIMEOUT,
                             "No connection to the provider within timeouts.connect.");
    if (clock == CLOCK_FIRST_BYTE)
        return refusal_error(REFUSE_UPSTREAM_TIMEOUT,
                             "The provider sent nothing within timeouts.first_byte.");
    if (clock == CLOCK_IDLE)
        return refusal_error(REFUSE_UPSTREAM_TIMEOUT,
                             "The provider fell silent for timeouts.idle.");
    return refusal_error(REFUSE_DEADLINE_EXCEEDED, "The request took longer than it may.");
}

struct llm_error attempt_fetch_error(const struct attempt *attempt)
{
    switch (fetch_failure(attempt->fetch)) {
    case FETCH_NO_DNS:
        return refusal_error(REFUSE_UPSTREAM_DNS, "The provider's host name was not found.");
    case FETCH_NO_CONNECTION:
        return refusal_error(REFUSE_UPSTREAM_CONNECT, "The provider cannot be reached.");
    case FETCH_NO_TLS:
        return refusal_error(REFUSE_UPSTREAM_TLS,
                             "No trustworthy TLS connection to the provider.");
    case FETCH_ADDRESS_DENIED:
        return refusal_error(REFUSE_UPSTREAM_ADDRESS_DENIED,
                             "The provider's name led to an address that it may not have.");
    case FETCH_NO_SOCKET:
        return refusal_error(REFUSE_OVERLOADED, "The gateway is out of file descriptors.");
    case FETCH_RESET:
        return refusal_error(REFUSE_UPSTREAM_RESET,
                             "The provider closed the connection without an answer.");
    case FETCH_PROTOCOL:
        return refusal_error(REFUSE_UPSTREAM_PROTOCOL,
                             "The provider's answer is not HTTP that can be trusted.");
    case FETCH_HEADER_TOO_LARGE:
        return refusal_error(REFUSE_UPSTREAM_HEADER_TOO_LARGE,
                             "The provider's answer has too many or too large headers.");
    case FETCH_FINE: /* a good end in the middle of an answer */
    case FETCH_TRUNCATED: break;
    }
    return refusal_error(REFUSE_UPSTREAM_TRUNCATED, "The provider's answer broke off.");
}

/* The span may lie in what the attempt takes with it. */
static struct span kept(struct exchange *ex, struct span text)
{
    return text.at ? arena_copy(&ex->arena, text) : text;
}

void attempt_keep_error(struct exchange *ex, struct llm_error error)
{
    error.message = kept(ex, error.message);
    error.type = kept(ex, error.type);
    error.code = kept(ex, error.code);
    error.param = kept(ex, error.param);
    ex->error = error;
    ex->error_body = span_make(NULL, 0);
}
