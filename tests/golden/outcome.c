#include "golden/outcome.h"

#include "golden/fixture.h"

void outcome_init(struct outcome *outcome)
{
    *outcome = (struct outcome){ 0 };
    buf_init(&outcome->bytes, 1 << 20);
    buf_init(&outcome->verdicts, 1 << 16);
    arena_init(&outcome->words);
}

void outcome_done(struct outcome *outcome)
{
    buf_done(&outcome->bytes);
    buf_done(&outcome->verdicts);
    arena_done(&outcome->words);
}

static void take(struct outcome *outcome, const struct relay_step *step)
{
    static const char letters[] = {
        [RELAY_HOLD] = 'H',   [RELAY_FORWARD] = 'F', [RELAY_DROP] = 'D',
        [RELAY_FAILED] = 'L', [RELAY_END] = 'E',
    };

    if (step->verdict != RELAY_DROP || step->bytes.size)
        (void)buf_add_byte(&outcome->verdicts, letters[step->verdict]);
    (void)buf_add(&outcome->bytes, step->bytes);
    if (step->verdict != RELAY_FAILED)
        return;
    outcome->error = step->error;
    outcome->error.message = arena_copy(&outcome->words, step->error.message);
}

static void feed(struct outcome *outcome, struct relay *relay, struct span bytes, size_t cut)
{
    size_t available = cut == SIZE_MAX ? 1 : cut;
    size_t begin = 0;
    bool found = true;

    while (found || available < bytes.size) {
        struct span window;
        struct relay_step step;

        if (!found)
            available = cut == SIZE_MAX ? available + 1 : bytes.size;
        window = fixture_copy(span_make(bytes.at + begin, available - begin));
        found = relay_next(relay, window, available == bytes.size, &step);
        if (found) {
            take(outcome, &step);
            begin += step.consumed;
        }
        fixture_free(window);
    }
}

void outcome_feed(struct outcome *outcome, const struct dialect *client,
                  const struct dialect *provider, const struct translate_facts *facts,
                  struct span bytes, size_t cut)
{
    struct relay relay;

    relay_init(&relay, provider, false);
    if (client != provider)
        relay_translate(&relay, client, facts);
    feed(outcome, &relay, bytes, cut);
    if (relay.finished && !relay.ended)
        (void)buf_add(&outcome->bytes, relay_end(&relay));
    outcome->usage = relay.usage;
    outcome->finished = relay.finished;
    outcome->begun = relay.begun;
    relay_done(&relay);
}
