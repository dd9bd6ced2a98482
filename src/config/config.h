/* config: what the operator said, as one immutable snapshot.
 *
 * A reload builds a whole new snapshot, checks it and swaps one pointer; each exchange keeps a
 * reference to the one it was born with: the only reference count in the program. All strings are
 * NUL-terminated and live as long as the snapshot; a string that may be absent is NULL. Every field is
 * filled from a row of the settings table (settings.c), which also holds its default and its help. */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/digest.h"
#include "base/log.h"
#include "base/map.h"
#include "llm/price.h"
#include "llm/provider.h"

#include <stdbool.h>
#include <stdint.h>

/* Where in the file something was said; line 0: nowhere (a default, or the environment). */
struct config_mark {
    uint32_t line;
    uint32_t column;
};

struct config_strings {
    const char **items;
    size_t count;
};

struct config_secrets {
    struct secret *items;
    size_t count;
};

struct config_timeouts { /* milliseconds; 0: none */
    uint32_t connect;
    uint32_t first_byte;
    uint32_t idle;
    uint32_t total;
    uint32_t sse_comment;
    uint32_t client_header;
    uint32_t client_body;
    uint32_t client_write;
    uint32_t keepalive;
};

struct config_tls {
    const char *certificate; /* NULL: clear text */
    const char *key;
    const char *client_ca;
};

struct config_admin {
    const char *listen; /* NULL: on the main listener */
    struct config_secrets keys;
    struct config_strings hosts; /* names that it goes by */
};

/* What a caller, or a model, may have; 0: as much as it likes. */
struct config_rates {
    uint32_t requests_per_minute;
    uint32_t burst_size; /* of them at once; at least 1 where there is a rate */
    uint32_t tokens_per_minute;
    uint32_t concurrent_requests;
    uint64_t budget_usd_per_day; /* in micro-dollars; of keys alone */
};

struct config_client_key {
    struct config_mark mark;
    const char *name;
    struct digest hash;
    struct config_strings models; /* patterns; none: all */
    uint64_t expires_ms;          /* since 1970; 0: never */
    bool admin;
    struct config_rates rates; /* the general ones where it says nothing */
};

enum config_engine { ENGINE_AUTO, ENGINE_DIRECT, ENGINE_TRANSFER };

enum config_client_gone { CLIENT_GONE_CANCEL, CLIENT_GONE_DRAIN };

struct config_header {
    const char *name;
    const char *value;
};

struct config_headers {
    struct config_header *items;
    size_t count;
};

struct config_probe {
    uint32_t interval; /* 0: none */
    uint32_t timeout;
    const char *path; /* behind base_url */
    bool prompt;      /* a tiny completion in its place */
};

/* One of several places where the same provider answers. */
struct config_region {
    struct config_mark mark;
    const char *name;
    const char *base_url; /* without a trailing slash */
    uint32_t weight;
    uint32_t share; /* millionths: its weight among those of its provider's regions in use */
    bool enabled;
    bool deny_private; /* as of a provider */
};

struct config_regions {
    struct config_region *items;
    size_t count;
};

struct config_target;

struct config_targets {
    struct config_target *items;
    size_t count;
};

struct config_provider {
    struct config_mark mark;
    const char *name;
    const struct provider_kind *kind;
    const char
        *base_url; /* without a trailing slash; NULL: it has regions, or is the demo, whose
                             own is set when it starts */
    const char *api_version;       /* of its API; NULL: its newest */
    struct config_regions regions; /* none: it is in one place */
    struct config_secrets keys;
    const char *ca_file;
    const char *proxy;
    struct config_headers headers;   /* added to every call */
    struct config_timeouts timeouts; /* the general ones where it says nothing */
    struct config_probe health;
    enum config_engine engine;
    bool http2;
    enum config_client_gone on_client_gone;
    bool off;                      /* every key it should have is empty */
    bool deny_private;             /* the base URL is the kind's own public one */
    struct config_targets passing; /* of models that nobody listed; those have no `model` yet */
};

