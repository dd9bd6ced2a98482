#include "config/settings_rows.h"

#include <string.h>

static const char *const log_levels[] = { "debug", "info", "warn", "error", "off", NULL };
static const char *const retryables[] = { "rate_limit_error", "server_error", "timeout",
                                          "connection_error", NULL };
static const char *const log_formats[] = { "json", "text", NULL };

/* ---- the listening side ---- */

static const struct setting tls_rows[] = {
    { .name = "certificate",
      .kind = SETTING_FILE,
      AT(config_tls, certificate),
      .help = "The certificate and its chain, PEM." },
    { .name = "key",
      .kind = SETTING_FILE,
      AT(config_tls, key),
      .help = "Its private key, PEM." },
    { .name = "client_ca",
      .kind = SETTING_FILE,
      AT(config_tls, client_ca),
      .help = "Clients must show a certificate that one of these signed, PEM." },
    END,
};

static const struct setting_table settings_tls = {
    .title = "tls",
    .rows = tls_rows,
    NO_FIELD,
};

static const struct setting admin_rows[] = {
    { .name = "listen",
      .kind = SETTING_ADDRESS,
      AT(config_admin, listen),
      .unsaid = "the main listener",
      .help = "Where the admin plane listens." },
    { .name = "keys",
      .kind = SETTING_LIST,
      .element = SETTING_SECRET,
      ITEMS(config_admin, keys.items, keys.count, sizeof(struct secret)),
      .max = 64,
      .help = "Any of them opens the admin plane; without one it answers 404 throughout." },
    { .name = "hosts",
      .kind = SETTING_LIST,
      .element = SETTING_LABEL,
      ITEMS(config_admin, hosts.items, hosts.count, sizeof(char *)),
      .max = 64,
      .unsaid = "addresses and `localhost` where it listens on loopback, else any",
      .help = "Names by which it may be asked for, beside its addresses: another `Host` is "
              "403, and so "
              "is an `Origin` that is not the `Host`." },
    END,
};

static const struct setting_table settings_admin = {
    .title = "admin",
    .rows = admin_rows,
    NO_FIELD,
};

static const struct setting client_key_rows[] = {
    { .name = "name",
      .kind = SETTING_NAME,
      AT(config_client_key, name),
      .required = true,
      .help = "Stands for the caller in the access log and in metrics." },
    { .name = "hash",
      .kind = SETTING_HASH,
      AT(config_client_key, hash),
      .required = true,
      .help = "SHA-256 of the key; `sluice keygen NAME` prints a key and this line." },
    { .name = "models",
      .kind = SETTING_LIST,
      .element = SETTING_LABEL,
      ITEMS(config_client_key, models.items, models.count, sizeof(char *)),
      .max = 1000,
      .unsaid = "every model",
      .help = "What it may use: names, or patterns such as `deepseek/*`." },
    { .name = "expires",
      .kind = SETTING_DATE,
      NUMBER_AT(config_client_key, expires_ms),
      .unsaid = "never",
      .help = "From this moment on the key is refused; a date begins at 00:00 UTC." },
    { .name = "admin",
      .kind = SETTING_BOOL,
      NUMBER_AT(config_client_key, admin),
      .standard = "false",
      .help = "It may also call `/v1/config/{environment}`." },
    OWN_RATE(config_client_key, requests_per_minute, LIMIT_RATE, "Its requests; more is 429."),
    OWN_RATE(config_client_key, burst_size, LIMIT_RATE,
             "So many of them may come at once. With `requests_per_minute` of its own alone: a "
             "tenth of that."),
    OWN_RATE(config_client_key, tokens_per_minute, LIMIT_RATE, "Its tokens, in and out."),
    OWN_RATE(config_client_key, concurrent_requests, LIMIT_RATE, "Its requests at once."),
    { .name = "budget_usd_per_day",
      .kind = SETTING_MONEY,
      NUMBER_AT(config_client_key, rates.budget_usd_per_day),
      .standard = "0",
      .max = 1000000 * DOLLAR,
      .help =
          "By `cost_per_mtok`; when it is spent, 429 `insufficient_quota` until 00:00 UTC." },
    END,
};

