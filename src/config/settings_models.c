#include "config/settings_rows.h"

static const char *const engines[] = { "auto", "direct", "transfer", NULL };
static const char *const client_gone[] = { "cancel", "drain", NULL };
static const char *const stickies[] = { "none", "key", "user", "session", NULL };

const char *const config_balance_names[] = {
    [BALANCE_WEIGHTED] = "weighted",     [BALANCE_LEAST_LATENCY] = "least_latency",
    [BALANCE_LEAST_BUSY] = "least_busy", [BALANCE_LEAST_COST] = "least_cost",
    [BALANCE_LEAST_COST + 1] = NULL,
};

/* ---- providers ---- */

#define OWN_CLOCK(field, most, text)                                                           \
    {                                                                                          \
        .name = #field, .kind = SETTING_DURATION, NUMBER_AT(config_timeouts, field),           \
        .unsaid = "`timeouts." #field "`", .inherits = true, .max = (most), .help = (text)     \
    }

static const struct setting provider_timeouts_rows[] = {
    OWN_CLOCK(connect, 10 * MINUTE, "To connect to it."),
    OWN_CLOCK(first_byte, HOUR, "To the first content of a stream."),
    OWN_CLOCK(idle, HOUR, "Between two of its bytes."),
    LATER("total"),
    LATER("sse_comment"),
    END,
};

const struct setting_table settings_provider_timeouts = {
    .title = "providers.NAME.timeouts",
    .rows = provider_timeouts_rows,
    NO_FIELD,
};

static const struct setting probe_rows[] = {
    { .name = "interval",
      .kind = SETTING_DURATION,
      NUMBER_AT(config_probe, interval),
      .unsaid = "`health.interval`",
      .inherits = true,
      .max = 24 * HOUR,
      .help = "Between two probes of it; 0: none." },
    { .name = "timeout",
      .kind = SETTING_DURATION,
      NUMBER_AT(config_probe, timeout),
      .standard = "2s",
      .min = 10,
      .max = 10 * MINUTE,
      .help = "An answer that takes longer is none." },
    { .name = "path",
      .kind = SETTING_LABEL,
      AT(config_probe, path),
      .standard = "/models",
      .help = "What is asked for, behind `base_url`, with the provider's key. Any answer below "
              "500 is a good one." },
    { .name = "prompt",
      .kind = SETTING_BOOL,
      NUMBER_AT(config_probe, prompt),
      .standard = "false",
      .help =
          "In place of `path`, a chat completion of one token by the first model listed "
          "that it serves: it costs tokens. Good is then 2xx, or a 400: the model was "
          "there to refuse it. Where all that it serves are names that end in a star, `path` "
          "is asked for." },
    END,
};

static const struct setting_table settings_probe = {
    .title = "providers.NAME.health",
    .rows = probe_rows,
    NO_FIELD,
};

static const struct setting region_rows[] = {
    { .name = "name",
      .kind = SETTING_NAME,
      AT(config_region, name),
      .required = true,
      .help = "Its name within the provider; metrics call the target MODEL:NAME@REGION." },
    { .name = "base_url",
      .kind = SETTING_URL,
      AT(config_region, base_url),
      .required = true,
      .help = "Where the provider is in this region." },
    { .name = "weight",
      .kind = SETTING_COUNT,
      NUMBER_AT(config_region, weight),
      .standard = "100",
      .max = 1000000,
      .help = "Its part of each target's weight, among the regions in use; 0: none." },
    { .name = "enabled",
      .kind = SETTING_BOOL,
      NUMBER_AT(config_region, enabled),
      .standard = "true",
      .help = "`false`: as if it were not written." },
    END,
};

static const struct setting_table settings_region = {
    .title = "providers.NAME.regions[]",
    .rows = region_rows,
    .name_field = SETTING_NO_FIELD,
    .mark_field = offsetof(struct config_region, mark),
};

