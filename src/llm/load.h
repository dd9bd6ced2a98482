/* load: how many requests a server works at, as it says itself in its metrics (Prometheus text). Which
 * figures those are is a row of the table of providers. */
#ifndef LLM_LOAD_H
#define LLM_LOAD_H

#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

enum { LOAD_FIGURES_MAX = 2 };

struct load_source {
    const char *path; /* behind the base URL without its /v1; NULL: it says nothing of that */
    const char *figures[LOAD_FIGURES_MAX]; /* gauges, whose series all add up */
};

/* The sum, at most LIMIT_LOAD_REQUESTS. False: none of the figures is there. What cannot be read is passed
 * over: a page of metrics holds much that is not ours. */
bool load_read(struct span text, const struct load_source *source, uint32_t *ret);

/* Where the path is put behind: the base URL without a /v1 at its end. */
struct span load_root(struct span base_url);

#endif