const struct setting_table settings_client_key = {
    .title = "client_keys[]",
    .rows = client_key_rows,
    .name_field = SETTING_NO_FIELD,
    .mark_field = offsetof(struct config_client_key, mark),
};

/* ---- clocks ---- */

#define CLOCK(field, by_default, most, text)                                                   \
    {                                                                                          \
        .name = #field, .kind = SETTING_DURATION, NUMBER_AT(config_timeouts, field),           \
        .standard = (by_default), .max = (most), .help = (text)                                \
    }

static const struct setting timeouts_rows[] = {
    CLOCK(connect, "2s", 10 * MINUTE, "To connect to an upstream: DNS, TCP and TLS."),
    CLOCK(first_byte, "60s", HOUR,
          "From the request to the first content of a stream; then the next target is "
          "tried."),
    CLOCK(idle, "60s", HOUR, "Between two bytes of an upstream."),
    CLOCK(total, "10m", 24 * HOUR, "For a whole request with all its attempts."),
    CLOCK(sse_comment, "15s", HOUR,
          "A stream that is silent for so long gets a comment, so that nobody hangs up."),
    CLOCK(client_header, "10s", HOUR, "For a client to send a request's head."),
    CLOCK(client_body, "60s", HOUR,
          "For a client to send a request's body; of a form with files, each silence."),
    CLOCK(client_write, "60s", HOUR, "For a client to take what is written to it."),
    CLOCK(keepalive, "75s", HOUR, "For a client's idle connection."),
    END,
};

const struct setting_table settings_timeouts = {
    .title = "timeouts",
    .rows = timeouts_rows,
    NO_FIELD,
};

/* ---- failing well ---- */

#define NUMBER(type, field, by_default, least, most, text)                                     \
    {                                                                                          \
        .name = #field, .kind = SETTING_COUNT, NUMBER_AT(type, field),                         \
        .standard = (by_default), .min = (least), .max = (most), .help = (text)                \
    }

static const struct setting retry_rows[] = {
    NUMBER(config_retry, max_attempts, "5", 1, 100,
           "Upstream calls for one request, fallbacks included."),
    NUMBER(config_retry, initial_delay_ms, "1000", 0, 600000,
           "Wait before the same target is tried again; another one is tried at once."),
    NUMBER(config_retry, max_delay_ms, "30000", 0, 600000, "The wait grows up to this."),
    NUMBER(config_retry, backoff_multiplier, "2", 1, 100, "By this factor each time."),
    { .name = "retryable_errors",
      .kind = SETTING_LIST,
      .element = SETTING_ENUM,
      ITEMS(config_retry, errors.items, errors.count, sizeof(uint8_t)),
      .max = RETRYABLES,
      .words = retryables,
      .unsaid = "all of them",
      .help = "What is tried again: at another target at once, at the same one after a while. "
              "The rest is the answer." },
    { .name = "budget",
      .kind = SETTING_SHARE,
      NUMBER_AT(config_retry, budget),
      .standard = "0.2",
      .max = 10000000,
      .help =
          "Attempts beyond the first of each request, as a share of the requests of the last "
          "ten seconds, but at least 10 a second; when it is used up, the error is the "
          "answer." },
    END,
};

static const struct setting_table settings_retry = {
    .title = "retry",
    .rows = retry_rows,
    NO_FIELD,
};

static const struct setting breaker_rows[] = {
    { .name = "enabled",
      .kind = SETTING_BOOL,
      NUMBER_AT(config_breaker, enabled),
      .standard = "true",
      .help = "Leave a target alone that keeps failing." },
    NUMBER(config_breaker, failure_threshold, "5", 1, 1000000,
           "So many failures in a row open it."),
    NUMBER(config_breaker, timeout_seconds, "30", 1, 86400,
           "It stays open for so long. A request that nobody else can serve is let in all the "
           "same, one a second."),
    NUMBER(config_breaker, half_open_requests, "3", 1, 10000,
           "Then so many trials run at most at once, and so many successes close it."),
    END,
};

