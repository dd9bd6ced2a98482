#include "config/settings_rows.h"

static const struct setting rate_limiting_rows[] = {
    RATE(config, requests_per_minute, LIMIT_RATE, "0",
         "Requests, as a bucket that fills steadily; more is 429."),
    RATE(config, burst_size, LIMIT_RATE, "0",
         "What the bucket holds: so many may come at once. 0: a tenth of "
         "`requests_per_minute`, at "
         "least 1."),
    RATE(config, tokens_per_minute, LIMIT_RATE, "0",
         "Tokens, in and out, a minute's worth at once. They count when they are known, at a "
         "request's end; who has used more than there was waits until it is made up."),
    RATE(config, concurrent_requests, LIMIT_RATE, "0", "Requests at once."),
    END,
};

const struct setting_table settings_rate_limiting = {
    .title = "rate_limiting",
    .rows = rate_limiting_rows,
    NO_FIELD,
};
