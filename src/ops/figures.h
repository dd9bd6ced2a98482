/* figures: what a tally comes to, in the words of the report, of /admin/status and of a model's metrics. */
#ifndef OPS_FIGURES_H
#define OPS_FIGURES_H

#include "policy/tally.h"

#include <stdbool.h>
#include <stdint.h>

struct json_writer;

/* Microseconds; all 0 where count is. */
struct spread_figures {
    uint64_t count;
    uint64_t mean;
    uint64_t least;
    uint64_t most;
    uint64_t p50;
    uint64_t p95;
    uint64_t p99;
};

struct figures {
    uint64_t requests; /* attempts that are judged */
    uint64_t errors;   /* of these */
    uint64_t outcomes[TALLY_OUTCOMES];
    uint64_t tokens[TALLY_TOKENS];
    uint64_t cost_pico;
    uint64_t estimated; /* tokens */
    uint64_t unpriced;  /* likewise */
    struct spread_figures latency;
    struct spread_figures first;
};

void figures_of(const struct tally *tally, struct figures *ret);

/* Millionths; of no requests at all neither is known. */
uint64_t figures_error_rate(const struct figures *figures);

/* Micro-dollars a minute, over a window. */
uint64_t figures_cost_per_minute(uint64_t cost_pico, uint64_t window_ms);

/* Input, with what was cached, and output. */
uint64_t figures_all_tokens(const struct figures *figures);

/* Is anything known of the cost? Not if there were tokens and none of them had a price. */
bool figures_priced(const struct figures *figures);

/* Members of an object that is open: `requests errors success_rate error_rate latency_ms ttft_ms tokens
 * cost_usd`. What is not known is null. */
void figures_write(const struct figures *figures, struct json_writer *w);

/* Single ones of them. */
void figures_write_rates(const struct figures *figures, struct json_writer *w);
void figures_write_spread(const char *key, const struct spread_figures *spread,
                          struct json_writer *w);
void figures_write_tokens(const struct figures *figures, struct json_writer *w);
void figures_write_cost(const struct figures *figures, struct json_writer *w);

#endif