static const struct setting_table settings_breaker = {
    .title = "circuit_breaker",
    .rows = breaker_rows,
    NO_FIELD,
};

static const struct setting health_rows[] = {
    { .name = "interval",
      .kind = SETTING_DURATION,
      NUMBER_AT(config_health, interval),
      .standard = "30s",
      .max = 24 * HOUR,
      .help = "Between two probes of a provider, give or take a tenth; 0: none." },
    { .name = "window",
      .kind = SETTING_DURATION,
      NUMBER_AT(config_health, window),
      .standard = "5m",
      .min = SECOND,
      .max = 24 * HOUR,
      .help = "Attempts of so long count." },
    NUMBER(config_health, min_requests, "20", 1, 1000000,
           "So many of them say all; fewer move a target's health less, and leave room for "
           "what probes say."),
    { .name = "latency_threshold",
      .kind = SETTING_DURATION,
      NUMBER_AT(config_health, latency_threshold),
      .standard = "2s",
      .max = HOUR,
      .help = "A first content slower than this lowers the health; 0: never." },
    { .name = "slow_start",
      .kind = SETTING_DURATION,
      NUMBER_AT(config_health, slow_start),
      .standard = "30s",
      .max = HOUR,
      .help = "A target that comes back has its whole weight after so long; 0: at once." },
    { .name = "success_threshold",
      .kind = SETTING_SHARE,
      NUMBER_AT(config_health, success_threshold),
      .standard = "0.95",
      .max = 1000000,
      .help = "A model of whose attempts fewer succeed, with `min_requests` in the window, is "
              "switched away from: its `fallbacks` go first. More failures than it allows also "
              "lower a target's health." },
    { .name = "recover",
      .kind = SETTING_DURATION,
      NUMBER_AT(config_health, recover),
      .standard = "60s",
      .min = SECOND,
      .max = 24 * HOUR,
      .help = "Meanwhile the model gets probes and one request in a hundred; after so long "
              "without a failure, and a success, it comes back by `slow_start`. Twice as long "
              "for one that relapses, up to sixteen times." },
    { .name = "auto_switch",
      .kind = SETTING_BOOL,
      NUMBER_AT(config_health, auto_switch),
      .standard = "true",
      .help = "false: an event says that the model would have been switched away from; "
              "nothing else changes." },
    END,
};

static const struct setting_table settings_health = {
    .title = "health",
    .rows = health_rows,
    NO_FIELD,
};

/* ---- the process ---- */

static const struct setting limits_rows[] = {
    NUMBER(config_limits, connections, "8192", 0, 1000000,
           "Client connections; one more gets 503."),
    { .name = "header_bytes",
      .kind = SETTING_SIZE,
      NUMBER_AT(config_limits, header_bytes),
      .standard = "32KiB",
      .max = MIB,
      .help = "All headers of a request; more is 431." },
    { .name = "body_bytes",
      .kind = SETTING_SIZE,
      NUMBER_AT(config_limits, body_bytes),
      .standard = "50MiB",
      .max = 1024 * MIB,
      .help = "The body of a request, also of one with files; more is 413." },
    NUMBER(config_limits, in_flight, "4096", 0, 1000000,
           "Requests that are served at once; one more waits in the queue."),
    NUMBER(config_limits, queue, "1024", 0, 1000000,
           "Requests that may wait for their turn; one more gets 503 at once. 0: none waits."),
    { .name = "queue_wait",
      .kind = SETTING_DURATION,
      NUMBER_AT(config_limits, queue_wait),
      .standard = "5s",
      .max = HOUR,
      .help = "Who waited so long gets 503, and who would have to gets it at once; 0: without "
              "end." },
    END,
};