/* The two sides of a release: what is there, and what shall replace it. */
enum config_side { SIDE_BLUE, SIDE_GREEN, SIDES };

extern const char *const config_side_names[]; /* ended by NULL */

/* What a model costs where the configuration of the model does not say it: prices.h. */
struct config_price {
    struct config_mark mark;
    const char *name; /* as providers call it; "PROVIDER/NAME": at one alone */
    struct price price;
    uint64_t context_window; /* 0: not said */
    uint64_t max_tokens;     /* likewise */
    bool built_in;           /* a public price of the model's own vendor */
};

struct config_prices {
    struct config_price *items;
    size_t count;
};

struct config_target {
    struct config_mark mark;
    const char *id;   /* "gpt-4.1:stable", "gpt-4.1:stable@eu": in metrics, logs, the breaker's
                         registry */
    const char *name; /* "stable"; the provider's name when none is given */
    const struct config_provider *provider;
    const struct config_region *region; /* NULL: the provider is in one place */
    const char *model;  /* as the provider calls it; the model's own name when none is given */
    uint32_t weight;    /* as written; 0 where the region's is 0, and while it is disabled */
    uint32_t share;     /* of it, in millionths: what falls to the region */
    uint32_t priority;  /* 1 is tried first */
    uint32_t in_flight; /* 0: without end */
    struct price price; /* its own; not known: the model's (config_target_price) */
    const struct config_price *listed; /* what `prices` says of it; NULL: nothing */
    uint32_t side; /* enum config_side; the setting is called `environment` */
    bool enabled;  /* false: as if it were not there */
};

enum { SHARE_WHOLE = 1000000 };

struct config_model;

/* Which target of a tier is tried first. */
enum config_balance {
    BALANCE_WEIGHTED,
    BALANCE_LEAST_LATENCY,
    BALANCE_LEAST_BUSY,
    BALANCE_LEAST_COST,
};

extern const char *const config_balance_names[]; /* ended by NULL */

/* Who stays with the same target, as long as that is well. */
enum config_sticky { STICKY_NONE, STICKY_KEY, STICKY_USER, STICKY_SESSION };

struct config_models {
    const struct config_model **items; /* NULL: nothing was said */
    size_t count;
};

/* By what went wrong: the models that stand in place of `fallbacks`. */
struct config_fallback_on {
    struct config_models rate_limit;
    struct config_models connection_error;
    struct config_models timeout;
    struct config_models server_error;
    struct config_models context_window;
    struct config_models content_filter;
};

/* How hard a request is, as its client says. */
enum config_task { TASK_SIMPLE, TASK_STANDARD, TASK_ADVANCED, TASKS };

extern const char *const config_task_names[]; /* ended by NULL */

struct config_tasks {
    const struct config_model *by_task[TASKS]; /* NULL: not said */
};

/* Flags a number that is a percentile, not a duration. */
#define CONFIG_PERCENTILE 0x80000000u

struct config_hedge {
    uint32_t after;  /* milliseconds; or CONFIG_PERCENTILE | 50 to 99; 0: no hedges */
    uint32_t budget; /* millionths of the requests */
};

struct config_split { /* percent; both add up to 100 */
    uint32_t blue;
    uint32_t green;
    bool said;
};

struct config_phase {
    struct config_mark mark;
    const char *name;
    uint32_t green;    /* percent */
    uint32_t at_least; /* milliseconds */
};

struct config_promote {
    uint32_t min_requests;
    uint32_t window;
    uint32_t max_error_rate;       /* millionths */
    uint32_t max_latency_increase; /* likewise, of blue's mean */
};

enum config_rollback_to { ROLLBACK_TO_PREVIOUS, ROLLBACK_TO_ZERO };

