/* What somebody should look at, and where to say so. */
#include "config/settings_rows.h"

static const struct setting webhook_rows[] = {
    { .name = "url",
      .kind = SETTING_HOOK,
      AT(config_webhook, url),
      .required = true,
      .help = "Where events are sent, as POST with JSON; a private address will do. Shown "
              "without its path." },
    { .name = "secret",
      .kind = SETTING_SECRET,
      AT(config_webhook, secret),
      .required = true,
      .help =
          "Signs them (X-Sluice-Signature), so that the receiver knows whom they are from." },
    { .name = "ca_file",
      .kind = SETTING_FILE,
      AT(config_webhook, ca_file),
      .unsaid = "the system's",
      .help = "Who may sign its certificate, PEM." },
    END,
};

static const struct setting_table settings_webhook = {
    .title = "alerts.webhooks[]",
    .rows = webhook_rows,
    .name_field = SETTING_NO_FIELD,
    .mark_field = offsetof(struct config_webhook, mark),
};

static const struct setting alerts_rows[] = {
    { .name = "error_rate",
      .kind = SETTING_SHARE,
      NUMBER_AT(config_alerts, error_rate),
      .standard = "0.05",
      .max = 1000000,
      .help = "More than this share of the attempts failed; 0: never." },
    { .name = "latency_p95",
      .kind = SETTING_DURATION,
      NUMBER_AT(config_alerts, latency_p95),
      .standard = "5s",
      .max = HOUR,
      .help = "One answer in twenty takes longer; 0: never." },
    { .name = "projected_cost_usd_per_day",
      .kind = SETTING_MONEY,
      NUMBER_AT(config_alerts, projected_cost),
      .standard = "1000",
      .max = 1000000000 * DOLLAR,
      .help = "A day like these minutes would cost more; 0: never." },
    { .name = "webhooks",
      .kind = SETTING_LIST,
      .element = SETTING_OBJECT,
      ITEMS(config_alerts, webhooks, webhook_count, sizeof(struct config_webhook)),
      .max = LIMIT_WEBHOOKS,
      .table = &settings_webhook,
      .help = "Who is told of every event: alerts, switches, rollouts, reloads." },
    END,
};

const struct setting_table settings_alerts = {
    .title = "alerts",
    .rows = alerts_rows,
    NO_FIELD,
};