static const struct setting provider_rows[] = {
    { .name = "kind",
      .kind = SETTING_PROVIDER_KIND,
      AT(config_provider, kind),
      .unsaid = "the provider's name, when it is a kind",
      .help = "What it is: its address, its language and how it wants its key." },
    { .name = "base_url",
      .kind = SETTING_URL,
      AT(config_provider, base_url),
      .unsaid = "the kind's own",
      .help = "Where it is, as its own SDK takes it." },
    { .name = "api_version",
      .kind = SETTING_LABEL,
      AT(config_provider, api_version),
      .unsaid = "its v1 API, which has none",
      .help =
          "Azure's, such as 2024-10-21: with a date, each target's `model` is the name of a "
          "deployment and stands in the address." },
    { .name = "regions",
      .kind = SETTING_LIST,
      .element = SETTING_OBJECT,
      ITEMS(config_provider, regions.items, regions.count, sizeof(struct config_region)),
      .min = 1,
      .max = LIMIT_REGIONS,
      .table = &settings_region,
      .unsaid = "one place, `base_url`",
      .help = "Several places where it is. Each target of the provider becomes one for each of "
              "them, with a health and a breaker of its own." },
    { .name = "keys",
      .kind = SETTING_LIST,
      .element = SETTING_SECRET,
      ITEMS(config_provider, keys.items, keys.count, sizeof(struct secret)),
      .max = 256,
      .help =
          "Used in turn; one that is refused, out of money or over its limit is left out for a "
          "while. When every key of the list is empty, the provider is off." },
    { .name = "ca_file",
      .kind = SETTING_FILE,
      AT(config_provider, ca_file),
      .unsaid = "the system's",
      .help = "Who may sign its certificate, PEM." },
    { .name = "proxy",
      .kind = SETTING_PROXY,
      AT(config_provider, proxy),
      .unsaid = "a direct connection",
      .help = "An HTTP proxy on the way to it. The environment's proxies are not used." },
    { .name = "headers",
      .kind = SETTING_HEADERS,
      ITEMS(config_provider, headers.items, headers.count, sizeof(struct config_header)),
      .max = 32,
      .help = "Sent with every call to it." },
    { .name = "timeouts",
      .kind = SETTING_OBJECT,
      AT(config_provider, timeouts),
      .table = &settings_provider_timeouts,
      .help = "For this provider alone." },
    { .name = "health",
      .kind = SETTING_OBJECT,
      AT(config_provider, health),
      .table = &settings_probe,
      .help = "How it is probed: a free GET now and then." },
    { .name = "engine",
      .kind = SETTING_ENUM,
      NUMBER_AT(config_provider, engine),
      .words = engines,
      .standard = "auto",
      .help =
          "`direct`: libcurl connects, sluice does the HTTP/1.1, at a fraction of the cost. "
          "`transfer`: libcurl does both. `auto`: `direct` but with `http2`, and with a "
          "`proxy` before an address of `http://`." },
    { .name = "http2",
      .kind = SETTING_BOOL,
      NUMBER_AT(config_provider, http2),
      .standard = "false",
      .help = "Speak HTTP/2 to it where it can." },
    { .name = "on_client_gone",
      .kind = SETTING_ENUM,
      NUMBER_AT(config_provider, on_client_gone),
      .words = client_gone,
      .standard = "cancel",
      .help = "`drain`: read the answer to its end, for one that bills it whole anyway." },
    LATER("presets"),
    END,
};

const struct setting_table settings_provider = {
    .title = "providers.NAME",
    .rows = provider_rows,
    .name_field = offsetof(struct config_provider, name),
    .mark_field = offsetof(struct config_provider, mark),
};

/* ---- models ---- */

static const struct setting target_rows[] = {
    { .name = "name",
      .kind = SETTING_NAME,
      AT(config_target, name),
      .unsaid = "the provider's name",
      .help = "Its name within the model; metrics call it MODEL:NAME." },
    { .name = "provider",
      .kind = SETTING_PROVIDER,
      AT(config_target, provider),
      .required = true,
      .help = "One of `providers`." },
    { .name = "model",
      .kind = SETTING_LABEL,
      AT(config_target, model),
      .unsaid = "the model's own name",
      .help = "What the provider calls the model. In a model whose name ends in a star, a `*` "
              "here becomes what that stands for." },
    { .name = "weight",
      .kind = SETTING_COUNT,
      NUMBER_AT(config_target, weight),
      .standard = "100",
      .max = 1000000,
      .help = "Its share of the traffic, among targets of the same priority; 0: none." },
    { .name = "priority",
      .kind = SETTING_COUNT,
      NUMBER_AT(config_target, priority),
      .standard = "1",
      .min = 1,
      .max = 100,
      .help = "1 is tried first; 2 when no target of 1 can serve." },
    { .name = "in_flight",
      .kind = SETTING_COUNT,
      NUMBER_AT(config_target, in_flight),
      .standard = "0",
      .max = 1000000,
      .help =
          "Requests at it at once. One more goes to the next target, or waits when all are "
          "full (`limits.queue`); 0: without end. Where its provider has regions, in each." },
    { .name = "cost_per_mtok",
      .kind = SETTING_PRICE,
      AT(config_target, price),
      .table = &settings_target_price,
      .unsaid = "the model's, else `prices`",
      .help =
          "What this target costs, where that differs from the model's `cost_per_mtok`: for "
          "the bill and for `least_cost`." },
    { .name = "environment",
      .kind = SETTING_ENUM,
      NUMBER_AT(config_target, side),
      .words = config_side_names,
      .standard = "blue",
      .help = "The side that it is on: `green` is what a release brings in." },
    { .name = "enabled",
      .kind = SETTING_BOOL,
      NUMBER_AT(config_target, enabled),
      .standard = "true",
      .help = "false: it gets no requests. The model, and each of its sides, needs one that "
              "does." },
    END,
};

