/* retry_after: how long an upstream asks us to wait, in whichever form it says so. */
#ifndef FLOW_RETRY_AFTER_H
#define FLOW_RETRY_AFTER_H

#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

enum { RETRY_AFTER_MAX_MS = 600 * 1000 };

/* An answer, as far as it matters here. */
struct retry_after_answer {
    /* Lends the value of a header; at == NULL: not there. */
    struct span (*header)(const void *headers, const char *name);
    const void *headers;
    struct span body; /* of an error */
    bool limited;     /* it is a 429: then what it says of the limits counts too */
};

/* `retry-after-ms` (milliseconds) wins over `retry-after` (seconds, also with a fraction, or an HTTP date);
 * where neither makes sense, of a 429: the longest of the resets of limits of which nothing remains
 * (OpenAI: a duration, Anthropic: a date), else Google's RetryInfo in the body. At most
 * RETRY_AFTER_MAX_MS; 0: nothing that makes sense. */
uint32_t retry_after_read(const struct retry_after_answer *answer, uint64_t now_wall_ms);

#endif
