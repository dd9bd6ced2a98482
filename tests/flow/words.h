/* words: configurations, requests and events that the flow tests share. */
#ifndef FLOW_WORDS_H
#define FLOW_WORDS_H

/* ---- configurations: YAML that a test may add lines to ---- */

#define PROVIDERS                                                                              \
    "providers:\n"                                                                             \
    "  alpha: { kind: openai, base_url: \"http://alpha.test/v1\", keys: "                      \
    "[\"sk-alpha-secret\"] }\n"                                                                \
    "  beta: { kind: openai, base_url: \"http://beta.test/v1\", keys: [\"sk-beta-secret\"] "   \
    "}\n"

#define ONE_TARGET                                                                             \
    PROVIDERS "models:\n"                                                                      \
              "  m: { targets: [ { provider: alpha, model: alpha-m } ] }\n"                    \
              "models_only: true\n"

/* alpha first, then beta. */
#define TWO_TARGETS                                                                            \
    PROVIDERS "models:\n"                                                                      \
              "  m: { targets: [ { provider: alpha, model: alpha-m, priority: 1 },\n"          \
              "                  { provider: beta, model: beta-m, priority: 2 } ] }\n"         \
              "models_only: true\n"

/* ---- requests ---- */

#define CHAT   "{\"model\":\"m\",\"messages\":[]}"
#define STREAM "{\"model\":\"m\",\"stream\":true,\"messages\":[]}"

/* ---- answers ---- */

#define JSON   "application/json"
#define EVENTS "text/event-stream"

#define ANSWER                                                                                 \
    "{\"choices\":[{\"message\":{\"content\":\"Hello\"}}],"                                    \
    "\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":3}}"

#define EVENT(delta) "data: {\"choices\":[{\"delta\":" delta "}]}\n\n"
#define ROLE         EVENT("{\"role\":\"assistant\"}")
#define HELLO        EVENT("{\"content\":\"Hello\"}")
#define WORLD        EVENT("{\"content\":\" world\"}")
#define FINISH       "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"
#define USAGE                                                                                  \
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":3}}\n\n"
#define DONE        "data: [DONE]\n\n"
#define ERROR_EVENT "data: {\"error\":{\"message\":\"boom\",\"type\":\"server_error\"}}\n\n"

#define ERROR_BODY(message, type)                                                              \
    "{\"error\":{\"message\":\"" message "\",\"type\":\"" type "\"}}"

#endif