static const struct setting_table settings_target = {
    .title = "models.NAME.targets[]",
    .rows = target_rows,
    .name_field = SETTING_NO_FIELD,
    .mark_field = offsetof(struct config_target, mark),
};

/* NOLINTBEGIN(bugprone-macro-parentheses): a member's name cannot stand in any */
#define MODELS_AT(type, field)                                                                 \
    ITEMS(type, field.items, field.count, sizeof(struct config_model *))
/* NOLINTEND(bugprone-macro-parentheses) */
#define INSTEAD(field, text)                                                                   \
    {                                                                                          \
        .name = #field, .kind = SETTING_LIST, .element = SETTING_MODEL,                        \
        MODELS_AT(config_fallback_on, field), .max = LIMIT_FALLBACKS, .help = (text)           \
    }

static const struct setting fallback_on_rows[] = {
    INSTEAD(rate_limit, "The provider's limit or quota is used up."),
    INSTEAD(connection_error, "It cannot be reached, or the connection broke."),
    INSTEAD(timeout, "It took too long."),
    INSTEAD(server_error, "It failed, or says that it is overloaded."),
    INSTEAD(context_window, "The prompt is too long for the model. Without a list that is the "
                            "answer; no other target of the same model is asked."),
    INSTEAD(content_filter, "It will not answer this prompt. Likewise."),
    END,
};

const struct setting_table settings_fallback_on = {
    .title = "models.NAME.fallback_on",
    .rows = fallback_on_rows,
    NO_FIELD,
};

#define TASK(task, title)                                                                      \
    {                                                                                          \
        .name = (title), .kind = SETTING_MODEL, AT(config_tasks, by_task[task]),               \
        .unsaid = "no such task", .help = "The model for it."                                  \
    }

static const struct setting tasks_rows[] = {
    TASK(TASK_SIMPLE, "simple"),
    TASK(TASK_STANDARD, "standard"),
    TASK(TASK_ADVANCED, "advanced"),
    END,
};

static const struct setting_table settings_tasks = {
    .title = "models.NAME.tasks",
    .rows = tasks_rows,
    NO_FIELD,
};

static const struct setting hedge_rows[] = {
    { .name = "after",
      .kind = SETTING_DELAY,
      NUMBER_AT(config_hedge, after),
      .required = true,
      .help =
          "How long to wait: such as `p95`, `p50` to `p99` of what it takes to the first "
          "content of a stream, or to the end of another answer, known after 20 of them; or "
          "a duration." },
    { .name = "budget",
      .kind = SETTING_SHARE,
      NUMBER_AT(config_hedge, budget),
      .inherits = true,
      .unsaid = "`0.05`",
      .min = 1,
      .max = 1000000,
      .help =
          "The share of the model's requests that may be hedged; five at once may always be." },
    END,
};

static const struct setting_table settings_hedge = {
    .title = "models.NAME.hedge",
    .rows = hedge_rows,
    NO_FIELD,
};

