/* prices: what the tokens of a model cost when the configuration of that model does not say it. Three lists,
 * one on top of the other:
 *
 *     conf/prices.yaml, which is built in  <  `prices_file`  <  `prices` of the configuration
 */
#ifndef CONFIG_PRICES_H
#define CONFIG_PRICES_H

#include "config/config.h"

/* A file of prices. */
struct config_price_file {
    uint64_t as_of_ms; /* the day on which they were looked up, since 1970 */
    struct config_prices prices;
};

/* conf/prices.yaml, as it was when sluice was built. */
extern const unsigned char prices_text[];
extern const size_t prices_text_bytes;

/* What the lists say of the model that `provider` calls `name`; NULL: nothing. Looks for PROVIDER/NAME, by
 * the provider's name and by its kind, then for NAME; for the same without the date of a snapshot; at
 * last for what stands behind the last slash. What a vendor asks for its model is no price at a server
 * of one's own. */
const struct config_price *config_price_find(const struct config *config,
                                             const struct config_provider *provider,
                                             struct span name);

/* For people: the price of the model itself, or of its first target; and what is listed of that one, NULL:
 * nothing. */
const struct price *config_model_price(const struct config_model *model);
const struct config_price *config_model_listed(const struct config_model *model);

#endif