struct config_rollback {
    uint32_t window;
    uint32_t min_requests;
    uint32_t error_rate; /* millionths */
    uint32_t latency;    /* milliseconds; 0: any will do */
    uint32_t to;         /* enum config_rollback_to */
};

enum config_strategy { STRATEGY_STAGED, STRATEGY_GRADUAL };

extern const char *const config_strategy_names[]; /* ended by NULL */

/* How green takes over. Filled, with defaults, in every listed model. */
struct config_rollout {
    uint32_t strategy; /* enum config_strategy */
    bool said;
    bool autostart;
    struct config_phase *phases;
    size_t phase_count;
    uint32_t target; /* of a gradual one: percent */
    uint32_t steps;
    uint32_t step_seconds;
    uint32_t check_every;
    struct config_promote promote;
    struct config_rollback rollback;
};

struct config_model {
    struct config_mark mark;
    const char *name;
    struct config_strings aliases;
    struct config_targets written; /* the targets as they were said */
    struct config_target *targets; /* the same, but one for each region of its provider */
    size_t target_count;
    struct config_models fallbacks;
    struct config_fallback_on fallback_on;
    bool virtual; /* it has `tasks` in place of targets */
    struct config_tasks tasks;
    uint32_t default_task;
    enum config_balance balance;
    enum config_sticky sticky;
    const char *description;
    uint64_t context_window; /* 0: not said */
    uint64_t max_tokens;     /* likewise */
    struct price price;
    struct config_hedge hedge;
    bool sides; /* it has green targets; without any, split and rollout mean nothing */
    struct config_split split;
    struct config_rollout rollout;
    struct config_rates rates; /* of all callers together */
    bool passing;              /* not listed: made for one request by its provider's name */
    bool starred; /* a target's `model` holds a star, for what that of the name stands for */
    const char *asked; /* of a copy that was made for one request: the name that matched */
};

/* A name that ends in a star. */
struct config_pattern {
    struct span prefix;
    const struct config_model *model;
};

struct config_patterns { /* the longest first */
    struct config_pattern *items;
    size_t count;
};

/* What `retry.retryable_errors` may list. */
enum config_retryable {
    RETRYABLE_RATE_LIMIT,
    RETRYABLE_SERVER_ERROR,
    RETRYABLE_TIMEOUT,
    RETRYABLE_CONNECTION,
    RETRYABLES,
};

struct config_retryables {
    const uint8_t *items; /* enum config_retryable */
    size_t count;
};

struct config_retry {
    uint32_t max_attempts;
    uint32_t initial_delay_ms;
    uint32_t max_delay_ms;
    uint32_t backoff_multiplier;
    uint32_t budget; /* millionths; 0: none */
    struct config_retryables errors;
};

struct config_breaker {
    bool enabled;
    uint32_t failure_threshold;
    uint32_t timeout_seconds;
    uint32_t half_open_requests;
};

struct config_health { /* durations in milliseconds */
    uint32_t interval; /* of probes; 0: none */
    uint32_t window;
    uint32_t min_requests;
    uint32_t latency_threshold; /* 0: any will do */
    uint32_t slow_start;        /* 0: at once */
    uint32_t success_threshold; /* millionths */
    uint32_t recover;
    bool auto_switch; /* false: only say that it would */
};

struct config_webhook {
    struct config_mark mark;
    const char *url;
    struct secret secret; /* signs what is sent there */
    const char *ca_file;  /* NULL: the system's */
};

struct config_alerts {   /* 0: none */
    uint32_t error_rate; /* millionths */
    uint32_t latency_p95;
    uint64_t projected_cost; /* a day, in micro-dollars */
    struct config_webhook *webhooks;
    size_t webhook_count;
};

struct config_limits {
    uint32_t connections;
    uint32_t in_flight;  /* 0: without end */
    uint32_t queue;      /* 0: nobody waits */
    uint32_t queue_wait; /* ms; 0: without end */
    uint64_t header_bytes;
    uint64_t body_bytes;
};

