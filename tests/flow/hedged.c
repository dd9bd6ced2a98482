#include "flow/hedged.h"

void assert_attempts(struct stage *stage, const char *target, const char *outcome)
{
    assert_int_equal(stage_count(stage, METER_ATTEMPTS, target, outcome, NULL), 1);
}

void assert_hedges(struct stage *stage, const char *outcome, uint64_t count)
{
    uint64_t all = 0;

    for (size_t i = 0; i < 4; i++) {
        static const char *const outcomes[] = { "won", "lost", "failed", "cancelled" };

        all += stage_count(stage, METER_HEDGES, "m", outcomes[i], NULL);
    }
    assert_int_equal(all, count);
    assert_int_equal(stage_count(stage, METER_HEDGES, "m", outcome, NULL), count);
}

/* A request of which alpha, and from then on beta, has said nothing. */
struct stage *open_hedged(const char *yaml, const char *request)
{
    struct stage *stage = stage_open(yaml);

    stage_ask(stage, request);
    stage_connect(stage, 0);
    stage_advance(stage, 799);
    assert_int_equal(stage_calls(stage), 1);
    stage_advance(stage, 1);
    assert_int_equal(stage_calls(stage), 2);
    assert_string_equal(fake_fetch_url(stage_call(stage, 1)),
                        "http://beta.test/v1/chat/completions");
    assert_false(fake_fetch_is_closed(stage_call(stage, 0)));
    return stage;
}

void assert_answered_by(struct stage *stage, const char *target, const char *attempts)
{
    assert_reply(stage, 200, "Hello");
    assert_text(fake_http_reply_header(stage->http, "x-sluice-target"), target);
    assert_text(fake_http_reply_header(stage->http, "x-sluice-attempts"), attempts);
}