const struct setting_table settings_limits = {
    .title = "limits",
    .rows = limits_rows,
    NO_FIELD,
};

static const struct setting log_rows[] = {
    { .name = "level",
      .kind = SETTING_ENUM,
      NUMBER_AT(config_log, level),
      .words = log_levels,
      .standard = "info",
      .help = "The least that is worth a line on stderr." },
    { .name = "format",
      .kind = SETTING_ENUM,
      NUMBER_AT(config_log, text),
      .words = log_formats,
      .standard = "json",
      .help = "`text`: for people." },
    { .name = "access",
      .kind = SETTING_BOOL,
      NUMBER_AT(config_log, access),
      .standard = "true",
      .help = "One JSON line for each request on stdout." },
    { .name = "bodies",
      .kind = SETTING_BOOL,
      NUMBER_AT(config_log, bodies),
      .standard = "false",
      .help = "What people asked and were told goes into the log, too." },
    END,
};

static const struct setting_table settings_log = {
    .title = "log",
    .rows = log_rows,
    NO_FIELD,
};

static const struct setting drain_rows[] = {
    { .name = "seconds",
      .kind = SETTING_COUNT,
      NUMBER_AT(config, drain_seconds),
      .standard = "30",
      .max = 3600,
      .help = "What is running may finish for so long when the process is asked to end." },
    END,
};

static const struct setting_table settings_drain = {
    .title = "drain",
    .rows = drain_rows,
    NO_FIELD,
};

static const struct setting state_rows[] = {
    { .name = "path",
      .kind = SETTING_TEXT,
      AT(config, state_path),
      .max = 1024,
      .unsaid = "nothing survives a restart",
      .help =
          "A folder for what was changed in the running gateway, rollouts, figures and events. "
          "One for each process; the file in it may hold provider keys, so only its owner can "
          "read it." },
    END,
};

static const struct setting_table settings_state = {
    .title = "state",
    .rows = state_rows,
    NO_FIELD,
};

/* ---- the whole file ---- */

#define WHOLE                                                                                  \
    .offset = 0, .width = sizeof(struct config) /* an object whose fields lie in the root */

