/* retry_after: how long an upstream asks us to wait, in whichever form it says so. */
#ifndef FLOW_RETRY_AFTER_H
#define FLOW_RETRY_AFTER_H

#include "base/span.h"

#include <stdint.h>

enum { RETRY_AFTER_MAX_MS = 600 * 1000 };

/* `retry-after-ms` (milliseconds) wins over `retry-after` (seconds, also with a fraction, or an HTTP
 * date). At most RETRY_AFTER_MAX_MS; 0: nothing that makes sense. Either may be empty. */
uint32_t retry_after_read(struct span retry_after_ms, struct span retry_after,
                          uint64_t now_wall_ms);

#endif
