#include "policy/tally.h"

#include <assert.h>

static const char *const outcomes[] = {
    [TALLY_OK] = "ok",
    [TALLY_CLIENT_ERROR] = "client_error",
    [TALLY_RATE_LIMIT] = "rate_limit",
    [TALLY_SERVER_ERROR] = "server_error",
    [TALLY_TIMEOUT] = "timeout",
    [TALLY_CONNECTION_ERROR] = "connection_error",
    [TALLY_TRUNCATED] = "truncated",
    [TALLY_AUTH] = "auth",
    [TALLY_CANCELLED] = "cancelled",
};

static const char *const tokens[] = {
    [TALLY_INPUT] = "input",
    [TALLY_CACHED] = "cached",
    [TALLY_CACHE_WRITE] = "cache_write",
    [TALLY_OUTPUT] = "output",
    [TALLY_REASONING] = "reasoning",
};

const char *tally_outcome_name(enum tally_outcome outcome)
{
    assert((unsigned)outcome < TALLY_OUTCOMES);
    return outcomes[outcome];
}

const char *tally_token_name(enum tally_token token)
{
    assert((unsigned)token < TALLY_TOKENS);
    return tokens[token];
}

uint64_t tally_all_tokens(const uint64_t of[TALLY_TOKENS])
{
    return of[TALLY_INPUT] + of[TALLY_CACHED] + of[TALLY_CACHE_WRITE] + of[TALLY_OUTPUT];
}

void tally_add(struct tally *tally, const struct tally_fact *fact)
{
    assert((unsigned)fact->outcome < TALLY_OUTCOMES);
    tally->outcomes[fact->outcome]++;
    for (unsigned i = 0; i < TALLY_TOKENS; i++)
        tally->tokens[i] += fact->tokens[i];
    tally->cost_pico += fact->cost_pico;
    tally->estimated += fact->estimated ? tally_all_tokens(fact->tokens) : 0;
    tally->unpriced += fact->unpriced ? tally_all_tokens(fact->tokens) : 0;
    if (fact->outcome == TALLY_OK)
        spread_add(&tally->latency, fact->latency_us);
    if (fact->first_us)
        spread_add(&tally->first, fact->first_us);
}

void tally_merge(struct tally *into, const struct tally *from)
{
    for (unsigned i = 0; i < TALLY_OUTCOMES; i++)
        into->outcomes[i] += from->outcomes[i];
    for (unsigned i = 0; i < TALLY_TOKENS; i++)
        into->tokens[i] += from->tokens[i];
    into->cost_pico += from->cost_pico;
    into->estimated += from->estimated;
    into->unpriced += from->unpriced;
    spread_merge(&into->latency, &from->latency);
    spread_merge(&into->first, &from->first);
}

uint64_t tally_errors(const struct tally *tally)
{
    uint64_t errors = 0;

    for (unsigned i = 0; i < TALLY_OUTCOMES; i++)
        if (i != TALLY_OK && i != TALLY_CLIENT_ERROR && i != TALLY_CANCELLED)
            errors += tally->outcomes[i];
    return errors;
}

uint64_t tally_requests(const struct tally *tally)
{
    return tally->outcomes[TALLY_OK] + tally_errors(tally);
}

uint64_t tally_daily_cost(uint64_t cost_pico, uint64_t window_ms)
{
    const uint64_t day_ms = 86400000;
    uint64_t micros = cost_pico / 1000000;
    uint64_t days;

    assert(window_ms);
    /* In two steps, so that nothing overflows: whole windows, then the rest of one. */
    days = day_ms / window_ms;
    return micros * days + micros * (day_ms % window_ms) / window_ms;
}

/* ---- packed: the numbers in their order, then the two spreads, then what came later ---- */

void tally_pack(const struct tally *tally, struct buf *out)
{
    for (unsigned i = 0; i < TALLY_OUTCOMES; i++)
        spread_put(out, tally->outcomes[i]);
    for (unsigned i = 0; i < TALLY_TOKENS; i++)
        spread_put(out, tally->tokens[i]);
    spread_put(out, tally->cost_pico);
    spread_pack(&tally->latency, out);
    spread_pack(&tally->first, out);
    if (tally->estimated == 0 && tally->unpriced == 0)
        return;
    spread_put(out, tally->estimated);
    spread_put(out, tally->unpriced);
}

static bool unpack_numbers(struct span *rest, uint64_t *into, unsigned count, uint64_t most)
{
    for (unsigned i = 0; i < count; i++) {
        uint64_t number;

        if (!spread_get(rest, &number) || number > most)
            return false;
        into[i] += number;
    }
    return true;
}

bool tally_unpack(struct span packed, bool totals_only, struct tally *into)
{
    return unpack_numbers(&packed, into->outcomes, TALLY_OUTCOMES, UINT32_MAX) &&
           unpack_numbers(&packed, into->tokens, TALLY_TOKENS, UINT64_MAX) &&
           unpack_numbers(&packed, &into->cost_pico, 1, UINT64_MAX) &&
           spread_unpack(&packed, totals_only, &into->latency) &&
           spread_unpack(&packed, totals_only, &into->first) &&
           (packed.size == 0 ||
            (unpack_numbers(&packed, &into->estimated, 1, UINT64_MAX) &&
             unpack_numbers(&packed, &into->unpriced, 1, UINT64_MAX) && packed.size == 0));
}
