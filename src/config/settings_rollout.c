/* Blue and green: who gets how much, and how green takes over. */
#include "config/settings_rows.h"

enum { PERCENT = 100 };

#define DAYS              (24 * HOUR)
#define MILLION           UINT64_C(1000000)
#define LEAST_SHARE       1 /* 0 would have to mean none, or not one: it is not allowed */
#define LATENCY_TIMES_MAX 100

const char *const config_side_names[] = { "blue", "green", NULL };
const char *const config_strategy_names[] = { "staged", "gradual", NULL };

static const char *const rollback_to[] = { "previous", "zero", NULL };

/* ---- split ---- */

static const struct setting split_rows[] = {
    { .name = "blue",
      .kind = SETTING_COUNT,
      NUMBER_AT(config_split, blue),
      .inherits = true,
      .unsaid = "100, less `green`",
      .max = PERCENT,
      .help = "Percent of the traffic for blue targets." },
    { .name = "green",
      .kind = SETTING_COUNT,
      NUMBER_AT(config_split, green),
      .inherits = true,
      .unsaid = "100, less `blue`; else 0",
      .max = PERCENT,
      .help = "Percent for green ones. Both add up to 100." },
    END,
};

const struct setting_table settings_split = {
    .title = "models.NAME.split",
    .rows = split_rows,
    NO_FIELD,
};

/* ---- rollout ---- */

static const struct setting phase_rows[] = {
    { .name = "name",
      .kind = SETTING_NAME,
      AT(config_phase, name),
      .required = true,
      .help = "What events and the dashboard call it." },
    { .name = "green",
      .kind = SETTING_COUNT,
      NUMBER_AT(config_phase, green),
      .required = true,
      .min = 1,
      .max = PERCENT,
      .help = "Percent of the traffic for green; more than in the phase before. The last one "
              "may be less than 100: the rollout is finished there." },
    { .name = "at_least",
      .kind = SETTING_DURATION,
      NUMBER_AT(config_phase, at_least),
      .standard = "0",
      .max = 30 * DAYS,
      .help = "It takes so long, or longer." },
    END,
};

static const struct setting_table settings_phase = {
    .title = "models.NAME.rollout.phases[]",
    .rows = phase_rows,
    .name_field = SETTING_NO_FIELD,
    .mark_field = offsetof(struct config_phase, mark),
};

static const struct setting promote_rows[] = {
    { .name = "min_requests",
      .kind = SETTING_COUNT,
      NUMBER_AT(config_promote, min_requests),
      .standard = "100",
      .min = 1,
      .max = 1000 * MILLION,
      .help = "Green has had so many in the window; with fewer it is held." },
    { .name = "window",
      .kind = SETTING_DURATION,
      NUMBER_AT(config_promote, window),
      .standard = "30m",
      .min = SECOND,
      .max = DAYS,
      .help = "Attempts of so long count, but none from before the phase." },
    { .name = "max_error_rate",
      .kind = SETTING_SHARE,
      NUMBER_AT(config_promote, max_error_rate),
      .standard = "0.02",
      .min = LEAST_SHARE,
      .max = MILLION,
      .help = "Of green's attempts at most this share has failed." },
    { .name = "max_latency_increase",
      .kind = SETTING_SHARE,
      NUMBER_AT(config_promote, max_latency_increase),
      .standard = "0.5",
      .min = LEAST_SHARE,
      .max = LATENCY_TIMES_MAX * MILLION,
      .help =
          "Green's mean latency is at most this share above blue's; where blue has had fewer "
          "than 20 answers, above what it was in the phase before." },
    END,
};

static const struct setting_table settings_promote = {
    .title = "models.NAME.rollout.promote",
    .rows = promote_rows,
    NO_FIELD,
};