static const struct setting model_rows[] = {
    { .name = "aliases",
      .kind = SETTING_LIST,
      .element = SETTING_LABEL,
      ITEMS(config_model, aliases.items, aliases.count, sizeof(char *)),
      .max = 64,
      .help = "Other names for it, or `PREFIX*`." },
    { .name = "targets",
      .kind = SETTING_LIST,
      .element = SETTING_OBJECT,
      ITEMS(config_model, written.items, written.count, sizeof(struct config_target)),
      .min = 1,
      .max = LIMIT_PLAN_TARGETS,
      .table = &settings_target,
      .unsaid = "**must be said**, unless there are `tasks`",
      .help = "Who can serve it." },
    { .name = "tasks",
      .kind = SETTING_OBJECT,
      AT(config_model, tasks),
      .table = &settings_tasks,
      .help = "Makes it a virtual model: each request goes to the model of its task, said in "
              "`X-Sluice-Task`, else in `metadata.task` of the body." },
    { .name = "default_task",
      .kind = SETTING_ENUM,
      NUMBER_AT(config_model, default_task),
      .words = config_task_names,
      .inherits = true,
      .unsaid = "`standard`, where there are `tasks`",
      .help = "For a request that says no task." },
    { .name = "fallbacks",
      .kind = SETTING_LIST,
      .element = SETTING_MODEL,
      MODELS_AT(config_model, fallbacks),
      .max = LIMIT_FALLBACKS,
      .help = "Models to try, in this order, when no target of it could serve. Their own "
              "fallbacks are not followed, and must not lead back to it." },
    { .name = "fallback_on",
      .kind = SETTING_OBJECT,
      AT(config_model, fallback_on),
      .table = &settings_fallback_on,
      .unsaid = "`fallbacks`",
      .help = "Models to try in place of `fallbacks`, by what went wrong last." },
    { .name = "description",
      .kind = SETTING_TEXT,
      AT(config_model, description),
      .max = 1024,
      .help = "For `GET /v1/models`." },
    { .name = "context_window",
      .kind = SETTING_COUNT,
      NUMBER_AT(config_model, context_window),
      .standard = "0",
      .max = 1000000000,
      .help = "Tokens, for `GET /v1/models`; 0: as `prices` says." },
    { .name = "max_tokens",
      .kind = SETTING_COUNT,
      NUMBER_AT(config_model, max_tokens),
      .standard = "0",
      .max = 1000000000,
      .help = "The longest output, for `GET /v1/models`; 0: as `prices` says." },
    { .name = "cost_per_mtok",
      .kind = SETTING_PRICE,
      AT(config_model, price),
      .table = &settings_price,
      .unsaid = "of `prices`",
      .help = "Dollars for a million tokens: an object, or one number for all of them." },
    { .name = "split",
      .kind = SETTING_OBJECT,
      AT(config_model, split),
      .table = &settings_split,
      .said_offset = offsetof(struct config_split, said),
      .help = "Who gets how much of the traffic, where there are green targets." },
    { .name = "rollout",
      .kind = SETTING_OBJECT,
      AT(config_model, rollout),
      .table = &settings_rollout,
      .said_offset = offsetof(struct config_rollout, said),
      .help = "How green takes over." },
    { .name = "hedge",
      .kind = SETTING_OBJECT,
      AT(config_model, hedge),
      .table = &settings_hedge,
      .unsaid = "none",
      .help = "Asks a second target of the model, too, when the first keeps a request waiting: "
              "the first content wins, the other call is cancelled." },
    { .name = "balance",
      .kind = SETTING_ENUM,
      NUMBER_AT(config_model, balance),
      .words = config_balance_names,
      .standard = "weighted",
      .help = "Which target of the same priority is tried first. `weighted`: drawn by weight x "
              "health. `least_latency`: the one that answers soonest, by recent streams' first "
              "content (for whole answers: by their first byte) x requests in flight. "
              "`least_busy`: the fewest requests in flight; for vLLM also those that its own "
              "metrics show. `least_cost`: the cheapest at three tokens of input to one of "
              "output. The first two are divided by weight x health; equals are drawn." },
    { .name = "sticky",
      .kind = SETTING_ENUM,
      NUMBER_AT(config_model, sticky),
      .words = stickies,
      .standard = "none",
      .help =
          "Who stays with the same target as long as that is well, and on the same side of a "
          "split, which moves callers one way only as it grows: the caller's `key`; the "
          "`user` of the body (else its `safety_identifier` or `metadata.user_id`); the "
          "`session` of the header `X-Session-Id`. Shares follow the weights. Requests that "
          "do not say who they are for are balanced as usual." },
    RATE(config_model, requests_per_minute, LIMIT_RATE, "0",
         "Requests for it, of all callers together, a tenth of them at once; more is 429."),
    RATE(config_model, tokens_per_minute, LIMIT_RATE, "0", "Their tokens, in and out."),
    RATE(config_model, concurrent_requests, LIMIT_RATE, "0", "Requests for it at once."),
    END,
};

const struct setting_table settings_model = {
    .title = "models.NAME",
    .rows = model_rows,
    .name_field = offsetof(struct config_model, name),
    .mark_field = offsetof(struct config_model, mark),
};
