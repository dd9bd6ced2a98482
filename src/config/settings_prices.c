/* Rows of the settings table: what tokens cost. */
#include "config/prices.h"
#include "config/settings_rows.h"

#define AS(name) .inherits = true, .unsaid = "as " name
#define RATE_AT(place, field, text, ...)                                                       \
    {                                                                                          \
        .name = #field, .kind = SETTING_MONEY, NUMBER_AT(price, place.field),                  \
        .max = 1000000 * DOLLAR, .help = (text), __VA_ARGS__                                   \
    }
#define PRICE(field, text, ...) RATE_AT(rates, field, text, __VA_ARGS__)
#define ABOVE(field)            RATE_AT(above.rates, field, "Then.", AS("below that"))

static const struct setting above_rows[] = {
    { .name = "tokens",
      .kind = SETTING_COUNT,
      NUMBER_AT(price, above.tokens),
      .required = true,
      .min = 1,
      .max = 1000000000,
      .help = "A request whose whole input, cached or not, is more than that." },
    ABOVE(input),
    ABOVE(output),
    ABOVE(cached_input),
    ABOVE(cache_write),
    ABOVE(cache_write_long),
    END,
};

static const struct setting_table settings_price_above = {
    .title = "cost_per_mtok.above",
    .rows = above_rows,
    NO_FIELD,
};

static const struct setting price_rows[] = {
    PRICE(input, "A million tokens of input.", .standard = "0"),
    PRICE(output, "A million tokens of output.", .standard = "0"),
    PRICE(cached_input, "Of input that the provider had in its cache.", AS("`input`")),
    PRICE(cache_write, "Of input that it puts into its cache.", AS("`input`")),
    PRICE(cache_write_long, "Of input that it keeps there for an hour.", AS("`cache_write`")),
    { .name = "above",
      .kind = SETTING_OBJECT,
      .table = &settings_price_above,
      .said_offset = offsetof(struct price, above.said),
      .unsaid = "one price for all",
      .help = "Another price for all tokens of a long request." },
    END,
};

const struct setting_table settings_price = {
    .title = "models.NAME.cost_per_mtok",
    .rows = price_rows,
    NO_FIELD,
};

static const struct setting_table settings_listed_price = {
    .title = "prices.NAME.cost_per_mtok",
    .rows = price_rows,
    NO_FIELD,
};

const struct setting_table settings_target_price = {
    .title = "models.NAME.targets[].cost_per_mtok",
    .rows = price_rows,
    NO_FIELD,
};

/* ---- the list of prices ---- */

static const struct setting listed_price_rows[] = {
    { .name = "cost_per_mtok",
      .kind = SETTING_PRICE,
      AT(config_price, price),
      .table = &settings_listed_price,
      .required = true,
      .help = "Dollars for a million tokens: an object, or one number for all of them." },
    { .name = "context_window",
      .kind = SETTING_COUNT,
      NUMBER_AT(config_price, context_window),
      .standard = "0",
      .max = 1000000000,
      .help = "Tokens, for `GET /v1/models`; 0: not said." },
    { .name = "max_tokens",
      .kind = SETTING_COUNT,
      NUMBER_AT(config_price, max_tokens),
      .standard = "0",
      .max = 1000000000,
      .help = "The longest output, for `GET /v1/models`; 0: not said." },
    END,
};

const struct setting_table settings_prices = {
    .title = "prices.NAME",
    .rows = listed_price_rows,
    .name_field = offsetof(struct config_price, name),
    .mark_field = offsetof(struct config_price, mark),
};

static const struct setting price_file_rows[] = {
    { .name = "as_of",
      .kind = SETTING_DATE,
      NUMBER_AT(config_price_file, as_of_ms),
      .required = true,
      .help = "The day on which they were looked up." },
    { .name = "prices",
      .kind = SETTING_MAP,
      .element = SETTING_LABEL,
      ITEMS(config_price_file, prices.items, prices.count, sizeof(struct config_price)),
      .max = LIMIT_PRICES,
      .table = &settings_prices,
      .required = true,
      .help = "By the name of the model." },
    END,
};

const struct setting_table settings_price_file = {
    .title = "The list",
    .rows = price_file_rows,
    NO_FIELD,
};
