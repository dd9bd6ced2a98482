/* hedged: what the tests of hedging share. */
#ifndef FLOW_HEDGED_H
#define FLOW_HEDGED_H

#include "flow/stage.h"
#include "flow/words.h"

#define THREE                                                                                  \
    PROVIDERS "  gamma: { kind: openai, base_url: \"http://gamma.test/v1\", keys: [k] }\n"

/* alpha, then beta, then gamma. */
#define HEDGED(rule)                                                                           \
    THREE                                                                                      \
    "models:\n"                                                                                \
    "  m:\n"                                                                                   \
    "    targets: [ { provider: alpha, priority: 1 }, { provider: beta, priority: 2 },\n"      \
    "               { provider: gamma, priority: 3 } ]\n"                                      \
    "    hedge: " rule "\n"                                                                    \
    "models_only: true\n"

#define AFTER_800MS HEDGED("{ after: 800ms, budget: 1 }")

#define FAILED_503(stage, at)                                                                  \
    stage_answer(stage, at, 503, JSON, ERROR_BODY("busy", "server_error"))

void assert_attempts(struct stage *stage, const char *target, const char *outcome);
void assert_hedges(struct stage *stage, const char *outcome, uint64_t count);
struct stage *open_hedged(const char *yaml, const char *request);
void assert_answered_by(struct stage *stage, const char *target, const char *attempts);

#endif