static const struct setting file_rows[] = {
    { .name = "listen",
      .kind = SETTING_ADDRESS,
      AT(config, listen),
      .standard = "0.0.0.0:8080",
      .help = "Where clients connect." },
    { .name = "environment",
      .kind = SETTING_NAME,
      AT(config, environment),
      .standard = "production",
      .help = "What this installation is called." },
    { .name = "models_only",
      .kind = SETTING_BOOL,
      NUMBER_AT(config, models_only),
      .standard = "false",
      .help = "Serve the listed models alone: `default_provider` gets no other names." },
    { .name = "drop_params",
      .kind = SETTING_BOOL,
      NUMBER_AT(config, drop_params),
      .standard = "false",
      .help =
          "Leave out what a target's language cannot say, and name it in `x-sluice-dropped`; "
          "false: refuse it by name." },
    { .name = "default_provider",
      .kind = SETTING_PROVIDER,
      AT(config, default_provider),
      .unsaid = "`openai`, when there is one of that name",
      .help = "Takes the names that nothing else claims." },
    { .name = "tls",
      .kind = SETTING_OBJECT,
      AT(config, tls),
      .table = &settings_tls,
      .unsaid = "clear text",
      .help = "TLS for the main listener; read again on a reload." },
    { .name = "admin",
      .kind = SETTING_OBJECT,
      AT(config, admin),
      .table = &settings_admin,
      .help = "The admin plane." },
    { .name = "default_model",
      .kind = SETTING_MODEL,
      AT(config, default_model),
      .help = "For a request that names none." },
    { .name = "fallback_model",
      .kind = SETTING_MODEL,
      AT(config, fallback_model),
      .help = "The last resort of every model." },
    { .name = "client_keys",
      .kind = SETTING_LIST,
      .element = SETTING_OBJECT,
      ITEMS(config, client_keys, client_key_count, sizeof(struct config_client_key)),
      .max = 100000,
      .table = &settings_client_key,
      .unsaid = "everybody may call",
      .help = "Who may call." },
    { .name = "providers",
      .kind = SETTING_MAP,
      .element = SETTING_NAME,
      ITEMS(config, providers, provider_count, sizeof(struct config_provider)),
      .max = 1000,
      .table = &settings_provider,
      .help = "The services behind the gateway, by names of your own." },
    { .name = "models",
      .kind = SETTING_MAP,
      .element = SETTING_LABEL,
      ITEMS(config, models, model_count, sizeof(struct config_model)),
      .max = 10000,
      .table = &settings_model,
      .help = "The models that clients ask for, by name; one may end in a star (see above)." },
    { .name = "prices",
      .kind = SETTING_MAP,
      .element = SETTING_LABEL,
      ITEMS(config, prices.items, prices.count, sizeof(struct config_price)),
      .max = LIMIT_PRICES,
      .table = &settings_prices,
      .unsaid = "those of `prices_file`, then those built in",
      .help =
          "What models cost whose own `cost_per_mtok` is not said, by the name that their "
          "provider has for them: `gpt-4.1`; of one provider alone `NAME/gpt-4.1`, by its name "
          "or its kind. A date behind a name (`gpt-4.1-2025-04-14`) is passed over." },
    { .name = "prices_file",
      .kind = SETTING_FILE,
      AT(config, prices_file),
      .unsaid = "none",
      .help = "A list of prices of your own, which go before those built in. `sluice prices` "
              "prints "
              "these; they are the public ones of the day that stands in it." },
    { .name = "retry",
      .kind = SETTING_OBJECT,
      AT(config, retry),
      .table = &settings_retry,
      .help = "When an attempt fails before anything was sent." },
    { .name = "circuit_breaker",
      .kind = SETTING_OBJECT,
      AT(config, breaker),
      .table = &settings_breaker,
      .help = "One for each target." },
    { .name = "health",
      .kind = SETTING_OBJECT,
      AT(config, health),
      .table = &settings_health,
      .help = "Of targets, which their weights follow; of models, which are switched." },
    { .name = "timeouts",
      .kind = SETTING_OBJECT,
      AT(config, timeouts),
      .table = &settings_timeouts,
      .help = "Clocks; 0 stops one." },
    { .name = "alerts",
      .kind = SETTING_OBJECT,
      AT(config, alerts),
      .table = &settings_alerts,
      .help =
          "What somebody should look at: judged every ten seconds over the last five "
          "minutes, when these had at least 20 attempts; over below 80 % of the threshold." },
    { .name = "rate_limiting",
      .kind = SETTING_OBJECT,
      WHOLE,
      .table = &settings_rate_limiting,
      .help = "Of each caller without its own; 0: none." },
    { .name = "limits",
      .kind = SETTING_OBJECT,
      AT(config, limits),
      .table = &settings_limits,
      .help = "Of this process." },
    { .name = "log",
      .kind = SETTING_OBJECT,
      AT(config, log),
      .table = &settings_log,
      .help = "What is written where." },
    { .name = "workers",
      .kind = SETTING_FIXED,
      .standard = "1",
      .help = "Processes behind one port." },
    { .name = "drain",
      .kind = SETTING_OBJECT,
      WHOLE,
      .table = &settings_drain,
      .help = "The way out." },
    { .name = "state",
      .kind = SETTING_OBJECT,
      WHOLE,
      .table = &settings_state,
      .help = "What survives a restart." },
    LATER("cache"),
    LATER("redis"),
    END,
};

const struct setting_table settings = {
    .title = "The file",
    .rows = file_rows,
    NO_FIELD,
};

const struct setting *setting_find(const struct setting_table *table, const char *name)
{
    for (const struct setting *row = table->rows; row->name; row++)
        if (strcmp(row->name, name) == 0)
            return row;
    return NULL;
}