struct config_log {
    enum log_level level;
    bool text; /* `format: text`: for people */
    bool access;
    bool bodies;
};

struct config {
    uint32_t references;
    uint64_t generation; /* 1, 2, 3 … in this process */
    struct arena arena;
    const char *file;     /* NULL: from the environment */
    struct secret source; /* what stood in it */

    const char *listen;
    const char *environment;
    bool models_only;
    bool drop_params; /* what a target cannot be told is left out, not refused */
    const struct config_provider *default_provider; /* NULL: none */
    struct config_tls tls;
    struct config_admin admin;
    const struct config_model *default_model;  /* NULL: a request must name one */
    const struct config_model *fallback_model; /* NULL: none */
    struct config_client_key *client_keys;
    size_t client_key_count;
    struct config_provider *providers;
    size_t provider_count;
    struct config_model *models;
    size_t model_count;
    struct config_prices prices; /* as they were said; all there are: prices_by_name */
    const char *prices_file;     /* NULL: those built in alone */
    struct config_retry retry;
    struct config_breaker breaker;
    struct config_health health;
    struct config_timeouts timeouts;
    struct config_alerts alerts;
    struct config_rates rates; /* of each caller without its own */
    struct config_limits limits;
    struct config_log log;
    uint32_t drain_seconds;
    const char *state_path; /* a folder; NULL: nothing survives a restart */

    struct map models_by_name; /* and by alias; a pattern by what was written */
    struct config_patterns patterns;
    struct map providers_by_name;
    struct map prices_by_name; /* const struct config_price; prices.h finds one */
};

/* What was wrong with a file, all at once: lines "FILE:LINE:COLUMN: what; what would be right". */
struct config_report {
    struct buf text;
    uint32_t errors;
    uint32_t warnings; /* also in `text`, said with "warning:" */
};

void config_report_init(struct config_report *report);
void config_report_done(struct config_report *report);

struct config_changes; /* config_changes.h; NULL: none */

/* Reads and checks a file, with changes on top. Gives a snapshot with one reference, or NULL; either way
 * `report` says what there is to say. Blocks on the file: at start and on a reload only. */
struct config *config_from_file(const char *path, struct config_changes *changes,
                                struct config_report *report);

/* The same from bytes already in memory; `path` is for messages. */
struct config *config_from_text(const char *path, struct span text,
                                struct config_changes *changes, struct config_report *report);

/* The same from environment variables (CONTRACT 4); without any provider's key the demo. */
struct config *config_from_environment(struct config_changes *changes,
                                       struct config_report *report);

/* The same source again, as it was read for `config`, with other changes on top. The next generation. */
struct config *config_again(const struct config *config, struct config_changes *changes,
                            struct config_report *report);

struct config *config_ref(struct config *config);
void config_unref(struct config *config); /* NULL is fine */

/* ---- looking things up ---- */

/* A listed model by its name or one of its aliases; NULL: not listed. */
const struct config_model *config_model_find(const struct config *config, struct span name);
const struct config_provider *config_provider_find(const struct config *config,
                                                   struct span name);

/* What a target's tokens cost: by itself, by its model, by the list of prices. May be not known. */
const struct price *config_target_price(const struct config_model *model,
                                        const struct config_target *target);

/* Does it listen where this machine alone can reach it? */
bool config_is_loopback(const char *listen);

/* Does the operator send a header of that name to it? */
bool config_sets_header(const struct config_provider *provider, struct span name);

/* Is the header of this provider's kind to be sent? Not where the operator has set it. */
bool config_needs_header(const struct config_provider *provider);

/* ---- printed from the settings table ---- */

/* The effective configuration as YAML, secrets as ***. */
void config_print(const struct config *config, struct buf *out);
/* The reference in Markdown: every setting with type, default, bounds and help. */
void config_print_reference(struct buf *out);
/* A JSON Schema (draft-07) for editors. */
void config_print_schema(struct buf *out);

#endif
