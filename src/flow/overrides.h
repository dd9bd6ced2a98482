/* overrides: what a client may ask of the gateway in headers of its own request, as one table. Unknown
 * headers change nothing; an invalid value is refused. */
#ifndef FLOW_OVERRIDES_H
#define FLOW_OVERRIDES_H

#include "base/arena.h"
#include "policy/sides.h"

#include <stdbool.h>
#include <stdint.h>

struct http_request;

/* All zero: nothing was asked for. */
struct overrides {
    bool no_fallback;    /* only the targets of the model that was asked for */
    uint32_t timeout_ms; /* for the whole request; 0: not said */
    struct span task; /* as in the request, a name of config_task_names; at == NULL: not said */
    struct side_wish side;
    struct span session; /* who stays with the same target; at == NULL: not said */
};

/* NULL, or what is wrong: a sentence from the arena that names the header and its allowed values. */
const char *overrides_read(const struct http_request *request, struct arena *arena,
                           struct overrides *ret);

#endif