static const struct setting rollback_rows[] = {
    { .name = "window",
      .kind = SETTING_DURATION,
      NUMBER_AT(config_rollback, window),
      .standard = "10m",
      .min = SECOND,
      .max = DAYS,
      .help = "Attempts of so long count, but none from before the phase." },
    { .name = "min_requests",
      .kind = SETTING_COUNT,
      NUMBER_AT(config_rollback, min_requests),
      .standard = "20",
      .min = 1,
      .max = 1000 * MILLION,
      .help =
          "With fewer of green's nothing is decided; unless none of its targets is usable." },
    { .name = "error_rate",
      .kind = SETTING_SHARE,
      NUMBER_AT(config_rollback, error_rate),
      .standard = "0.05",
      .min = LEAST_SHARE,
      .max = MILLION,
      .help = "Back when more than this share of green's attempts has failed." },
    { .name = "latency",
      .kind = SETTING_DURATION,
      NUMBER_AT(config_rollback, latency),
      .standard = "10s",
      .max = HOUR,
      .help = "Back when green's mean latency is above this; 0: never." },
    { .name = "to",
      .kind = SETTING_ENUM,
      NUMBER_AT(config_rollback, to),
      .words = rollback_to,
      .standard = "previous",
      .help =
          "`previous`: one phase back, from the first to blue 100; `zero`: to that at once. "
          "By hand it is always the latter." },
    END,
};

static const struct setting_table settings_rollback = {
    .title = "models.NAME.rollout.rollback",
    .rows = rollback_rows,
    NO_FIELD,
};

static const struct setting rollout_rows[] = {
    { .name = "strategy",
      .kind = SETTING_ENUM,
      NUMBER_AT(config_rollout, strategy),
      .words = config_strategy_names,
      .standard = "staged",
      .help = "`staged`: phase by phase, on figures; `gradual`: in equal steps, a canary test "
              "before each, and any error takes it back to blue 100." },
    { .name = "autostart",
      .kind = SETTING_BOOL,
      NUMBER_AT(config_rollout, autostart),
      .standard = "false",
      .help = "Begin by itself; else by `PUT /admin/models/{model}/rollout`." },
    { .name = "phases",
      .kind = SETTING_LIST,
      .element = SETTING_OBJECT,
      ITEMS(config_rollout, phases, phase_count, sizeof(struct config_phase)),
      .min = 1,
      .max = LIMIT_ROLLOUT_PHASES,
      .table = &settings_phase,
      .unsaid = "initial 5 for 30m, canary 15 for 1h, partial 40 for 2h, majority 70 for 4h, "
                "full 100",
      .help = "Of a staged one, each with more green than the one before." },
    { .name = "target",
      .kind = SETTING_COUNT,
      NUMBER_AT(config_rollout, target),
      .standard = "100",
      .min = 1,
      .max = PERCENT,
      .help = "Of a gradual one: percent for green at its end." },
    { .name = "steps",
      .kind = SETTING_COUNT,
      NUMBER_AT(config_rollout, steps),
      .standard = "10",
      .min = 1,
      .max = PERCENT,
      .help = "Of a gradual one: in so many." },
    { .name = "step_seconds",
      .kind = SETTING_COUNT,
      NUMBER_AT(config_rollout, step_seconds),
      .standard = "30",
      .min = 1,
      .max = 86400,
      .help = "Of a gradual one: each takes so long." },
    { .name = "check_every",
      .kind = SETTING_DURATION,
      NUMBER_AT(config_rollout, check_every),
      .standard = "60s",
      .min = 100,
      .max = HOUR,
      .help = "Between two looks at the figures." },
    { .name = "promote",
      .kind = SETTING_OBJECT,
      AT(config_rollout, promote),
      .table = &settings_promote,
      .help = "All of this must hold before the next phase." },
    { .name = "rollback",
      .kind = SETTING_OBJECT,
      AT(config_rollout, rollback),
      .table = &settings_rollback,
      .help = "Any of this takes it back." },
    END,
};

const struct setting_table settings_rollout = {
    .title = "models.NAME.rollout",
    .rows = rollout_rows,
    NO_FIELD,
};
