/* settings_rows: how rows of the settings table are written. For the files that hold rows alone. */
#ifndef CONFIG_SETTINGS_ROWS_H
#define CONFIG_SETTINGS_ROWS_H

#include "base/limits.h"
#include "config/config.h"
#include "config/settings.h"

/* Where a value goes: AT(config, listen); NUMBER_AT(config_log, access) for numbers, which come in
 * several widths; ITEMS(config, models, model_count, sizeof(struct config_model)) for lists. */
#define AT(type, field) .offset = offsetof(struct type, field)
#define NUMBER_AT(type, field)                                                                 \
    .offset = offsetof(struct type, field), .width = sizeof(((struct type *)0)->field)
#define ITEMS(type, field, number, size)                                                       \
    .offset = offsetof(struct type, field), .count_offset = offsetof(struct type, number),     \
    .width = (size)

#define SECOND   UINT64_C(1000)
#define MINUTE   (60 * SECOND)
#define HOUR     (60 * MINUTE)
#define KIB      UINT64_C(1024)
#define MIB      (1024 * KIB)
#define DOLLAR   UINT64_C(1000000)
#define NO_FIELD .name_field = SETTING_NO_FIELD, .mark_field = SETTING_NO_FIELD
#define END                                                                                    \
    {                                                                                          \
        .name = NULL                                                                           \
    }

#define LATER(word)                                                                            \
    {                                                                                          \
        .name = (word), .kind = SETTING_LATER                                                  \
    }

/* Of struct config_rates, which lies as `rates` in the type. Unsaid: as `value`, or as in
 * `rate_limiting`. */
#define RATE(type, field, most, value, text)                                                   \
    {                                                                                          \
        .name = #field, .kind = SETTING_COUNT, NUMBER_AT(type, rates.field),                   \
        .standard = (value), .max = (most), .help = (text)                                     \
    }
#define OWN_RATE(type, field, most, text)                                                      \
    {                                                                                          \
        .name = #field, .kind = SETTING_COUNT, NUMBER_AT(type, rates.field),                   \
        .unsaid = "`rate_limiting." #field "`", .inherits = true, .max = (most),               \
        .help = (text)                                                                         \
    }

/* The tables that other tables name. */
extern const struct setting_table settings_rate_limiting;
extern const struct setting_table settings_client_key;
extern const struct setting_table settings_provider;
extern const struct setting_table settings_model;
extern const struct setting_table settings_split;
extern const struct setting_table settings_rollout;
extern const struct setting_table settings_alerts;
extern const struct setting_table settings_price;
extern const struct setting_table settings_target_price;
extern const struct setting_table settings_prices;

#endif
