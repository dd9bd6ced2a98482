#include "flow/meters.h"

/* Seconds in microseconds: OpenTelemetry's list, longer at the top for slow models. */
#define DURATIONS                                                                              \
    {                                                                                          \
        10000, 20000, 40000, 80000, 160000, 320000, 640000, 1280000, 2560000, 5120000,         \
            10240000, 20480000, 40960000, 81920000, 163840000, 327680000, 655360000            \
    }

#define MODEL_LABELS                                                                           \
    {                                                                                          \
        "gen_ai_request_model", "gen_ai_response_model", "gen_ai_provider_name",               \
            "sluice_environment"                                                               \
    }

const struct metric meters[METERS] = {
    [METER_REQUEST_DURATION] = { .name = "gen_ai_server_request_duration_seconds",
                                 .help =
                                     "Time from the request's first byte to the answer's last.",
                                 .kind = METRIC_HISTOGRAM,
                                 .decimals = 6,
                                 .labels = MODEL_LABELS,
                                 .buckets = DURATIONS },
    [METER_TIME_TO_FIRST_TOKEN] = { .name = "gen_ai_server_time_to_first_token_seconds",
                                    .help = "Time to the first content event of a stream.",
                                    .kind = METRIC_HISTOGRAM,
                                    .decimals = 6,
                                    .labels = MODEL_LABELS,
                                    .buckets = { 1000, 5000, 10000, 20000, 40000, 60000, 80000,
                                                 100000, 250000, 500000, 750000, 1000000,
                                                 2500000, 5000000, 7500000, 10000000, 30000000,
                                                 60000000 } },
    [METER_TIME_PER_TOKEN] = { .name = "gen_ai_server_time_per_output_token_seconds",
                               .help =
                                   "Mean time per output token after the first, per stream.",
                               .kind = METRIC_HISTOGRAM,
                               .decimals = 6,
                               .labels = MODEL_LABELS,
                               .buckets = { 1000, 5000, 10000, 25000, 50000, 75000, 100000,
                                            150000, 200000, 300000, 400000, 500000, 750000,
                                            1000000, 2500000 } },
    [METER_TOKEN_USAGE] = { .name = "gen_ai_client_token_usage",
                            .help = "Tokens of a request, by type.",
                            .kind = METRIC_HISTOGRAM,
                            .labels = { "gen_ai_token_type", "gen_ai_request_model",
                                        "gen_ai_response_model", "gen_ai_provider_name",
                                        "sluice_environment" },
                            .buckets = { 1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144,
                                         1048576, 4194304, 16777216, 67108864 } },
    [METER_REQUESTS] = { .name = "sluice_requests_total",
                         .help = "Requests answered, by HTTP status (499: the client left).",
                         .labels = { "model", "environment", "code" } },
    [METER_ATTEMPTS] = { .name = "sluice_attempts_total",
                         .help = "Upstream calls, by how they ended.",
                         .labels = { "target", "outcome" } },
    [METER_FALLBACKS] = { .name = "sluice_fallbacks_total",
                          .help =
                              "Requests that another model answered, by what made them move.",
                          .labels = { "from", "to", "reason" } },
    [METER_HEDGES] = { .name = "sluice_hedges_total",
                       .help = "Second calls beside a slow first, by what came of them: won, "
                               "lost, failed, or cancelled with the request.",
                       .labels = { "model", "outcome" } },
    [METER_CANCELLED] = { .name = "sluice_cancelled_total",
                          .help = "Requests whose client left, by what they were waiting for.",
                          .labels = { "phase" } },
    [METER_OVERHEAD] = { .name = "sluice_overhead_seconds",
                         .help = "Time that a request spent in the gateway alone.",
                         .kind = METRIC_HISTOGRAM,
                         .decimals = 6,
                         .buckets = { 10, 20, 40, 60, 80, 100, 150, 200, 300, 500, 1000, 2000,
                                      5000, 10000, 50000, 250000, 1000000 } },
    [METER_TARGET_WEIGHT] = { .name = "sluice_target_weight",
                              .help = "Effective weight of a target: as configured x its "
                                      "region's share x health.",
                              .kind = METRIC_GAUGE,
                              .decimals = 3,
                              .labels = { "target" } },
    [METER_TARGET_HEALTH] = { .name = "sluice_target_health",
                              .help = "From 1 to 0: 0 while its breaker is open.",
                              .kind = METRIC_GAUGE,
                              .decimals = 3,
                              .labels = { "target" } },
    [METER_BREAKER_STATE] = { .name = "sluice_breaker_state",
                              .help = "Circuit breaker: 0 closed, 1 open, 2 half-open.",
                              .kind = METRIC_GAUGE,
                              .labels = { "target" } },
    [METER_SWITCHED] = { .name = "sluice_switched",
                         .help = "1 while the models that stand in for it go first, else 0.",
                         .kind = METRIC_GAUGE,
                         .labels = { "model" } },
    [METER_SWITCHES] = { .name = "sluice_switches_total",
                         .help = "Switches of a model to another, and back to itself.",
                         .labels = { "model", "to" } },
    [METER_EVENTS] = { .name = "sluice_events_total",
                       .help = "What GET /admin/events tells, by kind.",
                       .labels = { "kind" } },
    [METER_COST] = { .name = "sluice_cost_usd_total",
                     .help = "Cost by the configured prices.",
                     .decimals = 12,
                     .labels = { "model", "key" } },
    [METER_TOKENS] = { .name = "sluice_tokens_total",
                       .help =
                           "Tokens: input, cached, cache_write, output, reasoning (in output).",
                       .labels = { "model", "type" } },
    [METER_IN_FLIGHT] = { .name = "sluice_in_flight",
                          .help = "Requests being served.",
                          .kind = METRIC_GAUGE },
    [METER_STREAMS] = { .name = "sluice_streams",
                        .help = "Streams being relayed.",
                        .kind = METRIC_GAUGE },
    [METER_CONNECTIONS] = { .name = "sluice_connections",
                            .help = "Open client connections.",
                            .kind = METRIC_GAUGE },
    [METER_MALFORMED_EVENTS] = { .name = "sluice_malformed_events_total",
                                 .help = "Upstream events that are not of their dialect.",
                                 .labels = { "target" } },
    [METER_HTTP_REFUSED] = { .name = "sluice_http_refused_total",
                             .help = "Requests refused before they had a complete head.",
                             .labels = { "status" } },
    [METER_LOOP_UTILISATION] = { .name = "sluice_loop_utilisation",
                                 .help = "Share of the last second that the loop was busy.",
                                 .kind = METRIC_GAUGE,
                                 .decimals = 3 },
    [METER_LOG_DROPPED] = { .name = "sluice_log_dropped_total",
                            .help = "Log lines dropped because nobody read them.",
                            .kind = METRIC_COUNTER },
    [METER_CONFIG_GENERATION] = { .name = "sluice_config_generation",
                                  .help = "Number of configurations that this process has had.",
                                  .kind = METRIC_GAUGE },
    [METER_CONFIG_RELOAD_FAILED] = { .name = "sluice_config_reload_failed_total",
                                     .help = "Reloads refused; the old configuration stayed." },
    [METER_BUILD_INFO] = { .name = "sluice_build_info",
                           .help = "Always 1; the labels say which build this is.",
                           .kind = METRIC_GAUGE,
                           .labels = { "version" } },
};

struct series *meter(struct metrics *metrics, enum meter id)
{
    return metrics_series(metrics, id, NULL);
}
